package backup

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"ringfence/internal/base/id"
)

// kept chooses the points that stay: the newest, the newest that a drill has
// proven, and one for each of the last days, weeks and months.
func (k Keep) kept(points []Point, proven map[id.Backup]bool) map[id.Backup]bool {
	stay := map[id.Backup]bool{}
	days, weeks, months := map[string]bool{}, map[[2]int]bool{}, map[string]bool{}
	last := false
	for i, p := range points { // the newest first
		at := p.At.UTC()
		year, week := at.ISOWeek()
		day, month := at.Format("2006-01-02"), at.Format("2006-01")
		if i == 0 {
			stay[p.ID] = true
		}
		if proven[p.ID] && !last {
			stay[p.ID], last = true, true
		}
		if !days[day] && len(days) < k.Daily {
			days[day], stay[p.ID] = true, true
		}
		if w := [2]int{year, week}; !weeks[w] && len(weeks) < k.Weekly {
			weeks[w], stay[p.ID] = true, true
		}
		if !months[month] && len(months) < k.Monthly {
			months[month], stay[p.ID] = true, true
		}
	}
	return stay
}

// Tidy removes points that need not stay, then what no point names any more. It
// removes nothing when a manifest does not open: what it names is unknown.
func (s *Service) Tidy(ctx context.Context) error {
	if !s.mu.TryLock() {
		return errBusy
	}
	defer s.mu.Unlock()
	lock, err := s.o.Data.lock(ctx, s.o.Now)
	if err != nil {
		return err
	}
	defer lock.release()
	defer s.note(func(g *Progress) { *g = Progress{} })
	s.note(func(g *Progress) { *g = Progress{Doing: "tidying", Since: s.o.Now()} })
	points, err := s.o.Data.Points(ctx)
	if err != nil {
		return err
	}
	drills, err := s.Drills(ctx, 1000)
	if err != nil {
		return err
	}
	proven := map[id.Backup]bool{}
	for _, d := range drills {
		if d.Passed() {
			proven[d.Point] = true
		}
	}
	stay := s.o.Keep.kept(points, proven)
	var left []Point
	for _, p := range points {
		if stay[p.ID] {
			left = append(left, p)
			continue
		}
		if err := s.o.Data.Delete(ctx, pointName(p.ID)); err != nil {
			return err
		}
	}
	var contents []Content
	for _, p := range left {
		contents = append(contents, p.Contents()...)
	}
	err = errors.Join(s.o.Data.sweep(ctx, contents), s.tidyLog(ctx, left), s.tidyKeys(ctx))
	if err == nil && s.o.CopyObjects {
		err = s.tidyObjects(ctx, left)
	}
	return errors.Join(err, s.lookOldest(ctx))
}

