package speech_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

func schemas() place.Schemas {
	s := recordingtest.Schemas(speech.Migrations(), search.Migrations(), egress.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, egress.Housekeeping(), search.Housekeeping())
	return s
}

// engine is an engine of the test's making.
type engine struct {
	abilities speech.Abilities
	hear      func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error)
	check     error
	asked     atomic.Int64
}

func (e *engine) Abilities() speech.Abilities { return e.abilities }
func (e *engine) Check(context.Context) error { return e.check }

func (e *engine) Transcribe(ctx context.Context, s speech.Session, p speech.Piece) ([]speech.Utterance, error) {
	e.asked.Add(1)
	return e.hear(ctx, s, p)
}

// english is an engine that hears the same in every channel.
func english(said ...string) *engine {
	e := &engine{abilities: speech.Abilities{
		Name: "builtin", Model: "test", Quality: speech.Draft, Longest: time.Minute,
		Language: func(tag string) (string, string) {
			if strings.HasPrefix(tag, "en") {
				return "en-us", ""
			}
			return "", "only English is known here"
		},
	}}
	e.hear = func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error) {
		text := said[min(int(e.asked.Load())-1, len(said)-1)]
		return []speech.Utterance{{Start: time.Second, End: 2 * time.Second, Text: text, Words: []speech.Word{{Text: text, Start: time.Second, End: 2 * time.Second, Confidence: 0.5}}}}, nil
	}
	return e
}

// world is a place with everything that transcribes.
type world struct {
	*recordingtest.World
	speech *speech.Service
	runner *job.Runner
	sounds int           // archived so far: the same sound twice would be one recording
	later  time.Duration // how far the runner is ahead of the clock
}

func on(t *testing.T, store *place.Store, e speech.Engine) *world {
	t.Helper()
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: recordingtest.On(t, store, recording.Options{})}
	w.speech = speech.New(speech.Options{Recordings: w.Service, Egress: out, Builtin: e, Workers: 2})
	w.Service.OnDestroy(search.Remove)
	w.runner = job.NewRunner(store, map[string]job.Kind{recording.JobTranscribe: w.speech.Kind()}, job.Options{})
	return w
}

func (w *world) set(t *testing.T, c speech.Change) {
	t.Helper()
	if _, err := w.speech.Set(t.Context(), w.Place, w.Who, c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) archive(t *testing.T, name string, channels int, direction recording.Direction) id.Recording {
	t.Helper()
	w.sounds++
	item := w.Item(t, name, recordingtest.Tone(w.sounds, channels, 4*time.Second))
	item.Call.Direction = direction
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, item)
	if err != nil || out.Err != nil {
		t.Fatal(err, out.Err)
	}
	return out.Recording
}

