package privacy

import "fmt"

// Set is what a law or a regulator asks for, ready to be applied.
type Set struct {
	Name    string
	Title   string
	Source  string // where it is written
	Days    int    // what it proposes
	Least   int    // no rule for these recordings may be shorter; 0: it names no least
	Endless bool   // keeping for ever is allowed
	Note    string
}

// Years are counted with as many leap days as can fall into them, so that no
// five years are ever cut short by a day.
const (
	fiveYears  = 5*365 + 2
	sevenYears = 7*365 + 2
)

// Sets are all ready-made sets.
func Sets() []Set {
	const fca = "FCA Handbook SYSC 10A.1.15R; MiFID II (2014/65/EU) Article 16(7), ninth subparagraph"
	return []Set{
		{
			Name: "uk-gdpr", Title: "UK GDPR default", Source: "UK GDPR Article 5(1)(e), storage limitation", Days: 180,
			Note: "The law names no number: no longer than is needed. Keeping for ever is refused; half a year is a proposal.",
		},
		{
			Name: "fca-5", Title: "FCA SYSC 10A / MiFID II, 5 years", Source: fca, Days: fiveYears, Least: fiveYears, Endless: true,
			Note: "Records of telephone conversations are kept for five years.",
		},
		{
			Name: "fca-7", Title: "FCA SYSC 10A / MiFID II, 7 years", Source: fca, Days: sevenYears, Least: sevenYears, Endless: true,
			Note: "Where the authority asks for it, they are kept for up to seven years.",
		},
	}
}

// SetNamed finds a set.
func SetNamed(name string) (Set, bool) {
	for _, s := range Sets() {
		if s.Name == name {
			return s, true
		}
	}
	return Set{}, false
}

// minimums refuses rules that would count for recordings of a set and are below
// what it asks for, naming the set and where it is written.
func (c *checker) minimums(p Policy) {
	ranked := p.ranked()
	for i, r := range append(p.Rules, p.Default) {
		path := fmt.Sprintf("rules[%d]", i)
		if i == len(p.Rules) {
			path = "default"
		}
		for _, a := range p.Sets {
			set, _ := SetNamed(a.Set)
			if !overlap(r.When, a.When) || beaten(ranked, r, a.When) {
				continue
			}
			switch {
			case r.sound() < set.Least:
				c.add(path+".days", "must be at least %d days: %s (%s) is applied to these recordings", set.Least, set.Title, set.Source)
			case !set.Endless && r.text() == forever:
				c.add(path+".days", "must end: %s (%s) is applied to these recordings", set.Title, set.Source)
			}
		}
	}
}

// beaten reports whether another rule counts wherever this one and w fit.
func beaten(ranked []Rule, r Rule, w When) bool {
	for _, q := range ranked {
		if q.ID == r.ID && q.Name == r.Name {
			return false
		}
		if q.When.covers(r.When, w) {
			return true
		}
	}
	return false
}
