package destruction

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Issued is a certificate as it is listed.
type Issued struct {
	ID       id.Certificate
	Run      id.Destruction
	Kind     string // of the authority
	Corrects id.Certificate
	Replaced id.Certificate // the one that took its place
	SignedAt time.Time
	Items    int
	Unknown  int       // of which nobody can say what became of the file at the source
	Asked    int       // of which a collector was asked and has not answered yet
	Until    time.Time // the last backup from before lasts until then; zero: none does
}

// List gives certificates, the newest first, after one of them.
func (s *Service) List(ctx context.Context, p *place.Place, after id.Certificate, limit int) (all []Issued, next id.Certificate, err error) {
	type row struct {
		ID       id.Certificate  `db:"id"`
		Run      id.Destruction  `db:"run"`
		Kind     string          `db:"kind"`
		Corrects *id.Certificate `db:"corrects"`
		Replaced *id.Certificate `db:"replaced"`
		SignedAt int64           `db:"signed_at"`
		Items    int             `db:"items"`
		Open     int             `db:"open"`
		Asked    int             `db:"waiting"`
		Until    int64           `db:"until"`
	}
	if after.IsZero() {
		for i := range after {
			after[i] = 0xff
		}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT id, run, kind, corrects, replaced, signed_at, items, open, waiting, until FROM destruction_certificates WHERE id < ? ORDER BY id DESC LIMIT ?`, after, limit+1)
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].ID
		}
		for _, r := range rows {
			one := Issued{ID: r.ID, Run: r.Run, Kind: r.Kind, SignedAt: instant(r.SignedAt), Items: r.Items, Unknown: r.Open, Asked: r.Asked, Until: instant(r.Until)}
			if r.Corrects != nil {
				one.Corrects = *r.Corrects
			}
			if r.Replaced != nil {
				one.Replaced = *r.Replaced
			}
			all = append(all, one)
		}
		return err
	})
	return all, next, err
}

// Document is a certificate as a file: JSON with its signature, or the signed PDF.
func (s *Service) Document(ctx context.Context, p *place.Place, i id.Certificate, pdf bool) (out []byte, err error) {
	type row struct {
		Document []byte `db:"document"`
		PDF      []byte `db:"pdf"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT document, pdf FROM destruction_certificates WHERE id = ?`, i)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such certificate")
		}
		sealed := r.Document
		if pdf {
			sealed = r.PDF
		}
		out, err = tx.Unseal(place.FieldCertificate, bound(i, pdf), sealed)
		return err
	})
	return out, err
}

// Waiting counts recordings that were destroyed and are in no certificate yet.
func (s *Service) Waiting(ctx context.Context, p *place.Place) (n int, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = place.Row[int](tx, `SELECT count(*) FROM destroyed WHERE certificate IS NULL`)
		return err
	})
	return n, err
}
