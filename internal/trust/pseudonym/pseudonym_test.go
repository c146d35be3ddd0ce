package pseudonym_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/pseudonym"
	"ringfence/internal/trust/redaction"
)

var (
	ada   = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.9")
	grace = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.10")
)

const (
	name   = "Agnes Canary"
	number = "+441614960187"
)

func schemas() place.Schemas {
	s := recordingtest.Schemas(search.Migrations(), person.Migrations(), parcel.Migrations(), redaction.Migrations(), approval.Migrations(), pseudonym.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, search.Housekeeping(), person.Housekeeping(), parcel.Housekeeping(), redaction.Housekeeping, pseudonym.Housekeeping)
	return s
}

type world struct {
	*testing.T
	*recordingtest.World
	persons    *person.Service
	approvals  *approval.Service
	pseudonyms *pseudonym.Service
	certified  []pseudonym.Gone
}

func on(t *testing.T, rt *recordingtest.World) *world {
	w := &world{T: t, World: rt, approvals: approval.New(approval.Options{})}
	w.Service.OnDestroy(search.Remove)
	w.persons = person.New(person.Options{Store: w.Store, Recordings: w.Service, Few: 4})
	w.pseudonyms = pseudonym.New(pseudonym.Options{
		Recordings: w.Service, Keys: w.Keys, Persons: w.persons, Approvals: w.approvals,
		Certify: func(_ ctx, _ *place.Place, g pseudonym.Gone) error { w.certified = append(w.certified, g); return nil },
	})
	return w
}

func each(t *testing.T, fn func(w *world)) {
	placetest.Run(t, schemas(), func(t *testing.T, s *place.Store) { fn(on(t, recordingtest.On(t, s, recording.Options{}))) })
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// call archives a call in, and what was said in it by customer and agent in turn.
func (w *world) call(file, from, who string, seed int, turns ...string) id.Recording {
	w.Helper()
	it := w.Item(w.T, file, recordingtest.Tone(seed, 2, 12*time.Second))
	it.Call.Direction, it.Call.Caller = recording.Inbound, recording.Party{Number: from, Name: who}
	it.Call.Agents = []recording.Agent{{Extension: "201", Name: "Bella Agentson"}}
	out, err := w.Service.Archive(w.Context(), w.Place, w.Who, it)
	w.no(err)
	t := speech.Transcript{Language: "en-GB", Speakers: true}
	for i, text := range turns {
		u := speech.Turn{Start: float64(2 * i), End: float64(2*i) + 2, Speaker: speech.Customer, Text: text}
		if i%2 == 1 {
			u.Speaker, u.Channel = speech.Agent, 1
		}
		t.Turns = append(t.Turns, u)
	}
	o, err := w.Service.Open(w.Context(), w.Place, w.Who, out.Recording, recording.Ask{What: "transcribe"})
	w.no(err)
	defer o.Close()
	text, err := json.Marshal(t)
	w.no(err)
	w.no(w.Service.SaveTranscript(w.Context(), o, recording.Transcribed{JSON: text, State: recording.TranscriptState{State: recording.TranscriptDone}},
		func(tx *place.Tx, n int64) error { return search.Put(tx, n, turns...) }))
	return out.Recording
}

// request opens a case about Agnes, all finds of which are hers.
func (w *world) request() id.PersonRequest {
	w.Helper()
	c, err := w.persons.Begin(w.Context(), w.Place, ada, person.Draft{Right: person.Object, Subject: person.Subject{
		Name: name, Identifiers: person.Identifiers{Names: []string{name}, Numbers: []string{number}},
	}})
	w.no(err)
	w.no(w.persons.Search(w.Context(), w.Place, c.ID))
	all, err := w.persons.Items(w.Context(), w.Place, c.ID, id.Found{}, 500)
	w.no(err)
	for _, it := range all {
		_, err := w.persons.Decide(w.Context(), w.Place, ada, c.ID, person.Decision{Items: []id.Found{it.ID}, Verdict: person.Confirmed})
		w.no(err)
	}
	return c.ID
}

// work runs what is due until nothing is.
func (w *world) work() {
	w.Helper()
	kinds := w.pseudonyms.Kinds()
	kinds[recording.JobTranscribe] = job.Kind{Run: func(ctx, *place.Place, job.Job) error { return nil }}
	kinds[person.JobSearch], kinds[approval.Job] = w.persons.Kind(), job.Kind{Run: func(ctx, *place.Place, job.Job) error { return nil }}
	r := job.NewRunner(w.Store, kinds, job.Options{})
	for range 20 {
		n, err := r.RunDue(w.Context(), time.Now())
		w.no(err)
		if n == 0 {
			return
		}
	}
}

func (w *world) card(rec id.Recording) recording.Call {
	w.Helper()
	d, err := w.Service.Get(w.Context(), w.Place, w.Who, rec, recording.Everything)
	w.no(err)
	if strings.Contains(d.Card.File, "Agnes") {
		w.Error("the file's name says", d.Card.File)
	}
	return d.Card.Call
}

func (w *world) said(rec id.Recording) (out string) {
	w.Helper()
	o, err := w.Service.Open(w.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcript"})
	w.no(err)
	defer o.Close()
	b, err := o.Transcript(w.Context())
	w.no(err)
	var t speech.Transcript
	w.no(json.Unmarshal(b, &t))
	for _, u := range t.Turns {
		out += u.Text + "\n"
	}
	return out
}

func (w *world) found(f recording.Filter) int {
	w.Helper()
	f.Scope = recording.Everything
	page, err := w.Service.List(w.Context(), w.Place, w.Who, f, recording.PageAsk{Limit: 50})
	w.no(err)
	return len(page.Items)
}

func (w *world) spoken(query string) (n int) {
	w.Helper()
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) error {
		f, err := search.Find(tx, query, "r.n")
		n = f.Matches
		return err
	}))
	return n
}

