package journal_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var (
	ada = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7").For("=1+1")
	bob = actor.ForSystem("retention")
)

func record(t *testing.T, p *place.Place, who actor.Actor, es ...place.Event) {
	t.Helper()
	err := p.Change(t.Context(), who, func(tx *place.Tx) error {
		for _, e := range es {
			tx.Record(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, p *place.Place, f journal.Filter) (all []journal.Entry) {
	t.Helper()
	err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = journal.List(tx, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestListFiltersAndPages(t *testing.T) {
	placetest.Run(t, place.Schemas{}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		record(t, p, ada, place.Event{Code: "opening.granted", Subject: "rec_1", Facts: map[string]string{"n": "1"}, Personal: map[string]string{"name": "Ada"}})
		record(t, p, bob, place.Event{Code: "place.created"}, place.Event{Code: "place.destroyed", Subject: "rec_1"})

		all := list(t, p, journal.Filter{})
		if len(all) != 3 || all[0].Position != 3 || all[2].Position != 1 {
			t.Fatalf("%+v", all)
		}
		if e := all[2]; e.Personal["name"] != "Ada" || e.Personal["from"] != "192.0.2.7" || e.ActorID != ada.ID || e.Why != "=1+1" ||
			e.Facts["n"] != "1" || e.Facts["session"] != ada.Session.String() || e.Unreadable {
			t.Fatalf("%+v", e)
		}
		now := time.Now()
		for name, c := range map[string]struct {
			f    journal.Filter
			want int
		}{
			"one kind":   {journal.Filter{Code: "place.created"}, 1},
			"a noun":     {journal.Filter{Code: "place."}, 2},
			"no prefix":  {journal.Filter{Code: "place"}, 0},
			"actor":      {journal.Filter{Actor: ada.ID}, 1},
			"subject":    {journal.Filter{Subject: "rec_1"}, 2},
			"both":       {journal.Filter{Subject: "rec_1", Actor: "retention"}, 1},
			"from":       {journal.Filter{From: now.Add(-time.Hour)}, 3},
			"from later": {journal.Filter{From: now.Add(time.Hour)}, 0},
			"to":         {journal.Filter{To: now.Add(-time.Hour)}, 0},
			"page":       {journal.Filter{Limit: 2}, 2},
			"next page":  {journal.Filter{Limit: 2, Before: 2}, 1},
			"quotes":     {journal.Filter{Subject: "' OR 1=1 --"}, 0},
		} {
			if got := list(t, p, c.f); len(got) != c.want {
				t.Errorf("%s: %d events, want %d", name, len(got), c.want)
			}
		}
	})
}

func TestWhatIsPersonalIsSealed(t *testing.T) {
	placetest.Run(t, place.Schemas{}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		record(t, p, ada, place.Event{Code: "opening.granted", Personal: map[string]string{"name": "Ada Lovelace"}})
		p.View(t.Context(), func(tx *place.Tx) error {
			sealed, err := place.Row[[]byte](tx, `SELECT sealed FROM events`)
			if err != nil || len(sealed) == 0 || bytes.Contains(sealed, []byte("Lovelace")) || bytes.Contains(sealed, []byte("192.0.2.7")) {
				t.Errorf("%q %v", sealed, err)
			}
			return nil
		})
	})
}

func TestExportStandsInTheJournalFirst(t *testing.T) {
	placetest.Run(t, place.Schemas{}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		many := make([]place.Event, 2100)
		for i := range many {
			many[i] = place.Event{Code: "place.created", Subject: fmt.Sprint(i), Personal: map[string]string{"name": "Ada, \"Countess\""}}
		}
		record(t, p, ada, many...)
		var out bytes.Buffer
		if err := journal.Export(t.Context(), p, ada, journal.Filter{}, journal.CSV, &out); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 2102 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if last := rows[2101]; last[3] != "opening.granted" || !strings.Contains(last[10], `"what":"export"`) {
			t.Fatalf("the export's own opening is not the last line: %v", last)
		}
		if first := rows[1]; first[9] != "'=1+1" || !strings.Contains(first[11], "Countess") || first[4] == "" {
			t.Fatalf("%q", first)
		}
		out.Reset()
		if err := journal.Export(t.Context(), p, ada, journal.Filter{Code: "opening."}, journal.JSONLines, &out); err != nil {
			t.Fatal(err)
		}
		var entries []journal.Entry
		for line := range strings.Lines(out.String()) {
			var e journal.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		if len(entries) != 2 || entries[1].Position != 2102 {
			t.Fatalf("%+v", entries)
		}
		out.Reset()
		if err := journal.Export(t.Context(), p, actor.Actor{}, journal.Filter{}, journal.CSV, &out); err == nil || out.Len() > 0 {
			t.Fatal("an export by nobody")
		}
	})
}

// An event that does not open must not hide the others.
func TestWhatDoesNotOpenIsShownAsUnreadable(t *testing.T) {
	cfg := place.Config{Dir: t.TempDir()}
	s := placetest.Open(t, cfg, place.Schemas{})
	c := placetest.Customer(t, s).Customer()
	p, _ := s.Place(t.Context(), c)
	record(t, p, ada, place.Event{Code: "place.created"})
	record(t, p, bob, place.Event{Code: "place.created"})
	s.Close()
	s = placetest.Open(t, cfg, place.Schemas{}) // with another key
	p, err := s.Place(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	all := list(t, p, journal.Filter{})
	if len(all) != 2 || all[0].Unreadable || !all[1].Unreadable || len(all[1].Personal) != 0 || all[1].ActorID != ada.ID {
		t.Fatalf("%+v", all)
	}
}
