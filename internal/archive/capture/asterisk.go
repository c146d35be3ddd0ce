package capture

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// asterisk is the profile of an Asterisk with names as FreePBX gives them.
type asterisk struct {
	opt     Options
	folder  *folder
	logs    []*family
	j       *joiner
	alone   map[string]*lone   // groups of files that no call of the logs claims
	named   map[string]string  // base name of a file → uniqueid of the call that logs name it in
	resume  map[string]logFile // places of an earlier run, until their logs are found
	autos   map[string]*lone   // of alone: those of one-touch recording
	behind  bool               // a poll stopped before the end of the logs
	fresh   bool               // the logs held new rows
	seq     sequence           // numbers of CDRs
	gaps    []coverage.Gap     // of the logs, for the next batch
	unnamed Unnamed            // as of the last poll
	swept   int64
	warned  map[string]bool
}

// New makes the profile that the options ask for. Faulty settings are fault.Invalid and name their fields, all together.
func New(opt Options) (Profile, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	if opt.StillFor == 0 {
		opt.StillFor = 2 * time.Minute
	}
	switch opt.Profile {
	case "generic":
		return newGeneric(opt)
	case "asterisk":
		return newAsterisk(opt), nil
	}
	return newRecords(opt, dialects[opt.Profile](opt)), nil
}

// check finds all faults of the settings.
func (o Options) check() error {
	all := &fault.Error{Kind: fault.Invalid, Text: "the source's settings are not valid"}
	add := func(field, text string) { all.Details = append(all.Details, fault.Detail{Path: field, Text: text}) }
	if _, ok := ProfileNamed(o.Profile); !ok {
		add("profile", fmt.Sprintf("%q is no profile; there are %s", o.Profile, listed(ProfileNames())))
	}
	if o.Folder == "" && o.Files == nil {
		add("folder", "the folder of the recordings is missing")
	}
	if o.StillFor < 0 || o.StillFor > 0 && o.StillFor < 30*time.Second {
		add("still_for", "a file being written may stand still for 20 seconds; give at least 30")
	}
	if o.Profile == "generic" && o.Pattern != "" {
		if _, err := parsePattern(o.Pattern); err != nil {
			add("pattern", plainFault(err))
		}
	}
	if c := o.Country; c != "" && (len(c) != 2 || strings.ToUpper(c) != c) {
		add("country", "a country is two capital letters, for example GB")
	}
	if len(all.Details) > 0 {
		return all
	}
	return nil
}

func newAsterisk(opt Options) *asterisk {
	return &asterisk{
		opt: opt, folder: newFolder(opt), j: newJoiner(), alone: map[string]*lone{}, autos: map[string]*lone{}, named: map[string]string{},
		resume: map[string]logFile{}, warned: map[string]bool{},
	}
}

// Poll implements Profile.
func (a *asterisk) Poll(ctx context.Context, now time.Time) (Batch, error) {
	var b Batch
	problems, err := a.poll(ctx, now, func(c Call) { b.Calls = append(b.Calls, c) })
	b.Problems = problems
	b.Gaps, a.gaps = a.gaps, nil
	b.More, b.Unnamed = a.behind, a.unnamed
	if a.opt.DryRun {
		return b, err // in the order of telling: later ones replace earlier ones
	}
	slices.SortStableFunc(b.Calls, func(x, y Call) int { return x.StartedAt.Compare(y.StartedAt.Time) })
	return b, err
}

// poll reads what is new and tells of each call of which something changed.
func (a *asterisk) poll(ctx context.Context, now time.Time, tell func(Call)) ([]Problem, error) {
	changed, problems, err := a.folder.scan(ctx, now)
	if err != nil {
		return problems, fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be read")
	}
	for _, f := range changed {
		a.touch(f)
	}
	more, err := a.readLogs(ctx, now, tell)
	problems = append(problems, more...)
	if err != nil {
		return problems, err
	}
	if a.fresh {
		// A call's file is there before its last line. One that was made while the logs were read is looked for once more: else the call
		// would be told without it, and a crash before the next poll would leave its file to be taken for one that no log names.
		changed, more, err := a.folder.scan(ctx, now)
		problems = append(problems, more...)
		if err != nil {
			return problems, fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be read")
		}
		for _, f := range changed {
			a.touch(f)
		}
	}
	for c := range a.j.all {
		if c.dirty || a.waiting(c) {
			a.tell(c, now, tell)
		}
	}
	a.sweep(a.j.newest, now, tell)
	a.unnamed = a.tellAlone(now, tell)
	return problems, nil
}

