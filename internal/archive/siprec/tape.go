package siprec

import (
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/base/id"
)

// Tape is one recording session under way: its facts and packets go in, sealed
// records come out. Packet may be called by several goroutines at once; facts
// come from one.
type Tape struct {
	ID      id.Siprec
	Binding Binding

	s      *Service
	begun  time.Time
	law    Law
	wish   func(What) // asks the owner of the dialog to end it
	asked  atomic.Bool
	packet atomic.Int64 // when the last came, since the beginning, in nanoseconds
	tracks [MaxStreams]atomic.Pointer[track]
	hushes atomic.Pointer[[]stretch] // pauses that are about this session
	wants  atomic.Int64              // counts what may have changed them

	mu       sync.Mutex
	session  Session
	spool    *spool
	frontier int64 // all before it stands in the spool
	ticked   int64 // when that was last looked at, in samples
	buf      []byte
	closed   bool
	knows    int64 // up to which of wants the pauses were read
}

// Fact tells what has happened and gives what is to be done towards the client:
// Accept and HangUp. What is to be done here is done when it returns.
func (t *Tape) Fact(f Fact) (out []Effect) {
	if f.What.ends() {
		t.last()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	next, effects := t.session.Next(f)
	t.session = next
	t.lay(samples(f.At.Sub(t.begun)))
	if f.Metadata != nil || f.What == Invited { // it may say who is in the call, and so whose pause it is
		t.wants.Add(1)
		t.s.listen()
	}
	if f.Streams != nil {
		t.packet.Store(int64(f.At.Sub(t.begun)))
	}
	for _, e := range effects {
		switch e.Do {
		case Keep:
			if err := t.spool.fact(f); err != nil {
				t.fail(err)
			}
		case Finish:
			t.finish(f.At)
		case Drop:
			t.closed = true
			t.spool.close()
			t.s.drop(t)
		default:
			out = append(out, e)
		}
	}
	return out
}

// lay makes a track for each stream that we take, and silences those that the
// client has paused, whatever it still sends.
func (t *Tape) lay(now int64) {
	for i, m := range t.session.Streams {
		if m.Taken && t.tracks[i].Load() == nil {
			tr := newTrack(t.law)
			tr.tail, tr.end = t.frontier, t.frontier
			t.tracks[i].Store(tr)
		}
		if tr := t.tracks[i].Load(); tr != nil {
			tr.silence(m.Silent, now)
		}
	}
}

// Packet takes one packet of sound.
func (t *Tape) Packet(p Packet, at time.Time) {
	if p.Track < 0 || p.Track >= MaxStreams {
		return
	}
	tr := t.tracks[p.Track].Load()
	if tr == nil {
		return
	}
	since := at.Sub(t.begun)
	t.packet.Store(int64(since))
	p.At = samples(since)
	p.hushed = t.within(p.At)
	tr.put(p)
}

// tick writes what has settled, and looks whether the session must end.
func (t *Tape) tick(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	since := at.Sub(t.begun)
	// Where this process did not run for a while, packets that came in time are still to be
	// read: what lies after the last look waits for the next one, as long as it could be laid out.
	now := samples(since)
	to := max(min(now-reorderFor, t.ticked), now-behindFor)
	t.ticked = now
	if err := t.flush(to); err != nil {
		t.fail(err)
	}
	switch {
	case since > MaxLength:
		t.ask(TooLong)
	case t.session.Sounding() && since-time.Duration(t.packet.Load()) > QuietFor:
		t.ask(Quiet)
	}
}

// ask has the session ended, once: the owner answers with the fact.
func (t *Tape) ask(w What) {
	if t.wish != nil && t.asked.CompareAndSwap(false, true) {
		go t.wish(w)
	}
}

func (t *Tape) fail(err error) {
	t.s.log.Error("a recording session cannot be kept any more", "session", t.ID, "customer", t.Binding.Customer, slog.Any("error", err))
	t.ask(Failing)
}

// flush seals all sound before a position, in pieces that one record holds, once
// it is sure which of it lies in a pause.
func (t *Tape) flush(to int64) error {
	const most = 2 * Rate
	if !t.sure() {
		return nil
	}
	for t.frontier < to {
		n := min(to-t.frontier, most)
		if err := t.piece(n); err != nil {
			return err
		}
		t.frontier += n
	}
	return nil
}

// piece writes one record; silence is not written.
func (t *Tape) piece(n int64) error {
	b := append(t.buf[:0], 'S')
	b = binary.BigEndian.AppendUint64(b, uint64(t.frontier))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	any := false
	for i := range t.tracks {
		tr := t.tracks[i].Load()
		if tr == nil {
			continue
		}
		at := len(b)
		b = append(b, byte(i))
		b = append(b, make([]byte, n)...)
		if !tr.take(b[at+1:], t.frontier+n) || !t.quieten(b[at+1:], t.frontier) {
			b = b[:at]
			continue
		}
		any = true
	}
	t.buf = b[:0]
	if !any {
		return nil
	}
	return t.spool.append(b)
}

// finish writes the end. From here on the spool waits to be archived. Where it
// cannot be learned whether the last of the sound lies in a pause, it is not
// written, and the recording is truncated.
func (t *Tape) finish(at time.Time) {
	t.closed = true
	end := samples(at.Sub(t.begun))
	for i := range t.tracks {
		if tr := t.tracks[i].Load(); tr != nil {
			tr.mu.Lock()
			end = max(end, min(tr.last, end+Rate))
			tr.mu.Unlock()
		}
	}
	err := t.flush(end)
	if err == nil && t.sure() {
		err = t.spool.end(t.frontier)
	}
	if err == nil {
		err = t.spool.sync()
	}
	if err != nil {
		t.s.log.Error("the end of a recording session could not be written; it is archived as it is", "session", t.ID, "error", err)
	}
	t.spool.close()
	t.s.ended(t)
}

// Live is how a session under way is doing, in figures.
type Live struct {
	ID        id.Siprec
	Source    id.Source
	Begun     time.Time
	Confirmed bool
	Paused    bool     // by the client
	Hushed    bool     // by a pause that somebody has told of
	Pause     id.Pause // that goes on; zero: none
	Name      string   // by which a pause can mean this session alone
	Streams   []LiveStream
}

// LiveStream is one stream of it.
type LiveStream struct {
	Label string
	Taken bool
	Counters
}

func (t *Tape) live() Live {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := Live{
		ID: t.ID, Source: t.Binding.Source, Begun: t.begun, Confirmed: t.session.State == Recording, Paused: !t.session.Sounding(),
		Hushed: t.within(samples(t.s.now().Sub(t.begun))), Name: keyOf(t.ID),
	}
	if all := t.hushes.Load(); all != nil {
		for _, h := range *all {
			if h.to == never {
				l.Pause = h.pause
			}
		}
	}
	for i, m := range t.session.Streams {
		s := LiveStream{Label: m.Label, Taken: m.Taken}
		if tr := t.tracks[i].Load(); tr != nil {
			s.Counters = tr.figures()
		}
		l.Streams = append(l.Streams, s)
	}
	return l
}

// Counters are the figures of one stream.
func (t *Tape) Counters(track int) Counters {
	if tr := t.tracks[track].Load(); tr != nil {
		return tr.figures()
	}
	return Counters{}
}
