package person_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
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
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/person"
)

var ada = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.9")

func schemas() place.Schemas {
	s := recordingtest.Schemas(search.Migrations(), person.Migrations(), parcel.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, search.Housekeeping(), person.Housekeeping(), parcel.Housekeeping())
	return s
}

type world struct {
	*testing.T
	*recordingtest.World
	persons *person.Service
	hold    string // why the other store keeps what it has; "": it erases
	held    []string
	later   func()                  // is done after a request was ended, before it is certified
	minimum map[id.Recording]string // why a law wants a recording kept
}

// each runs a test on both engines.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	placetest.Run(t, schemas(), func(t *testing.T, s *place.Store) {
		w := &world{T: t, World: recordingtest.On(t, s, recording.Options{}), held: []string{"note by Agnes Canary", "note by Zoe"}}
		w.Service.OnDestroy(search.Remove)
		w.persons = person.New(person.Options{
			Store: s, Recordings: w.Service, Few: 4, Stores: []person.Store{w.notes()},
			Minimum: func(_ ctx, _ *place.Place, row recording.Row) (string, error) { return w.minimum[row.ID], nil },
		})
		fn(t, w)
	})
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// call archives a call in and, where something was said, its transcript.
func (w *world) call(name, number, who string, seed, channels int, turns ...speech.Turn) id.Recording {
	w.Helper()
	it := w.Item(w.T, name+".wav", recordingtest.Tone(seed, channels, time.Second))
	it.Call.Caller = recording.Party{Number: number, Name: who}
	out, err := w.Service.Archive(w.Context(), w.Place, w.Who, it)
	w.no(err)
	if len(turns) == 0 {
		return out.Recording
	}
	o, err := w.Service.Open(w.Context(), w.Place, w.Who, out.Recording, recording.Ask{What: "transcribe"})
	w.no(err)
	defer o.Close()
	text, err := json.Marshal(speech.Transcript{Language: "en-GB", Speakers: channels == 2, Turns: turns})
	w.no(err)
	var said []string
	for _, turn := range turns {
		said = append(said, turn.Text)
	}
	w.no(w.Service.SaveTranscript(w.Context(), o, recording.Transcribed{JSON: text, State: recording.TranscriptState{State: recording.TranscriptDone}},
		func(tx *place.Tx, n int64) error { return search.Put(tx, n, said...) }))
	return out.Recording
}

func customerSaid(at float64, text string) speech.Turn {
	return speech.Turn{Start: at, End: at + 1, Speaker: speech.Customer, Channel: 0, Text: text}
}

func agentSaid(at float64, text string) speech.Turn {
	return speech.Turn{Start: at, End: at + 1, Speaker: speech.Agent, Channel: 1, Text: text}
}

// begin opens a case, searches, and notes the proof of identity.
func (w *world) begin(right person.Right, ids person.Identifiers) person.Case {
	w.Helper()
	c, err := w.persons.Begin(w.Context(), w.Place, ada, person.Draft{Right: right, Subject: person.Subject{Name: "Agnes Canary", Identifiers: ids}})
	w.no(err)
	w.no(w.persons.Search(w.Context(), w.Place, c.ID))
	c, err = w.persons.Identify(w.Context(), w.Place, ada, c.ID, "called back on the number", "")
	w.no(err)
	return c
}

func (w *world) items(c id.PersonRequest) []person.Item {
	w.Helper()
	all, err := w.persons.Items(w.Context(), w.Place, c, id.Found{}, 500)
	w.no(err)
	return all
}

// decide confirms the finds for which ok says so, and rejects the others.
func (w *world) decide(c id.PersonRequest, ok func(person.Item) bool) {
	w.Helper()
	for _, it := range w.items(c) {
		v := person.Rejected
		if ok(it) {
			v = person.Confirmed
		}
		_, err := w.persons.Decide(w.Context(), w.Place, ada, c, person.Decision{Items: []id.Found{it.ID}, Verdict: v})
		w.no(err)
	}
}

func find(all []person.Item, ref string) *person.Item {
	for i := range all {
		if all[i].Ref == ref {
			return &all[i]
		}
	}
	return nil
}

const agnes = "+441614960187"

