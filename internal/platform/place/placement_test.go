package place_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestPlacesComeAndGo(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		ctx := t.Context()
		c := id.New[id.Customer]()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := s.Create(ctx, c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		other := placetest.Customer(t, s)
		p, err := s.Place(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		change(t, p, 1)
		change(t, other, 1)
		if cs, err := s.Customers(ctx); err != nil || !slices.Equal(cs, []id.Customer{c, other.Customer()}) {
			t.Fatal(cs, err)
		}
		if err := s.Destroy(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := p.View(ctx, func(*place.Tx) error { return nil }); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a handle to a destroyed place: %v", err)
		}
		if _, err := s.Place(ctx, c); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if err := s.Destroy(ctx, c); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if n := one[int](t, other, `SELECT count(*) FROM notes`); n != 1 {
			t.Fatal("another place was touched")
		}
		if n := one[int](t, s.Registry(), `SELECT count(*) FROM events WHERE code IN ('place.created', 'place.destroyed')`); n != 3 {
			t.Fatalf("%d events about places", n)
		}
	})
}

func TestMigrationsRunOnceAndAFailedOneClosesItsPlaceOnly(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			cfg := engine.Config(t)
			s := placetest.Open(t, cfg, schemas)
			good, bad := placetest.Customer(t, s), placetest.Customer(t, s)
			change(t, good, 1)
			change(t, bad, 1)
			change(t, bad, 1)
			s.Close()
			newer := schemas
			newer.Place = append(slices.Clone(schemas.Place), place.Migration{Number: 92, Name: "one each", SQL: `
				CREATE TABLE later (n {{int}} NOT NULL PRIMARY KEY);
				CREATE UNIQUE INDEX notes_n ON notes (n);`})
			for range 2 {
				s = placetest.Open(t, cfg, newer)
				g, err := s.Place(t.Context(), good.Customer())
				if err != nil {
					t.Fatal(err)
				}
				if n := one[int](t, g, `SELECT count(*) FROM later`); n != 0 {
					t.Fatal(n)
				}
				b, err := s.Place(t.Context(), bad.Customer())
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					err = b.View(t.Context(), func(*place.Tx) error { return nil })
					if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "one each") || !strings.Contains(err.Error(), bad.Customer().String()) {
						t.Fatal(err)
					}
				}
				s.Close()
			}
			// The older program goes on with what the newer one has added, and
			// finds what it failed to migrate as it was.
			s = placetest.Open(t, cfg, schemas)
			g, _ := s.Place(t.Context(), good.Customer())
			change(t, g, 7)
			b, _ := s.Place(t.Context(), bad.Customer())
			if n := one[int](t, b, `SELECT count(*) FROM notes`); n != 2 {
				t.Fatal(n)
			}
			s.Close()
			// It refuses what a newer one has taken away, and no longer.
			newer.Place[len(newer.Place)-1].SQL = `CREATE TABLE later (n {{int}} NOT NULL PRIMARY KEY);`
			for needs, refused := range map[string]bool{"99.0.0": true, "0.1.0": false} {
				more := newer
				more.Place = append(slices.Clone(newer.Place), place.Migration{Number: 93, Name: "contracts", SQL: `{{needs ` + needs + `}} CREATE TABLE contracted (n {{int}} NOT NULL PRIMARY KEY);`})
				s = placetest.Open(t, cfg, more)
				p := placetest.Customer(t, s)
				change(t, p, 1)
				s.Close()
				s = placetest.Open(t, cfg, schemas)
				p, err := s.Place(t.Context(), p.Customer())
				if err != nil {
					t.Fatal(err)
				}
				err = p.View(t.Context(), func(*place.Tx) error { return nil })
				if refused != (fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "it needs release "+needs)) || !refused && err != nil {
					t.Fatal(needs, err)
				}
				s.Close()
			}
		})
	}
}