// work runs what is due, now and after some more time.
func (w *world) work(t *testing.T, later time.Duration) {
	t.Helper()
	w.later += later
	if _, err := w.runner.RunDue(t.Context(), time.Now().Add(w.later)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) row(t *testing.T, rec id.Recording) (r recording.Row) {
	t.Helper()
	if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		r, err = w.Service.Lookup(tx, rec)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) transcript(t *testing.T, rec id.Recording) (tr speech.Transcript) {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcript"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	body, err := o.Transcript(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (w *world) found(t *testing.T, query string) (ns []int64) {
	t.Helper()
	if err := w.Place.View(t.Context(), func(tx *place.Tx) error {
		f, err := search.Find(tx, query, "n")
		if err != nil {
			return err
		}
		ns, err = place.Rows[int64](tx, `SELECT n FROM recordings WHERE `+f.Condition, f.Args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return ns
}

func (w *world) events(t *testing.T, code string) (n int) {
	t.Helper()
	if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int](tx, `SELECT count(*) FROM events WHERE code = ?`, code)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

var builtin = speech.Change{Engine: speech.EngineBuiltin, Language: "en-GB"}

func TestFromSoundToFoundWords(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		e := english("this is terrible, the parcel still has not arrived", "I will look after the parcel")
		w := on(t, store, e)
		w.set(t, builtin)
		rec := w.archive(t, "a.wav", 2, recording.Inbound)
		w.work(t, 0)
		row := w.row(t, rec)
		if row.State != recording.TranscriptDone || row.Language != "en-GB" || row.Engine != "builtin" || row.Quality != "draft" ||
			row.Sentiment == nil || *row.Sentiment >= 0 || row.Label != "negative" {
			t.Fatalf("%s %s, %+v %s", row.State, row.Reason, row.Sentiment, row.Label)
		}
		tr := w.transcript(t, rec)
		if !tr.Speakers || len(tr.Turns) != 2 || tr.Turns[0].Speaker != speech.Customer || tr.Turns[1].Speaker != speech.Agent ||
			tr.Turns[0].Sentiment == nil || tr.Turns[1].Sentiment != nil || tr.Sentiment == nil || !slices.Contains(tr.Sentiment.Words, "terrible") ||
			len(tr.Turns[0].Words) != 1 || tr.Turns[0].Words[0].Confidence != 0.5 || !strings.Contains(tr.Note, "Draft") {
			t.Errorf("%+v", tr)
		}
		if got := w.found(t, "parcel arrived"); len(got) != 1 || got[0] != row.N {
			t.Errorf("found %v, want %d", got, row.N)
		}
		if w.events(t, "opening.granted") < 1 {
			t.Error("the sound was opened without a receipt")
		}
		// Once more, with other words: the old ones are gone.
		e.asked.Store(0)
		e.hear = english("the invoice is fine").hear
		if err := w.speech.Again(t.Context(), w.Place, w.Who, rec); err != nil {
			t.Fatal(err)
		}
		e.hear = func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error) {
			return []speech.Utterance{{Text: "a lovely invoice"}}, nil
		}
		w.work(t, time.Minute)
		if w.found(t, "parcel") != nil || len(w.found(t, "invoice")) != 1 || w.row(t, rec).Label != "positive" {
			t.Errorf("after hearing again: %+v", w.row(t, rec))
		}
		// Destroyed: nothing is found any more.
		if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "test"); err != nil {
			t.Fatal(err)
		}
		if w.found(t, "invoice") != nil {
			t.Error("a destroyed recording is found")
		}
	})
}

func TestWhoSpeaksWhere(t *testing.T) {
	w := on(t, placetest.New(t, schemas()), english("a terrible thing", "a wonderful thing"))
	w.set(t, builtin)
	for _, c := range []struct {
		name      string
		channels  int
		direction recording.Direction
		want      []speech.Speaker
		label     string
	}{
		{"in.wav", 2, recording.Inbound, []speech.Speaker{speech.Customer, speech.Agent}, "negative"},
		{"outside.wav", 2, recording.Outbound, []speech.Speaker{speech.Agent, speech.Customer}, "positive"},
		{"x-rx.wav", 1, recording.Inbound, []speech.Speaker{speech.Customer}, "negative"},
		{"long-y-tx.wav", 1, recording.Inbound, []speech.Speaker{speech.Agent}, ""},
		{"the-mixture.wav", 1, recording.Inbound, []speech.Speaker{speech.UnknownRole}, "negative"},
	} {
		e := english("a terrible thing", "a wonderful thing")
		w.speech = speech.New(speech.Options{Recordings: w.Service, Builtin: e})
		w.runner = job.NewRunner(w.Store, map[string]job.Kind{recording.JobTranscribe: w.speech.Kind()}, job.Options{})
		rec := w.archive(t, c.name, c.channels, c.direction)
		w.work(t, 0)
		tr := w.transcript(t, rec)
		var got []speech.Speaker
		for _, u := range tr.Turns {
			got = append(got, u.Speaker)
		}
		if !slices.Equal(got, c.want) || w.row(t, rec).Label != c.label {
			t.Errorf("%s: %v %q, want %v %q", c.name, got, w.row(t, rec).Label, c.want, c.label)
		}
		if mix := c.want[0] == speech.UnknownRole; mix == tr.Speakers || mix != strings.Contains(tr.Note, "conversation") || mix && tr.Turns[0].Sentiment != nil {
			t.Errorf("%s: %+v", c.name, tr)
		}
	}
}

