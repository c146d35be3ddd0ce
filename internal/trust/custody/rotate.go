package custody

import (
	"context"
	"math"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Job is the kind of job that carries out a rotation.
const Job = "rotate-key"

type rotateArgs struct {
	Rotation id.Rotation `json:"rotation"`
}

// Kinds are the kinds of jobs of this package.
func (s *Service) Kinds() map[string]job.Kind {
	return map[string]job.Kind{Job: {Run: s.run, Attempts: math.MaxInt}}
}

// Ask notes a rotation of a customer's key and has it carried out. To hand the
// key over, confirm must be the customer's name: from then on the loss of the
// customer's own key is the loss of all their recordings.
func (s *Service) Ask(ctx context.Context, p *place.Place, who actor.Actor, what, name, confirm string) (Rotation, error) {
	st, err := s.o.Keys.State(ctx, p.Customer())
	if err != nil {
		return Rotation{}, err
	}
	to := st.Holder
	switch what {
	case Rotate:
	case ToUs:
		if to = ""; st.Holder == "" && !st.Turning {
			return Rotation{}, fault.New(fault.Conflict, "the installation holds this key already")
		}
	case ToThem:
		if confirm != name {
			return Rotation{}, fault.Field("confirm", "type the customer's name, %q, to say that the loss of their own key is the loss of every recording", name)
		}
		trial, err := s.Try(ctx, p)
		if err != nil {
			return Rotation{}, err
		}
		if !trial.Decrypted {
			return Rotation{}, fault.New(fault.Unavailable, "the key server does not work, so nothing is handed over: %s", trial.Problem)
		}
		set, err := s.set(ctx, p, "")
		if err != nil {
			return Rotation{}, err
		}
		if to = set.Name; to == st.Holder && !st.Turning {
			return Rotation{}, fault.New(fault.Conflict, "this key server holds the key already")
		}
	default:
		return Rotation{}, fault.Field("what", "must be rotate, hand-over or take-back")
	}
	return s.note(ctx, p, who, rotationRow{What: what, Holder: to, Total: st.Keys})
}

// note writes a rotation down, with the job that does it.
func (s *Service) note(ctx context.Context, p *place.Place, who actor.Actor, r rotationRow) (Rotation, error) {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		if n, err := place.Row[int64](tx, `SELECT count(*) FROM key_rotations WHERE ended_at = 0`); err != nil || n > 0 {
			if err == nil {
				err = fault.New(fault.Conflict, "a rotation is on its way already")
			}
			return err
		}
		r.ID, r.AskedAt, r.AskedBy = id.At[id.Rotation](tx.At()), tx.At().UnixMilli(), who.ID
		_, err := tx.Exec(`INSERT INTO key_rotations (id, what, holder, asked_by, asked_at, ended_at, version, done, total, problem, root) VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, '', ?)`,
			r.ID, r.What, r.Holder, r.AskedBy, r.AskedAt, r.Total, r.Root)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "key.rotation-asked", Subject: r.ID.String(), Facts: map[string]string{"what": r.What, "to": r.Holder, "root": r.Root}})
		tx.Notify(Topic)
		_, err = job.Enqueue(tx, Job, rotateArgs{r.ID}, job.Once(Job))
		return err
	})
	return r.rotation(), err
}

// run carries a rotation out. What fails is tried again, for ever: half a rotation
// is no place to stop, though every key works in it.
func (s *Service) run(ctx context.Context, p *place.Place, j job.Job) error {
	var args rotateArgs
	if err := j.Decode(&args); err != nil {
		return job.Permanent(err)
	}
	var row rotationRow
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		row, err = place.Row[rotationRow](tx, rotationColumns+` WHERE id = ?`, args.Rotation)
		return err
	})
	if err != nil {
		return err
	}
	if row.EndedAt != 0 {
		return p.Change(ctx, actor.ForSystem("keys"), j.Finish)
	}
	return s.carry(ctx, p, row, j.Finish)
}

