package siprec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// world is a service over a place, in a time of its own.
type world struct {
	testing.TB
	*recordingtest.World
	*Service
	binding Binding
	at      time.Time
	dir     string
}

func schemas() place.Schemas {
	s := recordingtest.Schemas(Migrations(), coverage.Migrations())
	s.Housekeeping = append(append(s.Housekeeping, Housekeeping...), coverage.Housekeeping()...)
	return s
}

func newWorld(t testing.TB, store *place.Store, o recording.Options) *world {
	w := &world{TB: t, World: recordingtest.On(t, store, o), at: noon, dir: t.TempDir()}
	return w.again()
}

// again starts the service anew, as after a crash.
func (w *world) again() *world {
	w.Helper()
	var err error
	w.Service, err = New(Options{Store: w.Store, Recordings: w.World.Service, Spool: w.dir, Now: func() time.Time { return w.at }})
	w.no(err)
	source := w.Source
	source.Kind = recording.Siprec
	if w.binding.Source.IsZero() {
		source, err = w.World.Service.AddSource(w.Context(), w.Place, w.Who, source)
		w.no(err)
		w.binding = Binding{Customer: w.Place.Customer(), Source: source.ID, Settings: Settings{MaxCalls: 10}}
	}
	return w
}

func (w *world) Context() context.Context { return w.TB.Context() }

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) begin(streams ...Media) *Tape {
	w.Helper()
	t, err := w.Begin(w.Context(), w.binding, Fact{What: Invited, At: w.at, Streams: streams, Metadata: sample(w, "audiocodes.xml")}, ALaw, nil)
	w.no(err)
	return t
}

// say sends a tone for so many packets of 20 ms, and lets time pass.
func (w *world) say(t *Tape, packets int, hz ...float64) {
	for range packets {
		for track, f := range hz {
			if f > 0 {
				w.packet(t, track, f, nil)
			}
		}
		w.at = w.at.Add(20 * time.Millisecond)
		if w.at.UnixMilli()%400 == 0 {
			w.Tick(w.at)
		}
	}
}

// packet is the one that belongs to the present: its number is that of its time.
func (w *world) packet(t *Tape, track int, hz float64, change func(*Packet)) {
	n := int64(w.at.Sub(t.begun) / (20 * time.Millisecond))
	p := Packet{Track: track, Law: ALaw, SSRC: uint32(track + 1), Seq: uint16(n), Time: uint32(n * 160), Payload: tone(hz, n*160, 160)}
	if change != nil {
		change(&p)
	}
	t.Packet(p, w.at)
}

func tone(hz float64, from int64, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		v := 8000 * math.Sin(2*math.Pi*hz*float64(from+int64(i))/Rate)
		out[i] = nearest[ALaw.index()][(int(v)+32768)>>4]
	}
	return out
}

// level is how loud a tone is (Goertzel).
func level(s []int16, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/Rate)
	var a, b float64
	for _, v := range s {
		a, b = float64(v)+k*a-b, a
	}
	return 2 * math.Sqrt(max(0, a*a+b*b-k*a*b)) / float64(len(s))
}

// archived archives what waits and reads the recordings, by channel.
func (w *world) archived() (all []recording.Recording, channels [][][]int16) {
	w.Helper()
	w.Service.Archive(w.Context())
	page, err := w.World.Service.List(w.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Limit: 50})
	w.no(err)
	for _, r := range page.Items {
		o, err := w.World.Service.Open(w.Context(), w.Place, w.Who, r.ID, recording.Ask{What: "listen"})
		w.no(err)
		pcm, err := o.PCM(w.Context())
		w.no(err)
		out := make([][]int16, pcm.Channels())
		buf := make([]int16, 8000)
		for at := int64(0); ; {
			n, err := pcm.ReadFrames(buf, at)
			for i := range n {
				for c := range out {
					out[c] = append(out[c], buf[i*len(out)+c])
				}
			}
			if at += int64(n); n == 0 || errors.Is(err, io.EOF) {
				break
			}
		}
		channels = append(channels, out)
		pcm.Close()
		o.Close()
	}
	return page.Items, channels
}

func (w *world) spools() (all []string) {
	entries, err := os.ReadDir(w.dir)
	w.no(err)
	for _, e := range entries {
		if filepath.Ext(e.Name()) == spoolSuffix {
			all = append(all, e.Name())
		}
	}
	return all
}

func (w *world) keys() int {
	n := 0
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int](tx, `SELECT count(*) FROM siprec_sessions`)
		return err
	}))
	return n
}