// A person is found by whatever writing of the number, by name, by what was
// spoken in digits over two turns, and in the change log; who has another number
// is not.
func TestAPersonIsFoundEverywhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2, customerSaid(0, "good morning"))
		said := w.call("said", "+441614960999", "Somebody Else", 2, 2,
			customerSaid(1, "please ring my sister on oh one six one four nine six"), agentSaid(3, "yes"), customerSaid(5, "oh one eight seven thanks"))
		named := w.call("named", "+441614960998", "Third Person", 3, 2, agentSaid(2, "I spoke with Agnes Canary about account seven seven double four one two"))
		other := w.call("other", "+441614960188", "Fourth Person", 4, 2, customerSaid(0, "oh one six one four nine six oh one eight eight"))
		w.no(w.Place.Change(t.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "directory.assigned", Personal: map[string]string{"name": "Agnes Canary"}})
			return nil
		}))
		for _, form := range []string{"0161 496 0187", "+44 (0)161 496 0187", "00441614960187", "161-496-0187"} {
			if form == "161-496-0187" { // without its zero a number is found as digits only
				continue
			}
			c := w.begin(person.Erase, person.Identifiers{Numbers: []string{form}})
			all := w.items(c.ID)
			if it := find(all, mine.String()); it == nil || it.Role != "calling" {
				t.Errorf("%s: the call is missing: %+v", form, all)
			}
			if it := find(all, said.String()); it == nil || it.Role != "spoken of" || !strings.Contains(strings.Join(it.Why, ";"), "said at 0:01 by the customer") {
				t.Errorf("%s: what was spoken is missing: %+v", form, it)
			}
			if find(all, other.String()) != nil || find(all, named.String()) != nil {
				t.Errorf("%s: another person was found", form)
			}
		}
		c := w.begin(person.Access, person.Identifiers{Names: []string{"canary, AGNES"}, Accounts: []string{"774412"}})
		all := w.items(c.ID)
		for name, ref := range map[string]string{"card": mine.String(), "spoken": named.String()} {
			if find(all, ref) == nil {
				t.Errorf("by name, %s is missing", name)
			}
		}
		if !slices.ContainsFunc(all, func(it person.Item) bool { return it.Store == "journal" && it.Label == "directory.assigned" }) {
			t.Errorf("the change log was not looked through: %+v", all)
		}
		if !slices.ContainsFunc(all, func(it person.Item) bool { return it.Store == "notes" }) || slices.ContainsFunc(all, func(it person.Item) bool { return strings.Contains(it.Label, "Zoe") }) {
			t.Errorf("the other store: %+v", all)
		}
		if !slices.ContainsFunc(all, func(it person.Item) bool { return it.Store == "requests" }) == (len(all) == 0) {
			t.Log("requests by number alone name nobody")
		}
		w.no(w.persons.Search(t.Context(), w.Place, c.ID)) // it is not searching: nothing happens
		if _, err := w.persons.Again(t.Context(), w.Place, ada, c.ID, person.Identifiers{Names: []string{"Agnes Canary"}}); err != nil {
			t.Fatal(err)
		}
		w.no(w.persons.Search(t.Context(), w.Place, c.ID))
		if again := w.items(c.ID); len(again) < len(all) {
			t.Errorf("%d finds, then %d", len(all), len(again))
		}
	})
}

