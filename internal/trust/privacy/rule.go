// Package privacy says how long recordings are kept, and what nothing may
// destroy: retention rules and legal holds.
//
// A rule is a set of conditions on what a recording is, a period counted from
// the start of the call, and what happens then. Of the rules that fit, the most
// specific one counts:
//
//  1. the one with more conditions;
//  2. among as many, the one whose first differing condition stands earlier in
//     the order mark, tag, extension, queue, outcome, direction, language, length;
//  3. among the same kinds of conditions, the one with the longer period.
//
// Two rules that are alike in all of it, fit the same recording and want
// different things contradict each other, and are refused when they are saved.
// The customer's default has no condition: it counts where nothing else does.
//
// What is not known yet destroys nothing early. A rule that may fit, once the
// language is known or the sound was looked through, holds back what other rules
// would do: sound and text go at the latest time that any of them names.
//
// Rules in force become shorter only after a week, or at once with a second
// person; longer at once. Holds win over all of it: they are asked in the same
// Change that orders a destruction (recording.HeldAmong).
package privacy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Then is what happens at the end of a period.
type Then string

// What can happen.
const (
	DeleteAll   Then = "delete-all"   // nothing is left but the tombstone
	DeleteSound Then = "delete-sound" // the transcript stays, as long as TextDays says
	KeepFigures Then = "keep-figures" // of the call: when, how long, which queue; nothing personal
)

// Range is a length in seconds: From counts, To does not; 0: no limit there.
type Range struct {
	From int `json:"from,omitempty"`
	To   int `json:"to,omitempty"`
}

// When is what a recording has to be for a rule to fit: one of the values of
// each field that is given. Marks, tags and extensions are those that it has
// among others.
type When struct {
	Marks      []recording.Mark `json:"marks,omitempty"`
	Tags       []id.Tag         `json:"tags,omitempty"`
	Extensions []string         `json:"extensions,omitempty"`
	Queues     []string         `json:"queues,omitempty"`
	Outcomes   []string         `json:"outcomes,omitempty"`
	Directions []string         `json:"directions,omitempty"`
	Languages  []string         `json:"languages,omitempty"` // primary subtags: "en" fits en-GB
	Length     *Range           `json:"length,omitempty"`
}

// Rule is one line of a policy.
type Rule struct {
	ID       id.Period `json:"id"`
	Name     string    `json:"name"`
	When     When      `json:"when"`
	Days     int       `json:"days"` // 0: for ever
	Then     Then      `json:"then"`
	TextDays int       `json:"text_days,omitempty"` // with delete-sound: when the text goes too; 0: never
}

// Applied is a ready-made set and the recordings it is applied to.
type Applied struct {
	Set  string `json:"set"`
	When When   `json:"when"`
}

// Policy is all that a customer says about how long recordings are kept.
type Policy struct {
	Rules   []Rule    `json:"rules"`
	Default Rule      `json:"default"` // without conditions
	Sets    []Applied `json:"sets,omitempty"`
}

// Limits of a policy.
const (
	MaxRules  = 200
	MaxDays   = 36_500 // a hundred years: beyond it somebody means "for ever"
	maxValues = 200
	maxName   = 100
	maxPolicy = 1 << 20
	maxNamed  = 1000 // values in all rules together: each is a parameter of one statement, several times
)

// Parse reads a policy and gives all that is wrong with it, with paths.
func Parse(r io.Reader) (Policy, error) {
	var p Policy
	d := json.NewDecoder(io.LimitReader(r, maxPolicy))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Policy{}, fault.Field("policy", "is no policy that can be read: %v", err)
	}
	if d.More() {
		return Policy{}, fault.Field("policy", "is followed by something else")
	}
	return p, p.Check()
}