// sweep removes chunks that nothing names.
func (r *Repo) sweep(ctx context.Context, contents []Content) error {
	named := map[ref]bool{}
	for _, c := range contents {
		if err := r.chunksOf(ctx, c, func(one ref, _ bool) error { named[one] = true; return nil }); err != nil {
			return err
		}
	}
	names, err := r.List(ctx, "chunks/")
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.have = nil // what is there is looked up again by the next run
	r.mu.Unlock()
	for _, n := range names {
		if one, ok := refFrom(n); ok && !named[one] {
			if err := r.Delete(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// tidyLog removes what no point begins from: of each branch the entries before
// its oldest copy, and branches that ended before the oldest point.
func (s *Service) tidyLog(ctx context.Context, left []Point) error {
	if len(left) == 0 {
		return nil
	}
	oldest := left[len(left)-1].At
	type key struct {
		c      id.Customer
		branch [16]byte
	}
	from := map[key]int64{}
	for _, p := range left {
		for _, part := range p.Parts {
			k := key{part.Customer, part.Mark.Branch}
			if at, ok := from[k]; !ok || part.Mark.Seq < at {
				from[k] = part.Mark.Seq
			}
		}
	}
	customers, err := s.o.Store.Customers(ctx)
	if err != nil {
		return err
	}
	living := map[string]bool{"registry": true}
	for _, c := range customers {
		living[placeName(c)] = true
	}
	names, err := s.o.Data.List(ctx, "log/")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, n := range names {
		name := cutPlace(n)
		if seen[name] {
			continue
		}
		seen[name] = true
		c, ok := placeFrom(name)
		if !ok {
			continue
		}
		segs, err := s.o.Data.segments(ctx, c)
		if err != nil {
			return err
		}
		for _, g := range segs {
			at, begun := from[key{c, g.branch}]
			dead := !living[name]
			if !dead && !begun {
				// A branch without a copy may have begun with the birth of its place, or wait for its first copy.
				dead, err = s.endedBefore(ctx, c, g, oldest)
				if err != nil {
					return err
				}
			}
			if dead || begun && g.last <= at {
				if err := s.o.Data.Delete(ctx, g.name); err != nil {
					return err
				}
			}
		}
		if s.o.Log != nil && living[name] {
			if err := s.o.Log.prune(c, from[key{c, s.current(c)}]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) current(c id.Customer) [16]byte {
	m, err := s.o.Log.Last(c)
	if err != nil {
		return [16]byte{}
	}
	return m.Branch
}

func (s *Service) endedBefore(ctx context.Context, c id.Customer, g sentSegment, at time.Time) (bool, error) {
	src := Source{Data: s.o.Data, Key: s.o.Scratch.Key}
	var last time.Time
	for e, err := range src.entries(ctx, c, g.branch, g.first-1) {
		if err != nil {
			return false, err
		}
		last = e.At
	}
	return last.Before(at), nil
}

// prune removes files of a place's log whose entries all stand in a copy that
// is in the target: those before the newest file that hold no entry after seq.
func (l *Ledger) prune(c id.Customer, seq int64) error {
	if seq == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	paths, err := l.names(c)
	if err != nil || len(paths) < 2 {
		return err
	}
	newest := segmentOf(paths[len(paths)-1])
	for i, p := range paths[:len(paths)-1] {
		next := segmentOf(paths[i+1])
		if segmentOf(p).branch == newest.branch && (next.branch != newest.branch || next.first > seq) {
			continue
		}
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// tidyKeys keeps the newest copies of keys only: an old one has keys that were
// destroyed since.
func (s *Service) tidyKeys(ctx context.Context) error {
	if s.o.KeysTo == nil {
		return nil
	}
	all, err := s.o.KeysTo.KeyPoints(ctx)
	if err != nil {
		return err
	}
	n := min(len(all), max(1, s.o.Keep.Keys))
	for _, k := range all[n:] {
		if err := s.o.KeysTo.Delete(ctx, pointName(k.ID)); err != nil {
			return err
		}
	}
	var contents []Content
	for _, k := range all[:n] {
		contents = append(contents, k.Contents()...)
	}
	return s.o.KeysTo.sweep(ctx, contents)
}

// tidyObjects removes copies of objects that no inventory names.
func (s *Service) tidyObjects(ctx context.Context, left []Point) error {
	named := map[id.Object]bool{}
	for _, p := range left {
		for _, inv := range p.Inventory {
			if err := s.o.Data.inventory(ctx, inv, func(o id.Object, _ int64) { named[o] = true }); err != nil {
				return err
			}
		}
	}
	names, err := s.o.Data.List(ctx, "objects/")
	if err != nil {
		return err
	}
	for _, n := range names {
		o, err := id.Parse[id.Object]("obj_" + n[lastSlash(n)+1:])
		if err != nil || named[o] {
			continue
		}
		if err := s.o.Data.Delete(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

// inventory reads which objects there were.
func (r *Repo) inventory(ctx context.Context, inv Inventory, fn func(o id.Object, size int64)) error {
	in := r.open(ctx, inv.Content)
	defer in.Close()
	return readInventory(in, fn)
}

// Oldest is when the oldest point that stays was made: what was set aside after
// it may still be named by a backup. It answers from memory; zero: not looked
// yet, so that everything has to stay.
func (s *Service) Oldest() (at time.Time, some bool) {
	if t := s.oldest.Load(); t != nil {
		return *t, !t.IsZero()
	}
	return time.Time{}, true
}

// OldestKeys is Oldest for the copies of keys.
func (s *Service) OldestKeys() (at time.Time, some bool) {
	if t := s.oldestKeys.Load(); t != nil {
		return *t, !t.IsZero()
	}
	return time.Time{}, true
}

// lookOldest reads what Oldest and OldestKeys answer.
func (s *Service) lookOldest(ctx context.Context) error {
	names, err := s.o.Data.List(ctx, "points/")
	if err != nil {
		return err
	}
	var at time.Time
	if len(names) > 0 {
		p, err := s.o.Data.point(ctx, slices.Min(names))
		if err != nil {
			return err
		}
		at = p.At
	}
	s.oldest.Store(&at)
	if s.o.KeysTo == nil {
		return nil
	}
	keys, err := s.o.KeysTo.KeyPoints(ctx)
	if err != nil {
		return err
	}
	at = time.Time{}
	if len(keys) > 0 {
		at = keys[len(keys)-1].At
	}
	s.oldestKeys.Store(&at)
	return nil
}
