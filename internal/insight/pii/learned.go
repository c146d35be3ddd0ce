package pii

import (
	_ "embed"
	"slices"
	"strings"
)

// The rules find names as those write who were read while the rules were made.
// What they say of a word is therefore weighed beside everything else that can be
// seen of it (weights.go): each word is part of a person, a place or neither. The weights were learned from calls with other names put in and words
// lost, as engines lose them: `go test ./internal/insight/pii -run Learned -learn`.

// What a word is part of, or neither.
const (
	aPerson = 1 + iota
	aPlace
	readings
)

const (
	suspect  = 0.25 // the chance from which on a word is taken for a name
	believed = 0.05 // the same where a rule finds one
	even     = 0.5  // the same of numbers, letters and words that are part of anything
	never    = -30  // a logarithm: what was found to be something else
	hopeless = -6   // a logarithm: nothing that may stand beside it makes a name of it
)

//go:embed learned.txt
var learnedText string

var learned = parseWeights(learnedText, readings)

// ofTurn is what the clues of each word of a turn are worth, and reports whether
// one of them may be a name at all.
func (w *weights) ofTurn(s *seer, turn int, sum []float64) (all []float64, any bool) {
	for i := s.begins[turn]; i < s.begins[turn+1]; i++ {
		sum = append(sum, 0, 0, 0)
		c := sum[len(sum)-readings:]
		if s.other[i] {
			c[aPerson], c[aPlace] = never, never
		} else {
			s.clues(i, func(where, a, b sign) { w.weigh(c, where, a, b) })
		}
		any = any || max(c[aPerson], c[aPlace]) > hopeless
	}
	return sum, any
}

// weighed puts what the weights say of each word in the place of what the rules said.
func (n *namer) weighed(w *weights) {
	s := newSeer(n)
	var worth []float64
	var c chain
	reading, sure := make([]int, len(n.ts)), make([]float64, len(n.ts))
	for turn := range n.turns {
		var any bool
		if worth, any = w.ofTurn(s, turn, worth[:0]); !any {
			continue
		}
		c.read(worth, w.step, readings)
		for i := n.begins[turn]; i < n.begins[turn+1]; i++ {
			p := c.both[readings*(i-n.begins[turn]):]
			any := p[aPerson] + p[aPlace]
			if s.other[i] || any < believed || any < suspect && s.rule[i] == noSign {
				continue
			}
			reading[i], sure[i] = aPerson, any
			if p[aPlace] > p[aPerson] {
				reading[i] = aPlace
			}
		}
	}
	n.forget(Person, Location)
	for i := 0; i < len(n.ts); {
		j := i + 1
		for j < len(n.ts) && reading[j] == reading[i] && n.ts[j].turn == n.ts[i].turn {
			sure[i] = max(sure[i], sure[j])
			j++
		}
		if reading[i] != neither && (sure[i] > even || s.telling(i, j)) {
			n.add([]Entity{aPerson: Person, aPlace: Location}[reading[i]], i, j, 0.5+0.49*sure[i], s.because(w, i, j, reading[i]))
		}
		i = j
	}
}

// telling reports whether one of some words is more than a number, a letter or a word
// that is part of anything.
func (s *seer) telling(from, to int) bool {
	for i := from; i < to; i++ {
		if s.rule[i] != noSign || s.words[i] != aNumber && s.words[i] != aLetter && len(s.at(i)) > 1 && !stop[s.at(i)] {
			return true
		}
	}
	return false
}

// forget takes back what was found of some kinds.
func (n *namer) forget(kinds ...Entity) {
	kept := n.spans[:0]
	for _, s := range n.spans {
		if !slices.Contains(kinds, s.Entity) {
			kept = append(kept, s)
			continue
		}
		for i := s.From; i < s.To; i++ {
			n.used[n.begins[s.Turn]+i] = false
		}
	}
	n.spans, n.found, n.noted = kept, map[int][]Span{}, 0
}

// because says what spoke for a reading: the rule that agrees, or what counted most.
func (s *seer) because(w *weights, from, to, reading int) string {
	sum := map[string]float64{}
	for i := from; i < to; i++ {
		if s.rule[i] == personSign && reading == aPerson || s.rule[i] == placeSign && reading == aPlace {
			return s.why[i].text
		}
		s.clues(i, func(where, a, b sign) {
			kind, _, _ := strings.Cut(where.text, "-")
			sum[strings.TrimRight(kind, "23")] += float64(w.worth(where, a, b)[reading-1])
		})
	}
	most := about[0]
	for _, a := range about[1:] {
		if sum[a.begins] > sum[most.begins] {
			most = a
		}
	}
	return "as names stand in calls that were read: " + most.tells
}
