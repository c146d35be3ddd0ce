package capture

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// dialect is one telephone system's way of naming recordings and of writing down its calls. Reading never fails as a whole: a name is a hint,
// and a line that cannot be read is an error of its own.
type dialect interface {
	// name reads what a recording's path says.
	name(p string) named
	// form says how a file beside the recordings, or among the logs, is read.
	form(p string) form
	// line reads one line of a file of lines. No rows and no error: a heading, or nothing to keep.
	line(f *source, text string) ([]row, error)
	// whole reads a file that holds the records of one leg or call.
	whole(p string, b []byte) ([]row, error)
	// near reports that a file which names no call may belong to a row with these parties.
	near(n named, r *row) bool
}

// form is how a file of records is read.
type form int

const (
	noRecord form = iota
	byLine        // grows line by line
	atOnce        // written once
)

// named is what a recording's name says.
type named struct {
	keys      []string // names of the call or of one of its legs
	first     string   // the parties in the order of the name
	second    string
	owner     string // extension whose folder it lies in
	title     string // name of a person or queue
	wall      int64  // local date and time as if UTC, ms
	direction Direction
}

// row is what one line or file of the records says: a leg, or a stretch of a call.
type row struct {
	id                 string   // the same again takes its place
	keys               []string // what it has in common with other rows of its call; the first names the call
	wall               bool     // times are local, as if UTC
	start, answer, end int64    // ms; 0: none
	direction          Direction
	caller, callerName string
	callerExt          string // the telephone of the house that called
	dialled            string
	queue              string
	to, toName         string // who rang, an extension or a number outside
	inside             bool   // to is a telephone of the house
	machine            bool   // to is a queue, a menu, a ring group: it rings nobody itself
	outcome            Outcome
	begins             bool // caller and dialled are those of the call
	transferred        bool // it rang because of a transfer
	standsIn           bool // who answered is told here only for want of a row of its own
	files              []string
	events             []Event
	rang               []string // extensions that rang in vain
}

var dialects = map[string]func(Options) dialect{
	"3cx": newThreeCX, "freeswitch": newFreeSwitch, "yeastar": newYeastar,
}

// records is the profile of a system whose recordings are joined with rows of records by keys in names, by names in rows, or by parties and
// time. All three dialects share it.
type records struct {
	opt    Options
	d      dialect
	folder *folder
	reader *recordReader
	calls  map[string]*joined // by key
	all    map[*joined]struct{}
	gone   *remembered
	byFile map[string]*joined   // base name without ending that a row names
	byWho  map[string][]*joined // party → calls, for names that tell parties and time only
	lone   map[string]*joined   // group of files → a call of its own
	owners map[*soundFile]*joined
	zone   clock
	judged bool  // whether records are in the source's zone or in UTC is known
	have   bool  // records have been read
	wall   int64 // the latest wall time in records
}

// joined is one call in the making.
type joined struct {
	id       string
	keys     []string
	rows     []row
	files    []*soundFile
	absorbed []string
	marks    map[string]mark // first place in each file of lines
	oldest   int64           // time of the oldest whole file it was read from, ms
	touched  time.Time
	dirty    bool
	given    uint64
	done     bool
	alone    bool
}

func newRecords(opt Options, d dialect) *records {
	r := &records{
		opt: opt, d: d, folder: newFolder(opt), calls: map[string]*joined{}, all: map[*joined]struct{}{}, gone: newRemembered(),
		byFile: map[string]*joined{}, byWho: map[string][]*joined{}, lone: map[string]*joined{}, owners: map[*soundFile]*joined{},
		zone: clock{zone: opt.Zone},
	}
	r.reader = newRecordReader(opt, d)
	return r
}

// Poll implements Profile.
func (r *records) Poll(ctx context.Context, now time.Time) (Batch, error) {
	var b Batch
	changed, problems, err := r.folder.scan(ctx, now)
	b.Problems = problems
	if err != nil {
		return b, fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be read")
	}
	more, err := r.reader.poll(ctx, now, func(one *row, from origin) { r.add(one, from, now) })
	b.Problems = append(b.Problems, more...)
	if err != nil {
		return b, err
	}
	for _, f := range changed {
		r.place(f, now)
	}
	r.rematch(now)
	for _, c := range r.ordered() {
		if !c.dirty && (c.given == 0 || c.done) {
			continue
		}
		if c.alone && r.mayStillBeNamed(c, now) {
			b.Unnamed.add(len(c.files), r.namedBy(c, now))
			continue
		}
		call := r.build(c, now)
		c.dirty = false
		if h := fingerprint(&call); h != c.given {
			c.given, c.done = h, false
			b.Calls = append(b.Calls, call)
		}
	}
	if !r.opt.DryRun {
		r.sweep(now)
	}
	slices.SortStableFunc(b.Calls, func(x, y Call) int { return x.StartedAt.Compare(y.StartedAt.Time) })
	return b, nil
}

// ordered are the calls in an order that does not change from run to run.
func (r *records) ordered() []*joined {
	out := make([]*joined, 0, len(r.all))
	for c := range r.all {
		out = append(out, c)
	}
	slices.SortFunc(out, func(x, y *joined) int { return cmp.Compare(x.id, y.id) })
	return out
}