// Who fits everybody is nobody: nothing is listed, and it is said why.
func TestWhoFitsEverybody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 5 {
			w.call("c"+string(rune('a'+i)), "+44161496018"+string(rune('0'+i)), "Caller", 10+i, 1)
		}
		c := w.begin(person.Erase, person.Identifiers{Numbers: []string{"+441614960000"}}) // the customer's own
		if c.State != person.TooWide || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "5 of 5") || c.Figures.Found != 0 {
			t.Errorf("%+v", c)
		}
		if err := w.persons.Erase(t.Context(), w.Place, ada, c.ID, 0); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		for _, bad := range []person.Identifiers{{}, {Names: []string{"x"}}, {Numbers: []string{"%"}}, {Emails: []string{"@"}}, {Accounts: []string{"12"}}} {
			if _, err := w.persons.Begin(t.Context(), w.Place, ada, person.Draft{Right: person.Erase, Subject: person.Subject{Identifiers: bad}}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

// The plan says what is erased and what is kept; the exact number is asked for;
// what was erased is gone and can be found no more, and what is kept stays.
func TestErasing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2, customerSaid(0, "hello"))
		held := w.call("held", agnes, "Agnes Canary", 2, 2)
		claim := w.call("claim", agnes, "Agnes Canary", 3, 2)
		theirs := w.call("theirs", agnes, "Her Husband", 4, 2)
		said := w.call("said", "+441614960999", "Somebody Else", 5, 2, customerSaid(1, "tell Agnes Canary"))
		law := w.call("law", "+441614960998", "Agnes Canary", 6, 2)
		w.minimum = map[id.Recording]string{law: "fca-5"}
		hold := id.New[id.Hold]()
		w.no(w.Place.Change(t.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "recording.marked"})
			r, err := w.Service.Lookup(tx, held)
			if err == nil {
				_, _, err = w.Service.Hold(tx, hold, []int64{r.N})
			}
			return err
		}))
		c := w.begin(person.Erase, person.Identifiers{Numbers: []string{agnes}, Names: []string{"Agnes Canary"}})
		if err := w.persons.Erase(t.Context(), w.Place, ada, c.ID, 1); !fault.Is(err, fault.Conflict) {
			t.Error("undecided finds were erased:", err)
		}
		w.decide(c.ID, func(it person.Item) bool { return it.Ref != theirs.String() })
		_, err := w.persons.Decide(t.Context(), w.Place, ada, c.ID, person.Decision{Items: []id.Found{find(w.items(c.ID), claim.String()).ID}, Verdict: person.Confirmed, Ground: "legal-claim", Because: "court case 7"})
		w.no(err)
		plan, err := w.persons.Plan(t.Context(), w.Place, c.ID)
		w.no(err)
		why := map[string]string{}
		for _, l := range plan.Lines {
			why[l.Item.Ref] = l.Why
		}
		if why[mine.String()] != "" || !strings.Contains(why[held.String()], "hold") || !strings.Contains(why[claim.String()], "court case 7") || !strings.Contains(why[said.String()], "another person's call") {
			t.Errorf("%v", why)
		}
		if why[law.String()] != "fca-5" {
			t.Error("a law's minimum is not in the plan:", why[law.String()])
		}
		if _, planned := why[theirs.String()]; planned {
			t.Error("what was rejected stands in the plan")
		}
		if err := w.persons.Erase(t.Context(), w.Place, ada, c.ID, plan.Erase+1); !fault.Is(err, fault.Invalid) {
			t.Error("a wrong number was taken:", err)
		}
		w.no(w.persons.Erase(t.Context(), w.Place, ada, c.ID, plan.Erase))
		for name, ref := range map[string]id.Recording{"held": held, "claim": claim, "theirs": theirs, "said": said, "law": law} {
			if err := w.Service.May(t.Context(), w.Place, ref, recording.Everything); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := w.Service.May(t.Context(), w.Place, mine, recording.Everything); !fault.Is(err, fault.Gone) {
			t.Error("it was not erased:", err)
		}
		if len(w.held) != 1 {
			t.Errorf("the other store still has %q", w.held)
		}
		c, err = w.persons.Read(t.Context(), w.Place, c.ID)
		w.no(err)
		if c.State != person.Open || c.Figures.Erased != plan.Erase || c.Figures.Kept != plan.Keep {
			t.Errorf("%+v", c)
		}
		for _, it := range w.items(c.ID) {
			if it.Outcome == person.Erased && (it.Label != "" || len(it.Why) > 0) {
				t.Errorf("what was erased is still described: %+v", it)
			}
		}
		again := w.begin(person.Access, person.Identifiers{Numbers: []string{agnes}})
		if find(w.items(again.ID), mine.String()) != nil {
			t.Error("what was erased is found again")
		}
		if _, err := w.persons.End(t.Context(), w.Place, ada, c.ID, false, "erased"); err != nil {
			t.Error(err)
		}
	})
}

// notes is a store of another wing: lines that name people.
func (w *world) notes() person.Store {
	return person.Store{
		Name: "notes", Title: "Notes", Tables: []string{"notes"},
		Find: func(_ ctx, _ *place.Place, _ actor.Actor, q *person.Query) (hits []person.Hit, err error) {
			for _, n := range w.held {
				if why := q.In(n); len(why) > 0 {
					hits = append(hits, person.Hit{Ref: n, Label: n, Why: why})
				}
			}
			return hits, nil
		},
		Keep: func(ctx, *place.Place, string) (string, error) { return w.hold, nil },
		Erase: func(_ ctx, _ *place.Place, _ actor.Actor, ref string, _ person.By) error {
			w.held = slices.DeleteFunc(w.held, func(s string) bool { return s == ref })
			return nil
		},
	}
}

