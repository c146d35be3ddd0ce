package person_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/person"
)

// A closed request goes with its finds when its time is over, and not before; one
// that still keeps something from being processed stays.
func TestClosedRequestsGo(t *testing.T) {
	s := schemas()
	s.Place = append(s.Place, journal.Migrations()...)
	s.Housekeeping = append(s.Housekeeping, journal.Housekeeping()...)
	placetest.Run(t, s, func(t *testing.T, store *place.Store) {
		w := &world{T: t, World: recordingtest.On(t, store, recording.Options{})}
		now := time.Now()
		w.persons = person.New(person.Options{
			Store: w.Store, Recordings: w.Service, Few: 4, Now: func() time.Time { return now }, EraseEvents: journal.Erase,
		})
		w.call("mine", agnes, "Agnes Canary", 1, 2)
		ids := person.Identifiers{Numbers: []string{agnes}}
		answered, open, objected := w.begin(person.Access, ids), w.begin(person.Access, ids), w.begin(person.Object, ids)
		_, err := w.persons.ObjectTo(t.Context(), w.Place, ada, objected.ID, []string{"search"})
		w.no(err)
		restricted := w.begin(person.Restrict, ids)
		w.decide(restricted.ID, func(it person.Item) bool { return it.Store == "recordings" })
		_, err = w.persons.Restrict(t.Context(), w.Place, ada, restricted.ID)
		w.no(err)
		for _, c := range []id.PersonRequest{answered.ID, objected.ID, restricted.ID} {
			_, err = w.persons.End(t.Context(), w.Place, ada, c, false, "told")
			w.no(err)
		}
		gone := func() (all []id.PersonRequest) {
			_, err := w.persons.Purge(t.Context(), w.Place)
			w.no(err)
			for _, c := range []id.PersonRequest{answered.ID, open.ID, objected.ID, restricted.ID} {
				if _, err := w.persons.Read(t.Context(), w.Place, c); fault.Is(err, fault.NotFound) {
					all = append(all, c)
				}
			}
			return all
		}
		now = now.Add(person.DefaultKept*24*time.Hour - time.Hour)
		if all := gone(); len(all) != 0 {
			t.Fatal("too early:", all)
		}
		one := func(*place.Tx, time.Time) (int64, error) { return 1, nil } // of another kind of cases
		if n, err := w.persons.GoTonight(t.Context(), w.Place, person.LeastKept, one); err != nil || n != 2 {
			t.Errorf("%d would go, want the one that was answered and another: %v", n, err)
		}
		for confirm, want := range map[int64]bool{0: false, 1: false, 3: false, 2: true} {
			if err := w.persons.SetKept(t.Context(), w.Place, ada, person.LeastKept, confirm, one); (err == nil) != want || err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("confirmed with %d: %v", confirm, err)
			}
		}
		w.no(w.persons.SetKept(t.Context(), w.Place, ada, person.DefaultKept, 0))
		now = now.Add(2 * time.Hour)
		if all := gone(); !slices.Equal(all, []id.PersonRequest{answered.ID}) {
			t.Fatal("gone:", all)
		}
		w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
			n, err := place.Row[int](tx, `SELECT count(*) FROM person_items WHERE request = ?`, answered.ID)
			if n != 0 {
				t.Errorf("%d finds are left", n)
			}
			return err
		}))
		_, err = w.persons.ObjectTo(t.Context(), w.Place, ada, objected.ID, nil)
		w.no(err)
		if all := gone(); len(all) != 2 {
			t.Error("what keeps nothing any more stays:", all)
		}
		_, err = w.persons.Lift(t.Context(), w.Place, ada, restricted.ID, "by letter to Agnes Canary")
		w.no(err)
		words := func() (n int) {
			w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
				n, err = place.Row[int](tx, `SELECT count(*) FROM events WHERE subject = ? AND length(sealed) > 0`, restricted.ID.String())
				return err
			}))
			return n
		}
		if words() == 0 {
			t.Error("the change log says nothing in words")
		}
		if all := gone(); len(all) != 3 || words() != 0 {
			t.Errorf("what restricts nothing any more stays: %v, with %d events that say of it in words", all, words())
		}
		for _, days := range []int{0, 29, 3661} {
			if err := w.persons.SetKept(t.Context(), w.Place, ada, days, 0); !fault.Is(err, fault.Invalid) {
				t.Errorf("%d days: %v", days, err)
			}
		}
	})
}

