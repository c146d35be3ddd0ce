package pii

import (
	_ "embed"
	"math"
	"slices"
	"sort"
	"strings"
)

// What is said in figures, letters and dots is read as names are (weights.go): of
// each word it is weighed which kind of number or address it is part of, by what the
// rules say of it and by everything else that can be seen. The weights were learned
// from calls: `go test ./internal/insight/pii -run Learned -learn`.

// figures are the kinds that are weighed, from the first reading on.
var figures = []Entity{CreditCard, SecurityCode, Phone, Email, IBAN, SortCode, BankAccount, NHS, NINO, Postcode, Date, IPAddress, URL}

//go:embed figured.txt
var figuredText string

var figured = parseWeights(figuredText, len(figures)+1)

const (
	likely  = 0.92 // the chance from which on a word is taken for part of a number or an address
	agreed  = 0.05 // the same where a rule finds it to be so
	feared  = 0.01 // the same of what is paid with, and of addresses of mail
	drawn   = 0.05 // the same beside what is taken for one
	spoken  = 0.5  // the same of words that are neither digits nor letters
	trust   = 3.0  // a logarithm: how much more likely the kind is that a rule says
	change  = 4.0  // a logarithm: how unlikely it is that one follows another without a word between
	backing = 80   // words within which a number is said again
)

// telling reports whether a turn may have a number or an address.
func (s *sight) telling(turn int) bool {
	for i := s.begins[turn]; i < s.begins[turn+1]; i++ {
		if c := s.class[i]; c == aDigit || c == aSpelt || c == aMonth || c == aMark || s.entity[i] != 0 {
			return true
		}
	}
	n := len(s.past)
	return n > 0 && s.begins[turn]-s.past[n-1].last < backing && s.begins[turn+1]-s.begins[turn] < 6
}

// figured puts what the weights say of each word in the place of what the rules said.
func (n *namer) figured(w *weights) {
	s := newSight(n)
	var c chain
	var worth []float64
	k := len(figures) + 1
	reading, sure := make([]int, len(n.ts)), make([]float64, len(n.ts))
	for turn := range n.turns {
		if !s.telling(turn) {
			continue
		}
		from, to := n.begins[turn], n.begins[turn+1]
		worth = s.worth(w, turn, worth)
		c.read(worth, w.step, k)
		any := c.any(k)
		s.believe(from, any)
		for i := from; i < to; i++ {
			if e := s.entity[i]; e > 0 {
				worth[k*(i-from)+e] += trust
			}
		}
		w.kinds(worth, any, reading[from:to])
		for i := from; i < to; i++ {
			sure[i] = any[i-from]
		}
		s.remember(turn, reading[from:to])
	}
	s.settle(reading, sure)
}

// worth is what the clues of each word of a turn are worth. What the words of a stretch,
// or of a turn, have in common is weighed once.
func (s *sight) worth(w *weights, turn int, all []float64) []float64 {
	k, from, to := w.readings, s.begins[turn], s.begins[turn+1]
	all = slices.Grow(all[:0], k*(to-from))[:k*(to-from)]
	clear(all)
	var ofTurn [classes][]float64
	ofRun := map[[2]int][]float64{}
	for i := from; i < to; i++ {
		sum, class := all[k*(i-from):k*(i-from+1)], s.class[i]
		see := func(where, a, b sign) { w.weigh(sum, where, a, b) }
		s.ofWord(i, from, to, see)
		if ofTurn[class] == nil {
			ofTurn[class] = make([]float64, k)
			s.ofTurn(turn, classSigns[class], func(where, a, b sign) { w.weigh(ofTurn[class], where, a, b) })
		}
		shared := ofRun[[2]int{s.run[i], int(class)}]
		if s.run[i] < 0 {
			s.ofRun(i, classSigns[class], see)
		} else if shared == nil {
			shared = make([]float64, k)
			s.ofRun(i, classSigns[class], func(where, a, b sign) { w.weigh(shared, where, a, b) })
			ofRun[[2]int{s.run[i], int(class)}] = shared
		}
		for r := range sum {
			sum[r] += ofTurn[class][r]
			if shared != nil {
				sum[r] += shared[r]
			}
		}
	}
	return all
}

// any is the chance of each word that it is part of anything.
func (c *chain) any(k int) []float64 {
	all := make([]float64, len(c.scale))
	for i := range all {
		all[i] = 1 - c.both[k*i+neither]
	}
	return all
}

// believe sets to 0 the chances of the words of a turn that are taken for nothing: what
// is likely takes along what stands beside it and is hardly so.
func (s *sight) believe(from int, any []float64) {
	sure := make([]bool, len(any))
	for i, p := range any {
		r := s.rule[from+i]
		least := likely
		switch {
		case r == entitySigns[CreditCard] || r == entitySigns[SecurityCode] || r == entitySigns[Email]:
			least = feared
		case s.entity[from+i] != 0:
			least = agreed
		}
		sure[i] = p > least
	}
	goes := func(i, beside int) bool { // one goes with what stands beside it
		same := s.group[from+i] != 0 && s.group[from+i] == s.group[from+beside]
		least := drawn
		if s.class[from+i] == aSaying && s.run[from+i] < 0 {
			least = spoken
		}
		return sure[beside] && (any[i] > least || same)
	}
	for i := 1; i < len(any); i++ {
		sure[i] = sure[i] || goes(i, i-1)
	}
	for i := len(any) - 2; i >= 0; i-- {
		sure[i] = sure[i] || goes(i, i+1)
	}
	for i := range any {
		any[i] = max(any[i], 0.01)
		if !sure[i] {
			any[i] = 0
		}
	}
}

