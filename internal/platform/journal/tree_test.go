package journal_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

var treeSchemas = place.Schemas{Place: journal.Migrations(), Housekeeping: journal.Housekeeping()}

// fill records n events, as many of them personal as not.
func fill(t testing.TB, p *place.Place, n int) {
	t.Helper()
	for at := 0; at < n; at += 500 {
		err := p.Change(context.Background(), ada, func(tx *place.Tx) error {
			for i := at; i < min(n, at+500); i++ {
				tx.Record(place.Event{Code: "place.created", Subject: fmt.Sprint(i), Facts: map[string]string{"n": fmt.Sprint(i), "ö": "ü"}, Personal: map[string]string{"name": "Ada"}})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sequence(t testing.TB, p *place.Place) int64 {
	t.Helper()
	n, err := journal.Sequence(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func view(t testing.TB, p *place.Place, fn func(tx *place.Tx) error) {
	t.Helper()
	if err := p.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// The tree over tiles is the tree that the reference makes of the same leaves,
// and its proofs pass the reference's checks, whatever the steps it grew in.
func TestTreeIsTheReferences(t *testing.T) {
	placetest.Run(t, treeSchemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		var sizes []int64
		for _, n := range []int{1, 1, 253, 1, 1, 300, 2300} {
			fill(t, p, n)
			sizes = append(sizes, sequence(t, p))
		}
		if last := sizes[len(sizes)-1]; last != 2857 {
			t.Fatal(sizes)
		}
		view(t, p, func(tx *place.Tx) error {
			var stored []tlog.Hash
			read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
				for _, i := range at {
					out = append(out, stored[i])
				}
				return out, nil
			})
			all, err := journal.Lines(tx, 0, 10_000)
			if err != nil {
				return err
			}
			roots := map[int64]tlog.Hash{}
			for i, l := range all {
				leaf, err := l.Leaf()
				if err != nil {
					return err
				}
				more, err := tlog.StoredHashes(int64(i), leaf, read)
				if err != nil {
					return err
				}
				stored = append(stored, more...)
				if roots[int64(i)+1], err = tlog.TreeHash(int64(i)+1, read); err != nil {
					return err
				}
			}
			tree := journal.TreeOf(tx)
			for _, size := range sizes {
				root, err := tree.Root(size)
				if err != nil || root != roots[size] {
					t.Fatalf("size %d: %v %v, want %v", size, root, err, roots[size])
				}
				for _, at := range []int64{1, 2, size / 2, size - 1, size} {
					if at < 1 || at > size {
						continue
					}
					proof, err := tree.Inclusion(size, at)
					if err != nil {
						return err
					}
					leaf, err := all[at-1].Hash()
					if err != nil {
						return err
					}
					if err := tlog.CheckRecord(proof, size, root, at-1, leaf); err != nil {
						t.Errorf("%d of %d: %v", at, size, err)
					}
				}
				for _, older := range sizes {
					if older > size {
						continue
					}
					proof, err := tree.Consistency(size, older)
					if err != nil {
						return err
					}
					if err := tlog.CheckTree(proof, size, root, older, roots[older]); err != nil {
						t.Errorf("%d after %d: %v", size, older, err)
					}
				}
			}
			return nil
		})
	})
}

// onDisk is a store whose file an operator can get at.
func onDisk(t testing.TB) (*place.Place, func(text string)) {
	t.Helper()
	dir := t.TempDir()
	p := placetest.Customer(t, placetest.Open(t, place.Config{Dir: dir}, treeSchemas))
	return p, func(text string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(dir, "places", p.Customer().String()+".db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`DROP TRIGGER IF EXISTS events_stay; DROP TRIGGER IF EXISTS events_last; ` + text); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErasingLeavesTheTree(t *testing.T) {
	placetest.Run(t, treeSchemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		fill(t, p, 10)
		sequence(t, p)
		err := p.Change(t.Context(), bob, func(tx *place.Tx) error {
			n, err := journal.Erase(tx, "per_1", []int64{3, 7})
			if n != 2 {
				t.Errorf("%d erased", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// One that is erased before it was sequenced.
		fill(t, p, 1)
		if err := p.Change(t.Context(), bob, func(tx *place.Tx) error { _, err := journal.Erase(tx, "per_1", []int64{12}); return err }); err != nil {
			t.Fatal(err)
		}
		size := sequence(t, p)
		if at, err := journal.Altered(t.Context(), p); err != nil || at != 0 {
			t.Fatalf("an erasure looks like a forgery at %d: %v", at, err)
		}
		view(t, p, func(tx *place.Tx) error {
			all, err := journal.LinesAt(tx, []int64{3, 4, 12})
			if err != nil {
				return err
			}
			if !all[0].Closed || all[0].Why != "" || all[0].Personal != nil || all[0].Salt != "" || all[1].Closed || !all[2].Closed {
				t.Fatalf("%+v", all)
			}
			tree := journal.TreeOf(tx)
			root, err := tree.Root(size)
			if err != nil {
				return err
			}
			proof, err := tree.Inclusion(size, 3)
			if err != nil {
				return err
			}
			leaf, err := all[0].Hash()
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, size, root, 2, leaf); err != nil {
				t.Error(err)
			}
			return nil
		})
		for _, e := range list(t, p, journal.Filter{Subject: "2"}) {
			if len(e.Personal) != 0 || e.Why != "" || e.Unreadable {
				t.Errorf("%+v", e)
			}
		}
		if err := p.Change(t.Context(), bob, func(tx *place.Tx) error { _, err := journal.Erase(tx, "x", []int64{99}); return err }); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		// Nothing else of an event can be changed, by no statement.
		for _, text := range []string{`UPDATE events SET code = 'x' WHERE pos = 1`, `UPDATE events SET why = 'x' WHERE pos = 1`, `DELETE FROM events WHERE pos = 1`} {
			if err := p.Change(t.Context(), bob, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "place.created"})
				_, err := tx.Exec(text)
				return err
			}); err == nil {
				t.Errorf("%s was run", text)
			}
		}
	})
}

func TestTreeFindsWhatIsAltered(t *testing.T) {
	for name, text := range map[string]string{
		"a fact":               `UPDATE events SET facts = '{"n":"other"}' WHERE pos = 5`,
		"who":                  `UPDATE events SET actor_id = 'per_other' WHERE pos = 5`,
		"when":                 `UPDATE events SET at = at + 1 WHERE pos = 5`,
		"the reason":           `UPDATE events SET why = 'other' WHERE pos = 5`,
		"sealed bytes":         `UPDATE events SET sealed = (SELECT sealed FROM events WHERE pos = 6) WHERE pos = 5`,
		"swapped":              `UPDATE events SET subject = '5' WHERE pos = 5; UPDATE events SET subject = '4' WHERE pos = 6`,
		"erased by no erasure": `UPDATE events SET sealed = NULL WHERE pos = 5`,
	} {
		t.Run(name, func(t *testing.T) {
			p, alter := onDisk(t)
			fill(t, p, 10)
			sequence(t, p)
			if at, err := journal.Altered(t.Context(), p); err != nil || at != 0 {
				t.Fatal(at, err)
			}
			alter(text)
			if at, err := journal.Altered(t.Context(), p); err != nil || at != 5 {
				t.Errorf("found %d, %v", at, err)
			}
		})
	}
	t.Run("an event taken out", func(t *testing.T) {
		p, alter := onDisk(t)
		fill(t, p, 4)
		sequence(t, p)
		fill(t, p, 4)
		alter(`DELETE FROM events WHERE pos = 6`)
		if _, err := journal.Sequence(t.Context(), p); err == nil || !strings.Contains(err.Error(), "gap") {
			t.Errorf("a gap was passed over: %v", err)
		}
	})
}

func TestTwoSequencersAtOnce(t *testing.T) {
	placetest.Run(t, treeSchemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		fill(t, p, 700)
		done := make(chan error)
		for range 4 {
			go func() { _, err := journal.Sequence(context.WithoutCancel(t.Context()), p); done <- err }()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := sequence(t, p); n != 700 {
			t.Fatal(n)
		}
		if at, err := journal.Altered(t.Context(), p); err != nil || at != 0 {
			t.Fatal(at, err)
		}
	})
}
