package pii

import "strings"

// leadsToTown are words before a town in which somebody is, each with whether
// a word on no list may stand behind it.
var leadsToTown = sayings(`in
	near
	outside
	around
	past
	over in
	up in
	down in
	out in
	back in
	out of
	outside of
	north of
	south of
	east of
	west of
	live in
	lives in
	living in
	based in
	born in
	based at
	moved to
	moving to
	move to
	up from
	down from
	over from
	i'm from
	we're from
	am from
	are from
	is from
	come from
	comes from
	coming from
	calling from
	ringing from
	phoning from
	travelling from
	originally from
	middle of
	centre of
	edge of
	side of
	end of
	here in
	way to
	up to
	down to
	over to
	back to
	get to
	go to
	going to
	come to
	coming to
	drive to
	at
	from
	to
	by
	of
	via
	through
	towards`)

// open are the leads behind which a word on no list may be a place.
var open = sayings(`in
	near
	outside of
	out of
	north of
	south of
	east of
	west of
	moved to
	moving to
	move to
	i'm from
	we're from
	am from
	come from
	comes from
	coming from
	calling from
	ringing from
	phoning from
	travelling from
	originally from`)

// inTown finds a town where what stands before it says that somebody is there.
func (n *namer) inTown(i int) {
	if n.used[i] {
		return
	}
	words, sure := n.isTown(i)
	if n.at(i) == "march" && !n.asksWhere(n.ts[i].turn) {
		return
	}
	if words == 0 {
		n.unheardTown(i)
		return
	}
	end := n.onward(n.townTail(i + words))
	if k := i - 1; k >= n.begins[n.ts[i].turn] && townHeads[n.at(k)] && !n.used[k] {
		i--
		words++
	}
	switch {
	case n.notAtHome(i + words):
	case n.athome(i) && (sure || towns[n.at(i)] || n.led(i, leadsToTown)):
		n.add(Location, i, end, 0.6, "where somebody lives")
	case n.led(i, itIs) && n.nearPlace(n.ts[i].turn) && n.begins[n.ts[i].turn+1]-n.begins[n.ts[i].turn] < 8:
		n.add(Location, i, end, 0.5, "the town of a street")
	case sure && n.led(i, leadsToTown), sure && i == n.begins[n.ts[i].turn] && n.lastOf(i+words-1):
		n.add(Location, i, end, 0.5, "a town where somebody is")
	case !sure && n.at(i-1) == "in" && n.at(i) != "march" && (n.lastWord(i+words-1) || n.like[i] == aName) && n.ts[i-1].turn == n.ts[i].turn:
		n.add(Location, i, end, 0.5, "a town where somebody is")
	}
}

// itIs are words before the town of a street that was just said.
var itIs = sayings(`is that
	is it
	and that's
	that's
	that's in`)

// nearPlace reports whether a place was found in one of the three turns before.
func (n *namer) nearPlace(turn int) bool {
	for before := max(0, turn-3); before < turn; before++ {
		for _, s := range n.foundIn(before) {
			if s.Entity == Location {
				return true
			}
		}
	}
	return false
}

// led reports whether one of some phrases stands right before a word.
func (n *namer) led(i int, leads map[string][][]string) bool {
	begin := n.begins[n.ts[i].turn]
	for k := 1; k <= 3 && i-k >= begin; k++ {
		for _, words := range leads[n.bare[i-k]] {
			if len(words) == k && n.saysBare(i-k, words) {
				return true
			}
		}
	}
	return false
}

var (
	// townHeads and townTails stand in the names of many towns.
	townHeads = set(`great little upper lower north south east west old new long market saint st kirk castle royal much bishops abbots kings queens temple stoke nether mid
		chipping stow port newton church white black high`)
	townTails = set(`end green heath hill bridge spa regis cross moor bay island magna parva bassett st town`)
)

// townTail takes in the second word of a town: "bourne end".
func (n *namer) townTail(end int) int {
	if end < n.begins[n.ts[end-1].turn+1] && townTails[n.at(end)] && !n.used[end] && n.at(end) != "town" && !n.closes(end-1, ".,?!") && n.lastWord(end) {
		return end + 1
	}
	return end
}

// notAtHome are words behind a town that make it a part of something else's name.
func (n *namer) notAtHome(end int) bool {
	if end >= len(n.ts) || end == n.begins[n.ts[end-1].turn+1] {
		return false
	}
	x := n.at(end)
	return firmTails[x] && x != "centre" && x != "station" || x == "united" || x == "rovers" || x == "branch" || x == "office"
}

// unheardTown finds a word on no list where a town stands: "in fraserburgh".
func (n *namer) unheardTown(i int) {
	if n.like[i] != unheard && !(n.townish(i) && n.at(i-1) == "in" && n.ts[i-1].turn == n.ts[i].turn) || n.verbal(i) && !n.townish(i) || n.cased && !capitalised(n.ts[i].raw) || len(n.at(i)) < 4 {
		return
	}
	from := i
	if i > n.begins[n.ts[i].turn] && townHeads[n.at(i-1)] && !n.used[i-1] {
		from--
	}
	end := i + 1
	if end < n.begins[n.ts[i].turn+1] && !n.used[end] && n.like[end] == unheard && !n.verbal(end) {
		end++
	}
	end = n.townOn(n.townTail(end))
	switch {
	case n.notAtHome(end) || n.firm(end):
	case n.led(from, open), n.asksWhere(n.ts[i].turn) && n.led(from, wherever), n.confirms(from, end),
		n.led(from, itIs) && n.lastWord(end-1) && n.nearPlace(n.ts[i].turn), n.cased && n.at(from-1) == "from" && n.lastWord(end-1) && !n.first(from):
		n.add(Location, from, n.onward(end), 0.5, "a word where a town stands")
	}
}

