package siprec

import "sync"

const (
	ringSize   = 1 << 15           // samples that a track holds: four seconds
	reorderFor = Rate / 2          // how long a packet may come after its time
	aheadFor   = Rate / 5          // how far ahead of the clock one may lie
	behindFor  = Rate              // and how far behind
	underWay   = Rate / 20         // what comes so soon after a client went on may have been sent before
	concealFor = Rate / 50         // a gap so long is filled with what came before it
	maxPacket  = Rate / 2          // samples in one packet
	flushEach  = 400e6             // nanoseconds between two records of a spool
	maxAhead   = ringSize - 2*Rate // beyond it the disk is too slow, and sound is lost
)

// Packet is one packet of sound, after decryption.
type Packet struct {
	Track   int // line of the description
	Law     Law
	SSRC    uint32
	Seq     uint16
	Time    uint32 // RTP timestamp
	At      int64  // when it came, in samples since the session began
	Payload []byte // samples; empty: comfort noise or a tone, which is laid out as silence
	hushed  bool   // it came in a pause: its time passes in silence
}

// track lays one stream out on the recording's clock. Packets may come late,
// twice, in any order, and from another source after a transfer.
//
// The clock is that of arrival: a stream is anchored where its first packet came
// and then follows its own timestamps, until it has drifted from the clock by
// more than jitter explains (0.2 s ahead, 1 s behind) or comes from another
// source; then it is anchored anew. What comes more than half a second late is
// lost: by then its place has been sealed.
type track struct {
	mu   sync.Mutex
	law  Law // of the ring
	ring [ringSize]byte
	tail int64 // all before it was sealed
	last int64 // end of the latest sound

	anchored bool
	ssrc     uint32
	at       int64 // position of time
	time     uint32
	end      int64 // where the next packet is expected
	silent   int64 // what comes before it is silence: the client has paused the stream

	Counters
	transit int64 // arrival less timestamp, of the packet before
	base    uint32
	highest uint32 // sequence number with the times it has begun again in front
	before  uint64 // packets that sources before this one should have sent
	seen    uint64 // packets of this source
}

// Counters are what a stream's packets were like.
type Counters struct {
	Packets  uint64
	Lost     uint64 // never came, or too late
	Late     uint64 // came when their place was sealed
	Sources  uint64 // how often the stream began, or came from another source
	Dropped  uint64 // the disk was too slow
	JitterMS float64
	Highest  uint32 // sequence number, with the times that it began again in front
}

func newTrack(l Law) *track {
	t := &track{law: l}
	fill(t.ring[:], l.silence())
	return t
}

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

// put lays a packet out.
func (t *track) put(p Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.hushed = p.hushed || p.At < t.silent
	t.count(p)
	n := int64(len(p.Payload))
	if n == 0 || n > maxPacket {
		return
	}
	pos := t.place(p, n)
	if pos+n > t.tail+maxAhead+2*Rate {
		t.Dropped++
		return
	}
	if gap := pos - t.end; gap > 0 && !p.hushed && gap <= concealFor && t.end >= t.tail+gap {
		for i := range gap {
			t.ring[(t.end+i)%ringSize] = t.ring[(t.end+i-gap+ringSize)%ringSize]
		}
	}
	skip := max(0, t.tail-pos)
	if skip >= n {
		t.Late++
		return
	}
	if p.hushed {
		t.blank(pos+skip, n-skip)
	} else {
		t.write(pos+skip, p.Payload[skip:], p.Law)
	}
	t.end = max(t.end, pos+n)
	t.last = max(t.last, pos+n)
}

// place finds where a packet belongs.
func (t *track) place(p Packet, n int64) int64 {
	if t.anchored && p.SSRC == t.ssrc {
		pos := t.at + int64(int32(p.Time-t.time))
		if off := pos - p.At; off <= aheadFor && off >= -behindFor {
			t.at, t.time = pos, p.Time
			return pos
		}
	}
	// A packet stands for the time before it came: n samples of it.
	pos := max(p.At-n, 0)
	if t.anchored && pos < t.end && t.end-pos < aheadFor {
		pos = t.end // what was there is not written over
	}
	t.anchored, t.ssrc, t.at, t.time, t.end = true, p.SSRC, pos, p.Time, pos
	return pos
}

func (t *track) write(pos int64, samples []byte, l Law) {
	for len(samples) > 0 {
		at := pos % ringSize
		n := min(int64(len(samples)), ringSize-at)
		recode(t.ring[at:at+n], samples[:n], l, t.law)
		samples, pos = samples[n:], pos+n
	}
}

// blank lays silence out.
func (t *track) blank(pos, n int64) {
	for i := range n {
		t.ring[(pos+i)%ringSize] = t.law.silence()
	}
}

// silence has all that comes from now on laid out as silence, or as it is but for
// what was under way when the client went on.
func (t *track) silence(on bool, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case on:
		t.silent = never
	case t.silent == never:
		t.silent = now + underWay
	}
}

// count keeps the figures of RFC 3550 (A.1, A.3, A.8).
func (t *track) count(p Packet) {
	if t.Packets == 0 || p.SSRC != t.ssrc && t.anchored {
		t.before += t.expected()
		t.base, t.highest, t.seen = uint32(p.Seq), uint32(p.Seq), 0
		t.Sources++
		t.transit = p.At - int64(p.Time)
	}
	if d := int16(p.Seq - uint16(t.highest)); d > 0 {
		t.highest += uint32(d)
	}
	t.Packets++
	t.seen++
	t.Highest = t.highest
	transit := p.At - int64(p.Time)
	d := float64(int32(transit - t.transit))
	t.transit = transit
	if d < 0 {
		d = -d
	}
	if d < 10*Rate { // a jump of the timestamps is no jitter
		t.JitterMS += (d*1000/Rate - t.JitterMS) / 16
	}
	t.Lost = 0
	if all := t.before + t.expected(); all > t.Packets {
		t.Lost = all - t.Packets
	}
}

// expected is how many packets the present source has sent.
func (t *track) expected() uint64 {
	if t.seen == 0 {
		return 0
	}
	return uint64(t.highest-t.base) + 1
}

// take gives the samples up to a position and makes room for others; false if
// they are all silence. dst is as long as what lies between.
func (t *track) take(dst []byte, to int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	sound := t.last > t.tail
	c := t.law.silence()
	for pos, out := t.tail, dst; pos < to; {
		at := pos % ringSize
		n := min(to-pos, ringSize-at)
		if sound {
			copy(out, t.ring[at:at+n])
			fill(t.ring[at:at+n], c)
		}
		out, pos = out[n:], pos+n
	}
	t.tail = max(t.tail, to)
	t.end = max(t.end, t.tail)
	return sound
}

// figures are the counters as they are now.
func (t *track) figures() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Counters
}
