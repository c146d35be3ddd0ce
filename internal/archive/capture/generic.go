package capture

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// generic is the profile of any folder of sound files. What is known of a recording comes, the better before the lesser, from a JSON or
// CSV beside it, from the pattern of its name, and from the file system.
type generic struct {
	opt     Options
	folder  *folder
	pattern *pattern
	beside  *sidecars
	groups  map[string]*group
	keyOf   map[string]string // path of a sound file → its group
}

// group are the files of one call.
type group struct {
	files  []*soundFile
	given  uint64
	done   bool
	doneAt time.Time // the first poll after Done
}

// settle is how long a file that cannot tell whether it is whole must stand still; a closed header needs less.
const (
	settleClosed = time.Second
	settleBare   = 10 * time.Second
)

func newGeneric(opt Options) (*generic, error) {
	g := &generic{opt: opt, folder: newFolder(opt), beside: newSidecars(), groups: map[string]*group{}, keyOf: map[string]string{}}
	if opt.Pattern != "" {
		p, err := parsePattern(opt.Pattern)
		if err != nil {
			return nil, err
		}
		g.pattern = p
	}
	g.folder.beside = g.beside.look
	return g, nil
}

// Poll implements Profile.
func (g *generic) Poll(ctx context.Context, now time.Time) (Batch, error) {
	var b Batch
	if root, end, err := g.opt.files(); err == nil {
		b.Problems = g.beside.again(root)
		_ = end() // opened for reading only
	}
	changed, problems, err := g.folder.scan(ctx, now)
	b.Problems = append(b.Problems, problems...)
	if err != nil {
		return b, fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be read")
	}
	dirty := map[string]bool{}
	for _, f := range changed {
		dirty[g.place(f)] = true
	}
	for _, key := range g.beside.fresh {
		for _, p := range g.affected(key) {
			if f := g.folder.files[p]; f != nil {
				dirty[g.place(f)] = true
			}
		}
	}
	g.beside.fresh = nil
	for key, gr := range g.groups {
		if gr.done && !dirty[key] && g.rest(key, gr, now) {
			continue
		}
		if !dirty[key] && (gr.given == 0 || !gr.done) {
			dirty[key] = true // its age may have changed what is done with it
		}
	}
	keys := make([]string, 0, len(dirty))
	for k := range dirty {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		gr := g.groups[k]
		if gr == nil || len(gr.files) == 0 {
			continue
		}
		call, bad := g.call(k, gr, now)
		b.Problems = append(b.Problems, bad...)
		if h := fingerprint(&call); h != gr.given {
			gr.given, gr.done, gr.doneAt = h, false, time.Time{}
			b.Calls = append(b.Calls, call)
		}
	}
	slices.SortStableFunc(b.Calls, func(x, y Call) int { return x.StartedAt.Compare(y.StartedAt.Time) })
	return b, nil
}

// sidecarWait is how long after its capture a recording may still get a sidecar.
const sidecarWait = 10 * time.Minute

// rest forgets a group that was done long enough ago.
func (g *generic) rest(key string, gr *group, now time.Time) bool {
	if gr.doneAt.IsZero() {
		gr.doneAt = now
	}
	if now.Sub(gr.doneAt) < sidecarWait {
		return false
	}
	for _, f := range gr.files {
		delete(g.keyOf, f.path)
		g.folder.retire(f)
	}
	delete(g.groups, key)
	return true
}

// affected are the files that a sidecar's key may mean.
func (g *generic) affected(key string) []string {
	out := []string{key}
	for ext := range recorded {
		out = append(out, key+ext, key+strings.ToUpper(ext))
	}
	return out
}

// place puts a file into the group of its call: by the id that a sidecar or the pattern gives, else by its name without side and ending.
func (g *generic) place(f *soundFile) string {
	key := "file:" + f.name.group
	if id := g.facts(f)["id"]; id != "" {
		key = "id:" + id
	}
	if was, ok := g.keyOf[f.path]; ok && was != key {
		old := g.groups[was]
		old.files = slices.DeleteFunc(old.files, func(o *soundFile) bool { return o == f })
		if len(old.files) == 0 {
			delete(g.groups, was)
		}
	}
	if g.folder.files[f.path] == nil { // it is gone
		delete(g.keyOf, f.path)
		if gr := g.groups[key]; gr != nil {
			gr.files = slices.DeleteFunc(gr.files, func(o *soundFile) bool { return o == f })
			if len(gr.files) == 0 {
				delete(g.groups, key)
			}
		}
		return key
	}
	gr := g.groups[key]
	if gr == nil {
		gr = &group{}
		g.groups[key] = gr
	}
	if !slices.Contains(gr.files, f) {
		gr.files = append(gr.files, f)
		slices.SortFunc(gr.files, func(x, y *soundFile) int { return cmp.Compare(x.path, y.path) })
	}
	g.keyOf[f.path], f.owner = key, key
	return key
}

