package pii

import "strings"

// seer is the conversation as clues show it, after the rules have spoken.
type seer struct {
	*namer
	words, kinds, likes []sign
	rule, why           []sign // what the rules found, and why
	other               []bool // words of what is neither a person nor a place
	town                []bool // words of a town of several
	home                []sign // per turn: how many turns ago there was an address, or a part of one
	often               map[string]int
	ruled               map[string]int // what rules found of a word anywhere: 1 a person, 2 a place
}

func newSeer(n *namer) *seer {
	size := len(n.ts)
	all := make([]sign, 5*size)
	s := &seer{
		namer: n, words: all[:size], kinds: all[size : 2*size], likes: all[2*size : 3*size], rule: all[3*size : 4*size], why: all[4*size:],
		other: make([]bool, size), town: make([]bool, size), often: map[string]int{}, ruled: map[string]int{},
	}
	for i := range n.ts {
		s.rule[i], s.why[i] = noSign, noSign
	}
	for _, f := range n.spans {
		rule, bit := otherSign, 0
		switch f.Entity {
		case Person:
			rule, bit = personSign, 1
		case Location:
			rule, bit = placeSign, 2
		}
		why := signOf(f.Why)
		for i := n.begins[f.Turn] + f.From; i < n.begins[f.Turn]+f.To; i++ {
			s.rule[i], s.why[i], s.other[i] = rule, why, bit == 0
			if bit > 0 && n.like[i] >= unheard {
				s.ruled[unowned(n.at(i))] |= bit
			}
		}
	}
	for i := range n.ts {
		for k := range n.saysOne(i, aTown) {
			s.town[i+k] = true
		}
	}
	for i := range n.ts {
		s.look(i)
	}
	s.address()
	return s
}

// address notes of each turn how many turns ago there was an address, or a part of one.
func (s *seer) address() {
	at := make([]bool, len(s.turns))
	for _, f := range s.spans {
		at[f.Turn] = at[f.Turn] || f.Entity == Location || f.Entity == Postcode
	}
	ago := 5
	for turn := range s.turns {
		ago = min(ago+1, 5)
		s.home = append(s.home, countSigns[ago])
		if at[turn] {
			ago = 0
		}
	}
}

// look notes what is seen of one word by itself.
func (s *seer) look(i int) {
	t, x := s.ts[i], unowned(s.at(i))
	s.likes[i] = likeSigns[s.like[i]]
	if s.like[i] >= unheard {
		s.often[x]++
	}
	number := t.isNumber() || t.hundred
	single := len(t.text) == 1 && t.letter != "" && t.text != "i" && t.text != "a"
	switch {
	case s.other[i]:
		s.words[i], s.kinds[i] = otherSign, otherSign
		return
	case number:
		s.words[i] = aNumber
	case single:
		s.words[i] = aLetter
	case s.like[i] == aName:
		s.words[i] = nameSign
	case townNames[x] && s.like[i] != aWord:
		s.words[i] = townSign
	case s.like[i] == unheard:
		s.words[i] = unheardSign
	default:
		s.words[i] = signOf(s.bare[i])
	}
	kinds := kindsOf[x]
	if kinds == nil {
		kinds = unflagged
	}
	s.kinds[i] = kinds[s.like[i]]
	for _, f := range []struct {
		is   bool
		flag string
	}{{number, "N"}, {single, "L"}, {s.town[i], "W"}, {s.like[i] == unheard && s.verbal(i), "V"}, {s.like[i] == unheard && s.townish(i), "Y"}} {
		if f.is {
			s.kinds[i] = signOf(s.kinds[i].text + f.flag)
		}
	}
}

// askedBefore is what the turn before asked for, or the one before a nod.
func (s *seer) askedBefore(turn int) sign {
	if turn == 0 {
		return noSign
	}
	a := s.asks[turn-1]
	if turn > 2 && s.back(turn-1) {
		b := s.asks[turn-3]
		a.who, a.where, a.number = a.who || b.who, a.where || b.where, a.number || b.number
	}
	bits := 0
	for i, is := range []bool{a.who && !a.pet, a.where, a.number} {
		if is {
			bits |= 1 << i
		}
	}
	return askedSigns[bits]
}

// signAt is the sign of a word, or that its turn has not begun or is over.
func signAt(list []sign, i, from, to int) sign {
	switch {
	case i < from:
		return turnStart
	case i >= to:
		return turnOver
	}
	return list[i]
}

