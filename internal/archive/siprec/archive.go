package siprec

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// waiting is a spool that is whole and not archived.
type waiting struct {
	customer id.Customer
	source   id.Source
	notUntil time.Time // after a failure
}

const (
	again      = time.Minute // after what may be over soon
	againLate  = time.Hour   // after what only people can mend
	atOnce     = 16          // sessions archived together
	whoArchive = "siprec"
)

// keyOf names a session's recording within its source.
func keyOf(s id.Siprec) string { return "siprec/" + s.String() }

// run archives what has ended.
func (s *Service) run(ctx context.Context) {
	each := time.NewTicker(again / 4)
	defer each.Stop()
	for {
		s.reload(ctx)
		s.Archive(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-each.C:
		}
	}
}

// Archive archives all that waits and is not to wait longer. The service does so
// by itself from Start on.
func (s *Service) Archive(ctx context.Context) {
	for ctx.Err() == nil {
		c, batch := s.due()
		if len(batch) == 0 {
			return
		}
		wait, err := s.archive(ctx, c, batch)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "recording sessions could not be archived yet", "customer", c, "sessions", len(batch), "error", err)
		}
		s.mu.Lock()
		for i, one := range batch {
			w, ok := s.waiting[one]
			if !ok {
				continue
			}
			d := again
			if err == nil {
				d = wait[i]
			}
			if d == 0 {
				delete(s.waiting, one)
				continue
			}
			w.notUntil = s.now().Add(d)
			s.waiting[one] = w
		}
		s.mu.Unlock()
	}
}

// due gives some sessions of one customer.
func (s *Service) due() (c id.Customer, batch []id.Siprec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one, w := range s.waiting {
		if w.notUntil.After(s.now()) || !c.IsZero() && w.customer != c || len(batch) == atOnce {
			continue
		}
		c = w.customer
		batch = append(batch, one)
	}
	return c, batch
}

// archive takes sessions of one customer in and says, for each, how long it is
// to wait: not at all if it is done.
func (s *Service) archive(ctx context.Context, c id.Customer, batch []id.Siprec) ([]time.Duration, error) {
	p, err := s.o.Store.Place(ctx, c)
	if err != nil {
		return nil, err
	}
	wait := make([]time.Duration, len(batch))
	var items []recording.Item
	var at []int
	for i, one := range batch {
		item, err := s.item(ctx, p, one)
		if item.Key != "" {
			if err := s.expect(ctx, p, item.Source, item.Call); err != nil {
				return nil, err
			}
		}
		switch {
		case errors.Is(err, errNoSound):
			s.forget(ctx, p, one)
		case err != nil:
			wait[i] = again
			s.log.WarnContext(ctx, "a recording session cannot be read", "session", one, "error", err)
		default:
			items, at = append(items, item), append(at, i)
		}
	}
	s.o.Step("archive")
	out, err := s.o.Recordings.ArchiveBatch(ctx, p, actor.ForSystem(whoArchive), items)
	if err != nil {
		return nil, err
	}
	s.o.Step("archived")
	for j, o := range out {
		i := at[j]
		switch o.Result {
		case recording.Verified, recording.Duplicate, recording.Erased:
			s.forget(ctx, p, batch[i])
		case recording.Stored: // what was not read back stays; next time it is a duplicate
			wait[i] = again
		default:
			wait[i] = againLate
			s.refused(ctx, p, items[j], o.Err)
		}
	}
	return wait, nil
}

// expect has a recording expected, by its session's own name alone: two sessions
// of one call are two recordings.
func (s *Service) expect(ctx context.Context, p *place.Place, src id.Source, call recording.Call) error {
	if s.o.Expect == nil {
		return nil
	}
	call.Idents = call.Idents[:1]
	return p.Keep(ctx, func(tx *place.Tx) error { return s.o.Expect(tx, src, call) })
}

