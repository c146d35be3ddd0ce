package privacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
)

// Facts are what rules ask of a recording.
type Facts struct {
	StartedAt  time.Time
	Length     time.Duration
	Queue      string // empty: in none
	Direction  string
	Outcome    string
	Language   string // empty: not known yet, or never
	Extensions []string
	Joined     bool // who took part is known
	Tags       []id.Tag
	Marks      []recording.Mark
	Scanned    bool // nothing looks for further marks any more
	SoundGone  bool // its sound was removed before
}

type truth int

const (
	no truth = iota
	maybe
	yes
)

// Action is what is to be done to a recording.
type Action int

// The actions.
const (
	Keep Action = iota
	RemoveSound
	Destroy
	DestroyKeepingFigures
)

// Verdict is what the rules say of one recording.
type Verdict struct {
	Rule    Rule       // the one that counts; the default has no name
	SoundAt *time.Time // when the sound goes; nil: never
	TextAt  *time.Time // when all goes; nil: never
	Figures bool       // figures stay
	Floor   string     // name of the set that keeps it longer than its rule
	Waits   string     // what is not known yet and keeps it longer
	Now     Action
}

// At is when something happens next; nil: never.
func (v Verdict) At() *time.Time {
	if v.SoundAt != nil && (v.TextAt == nil || v.SoundAt.Before(*v.TextAt)) {
		return v.SoundAt
	}
	return v.TextAt
}

// Reason says in words why a recording is kept until then.
func (v Verdict) Reason() string {
	text := "the default"
	if v.Rule.Name != "" {
		text = fmt.Sprintf("the rule %q", v.Rule.Name)
	}
	if v.Waits != "" {
		text += ", as " + v.Waits + " is not known yet"
	}
	if s, ok := SetNamed(v.Floor); ok {
		text = fmt.Sprintf("%s (%s)", s.Title, s.Source)
	}
	return text
}

// Due is what a policy says of a recording at an instant. The first rule that
// fits for certain counts, and with it each rule before it that may fit: sound
// and text go at the latest time that any of these names.
func Due(p Policy, f Facts, at time.Time) Verdict { return due(p.ranked(), p.Sets, f, at) }

func due(ranked []Rule, sets []Applied, f Facts, at time.Time) Verdict {
	v := Verdict{}
	sound, text, found := -1, -1, false
	for _, r := range ranked {
		is, what := r.When.fits(f)
		if is == no {
			continue
		}
		v.Figures = v.Figures || r.Then == KeepFigures
		if !found || r.text() > text || r.text() == text && r.sound() > sound {
			v.Rule, found = r, true
			if is == maybe {
				v.Waits = what
			} else {
				v.Waits = ""
			}
		}
		sound, text = max(sound, r.sound()), max(text, r.text())
		if is == yes {
			break
		}
	}
	for _, a := range sets {
		set, _ := SetNamed(a.Set)
		if is, _ := a.When.fits(f); is != no && set.Least > sound {
			sound, text, v.Floor = set.Least, max(text, set.Least), set.Name
		}
	}
	v.SoundAt, v.TextAt = after(f.StartedAt, sound), after(f.StartedAt, text)
	if sound == text {
		v.SoundAt = v.TextAt
	}
	switch {
	case v.TextAt != nil && !at.Before(*v.TextAt):
		v.Now = Destroy
		if v.Figures {
			v.Now = DestroyKeepingFigures
		}
	case v.SoundAt != nil && !at.Before(*v.SoundAt) && !f.SoundGone:
		v.Now = RemoveSound
	}
	return v
}

func after(start time.Time, days int) *time.Time {
	if days >= forever {
		return nil
	}
	t := start.Add(time.Duration(days) * 24 * time.Hour)
	return &t
}

// fits says whether a recording is what a rule asks for, and what is not known.
func (w When) fits(f Facts) (truth, string) {
	out, unknown := yes, ""
	also := func(is truth, what string) {
		if is < out {
			out = is
		}
		if is == maybe && unknown == "" {
			unknown = what
		}
	}
	if len(w.Marks) > 0 {
		also(among(slices.ContainsFunc(w.Marks, func(m recording.Mark) bool { return slices.Contains(f.Marks, m) }), f.Scanned), "what was said")
	}
	if len(w.Tags) > 0 {
		also(among(slices.ContainsFunc(w.Tags, func(t id.Tag) bool { return slices.Contains(f.Tags, t) }), true), "")
	}
	if len(w.Extensions) > 0 {
		also(among(slices.ContainsFunc(w.Extensions, func(x string) bool { return slices.Contains(f.Extensions, x) }), f.Joined), "who took part")
	}
	if len(w.Queues) > 0 {
		also(among(slices.Contains(w.Queues, f.Queue), true), "")
	}
	if len(w.Outcomes) > 0 {
		also(among(slices.Contains(w.Outcomes, f.Outcome), slices.Contains(outcomes, f.Outcome)), "how the call ended")
	}
	if len(w.Directions) > 0 {
		also(among(slices.Contains(w.Directions, f.Direction), slices.Contains(directions, f.Direction)), "the direction")
	}
	if len(w.Languages) > 0 {
		primary, _, _ := strings.Cut(f.Language, "-")
		also(among(slices.Contains(w.Languages, primary), f.Language != ""), "the language")
	}
	if l := w.Length; l != nil {
		ms := f.Length.Milliseconds()
		also(among(ms >= int64(l.From)*1000 && (l.To == 0 || ms < int64(l.To)*1000), true), "")
	}
	if out == no {
		return no, ""
	}
	return out, unknown
}

// among is yes for what fits, and maybe for what may yet.
func among(fits, known bool) truth {
	switch {
	case fits:
		return yes
	case known:
		return no
	}
	return maybe
}