func TestBadMigrationsAreRefused(t *testing.T) {
	for name, ms := range map[string]place.Migrations{
		"twice the same number":  {{Number: 90, Name: "a"}, {Number: 90, Name: "b"}},
		"an unknown token":       {{Number: 90, Name: "a", SQL: `CREATE TABLE a (b {{uuid}})`}},
		"a number of the core":   {{Number: 1, Name: "a"}},
		"a release that is none": {{Number: 90, Name: "a", SQL: `{{needs five}}`}},
	} {
		if s, err := place.Open(t.Context(), place.Config{Dir: t.TempDir()}, place.Schemas{Place: ms}, placetest.NewSealer()); err == nil {
			s.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestReceiptsStandInTheJournal(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		key, other := id.New[id.Key](), id.New[id.Key]()
		keys := []id.Key{key}
		r, err := p.Receipt(t.Context(), tester, place.Opening{
			Subject: "rec_1", Keys: keys, What: "listen", For: time.Minute,
			Then: func(tx *place.Tx, receipt id.Receipt) error {
				_, err := tx.Exec(`INSERT INTO notes (id) VALUES (?)`, receipt)
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		keys[0] = other // a later hand on the slice changes nothing
		if !r.Covers(key) || r.Covers(other) || r.Customer() != p.Customer() || r.Subject() != "rec_1" || r.What() != "listen" || r.IsZero() || r.Position() != 1 {
			t.Fatalf("%+v", r)
		}
		if left := time.Until(r.Until()); left > time.Minute || left < 50*time.Second {
			t.Fatal(left)
		}
		if facts := one[string](t, p, `SELECT facts FROM events WHERE code = 'opening.granted' AND subject = 'rec_1' AND why = 'testing'`); !strings.Contains(facts, r.ID().String()) {
			t.Fatal(facts)
		}
		if n := one[int](t, p, `SELECT count(*) FROM notes WHERE id = ?`, r.ID()); n != 1 {
			t.Fatal("Then did not write in the same Change")
		}
		many, err := p.Receipts(t.Context(), tester, []place.Opening{{Subject: "a", What: "card"}, {Subject: "b", What: "card"}})
		if err != nil || many[0].Position() != 2 || many[1].Position() != 3 {
			t.Fatal(many, err)
		}
		for name, o := range map[string]place.Opening{
			"too long":   {Subject: "a", What: "listen", For: time.Hour},
			"no subject": {What: "listen"},
			"no way":     {Subject: "a"},
			"undone":     {Subject: "a", What: "listen", Then: func(*place.Tx, id.Receipt) error { return errUndo }},
		} {
			if r, err := p.Receipt(t.Context(), tester, o); err == nil || !r.IsZero() {
				t.Errorf("%s gave a receipt", name)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r, err := p.Receipt(ctx, tester, place.Opening{Subject: "a", What: "listen"}); err == nil || !r.IsZero() {
			t.Error("a cancelled opening gave a receipt")
		}
		if n := one[int](t, p, `SELECT count(*) FROM events`); n != 3 {
			t.Fatalf("%d events", n)
		}
	})
}

func TestSealedFieldsAreBoundToTheirRow(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		ada, bob := placetest.Customer(t, s), placetest.Customer(t, s)
		row, other := id.New[id.File](), id.New[id.File]()
		var sealed, blind []byte
		ada.View(t.Context(), func(tx *place.Tx) (err error) {
			sealed, _ = tx.Seal(place.FieldEvent, row, []byte("Ada"))
			blind, _ = tx.Blind(place.FieldEvent, "Ada")
			if plain, err := tx.Unseal(place.FieldEvent, row, sealed); err != nil || string(plain) != "Ada" {
				t.Error(plain, err)
			}
			if _, err := tx.Unseal(place.FieldEvent, other, sealed); err == nil {
				t.Error("opened in another row")
			}
			if _, err := tx.Unseal(place.FieldEvent+1, row, sealed); err == nil {
				t.Error("opened as another field")
			}
			return nil
		})
		bob.View(t.Context(), func(tx *place.Tx) error {
			if _, err := tx.Unseal(place.FieldEvent, row, sealed); err == nil {
				t.Error("opened in another place")
			}
			if b, _ := tx.Blind(place.FieldEvent, "Ada"); slices.Equal(b, blind) {
				t.Error("the same blind index in two places")
			}
			return nil
		})
	})
}

func TestWorkIsHintedBeforeItCommits(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		at := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		hints := func(now time.Time) ([]place.Work, time.Time) {
			due, next, err := s.Waiting(t.Context(), now)
			if err != nil {
				t.Fatal(err)
			}
			return due, next
		}
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			if err := tx.Due(at); err != nil {
				return err
			}
			if _, next := hints(time.Now()); !next.Equal(at) {
				t.Errorf("not hinted before the commit: %v", next)
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		if due, _ := hints(at); len(due) != 1 || due[0].Customer != p.Customer() {
			t.Fatal(due)
		}
		keep := func(fn func(tx *place.Tx) error) {
			if err := p.Keep(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		keep(func(tx *place.Tx) error { return tx.Due(at.Add(time.Minute)) })
		if _, next := hints(time.Now()); !next.Equal(at) {
			t.Fatal("a later hint put off an earlier one")
		}
		keep(func(tx *place.Tx) error { return tx.Settle(at.Add(time.Minute)) })
		if _, next := hints(time.Now()); !next.Equal(at.Add(time.Minute)) {
			t.Fatal(next)
		}
		var i id.Intent
		err = p.Change(t.Context(), tester, func(tx *place.Tx) (err error) {
			tx.Record(place.Event{Code: "x.y"})
			i, err = tx.Intend("move", map[string]int{"n": 7})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		keep(func(tx *place.Tx) error { return tx.Settle(time.Time{}) })
		if due, _ := hints(time.Now().Add(time.Second)); len(due) != 1 {
			t.Fatal("an open intent was settled away")
		}
		if open, err := p.Pending(t.Context(), "move"); err != nil || len(open) != 1 || open[0].ID != i || string(open[0].Args) != `{"n":7}` {
			t.Fatal(open, err)
		}
		if open, _ := p.Pending(t.Context(), "other"); len(open) != 0 {
			t.Fatal(open)
		}
		for range 2 {
			keep(func(tx *place.Tx) error { return errors.Join(tx.Done(i), tx.Settle(time.Time{})) })
		}
		if due, next := hints(time.Now().Add(2 * time.Hour)); len(due) != 0 || !next.IsZero() {
			t.Fatal(due, next)
		}
	})
}

func TestBareDatabases(t *testing.T) {
	ms := place.Migrations{{Number: 1, Name: "keys", SQL: `CREATE TABLE keys (id {{id}} NOT NULL PRIMARY KEY, n {{int}})`}}
	shared, err := place.Connect(placetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	for name, dsn := range map[string]place.DSN{
		"SQLite":     {File: t.TempDir() + "/keys.db"},
		"PostgreSQL": {Postgres: placetest.Postgres(t), Schema: "keys"},
		"shared":     {Over: shared, Schema: "keys"},
		"beside":     {Over: shared, Schema: "keys_2"},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 2 {
				db, err := place.OpenDB(t.Context(), dsn, ms)
				if err != nil {
					t.Fatal(err)
				}
				err = db.Update(t.Context(), func(tx *place.Tx) error {
					_, err := tx.Exec(`INSERT INTO keys (id, n) VALUES (?, ?)`, id.New[id.Key](), i)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				err = db.View(t.Context(), func(tx *place.Tx) error {
					if n, err := place.Row[int](tx, `SELECT count(*) FROM keys`); err != nil || n != i+1 {
						t.Error(n, err)
					}
					_, err := tx.Exec(`DELETE FROM keys`)
					return err
				})
				if err == nil {
					t.Fatal("a view wrote")
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if _, err := place.OpenDB(t.Context(), place.DSN{Postgres: placetest.Postgres(t), Schema: `x"; DROP`}, ms); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	if _, err := place.OpenDB(t.Context(), place.DSN{}, ms); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
}

// A second server gets the folder only after the last change has ended.
func TestCloseWaitsForChanges(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		begun, closed, done := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			done <- p.Change(t.Context(), tester, func(tx *place.Tx) error {
				close(begun)
				select {
				case <-closed:
					t.Error("closed under a change")
				case <-time.After(50 * time.Millisecond):
				}
				return write(tx, 1)
			})
		}()
		<-begun
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		close(closed)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAfterCloseThereIsNoWayIn(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if err := p.View(t.Context(), func(*place.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	})
}

// Within the registry it is seen whether somebody is there, from the moment on
// that their place is made until the one that it is condemned.
func TestWhoIsThere(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		c := id.New[id.Customer]()
		there := func(want bool) {
			t.Helper()
			err := s.Registry().View(t.Context(), func(tx *place.Tx) error { return tx.There(c) })
			if want && err != nil || !want && !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
		there(false)
		s.OnCommit(func(done place.Commit) {
			for _, e := range done.Events {
				if e.Code == "place.destroyed" {
					there(false)
				}
			}
		})
		if err := s.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		there(true)
		if err := s.Destroy(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		there(false)
	})
}