// kinds says of what kind the words are that are part of something: those in a row are
// so together (Viterbi).
func (w *weights) kinds(worth, any []float64, reading []int) {
	k := w.readings
	best, from := make([]float64, k*len(any)), make([]int, k*len(any))
	for i := range any {
		if any[i] == 0 {
			continue
		}
		for r := 1; r < k; r++ {
			most := math.Inf(-1)
			for b := 1; b < k && i > 0 && any[i-1] > 0; b++ {
				x := best[k*(i-1)+b] + w.steps[k*b+r]
				if b != r {
					x -= change
				}
				if x > most {
					most, from[k*i+r] = x, b
				}
			}
			if from[k*i+r] == neither {
				most = w.steps[r]
			}
			best[k*i+r] = most + worth[k*i+r]
		}
	}
	for i := len(any) - 1; i >= 0; i-- {
		if any[i] == 0 {
			reading[i] = neither
			continue
		}
		if i+1 < len(any) && any[i+1] > 0 {
			reading[i] = from[k*(i+1)+reading[i+1]]
			continue
		}
		for r := 1; r < k; r++ {
			if reading[i] == neither || best[k*i+r] > best[k*i+reading[i]] {
				reading[i] = r
			}
		}
	}
}

// settle makes findings of readings.
func (s *sight) settle(reading []int, sure []float64) {
	n := s.namer
	n.forget(figures...)
	for i := 0; i < len(n.ts); {
		j := i + 1
		for j < len(n.ts) && n.ts[j].turn == n.ts[i].turn && reading[j] == reading[i] {
			sure[i] = max(sure[i], sure[j])
			j++
		}
		if from, to := s.trimmed(i, j, reading[i]); from < to {
			e := figures[reading[i]-1]
			group, why := 0, "as such are said in calls that were read"
			for k := i; k < j; k++ {
				if s.rule[k] == entitySigns[e] {
					group, why = s.group[k], s.why[k].text
					break
				}
			}
			if group == 0 {
				n.groups++
				group = n.groups
			}
			n.note(Span{Entity: e, Turn: n.ts[i].turn, From: n.ts[from].word, To: n.ts[to-1].word + 1, Score: 0.5 + 0.49*sure[i], Why: why, Group: group})
			for k := from; k < to; k++ {
				n.used[k] = true
			}
		}
		i = j
	}
}

// trimmed leaves out what is said before and behind digits and letters.
func (s *sight) trimmed(from, to, reading int) (int, int) {
	if reading == neither {
		return from, from
	}
	idle := func(i int) bool {
		return s.rule[i] == noSign && (s.class[i] == aPause || inFigures[figures[reading-1]] && s.run[i] < 0 && s.ts[i].alike == "")
	}
	for from < to && idle(from) {
		from++
	}
	for to > from && idle(to-1) {
		to--
	}
	return from, to
}

// remember notes what was read in a turn.
func (s *sight) remember(turn int, reading []int) {
	from := s.begins[turn]
	for i := 0; i < len(reading); {
		j := i + 1
		for j < len(reading) && reading[j] == reading[i] {
			j++
		}
		if reading[i] != neither {
			s.add(number{entity: figures[reading[i]-1], text: s.textOf(from+i, from+j), first: from + i, last: from + j - 1, who: s.speaker(turn)})
		}
		i = j
	}
}

// textOf is what some words say in letters and digits.
func (s *sight) textOf(from, to int) string {
	var b strings.Builder
	for i := from; i < to; {
		n, sym := s.reader.symbol(i)
		if n == 0 && s.class[i] == aSaying {
			b.WriteString(s.bare[i])
		}
		b.WriteString(sym.text)
		i += max(n, 1)
	}
	return b.String()
}

// add notes a number or address: a new one, or more of one.
func (s *sight) add(n number) {
	s.had[slices.Index(figures, n.entity)] = true
	for k := len(s.past) - 1; k >= max(0, len(s.past)-4); k-- {
		old := s.past[k]
		if old.entity != n.entity || n.first-old.last > backing {
			continue
		}
		switch {
		case len(n.text) > 1 && strings.Contains(old.text, n.text):
			old.first, old.last = n.first, n.last
		case old.lacks() >= len(n.text) && old.who == n.who:
			old.text, old.first, old.last = old.text+n.text, n.first, n.last
		default:
			continue
		}
		s.past = append(slices.Delete(s.past, k, k+1), old)
		return
	}
	s.past = append(s.past, n)
}

// recently are what was spoken of before a word.
func (s *sight) recently(i int) *recent {
	j := sort.Search(len(s.recent), func(k int) bool { return s.recent[k].at[0] > i })
	if j == 0 {
		return &noneRecent
	}
	return &s.recent[j-1]
}

var noneRecent = recent{what: [3]sign{noSign, noSign, noSign}}