// facts gathers what is known of a file; a sidecar wins over the name.
func (g *generic) facts(f *soundFile) facts {
	out := facts{}
	if g.pattern != nil {
		if m, ok := g.pattern.match(strings.TrimSuffix(f.path, path.Ext(f.path))); ok {
			for k, v := range m {
				out[k] = strings.TrimRight(v, "_") // some systems fill numbers up to a width
			}
		}
	}
	for k, v := range g.beside.of(f.path) {
		out[k] = v
	}
	return out
}

// call builds a call from the files of a group.
func (g *generic) call(key string, gr *group, now time.Time) (Call, []Problem) {
	var problems []Problem
	c := Call{ID: key, Agents: []Agent{}, Legs: []Leg{}, Events: []Event{}, Files: []File{}, UniqueIDs: []string{}, LinkedIDs: []string{}, Sources: []string{"file"}, Disposition: Unanswered, Ended: true}
	known := facts{}
	for _, f := range gr.files {
		for k, v := range g.facts(f) {
			if known[k] == "" {
				known[k] = v
			}
		}
		if g.beside.of(f.path) != nil && len(c.Sources) == 1 {
			c.Sources = append(c.Sources, "sidecar")
		}
	}
	longest := 0.0
	for _, f := range gr.files {
		longest = max(longest, f.sound.Seconds)
	}
	start, end, err := g.times(known, gr.files[0], longest)
	if err != nil {
		problems = append(problems, Problem{Path: gr.files[0].path, Reason: err.Error(), Advice: "correct the time; the file's own time is used instead"})
	}
	c.StartedAt, c.EndedAt, c.LastSeenAt = Moment{start}, Moment{end}, Moment{end}
	g.parties(&c, known)
	if longest > 0 {
		c.Disposition, c.AnsweredAt, c.Talked = Answered, c.StartedAt, between(c.StartedAt, c.EndedAt)
	}
	for _, f := range gr.files {
		file := g.file(f, &c, known, now)
		if file.State == Partial {
			c.Ended = false
		}
		c.Files = append(c.Files, file)
	}
	return c, problems
}

// times takes the start from what is known, else from the name, else from the file's own time, which is that of its end.
func (g *generic) times(known facts, f *soundFile, longest float64) (start, end time.Time, err error) {
	length := time.Duration(longest * float64(time.Second))
	start, err = g.started(known)
	if start.IsZero() && f.name.wall != 0 {
		c := clock{zone: g.opt.Zone}
		born := int64(0)
		if u, ok := parseUniqueID(f.name.uid); ok {
			born = u.epoch
		}
		start = time.UnixMilli(c.instant(f.name.wall, born*1000)).UTC()
	}
	end, endErr := known.when("ended", g.opt.Zone)
	switch {
	case start.IsZero() && !end.IsZero():
		start = end.Add(-length)
	case start.IsZero():
		end = f.modified.UTC().Truncate(time.Millisecond)
		start = end.Add(-length)
	case end.IsZero() || end.Before(start):
		end = start.Add(length)
	}
	return start, end, errors.Join(err, endErr)
}

// started reads the start: in the pattern's own layout, or as a sidecar has it.
func (g *generic) started(known facts) (time.Time, error) {
	if g.pattern != nil {
		for _, part := range g.pattern.parts {
			if part.name != "started" || known["started"] == "" {
				continue
			}
			c := clock{zone: g.opt.Zone}
			if t, err := time.Parse(part.text, known["started"]); part.length > 0 && err == nil {
				return time.UnixMilli(c.instant(t.UnixMilli(), 0)).UTC(), nil
			}
		}
	}
	return known.when("started", g.opt.Zone)
}

