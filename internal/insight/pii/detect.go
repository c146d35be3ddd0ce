package pii

import (
	"cmp"
	"slices"
	"sort"
)

// detector looks at one conversation.
type detector struct {
	turns  []Turn
	ts     []token
	begins []int
	talk   talk
	used   []bool  // words that are part of a finding
	past   history // numbers that were found
	spelt  history // what was found in letters and digits
	mails  history
	hosts  history
	days   history // dates
	open   begun
	tries  []number // what meant nothing when it was read
	spans  []Span
	groups int
}

// Detect finds what is personal in a conversation, in the order in which it was said.
func Detect(turns []Turn) []Span {
	n := ruled(turns)
	n.figured(figured)
	n.weighed(learned)
	slices.SortStableFunc(n.spans, func(a, b Span) int { return cmp.Or(a.Turn-b.Turn, a.From-b.From) })
	return n.spans
}

// ruled finds what the rules find.
func ruled(turns []Turn) *namer {
	d := &detector{turns: turns}
	d.ts, d.begins = tokens(turns)
	d.talk = listen(d.ts)
	d.used = make([]bool, len(d.ts))
	n := newNamer(d)
	for _, find := range []func(){d.written, d.addresses, d.spelled, d.dates, n.houses, d.numbers, d.scattered, n.places, n.people} {
		find()
	}
	return n
}

// expects is what a number was spoken of as that stands from one token to another.
func (d *detector) expects(first, last int) []nearness {
	return d.talk.expects(first, last+d.width(last), d.begins[d.ts[last].turn+1])
}

func (d *detector) speaker(turn int) string { return d.turns[turn].Speaker }

// taken reports whether most of a stretch is found already.
func (d *detector) taken(first, last int) bool {
	n := 0
	for i := first; i <= last; i++ {
		if d.used[i] {
			n++
		}
	}
	return 2*n > last-first+1 || d.used[first]
}

// add notes words from to to, not among them to, as one finding, in a span for
// each turn. Turns in between that only nod are left out.
func (d *detector) add(e Entity, from, to int, score float64, why string) int {
	d.groups++
	d.addTo(d.groups, e, from, to, score, why)
	if e == Date {
		i := sort.Search(len(d.days), func(i int) bool { return d.days[i].first >= from })
		d.days = slices.Insert(d.days, i, number{entity: Date, first: from, last: to - 1, who: d.speaker(d.ts[from].turn)})
	}
	return d.groups
}

// addTo is add for more of something that was found before.
func (d *detector) addTo(group int, e Entity, from, to int, score float64, why string) {
	for from < to {
		turn := d.ts[from].turn
		end := min(to, d.begins[turn+1])
		if (!inFigures[e] || somethingRead(d.ts[from:end])) && !nodding(d.ts[from:end]) || end == to && from == d.begins[turn] && group == 0 {
			a, b := from, end
			for a < b-1 && d.ts[a].filler && !d.ts[a].isNumber() && e != Person {
				a++
			}
			for end == to && b-1 > a && d.ts[b-1].filler && !d.ts[b-1].isNumber() {
				b--
			}
			d.note(Span{Entity: e, Turn: turn, From: d.ts[a].word, To: d.ts[b-1].word + 1, Score: min(max(score, 0.3), 0.99), Why: why, Group: group})
			for i := a; i < b; i++ {
				d.used[i] = true
			}
		}
		from = end
	}
}

// inFigures are what is read out in digits and letters: a turn in between that has
// neither is the other's, and about something else.
var inFigures = map[Entity]bool{CreditCard: true, SecurityCode: true, SortCode: true, BankAccount: true, NHS: true, Phone: true, NINO: true, IBAN: true, Postcode: true}

func somethingRead(ts []token) bool {
	for _, t := range ts {
		if t.says() || t.letter != "" || len(ts) == 1 && letterAlike[t.text] != "" {
			return true
		}
	}
	return false
}

func (d *detector) note(s Span) {
	words := d.turns[s.Turn].Words
	s.Start, s.End = words[s.From].Start, words[s.To-1].End
	d.spans = append(d.spans, s)
}