// What is restricted is opened for a stated purpose of the law and no other, and
// is free again once the restriction is lifted.
func TestRestricting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2, customerSaid(0, "hello"))
		c := w.begin(person.Restrict, person.Identifiers{Numbers: []string{agnes}})
		open := func(purpose string) error {
			o, err := w.Service.Open(t.Context(), w.Place, ada.For(purpose), mine, recording.Ask{What: "listen"})
			if err == nil {
				o.Close()
			}
			return err
		}
		running, err := w.Service.Open(t.Context(), w.Place, ada, mine, recording.Ask{What: "listen"})
		w.no(err)
		w.decide(c.ID, func(it person.Item) bool { return it.Store == "recordings" })
		n, err := w.persons.Restrict(t.Context(), w.Place, ada, c.ID)
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if _, err := w.Service.Opening(w.Place, ada, running.ID); err == nil {
			t.Error("an opening outlived the restriction")
		}
		for purpose, may := range map[string]bool{"": false, "Training": false, "legal claims department": false, "Legal claim: case 7": true, "consent of the person, by letter": true} {
			if err := open(purpose); (err == nil) != may {
				t.Errorf("%q: %v", purpose, err)
			}
		}
		if _, err := w.Service.Open(t.Context(), w.Place, actor.ForSystem("speech").For("transcription"), mine, recording.Ask{What: "transcribe"}); !fault.Is(err, fault.Denied) {
			t.Error("it is still transcribed:", err)
		}
		if _, err := w.persons.Lift(t.Context(), w.Place, ada, c.ID, " "); !fault.Is(err, fault.Invalid) {
			t.Error("lifted without the person being told:", err)
		}
		if n, err := w.persons.Lift(t.Context(), w.Place, ada, c.ID, "by letter of 3 May"); err != nil || n != 1 {
			t.Error(n, err)
		}
		w.no(open(""))
	})
}

// A name and a number are put right on the card, and in the index by which calls
// are found; the old value stands in the journal alone.
func TestRectifying(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2)
		c := w.begin(person.Rectify, person.Identifiers{Numbers: []string{agnes}})
		w.decide(c.ID, func(it person.Item) bool { return true })
		item := find(w.items(c.ID), mine.String()).ID
		for _, fix := range []recording.Correction{{Field: "name", Old: "Agnes Canary", New: "Agnes Kanary"}, {Field: "number", Old: "0161 496 0187", New: "+441614960777"}} {
			if n, err := w.persons.Rectify(t.Context(), w.Place, ada, c.ID, item, fix); err != nil || n != 1 {
				t.Fatal(fix, n, err)
			}
		}
		if _, err := w.persons.Rectify(t.Context(), w.Place, ada, c.ID, item, recording.Correction{Field: "number", Old: agnes, New: "Agnes"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a name stands where a number stood: %v", err)
		}
		if _, err := w.persons.Rectify(t.Context(), w.Place, ada, c.ID, item, recording.Correction{Field: "name", Old: "Nobody", New: "X"}); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		for number, want := range map[string]int{agnes: 0, "0161 496 0777": 1} {
			page, err := w.Service.List(t.Context(), w.Place, ada, recording.Filter{Number: number, Scope: recording.Everything}, recording.PageAsk{})
			w.no(err)
			if len(page.Items) != want {
				t.Errorf("%s: %d", number, len(page.Items))
			}
			if want == 1 && page.Items[0].Card.Call.Caller.Name != "Agnes Kanary" {
				t.Error(page.Items[0].Card.Call.Caller)
			}
		}
	})
}

// An objection is known by the number, for calls that come later as well.
func TestObjecting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.call("mine", agnes, "Agnes Canary", 1, 2)
		c := w.begin(person.Object, person.Identifiers{Numbers: []string{"0161 496 0187"}})
		if _, err := w.persons.ObjectTo(t.Context(), w.Place, ada, c.ID, []string{"breathing"}); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		_, err := w.persons.ObjectTo(t.Context(), w.Place, ada, c.ID, []string{"transcription", "search"})
		w.no(err)
		later, other := w.call("later", agnes, "Agnes Canary", 2, 2), w.call("other", "+441614960999", "Else", 3, 2)
		objected := func(rec id.Recording) (what []string) {
			w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
				r, err := w.Service.Lookup(tx, rec)
				if err == nil {
					what, err = person.Objected(tx, r.N)
				}
				return err
			}))
			return what
		}
		if got := objected(later); !slices.Equal(got, []string{"search", "transcription"}) {
			t.Error(got)
		}
		if got := objected(other); len(got) != 0 {
			t.Error(got)
		}
		_, err = w.persons.ObjectTo(t.Context(), w.Place, ada, c.ID, nil)
		w.no(err)
		if got := objected(later); len(got) != 0 {
			t.Error("taken back, and still there:", got)
		}
	})
}

