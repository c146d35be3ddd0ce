package pii

import (
	"sort"
	"strings"
)

// clues says everything that is seen of one word.
func (s *sight) clues(i int, see func(where, a, b sign)) {
	turn := s.ts[i].turn
	s.ofWord(i, s.begins[turn], s.begins[turn+1], see)
	class := classSigns[s.class[i]]
	s.ofRun(i, class, see)
	s.ofTurn(turn, class, see)
}

// ofWord says what is seen of a word by itself, and of those beside it.
func (s *sight) ofWord(i, from, to int, see func(where, a, b sign)) {
	at := func(list []sign, k int) sign { return signAt(list, i+k, from, to) }
	word, shape := s.words[i], s.shapes[i]
	before, behind := at(s.words, -1), at(s.words, 1)
	shapeB, shapeN := at(s.shapes, -1), at(s.shapes, 1)
	see(figWord, word, nothingSeen)
	see(figShape, shape, nothingSeen)
	see(figBefore1, before, shape)
	see(figBefore2, at(s.words, -2), shape)
	see(figBefore3, at(s.words, -3), shape)
	see(figBehind1, behind, shape)
	see(figBehind2, at(s.words, 2), shape)
	see(figBehind3, at(s.words, 3), shape)
	see(figPairBefore, before, word)
	see(figPairBehind, word, behind)
	see(figShapes, shapeB, shapeN)
	see(figPair, shape, shapeN)
	see(figTriple, at(s.shapes, -2), shapeB)
	see(figTriple, shapeN, at(s.shapes, 2))
	see(figRule, s.rule[i], shape)
	see(figWhy, s.why[i], s.rule[i])
	see(figRuleB, at(s.rule, -1), s.rule[i])
	see(figRuleN, at(s.rule, 1), s.rule[i])
	near := func(step int, mark byte) int {
		for k := 1; k <= 7; k++ {
			if j := i + k*step; j < from || j >= to {
				break
			} else if s.mark[j] == mark {
				return k
			}
		}
		return 0
	}
	dotB, dotN, atB, atN := near(-1, '.'), near(1, '.'), near(-1, '@'), near(1, '@')
	see(figSlash, smallSigns[near(-1, '/')], smallSigns[near(1, '/')])
	if s.class[i] == aMark && atB+atN == 0 && s.ts[i].text == "at" {
		see(figBeforeAt, before, at(s.words, -2))
	}
	for _, k := range []int{-atB, atN} {
		if k != 0 {
			see(figBeforeAt, at(s.words, k-1), shape)
			see(figBeforeAt, at(s.words, k-1), nothingSeen)
			see(figBeforeAt, at(s.shapes, k-1), at(s.shapes, k-2))
		}
	}
	see(figDotBefore, smallSigns[dotB], smallSigns[atB])
	see(figDotBehind, smallSigns[dotN], smallSigns[atN])
	see(figDots, smallSigns[min(dotB+dotN, 1)+2*min(atB+atN, 1)], shape)
	see(figTurnAt, countSign(i-from), shape)
	see(figRuleAsked, s.rule[i], s.recently(i).what[0])
	if k := s.run[i]; k >= 0 {
		r := &s.runs[k]
		see(figOffset, numberShape(s.offset[i]), r.long)
		see(figOffset, numberShape(s.offset[i]), nothingSeen)
		see(figRest, numberShape(len(r.text)-s.offset[i]), shape)
		see(figPlace, smallSigns[min(i-s.runs[k].from, 3)], smallSigns[min(s.runs[k].to-1-i, 3)])
	}
	if x := s.bare[i]; len(x) > 3 && s.class[i] == aSaying && !stop[x] {
		for k := len(s.past) - 1; k >= max(0, len(s.past)-4); k-- {
			if strings.Contains(s.past[k].text, x) && i-s.past[k].last < backing {
				see(figWordBack, entitySigns[s.past[k].entity], shape)
				break
			}
		}
	}
}

var echoSigns = signsOf("same0 same1 same2 same3 same4")

func isSlash(x string) bool {
	return x == "slash" || x == "stroke" || x == "http" || x == "www" || x == "w"
}

