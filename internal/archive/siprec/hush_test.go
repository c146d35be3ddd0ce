package siprec

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

const canary = 1000 // Hz; what is said in a pause

// pausing has a world's pauses told of by a list.
type pausing struct {
	all  []Hush
	fail error
}

func (p *pausing) in(w *world) *world {
	w.o.Hushed = func(*place.Tx, []id.Source) ([]Hush, error) { return p.all, p.fail }
	return w
}

// of makes a pause of whom a call names.
func (p *pausing) of(w *world, call recording.Call, from time.Time) *Hush {
	h := Hush{ID: id.New[id.Pause](), Source: w.binding.Source, From: from, Named: len(call.Idents) > 0}
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) error {
		names, parties, err := recording.Tokens(tx, h.Source, call)
		h.Token = append(names, parties...)[0]
		return err
	}))
	p.all = append(p.all, h)
	return &p.all[len(p.all)-1]
}

// noted is what a commit of those who keep pauses does here.
func (w *world) noted() {
	w.unsure(w.Place.Customer())
	w.no(w.Learn(w.Context()))
}

// inSpool is all sound that a session has on disk, by someone who has its key.
func (w *world) inSpool(one id.Siprec) (sound []byte) {
	w.Helper()
	_, key, err := w.key(w.Context(), w.Place, one)
	w.no(err)
	r, err := openSpool(w.dir, w.Place.Customer(), one, key)
	w.no(err)
	defer r.close()
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return sound
		}
		w.no(err)
		if b, ok := readBlock(rec); ok && rec[0] == 'S' {
			b.each(func(_ int, s []byte) { sound = append(sound, s...) })
		}
	}
}

// What is said in a pause is not in the spool, however its call is named; what is
// said before and after it is.
func TestPausedSoundIsNeverWritten(t *testing.T) {
	for name, c := range map[string]struct {
		call  func(*Tape) recording.Call
		heard bool
	}{
		"the session's own name": {call: func(t *Tape) recording.Call { return recording.Call{Idents: []string{keyOf(t.ID)}} }},
		"the system's name":      {call: func(t *Tape) recording.Call { return recording.Call{Idents: t.session.idents()} }},
		"an extension": {call: func(t *Tape) recording.Call {
			call, _ := t.session.Call(t.Binding.Rule)
			return recording.Call{Agents: call.Agents[:1]}
		}},
		"the caller": {call: func(t *Tape) recording.Call {
			call, _ := t.session.Call(t.Binding.Rule)
			return recording.Call{Caller: call.Caller}
		}},
		"another call": {heard: true, call: func(*Tape) recording.Call { return recording.Call{Idents: []string{"another"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pausing{}
			w := p.in(newWorld(t, placetest.New(t, schemas()), recording.Options{}))
			tape := w.begin(two...)
			w.noted()
			w.say(tape, 100, 440, 660)
			h := p.of(w, c.call(tape), w.at)
			w.say(tape, 10, canary, canary) // a moment passes before it is noted
			w.noted()
			w.say(tape, 140, canary, canary)
			if tape.live().Hushed == c.heard {
				t.Errorf("paused: %v", tape.live().Hushed)
			}
			h.To = w.at
			w.noted()
			w.say(tape, 100, 440, 660)
			w.Tick(w.at)
			if got := bytes.Contains(w.inSpool(tape.ID), tone(canary, 8000, 160)); got != c.heard {
				t.Errorf("the paused sound is in the spool: %v", got)
			}
			tape.Fact(Fact{What: Left, At: w.at})
			all, sound := w.archived()
			for i, hz := range []float64{440, 660} {
				s := sound[0][i]
				if before, after := level(s[800:8000*3/2], hz), level(s[5*8000+4000:7*8000-800], hz); before < 6000 || after < 6000 {
					t.Errorf("before and after: %.0f %.0f", before, after)
				}
				if got := level(s[2*8000:5*8000], canary); (got > 60) != c.heard {
					t.Errorf("the pause sounds: %.0f", got)
				}
			}
			if e := all[0].Card.Call.Events; !c.heard && (len(e) < 2 || e[0].What != "recording_paused" || e[1].What != "recording_resumed") {
				t.Errorf("%+v", e)
			}
		})
	}
}

// A pause that was noted before the call came holds from its first packet, also
// over a crash; one that is not ended goes on for as long as it is told of.
func TestAPauseBeforeTheCall(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		p := &pausing{}
		p.in(w)
		first := w.begin(two...)
		call, _ := first.session.Call(first.Binding.Rule)
		p.of(w, recording.Call{Agents: call.Agents[:1]}, w.at.Add(-time.Minute))
		tape := w.begin(two...)
		w.say(tape, 50, canary, canary)
		if len(w.inSpool(tape.ID)) > 0 {
			t.Fatal("sound was sealed before the pauses were known")
		}
		w.no(w.Learn(t.Context()))
		w.say(tape, 100, canary, canary)
		if len(w.inSpool(tape.ID)) > 0 {
			t.Fatal("the pause is in the spool")
		}
		p.all = nil // its time is over
		w.no(w.Learn(t.Context()))
		w.say(tape, 150, 440, 660)
		w.Tick(w.at)
		w.again()
		w.no(w.recover(t.Context(), []id.Customer{w.Place.Customer()}))
		_, sound := w.archived()
		if len(sound) != 1 {
			t.Fatalf("%d recordings", len(sound))
		}
		s := sound[0][0]
		if level(s[:3*8000], canary) > 60 || level(s[4*8000:5*8000], 440) < 6000 {
			t.Errorf("%.0f %.0f", level(s[:3*8000], canary), level(s[4*8000:5*8000], 440))
		}
	})
}