// replaced has Agnes replaced everywhere, and gives her two pseudonyms.
func (w *world) replaced(i id.PersonRequest, how pseudonym.How) (person, number string) {
	w.Helper()
	plan, err := w.pseudonyms.PlanPerson(w.Context(), w.Place, i, how)
	w.no(err)
	_, err = w.pseudonyms.StartPerson(w.Context(), w.Place, ada, i, how, plan.Count)
	w.no(err)
	w.work()
	all, err := w.pseudonyms.List(w.Context(), w.Place, id.Pseudonym{}, 50)
	w.no(err)
	for _, x := range all {
		if x.Request != i {
			continue
		}
		if x.Kind == pseudonym.Name {
			person = x.Text
		} else {
			number = x.Text
		}
	}
	return person, number
}

type ctx = context.Context

func TestOnePersonIsReplacedEverywhere(t *testing.T) {
	each(t, func(w *world) {
		first := w.call("Agnes Canary 1.wav", number, name, 1, "hello this is Agnes Canary my number is oh one six one four nine six oh one eight seven", "thank you Agnes")
		second := w.call("2.wav", "+441614960999", "Zoe Other", 2, "I was told by Agnes Canary to call", "fine")
		other := w.call("3.wav", "+441614960999", "Zoe Other", 3, "this is Zoe", "fine")
		i := w.request()
		run, err := w.pseudonyms.PlanPerson(w.Context(), w.Place, i, pseudonym.How{})
		w.no(err)
		if run.Count != 2 {
			w.Fatal("the plan has", run.Count)
		}
		if _, err := w.pseudonyms.StartPerson(w.Context(), w.Place, ada, i, pseudonym.How{}, 3); !fault.Is(err, fault.Invalid) {
			w.Error("a wrong count was taken:", err)
		}
		her, hers := w.replaced(i, pseudonym.How{Silence: true})
		if c := w.card(first).Caller; c.Name != her || c.Number != hers || her == "" {
			w.Error("the card says", c, "not", her, hers)
		}
		if c := w.card(second).Caller; c.Name != "Zoe Other" {
			w.Error("somebody else was replaced:", c)
		}
		for _, rec := range []id.Recording{first, second} {
			text := w.said(rec)
			if strings.Contains(strings.ToLower(text), "agnes") || strings.Contains(text, "nine six") || !strings.Contains(text, her) {
				w.Error("it was said:", text)
			}
		}
		if !strings.Contains(w.said(first), hers) || !strings.Contains(w.said(other), "Zoe") {
			w.Error("the number's pseudonym does not stand in", w.said(first))
		}
		if w.spoken("agnes canary") != 0 || w.spoken(strings.TrimPrefix(her, "Person ")) != 2 {
			w.Error("the words are found, or the pseudonym is not")
		}
		if w.found(recording.Filter{Number: number}) != 0 || w.found(recording.Filter{Number: hers}) != 1 {
			w.Error("the number is found, or its pseudonym is not")
		}
		again := w.call("4.wav", number, name, 4, "it is Agnes Canary again", "hello")
		w.no(w.pseudonyms.SetRule(w.Context(), w.Place, ada, pseudonym.Rule{}, 0))
		j := w.request()
		if p, n := w.replaced(j, pseudonym.How{}); p != her || n != hers || w.card(again).Caller.Name != her {
			w.Error("of the same person there are two pseudonyms:", p, n)
		}
	})
}