// townish reports whether a word on no list ends as towns do.
func (n *namer) townish(i int) bool {
	x := n.at(i)
	if commonWords[x] || len(x) < 7 || n.like[i] > unheard || commonWords[strings.TrimSuffix(x, "s")] {
		return false
	}
	for _, end := range []string{
		"town", "ton", "ham", "ford", "bury", "field", "mouth", "worth", "wick", "wich", "stead", "combe", "thorpe", "chester", "minster", "borough",
		"burgh", "bridge", "hampton", "caster", "cester", "haven", "dale", "gate", "wood", "pool", "ley", "hill", "vale", "well", "port", "head", "cross", "holme", "stone", "land", "church", "moor", "don", "shire",
	} {
		if strings.HasSuffix(x, end) {
			return true
		}
	}
	return false
}

// townOn takes in what a town stands on or under: "shipston on stour".
func (n *namer) townOn(end int) int {
	to := n.begins[n.ts[end-1].turn+1]
	switch n.at(end) {
	case "on", "upon", "under", "le", "cum", "by", "juxta", "sub", "super", "next":
	default:
		return end
	}
	k := end + 1
	if k < to && n.at(k) == "the" {
		k++
	}
	if end >= to || n.used[end] || k >= to || n.used[k] || n.like[k] != unheard && !(n.like[k] > unheard && n.at(end) != "on" && n.at(end) != "by" && n.at(end) != "next") {
		return end
	}
	return k + 1
}

// wherever are the leads to a place in an answer to where somebody is.
var wherever = sayings(`at
	by
	from
	to
	off
	outside
	opposite
	just past
	side of
	past
	behind`)

// confirms reports whether a turn says nothing but a word, right behind a place:
// "eleven the green", "yeah great ayton".
func (n *namer) confirms(from, end int) bool {
	turn := n.ts[from].turn
	if turn == 0 || end != n.begins[turn+1] || len(n.spans) == 0 {
		return false
	}
	for i := n.begins[turn]; i < from; i++ {
		if !beside[n.at(i)] && !nods[n.at(i)] {
			return false
		}
	}
	for _, s := range n.foundIn(turn - 1) {
		if s.Entity == Location && s.To == len(n.turns[turn-1].Words) {
			return true
		}
	}
	return false
}

// beside are words with which an answer to a question for a place begins.
var beside = set(`it's is its that's yeah yes yep um uh er erm mm well so oh in at on over up down out just near i'm i am we're we live to the from by be it'll okay ok right sure
	off it my our me mine here aye still currently now actually round around between outside back both an a please and number my`)

// answeredWhere finds a place at the beginning of what answers a question for one.
func (n *namer) answeredWhere(turn int) {
	if !n.asks[turn].where || turn+1 >= len(n.turns) {
		return
	}
	at := turn + 1
	if n.back(at) && at+2 < len(n.turns) {
		at += 2
	}
	from, to := n.begins[at], n.begins[at+1]
	i := from
	for i < to && (beside[n.at(i)] || kin[n.at(i)] || kin[strings.TrimSuffix(n.at(i), "s")]) && !n.used[i] {
		if words, sure := n.isTown(i); words > 0 && sure {
			break
		}
		i++
	}
	if i >= to || n.used[i] {
		return
	}
	if words, _ := n.isTown(i); words > 0 {
		n.add(Location, i, n.onward(i+words), 0.75, "the answer to who asked for a place")
		return
	}
	if dwellings[n.at(i)] && i+1 < to && n.numberOf(i+1) && !n.used[i+1] {
		end := i + 2
		for end < to && (n.ts[end].isNumber() || n.ts[end].letter != "" && len(n.at(end)) == 1) && !n.used[end] {
			end++
		}
		n.add(Location, i, end, 0.6, "a flat, where a place was asked for")
		i = end
	}
	if n.asks[turn].number && n.numberOf(i) {
		end := i + 1
		for end < to && n.ts[end].isNumber() && !n.used[end] {
			end++
		}
		n.add(Location, i, end, 0.6, "the answer to who asked for the number of a house")
		return
	}
	for k := 0; k < 3 && i < to; k++ { // "the lodge fen road"
		next := n.houseName(i, to)
		if next <= i {
			return
		}
		i = next
	}
}

// houseName finds a house, a street or a town on no list, where an answer begins,
// and says where to look for more:
// "the old rectory", "beacon lodge penrith".
func (n *namer) houseName(i, to int) (next int) {
	the := i > n.begins[n.ts[i].turn] && n.at(i-1) == "the"
	end, heard := i, noName
	for end < to && end-i < 5 && n.plain(end) && !n.verbal(end) {
		heard = max(heard, n.like[end])
		if streets[n.at(end)] || moreStreets[n.at(end)] {
			if end == i && !the {
				return i
			}
			from := i
			if the && !n.used[i-1] {
				from--
			}
			next = n.onward(n.numberBehind(end + 1))
			n.add(Location, from, next, 0.75, "the answer to who asked for a place")
			return next
		}
		if n.closes(end, ".,?!") {
			end++
			break
		}
		end++
	}
	if end == i || n.asks[n.ts[i].turn-1].who && n.like[i] >= aWord {
		return i
	}
	if heard == unheard && n.like[i] == unheard && end-i < 4 {
		n.add(Location, i, n.onward(i+1), 0.6, "the answer to who asked for a place")
	} else if heard >= aWord && end-i < 3 && n.lastWord(end-1) && n.like[i] >= unheard && !n.said(i) {
		n.add(Location, i, n.onward(end), 0.5, "the answer to who asked for a place")
	}
	return i
}
