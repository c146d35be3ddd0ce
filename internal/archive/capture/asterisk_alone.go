package capture

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// lone is a recording, or several of one call, of which no log knows.
type lone struct {
	id    string
	files []*soundFile
	given uint64
}

// loneKey is what lone files are put together by.
func loneKey(f *soundFile) string {
	if f.name.uid != "" {
		return f.name.uid
	}
	return "file:" + f.name.group
}

// leave puts a file aside until a log tells of it.
func (a *asterisk) leave(f *soundFile) {
	key := loneKey(f)
	g := a.alone[key]
	if g == nil {
		g = &lone{id: key}
		a.alone[key] = g
		if f.name.kind == "auto" {
			a.autos[key] = g
		}
	}
	if !slices.Contains(g.files, f) {
		g.files = append(g.files, f)
	}
}

// claim takes a file from the lone ones, because a call of the logs turned out to be its own.
func (a *asterisk) claim(c *cluster, f *soundFile) {
	key := loneKey(f)
	g := a.alone[key]
	if g == nil {
		return
	}
	g.files = slices.DeleteFunc(g.files, func(o *soundFile) bool { return o == f })
	if g.given != 0 && g.id != c.id && !slices.Contains(c.absorbed, g.id) {
		c.absorbed = append(c.absorbed, g.id)
	}
	if len(g.files) == 0 {
		delete(a.alone, key)
		delete(a.autos, key)
	}
}