// What an erasure did is certified in all stores, kept things with their reasons
// and without what somebody wrote about them; a certificate that cannot be signed
// leaves the request open until it is.
func TestAnErasureIsCertified(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var signed []person.Done
		fail := fault.New(fault.Unavailable, "the signer is away")
		w.persons = person.New(person.Options{
			Store: w.Store, Recordings: w.Service, Few: 4, Stores: []person.Store{w.notes()},
			Certified: func(_ context.Context, _ *place.Place, run id.Destruction) ([]string, error) {
				return []string{run.String()}, nil
			},
			Certify: func(_ context.Context, _ *place.Place, d person.Done) error {
				signed = append(signed, d)
				if len(signed) == 1 {
					return fail
				}
				return nil
			},
		})
		w.call("mine", agnes, "Agnes Canary", 1, 2)
		claim := w.call("claim", agnes, "Agnes Canary", 2, 2)
		c := w.begin(person.Erase, person.Identifiers{Numbers: []string{agnes}, Names: []string{"Agnes Canary"}})
		w.decide(c.ID, func(it person.Item) bool { return it.Store == "recordings" || it.Store == "notes" })
		claimed := person.Decision{Verdict: person.Confirmed, Ground: "legal-claim", Because: "Mr Oak sues her"}
		for _, it := range w.items(c.ID) {
			if it.Ref == claim.String() || it.Store == "notes" {
				claimed.Items = append(claimed.Items, it.ID)
			}
		}
		_, err := w.persons.Decide(t.Context(), w.Place, ada, c.ID, claimed)
		w.no(err)
		w.hold = "a court keeps it" // which goes before what anybody says
		plan, err := w.persons.Plan(t.Context(), w.Place, c.ID)
		w.no(err)
		if err := w.persons.Erase(t.Context(), w.Place, ada, c.ID, plan.Erase); err == nil {
			t.Fatal("an erasure without its certificate counts as done")
		}
		if c, err = w.persons.Read(t.Context(), w.Place, c.ID); err != nil || c.State != person.Erasing {
			t.Fatal(c.State, err)
		}
		w.no(w.persons.Recover(t.Context(), w.Place))
		if c, err = w.persons.Read(t.Context(), w.Place, c.ID); err != nil || c.State != person.Open {
			t.Fatal(c.State, err)
		}
		last := signed[len(signed)-1]
		want := []person.Part{
			{Store: "notes", Title: "Notes", Kept: []person.Reason{{Why: w.hold, Count: 1}}},
			{Store: "recordings", Title: "Recordings", Erased: 1, Kept: []person.Reason{{Why: person.Grounds["legal-claim"], Count: 1}}},
		}
		if last.Case != c.ID || !slices.EqualFunc(last.Parts, want, func(a, b person.Part) bool {
			return a.Store == b.Store && a.Erased == b.Erased && slices.Equal(a.Kept, b.Kept)
		}) {
			t.Errorf("%+v", last)
		}
		claimed.Verdict, claimed.Ground, claimed.Because = person.Rejected, "", ""
		_, err = w.persons.Decide(t.Context(), w.Place, ada, c.ID, claimed)
		w.no(err)
		if it := find(w.items(c.ID), claim.String()); it.Outcome != person.Nothing || it.Kept != "" {
			t.Errorf("it is not hers, and still kept of her: %+v", it)
		}
		w.hold = ""
		w.decide(c.ID, func(it person.Item) bool { return it.Store == "notes" })
		w.no(w.persons.Erase(t.Context(), w.Place, ada, c.ID, 1))
		if last := signed[len(signed)-1]; len(last.Parts) != 1 || last.Parts[0].Store != "notes" || last.Parts[0].Erased != 1 {
			t.Errorf("another erasure of the same request: %+v", last)
		}
		if all, err := w.persons.Certificates(t.Context(), w.Place, c.ID); err != nil || !slices.Equal(all, []string{last.Run.String(), signed[len(signed)-1].Run.String()}) {
			t.Errorf("certificates of both: %v %v", all, err)
		}
	})
}
