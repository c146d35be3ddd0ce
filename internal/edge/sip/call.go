package sip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	lib "github.com/emiago/sipgo/sip"

	"ringfence/internal/archive/siprec"
)

// call is one dialog. What is not under mu belongs to its goroutine.
type call struct {
	s       *Server
	key     string
	tag     string // ours
	binding siprec.Binding
	tape    *siprec.Tape
	first   *lib.Request
	source  string     // where its requests come from
	local   netip.Addr // ours, as it reaches us
	number  uint64     // of our descriptions
	version int
	sdp     []byte // our last

	inbox chan event
	wish  chan siprec.What
	gone  chan struct{}

	theirs  uint32 // highest number of a request that was taken
	ours    uint32
	target  lib.Uri
	open2xx *answered // not confirmed yet
	waiting []event   // requests that came before their time
	expires time.Time // zero: no session timer
	lasts   time.Duration

	mu   sync.Mutex
	legs map[int]*leg
}

// event is a request with its transaction. done is closed when the library may
// forget it.
type event struct {
	req  *lib.Request
	tx   lib.ServerTransaction
	done chan struct{}
}

// answered is a final answer to an INVITE that is to be repeated until it is
// confirmed: the library repeats it too seldom, and gives up without an end.
type answered struct {
	event
	res   *lib.Response
	next  time.Time
	pause time.Duration
	until time.Time
}

// Timers of RFC 3261 §13.3.1.4 and §17.
const (
	t1           = 500 * time.Millisecond
	t2           = 4 * time.Second
	confirmFor   = 64 * t1
	maxWaiting   = 8
	inboxSize    = 32
	goodbyeFor   = 2 * time.Second
	maxEventWait = confirmFor + 5*time.Second
)

func newCall(s *Server, req *lib.Request, b siprec.Binding) *call {
	var n [8]byte
	rand.Read(n[:])
	c := &call{
		s: s, key: dialogKey(req), tag: rand.Text(), binding: b, first: req, source: req.Source(),
		number: binary.BigEndian.Uint64(n[:]) >> 2, target: req.Contact().Address, theirs: req.CSeq().SeqNo,
		inbox: make(chan event, inboxSize), wish: make(chan siprec.What, 4), gone: make(chan struct{}), legs: map[int]*leg{},
	}
	return c
}

// open takes ports and begins the session.
func (c *call) open(ctx context.Context, choices []choice, metadata []byte) (err error) {
	if c.local, err = c.s.local(c.source); err != nil {
		return err
	}
	pairs, err := c.reserve(choices)
	if err != nil {
		return err
	}
	law := siprec.ALaw
	for _, ch := range slices.Backward(choices) {
		if ch.taken {
			law = ch.codec
		}
	}
	fact := siprec.Fact{What: siprec.Invited, At: c.s.now(), Streams: described(choices), Metadata: metadata}
	if c.tape, err = c.s.o.Service.Begin(ctx, c.binding, fact, law, c.tell); err == nil {
		err = c.connect(choices, pairs)
	}
	if err != nil {
		for _, p := range pairs {
			c.s.ports.put(p)
		}
	}
	return err
}

// reserve opens ports for the lines that need some, and writes them into the
// choices.
func (c *call) reserve(choices []choice) (map[int]pair, error) {
	out := map[int]pair{}
	for i := range choices {
		if !choices[i].taken {
			continue
		}
		if l := c.legs[i]; l != nil {
			choices[i].at = l.port
			continue
		}
		p, err := c.s.ports.take()
		if err != nil {
			for _, p := range out {
				c.s.ports.put(p)
			}
			return nil, err
		}
		out[i], choices[i].at = p, p.port
	}
	return out, nil
}

// connect lets the streams in.
func (c *call) connect(choices []choice, pairs map[int]pair) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for i, ch := range choices {
		if !ch.taken {
			continue
		}
		if p, fresh := pairs[i]; fresh {
			var n [4]byte
			rand.Read(n[:])
			c.legs[i] = newLeg(p, i, c.tape, c.s.now, binary.BigEndian.Uint32(n[:]))
			delete(pairs, i)
		}
		errs = append(errs, c.legs[i].set(ch, hostOf(c.source)))
	}
	return errors.Join(errs...)
}

func (c *call) streams() (out []*leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.legs {
		out = append(out, l)
	}
	return out
}

// described is what the session has to know of the lines.
func described(choices []choice) []siprec.Media {
	out := make([]siprec.Media, 0, len(choices))
	for _, c := range choices[:min(len(choices), siprec.MaxStreams)] {
		out = append(out, siprec.Media{Label: c.label, Taken: c.taken, Held: c.held(), Silent: c.silent()})
	}
	return out
}

// tell lets the call know of what did not come as a request.
func (c *call) tell(w siprec.What) {
	select {
	case c.wish <- w:
	case <-c.gone:
	}
}

// post puts a request into the inbox. One more than fit is dropped: its client
// sends it again.
func (c *call) post(e event) bool {
	select {
	case c.inbox <- e:
		return true
	default:
		return false
	}
}

// wait holds a transaction until the call is done with it.
func (c *call) wait(e event) {
	acks := e.tx.Acks()
	for {
		select {
		case <-e.done:
			return
		case <-c.gone:
			return
		case ack := <-acks: // some clients confirm under the number of what they confirm
			c.post(event{req: ack, tx: e.tx, done: make(chan struct{})})
		case <-time.After(maxEventWait):
			return
		}
	}
}

// run is the call's goroutine.
func (c *call) run() {
	defer c.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for over := false; !over; {
		timer.Reset(c.due())
		select {
		case e := <-c.inbox:
			over = c.take(e)
		case w := <-c.wish:
			over = c.fact(siprec.Fact{What: w})
		case <-timer.C:
			over = c.timers(c.s.now())
		}
	}
}

// fact tells the session what happened and does what follows; it reports whether
// the call is over.
func (c *call) fact(f siprec.Fact) (over bool) {
	f.At = c.s.now()
	for _, e := range c.tape.Fact(f) {
		if e.Do == siprec.HangUp {
			c.goodbye()
		}
	}
	switch f.What {
	case siprec.Confirmed, siprec.Changed, siprec.Told:
		return false
	}
	return true
}

// end closes what is open.
func (c *call) end() {
	c.s.leave(c)
	for _, l := range c.streams() {
		l.close(c.s.ports)
	}
	close(c.gone)
}

// due is how long nothing needs to be done.
func (c *call) due() time.Duration {
	at := time.Duration(math.MaxInt64)
	now := c.s.now()
	if c.open2xx != nil {
		at = c.open2xx.next.Sub(now)
	}
	if !c.expires.IsZero() {
		at = min(at, c.expires.Sub(now))
	}
	return max(at, 0)
}

func (c *call) timers(now time.Time) (over bool) {
	if a := c.open2xx; a != nil && !now.Before(a.next) {
		if now.After(a.until) {
			return c.fact(siprec.Fact{What: siprec.Unconfirmed})
		}
		_ = a.tx.Respond(a.res)
		a.pause = min(2*a.pause, t2)
		a.next = now.Add(a.pause)
	}
	if !c.expires.IsZero() && !now.Before(c.expires) {
		return c.fact(siprec.Fact{What: siprec.Expired})
	}
	return false
}