func TestTheRuleReplacesEverybodyWhoDoesNotWorkThere(t *testing.T) {
	each(t, func(w *world) {
		rec := w.call("1.wav", number, name, 1, "hello my name is Agnes Canary", "this is Bella Agentson speaking", "a friend called Margaret Whitfield told me")
		if _, err := w.pseudonyms.Due(w.Context(), w.Place, 0); !fault.Is(err, fault.Invalid) {
			w.Error("a rule of no days:", err)
		}
		due, err := w.pseudonyms.Due(w.Context(), w.Place, 1)
		w.no(err)
		if err := w.pseudonyms.SetRule(w.Context(), w.Place, ada, pseudonym.Rule{Days: 1}, due+1); !fault.Is(err, fault.Invalid) {
			w.Error("a wrong count was taken:", err)
		}
		w.no(w.pseudonyms.SetRule(w.Context(), w.Place, ada, pseudonym.Rule{Days: 1}, due))
		n, err := w.pseudonyms.Nightly(w.Context(), w.Place)
		w.no(err)
		if int64(n) != due || n != 1 {
			w.Fatal("a night took on", n, "of", due)
		}
		w.work()
		c, text := w.card(rec), w.said(rec)
		if !strings.HasPrefix(c.Caller.Name, "Person ") || !strings.HasPrefix(c.Caller.Number, "P-") || c.Agents[0].Name != "Bella Agentson" || c.Agents[0].Extension != "201" {
			w.Error("the card says", c)
		}
		if strings.Contains(text, "Agnes") || strings.Contains(text, "Whitfield") || !strings.Contains(text, "Bella") {
			w.Error("it was said:", text)
		}
		if n, err := w.pseudonyms.Nightly(w.Context(), w.Place); err != nil || n != 0 {
			w.Error("the second night has", n, err)
		}
	})
}

func TestWhatIsHeldOrRestrictedIsLeftAndNamed(t *testing.T) {
	each(t, func(w *world) {
		held := w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		only := w.call("2.wav", number, name, 2, "I am Agnes Canary", "yes")
		free := w.call("3.wav", number, name, 3, "I am Agnes Canary", "yes")
		i := w.request()
		hold := id.New[id.Hold]()
		w.no(w.Place.Change(w.Context(), ada, func(tx *place.Tx) error {
			r, err := w.Service.Lookup(tx, held)
			if err == nil {
				_, _, err = w.Service.Hold(tx, hold, []int64{r.N})
			}
			if err != nil {
				return err
			}
			tx.Record(place.Event{Code: "hold.placed"})
			return w.Service.Restrict(tx, only, id.New[id.PersonRequest]())
		}))
		w.replaced(i, pseudonym.How{})
		if w.card(held).Caller.Name != name || w.card(only).Caller.Name != name || w.card(free).Caller.Name == name {
			w.Error("a hold or a restriction was passed over, or the third one left")
		}
		runs, err := w.pseudonyms.Runs(w.Context(), w.Place, id.PseudonymRun{}, 10)
		w.no(err)
		if f := runs[0].Figures; !runs[0].Ended || f[pseudonym.Held] != 1 || f[pseudonym.Restricted] != 1 || f[pseudonym.Done] != 1 {
			w.Error("the run says", runs[0])
		}
		left, err := w.pseudonyms.Left(w.Context(), w.Place, runs[0].ID)
		if err != nil || len(left) != 2 {
			w.Error("left and named:", left, err)
		}
		if _, err := w.pseudonyms.Again(w.Context(), w.Place, ada, runs[0].ID); !fault.Is(err, fault.Conflict) {
			w.Error("it is taken up although nothing can be done:", err)
		}
		w.no(w.Place.Change(w.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "hold.lifted"})
			_, err := w.Service.Release(tx, hold)
			return err
		}))
		_, err = w.pseudonyms.Again(w.Context(), w.Place, ada, runs[0].ID)
		w.no(err)
		if _, err := w.pseudonyms.StartPerson(w.Context(), w.Place, ada, i, pseudonym.How{}, 1); !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
			w.Error("a second run beside the first:", err)
		}
		w.work()
		if w.card(held).Caller.Name == name {
			w.Error("after the hold it was not taken up")
		}
	})
}

