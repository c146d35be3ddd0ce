package sip

import (
	"testing"

	"ringfence/internal/archive/recording"
)

// sipp is Debian's: another's SIP and RTP.
func TestSippUDP(t *testing.T) { sippCalls(t, "u1") }
func TestSippTCP(t *testing.T) { sippCalls(t, "t1") }

func sippCalls(t *testing.T, transport string) {
	w := newWorld(t, loopback())
	w.sipp("siprec.xml", "-t", transport, "-m", "3", "-r", "3")
	for _, r := range w.recorded(3) {
		if r.Sound != recording.Complete || r.Direction != recording.Inbound || r.Layout != "stereo-sides" || r.Length.Seconds() < 2.8 || r.Length.Seconds() > 4 {
			t.Errorf("a recording is %+v", r)
		}
		call := r.Card.Call
		if call.Caller.Number != "+442079460123" || call.Caller.Name != "Ada Caller" || call.Dialled != "201" {
			t.Errorf("the call is %+v", call)
		}
		if len(call.Agents) != 2 || call.Agents[1].Extension != "202" || len(call.Legs) != 3 || call.Legs[1].To == nil {
			t.Errorf("after the transfer: %+v %+v", call.Agents, call.Legs)
		}
		channels := w.heard(r)
		if got := level(channels[0][8000:16000], 440); got < 6000 {
			t.Errorf("the caller's side has the tone at %.0f", got)
		}
		if got := level(channels[1][8000:16000], 440); got > 100 {
			t.Errorf("the other side has the tone at %.0f", got)
		}
	}
}