// touch marks the call of a changed file. One that is gone, moved away after its capture, changes nothing of a call that is kept.
func (a *asterisk) touch(f *soundFile) {
	c := a.callOf(f)
	switch gone := a.folder.files[f.path] == nil; {
	case c != nil:
		c.dirty = c.dirty || !gone || !c.done
	case !gone:
		a.leave(f)
	case a.alone[loneKey(f)] != nil:
		g := a.alone[loneKey(f)]
		if g.files = slices.DeleteFunc(g.files, func(o *soundFile) bool { return o == f }); len(g.files) == 0 {
			delete(a.alone, loneKey(f))
			delete(a.autos, loneKey(f))
		}
	}
}

// callOf finds the call of a file: by the uniqueid in its name, or by a log that names the file.
func (a *asterisk) callOf(f *soundFile) *cluster {
	if c := a.j.byKey[f.name.uid]; c != nil && f.name.uid != "" {
		return c
	}
	return a.j.byKey[a.named[path.Base(f.name.group)]]
}

// note remembers which file a row names, and lets go of a lone recording that a call now claims.
func (a *asterisk) note(e *entry) {
	var name, uid string
	switch e.kind {
	case kindCEL:
		if e.cel.what == "APP_START" && (e.cel.app == "MixMonitor" || e.cel.app == "Monitor") {
			name, _, _ = strings.Cut(e.cel.data, ",")
			uid = e.cel.uid
		}
	case kindCDR:
		name, uid = e.cdr.recording, e.cdr.uid
		a.seq.add(e.cdr.sequence, e.at, len(a.j.restarts))
	}
	if name == "" {
		return
	}
	n := parseFileName(baseName(name))
	if n.uid != uid {
		if len(a.named) > maxGone {
			clear(a.named)
		}
		a.named[path.Base(n.group)] = uid
	}
}

// filesOf gathers the files of a call.
func (a *asterisk) filesOf(c *cluster) []*soundFile {
	var out []*soundFile
	add := func(list []*soundFile) {
		for _, f := range list {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	for _, k := range c.keys {
		add(a.folder.byUID[k])
	}
	for i := range c.cel {
		if ev := &c.cel[i]; ev.what == "APP_START" && (ev.app == "MixMonitor" || ev.app == "Monitor") {
			name, _, _ := strings.Cut(ev.data, ",")
			add(a.folder.bases[path.Base(parseFileName(baseName(name)).group)])
		}
	}
	for i := range c.cdr {
		if r := c.cdr[i].recording; r != "" {
			add(a.folder.bases[path.Base(parseFileName(r).group)])
		}
	}
	add(a.touched(c))
	for _, f := range out {
		a.claim(c, f)
		f.owner = c.id
	}
	return out
}

// waiting reports a call that has an unfinished file, whose age alone may change what is done with it.
func (a *asterisk) waiting(c *cluster) bool { return !a.opt.DryRun && !c.ended && c.given != 0 }

// tell gives a call if anything of it changed since it was last given.
func (a *asterisk) tell(c *cluster, now time.Time, tell func(Call)) {
	files := a.filesOf(c)
	call := a.j.build(c, files)
	a.still(&call, files, now)
	c.dirty = false
	if h := fingerprint(&call); h != c.given {
		c.given, c.done = h, false
		tell(call)
	}
}

// still ends a call whose files have not grown for so long that their writer must be gone. A dry run looks only once and cannot know.
func (a *asterisk) still(call *Call, files []*soundFile, now time.Time) {
	if a.opt.DryRun || call.Ended || call.Cut || len(files) == 0 {
		return
	}
	for _, f := range files {
		if now.Sub(f.since) < a.opt.StillFor || now.Sub(f.modified) < a.opt.StillFor {
			return
		}
	}
	for i := range call.Files {
		if f := &call.Files[i]; f.State == Partial && !f.Sound.Empty() {
			f.State, f.Reason = Truncated, "the file has not grown for "+a.opt.StillFor.String()+" and no log tells of an end"
		}
	}
}

// fingerprint changes with anything that a taker of calls would store.
func fingerprint(c *Call) uint64 {
	b, _ := json.Marshal(c) // a Call holds nothing that cannot be written
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64() | 1
}

// sweep forgets calls that are over and kept.
func (a *asterisk) sweep(at int64, now time.Time, tell func(Call)) {
	a.swept = at
	for c := range a.j.all {
		idle := at - c.last
		if idle < linger.Milliseconds() {
			continue
		}
		if c.dirty {
			a.tell(c, now, tell)
		}
		if c.ended && (c.done || a.opt.DryRun || c.given != 0 && len(a.filesOf(c)) == 0) || idle > 4*lifetime.Milliseconds() || a.opt.DryRun && idle > lifetime.Milliseconds() {
			a.release(c)
		}
	}
}

// release forgets a call and the files that were kept with it, but for those that were cut: they may go on.
func (a *asterisk) release(c *cluster) {
	for _, f := range a.filesOf(c) {
		if f.sound.Header != sound.Open || f.sound.Empty() {
			a.folder.retire(f)
		}
	}
	a.j.forget(c)
}

var _ Profile = (*asterisk)(nil)
