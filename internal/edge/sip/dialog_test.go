package sip

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
)

// A lost confirmation: the answer is repeated at the pace of the RFC, and a call
// that is never confirmed is ended by us.
func TestAnswerIsRepeated(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("udp")
	body, kind := c.body(c.offerOf(2, "", "sendonly"))
	c.send("INVITE", 1, body, kind)
	begun := time.Now()
	for n, at := range []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond} {
		code, _ := c.answer("INVITE")
		if off := time.Since(begun) - at; code != 200 || off < -100*time.Millisecond || off > 3*time.Second { // late by a busy machine, early by nothing
			t.Errorf("answer %d came at %v", n+1, time.Since(begun))
		}
	}
	c.send("ACK", 1, "", "")
	if text := c.read(2500 * time.Millisecond); text != "" {
		t.Errorf("after the confirmation: %s", text)
	}
	c.number = 1
	c.bye()
	w.until("the end", func() bool { return w.sip.Calls() == 0 })
}

// An end that overtakes the confirmation ends the call; a change that does waits.
func TestOrder(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	body, kind := c.body(c.offerOf(2, "", "sendonly"))
	c.send("INVITE", 1, body, kind)
	if code, _ := c.answer("INVITE"); code != 200 {
		t.Fatal(code)
	}
	c.send("UPDATE", 2, "", "")
	if text := c.read(200 * time.Millisecond); strings.Contains(text, "UPDATE") {
		t.Errorf("answered before its time: %s", text)
	}
	c.send("ACK", 1, "", "")
	if code, _ := c.answer("UPDATE"); code != 200 {
		t.Errorf("after the confirmation: %d", code)
	}
	c.send("UPDATE", 2, "", "") // an old number
	if code, _ := c.answer("UPDATE"); code != 500 {
		t.Errorf("an old number: %d", code)
	}
	stranger := w.dial("tcp")
	stranger.id, stranger.tag, stranger.theirs = c.id, c.tag, "guessed"
	stranger.send("BYE", 9, "", "")
	if code, _ := stranger.answer("BYE"); code != 481 {
		t.Errorf("with a guessed tag: %d", code)
	}
	c.send("BYE", 3, "", "")
	if code, _ := c.answer("BYE"); code != 200 {
		t.Error(code)
	}
	fast := w.dial("tcp")
	body, kind = fast.body(fast.offerOf(2, "", "sendonly"))
	fast.send("INVITE", 1, body, kind)
	fast.answer("INVITE")
	fast.send("BYE", 2, "", "")
	if code, _ := fast.answer("BYE"); code != 200 {
		t.Errorf("an end before the confirmation: %d", code)
	}
	w.until("the end of both", func() bool { return w.sip.Calls() == 0 })
}

// Hold, resume, a stream more, and the description without one.
func TestReInvite(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	if code, _ := c.invite(c.offerOf(2, "", "sendonly")); code != 200 {
		t.Fatal(code)
	}
	first := c.ports
	c.talk(400*time.Millisecond, 440, 660)
	code, text := c.invite(c.offerOf(2, "", "inactive"))
	if code != 200 || strings.Count(text, "a=inactive") != 2 || c.ports[0] != first[0] {
		t.Fatal(code, text)
	}
	if l := w.siprec.Status(w.source.ID).Live; len(l) != 1 || !l[0].Paused {
		t.Errorf("%+v", l)
	}
	code, text = c.invite(c.offerOf(3, "", "sendonly"))
	if code != 200 || strings.Count(text, "a=recvonly") != 3 || len(c.ports) != 3 || c.ports[1] != first[1] {
		t.Fatal(code, text)
	}
	c.talk(400*time.Millisecond, 440, 660, 880)
	c.number++
	c.send("INVITE", c.number, "", "") // without an offer: ours stands
	if code, text := c.answer("INVITE"); code != 200 || strings.Count(text, "a=recvonly") != 3 {
		t.Error(code, text)
	}
	c.send("ACK", c.number, "", "")
	c.bye()
	r := w.recorded(1)[0]
	if e := r.Card.Call.Events; len(e) < 2 || e[0].What != "recording_paused" || e[1].What != "recording_resumed" {
		t.Errorf("%+v", e)
	}
	if h := w.heard(r); level(h[1][len(h[1])-2800:len(h[1])-400], 880) < 5000 {
		t.Error("the third stream is not heard")
	}
}

