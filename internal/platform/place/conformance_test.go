package place_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) {
	child() // does not return in the child processes of the crash tests
	placetest.Main(m)
}

var (
	tester  = actor.ForSystem("test").For("testing")
	schemas = place.Schemas{
		Place: place.Migrations{{Number: 90, Name: "notes", SQL: `
			CREATE TABLE notes (id {{id}} NOT NULL PRIMARY KEY, n {{int}}, text {{text}}, ratio {{real}});
			CREATE TABLE caches (k {{text}} NOT NULL PRIMARY KEY, v {{int}} NOT NULL);`}},
		Registry:     place.Migrations{{Number: 91, Name: "people", SQL: `CREATE TABLE people (id {{id}} NOT NULL PRIMARY KEY);`}},
		Housekeeping: []string{"caches"},
	}
	errUndo = errors.New("undo")
)

func write(tx *place.Tx, n int) error {
	tx.Record(place.Event{Code: "note.written", Subject: fmt.Sprint(n)})
	_, err := tx.Exec(`INSERT INTO notes (id, n, text) VALUES (?, ?, ?)`, id.New[id.File](), n, "what's this?")
	return err
}

func change(t *testing.T, p *place.Place, n int) {
	t.Helper()
	if err := p.Change(t.Context(), tester, func(tx *place.Tx) error { return write(tx, n) }); err != nil {
		t.Fatal(err)
	}
}

func one[T any](t *testing.T, p *place.Place, text string, args ...any) (v T) {
	t.Helper()
	err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		v, err = place.Row[T](tx, text, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlacesAreApart(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		ada, bob := placetest.Customer(t, s), placetest.Customer(t, s)
		change(t, ada, 7)
		if n := one[int](t, bob, `SELECT count(*) FROM notes`); n != 0 {
			t.Fatalf("%d rows of another place", n)
		}
		if n := one[int](t, ada, `SELECT count(*) FROM notes WHERE n = ?`, 7); n != 1 {
			t.Fatalf("%d rows of its own", n)
		}
		// Even a statement that names the other place does not get there.
		if ada.Dialect() == place.Postgres {
			c := ada.Customer()
			err := bob.View(t.Context(), func(tx *place.Tx) error {
				_, err := place.Row[int](tx, fmt.Sprintf(`SELECT count(*) FROM p_%x.notes`, c[:]))
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Fatalf("another schema: %v", err)
			}
			err = bob.Change(t.Context(), tester, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "x.y"})
				_, err := tx.Exec(fmt.Sprintf(`INSERT INTO p_%x.notes (id) VALUES (?)`, c[:]), id.New[id.File]())
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Fatalf("another schema: %v", err)
			}
		}
		nobody := id.New[id.Customer]()
		if _, err := s.Place(t.Context(), nobody); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a place that is not there: %v", err)
		}
		if _, err := s.Place(t.Context(), id.Customer{}); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the place of nobody: %v", err)
		}
	})
}

func TestAChangeNeedsAnEventAndAnActor(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			_, err := tx.Exec(`INSERT INTO caches (k, v) VALUES ('a', 1)`)
			return err
		})
		if !errors.Is(err, place.ErrNoEvent) {
			t.Fatal(err)
		}
		if n := one[int](t, p, `SELECT count(*) FROM caches`); n != 0 {
			t.Fatal("the change was not undone")
		}
		if err := p.Change(t.Context(), actor.Actor{}, func(tx *place.Tx) error { return write(tx, 1) }); !errors.Is(err, place.ErrNobody) {
			t.Fatal(err)
		}
		err = p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Subject: "no code"})
			return nil
		})
		if err == nil {
			t.Fatal("an event without a code")
		}
	})
}

func TestWhatFailsLeavesNothing(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		woken := 0
		s.OnCommit(func(place.Commit) { woken++ })
		try := func(ctx context.Context, then func() error) (err error) {
			defer func() {
				if recover() != nil {
					err = errUndo
				}
			}()
			return p.Change(ctx, tester, func(tx *place.Tx) error {
				tx.After(func() { woken++ })
				if err := write(tx, 1); err != nil {
					return err
				}
				return then()
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		for name, err := range map[string]error{
			"error":  try(t.Context(), func() error { return errUndo }),
			"panic":  try(t.Context(), func() error { panic("!") }),
			"cancel": try(ctx, func() error { cancel(); return nil }),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if n := one[int](t, p, `SELECT count(*) FROM notes`) + one[int](t, p, `SELECT count(*) FROM events`) + woken; n != 0 {
			t.Fatalf("%d traces", n)
		}
		change(t, p, 2) // and the place still works
		if woken != 1 {
			t.Fatal("a commit woke nobody")
		}
	})
}

// Who passes over the error of a statement must not commit the rest.
func TestAFailedStatementEndsTheTransaction(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		twice := func(tx *place.Tx) error {
			for range 2 {
				tx.Exec(`INSERT INTO caches (k, v) VALUES ('a', 1)`)
			}
			if _, err := tx.Exec(`INSERT INTO caches (k, v) VALUES ('b', 1)`); err == nil {
				t.Error("a statement after one that failed")
			}
			tx.Record(place.Event{Code: "x.y"})
			return nil
		}
		if err := p.Change(t.Context(), tester, twice); !place.IsDuplicate(err) {
			t.Error(err)
		}
		if n := one[int](t, p, `SELECT count(*) FROM caches`) + one[int](t, p, `SELECT count(*) FROM events`); n != 0 {
			t.Fatalf("%d traces", n)
		}
	})
}

