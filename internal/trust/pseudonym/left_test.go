package pseudonym_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/pseudonym"
)

// What does not lie where it should is neither gone nor done: it is said to have
// failed, and taken up again when it is back.
func TestWhatCannotBeReadHasFailed(t *testing.T) {
	w := on(t, recordingtest.On(t, placetest.New(t, schemas()), recording.Options{}))
	w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
	i := w.request()
	var text id.Object
	w.no(w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		text, err = place.Row[id.Object](tx, `SELECT object FROM renditions WHERE kind = 'transcript'`)
		return err
	}))
	at := recording.ObjectName(w.Place.Customer(), text)
	obj, err := w.Bucket.Open(t.Context(), at)
	w.no(err)
	kept, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
	w.no(errors.Join(err, obj.Close(), w.Bucket.Delete(t.Context(), at)))
	w.replaced(i, pseudonym.How{})
	runs, err := w.pseudonyms.Runs(t.Context(), w.Place, id.PseudonymRun{}, 10)
	w.no(err)
	if f := runs[0].Figures; !runs[0].Ended || f[pseudonym.Failed] != 1 || w.card(w.first()).Caller.Name != name {
		t.Fatal("without its text:", f)
	}
	if got := w.troubles(time.Now()); !slices.Equal(got, []string{"recordings"}) {
		t.Error("what is said of it:", got)
	}
	_, err = w.Bucket.Put(t.Context(), at, bytes.NewReader(kept))
	w.no(err)
	_, err = w.pseudonyms.Again(t.Context(), w.Place, ada, runs[0].ID)
	w.no(err)
	w.work()
	if w.card(w.first()).Caller.Name == name || len(w.troubles(time.Now())) != 0 {
		t.Error("with its text it was not taken up, or is told of still")
	}
}

func (w *world) troubles(at time.Time) (all []string) {
	w.Helper()
	found, err := w.pseudonyms.Troubles(w.Context(), w.Place, at)
	w.no(err)
	for _, t := range found {
		all = append(all, t.Subject)
	}
	return all
}

// A run that was given up is told of, blocks nothing for ever, and is taken up the
// next night; the same goes for keys that are to be destroyed.
func TestWhatWasGivenUpIsTakenUpAtNight(t *testing.T) {
	each(t, func(w *world) {
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		i := w.request()
		_, err := w.pseudonyms.StartPerson(w.Context(), w.Place, ada, i, pseudonym.How{}, 1)
		w.no(err)
		set := func(state, reason string) {
			w.Helper()
			w.no(w.Place.Keep(w.Context(), func(tx *place.Tx) error {
				n, err := tx.Exec(`UPDATE jobs SET state = ?, reason = ?, attempts = 1 WHERE kind IN (?, ?)`, state, reason, pseudonym.Job, pseudonym.JobForget)
				if n != 1 {
					err = errors.Join(err, errors.New("there is no such job"))
				}
				return err
			}))
		}
		now := time.Now()
		set("waiting", "")
		if got := w.troubles(now.Add(2 * time.Hour)); len(got) != 0 {
			w.Error("one that only waits for its turn:", got)
		}
		set("waiting", "no disk")
		if soon, late := w.troubles(now), w.troubles(now.Add(2*time.Hour)); len(soon) != 0 || !slices.Equal(late, []string{"runs"}) {
			w.Error("one that fails, soon and late:", soon, late)
		}
		set(string(job.Dead), "no disk")
		if got := w.troubles(now); !slices.Equal(got, []string{"runs"}) {
			w.Error("one that was given up:", got)
		}
		night := func() {
			w.Helper()
			_, err := w.pseudonyms.Nightly(w.Context(), w.Place)
			w.no(err)
			w.work()
		}
		night()
		if w.card(w.first()).Caller.Name == name || len(w.troubles(now.Add(2*time.Hour))) != 0 {
			w.Error("it was not taken up at night")
		}
		w.answered(i)
		w.forgotten(pseudonym.Which{All: true})
		set(string(job.Dead), "no disk")
		if got := w.troubles(now); !slices.Equal(got, []string{"keys"}) {
			w.Error("keys that were given up:", got)
		}
		night()
		if w.count("pseudonym_doomed") != 0 || len(w.certified) != 1 {
			w.Error("keys are left:", w.count("pseudonym_doomed"))
		}
	})
}