func TestWhatIsNotTranscribed(t *testing.T) {
	e := english("hello")
	w := on(t, placetest.New(t, schemas()), e)
	for _, c := range []struct {
		set    speech.Change
		source string
		queues map[string]string
		state  string
		says   string
	}{
		{speech.Change{Engine: speech.EngineNone}, "en", nil, recording.TranscriptNone, "no speech engine"},
		{speech.Change{Engine: speech.EngineBuiltin}, "", nil, recording.TranscriptNotTranscribed, "no language"},
		{speech.Change{Engine: speech.EngineBuiltin, Language: "de-DE"}, "", nil, recording.TranscriptNotTranscribed, "only English"},
		{builtin, "de", nil, recording.TranscriptNotTranscribed, "only English"},
		{builtin, "en", map[string]string{"support": "cy"}, recording.TranscriptNotTranscribed, "only English"},
		{builtin, "de", map[string]string{"support": "en"}, recording.TranscriptDone, ""},
		{speech.Change{Engine: speech.EngineBuiltin}, "en-US", nil, recording.TranscriptDone, ""},
	} {
		src := w.Source
		src.Language, src.QueueLanguages = c.source, c.queues
		if _, err := w.Service.ChangeSource(t.Context(), w.Place, w.Who, src); err != nil {
			t.Fatal(err)
		}
		w.set(t, c.set)
		before := e.asked.Load()
		rec := w.archive(t, id.New[id.File]().String()+".wav", 1, recording.Inbound)
		w.work(t, 0)
		row := w.row(t, rec)
		if row.State != c.state || !strings.Contains(row.Reason, c.says) {
			t.Errorf("%+v: %s, %s", c, row.State, row.Reason)
		}
		if heard := e.asked.Load() > before; heard != (c.state == recording.TranscriptDone) {
			t.Errorf("%+v: the engine was asked: %v", c, heard)
		}
	}
}

func TestEngineThatFailsForAWhile(t *testing.T) {
	e := english("hello parcel")
	good := e.hear
	e.hear = func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error) {
		return nil, fault.New(fault.Unavailable, "asked too often").After(5 * time.Minute)
	}
	w := on(t, placetest.New(t, schemas()), e)
	w.set(t, builtin)
	rec := w.archive(t, "a.wav", 1, recording.Inbound)
	w.work(t, 0)
	w.work(t, 4*time.Minute)
	if n := e.asked.Load(); n != 1 {
		t.Errorf("asked %d times although it was told to wait", n)
	}
	if s := w.row(t, rec).State; s != recording.TranscriptWorking && s != recording.TranscriptWaiting {
		t.Errorf("meanwhile it is %s", s)
	}
	delays, err := w.speech.Delayed(t.Context(), w.Place, rec, id.New[id.Recording]())
	if d := delays[rec]; err != nil || len(delays) != 1 || d.Reason != "asked too often" || time.Until(d.Until) < 4*time.Minute || time.Until(d.Until) > 5*time.Minute {
		t.Errorf("meanwhile it waits: %+v, %v", delays, err)
	}
	e.hear = good
	w.work(t, 2*time.Minute)
	if delays, err = w.speech.Delayed(t.Context(), w.Place, rec); err != nil || len(delays) != 0 {
		t.Errorf("afterwards it waits: %+v, %v", delays, err)
	}
	if s := w.row(t, rec).State; s != recording.TranscriptDone {
		t.Errorf("afterwards it is %s", s)
	}
}

// What may not be heard now is put off, and says why; that is no failure.
func TestWhatIsPutOffSaysWhy(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		e := english("hello parcel")
		w := on(t, store, e)
		full := true
		w.speech = speech.New(speech.Options{Recordings: w.Service, Builtin: e, Admit: func(context.Context, *place.Place) error {
			if full {
				return fault.New(fault.Limited, "the engine seconds of this month are used up")
			}
			return nil
		}})
		w.runner = job.NewRunner(w.Store, map[string]job.Kind{recording.JobTranscribe: w.speech.Kind()}, job.Options{})
		w.set(t, builtin)
		rec := w.archive(t, "a.wav", 1, recording.Inbound)
		for range 10 { // more often than a failing one is tried
			w.work(t, 0)
			if err := w.speech.Again(t.Context(), w.Place, w.Who, rec); err != nil {
				t.Fatal(err)
			}
		}
		w.work(t, 0)
		delays, err := w.speech.Delayed(t.Context(), w.Place, rec)
		if d := delays[rec]; err != nil || d.Reason != "the engine seconds of this month are used up" || time.Until(d.Until) < 14*time.Minute {
			t.Errorf("it waits: %+v, %v", delays, err)
		}
		if n := countJobs(t, w); n != 1 {
			t.Errorf("%d jobs for one recording", n)
		}
		full = false
		w.work(t, 20*time.Minute)
		if s := w.row(t, rec).State; s != recording.TranscriptDone || e.asked.Load() != 1 || countJobs(t, w) != 0 {
			t.Errorf("afterwards it is %s, heard %d times, %d jobs", s, e.asked.Load(), countJobs(t, w))
		}
	})
}

