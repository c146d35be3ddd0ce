package siprec

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Binding is a source that takes calls.
type Binding struct {
	Customer id.Customer
	Source   id.Source
	Rule     Rule
	Settings
}

// Address is the user part that names a source in a request: sip:ADDRESS@host.
func Address(s id.Source) string { return s.String() }

// Caller is who asks, as far as it shows without a password.
type Caller struct {
	From        netip.Addr
	Certificate string // SHA-256 of the client certificate, hexadecimal; "" none
	User        string // of the address that was called
}

// Candidates are the sources that a caller may mean: those whose addresses and
// certificates let it in, and of these the one that it names, if it does. More
// than one is left only where sources differ by their digest users.
func (s *Service) Candidates(c Caller) []Binding {
	named, err := id.Parse[id.Source](strings.ToLower(c.User))
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Binding
	for _, all := range s.bindings {
		for _, b := range all {
			if b.admits(c) && (err != nil || b.Source == named) {
				out = append(out, b)
			}
		}
	}
	return out
}

func (b Binding) admits(c Caller) bool {
	if len(b.Peers) > 0 && !slices.ContainsFunc(b.Peers, func(p netip.Prefix) bool { return p.Contains(c.From) }) {
		return false
	}
	return len(b.Certificates) == 0 || c.Certificate != "" && slices.Contains(b.Certificates, c.Certificate)
}

// Knows reports whether any source might take something from an address. A source
// without addresses can be called from everywhere, but not by datagrams: they
// prove nothing about where they came from.
func (s *Service) Knows(from netip.Addr, datagram bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.bindings {
		for _, b := range all {
			if len(b.Peers) == 0 && !datagram || slices.ContainsFunc(b.Peers, func(p netip.Prefix) bool { return p.Contains(from) }) {
				return true
			}
		}
	}
	return false
}

// load reads a customer's sources again.
func (s *Service) load(ctx context.Context, c id.Customer) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	p, err := s.o.Store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		s.mu.Lock()
		delete(s.bindings, c)
		s.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	sources, err := s.o.Recordings.Sources(ctx, p)
	if err != nil {
		return err
	}
	var all []Binding
	for _, src := range sources {
		if src.Kind != recording.Siprec || src.State == "paused" {
			continue
		}
		set, err := s.Settings(ctx, p, src.ID)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		all = append(all, Binding{c, src.ID, Rule{src.Country, set.Ours}, set})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bindings[c] = all; len(all) == 0 {
		delete(s.bindings, c)
	}
	return nil
}

// reread are the events after which a customer's sources are read again.
var reread = map[string]bool{"source.added": true, "source.changed": true, "source.removed": true, "siprec.set": true, "place.destroyed": true}

func (s *Service) committed(c place.Commit) {
	for _, e := range c.Events {
		if hushed[e.Code] {
			s.unsure(c.Customer)
		}
		if reread[e.Code] {
			s.mu.Lock()
			s.stale[c.Customer] = true
			s.mu.Unlock()
			s.poke()
			return
		}
	}
}

// reload reads again what has changed.
func (s *Service) reload(ctx context.Context) {
	s.mu.Lock()
	stale := s.stale
	s.stale = map[id.Customer]bool{}
	s.mu.Unlock()
	for c := range stale {
		if c.IsZero() {
			continue
		}
		if err := s.load(ctx, c); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "the sources of a customer cannot be read", "customer", c, "error", err)
			s.mu.Lock()
			s.stale[c] = true
			s.mu.Unlock()
		}
	}
}

// Refusal is a request that was turned down.
type Refusal struct {
	At     time.Time
	From   string
	Reason string
}

const keptRefusals = 20

// standing is what is remembered of a source while this server runs.
type standing struct {
	lastInvite time.Time
	taken      uint64
	refused    uint64
	silent     uint64 // ended without any sound
	refusals   []Refusal
}

// Refuse notes that a request for a source was turned down, for its page.
func (s *Service) Refuse(src id.Source, from, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.standing(src)
	st.lastInvite = s.now()
	st.refused++
	st.refusals = append([]Refusal{{s.now(), from, reason}}, st.refusals...)
	st.refusals = st.refusals[:min(len(st.refusals), keptRefusals)]
}

// standing is called with the lock held.
func (s *Service) standing(src id.Source) *standing {
	if s.sources[src] == nil {
		s.sources[src] = &standing{}
	}
	return s.sources[src]
}