// The pack has the person's side and not the other's, their words and not the
// other's, and no sound where the two cannot be told apart.
func TestThePackIsThePersonsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2, customerSaid(0, "my own words"), agentSaid(1, "secret of the agent"))
		mono := w.call("mono", agnes, "Agnes Canary", 2, 1, speech.Turn{Text: "both of us", Speaker: speech.UnknownRole})
		theirs := w.call("theirs", agnes, "Her Husband", 3, 2)
		parcels := parcel.New(parcel.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket})
		parcels.Register(person.KindPack, w.persons.Maker())
		c := w.begin(person.Access, person.Identifiers{Numbers: []string{agnes}, Names: []string{"Agnes Canary"}})
		if _, err := w.persons.AskPack(t.Context(), w.Place, ada, parcels, c.ID); !fault.Is(err, fault.Conflict) {
			t.Error("a pack of what nobody has confirmed:", err)
		}
		w.decide(c.ID, func(it person.Item) bool { return it.Ref != theirs.String() })
		ordered, err := w.persons.AskPack(t.Context(), w.Place, ada, parcels, c.ID)
		w.no(err)
		if _, err := job.NewRunner(w.Store, parcels.Kinds(), job.Options{}).RunDue(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		files := taken(t, w, parcels, ordered.ID)
		dir := "recordings/" + mine.String() + "/"
		if got := string(files[dir+"transcript.txt"]); !strings.Contains(got, "my own words") || strings.Contains(got, "secret") {
			t.Errorf("%q", got)
		}
		left, right := loud(files[dir+"sound.wav"])
		if !left || right {
			t.Errorf("heard: the person %v, the other %v", left, right)
		}
		if files["recordings/"+mono.String()+"/sound.wav"] != nil || !strings.Contains(string(files["personal-data.json"]), "one channel") {
			t.Error("sound of both parties was handed over")
		}
		if !strings.Contains(string(files["recordings/"+mono.String()+"/transcript.txt"]), "both of us") {
			t.Error("the transcript of the call in one channel is missing")
		}
		for name := range files {
			if strings.Contains(name, theirs.String()) {
				t.Error("what was rejected was handed over:", name)
			}
		}
		if !strings.Contains(string(files["explanation.txt"]), "How long it is kept") || files["manifest.json"] == nil {
			t.Error(string(files["explanation.txt"]))
		}
	})
}

func taken(t *testing.T, w *world, parcels *parcel.Service, i id.Parcel) map[string][]byte {
	t.Helper()
	got, err := parcels.Read(t.Context(), w.Place, ada, i)
	w.no(err)
	if got.State != parcel.Ready {
		t.Fatalf("%+v", got)
	}
	o, err := parcels.Open(t.Context(), w.Place, ada, i)
	w.no(err)
	r, err := o.Content(t.Context())
	w.no(err)
	body, err := io.ReadAll(io.NewSectionReader(r, 0, got.Bytes))
	w.no(err)
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	w.no(err)
	out := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		w.no(err)
		b, err := io.ReadAll(in)
		w.no(err)
		out[f.Name] = append([]byte{}, b...)
	}
	return out
}

// loud says of each channel of a stereo WAV whether anything is heard in it.
func loud(wav []byte) (left, right bool) {
	for i := 44; i+3 < len(wav); i += 4 {
		left = left || binary.LittleEndian.Uint16(wav[i:]) != 0
		right = right || binary.LittleEndian.Uint16(wav[i+2:]) != 0
	}
	return left, right
}

// Those who handle requests are reminded a week before, and told when it is late.
func TestReminding(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.begin(person.Access, person.Identifiers{Numbers: []string{agnes}})
		for _, step := range []struct {
			at   time.Time
			n    int
			late bool
		}{{c.DueAt.Add(-8 * 24 * time.Hour), 0, false}, {c.DueAt.Add(-time.Hour), 1, false}, {c.DueAt, 1, true}} {
			all, again, err := w.persons.Remind(t.Context(), w.Place, step.at)
			if err != nil || len(all) != step.n || step.n == 1 && all[0].Late != step.late || step.n == 0 && !again.Equal(c.DueAt.Add(-7*24*time.Hour)) {
				t.Errorf("%v: %+v %v %v", step.at, all, again, err)
			}
		}
		longer, err := w.persons.Extend(t.Context(), w.Place, ada, c.ID, "many calls")
		w.no(err)
		if !longer.DueAt.After(c.DueAt.AddDate(0, 1, 25)) {
			t.Error(longer.DueAt)
		}
		if _, err := w.persons.Extend(t.Context(), w.Place, ada, c.ID, "more"); !fault.Is(err, fault.Conflict) {
			t.Error("extended twice:", err)
		}
		if all, _, _ := w.persons.Remind(t.Context(), w.Place, c.DueAt); len(all) != 0 {
			t.Error("an extended request is late")
		}
		if _, err := w.persons.End(t.Context(), w.Place, ada, c.ID, true, "not identified"); err != nil {
			t.Error(err)
		}
		if _, err := w.persons.End(t.Context(), w.Place, ada, c.ID, true, "again"); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	})
}