func countJobs(t *testing.T, w *world) (n int64) {
	t.Helper()
	if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM jobs WHERE kind = ?`, recording.JobTranscribe)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEngineThatHearsNothing(t *testing.T) {
	e := english("x")
	e.hear = func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error) { return nil, nil }
	w := on(t, placetest.New(t, schemas()), e)
	w.set(t, builtin)
	rec := w.archive(t, "a.wav", 1, recording.Inbound)
	for range 12 {
		w.work(t, 24*time.Hour)
	}
	row := w.row(t, rec)
	if row.State != recording.TranscriptFailed || !strings.Contains(row.Reason, "heard speech but returned nothing") || e.asked.Load() < 2 {
		t.Errorf("%s %s after %d attempts", row.State, row.Reason, e.asked.Load())
	}
}

func TestEngineThatRefuses(t *testing.T) {
	e := english("x")
	e.hear = func(context.Context, speech.Session, speech.Piece) ([]speech.Utterance, error) {
		return nil, &speech.Refusal{Text: "the key is wrong"}
	}
	w := on(t, placetest.New(t, schemas()), e)
	w.set(t, builtin)
	rec := w.archive(t, "a.wav", 1, recording.Inbound)
	w.work(t, 0)
	w.work(t, time.Hour)
	row := w.row(t, rec)
	if row.State != recording.TranscriptFailed || row.Engine != "builtin" || !strings.Contains(row.Reason, "the key is wrong") || e.asked.Load() != 1 {
		t.Errorf("%s %s after %d attempts", row.State, row.Reason, e.asked.Load())
	}
}

func TestDestroyedWhileItIsHeard(t *testing.T) {
	e := english("x")
	w := on(t, placetest.New(t, schemas()), e)
	w.set(t, builtin)
	rec := w.archive(t, "a.wav", 1, recording.Inbound)
	e.hear = func(ctx context.Context, _ speech.Session, _ speech.Piece) ([]speech.Utterance, error) {
		err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "asked for")
		return []speech.Utterance{{Text: "zebra"}}, err
	}
	w.work(t, 0)
	w.work(t, time.Hour)
	if w.found(t, "zebra") != nil || e.asked.Load() != 1 {
		t.Errorf("found %v after %d attempts", w.found(t, "zebra"), e.asked.Load())
	}
}

// The whole way out: settings, egress, ledger, transcript.
func TestRemoteEngine(t *testing.T) {
	var key atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key.Store(r.Header.Get("Authorization"))
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"text":"the parcel","segments":[{"start":0.5,"end":2,"text":"the parcel"}]}`)
	}))
	defer srv.Close()
	w := on(t, placetest.New(t, schemas()), english("x"))
	c := speech.Change{Engine: speech.EngineOpenAI, URL: srv.URL + "/v1", Model: "whisper-1", Language: "de", Key: secret.NewText("sk-canary")}
	w.set(t, c)
	rec := w.archive(t, "a.wav", 2, recording.Inbound)
	w.work(t, 0)
	if row := w.row(t, rec); row.State != recording.TranscriptDone || row.Language != "de" || row.Sentiment != nil {
		t.Fatalf("%s %s %+v", row.State, row.Reason, row.Sentiment)
	}
	if tr := w.transcript(t, rec); len(tr.Turns) != 2 || !strings.Contains(tr.Note, "English only") {
		t.Errorf("%+v", tr)
	}
	page, err := egress.List(t.Context(), w.Place, "", 10)
	if err != nil || len(page.Items) != 2 || page.Items[0].Subject != rec.String() || page.Items[0].Answer != "200" || page.Items[0].Region != "this host" {
		t.Errorf("%+v %v", page, err)
	}
	if key.Load() != "Bearer sk-canary" {
		t.Errorf("the server saw %q", key.Load())
	}
}

func TestHandlerRefusesNonsense(t *testing.T) {
	w := on(t, placetest.New(t, schemas()), english("x"))
	kind := w.speech.Kind()
	if err := kind.Run(t.Context(), w.Place, job.Job{Args: []byte("{")}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	missing, _ := json.Marshal(recording.TranscribeArgs{Recording: id.New[id.Recording]()})
	if err := kind.Run(t.Context(), w.Place, job.Job{Args: missing}); err != nil {
		t.Errorf("a recording that is not there: %v", err)
	}
}
