package capture

import (
	"cmp"
	"path"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
)

// Items are the recordings of a call that are whole, one per group of files,
// without a way to open the files; waiting counts the files that are not whole
// yet. A group waits as long as one of its files does.
func Items(c Call) (ready []recording.Item, waiting int) {
	groups := map[string][]File{}
	var order []string
	for _, f := range c.Files {
		if f.State == Empty || f.State == Unreadable {
			continue
		}
		if groups[f.Group] == nil {
			order = append(order, f.Group)
		}
		groups[f.Group] = append(groups[f.Group], f)
	}
	call := Joined(c)
	for _, g := range order {
		files := groups[g]
		partial := 0
		for _, f := range files {
			if f.State == Partial {
				partial++
			}
		}
		if partial > 0 {
			waiting += partial
			continue
		}
		ready = append(ready, item(g, call, files))
	}
	return ready, waiting
}

func item(group string, call recording.Call, files []File) recording.Item {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(rank(a), rank(b)) })
	it := recording.Item{Key: group, Call: call, Sound: recording.Complete, StartedAt: files[0].StartedAt}
	for _, f := range files {
		if f.State == Truncated {
			it.Sound = recording.Truncated
		}
		it.Files = append(it.Files, recording.File{Path: f.Path, Shown: path.Join(Shown(path.Dir(f.Path)), cmp.Or(f.TitleHidden, Shown(path.Base(f.Path)))), Kind: kindOf(f, len(files)), Size: f.Size, ModTime: f.ModifiedAt, Probed: f.Sound})
	}
	return it
}

// rank puts both parties apart first, then the sides, then the mix.
func rank(f File) int {
	return slices.Index([]sound.Layout{sound.Sides, sound.Caller, sound.Agent, sound.Mix}, f.Sound.Layout)
}

func kindOf(f File, of int) recording.Kind {
	switch {
	case of == 1:
		return recording.Original
	case f.Sound.Layout == sound.Caller:
		return recording.Caller
	case f.Sound.Layout == sound.Agent:
		return recording.AgentSide
	case f.Sound.Layout == sound.Mix:
		return recording.Mix
	default:
		return recording.Original
	}
}

// Joined is a call as the archive keeps it.
func Joined(c Call) recording.Call {
	out := recording.Call{
		Idents: idents(c), Direction: recording.Direction(cmp.Or(c.Direction, Direction(recording.UnknownDirection))),
		Caller: recording.Party{Number: c.Caller, Name: c.CallerName, Withheld: c.Withheld}, Dialled: c.Dialled, Queue: string(c.Queue),
		StartedAt: c.StartedAt.UTC(), EndedAt: c.EndedAt.UTC(), Waiting: c.Waited, Talk: c.Talked,
		Disposition: recording.Disposition(cmp.Or(c.Disposition, Disposition(recording.UnknownDisposition))),
		AnsweredAt:  instant(c.AnsweredAt),
	}
	if c.EndedAt.IsZero() {
		out.EndedAt = c.LastSeenAt.UTC()
	}
	for _, a := range c.Agents {
		out.Agents = append(out.Agents, recording.Agent{Extension: a.Extension, Name: a.Name, Outcome: string(a.Outcome)})
	}
	for _, l := range c.Legs {
		out.Legs = append(out.Legs, recording.Leg{
			Party: cmp.Or(l.Name, l.Party), Extension: l.Extension, Number: l.Number, Role: l.Role, From: l.From.UTC(), To: instant(l.To),
		})
	}
	for _, e := range c.Events {
		out.Events = append(out.Events, recording.Happening{At: e.At.UTC(), What: e.What, By: e.By, To: e.To, Detail: e.Detail})
	}
	return out
}

// idents are all names under which the telephone system knows a call.
func idents(c Call) []string {
	all := append([]string{c.ID}, c.Absorbed...)
	for _, i := range c.LinkedIDs {
		if i != "" && !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

func instant(m Moment) *time.Time {
	if m.IsZero() {
		return nil
	}
	t := m.UTC()
	return &t
}
