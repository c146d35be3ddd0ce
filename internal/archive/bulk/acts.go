package bulk

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Start begins to take in what the preview has shown. It is a fault.Conflict before the preview is complete.
func (s *Service) Start(ctx context.Context, p *place.Place, who actor.Actor, i id.Import) (Import, error) {
	return s.turn(ctx, p, who, i, "import.started", []State{Ready}, "the preview is not complete, or the import was started before", func(tx *place.Tx, r row) error {
		_, err := tx.Exec(`UPDATE imports SET state = 'running', goes = 'running', started_at = ? WHERE id = ?`, tx.At().UnixMilli(), i)
		return err
	})
}

// Pause has an import wait; what it is archiving just now is finished first.
func (s *Service) Pause(ctx context.Context, p *place.Place, who actor.Actor, i id.Import) (Import, error) {
	return s.turn(ctx, p, who, i, "import.paused", []State{Looking, Running, Stopped}, "the import is not under way", func(tx *place.Tx, r row) error {
		_, err := tx.Exec(`UPDATE imports SET state = 'paused', note = '', yielding = 0 WHERE id = ?`, i)
		return err
	})
}

// Resume lets an import go on, also one that is stopped: it is tried at once.
func (s *Service) Resume(ctx context.Context, p *place.Place, who actor.Actor, i id.Import) (Import, error) {
	return s.turn(ctx, p, who, i, "import.resumed", []State{Paused, Stopped}, "the import does not wait", func(tx *place.Tx, r row) error {
		_, err := tx.Exec(`UPDATE imports SET state = goes, note = '' WHERE id = ?`, i)
		return err
	})
}

// Cancel ends an import. What it took in stays; its report tells how far it came.
func (s *Service) Cancel(ctx context.Context, p *place.Place, who actor.Actor, i id.Import) (Import, error) {
	out, err := s.turn(ctx, p, who, i, "import.cancelled", []State{Looking, Ready, Running, Paused, Stopped}, "the import has ended", func(tx *place.Tx, r row) error {
		if _, err := tx.Exec(`UPDATE imports SET state = 'cancelled', note = '', yielding = 0, ended_at = ? WHERE id = ?`, tx.At().UnixMilli(), i); err != nil {
			return err
		}
		return job.Drop(tx, Job, i.String())
	})
	if err == nil {
		s.o.Goes(ctx, p, i)
	}
	return out, err
}

// Remove forgets the list of an import that has ended. Its recordings stay, and so do its events.
func (s *Service) Remove(ctx context.Context, p *place.Place, who actor.Actor, i id.Import) error {
	_, err := s.turn(ctx, p, who, i, "import.removed", []State{Done, Cancelled}, "end the import first", func(tx *place.Tx, r row) error {
		for _, text := range []string{`DELETE FROM import_files WHERE import = ?`, `DELETE FROM import_dirs WHERE import = ?`, `DELETE FROM imports WHERE id = ?`} {
			if _, err := tx.Exec(text, i); err != nil {
				return err
			}
		}
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		_, gone := s.Get(ctx, p, i)
		if fault.Is(gone, fault.NotFound) && err != nil {
			return err
		}
	}
	return err
}

// turn changes the state of an import that is in one of some states.
func (s *Service) turn(ctx context.Context, p *place.Place, who actor.Actor, i id.Import, code string, from []State, why string, do func(*place.Tx, row) error) (Import, error) {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := read(tx, i)
		if err != nil {
			return err
		}
		if !slices.Contains(from, State(r.State)) {
			return fault.New(fault.Conflict, "%s", why)
		}
		tx.Record(place.Event{Code: code, Subject: i.String()})
		tx.Notify(Topic)
		if err := do(tx, r); err != nil {
			return err
		}
		switch code {
		case "import.started", "import.resumed":
			return enqueue(tx, i, tx.At())
		}
		return nil
	})
	if err != nil || code == "import.removed" {
		return Import{}, err
	}
	return s.Get(ctx, p, i)
}
