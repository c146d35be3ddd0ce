package siprec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place/placetest"
)

// Lost, late and disordered packets: what comes within half a second is put in
// its place, and the rest of the sound stays where it belongs.
func TestLossAndJitter(t *testing.T) {
	for _, c := range []struct {
		loss   float64
		jitter int // ms
		least  float64
	}{{0.05, 60, 0.97}, {0.2, 120, 0.75}, {0, 400, 0.95}} {
		w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
		tape := w.begin(two...)
		rnd := rand.New(rand.NewPCG(1, 2))
		type late struct {
			at time.Time
			p  Packet
		}
		var queue []late
		for n := range 500 {
			if rnd.Float64() >= c.loss {
				p := Packet{Law: ALaw, SSRC: 7, Seq: uint16(65500 + n), Time: uint32(math.MaxUint32 - 40000 + n*160), Payload: tone(440, int64(n)*160, 160)}
				queue = append(queue, late{w.at.Add(time.Duration(rnd.IntN(c.jitter)) * time.Millisecond), p})
			}
			w.at = w.at.Add(20 * time.Millisecond)
			slices.SortStableFunc(queue, func(a, b late) int { return a.at.Compare(b.at) })
			for len(queue) > 0 && !queue[0].at.After(w.at) {
				tape.Packet(queue[0].p, queue[0].at)
				queue = queue[1:]
			}
			if n%20 == 0 {
				w.Tick(w.at)
			}
		}
		counters := tape.Counters(0)
		tape.Fact(Fact{What: Left, At: w.at.Add(time.Second)})
		_, sound := w.archived()
		good, windows := 0, 0
		for at := 8000; at+800 < 8000*9; at += 800 {
			windows++
			if level(sound[0][0][at:at+800], 440) > 4000 {
				good++
			}
		}
		if share := float64(good) / float64(windows); share < c.least || counters.Sources != 1 {
			t.Errorf("%.0f %% loss, %d ms: %.2f of the sound is there, %+v", 100*c.loss, c.jitter, share, counters)
		}
		if got := float64(counters.Lost) / 500; math.Abs(got-c.loss) > 0.03 {
			t.Errorf("counted %.2f lost of %.2f", got, c.loss)
		}
	}
}

// Another source, another law, more streams than channels.
func TestSourcesLawsAndStreams(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	tape := w.begin(append(two, Media{Label: "3", Taken: true})...)
	for range 50 {
		w.packet(tape, 0, 440, nil)
		w.packet(tape, 1, 660, nil)
		w.packet(tape, 2, 880, nil)
		w.at = w.at.Add(20 * time.Millisecond)
	}
	w.Tick(w.at)
	for range 50 {
		w.packet(tape, 0, 440, func(p *Packet) { p.SSRC, p.Time, p.Seq = 99, p.Time+1<<31, p.Seq+3000 })
		w.packet(tape, 1, 660, func(p *Packet) { p.Law = MuLaw; recode(p.Payload, slices.Clone(p.Payload), ALaw, MuLaw) })
		w.at = w.at.Add(20 * time.Millisecond)
	}
	tape.Fact(Fact{What: Left, At: w.at})
	_, sound := w.archived()
	for channel, tones := range [][]float64{{440}, {660, 880}} {
		for _, hz := range tones {
			if got := level(sound[0][channel][400:7600], hz); got < 6000 {
				t.Errorf("%.0f Hz in channel %d: %.0f", hz, channel, got)
			}
		}
		if got := level(sound[0][channel][8400:15600], tones[0]); got < 6000 {
			t.Errorf("later, %.0f Hz in channel %d: %.0f", tones[0], channel, got)
		}
	}
	if c := tape.Counters(0); c.Sources != 2 || c.Lost != 0 {
		t.Errorf("%+v", c)
	}
}

// A process that did not run for most of a second, on a machine with other work,
// seals nothing of what came meanwhile before it has read it.
func TestAStallLosesNothing(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()), recording.Options{})
	tape := w.begin(two...)
	w.say(tape, 100, 440)
	type waiting struct {
		at time.Time
		p  Packet
	}
	var inSocket []waiting
	for range 45 {
		n := int64(w.at.Sub(tape.begun) / (20 * time.Millisecond))
		inSocket = append(inSocket, waiting{w.at, Packet{Law: ALaw, SSRC: 1, Seq: uint16(n), Time: uint32(n * 160), Payload: tone(440, n*160, 160)}})
		w.at = w.at.Add(20 * time.Millisecond)
	}
	w.Tick(w.at) // what writes runs again before what reads
	for _, one := range inSocket {
		tape.Packet(one.p, w.at)
	}
	w.say(tape, 60, 440)
	if c := tape.Counters(0); c.Late != 0 || c.Lost != 0 || c.Sources != 1 {
		t.Errorf("%+v", c)
	}
	tape.Fact(Fact{What: Left, At: w.at.Add(time.Second)})
	_, sound := w.archived()
	for at := 8000; at+800 < 8000*4; at += 800 {
		if got := level(sound[0][0][at:at+800], 440); got < 4000 {
			t.Errorf("at %.1f s: %.0f", float64(at)/8000, got)
		}
	}
}

// What a paused client sends all the same is silence, and so is what was under way
// when it went on; the next word is not.
func TestPausedByTheClient(t *testing.T) {
	tr := newTrack(ALaw)
	at := int64(Rate)
	say := func() []byte {
		at += 160
		tr.put(Packet{Law: ALaw, SSRC: 7, Seq: uint16(at / 160), Time: uint32(at), At: at, Payload: tone(440, at, 160)})
		out := make([]byte, at-tr.tail)
		tr.take(out, at)
		return out[len(out)-160:]
	}
	for _, c := range []struct {
		name   string
		before func()
		loud   bool
	}{
		{"before it", func() {}, true},
		{"in it", func() { tr.silence(true, at) }, false},
		{"as it ends", func() { tr.silence(false, at) }, false},
		{"told again that it has ended", func() { tr.silence(false, at+1000) }, false},
		{"after it", func() { at += underWay }, true},
	} {
		c.before()
		loud := slices.ContainsFunc(say(), func(b byte) bool { return b != ALaw.silence() })
		if loud != c.loud {
			t.Errorf("%s: heard %v", c.name, loud)
		}
	}
}