func TestWhoFitsEverybodyIsRefusedWithTheCount(t *testing.T) {
	w := on(t, recordingtest.New(t, search.Migrations(), person.Migrations(), parcel.Migrations(), redaction.Migrations(), approval.Migrations(), pseudonym.Migrations()))
	for n := range 6 {
		w.call(string(rune('a'+n))+".wav", number, name, n+1, "hello", "hello")
	}
	c, err := w.persons.Begin(w.Context(), w.Place, ada, person.Draft{Right: person.Object, Subject: person.Subject{Identifiers: person.Identifiers{Numbers: []string{number}}}})
	w.no(err)
	w.no(w.persons.Search(w.Context(), w.Place, c.ID))
	if _, err := w.pseudonyms.PlanPerson(w.Context(), w.Place, c.ID, pseudonym.How{}); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Text, "6 of 6") {
		w.Error("the plan says", err)
	}
}

func TestTheWayBackLeavesAReceiptAndCanBeDestroyed(t *testing.T) {
	each(t, func(w *world) {
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		i := w.request()
		her, hers := w.replaced(i, pseudonym.How{})
		before := w.receipts()
		got, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, strings.ToLower(her), "legal claim", "claim 12")
		if err != nil || len(got) == 0 || got[0] != name {
			w.Fatal("the way back leads to", got, err)
		}
		if w.receipts() != before+1 {
			w.Error("it left no receipt")
		}
		if got, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, hers, "legal claim", "claim 12"); err != nil || got[0] != number {
			w.Error("of the number:", got, err)
		}
		for _, bad := range [][3]string{{"Person 00000-00000", "legal claim", "why"}, {"Agnes", "legal claim", "why"}, {her, "curiosity", "why"}, {her, "legal claim", ""}} {
			if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, bad[0], bad[1], bad[2]); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
				w.Error(bad, "was answered:", err)
			}
		}
		which := pseudonym.Which{All: true}
		n, err := w.pseudonyms.Meant(w.Context(), w.Place, which)
		w.no(err)
		if _, err := w.pseudonyms.Forget(w.Context(), w.Place, ada, which, "no claim is open", n); !fault.Is(err, fault.Conflict) {
			w.Error("while the request names the person:", err)
		}
		_, err = w.persons.Identify(w.Context(), w.Place, ada, i, "called back", "")
		w.no(err)
		_, err = w.persons.End(w.Context(), w.Place, ada, i, false, "done")
		w.no(err)
		if _, err := w.pseudonyms.Forget(w.Context(), w.Place, ada, which, "no claim is open", n+1); !fault.Is(err, fault.Invalid) {
			w.Error("a wrong count was taken:", err)
		}
		apr, err := w.pseudonyms.Forget(w.Context(), w.Place, ada, which, "no claim is open", n)
		w.no(err)
		yes := approval.Decision{May: func(access.Act) bool { return true }, Confirm: n}
		if _, err := w.approvals.Approve(w.Context(), w.Place, ada, apr, yes); err == nil {
			w.Error("one person did it alone")
		}
		if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, her, "legal claim", "claim 12"); err != nil {
			w.Error("before the second person:", err)
		}
		_, err = w.approvals.Approve(w.Context(), w.Place, grace, apr, yes)
		w.no(err)
		w.work()
		if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, her, "legal claim", "claim 12"); !fault.Is(err, fault.Gone) {
			w.Error("after it:", err)
		}
		if len(w.certified) != 1 || w.certified[0].Keys < 3 {
			w.Error("certified:", w.certified)
		}
		c, err := w.persons.Read(w.Context(), w.Place, i)
		if err != nil || len(c.Subject.Identifiers.Names) > 0 || c.Subject.Name == name {
			w.Error("the request still names her:", c.Subject, err)
		}
		w.call("2.wav", number, name, 2, "I am Agnes Canary", "yes")
		if p, _ := w.replaced(w.request(), pseudonym.How{}); p == her || p == "" {
			w.Error("who calls anew has the old pseudonym", p)
		}
	})
}

