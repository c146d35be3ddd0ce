package departure

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// RegistryMigrations keep what remains of customers who left.
func RegistryMigrations() place.Migrations {
	return place.Migrations{{Number: 952, Name: "departed customers", SQL: `
CREATE TABLE departed (
	customer    {{id}}    NOT NULL PRIMARY KEY,
	above       {{id}}    NOT NULL,
	name        {{text}}  NOT NULL,
	at          {{int}}   NOT NULL,
	recordings  {{int}}   NOT NULL,
	certificate {{id}}    NOT NULL,
	document    {{bytes}} NOT NULL,
	pdf         {{bytes}} NOT NULL
);
CREATE INDEX departed_above ON departed (above, at);
`}}
}

// Departed is a customer who left.
type Departed struct {
	Customer    id.Customer    `db:"customer"`
	Name        string         `db:"name"`
	At          int64          `db:"at"`
	Recordings  int            `db:"recordings"`
	Certificate id.Certificate `db:"certificate"`
}

// When is the time of leaving.
func (d Departed) When() time.Time { return time.UnixMilli(d.At).UTC() }

// Departed lists who left a node, the latest hundred first.
func (s *Service) Departed(ctx context.Context, above id.Node) (all []Departed, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		all, err = place.Rows[Departed](tx, `SELECT customer, name, at, recordings, certificate FROM departed WHERE above = ? ORDER BY at DESC LIMIT 100`, above)
		return err
	})
	return all, err
}

// left gives all who have left and are not here again.
func (s *Service) left(ctx context.Context) (all []id.Customer, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[id.Customer](tx, `SELECT customer FROM departed ORDER BY customer`)
		for _, c := range rows {
			switch there := tx.There(c); {
			case fault.Is(there, fault.NotFound):
				all = append(all, c)
			case there != nil:
				return there
			}
		}
		return err
	})
	return all, err
}

// Document is the certificate of a customer who left a node.
func (s *Service) Document(ctx context.Context, above id.Node, c id.Certificate, pdf bool) (out []byte, err error) {
	type row struct {
		Document []byte `db:"document"`
		PDF      []byte `db:"pdf"`
	}
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT document, pdf FROM departed WHERE certificate = ? AND above = ?`, c, above)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such certificate")
		}
		sealed, at := r.Document, [16]byte(c)
		if pdf {
			sealed = r.PDF
			at[15] ^= 1
		}
		out, err = tx.Unseal(place.FieldCertificate, at, sealed)
		return err
	})
	return out, err
}
