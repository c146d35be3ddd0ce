package privacy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ringfence/internal/base/id"
)

// contradictions finds pairs of rules of which neither can win.
func (c *checker) contradictions(rules []Rule) {
	for i, a := range rules {
		for j := i + 1; j < len(rules); j++ {
			b := rules[j]
			if a.When.mask() != b.When.mask() || !overlap(a.When, b.When) {
				continue
			}
			same := reflect.DeepEqual(a.When, b.When)
			says := a.sound() == b.sound() && a.text() == b.text()
			crossed := (a.sound() < b.sound()) != (a.text() < b.text()) && a.sound() != b.sound() && a.text() != b.text()
			switch {
			case same && says && a.Then == b.Then:
				c.add(fmt.Sprintf("rules[%d]", j), "%q says the same of the same recordings as %q", b.Name, a.Name)
			case same, says && a.Then != b.Then, crossed:
				c.add(fmt.Sprintf("rules[%d]", j), "%q and %q contradict each other: both fit the same recordings, are equally specific, and want different things", b.Name, a.Name)
			}
		}
	}
}

// overlap reports whether a recording can fit both. Of marks, tags and
// extensions it can have several.
func overlap(a, b When) bool {
	for _, f := range [][2][]string{{a.Queues, b.Queues}, {a.Outcomes, b.Outcomes}, {a.Directions, b.Directions}, {a.Languages, b.Languages}} {
		if len(f[0]) > 0 && len(f[1]) > 0 && !slices.ContainsFunc(f[0], func(v string) bool { return slices.Contains(f[1], v) }) {
			return false
		}
	}
	if a.Length != nil && b.Length != nil {
		l := a.Length.and(*b.Length)
		return l.To == 0 || l.From < l.To
	}
	return true
}

func (a Range) and(b Range) Range {
	out := Range{From: max(a.From, b.From), To: a.To}
	if b.To > 0 && (out.To == 0 || b.To < out.To) {
		out.To = b.To
	}
	return out
}

// covers reports whether whatever fits both a and b fits w as well.
func (w When) covers(a, b When) bool {
	one := func(w, a, b []string) bool {
		both := a
		switch {
		case len(w) == 0:
			return true
		case len(a) == 0:
			both = b
		case len(b) > 0:
			both = slices.DeleteFunc(slices.Clone(a), func(v string) bool { return !slices.Contains(b, v) })
		}
		return len(both) > 0 && within(both, w)
	}
	many := func(w, a, b []string) bool {
		return len(w) == 0 || len(a) > 0 && within(a, w) || len(b) > 0 && within(b, w)
	}
	if !one(w.Queues, a.Queues, b.Queues) || !one(w.Outcomes, a.Outcomes, b.Outcomes) || !one(w.Directions, a.Directions, b.Directions) ||
		!one(w.Languages, a.Languages, b.Languages) || !many(w.Extensions, a.Extensions, b.Extensions) ||
		!many(texts(w.Tags), texts(a.Tags), texts(b.Tags)) || !many(texts(w.Marks), texts(a.Marks), texts(b.Marks)) {
		return false
	}
	if w.Length == nil {
		return true
	}
	var l Range
	if a.Length != nil {
		l = *a.Length
	}
	if b.Length != nil {
		l = l.and(*b.Length)
	}
	return l.From >= w.Length.From && (w.Length.To == 0 || l.To > 0 && l.To <= w.Length.To)
}

func within(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(v string) bool { return !slices.Contains(whole, v) })
}

func texts[T ~string | id.Tag](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// Shortens reports whether under the new policy any recording, one that is there
// or one that may come, could be due earlier than under the old. It errs on the
// side of yes: what is called longer is longer for everything.
func Shortens(old, new Policy) bool {
	before, after := old.ranked(), new.ranked()
	for i, p := range before {
		for j, q := range after {
			if !overlap(p.When, q.When) || q.sound() >= p.sound() && q.text() >= p.text() && (p.Then != KeepFigures || q.Then == KeepFigures || q.text() == forever) {
				continue
			}
			if slices.ContainsFunc(before[:i], func(r Rule) bool { return r.beatsBefore(p, q) }) ||
				slices.ContainsFunc(after[:j], func(r Rule) bool { return r.beatsAfter(p, q) }) {
				continue // where both fit, another rule counts
			}
			return true
		}
	}
	return fewerFloors(old, new)
}

// beatsBefore reports whether, of the old rules, r counts instead of p wherever q
// is the new rule that fits for certain.
func (r Rule) beatsBefore(p, q Rule) bool {
	return r.When.covers(q.When, q.When) || r.When.certain() && r.When.covers(p.When, q.When)
}

// beatsAfter reports whether, of the new rules, r counts instead of q or keeps at
// least as long as p did, wherever p may fit.
func (r Rule) beatsAfter(p, q Rule) bool {
	return r.When.covers(q.When, q.When) ||
		r.When.covers(p.When, q.When) && (r.When.certain() || r.sound() >= p.sound() && r.text() >= p.text() && (p.Then != KeepFigures || r.Then == KeepFigures))
}

// certain reports whether a rule asks only for what is known of each recording.
func (w When) certain() bool {
	return len(w.Marks)+len(w.Extensions)+len(w.Outcomes)+len(w.Directions)+len(w.Languages) == 0
}

// fewerFloors reports whether a set was taken away or applied to less.
func fewerFloors(old, new Policy) bool {
	for _, was := range old.Sets {
		if !slices.ContainsFunc(new.Sets, func(is Applied) bool { return least(is.Set) >= least(was.Set) && is.When.covers(was.When, was.When) }) {
			return true
		}
	}
	return false
}

func least(set string) int {
	s, _ := SetNamed(set)
	return s.Least
}

// Describe is a rule's condition in words.
func (w When) Describe(tag func(id.Tag) string) string {
	var parts []string
	say := func(what string, values []string) {
		if len(values) > 0 {
			parts = append(parts, what+" "+strings.Join(values, " or "))
		}
	}
	say("marked", texts(w.Marks))
	var tags []string
	for _, t := range w.Tags {
		tags = append(tags, tag(t))
	}
	say("tagged", tags)
	say("extension", w.Extensions)
	say("queue", w.Queues)
	say("outcome", w.Outcomes)
	say("direction", w.Directions)
	say("language", w.Languages)
	if l := w.Length; l != nil {
		switch {
		case l.To == 0:
			parts = append(parts, fmt.Sprintf("%d seconds or longer", l.From))
		case l.From == 0:
			parts = append(parts, fmt.Sprintf("shorter than %d seconds", l.To))
		default:
			parts = append(parts, fmt.Sprintf("%d to %d seconds long", l.From, l.To))
		}
	}
	return strings.Join(parts, ", ")
}
