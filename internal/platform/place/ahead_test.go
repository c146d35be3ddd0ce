package place_test

import (
	"context"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What is asked ahead of a place is asked in its role and seen by nobody else's
// question; a guess that was wrong, or could not be asked, costs nothing but a
// message.
func TestAhead(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		a, b := placetest.Customer(t, s), placetest.Customer(t, s)
		f, other := id.New[id.File](), id.New[id.File]()
		set := func(p *place.Place, f id.File, n int) {
			t.Helper()
			err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "x.y"})
				_, err := tx.Exec(`INSERT INTO notes (id, n, text) VALUES (?, ?, 'a') ON CONFLICT (id) DO UPDATE SET n = excluded.n`, f, n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		ask := func(ctx context.Context, p *place.Place, text string, args ...any) (n int, err error) {
			err = p.View(ctx, func(tx *place.Tx) error {
				n, err = place.Often[int](tx, text, args...)
				return err
			})
			return n, err
		}
		const note, wrong = `SELECT n FROM notes WHERE id = ?`, `SELECT nothing FROM notes WHERE id = ?`
		want := func(what string, n int, err error, is int) {
			t.Helper()
			if n != is || err != nil {
				t.Errorf("%s: %d, want %d (%v)", what, n, is, err)
			}
		}
		set(a, f, 1)
		set(b, f, 2)
		set(b, other, 3)

		ctx := b.Ahead(t.Context(), note, f)
		n, err := ask(ctx, a, note, f)
		want("the first", n, err, 1)
		set(b, f, 4)
		seen := 4
		if a.Dialect() == place.Postgres {
			seen = 2 // it was asked with the first
		}
		n, err = ask(ctx, b, note, f)
		want("asked ahead", n, err, seen)
		for range 2 {
			n, err = ask(ctx, b, note, f)
			want("asked again", n, err, 4)
			n, err = ask(ctx, a, note, f)
			want("the first again", n, err, 1)
		}

		ctx = b.Ahead(t.Context(), note, other)
		n, err = ask(ctx, a, note, f)
		want("before another", n, err, 1)
		n, err = ask(ctx, b, note, f)
		want("another was meant", n, err, 4)

		ctx = b.Ahead(t.Context(), note, id.New[id.File]())
		n, err = ask(ctx, a, note, f)
		want("before nothing", n, err, 1)

		nobody := id.New[id.File]()
		ctx = b.Ahead(t.Context(), note, nobody)
		n, err = ask(ctx, a, note, f)
		want("before none", n, err, 1)
		if _, err = ask(ctx, b, note, nobody); !fault.Is(err, fault.NotFound) {
			t.Errorf("no row that was asked ahead: %v", err)
		}

		ctx = b.Ahead(t.Context(), wrong, f)
		n, err = ask(ctx, a, note, f)
		want("before one that fails", n, err, 1)
		if _, err = ask(ctx, b, wrong, f); err == nil || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("one that fails: %v", err)
		}
		ctx = b.Ahead(t.Context(), note, f)
		if _, err = ask(ctx, a, wrong, f); err == nil || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("a first that fails: %v", err)
		}
		n, err = ask(ctx, b, note, f)
		want("after a first that failed", n, err, 4)

		if a.Dialect() == place.Postgres {
			var roles [2]string
			const role = `SELECT current_user || ' ' || current_schema() || ' ' || current_setting('transaction_read_only')`
			ctx = b.Ahead(t.Context(), role)
			for i, p := range []*place.Place{a, b} {
				if err := p.View(ctx, func(tx *place.Tx) (err error) {
					roles[i], err = place.Often[string](tx, role)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				var plain string
				if err := p.View(t.Context(), func(tx *place.Tx) (err error) {
					plain, err = place.Row[string](tx, role)
					return err
				}); err != nil || roles[i] != plain {
					t.Errorf("asked as %q, want %q (%v)", roles[i], plain, err)
				}
			}
		}
	})
}