// refused tells people of a session that the archive does not take.
func (s *Service) refused(ctx context.Context, p *place.Place, it recording.Item, cause error) {
	err := s.o.Recordings.Report(ctx, p, actor.ForSystem(whoArchive), recording.Report{
		Source: it.Source, Path: it.Key, Size: it.Files[0].Size, Reason: fault.Of(cause).Text,
		Todo: "the sound is kept, sealed, in the folder of recording sessions; ask the operator of this server",
	})
	if err != nil {
		s.log.ErrorContext(ctx, "a refused recording session could not be reported", "error", err)
	}
}

var errNoSound = fault.New(fault.Conflict, "the session brought no sound")

// item reads a spool and makes of it what is archived.
func (s *Service) item(ctx context.Context, p *place.Place, one id.Siprec) (recording.Item, error) {
	source, key, err := s.key(ctx, p, one)
	if err != nil {
		return recording.Item{}, err
	}
	r, err := openSpool(s.o.Spool, p.Customer(), one, key)
	if err != nil {
		return recording.Item{}, err
	}
	v, err := r.look()
	r.close()
	if err != nil {
		return recording.Item{}, err
	}
	session, law, state := v.replay()
	call, sides := session.Call(s.rule(ctx, p, source))
	call.Idents = append([]string{keyOf(one)}, call.Idents...)
	if v.silent() || session.State == Idle {
		s.mu.Lock()
		s.standing(source).silent++
		s.mu.Unlock()
		s.log.WarnContext(ctx, "a recording session ended without sound", "session", one, "customer", p.Customer(), "why", string(session.Why))
		return recording.Item{Source: source, Key: keyOf(one), Call: call}, errNoSound
	}
	plan := planFor(session, v, law, sides)
	return recording.Item{
		Source: source, Key: keyOf(one), Call: call, Sound: state, StartedAt: session.Begun, Leaving: true,
		Files: []recording.File{{
			Path: keyOf(one), Kind: recording.Original, Size: plan.size(), ModTime: session.End, Probed: plan.probed(),
			Open: func() (io.ReadCloser, error) {
				r, err := openSpool(s.o.Spool, p.Customer(), one, key)
				if err != nil {
					return nil, err
				}
				return newWAV(r, plan), nil
			},
		}},
	}, nil
}

// replay makes the session again from its facts. One that was never ended was
// cut by a crash, when its last sound was written.
func (v survey) replay() (s Session, law Law, state recording.SoundState) {
	for _, f := range v.facts {
		var effects []Effect
		if f.What == Invited {
			law = f.Law
		}
		if s, effects = s.Next(f); s.State == Ended {
			for _, e := range effects {
				if e.Do == Finish {
					state = e.Sound
				}
			}
		}
	}
	if s.State != Ended && s.State != Idle {
		s, _ = s.Next(Fact{What: Crashed, At: s.Begun.Add(lasting(v.length))})
		state = recording.Truncated
	}
	if !v.ended {
		state = recording.Truncated
	}
	return s, law, state
}

func (v survey) silent() bool {
	for _, heard := range v.sounded {
		if heard {
			return false
		}
	}
	return true
}

// rule is how the source's parties are told apart; a source that was removed
// meanwhile has none.
func (s *Service) rule(ctx context.Context, p *place.Place, src id.Source) Rule {
	source, err := s.o.Recordings.Source(ctx, p, src)
	if err != nil {
		return Rule{}
	}
	set, err := s.Settings(ctx, p, src)
	if err != nil {
		return Rule{Country: source.Country}
	}
	return Rule{source.Country, set.Ours}
}

// key opens the key of a session.
func (s *Service) key(ctx context.Context, p *place.Place, one id.Siprec) (src id.Source, key secret.Key, err error) {
	type row struct {
		Source id.Source `db:"source"`
		Key    []byte    `db:"key"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT source, key FROM siprec_sessions WHERE id = ?`, one)
		if err != nil {
			return err
		}
		plain, err := tx.Unseal(place.FieldSiprecKey, one, r.Key)
		if err != nil {
			return err
		}
		src = r.Source
		key, err = secret.KeyFrom(plain)
		return err
	})
	return src, key, err
}