// mayStillBeNamed holds back a recording that no record knows, as long as one may come.
func (r *records) mayStillBeNamed(c *joined, now time.Time) bool {
	if r.opt.DryRun || !r.have && !r.opt.hasLogs() {
		return false
	}
	for _, f := range c.files {
		if r.standing(f, now) < r.opt.StillFor {
			return true
		}
	}
	return false
}

// standing is how long a file was seen to stand still, or has stood where it is hopeless.
func (r *records) standing(f *soundFile, now time.Time) time.Duration {
	if r.opt.hopeless(f) {
		return now.Sub(f.modified)
	}
	return now.Sub(f.since)
}

// namedBy is when a recording that no record knows is given at the latest.
func (r *records) namedBy(c *joined, now time.Time) (at time.Time) {
	for _, f := range c.files {
		if due := now.Add(r.opt.StillFor - r.standing(f, now)); due.After(at) {
			at = due
		}
	}
	return at
}

// add takes one row.
func (r *records) add(one *row, from origin, now time.Time) {
	r.have = true
	if one.wall {
		r.wall = max(r.wall, one.end)
	}
	var c *joined
	for _, k := range one.keys {
		if r.gone.has(k) {
			return
		}
		if o := r.calls[k]; o != nil && o != c {
			c = r.merge(c, o)
		}
	}
	if c == nil {
		if len(one.keys) == 0 {
			return
		}
		c = &joined{id: one.keys[0], marks: map[string]mark{}}
		r.all[c] = struct{}{}
	}
	for _, k := range one.keys {
		if r.calls[k] == nil {
			r.calls[k] = c
			c.keys = append(c.keys, k)
		}
	}
	if at := slices.IndexFunc(c.rows, func(o row) bool { return o.id == one.id }); at >= 0 {
		c.rows[at] = *one
	} else if len(c.rows) < maxRows {
		c.rows = append(c.rows, *one)
	}
	for _, name := range one.files {
		r.byFile[nameKey(name)] = c
	}
	for _, who := range one.parties() {
		if !slices.Contains(r.byWho[who], c) {
			r.byWho[who] = append(r.byWho[who], c)
		}
	}
	c.dirty, c.touched = true, now
	from.note(c)
}

// parties are all numbers of a row, as they may stand in a recording's name.
func (o *row) parties() []string {
	var out []string
	for _, s := range []string{o.caller, o.callerExt, o.dialled, o.to} {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// merge makes one call of two; the one that was there first stays.
func (r *records) merge(a, b *joined) *joined {
	if a == nil {
		return b
	}
	for _, o := range b.rows {
		if !slices.ContainsFunc(a.rows, func(x row) bool { return x.id == o.id }) {
			a.rows = append(a.rows, o)
		}
		for _, name := range o.files {
			r.byFile[nameKey(name)] = a
		}
		for _, who := range o.parties() {
			r.byWho[who] = append(slices.DeleteFunc(r.byWho[who], func(c *joined) bool { return c == a || c == b }), a)
		}
	}
	for _, k := range b.keys {
		r.calls[k] = a
	}
	a.keys = append(a.keys, b.keys...)
	for _, f := range b.files {
		r.owners[f], f.owner = a, a.id
	}
	a.files = append(a.files, b.files...)
	a.absorbed = append(append(a.absorbed, b.id), b.absorbed...)
	for name, m := range b.marks {
		if have, ok := a.marks[name]; !ok || m.offset < have.offset {
			a.marks[name] = m
		}
	}
	a.oldest = earlier(a.oldest, b.oldest)
	a.dirty, a.done, a.alone = true, false, a.alone && b.alone
	delete(r.all, b)
	return a
}

func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// nameKey is what a recording is found by when a row names it: its base name without ending, for it may have been converted since.
func nameKey(p string) string {
	base := path.Base(strings.ReplaceAll(p, `\`, "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}

// drop forgets a call.
func (r *records) drop(c *joined) {
	for _, k := range c.keys {
		if r.calls[k] == c {
			delete(r.calls, k)
		}
	}
	for _, o := range c.rows {
		for _, name := range o.files {
			if r.byFile[nameKey(name)] == c {
				delete(r.byFile, nameKey(name))
			}
		}
		for _, who := range o.parties() {
			if left := slices.DeleteFunc(r.byWho[who], func(x *joined) bool { return x == c }); len(left) > 0 {
				r.byWho[who] = left
			} else {
				delete(r.byWho, who)
			}
		}
	}
	delete(r.lone, c.id)
	delete(r.all, c)
}

// sweep forgets calls that are kept and old enough for no row to come late, and those that nothing has come of.
func (r *records) sweep(now time.Time) {
	for c := range r.all {
		idle := now.Sub(c.touched)
		if !(c.done && idle >= linger) && idle < 4*lifetime {
			continue
		}
		for _, f := range c.files {
			delete(r.owners, f)
			if f.sound.Header != sound.Open || f.sound.Empty() {
				r.folder.retire(f)
			}
		}
		r.gone.add(c.keys...)
		r.drop(c)
	}
}

// Done implements Profile.
func (r *records) Done(calls ...string) {
	done := map[string]bool{}
	for _, id := range calls {
		done[id] = true
	}
	for c := range r.all {
		if done[c.id] {
			c.done = true
		}
	}
}

var _ Profile = (*records)(nil)