var smallSigns = signsOf("0 1 2 3 4 5 6 7")

// ofRun says what is seen of the stretch of digits and letters that a word is in.
func (s *sight) ofRun(i int, class sign, see func(where, a, b sign)) {
	r := stretch{from: i, to: i + 1, long: noSign, begin: noSign, good: noSign, rule: noSign}
	if s.run[i] >= 0 {
		r = s.runs[s.run[i]]
	}
	turn := s.ts[i].turn
	from, to := s.begins[turn], s.begins[turn+1]
	said := s.recently(r.from)
	see(figAsked1, said.what[0], class)
	see(figAsked2, said.what[1], class)
	see(figAsked3, said.what[2], class)
	see(figAskedBoth, said.what[0], said.what[1])
	if said.what[0] != noSign {
		far := farSign(s.talk.before[r.from] - s.talk.before[said.at[0]])
		see(figAskedFar, said.what[0], far)
		where := s.ts[max(said.at[0]-1, 0)].turn
		see(figAskedWhere, said.what[0], smallSigns[min(turn-where, 4)])
	}
	if s.run[i] < 0 {
		return
	}
	see(figAskedLng, said.what[0], r.long)
	see(figAskedBeg, said.what[0], r.begin)
	see(figLong, r.long, class)
	see(figBegin, r.begin, r.long)
	see(figGood, r.good, r.long)
	see(figRuleRun, r.rule, class)
	see(figRuleLong, r.rule, r.long)
	lead := func(k int) sign {
		if r.from-k < from {
			return turnStart
		}
		return s.words[r.from-k]
	}
	next := func(k int) sign {
		if r.to+k >= to {
			return turnOver
		}
		return s.words[r.to+k]
	}
	see(figLead1, lead(1), class)
	see(figLead2, lead(2), class)
	see(figLead3, lead(3), class)
	see(figLeads, lead(2), lead(1))
	see(figLeadLong, lead(1), r.long)
	see(figNext1, next(0), class)
	see(figNext2, next(1), class)
	s.beside(s.run[i], from, to, class, see)
	s.ofPast(r, class, said, see)
}

// beside says what is seen of the stretches next to one, and of cues behind it.
func (s *sight) beside(k, from, to int, class sign, see func(where, a, b sign)) {
	r := s.runs[k]
	see(figElse, r.again, class)
	see(figElse, r.again, r.rule)
	other := func(j int) (long, rule, where sign) {
		if j < 0 || j >= len(s.runs) {
			return noSign, noSign, noSign
		}
		o := s.runs[j]
		apart := s.ts[o.from].turn - s.ts[r.from].turn
		if apart < 0 {
			apart = -apart
		}
		if apart > 3 {
			return noSign, noSign, noSign
		}
		w := smallSigns[apart]
		if len(r.text) > 1 && len(o.text) > 1 && (strings.HasSuffix(o.text, r.text) || strings.HasSuffix(r.text, o.text) || strings.HasPrefix(o.text, r.text) || strings.HasPrefix(r.text, o.text)) {
			w = echoSigns[min(apart, 4)]
		}
		return o.long, o.rule, w
	}
	long, rule, where := other(k - 1)
	see(figRunBefore, long, r.long)
	see(figRunBefore, rule, where)
	see(figRunBefore, rule, r.long)
	long, rule, where = other(k + 1)
	see(figRunBehind, long, r.long)
	see(figRunBehind, rule, where)
	see(figRunBehind, rule, r.long)
	behind := noSign
	if j := sort.Search(len(s.talk.said), func(j int) bool { return s.talk.said[j].from >= r.to }); j < len(s.talk.said) {
		if m := s.talk.said[j]; m.to <= to && m.from < r.to+6 && m.list.entity != hidden {
			behind = m.list.sign()
		}
	}
	see(figAskedBehind, behind, class)
	see(figAskedBehind, behind, r.long)
	others, digits := 0, 0
	for i := from; i < to; i++ {
		if s.run[i] < 0 && s.class[i] != aPause {
			others++
		}
	}
	for j := k; j >= 0 && s.runs[j].from >= from; j-- {
		digits += len(s.runs[j].text)
	}
	for j := k + 1; j < len(s.runs) && s.runs[j].from < to; j++ {
		digits += len(s.runs[j].text)
	}
	see(figTurnOther, countSign(others), class)
	see(figTurnOther, countSign(others), r.long)
	see(figTurnDigits, numberShape(digits), class)
	who := smallSigns[0]
	if s.speaker(s.ts[r.from].turn) == s.speaker(0) {
		who = smallSigns[1]
	}
	see(figTurnWho, who, class)
}