// forget destroys the key of a session and then its spool.
func (s *Service) forget(ctx context.Context, p *place.Place, one id.Siprec) {
	s.o.Step("forget")
	err := p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM siprec_sessions WHERE id = ?`, one)
		return err
	})
	if err == nil {
		s.o.Step("key-gone")
		err = os.Remove(spoolName(s.o.Spool, one))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.WarnContext(ctx, "the spool of an archived recording session is removed at the next start", "session", one, "error", err)
	}
}

// recover finds the spools that the last run of this server has left. One whose
// key is gone was archived; a key without a spool had not begun, or its spool was
// lost: that its recording is missing can be seen.
func (s *Service) recover(ctx context.Context, customers []id.Customer) error {
	entries, err := os.ReadDir(s.o.Spool)
	if err != nil {
		return err
	}
	found := map[id.Siprec]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), spoolSuffix) {
			continue
		}
		c, one, err := spoolOwner(filepath.Join(s.o.Spool, e.Name()))
		if err != nil || one.String()+spoolSuffix != e.Name() {
			s.log.ErrorContext(ctx, "a file among the recording sessions is none of them; look at it and remove it", "file", e.Name(), "error", err)
			continue
		}
		found[one] = true
		s.leftOver(ctx, c, one)
	}
	for _, c := range customers {
		s.unbegun(ctx, c, found)
	}
	return nil
}

// leftOver has a spool archived, or removes it if its key is gone.
func (s *Service) leftOver(ctx context.Context, c id.Customer, one id.Siprec) {
	p, err := s.o.Store.Place(ctx, c)
	var src id.Source
	if err == nil {
		src, _, err = s.key(ctx, p, one)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		if err := os.Remove(spoolName(s.o.Spool, one)); err != nil {
			s.log.ErrorContext(ctx, "a spool without a key could not be removed", "session", one, "error", err)
		}
	case err != nil:
		s.log.ErrorContext(ctx, "the key of a recording session cannot be opened; it is tried again at the next start", "session", one, "error", err)
	default:
		s.waiting[one] = waiting{customer: c, source: src}
	}
}

// unbegun removes keys whose spools were never made.
func (s *Service) unbegun(ctx context.Context, c id.Customer, found map[id.Siprec]bool) {
	p, err := s.o.Store.Place(ctx, c)
	if err != nil {
		return
	}
	type row struct {
		ID     id.Siprec `db:"id"`
		Source id.Source `db:"source"`
		Begun  int64     `db:"begun_at"`
	}
	var all []row
	err = p.View(ctx, func(tx *place.Tx) (err error) {
		all, err = place.Rows[row](tx, `SELECT id, source, begun_at FROM siprec_sessions WHERE spool = ?`, s.folder)
		return err
	})
	if err != nil {
		s.log.ErrorContext(ctx, "the recording sessions of a customer cannot be read", "customer", c, "error", err)
	}
	for _, one := range all {
		if found[one.ID] || s.live[one.ID] != nil {
			continue
		}
		s.log.WarnContext(ctx, "a recording session had not begun when the server ended, or its spool is gone", "session", one.ID, "customer", c)
		at := time.UnixMilli(one.Begun).UTC()
		lost := recording.Call{Idents: []string{keyOf(one.ID)}, StartedAt: at, EndedAt: at, Direction: recording.UnknownDirection, Disposition: recording.Answered}
		if err := s.expect(ctx, p, one.Source, lost); err != nil {
			s.log.ErrorContext(ctx, "a lost recording session could not be noted", "session", one.ID, "error", err)
			continue
		}
		s.forget(ctx, p, one.ID)
	}
}