// touched finds files of one-touch recording, which Asterisk names by the second and the two parties: those that were made during this
// call by its own parties. Two calls of the same two parties in the same second do not exist.
func (a *asterisk) touched(c *cluster) []*soundFile {
	if len(c.cel) == 0 {
		return nil // only CEL tells the parties by their channels
	}
	var out []*soundFile
	var s *scene
	for _, g := range a.autos { // all that wait for a log would be looked at for each call
		for _, f := range g.files {
			n := f.name
			if n.kind != "auto" || n.epoch*1000 > c.last+near {
				continue
			}
			if s == nil {
				s = sceneOf(c.cel)
			}
			if s.root != nil && n.epoch*1000 >= s.root.start-near && s.between(n.both) {
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(x, y *soundFile) int { return cmp.Compare(x.path, y.path) })
	return out
}

// between reports that a text is two parties of the call, one after the other: numbers, or names of channels in which a slash became a dash.
func (s *scene) between(both string) bool {
	var who []string
	for _, c := range s.channels {
		for _, w := range [...]string{c.peer, c.cidNum, strings.ReplaceAll(c.name, "/", "-"), c.exten} {
			if w != "" && w != "s" && !slices.Contains(who, w) {
				who = append(who, w)
			}
		}
	}
	for _, a := range who {
		if rest, ok := strings.CutPrefix(both, a+"-"); ok && slices.Contains(who, rest) {
			return true
		}
	}
	return false
}

// tellAlone gives recordings that no log knows as calls of their own, known from their names. While logs are read it waits for them; a dry
// run has read all there is. It returns those that wait.
func (a *asterisk) tellAlone(now time.Time, tell func(Call)) (waiting Unnamed) {
	if a.behind {
		return waiting // the log that names them may be what was not read yet
	}
	keys := make([]string, 0, len(a.alone))
	for k := range a.alone {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int {
		ux, _ := parseUniqueID(x)
		uy, _ := parseUniqueID(y)
		return cmp.Or(cmp.Compare(ux.epoch, uy.epoch), cmp.Compare(ux.number, uy.number), strings.Compare(x, y))
	})
	for _, k := range keys { // names tell of a restart, too
		if u, ok := parseUniqueID(k); ok && a.j.newest == 0 {
			a.j.born(u)
		}
	}
	for _, k := range keys {
		g := a.alone[k]
		if c := a.callOf(g.files[0]); c != nil {
			c.dirty = true
			a.tell(c, now, tell)
			continue
		}
		if age := a.youngest(g, now); !a.opt.DryRun && age < a.opt.StillFor {
			waiting.add(len(g.files), now.Add(a.opt.StillFor-age))
			continue
		}
		call := a.aloneCall(g, now)
		if h := fingerprint(&call); h != g.given {
			g.given = h
			tell(call)
		}
	}
	return waiting
}

// youngest is how long ago a file of the group last changed.
func (a *asterisk) youngest(g *lone, now time.Time) time.Duration {
	age := time.Duration(1<<63 - 1)
	for _, f := range g.files {
		age = min(age, a.opt.stood(f, now))
	}
	return age
}

// aloneCall builds a call from files alone. Without logs a closed header is the only sign of an end; a file without header must have stood
// still. With logs, a file is over when they have gone on long after it.
func (a *asterisk) aloneCall(g *lone, now time.Time) Call {
	slices.SortFunc(g.files, func(x, y *soundFile) int { return cmp.Compare(x.path, y.path) })
	c := &cluster{id: g.id}
	call := a.j.build(c, g.files)
	began := call.StartedAt.UnixMilli()
	if n := g.files[0].name; call.StartedAt.IsZero() && n.wall != 0 {
		clock := clock{zone: a.opt.Zone}
		began = clock.instant(n.wall, 0)
		call.StartedAt = momentAt(began)
	} else if n.epoch != 0 {
		began = n.epoch * 1000
		call.StartedAt = momentAt(began)
	}
	restart := a.j.restartedAfter(began)
	longest := int64(0)
	open := false
	for _, f := range g.files {
		longest = max(longest, int64(f.sound.Seconds*1000))
		open = open || f.sound.Header == sound.Open
	}
	passed := a.j.newest != 0 && a.j.newest > began+longest+linger.Milliseconds()
	waited := !a.opt.DryRun && a.youngest(g, now) >= a.opt.StillFor
	call.Cut = open && (restart != 0 || passed || waited)
	call.Ended = !call.Cut && (passed || waited || !open && (a.j.newest == 0 || restart != 0))
	b := builder{j: a.j, c: c, s: &scene{}, files: g.files, call: call}
	b.call.Files = nil
	b.sounds()
	return b.call
}

// Done implements Profile.
func (a *asterisk) Done(calls ...string) {
	for _, id := range calls {
		if c := a.j.byKey[id]; c != nil {
			c.done = true // its files are looked at until it is forgotten: one may still be replaced by a larger one
		}
		if g := a.alone[id]; g != nil && g.given != 0 {
			for _, f := range g.files {
				a.folder.retire(f)
			}
			delete(a.alone, id)
			delete(a.autos, id)
		}
	}
}

// saved is what State writes.
type saved struct {
	Version int       `json:"version"`
	Logs    []logFile `json:"logs"`
	Gone    []string  `json:"gone"` // keys of calls that are kept already, whose rows may be read again
}

const stateVersion = 1

// State implements Profile.
func (a *asterisk) State() ([]byte, error) {
	s := saved{Version: stateVersion}
	for _, f := range a.logs {
		for _, l := range f.files {
			at := *l
			for c := range a.j.all {
				if m, ok := c.first[l]; ok && !(c.done && c.ended) && m.offset < at.Offset {
					at.Offset, at.Line = m.offset, m.line
				}
			}
			s.Logs = append(s.Logs, at)
		}
	}
	for c := range a.j.all {
		if c.done && c.ended {
			s.Gone = append(s.Gone, c.keys...)
		}
	}
	s.Gone = append(s.Gone, a.j.goneList[max(0, len(a.j.goneList)-maxGone/5):]...)
	slices.Sort(s.Gone)
	return json.Marshal(s)
}

// Restore implements Profile.
func (a *asterisk) Restore(state []byte) error {
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fault.Wrap(err, fault.Invalid, "where reading of the logs stopped cannot be read; they are read again from their start")
	}
	if s.Version != stateVersion {
		return nil
	}
	for _, l := range s.Logs {
		a.resume[l.Name] = l
	}
	for _, k := range s.Gone {
		a.j.gone[k] = struct{}{}
		a.j.goneList = append(a.j.goneList, k)
	}
	return nil
}
