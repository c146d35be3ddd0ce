package custody

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Machine is a server of this installation and the root keys that it can read.
type Machine struct {
	Name  string
	At    time.Time
	Roots []string
}

// seenWithin is how recently a machine must have been seen to count as running.
const seenWithin = 3 * time.Minute

// RootState is how the root key is.
type RootState struct {
	Name     string // that new keys are put under
	Here     string // of the file of this machine
	Next     string // that waits beside it; empty: none
	Former   string // that is kept beside it; empty: none
	MadeAt   time.Time
	Needs    map[string]int // key stores by the root key that they need
	Copies   int
	Machines []Machine
	Rhythm   Rhythm
	Running  *Rotation
}

// Root tells how the root key is.
func (s *Service) Root(ctx context.Context) (out RootState, err error) {
	st, err := s.o.Keys.State(ctx, id.Customer{})
	if err != nil {
		return out, err
	}
	out.Name, out.Copies, out.MadeAt = st.Root, st.Copies, time.UnixMilli(st.MadeAt).UTC()
	if s.o.Roots != nil {
		if out.Here, out.Next, out.Former, err = s.o.Roots.Names(); err != nil {
			return out, err
		}
	}
	if out.Needs, err = s.o.Keys.Rooted(ctx); err != nil {
		return out, err
	}
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[rotationRow](tx, rotationColumns+` ORDER BY asked_at DESC, id DESC LIMIT 2`)
		for _, r := range rows {
			one := r.rotation()
			if one.EndedAt.IsZero() {
				out.Running = &one
			} else if one.RootName == out.Name {
				out.MadeAt = one.EndedAt
			}
		}
		if err != nil {
			return err
		}
		out.Machines, err = s.machines(tx)
		return err
	})
	if err != nil {
		return out, err
	}
	out.Rhythm, err = s.rhythm(ctx, id.Customer{}, out.MadeAt)
	return out, err
}

func (s *Service) machines(tx *place.Tx) (all []Machine, err error) {
	type row struct {
		Name  string `db:"name"`
		At    int64  `db:"at"`
		Roots string `db:"roots"`
	}
	rows, err := place.Rows[row](tx, `SELECT name, at, roots FROM key_machines WHERE at > ? ORDER BY name`, s.o.Now().Add(-seenWithin).UnixMilli())
	for _, r := range rows {
		all = append(all, Machine{r.Name, from(r.At), strings.Fields(r.Roots)})
	}
	return all, err
}

// AskRoot notes a rotation of the root key to the one that waits beside its file.
// Each running server must have it, else some could not read what comes.
func (s *Service) AskRoot(ctx context.Context, who actor.Actor) (Rotation, error) {
	if s.o.Roots == nil {
		return Rotation{}, fault.New(fault.Conflict, "the root key of this installation is no file")
	}
	st, err := s.Root(ctx)
	if err != nil {
		return Rotation{}, err
	}
	if stray := len(st.Needs) > 1 || st.Needs[st.Here] == 0; st.Next == "" && stray {
		// As after a restore of keys from before a rotation: the rest is brought along.
		return s.note(ctx, s.o.Store.Registry(), who, rotationRow{What: Root, Root: st.Here})
	}
	if st.Next == "" {
		return Rotation{}, fault.New(fault.Conflict, "no next root key waits: run `ringfence keys rotate root` on the server, which makes it and has its recovery copy read back")
	}
	if st.Former != "" && st.Needs[st.Former] > 0 {
		return Rotation{}, fault.New(fault.Conflict, "the former root key is needed still by %d key stores: let the last rotation end first", st.Needs[st.Former])
	}
	for _, m := range st.Machines {
		if m.Name != s.o.Server && !slices.Contains(m.Roots, st.Next) {
			return Rotation{}, fault.New(fault.Conflict, "the server %s does not have the next root key yet: put the file there too", m.Name)
		}
	}
	return s.note(ctx, s.o.Store.Registry(), who, rotationRow{What: Root, Root: st.Next})
}

// turnRoot does it, and makes the next root key the one of this machine; the
// others follow with their next Tick.
func (s *Service) turnRoot(ctx context.Context, row rotationRow) error {
	if err := s.o.Keys.RotateRoot(ctx, row.Root, s.progress(ctx, s.o.Store.Registry(), row.ID)); err != nil {
		return err
	}
	return s.o.Roots.TakeUp(row.Root)
}

// RetireRoot removes the file of the former root key on this machine, if nothing
// needs it. Its printed copy stays needed for backups of keys from its time.
func (s *Service) RetireRoot(ctx context.Context, who actor.Actor) error {
	st, err := s.Root(ctx)
	if err != nil {
		return err
	}
	if st.Former == "" {
		return fault.New(fault.Conflict, "no former root key is kept here")
	}
	if n := st.Needs[st.Former]; n > 0 || st.Running != nil {
		return fault.New(fault.Conflict, "the former root key is needed still: by %d key stores, or by a rotation that is not done", n)
	}
	if err := s.o.Roots.Retire(); err != nil {
		return err
	}
	return s.o.Store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "key.root-retired", Facts: map[string]string{"root": st.Former}})
		tx.Notify(Topic)
		return nil
	})
}
