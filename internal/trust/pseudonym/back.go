package pseudonym

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Listed is a pseudonym as it is listed: nothing of it is personal.
type Listed struct {
	ID         id.Pseudonym
	Text       string
	Kind       Kind
	MadeAt     time.Time
	Request    id.PersonRequest // the newest of those by which it was given; zero: by the rule, or for an export
	Recordings int64            // in which it stands
	Back       bool             // there is a way back
	EndedAt    time.Time        // when the way back was destroyed
}

// List gives pseudonyms, the newest first, before one of them.
func (s *Service) List(ctx context.Context, p *place.Place, before id.Pseudonym, limit int) (all []Listed, err error) {
	type row struct {
		ID      id.Pseudonym     `db:"id"`
		Code    string           `db:"code"`
		Kind    string           `db:"kind"`
		Made    int64            `db:"made_at"`
		Request id.PersonRequest `db:"request"`
		Ended   int64            `db:"ended_at"`
		N       int64            `db:"recordings"`
		Back    int64            `db:"ways"`
	}
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT p.id, p.code, p.kind, p.made_at, p.ended_at,
			(SELECT c.request FROM pseudonym_requests c WHERE c.pseudonym = p.id ORDER BY c.request DESC LIMIT 1) AS request,
			(SELECT count(*) FROM pseudonym_in i WHERE i.pseudonym = p.id) AS recordings,
			(SELECT count(*) FROM pseudonym_marks m WHERE m.pseudonym = p.id AND m.key IS NOT NULL) AS ways
			FROM pseudonyms p WHERE p.id < ? ORDER BY p.id DESC LIMIT ?`, before, limit)
		for _, r := range rows {
			all = append(all, Listed{r.ID, Text(Kind(r.Kind), r.Code), Kind(r.Kind), instant(r.Made), r.Request, r.N, r.Back > 0, instant(r.Ended)})
		}
		return err
	})
	return all, err
}

// Purposes are those for which somebody is looked up; a reason is given besides.
var Purposes = []string{"legal claim", "request of the person", "danger to somebody", "fraud or abuse", "order of an authority"}

type backRow struct {
	Mark   []byte `db:"mark"`
	Key    id.Key `db:"key"`
	Sealed []byte `db:"sealed"`
}

// Reveal tells whom a pseudonym stands for: every way in which the name or number
// was written. The receipt, with purpose and reason, is durable before the key is
// unwrapped. Whether the actor may was decided before.
func (s *Service) Reveal(ctx context.Context, p *place.Place, who actor.Actor, text, purpose, reason string) (originals []string, err error) {
	f := &fault.Error{Kind: fault.Invalid, Text: "this is not looked up"}
	code, err := Code(text)
	if err != nil {
		f.Details = append(f.Details, fault.Of(err).Details...)
	}
	if !slices.Contains(Purposes, purpose) {
		f.Details = append(f.Details, fault.Detail{Path: "purpose", Text: "must be one of: " + strings.Join(Purposes, ", ")})
	}
	if reason = strings.TrimSpace(reason); len([]rune(reason)) < 3 {
		f.Details = append(f.Details, fault.Detail{Path: "reason", Text: "say why; it stands in the receipt"})
	}
	if len(f.Details) > 0 {
		return nil, f
	}
	i, rows, err := s.waysBack(ctx, p, code)
	if err != nil {
		return nil, err
	}
	keys := make([]id.Key, len(rows))
	for n, r := range rows {
		keys[n] = r.Key
	}
	receipt, err := p.Receipt(ctx, who, place.Opening{Subject: i.String(), Keys: keys, What: "re-identify", Purpose: purpose + ": " + reason})
	if err != nil {
		return nil, err
	}
	open, err := s.o.Keys.UseMany(ctx, receipt, keys)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		key, ok := open[r.Key]
		if !ok {
			continue // destroyed a moment ago
		}
		plain, err := sealed.OpenField(key, backAAD(p.Customer(), r.Mark), r.Sealed)
		if err != nil {
			return nil, err
		}
		originals = append(originals, string(plain))
	}
	if len(originals) == 0 {
		return nil, errNoBack
	}
	slices.Sort(originals)
	return originals, nil
}

var errNoBack = fault.New(fault.Gone, "the way back from this pseudonym was destroyed: nobody can tell any more whom it stands for")

func (s *Service) waysBack(ctx context.Context, p *place.Place, code string) (i id.Pseudonym, rows []backRow, err error) {
	type row struct {
		ID    id.Pseudonym `db:"id"`
		Ended int64        `db:"ended_at"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT id, ended_at FROM pseudonyms WHERE code = ?`, code)
		switch {
		case fault.Is(err, fault.NotFound):
			return fault.New(fault.NotFound, "nobody was given this pseudonym here")
		case err != nil:
			return err
		case r.Ended != 0:
			return errNoBack
		}
		i = r.ID
		rows, err = place.Rows[backRow](tx, `SELECT mark, key, sealed FROM pseudonym_marks WHERE pseudonym = ? AND key IS NOT NULL`, r.ID)
		if err == nil && len(rows) == 0 {
			err = fault.New(fault.Conflict, "this pseudonym stands in exports only: the archive itself still has the name or number")
		}
		return err
	})
	return i, rows, err
}