// Somebody who is not the sender puts nothing into a call.
func TestInjection(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	c.invite(c.offerOf(1, "", "sendonly"))
	c.talk(200*time.Millisecond, 440)
	other, err := net.Dial("udp", "127.0.0.1:"+itoa(c.ports[0]))
	w.no(err)
	defer other.Close()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1, SequenceNumber: 11, Timestamp: 11 * 160}, Payload: tone(880, 20*time.Millisecond)}
	b, _ := p.Marshal()
	for range 20 {
		other.Write(b)
		other.Write(b[:7])
	}
	c.talk(200*time.Millisecond, 440)
	w.until("the count", func() bool {
		l := w.siprec.Status(w.source.ID).Live
		return len(l) == 1 && l[0].Streams[0].Packets == 20
	})
	c.bye()
	if h := w.heard(w.recorded(1)[0]); level(h[0], 880) > 50 {
		t.Error("another's sound is in the recording")
	}
}

// The sender hears how its packets arrive (RFC 3550).
func TestReports(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	c.invite(c.offerOf(1, "", "sendonly"))
	control, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	w.no(err)
	defer control.Close()
	sr, _ := (&rtcp.SenderReport{SSRC: 1, NTPTime: 0x1234567890abcdef}).Marshal()
	control.WriteToUDPAddrPort(sr, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.ports[0]+1)))
	c.talk(200*time.Millisecond, 440)
	w.until("the last packet", func() bool { return w.siprec.Status(w.source.ID).Live[0].Streams[0].Packets == 10 })
	for _, one := range w.sip.all() {
		for _, l := range one.streams() {
			l.tell()
		}
	}
	control.SetReadDeadline(time.Now().Add(20 * time.Second))
	buf := make([]byte, 1500)
	n, err := control.Read(buf)
	w.no(err)
	all, err := rtcp.Unmarshal(buf[:n])
	w.no(err)
	rr := all[0].(*rtcp.ReceiverReport).Reports[0]
	if rr.SSRC != 1 || rr.LastSequenceNumber != 9 || rr.TotalLost != 0 || rr.LastSenderReport != 0x567890ab {
		t.Errorf("%+v", rr)
	}
	c.bye()
}

// A session timer that is not renewed ends the call; one that is too short is
// refused; a client that goes away without a word is noticed.
func TestSessionTimer(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	if code, text := c.invite(c.offerOf(1, "", "sendonly"), "Session-Expires: 60"); code != 422 || !strings.Contains(text, "Min-SE: 90") {
		t.Error(code, text)
	}
	c = w.dial("tcp")
	if _, text := c.invite(c.offerOf(1, "", "sendonly"), "Session-Expires: 1800;refresher=uas", "Supported: timer"); strings.Contains(text, "Session-Expires") {
		t.Error("we cannot refresh:", text)
	}
	c.bye()
	c = w.dial("tcp")
	if code, text := c.invite(c.offerOf(1, "", "sendonly"), "Session-Expires: 90", "Supported: timer"); code != 200 || !strings.Contains(text, "Session-Expires: 90;refresher=uac") || !strings.Contains(text, "Require: timer") {
		t.Error(code, text)
	}
	if code, _ := c.invite(c.offerOf(1, "", "sendonly"), "Require: 100rel"); code != 420 {
		t.Error(code)
	}
	c.talk(200*time.Millisecond, 440)
	w.sip.all()[0].tell(siprec.Expired)
	if text := c.read(5 * time.Second); !strings.HasPrefix(text, "BYE ") || !strings.Contains(text, "From: <"+c.to+">;tag="+c.theirs) {
		t.Errorf("no end: %s", text)
	}
	if r := w.recorded(1); r[0].Sound != recording.Complete {
		t.Errorf("%+v", r[0])
	}
}

// A server that stops ends its calls, and archives what it has at the next start.
func TestStop(t *testing.T) {
	w := newWorld(t, loopback())
	c := w.dial("tcp")
	c.invite(c.offerOf(1, "", "sendonly"))
	c.talk(300*time.Millisecond, 440)
	done := make(chan struct{})
	go func() { w.stop(); close(done) }()
	if text := c.read(5 * time.Second); !strings.HasPrefix(text, "BYE ") {
		t.Errorf("no end: %s", text)
	}
	<-done
	w.start(loopback())
	if r := w.recorded(1); r[0].Sound != recording.Truncated {
		t.Errorf("%+v", r[0])
	}
}