// parties says who spoke with whom. Without a direction the numbers tell: short ones are telephones of the house.
func (g *generic) parties(c *Call, known facts) {
	c.Caller, c.CallerName, c.Withheld = party(known.text("caller"), known.text("caller_name"))
	c.Dialled, c.Queue = known.text("dialled"), Name(known.text("queue"))
	ext := known.text("extension")
	switch d := Direction(strings.ToLower(known.text("direction"))); {
	case d == Inbound || d == Outbound || d == Internal:
		c.Direction = d
	case d == "in" || d == "incoming":
		c.Direction = Inbound
	case d == "out" || d == "outgoing":
		c.Direction = Outbound
	case extensionLike(c.Caller) && extensionLike(c.Dialled):
		c.Direction = Internal
	case extensionLike(c.Caller) && c.Dialled != "":
		c.Direction = Outbound
	case c.Caller == "" && !c.Withheld && c.Dialled == "":
		c.Direction = Unknown // a name without parts tells nothing, and nothing is guessed
	default:
		c.Direction = Inbound
	}
	if ext == "" && c.Direction == Outbound {
		ext = c.Caller
	}
	if ext == "" && extensionLike(c.Dialled) {
		ext = c.Dialled
	}
	if name := known.text("agent"); ext != "" || name != "" {
		a := Agent{Extension: ext, Name: name, Outcome: OutcomeAnswered}
		if c.Direction == Outbound {
			a.Outcome = OutcomeCaller
		}
		c.Agents = append(c.Agents, a)
		c.Legs = append(c.Legs, Leg{Party: "agent", Extension: ext, Name: name, From: c.StartedAt, To: c.EndedAt, Role: "called"})
	}
}

func (g *generic) file(f *soundFile, c *Call, known facts, now time.Time) File {
	own := g.facts(f)
	if side := own["side"]; f.sound.Channels == 1 {
		switch strings.ToLower(side) {
		case "caller", "customer", "rx", "in":
			f.sound.Layout = sound.Caller
		case "agent", "tx", "out":
			f.sound.Layout = sound.Agent
		}
	}
	b := builder{call: *c, s: &scene{}, c: &cluster{}}
	b.call.Withheld = c.Withheld
	out := File{
		Path: f.path, Size: f.size, ModifiedAt: f.modified, Sound: f.sound, Group: f.name.group, StartedAt: c.StartedAt.Time,
		Heard: c.Direction != Internal, Parties: b.voices(f.sound, false), TitleHidden: Shown(path.Base(f.path)),
	}
	if c.Withheld && len(known["caller"]) > 2 && !anonymous[strings.ToLower(known["caller"])] {
		out.TitleHidden = strings.ReplaceAll(out.TitleHidden, Shown(known["caller"]), "withheld")
	}
	if strings.HasPrefix(c.ID, "id:") {
		out.Group = c.ID
	}
	out.State, out.Reason = stateByStanding(g.opt, f, now)
	return out
}

// stateByStanding decides by the header and by how long the file has stood still: nothing else tells that its writer is done.
func stateByStanding(opt Options, f *soundFile, now time.Time) (FileState, string) {
	still := opt.stood(f, now)
	if opt.DryRun {
		still = settleBare
	}
	switch {
	case !f.locked.IsZero():
		return Partial, heldText
	case f.problem != "" && (opt.DryRun || still >= settleBare):
		return Unreadable, f.problem
	case f.problem != "":
		return Partial, "it may still be written: " + f.problem
	case f.sound.Empty() && still >= settleBare && f.sound.Header != sound.Open:
		return Empty, "the file holds no sound"
	case f.sound.Empty() && (opt.DryRun || still >= opt.StillFor):
		return Empty, "the file holds no sound"
	case f.sound.Empty():
		return Partial, "the file holds no sound yet"
	case f.sound.Header == sound.Agrees && still >= settleClosed:
		return Complete, ""
	case (f.sound.Header == sound.Absent || f.sound.Header == sound.Short) && still >= settleBare:
		return Complete, ""
	case still >= opt.StillFor:
		return Truncated, "the file was not closed and has not grown for " + opt.StillFor.String()
	}
	return Partial, "it may still be written"
}

// Done implements Profile.
func (g *generic) Done(calls ...string) {
	for _, id := range calls {
		if gr := g.groups[id]; gr != nil {
			gr.done = true
			for _, f := range gr.files {
				f.settled = f.sound.Header == sound.Agrees // others may still grow
			}
		}
	}
}

// State implements Profile: what is captured is known by Options.Known; there is nothing else to go on from.
func (g *generic) State() ([]byte, error) { return json.Marshal(saved{Version: stateVersion}) }

// Restore implements Profile.
func (g *generic) Restore([]byte) error { return nil }

var _ Profile = (*generic)(nil)