// Each request by which somebody was given the pseudonym says who it is: with the
// way back all of them lose the name, and none can be gone on with.
func TestEveryRequestLosesTheName(t *testing.T) {
	each(t, func(w *world) {
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		first := w.request()
		her, hers := w.replaced(first, pseudonym.How{})
		w.answered(first)
		held := w.call("2.wav", number, name, 2, "I am Agnes Canary", "yes")
		w.call("3.wav", "+441614960999", name, 3, "I am Agnes Canary", "yes")
		hold := id.New[id.Hold]()
		w.no(w.Place.Change(w.Context(), ada, func(tx *place.Tx) error {
			r, err := w.Service.Lookup(tx, held)
			if err == nil {
				_, _, err = w.Service.Hold(tx, hold, []int64{r.N})
			}
			tx.Record(place.Event{Code: "hold.placed"})
			return err
		}))
		second := w.request()
		w.replaced(second, pseudonym.How{})
		all, err := w.pseudonyms.List(w.Context(), w.Place, id.Pseudonym{}, 10)
		w.no(err)
		stands := map[string]int64{}
		for _, p := range all {
			stands[p.Text] = p.Recordings
			if p.Text == her && p.Request != second {
				w.Error("the newest request is not named:", p)
			}
		}
		if stands[her] != 2 || stands[hers] != 1 {
			w.Error("in how many recordings they stand:", stands)
		}
		w.answered(second)
		w.forgotten(pseudonym.Which{All: true})
		w.work()
		for _, i := range []id.PersonRequest{first, second} {
			if c, err := w.persons.Read(w.Context(), w.Place, i); err != nil || len(c.Subject.Identifiers.Names) > 0 {
				w.Error("a request still names her:", c.Subject, err)
			}
		}
		w.no(w.Place.Change(w.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "hold.lifted"})
			_, err := w.Service.Release(tx, hold)
			return err
		}))
		runs, err := w.pseudonyms.Runs(w.Context(), w.Place, id.PseudonymRun{}, 1)
		w.no(err)
		if _, err := w.pseudonyms.Again(w.Context(), w.Place, ada, runs[0].ID); !fault.Is(err, fault.Conflict) {
			w.Error("what was left is taken up for nobody, and said to be done:", err)
		}
	})
}

// While a run is under way no second one of the same request begins, and nobody
// agrees to destroy ways back that it may be giving.
func TestOneThingAtATime(t *testing.T) {
	each(t, func(w *world) {
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		first := w.request()
		w.replaced(first, pseudonym.How{})
		w.answered(first)
		all := pseudonym.Which{All: true}
		n, err := w.pseudonyms.Meant(w.Context(), w.Place, all)
		w.no(err)
		apr, err := w.pseudonyms.Forget(w.Context(), w.Place, ada, all, "no claim is open", n)
		w.no(err)
		w.call("2.wav", number, name, 2, "I am Agnes Canary", "yes")
		second := w.request()
		_, err = w.pseudonyms.StartPerson(w.Context(), w.Place, ada, second, pseudonym.How{}, 1)
		w.no(err)
		if _, err := w.pseudonyms.StartPerson(w.Context(), w.Place, ada, second, pseudonym.How{}, 1); !fault.Is(err, fault.Conflict) {
			w.Error("a second run beside the first:", err)
		}
		yes := approval.Decision{May: func(access.Act) bool { return true }, Confirm: n}
		if _, err := w.approvals.Approve(w.Context(), w.Place, grace, apr, yes); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Text, "that run has ended") {
			w.Error("agreed while names are replaced:", err)
		}
	})
}

// Where the pseudonym key was destroyed, a restore leaves no way there either, and
// says of each pseudonym that its way back has ended.
func TestARestoreWithoutThePseudonymKey(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.pseudonyms.Aliases(w.Context(), w.Place, ada, []string{name})
		w.no(err)
		var key id.Key
		w.no(w.Place.View(w.Context(), func(tx *place.Tx) (err error) {
			key, err = place.Row[id.Key](tx, `SELECT key FROM pseudonym_keys`)
			return err
		}))
		_, err = pseudonym.Purge(w.Context(), w.Place, []id.Key{key})
		w.no(err)
		all, err := w.pseudonyms.List(w.Context(), w.Place, id.Pseudonym{}, 10)
		if err != nil || len(all) != 1 || all[0].EndedAt.IsZero() || w.count("pseudonym_marks")+w.count("pseudonym_keys") != 0 {
			w.Error("after a restore:", all, err)
		}
	})
}
