package collect

import (
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What those above customers see of boxes is counts, pushed up; it is the same
// on both engines, as is what a box says of itself.
func TestBoxesByRelease(t *testing.T) {
	schemas := place.Schemas{
		Place: slices.Concat(job.Migrations, recording.Migrations(), Migrations()),
		Registry: append(RegistryMigrations(), place.Migration{Number: 604, Name: "a tree", SQL: `
			CREATE TABLE nodes (id {{id}} PRIMARY KEY, parent {{id}}, name {{text}} NOT NULL, folded {{text}} NOT NULL);`}),
		Housekeeping: slices.Concat(job.Housekeeping, recording.Housekeeping, Housekeeping, []string{"nodes"}),
	}
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		p := placetest.Customer(t, store)
		top := id.New[id.Node]()
		fine(t, store.Registry().Keep(t.Context(), func(tx *place.Tx) error {
			if _, err := tx.Exec(`INSERT INTO nodes (id, parent, name, folded) VALUES (?, NULL, 'Top', 'top')`, top); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT INTO nodes (id, parent, name, folded) VALUES (?, ?, 'Oak', 'oak')`, p.Customer(), top)
			return err
		}))
		s := &Server{store: store, oldest: 1, now: time.Now}
		var last id.Device
		for i, release := range []string{"", "0.4.0", "0.4.0"} {
			last = enrolled(t, p)
			if release == "" {
				continue
			}
			clock := int64(-2500 * i)
			v := &visit{place: p, who: admin, device: rowOf(t, p, last)}
			fine(t, s.heard(t.Context(), v, Hello{Release: release, OS: "linux", Arch: "amd64", Clock: &clock}, 2))
		}
		fine(t, s.Push(t.Context(), p))
		fine(t, s.Push(t.Context(), p)) // again changes nothing
		got, err := s.Boxes(t.Context(), top)
		fine(t, err)
		if len(got) != 2 || got[0].Boxes != 1 || got[0].Release != "" || got[1].Boxes != 2 || got[1].Release != "0.4.0" || got[1].Platform != "linux/amd64" || got[1].Name != "Oak" {
			t.Errorf("%+v", got)
		}
		if other, err := s.Boxes(t.Context(), id.New[id.Node]()); err != nil || len(other) != 0 {
			t.Error(other, err)
		}
		// Figures that were gathered while the customer left are not kept.
		fine(t, store.Registry().Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`DELETE FROM nodes WHERE id = ?`, p.Customer())
			return err
		}))
		fine(t, s.Push(t.Context(), p))
		fine(t, store.Registry().View(t.Context(), func(tx *place.Tx) error {
			if n, err := place.Row[int](tx, `SELECT count(*) FROM collect_releases`); err != nil || n != 0 {
				t.Errorf("%d rows name a customer who has left, %v", n, err)
			}
			return nil
		}))
		// What went wrong, and what was asked for, is kept and cleared.
		v := &visit{place: p, who: admin, device: rowOf(t, p, last)}
		fine(t, p.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET upgrade_to = '0.4.1', oldest_at = NULL WHERE id = ?`, last)
			return err
		}))
		v.device = rowOf(t, p, last)
		failed := &upgrade.Failure{Release: "0.4.1", Reason: upgrade.Silent, At: time.Now()}
		fine(t, s.heard(t.Context(), v, Hello{Release: "0.4.0", OS: "linux", Arch: "amd64", Failed: failed}, 2))
		if r := rowOf(t, p, last); r.UpgradeTo != "" || r.UpgradeFailed != "0.4.1: "+upgrade.Silent || r.Clock != nil {
			t.Errorf("%+v", r)
		}
	})
}

func enrolled(t *testing.T, p *place.Place) id.Device {
	t.Helper()
	d := id.New[id.Device]()
	fine(t, p.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO collect_devices (id, source, name, code_until, created_at, enrolled_at, waiting, spooled) VALUES (?, ?, ?, 0, 1, 1, 0, 0)`,
			d, id.New[id.Source](), []byte("x"))
		return err
	}))
	return d
}

func rowOf(t *testing.T, p *place.Place, d id.Device) (r deviceRow) {
	t.Helper()
	fine(t, p.View(t.Context(), func(tx *place.Tx) (err error) {
		r, err = place.Row[deviceRow](tx, deviceColumns+` WHERE id = ?`, d)
		return err
	}))
	return r
}