// While pauses cannot be read, nothing is sealed that might lie in one; a session
// that ends then is truncated.
func TestUnknownPausesAreNotGuessed(t *testing.T) {
	p := &pausing{}
	w := p.in(newWorld(t, placetest.New(t, schemas()), recording.Options{}))
	tape := w.begin(two...)
	w.noted()
	w.say(tape, 100, 440, 660)
	p.fail = errors.New("the database does not answer")
	w.unsure(w.Place.Customer())
	if err := w.Learn(t.Context()); err == nil {
		t.Fatal("nothing was wrong")
	}
	w.say(tape, 100, canary, canary)
	tape.Fact(Fact{What: Left, At: w.at})
	all, sound := w.archived()
	if len(all) != 1 || all[0].Sound != recording.Truncated {
		t.Fatalf("%+v", all)
	}
	if got := level(sound[0][0][8000:], canary); got > 60 {
		t.Errorf("what might be paused was kept: %.0f", got)
	}
}

// From the moment that somebody notes a pause or ends one, nothing is sealed
// before pauses were read; the end of a session has them read at once.
func TestANotedPauseIsReadFirst(t *testing.T) {
	p := &pausing{}
	w := p.in(newWorld(t, placetest.New(t, schemas()), recording.Options{}))
	tape := w.begin(two...)
	for code, waits := range map[string]bool{"pause.noted": true, "pause.ended": true, "source.changed": false} {
		w.no(w.Learn(t.Context()))
		w.no(w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: code})
			return nil
		}))
		if tape.informed() == waits {
			t.Errorf("%s: waits %v", code, !waits)
		}
	}
	w.say(tape, 100, 440, 660)
	w.unsure(w.Place.Customer())
	tape.Fact(Fact{What: Left, At: w.at})
	if all, _ := w.archived(); len(all) != 1 || all[0].Sound != recording.Complete {
		t.Errorf("%+v", all)
	}
}

// The client's own pause: what it sends in a stream that it has paused is not kept.
func TestAPausedStreamIsSilent(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	tape := w.begin(two...)
	w.say(tape, 50, 440, 660)
	off := []Media{{Label: "1", Taken: true, Held: true, Silent: true}, {Label: "2", Taken: true, Held: true, Silent: true}}
	tape.Fact(Fact{What: Changed, At: w.at, Streams: off})
	w.say(tape, 100, canary, canary)
	tape.Fact(Fact{What: Changed, At: w.at, Streams: two})
	w.say(tape, 50, 440, 660)
	w.Tick(w.at.Add(time.Second))
	if bytes.Contains(w.inSpool(tape.ID), tone(canary, 160, 160)) {
		t.Error("the paused sound is in the spool")
	}
	tape.Fact(Fact{What: Left, At: w.at})
	_, sound := w.archived()
	if s := sound[0][0]; level(s, canary) > 60 || level(s[800:7200], 440) < 6000 || level(s[3*8000+800:4*8000-800], 440) < 6000 {
		t.Errorf("%.0f %.0f %.0f", level(s, canary), level(s[800:7200], 440), level(s[3*8000+800:4*8000-800], 440))
	}
}

// A stream that lies behind the clock is silenced where it lies: what is said in
// the moment before a pause is known is laid out before its beginning.
func TestAPauseReachesWhatLiesBehindTheClock(t *testing.T) {
	p := &pausing{}
	w := p.in(newWorld(t, placetest.New(t, schemas()), recording.Options{}))
	tape := w.begin(two...)
	w.noted()
	w.say(tape, 100, 440)
	w.at = w.at.Add(800 * time.Millisecond) // nothing came
	p.of(w, recording.Call{Idents: tape.session.idents()}, w.at)
	for range 10 {
		w.packet(tape, 0, canary, func(q *Packet) { q.Seq, q.Time = q.Seq-40, q.Time-40*160 })
		w.at = w.at.Add(20 * time.Millisecond)
	}
	w.noted()
	for range 5 {
		w.Tick(w.at)
		w.at = w.at.Add(400 * time.Millisecond)
	}
	if sound := w.inSpool(tape.ID); bytes.Contains(sound, tone(canary, 8000, 160)) || !bytes.Contains(sound, tone(440, 8000, 160)) {
		t.Error("what was said in the pause is in the spool, or what was said before it is not")
	}
}
