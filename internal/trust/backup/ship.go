package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// shipped is how far log and tombstones have gone to the targets.
type shipped struct {
	marks map[id.Customer]place.Mark
	tombs map[id.Customer]time.Time

	mu    sync.Mutex
	dirty map[id.Customer]bool // something may have been destroyed
	first bool
}

func newShipped() shipped {
	return shipped{marks: map[id.Customer]place.Mark{}, tombs: map[id.Customer]time.Time{}, dirty: map[id.Customer]bool{}, first: true}
}

// Watch is told of commits, so that only places in which something was
// destroyed are asked for tombstones.
func (s *Service) Watch(c place.Commit) {
	for _, e := range c.Events {
		if buries(e.Code) {
			s.ship.mu.Lock()
			s.ship.dirty[c.Customer] = true
			s.ship.mu.Unlock()
			return
		}
	}
}

// buries says whether something may have been destroyed, emptied or erased by the
// time of an event. Ways back from pseudonyms go before their certificate.
func buries(code string) bool {
	for _, prefix := range []string{"capture.", "recording.replaced", "pseudonym.", "certificate.signed", "request.erased"} {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return strings.Contains(code, "destr") || strings.HasSuffix(code, ".stored") || strings.HasSuffix(code, ".purged")
}

// Ship sends what is new of the log and of what was destroyed to the targets.
// What it could not send it sends the next time.
func (s *Service) Ship(ctx context.Context) error {
	s.shipMu.Lock()
	defer s.shipMu.Unlock()
	return errors.Join(s.shipTombs(ctx), s.shipLog(ctx))
}

func (s *Service) shipLog(ctx context.Context) error {
	if s.o.Log == nil {
		return nil
	}
	all, err := s.o.Log.Places()
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := s.shipPlace(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// maxShipped bounds one object of a shipped log.
const maxShipped = 16 << 20

func (s *Service) shipPlace(ctx context.Context, c id.Customer) error {
	last, err := s.o.Log.Last(c)
	if err != nil {
		return err
	}
	from, known := s.ship.marks[c]
	if known && from == last {
		return nil
	}
	if !known {
		if from, err = s.o.Data.shippedTo(ctx, c, last.Branch); err != nil {
			return err
		}
	}
	// The last one that was sent may have been replaced by one of its number since.
	from.Seq--
	paths, err := s.o.Log.paths(c)
	if err != nil {
		return err
	}
	for _, path := range paths {
		seg := segmentOf(path)
		if err := s.shipFile(ctx, c, path, seg, from); err != nil {
			return err
		}
	}
	s.ship.marks[c] = last
	return nil
}

// shipFile sends the entries of a file that come after a mark. Files of other
// branches than the mark's are sent unless they are there.
func (s *Service) shipFile(ctx context.Context, c id.Customer, path string, seg segment, from place.Mark) error {
	if from.Branch != seg.branch {
		var err error
		if from, err = s.o.Data.shippedTo(ctx, c, seg.branch); err != nil {
			return err
		}
		from.Seq--
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the place was destroyed meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var out bytes.Buffer
	var first, last int64
	flush := func() error {
		if out.Len() == 0 {
			return nil
		}
		name := fmt.Sprintf("log/%s/%s-%016x", placeName(c), segment{seg.branch, first}.name(), uint64(last))
		err := s.o.Data.Put(ctx, name, out.Bytes())
		out.Reset()
		return err
	}
	var prev int64
	for r, err := range records(f, seg) {
		if err != nil {
			return err
		}
		start := prev
		prev = r.end
		if r.mark.Seq <= from.Seq {
			continue
		}
		if out.Len() == 0 {
			first = r.mark.Seq
		}
		last = r.mark.Seq
		raw := make([]byte, r.end-start)
		if _, err := f.ReadAt(raw, start); err != nil {
			return err
		}
		out.Write(raw)
		if out.Len() >= maxShipped {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// shippedTo is the last entry of a branch that the target has.
func (r *Repo) shippedTo(ctx context.Context, c id.Customer, branch [16]byte) (m place.Mark, err error) {
	m.Branch = branch
	segs, err := r.segments(ctx, c)
	for _, g := range segs {
		if g.branch == branch {
			m.Seq = max(m.Seq, g.last)
		}
	}
	return m, err
}

// sentSegment is a part of a log in the target.
type sentSegment struct {
	segment
	last int64
	name string
}

// segments are the parts of a place's log, in order within each branch.
func (r *Repo) segments(ctx context.Context, c id.Customer) (all []sentSegment, err error) {
	names, err := r.List(ctx, "log/"+placeName(c)+"/")
	for _, n := range names {
		base := n[strings.LastIndexByte(n, '/')+1:]
		cut := strings.LastIndexByte(base, '-')
		if cut < 0 {
			continue
		}
		seg, ok := segmentFrom(base[:cut])
		var last int64
		if _, err := fmt.Sscanf(base[cut+1:], "%016x", &last); err != nil || !ok {
			continue
		}
		all = append(all, sentSegment{seg, last, n})
	}
	slices.SortStableFunc(all, func(a, b sentSegment) int {
		if c := bytes.Compare(a.branch[:], b.branch[:]); c != 0 {
			return c
		}
		if a.first != b.first {
			return int(a.first - b.first)
		}
		return int(a.last - b.last)
	})
	return all, err
}

// paths are the files of a place's log, the oldest first.
func (l *Ledger) paths(c id.Customer) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names(c)
}

// tombs is what was destroyed of a customer: ids, times and reasons, no secret.
type tombs struct {
	Customer id.Customer      `json:"customer"` // zero: customers that were destroyed
	Keys     []keyring.Buried `json:"keys"`
}

// shipTombs sends what was destroyed to both targets: a restore from either
// replays it before anything opens.
func (s *Service) shipTombs(ctx context.Context) error {
	living, dead, err := s.o.Keys.Customers(ctx)
	if err != nil {
		return err
	}
	s.ship.mu.Lock()
	dirty, first := s.ship.dirty, s.ship.first
	s.ship.dirty, s.ship.first = map[id.Customer]bool{}, false
	s.ship.mu.Unlock()
	again := func(c id.Customer) {
		s.ship.mu.Lock()
		defer s.ship.mu.Unlock()
		s.ship.dirty[c] = true
	}
	var errs []error
	for _, c := range living {
		if !first && !dirty[c] {
			continue
		}
		if err := s.shipTombsOf(ctx, c); err != nil && !fault.Is(err, fault.Gone) {
			again(c)
			errs = append(errs, err)
		}
	}
	var none id.Customer
	if n := len(dead); n > 0 && (first || s.ship.tombs[none].Before(newest(dead))) {
		if err := s.sendTombs(ctx, none, dead); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func newest(all []keyring.Buried) (at time.Time) {
	for _, b := range all {
		if b.At.After(at) {
			at = b.At
		}
	}
	return at
}

func (s *Service) shipTombsOf(ctx context.Context, c id.Customer) error {
	since, known := s.ship.tombs[c]
	if !known {
		// From the name of what was sent last: <time>-<id>.
		names, err := s.o.Data.List(ctx, tombsPrefix(c))
		if err != nil {
			return err
		}
		if len(names) > 0 {
			since = tombsTime(names[len(names)-1])
		}
	}
	all, err := s.o.Keys.Buried(ctx, c, since)
	if err != nil || len(all) == 0 || known && !newest(all).After(since) {
		return err
	}
	return s.sendTombs(ctx, c, all)
}

func tombsPrefix(c id.Customer) string { return "tombs/" + placeName(c) + "/" }

func tombsTime(name string) time.Time {
	var ms int64
	if _, err := fmt.Sscanf(name[strings.LastIndexByte(name, '/')+1:], "%016x", &ms); err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (s *Service) sendTombs(ctx context.Context, c id.Customer, all []keyring.Buried) error {
	text, err := json.Marshal(tombs{c, all})
	if err != nil {
		return err
	}
	at := newest(all)
	name := fmt.Sprintf("%s%016x-%016x", tombsPrefix(c), uint64(at.UnixMilli()), uint64(len(all)))
	for _, r := range []*Repo{s.o.Data, s.o.KeysTo} {
		if r != nil {
			if err := r.Put(ctx, name, text); err != nil {
				return err
			}
		}
	}
	s.ship.tombs[c] = at
	return nil
}

// destroyed reads what the targets know of what was destroyed. One target that
// cannot be read is a fault: what it alone knows would come back.
func destroyed(ctx context.Context, repos ...*Repo) (map[id.Customer][]keyring.Buried, error) {
	all := map[id.Customer]map[[16]byte]keyring.Buried{}
	for _, r := range repos {
		if r == nil {
			continue
		}
		names, err := r.List(ctx, "tombs/")
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			text, err := r.Get(ctx, n)
			if err != nil {
				return nil, fault.Wrap(err, fault.KindOf(err), "the record of what was destroyed (%s) cannot be read: nothing is restored without it", n)
			}
			var t tombs
			if err := json.Unmarshal(text, &t); err != nil {
				return nil, err
			}
			if all[t.Customer] == nil {
				all[t.Customer] = map[[16]byte]keyring.Buried{}
			}
			for _, b := range t.Keys {
				all[t.Customer][b.ID] = b
			}
		}
	}
	out := map[id.Customer][]keyring.Buried{}
	for c, m := range all {
		for _, b := range m {
			out[c] = append(out[c], b)
		}
	}
	return out, nil
}
