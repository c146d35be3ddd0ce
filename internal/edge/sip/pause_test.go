package sip

import (
	"testing"
	"time"

	"ringfence/internal/trust/redaction"
)

// Real packets, real pauses: what is said while a payment page says that a payment
// is taken, and while the client has paused the session and sends all the same,
// is in no recording.
func TestPausedWhileItRuns(t *testing.T) {
	const canary = 1000.0
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	if code, _ := c.invite(c.offerOf(2, "", "sendonly")); code != 200 {
		t.Fatal(code)
	}
	c.talk(700*time.Millisecond, 440, 660)
	time.Sleep(1200 * time.Millisecond) // so that the pause takes nothing of what comes before and after it
	n, err := w.pauses.NotePause(w.Context(), w.Place, w.Who, redaction.Pause{Source: w.source.ID, Extension: "201", From: time.Now()})
	w.no(err)
	c.talk(600*time.Millisecond, canary, canary)
	w.until("the pause", func() bool { l := w.siprec.Status(w.source.ID).Live; return len(l) == 1 && l[0].Hushed })
	w.no(w.pauses.EndPause(w.Context(), w.Place, w.Who, n.ID, time.Now()))
	time.Sleep(1200 * time.Millisecond)
	c.talk(400*time.Millisecond, 550, 770)
	if code, _ := c.invite(c.offerOf(2, "", "inactive")); code != 200 {
		t.Fatal(code)
	}
	c.talk(400*time.Millisecond, canary, canary)
	read := func(n uint64) { // a packet may be read after a message that was sent later
		w.until("what was said", func() bool {
			l := w.siprec.Status(w.source.ID).Live
			return len(l) == 1 && l[0].Streams[0].Packets == n && l[0].Streams[1].Packets == n
		})
	}
	read(105)
	if code, _ := c.invite(c.offerOf(2, "", "sendonly")); code != 200 {
		t.Fatal(code)
	}
	c.talk(400*time.Millisecond, 550, 770)
	read(125)
	c.bye()
	h := w.heard(w.recorded(1)[0])
	for i, hz := range [][]float64{{440, 550}, {660, 770}} {
		loud := map[float64]float64{}
		for at := 0; at+800 <= len(h[i]); at += 400 {
			for _, f := range []float64{hz[0], hz[1], canary} {
				loud[f] = max(loud[f], level(h[i][at:at+800], f))
			}
		}
		if loud[hz[0]] < 6000 || loud[hz[1]] < 6000 || loud[canary] > 200 {
			t.Errorf("channel %d: %v", i, loud)
		}
	}
}