var two = []Media{{Label: "1", Taken: true}, {Label: "2", Taken: true}}

func onEngines(t *testing.T, fn func(t *testing.T, w *world)) {
	placetest.Run(t, schemas(), func(t *testing.T, s *place.Store) { fn(t, newWorld(t, s, recording.Options{})) })
}

// Two streams become two channels, in step with the clock; the spool holds
// nothing that was said, and goes with its key once the recording is archived.
func TestACallIsRecorded(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		tape := w.begin(two...)
		w.say(tape, 50, 440, 0)
		w.say(tape, 50, 440, 660) // a stream that begins later
		w.say(tape, 50, 0, 660)
		files := w.spools()
		if len(files) != 1 || w.keys() != 1 {
			t.Fatalf("%v, %d keys", files, w.keys())
		}
		b, err := os.ReadFile(filepath.Join(w.dir, files[0]))
		w.no(err)
		if bytes.Contains(b, tone(440, 0, 40)) || bytes.Contains(b, []byte("participant")) || bytes.Contains(b, []byte("201")) {
			t.Error("the spool is not sealed")
		}
		tape.Fact(Fact{What: Left, At: w.at})
		all, sound := w.archived()
		if len(all) != 1 || all[0].Sound != recording.Complete || all[0].Layout != "stereo-sides" || all[0].Length != 3*time.Second {
			t.Fatalf("%+v", all)
		}
		for _, c := range []struct {
			channel  int
			from, to int
			hz       float64
			loud     bool
		}{{0, 400, 15600, 440, true}, {0, 16400, 23600, 440, false}, {1, 0, 7600, 660, false}, {1, 8400, 23600, 660, true}, {1, 8400, 23600, 440, false}} {
			got := level(sound[0][c.channel][c.from:c.to], c.hz)
			if c.loud != (got > 6000) || !c.loud && got > 60 {
				t.Errorf("%+v: %.0f", c, got)
			}
		}
		if len(w.spools()) != 0 || w.keys() != 0 {
			t.Errorf("left: %v, %d keys", w.spools(), w.keys())
		}
	})
}

// After a crash the spool is found, archived as truncated, and removed. At most
// one second of sound is gone.
func TestCrashedSessionIsFound(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		tape := w.begin(two...)
		w.say(tape, 500, 440, 660)
		begun := tape.begun
		// What the last write left half done is cut off when it is read.
		f, err := os.OpenFile(filepath.Join(w.dir, w.spools()[0]), os.O_APPEND|os.O_WRONLY, 0)
		w.no(err)
		_, err = f.Write([]byte{0, 0, 4, 0, 1, 2, 3})
		w.no(errors.Join(err, f.Close()))
		w.again()
		w.no(w.recover(t.Context(), []id.Customer{w.Place.Customer()}))
		all, _ := w.archived()
		if len(all) != 1 || all[0].Sound != recording.Truncated || !all[0].StartedAt.Equal(begun) {
			t.Fatalf("%+v", all)
		}
		if lost := 10*time.Second - all[0].Length; lost > time.Second {
			t.Errorf("%v of sound is gone", lost)
		}
		if len(w.spools()) != 0 || w.keys() != 0 {
			t.Errorf("left: %v, %d keys", w.spools(), w.keys())
		}
	})
}

