package phonesystem

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Bounds of one look: a system with years of recordings does not keep others waiting.
const (
	maxPages  = 50
	maxFetch  = 200
	maxTries  = 8
	remember  = 30 * 24 * time.Hour
	needsText = "the telephone system lists this recording and does not give it out"
)

// Look lists what is new at a system and fetches what is due.
func (s *Service) Look(ctx context.Context, p *place.Place, source id.Source) error {
	src, err := s.o.Recordings.Source(ctx, p, source)
	if err != nil {
		return err
	}
	if src.State == "paused" {
		return nil
	}
	err = s.look(ctx, p, source)
	state, text := "active", ""
	if err != nil && ctx.Err() == nil {
		state, text = "failing", fault.Of(err).Text
		if fault.KindOf(err) == fault.Internal {
			text = "something went wrong in the program; its operator finds more in the log"
		}
	}
	if ctx.Err() == nil && (state != "active" || src.State == "failing") {
		err = errors.Join(err, s.o.Recordings.NoteSource(ctx, p, source, state, text))
	}
	return err
}

func (s *Service) look(ctx context.Context, p *place.Place, source id.Source) error {
	if err := s.o.Recordings.Admit(ctx, p); err != nil {
		return err
	}
	c := &call{s: s, p: p, source: source}
	var from mark
	err := p.View(ctx, func(tx *place.Tx) error {
		set, r, err := read(tx, source)
		if err != nil {
			return err
		}
		c.set, from = set, mark{At: set.Since}
		if r.State != nil {
			plain, err := tx.Unseal(place.FieldSystemState, source, r.State)
			if err != nil {
				return err
			}
			return json.Unmarshal(plain, &from)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sys := systems[c.set.System]
	if sys == nil {
		return fault.New(fault.Invalid, "there is no such telephone system")
	}
	for range maxPages {
		var page []entry
		var next mark
		var more bool
		err := c.with(ctx, sys, func() (err error) {
			page, next, more, err = sys.list(ctx, c, from)
			return err
		})
		if err != nil {
			return err
		}
		s.o.Step("listed")
		if err := s.note(ctx, p, source, page, next); err != nil {
			return err
		}
		s.o.Step("noted")
		if from = next; !more {
			break
		}
	}
	return s.fetchDue(ctx, c, sys)
}

// with has a token at hand, and asks for another when the one at hand is no longer taken.
func (c *call) with(ctx context.Context, sys system, do func() error) error {
	var ok bool
	if c.bearer, ok = c.s.tokens.of(c.source, c.s.o.Now()); !ok {
		if err := c.signIn(ctx, sys); err != nil {
			return err
		}
	}
	err := do()
	if !errors.Is(err, errToken) {
		return err
	}
	c.s.tokens.forget(c.source)
	if err := c.signIn(ctx, sys); err != nil {
		return err
	}
	if err = do(); errors.Is(err, errToken) {
		return fault.New(fault.Denied, "the telephone system gives a token and does not take it: may this client use the API, and is its clock right?")
	}
	return err
}

func (c *call) signIn(ctx context.Context, sys system) error {
	k, err := sys.signIn(ctx, c)
	if errors.Is(err, errToken) {
		err = fault.New(fault.Denied, "the telephone system does not know this client, or the secret is wrong")
	}
	if err != nil {
		return err
	}
	c.bearer = k.text
	c.s.tokens.keep(c.source, k)
	return nil
}

// note writes down what is to be fetched, and moves the mark, in one transaction.
func (s *Service) note(ctx context.Context, p *place.Place, source id.Source, page []entry, next mark) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		for i, e := range page {
			name, err := tx.Blind(place.FieldSystemItem, source.String()+"|"+e.UID)
			if err != nil {
				return err
			}
			plain, err := json.Marshal(e)
			if err != nil {
				return err
			}
			row := id.New[id.Upload]()
			sealed, err := tx.Seal(place.FieldSystemItem, row, plain)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO phone_items (source, token, seq, at, due_at, tries, done, row, sealed) VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?)
				ON CONFLICT (source, token) DO NOTHING`, source, name, i, e.At.UnixMilli(), s.o.Now().UnixMilli(), row, sealed); err != nil {
				return err
			}
		}
		plain, err := json.Marshal(next)
		if err != nil {
			return err
		}
		state, err := tx.Seal(place.FieldSystemState, source, plain)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM phone_items WHERE source = ? AND done = 1 AND at < ?`, source, min(next.At.Add(-remember).UnixMilli(), tx.At().Add(-remember).UnixMilli())); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE phone_systems SET state = ?, asked_at = ? WHERE source = ?`, state, tx.At().UnixMilli(), source)
		return err
	})
}

// due is one row that is to be fetched.
type due struct {
	Token  []byte    `db:"token"`
	Tries  int       `db:"tries"`
	Row    id.Upload `db:"row"`
	Sealed []byte    `db:"sealed"`
	entry  entry
}

// fetchDue fetches what is due. One recording that cannot be fetched stops no other; a system that cannot be reached stops them all.
func (s *Service) fetchDue(ctx context.Context, c *call, sys system) error {
	var list []due
	err := c.p.View(ctx, func(tx *place.Tx) (err error) {
		list, err = place.Rows[due](tx, `SELECT token, tries, row, sealed FROM phone_items WHERE source = ? AND done = 0 AND due_at <= ? ORDER BY at, seq LIMIT ?`,
			c.source, s.o.Now().UnixMilli(), maxFetch)
		for i := range list {
			plain, err := tx.Unseal(place.FieldSystemItem, list[i].Row, list[i].Sealed)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(plain, &list[i].entry); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil || len(list) == 0 {
		return err
	}
	drop, err := s.o.Drop(ctx, c.p, c.source)
	if err != nil {
		return err
	}
	for _, one := range list {
		err := c.with(ctx, sys, func() error { return s.bring(ctx, c, sys, drop, one.entry) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.o.Step("brought")
		if err := s.brought(ctx, c, one, err); err != nil {
			return err
		}
	}
	return nil
}

// bring puts what the system says of a recording, and then its sound, into the drop: the profile finds the first when the second comes.
func (s *Service) bring(ctx context.Context, c *call, sys system, drop Drop, e entry) error {
	if err := put(drop, e.Name+".json", e.At, func(f File) error {
		_, err := f.Write(e.Facts)
		return err
	}); err != nil {
		return err
	}
	s.o.Step("said")
	return put(drop, e.Name+e.Ends, e.At, func(f File) error { return sys.fetch(ctx, c, e, f) })
}

func put(drop Drop, name string, at time.Time, write func(File) error) error {
	f, err := drop.Create(name)
	if err != nil {
		return err
	}
	f.SetTime(at)
	if err := write(f); err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Close()
}

// brought notes what became of one recording. Faults of the whole system are given back.
func (s *Service) brought(ctx context.Context, c *call, one due, failed error) error {
	if failed == nil {
		return c.p.Keep(ctx, func(tx *place.Tx) error {
			if _, err := tx.Exec(`UPDATE phone_systems SET fetched = fetched + 1 WHERE source = ?`, c.source); err != nil {
				return err
			}
			_, err := tx.Exec(`UPDATE phone_items SET done = 1, sealed = NULL WHERE source = ? AND token = ?`, c.source, one.Token)
			return err
		})
	}
	f := fault.Of(failed)
	if f.Kind != fault.NotFound && f.Kind != fault.TooLarge && f.Kind != fault.Conflict {
		return failed // of the network, of the client, or of our own disk: the others would fare no better
	}
	if one.Tries+1 >= maxTries {
		err := s.o.Recordings.Report(ctx, c.p, actor.ForSystem("phonesystem"), recording.Report{
			Source: c.source, Path: one.entry.File, Reason: needsText + ": " + f.Text, Todo: "look for it in the telephone system itself; it may have been deleted or archived there",
		})
		if err != nil {
			return err
		}
		return c.p.Keep(ctx, func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE phone_items SET done = 1, sealed = NULL WHERE source = ? AND token = ?`, c.source, one.Token)
			return err
		})
	}
	return c.p.Keep(ctx, func(tx *place.Tx) error {
		later := s.o.Now().Add(min(time.Hour, 10*time.Second<<one.Tries))
		_, err := tx.Exec(`UPDATE phone_items SET tries = tries + 1, due_at = ? WHERE source = ? AND token = ?`, later.UnixMilli(), c.source, one.Token)
		return err
	})
}