// ofPast says how a stretch goes with what was found before.
func (s *sight) ofPast(r stretch, class sign, said *recent, see func(where, a, b sign)) {
	turn := s.ts[r.from].turn
	for k := len(s.past) - 1; k >= max(0, len(s.past)-4); k-- {
		if n := s.past[k]; len(r.text) > 1 && r.from-n.last < 2*backing && strings.Contains(n.text, r.text) {
			kind := entitySigns[n.entity]
			see(figAgain, kind, class)
			see(figAgainLong, kind, r.long)
			see(figAgainLong, kind, countSign(len(s.past)-1-k))
			break
		}
	}
	open, letters := noSign, smallSigns[0]
	for k := len(s.past) - 1; k >= max(0, len(s.past)-3); k-- {
		if n := s.past[k]; n.lacks() > 0 && r.from-n.last < backing {
			open = entitySigns[n.entity]
			break
		}
	}
	if strings.IndexFunc(r.text, func(c rune) bool { return c > '9' }) >= 0 {
		letters = smallSigns[1]
	}
	see(figOpen, open, letters)
	see(figOpen, open, r.long)
	if len(s.past) == 0 {
		see(figLast, noSign, class)
		return
	}
	n := s.past[len(s.past)-1]
	kind := entitySigns[n.entity]
	far := smallSigns[min(turn-s.ts[n.last].turn, 6)]
	see(figLast, kind, class)
	see(figLastFar, kind, far)
	see(figLastAsked, kind, said.what[0])
	lacks, long := n.lacks(), len(r.text)
	fit := "none"
	switch {
	case lacks > 0 && lacks == long:
		fit = "all"
	case lacks > long:
		fit = "part"
	case lacks > 0:
		fit = "more"
	}
	if n.who == s.speaker(turn) {
		fit += "same"
	}
	fits := signOf(fit)
	see(figLacks, kind, fits)
	if lacks > 0 {
		see(figLacks, fits, far)
	}
}

// ofTurn says what is seen of the turns around.
func (s *sight) ofTurn(turn int, class sign, see func(where, a, b sign)) {
	see(figTurnLong, countSign(s.begins[turn+1]-s.begins[turn]), class)
	before := turn - 1
	for before >= 0 && before > turn-4 && (s.speaker(before) == s.speaker(turn) && s.speaker(turn) != "" || nodding(s.ts[s.begins[before]:s.begins[before+1]])) {
		before--
	}
	if before >= 0 && before > turn-4 {
		s.bag(figBag, s.begins[before], s.begins[before+1], class, see)
		if to := s.begins[before+1]; to > s.begins[before] {
			see(figBagLast, s.words[to-1], class)
			if to-1 > s.begins[before] {
				see(figBagLast, s.words[to-2], s.words[to-1])
			}
		}
	} else {
		see(figBagLast, noSign, class)
	}
	if next := turn + 1; next < len(s.turns) {
		s.bag(figNextBag, s.begins[next], min(s.begins[next+1], s.begins[next]+10), class, see)
	}
	see(figTurnAt, smallSigns[min(turn, 5)], class)
	for f, had := range s.had {
		if had {
			see(figHad, entitySigns[figures[f]], class)
		}
	}
}

// bag says which words some turn has.
func (s *sight) bag(where sign, from, to int, class sign, see func(where, a, b sign)) {
	for i := max(from, to-16); i < to; i++ {
		if s.class[i] != aPause {
			see(where, s.words[i], class)
		}
	}
}