// A spool whose key is gone was archived; a key whose spool was never made goes.
func TestRecoveryClearsWhatIsLeft(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	a, b := w.begin(two...), w.begin(two...)
	w.no(w.Place.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM siprec_sessions WHERE id = ?`, a.ID)
		return err
	}))
	w.no(os.Remove(spoolName(w.dir, b.ID)))
	var expected []string
	w.again()
	w.o.Expect = func(_ *place.Tx, _ id.Source, c recording.Call) error {
		expected = append(expected, c.Idents...)
		return nil
	}
	w.no(w.recover(t.Context(), []id.Customer{w.Place.Customer()}))
	if len(w.spools()) != 0 || w.keys() != 0 {
		t.Errorf("left: %v, %d keys", w.spools(), w.keys())
	}
	if !slices.Equal(expected, []string{keyOf(b.ID)}) {
		t.Errorf("expected %v: a lost session must be missed", expected)
	}
}

// Each session is expected, with sound or without; one without is not archived.
func TestSessionsAreExpected(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	var expected []recording.Call
	w.o.Expect = func(_ *place.Tx, _ id.Source, c recording.Call) error {
		expected = append(expected, c)
		return nil
	}
	loud, silent := w.begin(two...), w.begin(two...)
	w.say(loud, 50, 440, 660)
	loud.Fact(Fact{What: Left, At: w.at})
	silent.Fact(Fact{What: Left, At: w.at})
	all, _ := w.archived()
	if len(all) != 1 || len(expected) != 2 || len(w.spools()) != 0 {
		t.Fatalf("%d recordings, %d expected, %v", len(all), len(expected), w.spools())
	}
	if !slices.Contains(all[0].Card.Call.Idents, keyOf(loud.ID)) || expected[0].Idents[0] == expected[1].Idents[0] {
		t.Errorf("a recording must be found by its expectation: %v %v", all[0].Card.Call.Idents, expected)
	}
	if st := w.Status(w.binding.Source); st.Silent != 1 || st.Taken != 2 {
		t.Errorf("%+v", st)
	}
}

// As the archive counts: a session with sound ends as captured, one without as
// waiting, and later missing.
func TestSessionsAreCounted(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.at = time.Now() // calls from long before a source was known are not expected
		c := coverage.New(coverage.Options{Store: w.Store, Now: func() time.Time { return w.at }})
		w.World.Service.OnTaken(c.Taken)
		w.o.Expect = func(tx *place.Tx, src id.Source, call recording.Call) error {
			return c.Expect(tx, src, coverage.Report{Calls: []coverage.Call{coverage.CallOf(call, true)}})
		}
		loud, silent := w.begin(two...), w.begin(two...)
		w.say(loud, 50, 440, 660)
		loud.Fact(Fact{What: Left, At: w.at})
		silent.Fact(Fact{What: Left, At: w.at})
		w.archived()
		states := map[string]int{}
		w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
			all, err := place.Rows[string](tx, `SELECT state FROM expectations`)
			for _, one := range all {
				states[one]++
			}
			return err
		}))
		if states["captured"] != 1 || states["waiting"] != 1 || len(states) != 2 {
			t.Errorf("%v", states)
		}
	})
}

// What may not be captured is not begun, and nothing is left of it.
func TestNothingIsBegunThatMayNotBe(t *testing.T) {
	no := fault.New(fault.Denied, "this customer is suspended")
	var admit error
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{Admit: func(context.Context, *place.Place) error { return admit }})
	f := Fact{What: Invited, At: w.at, Streams: two}
	admit = no
	if _, err := w.Begin(t.Context(), w.binding, f, ALaw, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("suspended: %v", err)
	}
	admit = nil
	for range 10 {
		w.begin(two...)
	}
	if _, err := w.Begin(t.Context(), w.binding, f, ALaw, nil); !fault.Is(err, fault.Limited) {
		t.Errorf("the eleventh: %v", err)
	}
	if len(w.spools()) != 10 || w.keys() != 10 {
		t.Errorf("left: %v, %d keys", w.spools(), w.keys())
	}
}

// A session in which nothing comes any more is ended; one on hold is not.
func TestQuietSessionsEnd(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	wishes := make(chan What, 9)
	tape, err := w.Begin(t.Context(), w.binding, Fact{What: Invited, At: w.at, Streams: two}, ALaw, func(x What) { wishes <- x })
	w.no(err)
	w.say(tape, 50, 440, 660)
	tape.Fact(Fact{What: Changed, At: w.at, Streams: []Media{{Label: "1", Taken: true, Held: true}, {Label: "2", Taken: true, Held: true}}})
	w.at = w.at.Add(time.Minute)
	w.Tick(w.at)
	if len(wishes) != 0 {
		t.Fatal("ended on hold")
	}
	tape.Fact(Fact{What: Changed, At: w.at, Streams: two})
	w.at = w.at.Add(QuietFor - time.Second)
	w.Tick(w.at)
	if tape.asked.Load() {
		t.Fatal("ended too early")
	}
	w.at = w.at.Add(2 * time.Second)
	w.Tick(w.at)
	if got := <-wishes; got != Quiet {
		t.Fatal(got)
	}
	if out := tape.Fact(Fact{What: Quiet, At: w.at}); len(out) != 1 || out[0].Do != HangUp {
		t.Fatal(out)
	}
	all, sound := w.archived()
	if len(all) != 1 || all[0].Length < 90*time.Second {
		t.Fatalf("%+v", all)
	}
	if got := level(sound[0][0][8000*5:8000*50], 440); got > 10 {
		t.Errorf("the pause sounds: %.0f", got)
	}
	if e := all[0].Card.Call.Events; len(e) != 3 || e[0].What != "recording_paused" || e[1].What != "recording_resumed" || e[2].Detail != "quiet" {
		t.Errorf("%+v", e)
	}
}
