package backup

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Source is where an installation is restored from. Any may be nil but not all:
// a log that begins with the birth of its places is enough by itself.
type Source struct {
	Data, Keys *Repo
	Log        *Ledger
	Key        Key
}

// Want says what to restore.
type Want struct {
	Point    id.Backup   `json:"point,omitzero"`    // zero: the newest that fits
	At       time.Time   `json:"at,omitzero"`       // zero: as late as can be
	Customer id.Customer `json:"customer,omitzero"` // zero: the whole installation
}

// origin is where one place is made from: a copy or its birth, then the log.
type origin struct {
	customer id.Customer
	part     *Part     // nil: from its birth
	point    id.Backup // that has the part
	branch   [16]byte
	replay   bool
	until    time.Time
	short    string // what cannot be had, for the operator
}

func (o origin) after() int64 {
	if o.part == nil {
		return -1
	}
	return o.part.Mark.Seq
}

// choose finds the way to a place as late as wanted: the newest copy on the
// branch that the place was on at that time, and the log from there.
func (s Source) choose(ctx context.Context, c id.Customer, points []Point, w Want) (o origin, err error) {
	o = origin{customer: c, until: w.At}
	if o.until.IsZero() {
		o.until = time.Unix(1<<40, 0)
	}
	if !w.Point.IsZero() {
		points = slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return p.ID != w.Point })
		if w.At.IsZero() {
			return o.pinned(points)
		}
	}
	branches, err := s.branches(ctx, c)
	if err != nil {
		return o, err
	}
	var current *branch
	for i, b := range branches {
		if !b.start.After(o.until) && (current == nil || b.start.After(current.start)) {
			current = &branches[i]
		}
	}
	var any *Part
	for _, p := range points { // the newest first
		for i, part := range p.Parts {
			if part.Customer != c || part.At.After(o.until) {
				continue
			}
			if any == nil {
				any, o.point = &p.Parts[i], p.ID
			}
			if current != nil && part.Mark.Branch == current.id && o.part == nil {
				o.part, o.point = &p.Parts[i], p.ID
			}
		}
	}
	switch {
	case current != nil && o.part != nil:
		o.branch, o.replay = current.id, true
	case current != nil && current.born && w.Point.IsZero():
		o.branch, o.replay = current.id, true
	case any != nil:
		o.part = any
		if current != nil {
			o.short = "what was written after this copy cannot be replayed: the log has no copy to begin with"
		}
	default:
		return o, fault.New(fault.NotFound, "there is no copy of %s from that time", placeLabel(c))
	}
	return o, nil
}

// pinned is the copy of one point as it is.
func (o origin) pinned(points []Point) (origin, error) {
	for _, p := range points {
		for i, part := range p.Parts {
			if part.Customer == o.customer {
				o.part, o.point = &p.Parts[i], p.ID
				return o, nil
			}
		}
	}
	return o, fault.New(fault.NotFound, "there is no copy of %s in that backup", placeLabel(o.customer))
}

// branch is one stretch of a place's life in the log.
type branch struct {
	id    [16]byte
	start time.Time
	born  bool
}

// branches reads the first entry of each branch of a place's log.
func (s Source) branches(ctx context.Context, c id.Customer) (all []branch, err error) {
	seen := map[[16]byte]bool{}
	add := func(b [16]byte) error {
		if seen[b] {
			return nil
		}
		seen[b] = true
		for e, err := range s.entries(ctx, c, b, -1) {
			if err != nil {
				return err
			}
			all = append(all, branch{b, e.At, e.Born})
			break
		}
		return nil
	}
	if s.Data != nil {
		segs, err := s.Data.segments(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, g := range segs {
			if err := add(g.branch); err != nil {
				return nil, err
			}
		}
	}
	if s.Log != nil {
		paths, err := s.Log.paths(c)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			if err := add(segmentOf(p).branch); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// entries gives the entries of a branch after a number, in order. The folder of
// the log is preferred to what was sent, for it has more; of two entries with
// one number the later counts.
func (s Source) entries(ctx context.Context, c id.Customer, branch [16]byte, after int64) iter.Seq2[place.Entry, error] {
	return func(yield func(place.Entry, error) bool) {
		var held *record
		give := func() bool {
			if held == nil || held.mark.Seq <= after {
				return true
			}
			e, err := unseal(sealed.NewBox(s.Key.derive("log")), c, held.mark, held.body)
			if err != nil {
				err = fault.Wrap(err, fault.Conflict, "an entry of the log of %s is damaged", placeLabel(c))
			}
			return yield(e, err) && err == nil
		}
		for r, err := range s.records(ctx, c, branch, after) {
			if err != nil {
				yield(place.Entry{}, err)
				return
			}
			if held != nil && r.mark.Seq < held.mark.Seq {
				continue // was sent, and lies in the folder too
			}
			if held != nil && r.mark.Seq > held.mark.Seq && !give() {
				return
			}
			held = &r
		}
		give()
	}
}

// records walks through what was sent up to where the folder begins, then
// through the folder.
func (s Source) records(ctx context.Context, c id.Customer, branch [16]byte, after int64) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var files []string
		local := int64(1<<63 - 1)
		if s.Log != nil {
			all, err := s.Log.paths(c)
			if err != nil {
				yield(record{}, err)
				return
			}
			for _, p := range all {
				if seg := segmentOf(p); seg.branch == branch {
					files = append(files, p)
					local = min(local, seg.first)
				}
			}
		}
		if s.Data != nil {
			segs, err := s.Data.segments(ctx, c)
			if err != nil {
				yield(record{}, err)
				return
			}
			for _, g := range segs {
				if g.branch != branch || g.last <= after || g.first >= local {
					continue
				}
				text, err := s.Data.Get(ctx, g.name)
				if err != nil {
					yield(record{}, err)
					return
				}
				for r, err := range records(bytes.NewReader(text), g.segment) {
					if r.mark.Seq >= local && err == nil {
						break
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}
		for _, p := range files {
			if !walkFile(p, yield) {
				return
			}
		}
	}
}

func walkFile(path string, yield func(record, error) bool) bool {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return yield(record{}, err)
	}
	defer f.Close()
	for r, err := range records(f, segmentOf(path)) {
		if !yield(r, err) {
			return false
		}
	}
	return true
}

// until ends entries at a time.
func until(entries iter.Seq2[place.Entry, error], at time.Time) iter.Seq2[place.Entry, error] {
	return func(yield func(place.Entry, error) bool) {
		for e, err := range entries {
			if err == nil && e.At.After(at) {
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// places are all places that can be restored, the registry first.
func (s Source) places(points []Point, w Want) ([]id.Customer, error) {
	seen := map[id.Customer]bool{}
	for _, p := range points {
		if !w.Point.IsZero() && p.ID != w.Point || !w.At.IsZero() && p.At.After(w.At) {
			continue
		}
		for _, part := range p.Parts {
			seen[part.Customer] = true
		}
		break // the newest that fits knows all but those born since
	}
	if s.Log != nil && w.Point.IsZero() {
		all, err := s.Log.Places()
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			seen[c] = true
		}
	}
	if s.Data != nil && w.Point.IsZero() {
		names, err := s.Data.List(context.Background(), "log/")
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if c, ok := placeFrom(cutPlace(n)); ok {
				seen[c] = true
			}
		}
	}
	var all []id.Customer
	for c := range seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b id.Customer) int { return bytes.Compare(a[:], b[:]) })
	return all, nil
}

func cutPlace(name string) string {
	rest := name[len("log/"):]
	for i := range rest {
		if rest[i] == '/' {
			return rest[:i]
		}
	}
	return rest
}
