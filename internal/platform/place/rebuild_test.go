package place_test

import (
	"bytes"
	"context"
	"iter"
	"reflect"
	"sync"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// memoryLog keeps entries, as a second disk would.
type memoryLog struct {
	mu  sync.Mutex
	all map[id.Customer][]place.Entry
	err error
}

func (l *memoryLog) Last(c id.Customer) (place.Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if es := l.all[c]; len(es) > 0 {
		return es[len(es)-1].Mark, nil
	}
	return place.Mark{}, nil
}

func (l *memoryLog) Append(c id.Customer, e place.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.all == nil {
		l.all = map[id.Customer][]place.Entry{}
	}
	e.Writes = bytes.Clone(e.Writes)
	l.all[c] = append(l.all[c], e)
	return nil
}

func (l *memoryLog) Forget(c id.Customer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, c)
	return nil
}

func (l *memoryLog) entries(c id.Customer, upTo int) iter.Seq2[place.Entry, error] {
	return func(yield func(place.Entry, error) bool) {
		for i, e := range l.all[c] {
			if i < upTo && !yield(e, nil) {
				return
			}
		}
	}
}

var rebuildSchemas = place.Schemas{Place: place.Migrations{{Number: 500, Name: "notes", SQL: `
CREATE TABLE notes (n {{int}} NOT NULL PRIMARY KEY, at {{int}}, body {{bytes}}, text {{text}} NOT NULL, share {{real}}, flag {{int}} NOT NULL)`}}, Housekeeping: []string{"notes"}}

