package sip

import (
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// reportEach is how often a leg says what it hears (RFC 3550 §6.2 has five
// seconds as the least).
const reportEach = 5 * time.Second

// control takes one RTCP datagram: of the sender's reports the time is kept, for
// ours to be of use to it.
func (l *leg) control(b []byte, from netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b) < 8 || b[0]>>6 != 2 {
		return
	}
	if l.in != nil {
		plain, err := l.in.DecryptRTCP(nil, b, nil)
		if err != nil {
			return
		}
		b = plain
	} else if l.from.IsValid() && from.Addr() != l.from.Addr() {
		return
	}
	all, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	for _, p := range all {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			l.sr, l.srAt, l.report = uint32(sr.NTPTime>>16), l.now(), from
		}
	}
}

// tell sends a report to where the sound comes from.
func (l *leg) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.from.IsValid() {
		return
	}
	c := l.tape.Counters(l.track)
	r := rtcp.ReceptionReport{
		SSRC: l.source, TotalLost: uint32(min(c.Lost, 1<<23-1)), Jitter: uint32(c.JitterMS * 8), LastSequenceNumber: c.Highest,
	}
	if all := c.Packets + c.Lost; all > 0 {
		r.FractionLost = uint8(min(c.Lost*256/all, 255))
	}
	if l.sr != 0 {
		r.LastSenderReport, r.Delay = l.sr, uint32(l.now().Sub(l.srAt)*65536/time.Second)
	}
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: l.ssrc, Reports: []rtcp.ReceptionReport{r}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: l.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "ringfence"}}}}},
	})
	if err == nil && l.out != nil {
		b, err = l.out.EncryptRTCP(nil, b, nil)
	}
	if err != nil {
		return
	}
	to, via := netip.AddrPortFrom(l.from.Addr(), l.from.Port()+1), l.rtcp
	switch {
	case l.mux:
		to, via = l.from, l.rtp
	case l.report.IsValid():
		to = l.report
	}
	_, _ = via.WriteToUDPAddrPort(b, to) // a report that does not arrive is followed by the next
}