// Check gives all that is wrong with a policy, naming the rules it is about.
func (p *Policy) Check() error {
	var c checker
	if len(p.Rules) > MaxRules {
		c.add("rules", "has %d rules; at most %d are taken", len(p.Rules), MaxRules)
		return c.err()
	}
	names := map[string]int{}
	for i := range p.Rules {
		r, path := &p.Rules[i], fmt.Sprintf("rules[%d]", i)
		r.When.tidy()
		c.when(path+".when", r.When)
		if r.When.fields() == 0 {
			c.add(path+".when", "says nothing: what has no condition is the default")
		}
		if r.Name = strings.TrimSpace(r.Name); r.Name == "" || utf8.RuneCountInString(r.Name) > maxName || strings.ContainsFunc(r.Name, unicode.IsControl) {
			c.add(path+".name", "must have 1 to %d characters", maxName)
		} else if first, twice := names[strings.ToLower(r.Name)]; twice {
			c.add(path+".name", "is the name of rules[%d] as well", first)
		}
		names[strings.ToLower(r.Name)] = i
		c.period(path, *r)
	}
	if p.Default.When.fields() != 0 {
		c.add("default.when", "must be empty: the default is for what no rule fits")
	}
	p.Default.Name = ""
	c.period("default", p.Default)
	for i := range p.Sets {
		p.Sets[i].When.tidy()
		c.when(fmt.Sprintf("sets[%d].when", i), p.Sets[i].When)
		if _, ok := SetNamed(p.Sets[i].Set); !ok {
			c.add(fmt.Sprintf("sets[%d].set", i), "there is no set %q", p.Sets[i].Set)
		}
	}
	named := 0
	for _, w := range p.conditions() {
		named += len(w.Marks) + len(w.Tags) + len(w.Extensions) + len(w.Queues) + len(w.Outcomes) + len(w.Directions) + 2*len(w.Languages)
	}
	if named > maxNamed {
		c.add("rules", "name %d values altogether; at most %d are taken: a label can stand for many", named, maxNamed)
	}
	if len(c.details) == 0 {
		c.contradictions(p.Rules)
	}
	if len(c.details) == 0 {
		c.minimums(*p)
	}
	return c.err()
}

// conditions are those of all rules and sets.
func (p *Policy) conditions() (all []When) {
	for _, r := range p.Rules {
		all = append(all, r.When)
	}
	for _, a := range p.Sets {
		all = append(all, a.When)
	}
	return all
}

type checker struct{ details []fault.Detail }

func (c *checker) add(path, format string, args ...any) {
	if len(c.details) < 50 {
		c.details = append(c.details, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
	}
}

func (c *checker) err() error { return c.about("these rules cannot be saved") }

// about is what was found, under a text that says what of.
func (c *checker) about(text string) error {
	if len(c.details) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Text: text, Details: c.details}
}

var language = regexp.MustCompile(`^[a-z]{2,3}$`)

var (
	outcomes   = []string{string(recording.Answered), string(recording.Abandoned), string(recording.Unanswered)}
	directions = []string{string(recording.Inbound), string(recording.Outbound), string(recording.Internal)}
)

func (c *checker) when(path string, w When) {
	known := func(field string, values, of []string) {
		for i, v := range values {
			if !slices.Contains(of, v) {
				c.add(fmt.Sprintf("%s.%s[%d]", path, field, i), "must be one of %s", strings.Join(of, ", "))
			}
		}
	}
	text := func(field string, values []string) {
		for i, v := range values {
			if v == "" || utf8.RuneCountInString(v) > 200 || !utf8.ValidString(v) {
				c.add(fmt.Sprintf("%s.%s[%d]", path, field, i), "must have 1 to 200 characters")
			}
		}
	}
	var marks, all []string
	for _, m := range w.Marks {
		marks = append(marks, string(m))
	}
	for _, m := range recording.Marks() {
		all = append(all, string(m))
	}
	known("marks", marks, all)
	known("outcomes", w.Outcomes, outcomes)
	known("directions", w.Directions, directions)
	text("queues", w.Queues)
	text("extensions", w.Extensions)
	for i, l := range w.Languages {
		if !language.MatchString(l) {
			c.add(fmt.Sprintf("%s.languages[%d]", path, i), "must be a language without its country, like en or de")
		}
	}
	for i, t := range w.Tags {
		if t.IsZero() {
			c.add(fmt.Sprintf("%s.tags[%d]", path, i), "there is no such tag")
		}
	}
	for field, n := range map[string]int{"queues": len(w.Queues), "extensions": len(w.Extensions), "tags": len(w.Tags), "languages": len(w.Languages)} {
		if n > maxValues {
			c.add(path+"."+field, "has %d values; at most %d are taken", n, maxValues)
		}
	}
	if l := w.Length; l != nil && (l.From < 0 || l.To < 0 || l.To > 0 && l.To <= l.From || l.From == 0 && l.To == 0 || l.From > 1<<30 || l.To > 1<<30) {
		c.add(path+".length", "must be seconds from and to, of which to is larger; 0 is no limit")
	}
}

