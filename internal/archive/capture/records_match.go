package capture

import (
	"cmp"
	"slices"
	"time"
)

// Which sound belongs to which call.

// place puts a file that is new, changed or gone to its call, or makes one of it alone.
func (r *records) place(f *soundFile, now time.Time) {
	if r.folder.files[f.path] == nil { // gone, moved away after its capture
		if c := r.owners[f]; c != nil {
			c.files = slices.DeleteFunc(c.files, func(o *soundFile) bool { return o == f })
			delete(r.owners, f)
			if c.alone && len(c.files) == 0 {
				r.drop(c)
			}
		}
		return
	}
	if c := r.owners[f]; c != nil {
		c.dirty, c.done = true, false
		return
	}
	if c := r.callOf(f); c != nil {
		r.give(c, f, now)
		return
	}
	key := "file:" + f.name.group
	c := r.lone[key]
	if c == nil {
		c = &joined{id: key, alone: true, marks: map[string]mark{}}
		r.lone[key], r.all[c] = c, struct{}{}
	}
	r.give(c, f, now)
}

func (r *records) give(c *joined, f *soundFile, now time.Time) {
	c.files = append(c.files, f)
	slices.SortFunc(c.files, func(x, y *soundFile) int { return cmp.Compare(x.path, y.path) })
	r.owners[f], f.owner = c, c.id
	c.dirty, c.done, c.touched = true, false, now
}

// rematch looks whether records now know of recordings that stood alone.
func (r *records) rematch(now time.Time) {
	keys := make([]string, 0, len(r.lone))
	for k := range r.lone {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		alone := r.lone[k]
		for _, f := range slices.Clone(alone.files) {
			c := r.callOf(f)
			if c == nil || c == alone {
				continue
			}
			alone.files = slices.DeleteFunc(alone.files, func(o *soundFile) bool { return o == f })
			if alone.given != 0 && !slices.Contains(c.absorbed, alone.id) {
				c.absorbed = append(c.absorbed, alone.id)
			}
			r.give(c, f, now)
		}
		if len(alone.files) == 0 {
			r.drop(alone)
		}
	}
}

// callOf finds the call of a file: by what its name is, by a row that names it, or by parties and time.
func (r *records) callOf(f *soundFile) *joined {
	n := r.d.name(f.path)
	if c := r.byFile[nameKey(f.path)]; c != nil {
		return c
	}
	for _, k := range n.keys {
		if c := r.calls[k]; c != nil {
			return c
		}
	}
	if n.wall == 0 {
		return nil
	}
	var best *joined
	distance := int64(1<<62 - 1)
	for _, who := range []string{n.first, n.second, n.owner} {
		for _, c := range r.byWho[who] {
			if d, ok := r.fits(n, c); ok && d < distance {
				best, distance = c, d
			}
		}
	}
	return best
}

// slack is by how much the clock of a name and that of a row of the same system may differ: both are cut to seconds.
const slack = 5_000

// fits reports that a recording was made during a call by its own parties, and how far from a row's answer or start it began. The first one
// that fits says whether the records are in the source's zone or in UTC.
func (r *records) fits(n named, c *joined) (best int64, ok bool) {
	best = 1<<62 - 1
	at := r.zone.instant(n.wall, 0)
	if r.zone.utc {
		at = (&clock{zone: r.opt.Zone}).instant(n.wall, 0)
	}
	try := func(o *row, when int64) bool {
		if when < o.start-slack || when > max(o.end, o.start)+slack {
			return false
		}
		d := abs(when - o.start)
		if o.answer != 0 {
			d = min(d, abs(when-o.answer))
		}
		best, ok = min(best, d), true
		return true
	}
	for i := range c.rows {
		o := &c.rows[i]
		switch {
		case !r.d.near(n, o):
		case !o.wall:
			try(o, at)
		case r.zone.utc:
			try(o, at)
		case try(o, n.wall):
			r.judged = true
		case !r.judged && try(o, at):
			r.zone.utc, r.judged = true, true
		}
	}
	return best, ok
}
