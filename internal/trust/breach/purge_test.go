package breach_test

import (
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/person"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// A closed breach goes when its time is over; an open one never does.
func TestClosedBreachesGo(t *testing.T) {
	schemas := recordingtest.Schemas(person.Migrations(), breach.Migrations())
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		now := time.Now()
		s := breach.New(breach.Options{Recordings: w.Service, Now: func() time.Time { return now }})
		begin := func() breach.Breach {
			b, err := s.Begin(t.Context(), w.Place, w.Who, breach.Breach{Kind: breach.Session, Subject: id.New[id.Session]().String(), From: now.Add(-time.Hour), To: now})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		open, closed := begin(), begin()
		if _, err := s.Change(t.Context(), w.Place, w.Who, closed.ID, closed.From, closed.To, closed.AwareAt, breach.Words{Outcome: "nobody was reached"}, true); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			gone  int
		}{{(person.DefaultKept - 1) * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}, {0, 0}} {
			now = now.Add(c.after)
			if n, err := s.Purge(t.Context(), w.Place); err != nil || n != c.gone {
				t.Errorf("after %v: %d %v", c.after, n, err)
			}
		}
		if _, err := s.Read(t.Context(), w.Place, closed.ID); !fault.Is(err, fault.NotFound) {
			t.Error("it is still there:", err)
		}
		if _, err := s.Read(t.Context(), w.Place, open.ID); err != nil {
			t.Error(err)
		}
	})
}