func (c *checker) period(path string, r Rule) {
	if r.Days < 0 || r.Days > MaxDays {
		c.add(path+".days", "must be between 1 and %d, or for ever", MaxDays)
	}
	switch r.Then {
	case DeleteSound:
		switch {
		case r.Days == 0:
			c.add(path+".then", "nothing happens to what is kept for ever: choose delete-all, or a number of days")
		case r.TextDays < 0 || r.TextDays > MaxDays:
			c.add(path+".text_days", "must be between 1 and %d, or for ever", MaxDays)
		case r.TextDays > 0 && r.TextDays <= r.Days:
			c.add(path+".text_days", "must be more than days: the transcript is what stays when the sound has gone")
		}
	case DeleteAll, KeepFigures:
		if r.TextDays != 0 {
			c.add(path+".text_days", "is for delete-sound alone")
		}
	default:
		c.add(path+".then", "must be delete-all, delete-sound or keep-figures")
	}
}

// tidy puts values in order and takes out those that stand twice.
func (w *When) tidy() {
	slices.Sort(w.Marks)
	w.Marks = slices.Compact(w.Marks)
	slices.SortFunc(w.Tags, func(a, b id.Tag) int { return slices.Compare(a[:], b[:]) })
	w.Tags = slices.Compact(w.Tags)
	for _, v := range []*[]string{&w.Extensions, &w.Queues, &w.Outcomes, &w.Directions, &w.Languages} {
		slices.Sort(*v)
		*v = slices.Compact(*v)
	}
}

// mask says which conditions there are, the weightier ones in higher bits.
func (w When) mask() (m int) {
	for i, has := range []bool{
		w.Length != nil, len(w.Languages) > 0, len(w.Directions) > 0, len(w.Outcomes) > 0, len(w.Queues) > 0, len(w.Extensions) > 0,
		len(w.Tags) > 0, len(w.Marks) > 0,
	} {
		if has {
			m |= 1 << i
		}
	}
	return m
}

// fields is how many conditions there are.
func (w When) fields() (n int) {
	for m := w.mask(); m > 0; m &= m - 1 {
		n++
	}
	return n
}

// forever is longer than any period.
const forever = 1 << 30

// sound is after how many days the sound goes, text when all goes.
func (r Rule) sound() int {
	if r.Days == 0 {
		return forever
	}
	return r.Days
}

func (r Rule) text() int {
	switch {
	case r.Then == DeleteSound && r.TextDays == 0:
		return forever
	case r.Then == DeleteSound:
		return r.TextDays
	}
	return r.sound()
}

// outranks orders rules by how specific they are, the most specific first.
func outranks(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(b.When.fields(), a.When.fields()), cmp.Compare(b.When.mask(), a.When.mask()), cmp.Compare(b.text(), a.text()),
		cmp.Compare(b.sound(), a.sound()), cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]),
	)
}

// ranked are all rules in the order in which they are asked, the default last.
func (p Policy) ranked() []Rule {
	all := slices.Clone(p.Rules)
	slices.SortStableFunc(all, outranks)
	return append(all, p.Default)
}
