package siprec

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Hush is a time in which what is said in some call is not to be kept: somebody
// takes a payment. Whose call it is, is blinded, as recording.Tokens blinds it.
type Hush struct {
	ID     id.Pause
	Source id.Source
	Named  bool // Token is a name of the call; else somebody who is in it
	Token  []byte
	From   time.Time
	To     time.Time // zero: it goes on
}

const (
	hushEach  = 2 * time.Second        // how often pauses are read that another server was told of
	hushAgain = 200 * time.Millisecond // after a reading that failed
	hushLast  = 3 * time.Second        // how long the end of a session waits for a reading

	// hushBefore is taken along in front of a pause: all that has not been sealed
	// by then, for a stream may be laid out so far behind the clock.
	hushBefore = behindFor
	hushAfter  = aheadFor // and behind it, for a stream may run ahead
)

// stretch is one pause on a recording's clock, in samples.
type stretch struct {
	pause    id.Pause
	from, to int64 // to: never, while it goes on
	told     Fact  // what stands in the spool about it
}

const never = int64(1) << 62

// hushed are the events after which pauses are read again.
var hushed = map[string]bool{"pause.noted": true, "pause.ended": true}

// unsure holds what is not sealed of a customer's sessions until its pauses were
// read again: what was said after the pause began must not be in the spool.
func (s *Service) unsure(c id.Customer) {
	for _, t := range s.tapes() {
		if t.Binding.Customer == c {
			t.wants.Add(1)
		}
	}
	s.listen()
}

// listen wakes what reads pauses.
func (s *Service) listen() {
	select {
	case s.rouse <- struct{}{}:
	default:
	}
}

// attend reads pauses: at once when some were noted here, and every two seconds
// those that another server was told of.
func (s *Service) attend(ctx context.Context) {
	each := time.NewTicker(hushEach)
	defer each.Stop()
	failed := false
	for {
		which := s.tapes
		select {
		case <-ctx.Done():
			return
		case <-s.rouse: // thousands of sessions are not asked anew because one has begun
			which = s.waitingToKnow
		case <-each.C:
		}
		err := s.learnAll(ctx, which())
		if err != nil && !failed && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "pauses cannot be read; sessions that may be in one are not sealed until they are", "error", err)
		}
		if failed = err != nil; failed {
			time.AfterFunc(hushAgain, s.listen)
		}
	}
}

// Learn has every session know the pauses that are about it. The service does so
// by itself from Start on; tests do it in their own time.
func (s *Service) Learn(ctx context.Context) error { return s.learnAll(ctx, s.tapes()) }

// waitingToKnow are the sessions of which nothing is sealed until they know.
func (s *Service) waitingToKnow() (all []*Tape) {
	for _, t := range s.tapes() {
		if !t.informed() {
			all = append(all, t)
		}
	}
	return all
}

func (s *Service) learnAll(ctx context.Context, tapes []*Tape) (err error) {
	if s.o.Hushed == nil {
		return nil
	}
	of := map[id.Customer][]*Tape{}
	for _, t := range tapes {
		of[t.Binding.Customer] = append(of[t.Binding.Customer], t)
	}
	for c, tapes := range of {
		if failed := s.learn(ctx, c, tapes); failed != nil {
			err = failed
		}
	}
	return err
}