func (w *world) receipts() (n int64) {
	w.Helper()
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM events WHERE code = 'opening.granted' AND subject LIKE 'psn_%'`)
		return err
	}))
	return n
}

func TestExportsCarryTheSamePseudonyms(t *testing.T) {
	each(t, func(w *world) {
		out, err := w.pseudonyms.Aliases(w.Context(), w.Place, ada, []string{name, "x", "Zoe Other"})
		w.no(err)
		if len(out) != 2 || out[name] == out["Zoe Other"] {
			w.Fatal("aliases", out)
		}
		if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, out[name], "legal claim", "why"); !fault.Is(err, fault.Conflict) {
			w.Error("a way back of what stands in an export only:", err)
		}
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		if p, _ := w.replaced(w.request(), pseudonym.How{}); p != out[name] && w.card(w.first()).Caller.Name != out[name] {
			w.Error("the archive has", p, "and the export", out[name])
		}
		if got, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, out[name], "legal claim", "why"); err != nil || got[0] != name {
			w.Error("then it leads back:", got, err)
		}
	})
}

func (w *world) first() id.Recording {
	w.Helper()
	page, err := w.Service.List(w.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Limit: 1})
	w.no(err)
	return page.Items[0].ID
}

// What leads to the person is on the disk before, and nowhere after.
func TestCanary(t *testing.T) {
	dir := t.TempDir()
	rt, err := recordingtest.Disk(t.Context(), dir, recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"}, schemas2())
	if err != nil {
		t.Fatal(err)
	}
	w := on(t, rt)
	w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
	var token []byte
	w.no(w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		token, err = tx.Blind(place.FieldNumber, number)
		return err
	}))
	if !w.onDisk(dir, token) {
		t.Fatal("the blind index of the number is not found before: the search is wrong")
	}
	i := w.request()
	w.replaced(i, pseudonym.How{Silence: true})
	var marks [][]byte
	w.no(w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		marks, err = place.Rows[[]byte](tx, `SELECT mark FROM pseudonym_marks`)
		return err
	}))
	w.no(w.Place.Scrub(t.Context()))
	if w.onDisk(dir, token) || len(marks) == 0 || !w.onDisk(dir, marks[0]) {
		t.Error("the blind index is found after, or the mark is not")
	}
	w.answered(i)
	w.forgotten(pseudonym.Which{All: true})
	w.work()
	w.no(w.Place.Scrub(t.Context()))
	for _, m := range append(marks, token, []byte(name), []byte(number)) {
		if w.onDisk(dir, m) {
			t.Errorf("%q is found on the disk", m)
		}
	}
	w.no(w.Close())
}

func schemas2() place.Schemas {
	return place.Schemas{
		Place:        slices.Concat(search.Migrations(), person.Migrations(), parcel.Migrations(), redaction.Migrations(), approval.Migrations(), pseudonym.Migrations()),
		Housekeeping: slices.Concat(search.Housekeeping(), person.Housekeeping(), parcel.Housekeeping(), redaction.Housekeeping, pseudonym.Housekeeping),
	}
}

// onDisk looks for bytes in every file.
func (w *world) onDisk(dir string, what []byte) (there bool) {
	w.Helper()
	w.no(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		there = there || bytes.Contains(b, what)
		return err
	}))
	return there
}

func FuzzCode(f *testing.F) {
	for _, s := range []string{"Person K7QM2-VX4TD", "p-4f7k2-qx9rm", "K7QM2VX4TD", "", "Person ", "P-P-00000-00000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, err := pseudonym.Code(s)
		if err != nil {
			return
		}
		for _, k := range []pseudonym.Kind{pseudonym.Name, pseudonym.Number} {
			if again, err := pseudonym.Code(pseudonym.Text(k, code)); err != nil || again != code {
				t.Errorf("%q is read as %q and then as %q: %v", s, code, again, err)
			}
		}
	})
}

// A backup from before has the way back in its rows; its keys are dead, and what
// led there goes before anybody opens the place.
func TestARestoreDoesNotBringTheWayBack(t *testing.T) {
	each(t, func(w *world) {
		w.call("1.wav", number, name, 1, "I am Agnes Canary", "yes")
		her, hers := w.replaced(w.request(), pseudonym.How{})
		var keys []id.Key
		w.no(w.Place.View(w.Context(), func(tx *place.Tx) (err error) {
			keys, err = place.Rows[id.Key](tx, `SELECT m.key FROM pseudonym_marks m JOIN pseudonyms p ON p.id = m.pseudonym WHERE p.kind = 'name'`)
			return err
		}))
		w.no(w.Keys.Destroy(w.Context(), w.Place.Customer(), "a test", keys...))
		if n, err := pseudonym.Purge(w.Context(), w.Place, keys); err != nil || n != len(keys) || n == 0 {
			w.Fatal("purged", n, err)
		}
		if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, her, "legal claim", "why"); !fault.Is(err, fault.Gone) {
			w.Error("the way back is there:", err)
		}
		if got, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, hers, "legal claim", "why"); err != nil || got[0] != number {
			w.Error("another's way back went as well:", got, err)
		}
	})
}
