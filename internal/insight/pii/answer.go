package pii

import "strings"

// aside are words with which an answer begins before it answers.
var aside = set(`it's is its that's yeah yes yep hi hello um uh er erm mm well so oh my me the name name's under be it'll would just okay ok right sure i'm i am this mr mrs ms miss
	mister missus dr doctor for in either or put no sorry please its and actually of course they're there's we're he's she's his her now then let see aye och ah hiya
	morning afternoon both wor mines hers mine will it was mine surname first full called as big our got have i've us account it'd if thanks double great lovely`)

// answered finds names in what answers a question for one. What only asks back
// is passed over: "sorry?".
func (n *namer) answered(turn int) {
	if !n.asks[turn].who || n.asks[turn].pet || turn+1 >= len(n.turns) {
		return
	}
	at := turn + 1
	if n.back(at) && at+2 < len(n.turns) {
		at += 2
	}
	n.answer(at)
	for i := n.begins[at]; i < n.begins[at+1]; i++ { // "it's the firm's, and then h j cottingham"
		j := n.initials(i)
		if j > i && j < n.begins[at+1] && (j-i > 1 || n.at(i) != "a" && n.at(i) != "i") && n.like[j] >= unheard && !n.used[i] && !n.used[j] && !hardly[n.at(j)] {
			n.person(i, n.name(j), 0.7, "the answer to who asked for a name")
		}
		i = max(i, j-1)
	}
}

// mayBeAny says of an answer of a word or two that each may be a name, though one
// looks like a form of something else: "pickering".
func (n *namer) mayBeAny(from, to int) bool {
	for i := from; i < to; i++ {
		if x := n.at(i); n.used[i] || n.ts[i].says() || n.ts[i].letter != "" || len(x) < 4 || stop[x] || nods[x] || aside[x] || commonWords[x] || lostMarks[x] || !lettersOnly(x) ||
			commonWords[strings.TrimSuffix(x, "s")] {
			return false
		}
	}
	return true
}

// back reports whether a turn only asks back, or nods.
func (n *namer) back(turn int) bool {
	from, to := n.begins[turn], n.begins[turn+1]
	if to-from > 4 {
		return false
	}
	for i := from; i < to; i++ {
		if n.like[i] >= unheard || n.used[i] || n.ts[i].letter != "" {
			return false
		}
	}
	return true
}

// answer finds a name where an answer begins.
func (n *namer) answer(turn int) {
	from, to := n.begins[turn], n.begins[turn+1]
	i := from
	for i < to && (aside[n.at(i)] || kin[n.at(i)]) && (n.like[i] < aName || kin[n.at(i)]) && !(n.like[i] == aWord && i+2 >= to) {
		i++
	}
	if i >= to || n.used[i] {
		return
	}
	j := n.initials(i)
	if j > i && j < to && n.like[j] >= unheard && !n.used[j] {
		n.person(i, n.name(j), 0.8, "the answer to who asked for a name")
		return
	}
	if n.like[i] == noName && to-i < 3 && n.mayBeAny(i, to) {
		n.person(i, to, 0.6, "the answer to who asked for a name")
		return
	}
	if n.like[i] < unheard && !(particles[n.at(i)] && i+1 < to && n.like[i+1] >= unheard) {
		return
	}
	end := n.name(i)
	if n.like[i] == aWord && end-i == 1 && (hardly[n.at(i)] || to-i > 6 && i > from) && !n.lastWord(i) || n.verbal(i) {
		return
	}
	if end-i > 4 {
		return
	}
	n.person(i, end, 0.75, "the answer to who asked for a name")
	for k := 0; k < 3 && end+1 < to; k++ { // "anneliese or björn", "hughes comma patrick"
		if x := n.at(end); x != "or" && x != "and" && x != "comma" || n.used[end+1] || n.like[end+1] < unheard || hardly[n.at(end+1)] {
			return
		}
		next := n.name(end + 1)
		n.person(end+1, next, 0.7, "the answer to who asked for a name")
		end = next
	}
}