// carry does a rotation and notes its end, with what ends the job.
func (s *Service) carry(ctx context.Context, p *place.Place, row rotationRow, finish func(*place.Tx) error) (err error) {
	var done keyring.Turned
	if p.Customer().IsZero() {
		err = s.turnRoot(ctx, row)
	} else {
		done, err = s.turn(ctx, p, row)
	}
	if err != nil {
		s.stuck(ctx, p, row.ID, err)
		return err
	}
	return p.Change(ctx, actor.ForSystem("keys"), func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE key_rotations SET ended_at = ?, version = ?, problem = '', done = CASE WHEN done > ? THEN done ELSE ? END WHERE id = ?`,
			tx.At().UnixMilli(), done.Version, done.Keys, done.Keys, row.ID)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: ended[row.What], Subject: row.ID.String(), Facts: map[string]string{
			"version": strconv.FormatInt(done.Version, 10), "keys": strconv.FormatInt(done.Keys, 10), "holder": row.Holder, "root": row.Root,
		}})
		tx.Notify(Topic)
		return finish(tx)
	})
}

var ended = map[string]string{Rotate: "key.rotated", ToThem: "key.handed-over", ToUs: "key.taken-back", Root: "key.root-rotated"}

// turn does it with a customer's key.
func (s *Service) turn(ctx context.Context, p *place.Place, row rotationRow) (keyring.Turned, error) {
	t := keyring.Turn{Home: row.What == ToUs, Progress: s.progress(ctx, p, row.ID)}
	if row.What == ToThem {
		h, err := s.holder(ctx, p.Customer(), row.Holder)
		if err != nil {
			return keyring.Turned{}, err
		}
		t.To = h
		// Before it is in force: whoever looks after failing key servers must not miss one.
		if err := s.held(ctx, p.Customer(), true); err != nil {
			return keyring.Turned{}, err
		}
	}
	done, err := s.o.Keys.Turn(ctx, p.Customer(), t)
	if err == nil && row.What == ToUs {
		err = s.held(ctx, p.Customer(), false)
		s.mu.Lock()
		delete(s.failing, p.Customer())
		s.mu.Unlock()
	}
	return done, err
}

func (s *Service) held(ctx context.Context, c id.Customer, is bool) error {
	return s.o.Store.Registry().Keep(ctx, func(tx *place.Tx) error {
		text := `DELETE FROM keys_held WHERE customer = ?`
		if is {
			if err := tx.There(c); err != nil {
				return err
			}
			text = `INSERT INTO keys_held (customer) VALUES (?) ON CONFLICT (customer) DO NOTHING`
		}
		_, err := tx.Exec(text, c)
		return err
	})
}

// progress keeps how far it is, at most twice a second.
func (s *Service) progress(ctx context.Context, p *place.Place, r id.Rotation) func(done, all int64) {
	var last time.Time
	return func(done, all int64) {
		now := s.o.Now()
		if done < all && now.Sub(last) < 500*time.Millisecond {
			return
		}
		last = now
		err := p.Keep(ctx, func(tx *place.Tx) error {
			tx.Notify(Topic)
			_, err := tx.Exec(`UPDATE key_rotations SET done = ?, total = ?, problem = '' WHERE id = ?`, done, all, r)
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("keys: how far a rotation is could not be kept", "customer", p.Customer(), "cause", err)
		}
	}
}

// stuck keeps why a rotation does not go on.
func (s *Service) stuck(ctx context.Context, p *place.Place, r id.Rotation, why error) {
	f := fault.Of(why)
	text := f.Text
	if len(f.Details) > 0 {
		text = f.Details[0].Text
	}
	if ctx.Err() != nil {
		return
	}
	err := p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(Topic)
		_, err := tx.Exec(`UPDATE key_rotations SET problem = ? WHERE id = ? AND ended_at = 0`, text, r)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("keys: why a rotation is stuck could not be kept", "customer", p.Customer(), "cause", err)
	}
}

// Finish carries out the rotation that a place's key waits for, here and now, as
// where no server runs; without one it does nothing.
func (s *Service) Finish(ctx context.Context, p *place.Place) error {
	var row rotationRow
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		row, err = place.Row[rotationRow](tx, rotationColumns+` WHERE ended_at = 0`)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.carry(ctx, p, row, func(tx *place.Tx) error { return job.Drop(tx, Job, Job) })
}