// clues says everything that is seen of one word.
func (s *seer) clues(i int, see func(where, a, b sign)) {
	turn := s.ts[i].turn
	from, to := s.begins[turn], s.begins[turn+1]
	at := func(list []sign, k int) sign { return signAt(list, i+k, from, to) }
	s.ofWord(i, see)
	word, kind, like, rule := s.words[i], s.kinds[i], s.likes[i], s.rule[i]
	before, before2, behind, behind2 := at(s.words, -1), at(s.words, -2), at(s.words, 1), at(s.words, 2)
	see(beforeOne, before, nothingSeen)
	see(beforeTwo, before2, nothingSeen)
	see(beforeThree, at(s.words, -3), nothingSeen)
	see(beforeSelf, before, word)
	see(beforeLike, before, like)
	see(beforeLike2, before2, like)
	see(beforeKind, at(s.kinds, -1), nothingSeen)
	see(beforeKinds, at(s.kinds, -1), kind)
	see(beforeKind2, at(s.kinds, -2), like)
	see(behindOne, behind, nothingSeen)
	see(behindTwo, behind2, nothingSeen)
	see(behindSelf, word, behind)
	see(behindLike, behind, like)
	see(behindKind, at(s.kinds, 1), nothingSeen)
	see(behindKinds, kind, at(s.kinds, 1))
	see(behindKind2, at(s.kinds, 2), like)
	see(ruleSays, rule, like)
	see(ruleWhy, s.why[i], like)
	see(ruleBefore, at(s.rule, -1), rule)
	see(ruleBehind, at(s.rule, 1), rule)
	number, street := s.near(i, -4, from, to, "N"), s.near(i, 3, from, to, "Ss")
	see(beforeNumber, number, like)
	see(behindStreet, street, like)
	see(behindHouse, number, street)
	if s.athome(i) {
		see(beforeHome, like, rule)
	}
	asked, place := s.askedBefore(turn), countSign(i-from)
	see(askedFor, asked, like)
	see(askedKind, asked, kind)
	see(askedAt, asked, place)
	see(askedWord, asked, before)
	see(askedHome, s.home[turn], like)
	see(askedHomeAt, s.home[turn], place)
	see(turnAt, place, like)
	see(turnEnd, countSign(to-1-i), like)
	see(turnLong, countSign(to-from), like)
	if turn > 0 && i-from < 6 {
		s.ofTurnBefore(turn, like, see)
	}
}

// ofWord says what is seen of a word by itself, and of the same word elsewhere.
func (s *seer) ofWord(i int, see func(where, a, b sign)) {
	kind, like := s.kinds[i], s.likes[i]
	see(wordAny, nothingSeen, nothingSeen)
	see(wordKind, kind, nothingSeen)
	see(wordSelf, s.words[i], nothingSeen)
	for k := strings.IndexByte(kind.text, '/') + 1; k < len(kind.text); k++ {
		see(wordFlag, flagSigns[kind.text[k]&127], nothingSeen)
	}
	if s.like[i] >= unheard {
		x := unowned(s.at(i))
		see(callRule, countSigns[s.ruled[x]], s.rule[i])
		see(callOften, countSign(s.often[x]), like)
		see(wordLong, countSign(len(x)), like)
		if n := len(x); n > 4 {
			see(wordTail2, signOf(x[n-2:]), like)
			see(wordTail3, signOf(x[n-3:]), like)
			see(wordTail4, signOf(x[n-4:]), like)
		}
	}
	if s.cased {
		written := small
		if s.first(i) {
			written = firstWord
		} else if capitalised(s.ts[i].raw) {
			written = capital
		}
		see(wordCase, written, like)
		if s.closes(i, ".,?!;:") {
			see(turnMarks, turnOver, like)
		}
	}
}

// ofTurnBefore says what is seen of what was said right before a turn.
func (s *seer) ofTurnBefore(turn int, like sign, see func(where, a, b sign)) {
	from, to := s.begins[turn-1], s.begins[turn]
	if from == to {
		return
	}
	see(askedLast, s.words[to-1], like)
	see(askedFirst, s.words[from], like)
}

// near is how far the next word is that has one of some flags, in one direction.
func (s *seer) near(i, reach, from, to int, flags string) sign {
	step := 1
	if reach < 0 {
		step, reach = -1, -reach
	}
	for k := 1; k <= reach && i+k*step >= from && i+k*step < to; k++ {
		kind := s.kinds[i+k*step].text
		if strings.ContainsAny(kind[strings.IndexByte(kind, '/')+1:], flags) {
			return countSigns[k]
		}
	}
	return noSign
}