func TestKeepReachesListedTablesOnly(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		change(t, p, 1)
		keep := func(text string) error {
			return p.Keep(t.Context(), func(tx *place.Tx) error {
				_, err := tx.Exec(text)
				return err
			})
		}
		for _, text := range []string{
			`INSERT INTO caches (k, v) VALUES ('a', 1)`, `insert into caches(k, v) values ('b;', 1);`,
			`UPDATE caches SET v = 2 WHERE k = 'a'`, `DELETE FROM caches WHERE k = 'b;'`,
		} {
			if err := keep(text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, text := range []string{
			`INSERT INTO notes (id) VALUES ('0123456789abcdef')`, `UPDATE notes SET n = 2`, `DELETE FROM notes`, `DELETE FROM "notes"`, `UPDATE main.notes SET n = 2`,
			`DELETE FROM caches; DELETE FROM notes`, `WITH x AS (DELETE FROM notes RETURNING 1) SELECT * FROM x`, `/* caches */ DELETE FROM notes`,
			`DROP TABLE notes`, `DELETE FROM events`, `INSERT OR REPLACE INTO notes (id) VALUES ('0123456789abcdef')`, `REPLACE INTO notes (id) VALUES ('0123456789abcdef')`,
			`TRUNCATE notes`, `SELECT 1; DELETE FROM notes`, `SELECT n INTO other FROM notes`, `UPDATE caches SET v = 1 -- '`, ``, `PRAGMA user_version = 7`,
		} {
			if err := keep(text); err == nil {
				t.Errorf("housekeeping ran %s", text)
			}
		}
		if n := one[int](t, p, `SELECT count(*) FROM notes WHERE n = 1`); n != 1 {
			t.Fatal("housekeeping wrote what is journalled")
		}
		err := p.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := place.Row[int](tx, `DELETE FROM notes RETURNING n`)
			return err
		})
		if err == nil {
			t.Fatal("housekeeping deleted in a query")
		}
		err = p.Keep(t.Context(), func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "x.y"})
			return nil
		})
		if err == nil {
			t.Fatal("housekeeping recorded an event")
		}
	})
}

func TestAViewCannotWrite(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		err := p.View(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`INSERT INTO caches (k, v) VALUES ('a', 1)`)
			return err
		})
		if err == nil {
			t.Fatal("a view wrote")
		}
	})
}

// Neither a mistake in this program nor a statement that hides what it does
// alters what the journal says.
func TestTheJournalIsOnlyAddedTo(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		change(t, p, 1)
		for _, text := range []string{
			`UPDATE events SET why = ''`, `DELETE FROM events`, `INSERT INTO events (pos) VALUES (9)`,
			`/* */ UPDATE events SET why = ''`, `/* */ DELETE FROM events`,
		} {
			err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "x.y"})
				_, err := tx.Exec(text)
				return err
			})
			if err == nil {
				t.Errorf("the journal was altered by %s", text)
			}
		}
		if why := one[string](t, p, `SELECT why FROM events`); why != "testing" {
			t.Fatal(why)
		}
	})
}

// Positions follow the order of commits without gaps: who has read up to one
// will not find an earlier one later.
func TestPositionsFollowCommits(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		stop := make(chan struct{})
		var readers, writers sync.WaitGroup
		readers.Go(func() {
			for {
				type seen struct {
					N    int `db:"n"`
					Last int `db:"last"`
				}
				var v seen
				err := p.View(t.Context(), func(tx *place.Tx) (err error) {
					v, err = place.Row[seen](tx, `SELECT count(*) AS n, coalesce(max(pos), 0) AS last FROM events`)
					return err
				})
				if err != nil || v.N != v.Last {
					t.Errorf("%d events up to position %d: %v", v.N, v.Last, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		for range 6 {
			writers.Go(func() {
				for i := range 20 {
					err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
						if i%5 == 4 {
							write(tx, i)
							return errUndo
						}
						return errors.Join(write(tx, i), write(tx, i))
					})
					if err != nil && !errors.Is(err, errUndo) {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		close(stop)
		readers.Wait()
		if n := one[int](t, p, `SELECT max(pos) FROM events`); n != 6*16*2 {
			t.Fatalf("%d events", n)
		}
	})
}

func TestReadThenWriteIsSafe(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		p.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`INSERT INTO caches (k, v) VALUES ('n', 0)`)
			return err
		})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				add := func(tx *place.Tx) error {
					n, err := place.Row[int](tx, `SELECT v FROM caches WHERE k = 'n'`)
					if err != nil {
						return err
					}
					tx.Exec(`UPDATE caches SET v = ? WHERE k = 'n'`, n+1)
					return nil
				}
				if i%2 == 0 {
					if err := p.Keep(t.Context(), add); err != nil {
						t.Error(err)
					}
					return
				}
				err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
					tx.Record(place.Event{Code: "x.y"})
					return add(tx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := one[int](t, p, `SELECT v FROM caches`); n != 20 {
			t.Fatalf("%d of 20 additions", n)
		}
	})
}

func TestCancelledQueriesDisturbNobody(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		change(t, p, 1)
		const slow = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT max(n) FROM c`
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for range 15 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(2+i)*time.Millisecond)
					err := p.View(ctx, func(tx *place.Tx) error {
						_, err := place.Row[int](tx, slow)
						return err
					})
					cancel()
					if err == nil {
						t.Error("not cancelled")
					}
				}
			})
			all.Go(func() {
				for range 30 {
					if err := p.Change(t.Context(), tester, func(tx *place.Tx) error { return write(tx, i) }); err != nil {
						t.Errorf("undisturbed: %v", err)
					}
					err := p.View(t.Context(), func(tx *place.Tx) error {
						_, err := place.Row[int](tx, `SELECT count(*) FROM notes`)
						return err
					})
					if err != nil {
						t.Errorf("undisturbed: %v", err)
					}
				}
			})
		}
		all.Wait()
	})
}