func note(t *testing.T, p *place.Place, n int) {
	t.Helper()
	err := p.Change(t.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
		var none *int64
		body := []byte{byte(n), 0, 255}
		if _, err := tx.Exec(`INSERT INTO notes (n, at, body, text, share, flag) VALUES (?, ?, ?, ?, ?, ?)`, n, none, body, "ü'?", float64(n)/4, n%2 == 0); err != nil {
			return err
		}
		clear(body) // the log must have its own
		if _, err := place.Row[int64](tx, `UPDATE notes SET share = share + 1 WHERE n IN (?) RETURNING n`, place.List([]int{n, -1})); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "note.taken", Personal: map[string]string{"who": "Ada"}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE notes SET at = ? WHERE n = ?`, n*10, n)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// taken are the notes of a place, to be compared with those of another.
func taken(t *testing.T, p *place.Place) (all []any) {
	t.Helper()
	type row struct {
		N     int64   `db:"n"`
		At    int64   `db:"at"`
		Body  []byte  `db:"body"`
		Text  string  `db:"text"`
		Share float64 `db:"share"`
		Flag  bool    `db:"flag"`
	}
	err := p.View(t.Context(), func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT n, at, body, text, share, flag FROM notes ORDER BY n`)
		for _, r := range rows {
			all = append(all, r)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func check(t *testing.T, p *place.Place) place.Statement {
	t.Helper()
	s, err := p.Check(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func equal(t *testing.T, what string, got, want place.Statement) {
	t.Helper()
	got.At = want.At
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got\n%+v, want\n%+v", what, got, want)
	}
}

// A copy and the log after it give the place again, at any of its moments; so
// does a log that begins with the birth of the place.
func TestCopyAndLogGiveThePlaceAgain(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			log := &memoryLog{}
			cfg := engine.Config(t)
			cfg.Log = log
			sealer := placetest.NewSealer()
			s, err := place.Open(t.Context(), cfg, rebuildSchemas, sealer)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p := placetest.Customer(t, s)
			c := p.Customer()
			for n := range 4 {
				note(t, p, n)
			}
			var registry, copied bytes.Buffer
			if _, err := s.Registry().Copy(t.Context(), place.Tools{}, &registry); err != nil {
				t.Fatal(err)
			}
			st, err := p.Copy(t.Context(), place.Tools{}, &copied)
			if err != nil {
				t.Fatal(err)
			}
			atCopy := len(log.all[c])
			for n := 4; n < 8; n++ {
				note(t, p, n)
			}
			want, rows := check(t, p), taken(t, p)

			fresh := engine.Config(t)
			b, err := place.Build(t.Context(), fresh, rebuildSchemas, sealer)
			if err != nil {
				t.Fatal(err)
			}
			load := func(c id.Customer, r *bytes.Buffer) {
				t.Helper()
				if err := b.Load(t.Context(), c, place.Tools{}, bytes.NewReader(r.Bytes())); err != nil {
					t.Fatal(err)
				}
			}
			replay := func(es iter.Seq2[place.Entry, error]) (place.Mark, error) {
				return b.Replay(t.Context(), c, es)
			}
			load(id.Customer{}, &registry)
			load(c, &copied)
			equal(t, "the copy", check(t, b.Place(c)), st)
			if _, err := replay(log.entries(c, 1<<30)); err != nil {
				t.Fatal(err)
			}
			equal(t, "the copy and the log", check(t, b.Place(c)), want)
			load(c, &copied)
			if m, err := replay(log.entries(c, atCopy+2)); err != nil || m.Seq != st.Mark.Seq+2 {
				t.Fatalf("to an earlier moment: %v, %v", m, err)
			}
			if got := check(t, b.Place(c)); got.Position != st.Position+1 {
				t.Fatalf("an earlier moment has %d events, want %d", got.Position, st.Position+1)
			}
			if err := b.Empty(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if _, err := replay(log.entries(c, 1<<30)); err != nil {
				t.Fatal(err)
			}
			equal(t, "the log alone", check(t, b.Place(c)), want)
			if got := taken(t, b.Place(c)); !reflect.DeepEqual(got, rows) {
				t.Fatalf("rows from the log alone: %v, want %v", got, rows)
			}
			load(c, &copied)
			gap := func(yield func(place.Entry, error) bool) {
				for i, e := range log.all[c] {
					if i != atCopy && !yield(e, nil) {
						return
					}
				}
			}
			if _, err := replay(gap); !fault.Is(err, fault.Conflict) {
				t.Fatalf("a log with a gap: %v", err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			// What was built is an installation.
			again, err := place.Open(t.Context(), fresh, rebuildSchemas, sealer)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			q, err := again.Place(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			note(t, q, 100)
		})
	}
}

// What the log did not take is not committed, and what was logged without being
// committed is replaced by what comes next.
func TestALogThatFailsKeepsTheCommitBack(t *testing.T) {
	log := &memoryLog{}
	s := placetest.Open(t, place.Config{Dir: t.TempDir(), Log: log}, rebuildSchemas)
	p := placetest.Customer(t, s)
	note(t, p, 1)
	before := check(t, p)
	log.err = context.DeadlineExceeded
	err := p.Change(t.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "note.taken"})
		return nil
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("with a log that fails: %v", err)
	}
	log.err = nil
	equal(t, "after the log failed", check(t, p), before)
	note(t, p, 2)
	for i, e := range log.all[p.Customer()] {
		if e.Seq != int64(i+1) || e.Born != (i == 0) {
			t.Fatalf("entry %d has the mark %v, born %v", i, e.Mark, e.Born)
		}
	}
	if err := s.Destroy(t.Context(), p.Customer()); err != nil || len(log.all[p.Customer()]) != 0 {
		t.Fatalf("a destroyed place left %d entries, %v", len(log.all[p.Customer()]), err)
	}
}

// Where the log was switched off, a new branch begins: an entry is missing.
func TestAGapBeginsABranch(t *testing.T) {
	dir, log, sealer := t.TempDir(), &memoryLog{}, placetest.NewSealer()
	var c id.Customer
	for i, on := range []bool{true, false, true} {
		cfg := place.Config{Dir: dir}
		if on {
			cfg.Log = log
		}
		s, err := place.Open(t.Context(), cfg, rebuildSchemas, sealer)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			c = placetest.Customer(t, s).Customer()
		}
		p, err := s.Place(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		note(t, p, i)
		s.Close()
	}
	es := log.all[c]
	if first, last := es[0].Branch, es[len(es)-1].Branch; first == last || es[len(es)-1].Born {
		t.Fatalf("branches %x and %x", first, last)
	}
}

// A customer is made anew while the others go on.
func TestRebuildWhileOthersGoOn(t *testing.T) {
	placetest.Run(t, rebuildSchemas, func(t *testing.T, s *place.Store) {
		p, other := placetest.Customer(t, s), placetest.Customer(t, s)
		note(t, p, 1)
		var copied bytes.Buffer
		if _, err := p.Copy(t.Context(), place.Tools{}, &copied); err != nil {
			t.Fatal(err)
		}
		was := check(t, p)
		note(t, p, 2)
		err := s.Rebuild(t.Context(), p.Customer(), func(b *place.Builder) error {
			note(t, other, 1)
			if err := p.View(t.Context(), func(*place.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
				t.Errorf("the place that is rebuilt: %v", err)
			}
			return b.Load(t.Context(), p.Customer(), place.Tools{}, &copied)
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "rebuilt", check(t, p), was)
		note(t, p, 2)
	})
}
