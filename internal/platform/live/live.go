// Package live wakes screens: it tells subscribers that something under a topic
// has changed, and never what. A hint names a topic and perhaps an id; whoever
// is woken reads the truth through the API, where permissions are checked.
//
// Hints may be lost with the process and are never stored. A subscriber that
// comes back within the last few hundred hints of its customer gets those it
// missed; otherwise it is told to read everything again (Reset). One that does
// not keep up is closed, so that it holds up nobody.
package live

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const (
	kept  = 256 // hints kept per customer for those who come back
	queue = 64  // hints waiting for one subscriber before it is closed
)

// Hint says that something has changed.
type Hint struct {
	Topic string `json:"topic"`
	ID    string `json:"id,omitempty"` // text form of the id of what changed
	At    string `json:"at"`           // offset to come back with
	Reset bool   `json:"reset,omitempty"`
}

// ErrSlow is why a subscription ended that did not keep up.
var ErrSlow = errors.New("the subscriber did not keep up")

// ErrStopped is why subscriptions end when the server stops.
var ErrStopped = errors.New("the server is stopping")

// Hub passes hints on within one process.
type Hub struct {
	epoch string // of this process: offsets of another one mean nothing here

	mu      sync.Mutex
	streams map[id.Customer]*stream
	stopped bool
}

// stream is what one customer's subscribers hear; the zero customer is the
// registry.
type stream struct {
	next int64 // offset of the next hint
	ring []Hint
	subs map[*Subscription]struct{}
}

// NewHub makes a hub.
func NewHub() *Hub {
	b := make([]byte, 6)
	rand.Read(b)
	return &Hub{epoch: base64.RawURLEncoding.EncodeToString(b), streams: map[id.Customer]*stream{}}
}

// Watch publishes the topics of every commit; given to Store.OnCommit. A topic
// may carry an id after a space: "recordings rec_…".
func (h *Hub) Watch(c place.Commit) {
	for _, t := range c.Topics {
		topic, subject, _ := strings.Cut(t, " ")
		h.Publish(c.Customer, topic, subject)
	}
}

// Publish wakes the subscribers of a topic. It never blocks.
func (h *Hub) Publish(c id.Customer, topic, subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	s := h.stream(c)
	hint := Hint{Topic: topic, ID: subject, At: h.offset(s.next)}
	s.next++
	if len(s.ring) == kept {
		s.ring = slices.Delete(s.ring, 0, 1)
	}
	s.ring = append(s.ring, hint)
	for sub := range s.subs {
		if sub.wants(topic) {
			sub.push(hint)
		}
	}
}

func (h *Hub) offset(n int64) string { return fmt.Sprintf("%s.%d", h.epoch, n) }

func (h *Hub) stream(c id.Customer) *stream {
	s := h.streams[c]
	if s == nil {
		s = &stream{subs: map[*Subscription]struct{}{}}
		h.streams[c] = s
	}
	return s
}

// Subscription is one listener of one customer.
type Subscription struct {
	hub      *Hub
	customer id.Customer
	topics   []string
	hints    chan Hint
	why      error
	over     bool
}

// Subscribe listens to topics of one customer; no topics means all. since is
// the At of the last hint seen, or empty. The first hint is a Reset when hints
// after since may have been missed; its At is where the subscription begins.
func (h *Hub) Subscribe(c id.Customer, since string, topics ...string) *Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	sub := &Subscription{hub: h, customer: c, topics: topics, hints: make(chan Hint, queue+kept)}
	if h.stopped {
		sub.end(ErrStopped)
		return sub
	}
	s := h.stream(c)
	s.subs[sub] = struct{}{}
	missed, ok := h.missed(s, since)
	if !ok {
		sub.push(Hint{Reset: true, At: h.offset(s.next - 1)})
	}
	for _, m := range missed {
		if sub.wants(m.Topic) {
			sub.push(m)
		}
	}
	return sub
}

// missed gives the hints after an offset; false if some are no longer known.
func (h *Hub) missed(s *stream, since string) ([]Hint, bool) {
	epoch, text, _ := strings.Cut(since, ".")
	last, err := strconv.ParseInt(text, 10, 64)
	first := s.next - int64(len(s.ring))
	if epoch != h.epoch || err != nil || last < first-1 || last >= s.next {
		return nil, false
	}
	return s.ring[last+1-first:], true
}

// Hints is closed when the subscription ends; Err then says why.
func (s *Subscription) Hints() <-chan Hint { return s.hints }

// Err is why the subscription ended: ErrSlow, ErrStopped, or nil after Close.
func (s *Subscription) Err() error {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.why
}

// Close ends the subscription. Twice is fine.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.end(nil)
}

func (s *Subscription) wants(topic string) bool {
	return len(s.topics) == 0 || slices.Contains(s.topics, topic)
}

// push queues a hint or ends the subscription. The caller holds the hub's lock.
func (s *Subscription) push(hint Hint) {
	if s.over {
		return
	}
	select {
	case s.hints <- hint:
	default:
		s.end(ErrSlow)
	}
}

func (s *Subscription) end(why error) {
	if s.over {
		return
	}
	s.over, s.why = true, why
	if st := s.hub.streams[s.customer]; st != nil {
		delete(st.subs, s)
	}
	close(s.hints)
}

// Stop ends all subscriptions. Twice is fine.
func (h *Hub) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, s := range h.streams {
		for sub := range s.subs {
			sub.end(ErrStopped)
		}
	}
}
