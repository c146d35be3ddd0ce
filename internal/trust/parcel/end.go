package parcel

import (
	"context"
	"errors"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// endAt has the parcels ended whose time has come then.
func endAt(tx *place.Tx, at time.Time) error {
	_, err := job.Enqueue(tx, JobEnd, struct{}{}, job.At(at))
	return err
}

// Remove ends a parcel before its time, made or not.
func (s *Service) Remove(ctx context.Context, p *place.Place, who actor.Actor, i id.Parcel) error {
	var r row
	if err := p.View(ctx, func(tx *place.Tx) (err error) { r, _, err = find(tx, who, i); return err }); err != nil {
		return err
	}
	if r.State == Ended {
		return nil
	}
	return s.finishOne(ctx, p, who, r)
}

// Gone says that something is destroyed, in the Change that decides it: the time
// of the parcels that hold it has come. They can be taken no more from the commit
// on; their keys go next, by a job.
func Gone(tx *place.Tx, subject string) error {
	n, err := tx.Exec(`UPDATE parcels SET until_at = ?, state = CASE state WHEN 'making' THEN 'failed' ELSE state END,
		reason = 'what it is made from was destroyed'
		WHERE state <> 'ended' AND id IN (SELECT parcel FROM parcel_subjects WHERE subject = ?)`, tx.At().UnixMilli(), subject)
	if err != nil || n == 0 {
		return err
	}
	tx.Notify(Topic)
	return endAt(tx, tx.At())
}

func (s *Service) runEnd(ctx context.Context, p *place.Place, _ job.Job) error {
	return s.Sweep(ctx, p)
}

// Sweep ends what has had its time. Each step may run twice: key, object, row.
func (s *Service) Sweep(ctx context.Context, p *place.Place) error {
	var due []row
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		due, err = place.Rows[row](tx, columns+`state IN ('ready', 'failed') AND until_at <= ? ORDER BY id`, s.o.Now().UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range due {
		errs = append(errs, s.finishOne(ctx, p, actor.ForSystem("exports"), r))
	}
	return errors.Join(errs...)
}

// finishOne ends one parcel: what is personal in its row goes as well.
func (s *Service) finishOne(ctx context.Context, p *place.Place, who actor.Actor, r row) error {
	s.shutAll(r.ID)
	s.o.Step("end: row")
	// First the row: whoever makes it right now finds it ended and stores nothing that can be taken.
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		now, err := place.Row[row](tx, columns+`id = ?`, r.ID)
		if err != nil || now.State == Ended {
			return errors.Join(err, errEnded)
		}
		r = now
		if _, err := tx.Exec(`UPDATE parcels SET state = 'ended', sealed = NULL, ended_at = ? WHERE id = ?`, tx.At().UnixMilli(), r.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM parcel_subjects WHERE parcel = ?`, r.ID); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "export.ended", Subject: r.ID.String(), Facts: map[string]string{"kind": r.Kind}})
		tx.Notify(Topic)
		// A crash before the key is gone finds this again.
		if _, err := job.Enqueue(tx, JobErase, eraseArgs{r.ID}, job.Once(r.ID.String())); err != nil {
			return err
		}
		if m := s.makers[r.Kind]; m.Ended != nil {
			return m.Ended(tx, r.ID)
		}
		return nil
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	s.o.Step("end: ended")
	return s.erase(ctx, p, r.ID)
}

var errEnded = errors.New("it has ended already")

// JobErase destroys the key and the bytes of a parcel that has ended.
const JobErase = "parcel.erase"

type eraseArgs struct {
	Parcel id.Parcel `json:"parcel"`
}

func (s *Service) runErase(ctx context.Context, p *place.Place, j job.Job) error {
	var a eraseArgs
	if err := j.Decode(&a); err != nil {
		return err
	}
	return s.erase(ctx, p, a.Parcel)
}

func (s *Service) erase(ctx context.Context, p *place.Place, i id.Parcel) error {
	var r row
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		r, err = place.Row[row](tx, columns+`id = ?`, i)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = s.discard(ctx, p, r, "the time of an export was over")
	}
	if err != nil {
		return err
	}
	s.o.Step("end: gone")
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE parcels SET key_id = NULL, object = NULL WHERE id = ? AND state = 'ended'`, i)
		return err
	})
}