// learn reads the pauses of one customer, for some sessions.
func (s *Service) learn(ctx context.Context, c id.Customer, tapes []*Tape) error {
	p, err := s.o.Store.Place(ctx, c)
	if err != nil {
		return err
	}
	wanted := make([]int64, len(tapes))
	mine := make([][]Hush, len(tapes))
	for i, t := range tapes {
		wanted[i] = t.wants.Load() // before the reading: what is noted during it is read again
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		seen := map[id.Source]bool{}
		var sources []id.Source
		for _, t := range tapes {
			if !seen[t.Binding.Source] {
				seen[t.Binding.Source] = true
				sources = append(sources, t.Binding.Source)
			}
		}
		all, err := s.o.Hushed(tx, sources)
		if err != nil || len(all) == 0 {
			return err
		}
		for i, t := range tapes {
			if mine[i], err = t.about(tx, all); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, t := range tapes {
		t.hush(mine[i], wanted[i])
	}
	return nil
}

// about gives the pauses that mean this session: its own name, one of the
// system's names of the call, or somebody who is in it.
func (t *Tape) about(tx *place.Tx, all []Hush) (mine []Hush, err error) {
	t.mu.Lock()
	call, _ := t.session.Call(t.Binding.Rule)
	t.mu.Unlock()
	call.Idents = append([]string{keyOf(t.ID)}, call.Idents...)
	names, parties, err := recording.Tokens(tx, t.Binding.Source, call)
	if err != nil {
		return nil, err
	}
	is := map[string]bool{}
	for _, n := range names {
		is["name"+string(n)] = true
	}
	for _, n := range parties {
		is["party"+string(n)] = true
	}
	for _, h := range all {
		if h.Source == t.Binding.Source && (h.Named && is["name"+string(h.Token)] || !h.Named && is["party"+string(h.Token)]) {
			mine = append(mine, h)
		}
	}
	return mine, nil
}

// hush takes in the pauses that are about the session now. What was a pause once
// stays one; of those that went on, one that is not told of any more has ended.
func (t *Tape) hush(all []Hush, wanted int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		for _, h := range all {
			t.hushOne(h)
		}
		t.over(all)
	}
	t.knows = max(t.knows, wanted)
}

// hushOne is called with the lock held.
func (t *Tape) hushOne(h Hush) {
	s := stretch{pause: h.ID, from: samples(h.From.Sub(t.begun)) - hushBefore, to: never, told: Fact{What: Silenced, At: h.From, Until: h.To}}
	if h.From.Before(t.begun) {
		s.told.At = t.begun
	}
	if !h.To.IsZero() {
		s.to = max(samples(h.To.Sub(t.begun))+hushAfter, t.frontier) // what has been sealed is no concern of ours
	}
	var all []stretch
	if old := t.hushes.Load(); old != nil {
		all = append(all, *old...)
	}
	i := slices.IndexFunc(all, func(known stretch) bool { return known.pause == h.ID })
	switch {
	case i >= 0 && all[i].told.Until.Equal(h.To):
		return
	case i >= 0:
		s.from, s.told.At = all[i].from, all[i].told.At
		all[i] = s
	case s.to <= t.frontier:
		return // it was over before what is not sealed yet
	default:
		all = append(all, s)
	}
	t.hushes.Store(&all)
	t.keep(s.told)
}

// over ends the pauses that went on and are none any more.
func (t *Tape) over(all []Hush) {
	known := t.hushes.Load()
	if known == nil {
		return
	}
	for _, s := range *known {
		if s.to == never && !slices.ContainsFunc(all, func(h Hush) bool { return h.ID == s.pause }) {
			t.hushOne(Hush{ID: s.pause, From: s.told.At, To: t.s.now()})
		}
	}
}

// keep writes a fact that asks for nothing else.
func (t *Tape) keep(f Fact) {
	t.session, _ = t.session.Next(f)
	if err := t.spool.fact(f); err != nil {
		t.fail(err)
	}
}

// within reports whether a position is in a pause.
func (t *Tape) within(at int64) bool {
	all := t.hushes.Load()
	if all == nil {
		return false
	}
	for _, s := range *all {
		if at >= s.from && at < s.to {
			return true
		}
	}
	return false
}

// quieten silences what lies in pauses, of samples that begin at a position. It
// reports whether anything else is left.
func (t *Tape) quieten(b []byte, from int64) bool {
	all := t.hushes.Load()
	if all == nil {
		return true
	}
	end := from + int64(len(b))
	left := int64(0)
	for at := from; at < end; {
		next, in := end, false
		for _, s := range *all {
			switch {
			case at >= s.from && at < s.to:
				next, in = min(next, s.to), true
			case s.from > at:
				next = min(next, s.from)
			}
		}
		if in {
			fill(b[at-from:next-from], t.law.silence())
		} else {
			left += next - at
		}
		at = next
	}
	return left > 0
}

// sure reports whether the pauses that are known are all there are. It is called
// with the lock held.
func (t *Tape) sure() bool { return t.s.o.Hushed == nil || t.knows >= t.wants.Load() }

func (t *Tape) informed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sure()
}

// last has the pauses read before the end of a session is written, where they may
// have changed.
func (t *Tape) last() {
	if t.informed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hushLast)
	defer cancel()
	if err := t.s.learn(ctx, t.Binding.Customer, []*Tape{t}); err != nil {
		t.s.log.Error("pauses cannot be read at the end of a recording session; its last sound is not kept", "session", t.ID, "error", err)
	}
}
