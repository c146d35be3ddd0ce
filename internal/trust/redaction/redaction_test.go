package redaction_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/pii"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/redaction"
)

func TestMain(m *testing.M) { placetest.Main(m) }

type world struct {
	*recordingtest.World
	*redaction.Service
	t *testing.T
}

func schemas() place.Schemas {
	s := recordingtest.Schemas(redaction.Migrations(), search.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, redaction.Housekeeping, search.Housekeeping())
	return s
}

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{World: recordingtest.On(t, store, recording.Options{}), t: t}
	w.World.Service.OnDestroy(search.Remove)
	w.Service = redaction.New(redaction.Options{Recordings: w.World.Service})
	return w
}

func (w *world) no(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// long is a recording of ten seconds in two channels, in which 14 keys are pressed if so asked.
func long(keys bool, hz float64) []byte {
	const rate = 8000
	var b bytes.Buffer
	b.Write(sound.WAVHeader(2, rate, 10*rate))
	for i := range 10 * rate {
		t := float64(i) / rate
		v := 4000 * math.Sin(2*math.Pi*hz*t)
		if keys && i > rate && i < 5*rate && i%2000 < 1000 {
			v = 6000 * (math.Sin(2*math.Pi*770*t) + math.Sin(2*math.Pi*1336*t))
		}
		binary.Write(&b, binary.LittleEndian, []int16{int16(v), 0})
	}
	return b.Bytes()
}

// take archives a recording, transcribed if anything was said.
func (w *world) take(name string, data []byte, said string) id.Recording {
	w.t.Helper()
	out, err := w.World.Service.Archive(w.t.Context(), w.Place, w.Who, w.Item(w.t, name, data))
	w.no(err)
	if said == "" {
		return out.Recording
	}
	t := speech.Transcript{Language: "en-GB", Engine: "test", Speakers: true}
	at := 1.0
	for _, l := range strings.Split(said, "|") {
		who, words, _ := strings.Cut(l, ":")
		u := speech.Turn{Start: at, Speaker: speech.Customer, Text: words}
		if who == "A" {
			u.Speaker, u.Channel = speech.Agent, 1
		}
		for _, x := range strings.Fields(words) {
			u.Words = append(u.Words, speech.TimedWord{Text: x, Start: at, End: at + 0.2, Confidence: -1})
			at += 0.25
		}
		u.End = at
		t.Turns = append(t.Turns, u)
	}
	text, err := json.Marshal(t)
	w.no(err)
	o, err := w.World.Service.Open(w.t.Context(), w.Place, w.Who, out.Recording, recording.Ask{What: "transcribe"})
	w.no(err)
	defer o.Close()
	w.no(w.World.Service.SaveTranscript(w.t.Context(), o, recording.Transcribed{JSON: text, State: recording.TranscriptState{State: recording.TranscriptDone, Language: "en-GB"}}, func(tx *place.Tx, n int64) error {
		if err := search.Put(tx, n, strings.ReplaceAll(said, ":", " ")); err != nil {
			return err
		}
		return redaction.Heard(tx, out.Recording)
	}))
	return out.Recording
}

// work runs what is due until nothing is.
func (w *world) work() {
	w.t.Helper()
	r := job.NewRunner(w.Store, map[string]job.Kind{redaction.Job: w.Kind()}, job.Options{})
	for range 10 {
		n, err := r.RunDue(w.t.Context(), time.Now())
		w.no(err)
		if n == 0 {
			return
		}
	}
}

func (w *world) text(rec id.Recording, what string) (out string) {
	w.t.Helper()
	o, err := w.World.Service.Open(w.t.Context(), w.Place, w.Who, rec, recording.Ask{What: what})
	w.no(err)
	defer o.Close()
	b, err := o.Transcript(w.t.Context())
	w.no(err)
	var t speech.Transcript
	w.no(json.Unmarshal(b, &t))
	for _, u := range t.Turns {
		out += u.Text + "\n"
	}
	return out
}

func (w *world) loud(rec id.Recording, from, to float64) (v int) {
	w.t.Helper()
	o, err := w.World.Service.Open(w.t.Context(), w.Place, w.Who, rec, recording.Ask{What: "listen"})
	w.no(err)
	defer o.Close()
	pcm, err := o.PCM(w.t.Context())
	w.no(err)
	defer pcm.Close()
	buf := make([]int16, int((to-from)*8000)*pcm.Channels())
	_, err = pcm.ReadFrames(buf, int64(from*8000))
	w.no(err)
	for _, s := range buf {
		v = max(v, int(s), -int(s))
	}
	return v
}

func (w *world) finds(word string) (n int) {
	w.t.Helper()
	w.no(w.Place.View(w.t.Context(), func(tx *place.Tx) error {
		f, err := search.Find(tx, word, "r.n")
		n = f.Matches
		return err
	}))
	return n
}

func (w *world) marks(rec id.Recording) (out []recording.Mark) {
	w.t.Helper()
	w.no(w.Place.View(w.t.Context(), func(tx *place.Tx) error {
		r, err := w.World.Service.Lookup(tx, rec)
		if err != nil {
			return err
		}
		all, err := w.World.Service.LabelsOf(tx, []int64{r.N})
		out = all[r.N].Marks
		return err
	}))
	return out
}

const paid = "A:and the card number please|C:four one one one one one one one one one one one one one one one|A:thank you marmalade"

func TestACardIsTakenOutByItself(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.no(w.Set(t.Context(), w.Place, w.Who, redaction.Settings{Mode: redaction.Detect, Scan: true}))
		found := w.take("a.wav", long(false, 313), paid)
		w.work()
		st, err := w.Standing(t.Context(), w.Place, found)
		w.no(err)
		if st.Redacted || st.Counts[string(pii.CreditCard)] != 1 || !slices.Contains(w.marks(found), recording.CardData) {
			t.Errorf("only found: %+v, marks %v", st, w.marks(found))
		}
		if _, looked, recorded, err := w.Payments(t.Context(), w.Place, 0, 10); err != nil || looked != 1 || recorded != 1 {
			t.Errorf("%d looked through, %d with a payment (%v)", looked, recorded, err)
		}
		w.no(w.Set(t.Context(), w.Place, w.Who, redaction.Settings{Mode: redaction.Redact, Entities: []pii.Entity{pii.CreditCard}, Days: 0, Scan: true}))
		rec := w.take("b.wav", long(false, 333), paid)
		w.work()
		text := w.text(rec, "transcript")
		if !strings.Contains(text, "[CREDIT_CARD]") || strings.Contains(text, "one one") || !strings.Contains(text, "marmalade") {
			t.Errorf("the transcript reads %q", text)
		}
		if v := w.loud(rec, 2.6, 5); v != 0 {
			t.Errorf("the card number is as loud as %d", v)
		}
		if w.loud(rec, 0.1, 0.9) < 1000 {
			t.Error("what was not personal is silent")
		}
		if w.finds("four") != 1 || w.finds("marmalade") != 2 { // the first recording was only looked at
			t.Errorf("search finds %d times the number and %d times the rest", w.finds("four"), w.finds("marmalade"))
		}
		if st, err = w.Standing(t.Context(), w.Place, rec); err != nil || !st.Redacted || len(st.Done) != 1 || st.Counts[string(pii.CreditCard)] != 0 || len(w.marks(rec)) != 0 {
			t.Errorf("%+v, marks %v, %v", st, w.marks(rec), err)
		}
	})
}

