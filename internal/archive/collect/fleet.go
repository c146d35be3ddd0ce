package collect

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Those above customers see how many boxes run which release, and never open a
// customer's place for it: the counts are pushed up when they change.

// RegistryMigrations make the table of counts.
func RegistryMigrations() place.Migrations {
	return place.Migrations{{Number: 603, Name: "boxes by release", SQL: `
		CREATE TABLE collect_releases (
			customer {{id}}   NOT NULL,
			release  {{text}} NOT NULL,
			platform {{text}} NOT NULL,
			boxes    {{int}}  NOT NULL,
			PRIMARY KEY (customer, release, platform)
		);`}}
}

// Fleet is how many boxes of a customer run a release on a platform.
type Fleet struct {
	Customer id.Customer `db:"customer"`
	Name     string      `db:"name"`     // of the customer
	Release  string      `db:"release"`  // "": they have never said (release 0.1)
	Platform string      `db:"platform"` // "": likewise
	Boxes    int64       `db:"boxes"`
}

// Push counts a customer's boxes and tells those above. A customer who has left
// meanwhile is not written down again.
func (s *Server) Push(ctx context.Context, p *place.Place) error {
	var now []Fleet
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		now, err = place.Rows[Fleet](tx, `SELECT id AS customer, '' AS name, release, platform, 1 AS boxes FROM collect_devices
			WHERE enrolled_at IS NOT NULL AND revoked_at IS NULL ORDER BY id LIMIT 10000`)
		return err
	})
	if err != nil {
		return err
	}
	type kind struct{ release, platform string }
	counts := map[kind]int64{}
	for _, f := range now {
		counts[kind{f.Release, f.Platform}]++
	}
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if _, err := tx.Exec(`DELETE FROM collect_releases WHERE customer = ?`, p.Customer()); err != nil {
			return err
		}
		there, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE id = ?`, p.Customer())
		if err != nil || there == 0 {
			return err
		}
		for k, n := range counts {
			if _, err := tx.Exec(`INSERT INTO collect_releases (customer, release, platform, boxes) VALUES (?, ?, ?, ?)`, p.Customer(), k.release, k.platform, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// Boxes are the counts of all customers at a node and below it, by customer.
func (s *Server) Boxes(ctx context.Context, top id.Node) (list []Fleet, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		list, err = place.Rows[Fleet](tx, `WITH RECURSIVE below(id) AS (
				SELECT id FROM nodes WHERE id = ?
				UNION ALL SELECT n.id FROM below JOIN nodes n ON n.parent = below.id)
			SELECT c.customer, n.name, c.release, c.platform, c.boxes FROM below JOIN nodes n ON n.id = below.id
			JOIN collect_releases c ON c.customer = n.id ORDER BY n.folded, n.id, c.release, c.platform LIMIT 10000`, top)
		return err
	})
	return list, err
}
