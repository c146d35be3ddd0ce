package parcel

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// spare is what must stay free beside a parcel: a full disk stops capture, and a
// recording that is not taken is worse than an export that is.
const spare = 1 << 30

// Ask orders a parcel. What would fill the disk is refused before anything is
// made, by the maker's estimate and those of all that is in the making.
func (s *Service) Ask(ctx context.Context, p *place.Place, who actor.Actor, o Order) (Parcel, error) {
	m, known := s.makers[o.Kind]
	if !known {
		return Parcel{}, fault.Field("kind", "there are no exports of this kind")
	}
	args, err := json.Marshal(o.Args)
	if err != nil {
		return Parcel{}, err
	}
	size, err := m.Estimate(ctx, p, args)
	if err != nil {
		return Parcel{}, err
	}
	var out Parcel
	err = p.Change(ctx, who.For(o.Purpose), func(tx *place.Tx) (err error) {
		out, err = s.ask(tx, who, o, args, size, m.Act)
		return err
	})
	return out, err
}

func (s *Service) ask(tx *place.Tx, who actor.Actor, o Order, args json.RawMessage, size int64, act string) (Parcel, error) {
	if err := s.fits(tx, who, size); err != nil {
		return Parcel{}, err
	}
	r := row{ID: id.At[id.Parcel](tx.At()), Kind: o.Kind, State: Making, ActorKind: string(who.Kind), ActorID: who.ID, Estimate: size, AskedAt: tx.At().UnixMilli()}
	kept := order{o.Name, args, o.Purpose, who.From, who.Session, who.OnBehalf}
	plain, err := json.Marshal(kept)
	if err != nil {
		return Parcel{}, err
	}
	if r.Sealed, err = tx.Seal(place.FieldParcel, r.ID, plain); err != nil {
		return Parcel{}, err
	}
	_, err = tx.Exec(`INSERT INTO parcels (id, kind, state, actor_kind, actor_id, sealed, estimate, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Kind, string(r.State), r.ActorKind, r.ActorID, r.Sealed, r.Estimate, r.AskedAt)
	if err != nil {
		return Parcel{}, err
	}
	for _, subject := range o.Subjects {
		if _, err := tx.Exec(`INSERT INTO parcel_subjects (subject, parcel) VALUES (?, ?) ON CONFLICT (subject, parcel) DO NOTHING`, subject, r.ID); err != nil {
			return Parcel{}, err
		}
	}
	tx.Record(place.Event{Code: "export.asked", Subject: r.ID.String(), Why: o.Purpose, Facts: map[string]string{
		"kind": o.Kind, "about": strings.Join(o.Subjects[:min(len(o.Subjects), 20)], " "), "subjects": strconv.Itoa(len(o.Subjects)),
	}})
	tx.Notify(Topic)
	if _, err := job.Enqueue(tx, JobMake, makeArgs{r.ID}, job.Once(r.ID.String())); err != nil {
		return Parcel{}, err
	}
	return r.show(kept, act), nil
}

// fits counts what is promised already: two orders that each fit can fill the
// disk together.
func (s *Service) fits(tx *place.Tx, who actor.Actor, size int64) error {
	n, err := place.Row[int64](tx, `SELECT count(*) FROM parcels WHERE state = 'making' AND actor_kind = ? AND actor_id = ?`, string(who.Kind), who.ID)
	if err != nil {
		return err
	}
	if n >= unfinished {
		return fault.New(fault.Conflict, "%d of your exports are being made; wait for one of them", n)
	}
	free, known := s.o.Free()
	if !known {
		return nil
	}
	promised, err := place.Row[int64](tx, `SELECT coalesce(sum(estimate), 0) FROM parcels WHERE state = 'making'`)
	if err != nil {
		return err
	}
	if size+promised+spare > free {
		return fault.New(fault.TooLarge, "this export needs about %s, and the disk has %s left for exports: take less at once, or ask the operator for room",
			amount(size), amount(max(0, free-promised-spare)))
	}
	return nil
}

func amount(n int64) string {
	switch {
	case n >= 10<<30:
		return strconv.FormatInt(n>>30, 10) + " GB"
	case n >= 10<<20:
		return strconv.FormatInt(n>>20, 10) + " MB"
	}
	return strconv.FormatInt(n>>10, 10) + " kB"
}