func TestAPersonTakesOutAndPutsBack(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		rec := w.take("a.wav", long(false, 313), "C:my name is marmalade jones|A:harbour")
		one := redaction.Order{Stretches: []redaction.Stretch{{From: 1700 * time.Millisecond, To: 2300 * time.Millisecond, Channel: 0, Entity: pii.Person}}, Days: 3, Reason: "asked for"}
		w.no(w.Apply(t.Context(), w.Place, w.Who, rec, one))
		if text := w.text(rec, "transcript"); !strings.Contains(text, "my name is [PERSON]") || w.finds("marmalade") != 0 || w.finds("harbour") != 1 {
			t.Errorf("%q; found %d", text, w.finds("marmalade"))
		}
		if !strings.Contains(w.text(rec, "original"), "marmalade") {
			t.Error("the original has lost its words")
		}
		w.no(w.Undo(t.Context(), w.Place, w.Who, rec, "a mistake"))
		if st, err := w.Standing(t.Context(), w.Place, rec); err != nil || st.Redacted || w.finds("marmalade") != 1 || st.Done[0].UndoneAt == nil {
			t.Errorf("undone: %+v, %v, found %d", st, err, w.finds("marmalade"))
		}
		if err := w.Undo(t.Context(), w.Place, w.Who, rec, "again"); !fault.Is(err, fault.Conflict) {
			t.Errorf("undone twice: %v", err)
		}
		for field, o := range map[string]redaction.Order{
			"reason": {Stretches: one.Stretches}, "original_days": {Days: 9999, Reason: "x"}, "stretches": {Reason: "x"}, "confirm": {Stretches: one.Stretches, Reason: "x"},
			"stretches[0]": {Reason: "x", Confirm: 1, Stretches: []redaction.Stretch{{From: time.Hour, To: 2 * time.Hour}}},
		} {
			if err := w.Apply(t.Context(), w.Place, w.Who, rec, o); !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// What went for good does not come back with what went for a time: the recording
// is a redacted copy still, and says so.
func TestUndoneIsOnlyWhatCanBe(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		rec := w.take("a.wav", long(false, 313), "C:my name is marmalade jones|A:harbour")
		at := func(from, to time.Duration) []redaction.Stretch {
			return []redaction.Stretch{{From: from, To: to, Channel: recording.EveryChannel}}
		}
		w.no(w.Apply(t.Context(), w.Place, w.Who, rec, redaction.Order{Stretches: at(1700*time.Millisecond, 2300*time.Millisecond), Confirm: 1, Reason: "for good"}))
		for range 2 {
			w.no(w.Apply(t.Context(), w.Place, w.Who, rec, redaction.Order{Stretches: at(0, 500*time.Millisecond), Days: 3, Reason: "for a time"}))
			w.no(w.Undo(t.Context(), w.Place, w.Who, rec, "a mistake"))
		}
		st, err := w.Standing(t.Context(), w.Place, rec)
		if err != nil || !st.Redacted || len(st.Done) != 3 || st.Done[0].UndoneAt == nil || st.Done[1].UndoneAt == nil || st.Done[2].UndoneAt != nil {
			t.Errorf("%+v, %v", st, err)
		}
		if w.finds("marmalade") != 0 {
			t.Error("what went for good is found again")
		}
	})
}

// A pause that was told of is taken out, whether it comes before the recording
// or after it; that of another extension is not.
func TestPausesAreTakenOut(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		first := w.take("a.wav", long(false, 313), "")
		var row recording.Row
		w.no(w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
			row, err = w.World.Service.Lookup(tx, first)
			return err
		}))
		start := time.UnixMilli(row.StartedAt)
		d, err := w.World.Service.Get(t.Context(), w.Place, w.Who, first, recording.Everything)
		w.no(err)
		extension := d.Card.Call.Agents[0].Extension
		for _, x := range []string{"99999", extension} {
			_, err := w.NotePause(t.Context(), w.Place, w.Who, redaction.Pause{Source: row.Source, Extension: x, From: start.Add(2 * time.Second), To: start.Add(4 * time.Second)})
			w.no(err)
			w.work()
			if silent := w.loud(first, 2.1, 3.9) == 0; silent != (x == extension) {
				t.Errorf("after a pause of %s: silent %v", x, silent)
			}
		}
		if w.loud(first, 4.2, 6) < 1000 {
			t.Error("what followed the pause is silent")
		}
		all, err := w.Pauses(t.Context(), w.Place, id.Pause{}, 10)
		if err != nil || len(all) != 2 || all[0].Applied != 1 || all[1].Applied != 0 {
			t.Errorf("%+v, %v", all, err)
		}
		for field, p := range map[string]redaction.Pause{
			"call": {Source: row.Source, From: start}, "from": {Source: row.Source, Extension: "1", From: start.AddDate(0, -2, 0)}, "to": {Source: row.Source, Extension: "1", From: start, To: start.Add(-1)},
			"source_id": {Source: id.New[id.Source](), Extension: "1", From: start},
		} {
			if _, err := w.NotePause(t.Context(), w.Place, w.Who, p); !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// A pause that goes on has begun, though their clock is ahead of ours: it holds
// from now on, and can be ended at once.
func TestAnOpenPauseHasBegun(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	n, err := w.NotePause(t.Context(), w.Place, w.Who, redaction.Pause{Source: w.Source.ID, Extension: "204", From: time.Now().Add(3 * time.Minute)})
	w.no(err)
	w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
		all, err := w.Going(tx, []id.Source{w.Source.ID})
		if len(all) != 1 || all[0].ID != n.ID || all[0].From.After(time.Now()) || !all[0].To.IsZero() {
			t.Errorf("%+v", all)
		}
		return err
	}))
	w.no(w.EndPause(t.Context(), w.Place, w.Who, n.ID, time.Time{}))
}

func TestKeysInTheSoundAreAPaymentThatWasRecorded(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.no(w.Set(t.Context(), w.Place, w.Who, redaction.Settings{Mode: redaction.Off, Scan: true}))
	w.take("quiet.wav", long(false, 313), "C:hello")
	rec := w.take("keyed.wav", long(true, 313), "C:hello")
	w.work()
	all, looked, recorded, err := w.Payments(t.Context(), w.Place, 0, 10)
	if err != nil || looked != 2 || recorded != 1 || len(all) != 1 || all[0].Recording != rec || all[0].Keyed != 1 || all[0].Spoken != 0 {
		t.Errorf("%+v, %d looked through, %d recorded, %v", all, looked, recorded, err)
	}
}

func TestSettingsThatCannotBeMeant(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	for field, c := range map[string]redaction.Settings{
		"mode": {Mode: "maybe"}, "original_days": {Mode: redaction.Off, Days: -1}, "entities[0]": {Mode: redaction.Detect, Entities: []pii.Entity{"SHOE_SIZE"}}, "entities": {Mode: redaction.Redact},
	} {
		if err := w.Set(t.Context(), w.Place, w.Who, c); !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Pauses go 31 days after they were told of, and not before; what is noted of a
// redaction goes with its recording.
func TestOldPausesGo(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		now := time.Now()
		w.Service = redaction.New(redaction.Options{Recordings: w.World.Service, Now: func() time.Time { return now }})
		_, err := w.NotePause(t.Context(), w.Place, w.Who, redaction.Pause{Source: w.Source.ID, Extension: "204", From: now, To: now.Add(time.Minute)})
		w.no(err)
		rec := w.take("a.wav", long(false, 313), "C:my name is marmalade jones")
		w.no(w.Apply(t.Context(), w.Place, w.Who, rec, redaction.Order{Stretches: []redaction.Stretch{{From: time.Second, To: 2 * time.Second}}, Confirm: 1, Reason: "asked for"}))
		if n, err := w.Purge(t.Context(), w.Place); err != nil || n != 0 {
			t.Errorf("a redaction that stands: %d %v", n, err)
		}
		w.no(w.World.Service.Destroy(t.Context(), w.Place, w.Who, rec, "over"))
		if n, err := w.Purge(t.Context(), w.Place); err != nil || n != 1 {
			t.Errorf("a redaction of nothing: %d %v", n, err)
		}
		for _, c := range []struct {
			after time.Duration
			gone  int
		}{{30 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}, {0, 0}} {
			now = now.Add(c.after)
			if n, err := w.Purge(t.Context(), w.Place); err != nil || n != c.gone {
				t.Errorf("after %v: %d %v", c.after, n, err)
			}
		}
		if all, err := w.Pauses(t.Context(), w.Place, id.Pause{}, 10); err != nil || len(all) != 0 {
			t.Errorf("%+v %v", all, err)
		}
	})
}
