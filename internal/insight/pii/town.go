package pii

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
	if words == 0 {
		n.unheardTown(i)
		return
	}
	end := n.onward(i + words)
	switch {
	case n.notAtHome(i + words):
	case n.athome(i) && (sure || towns[n.at(i)] || n.led(i, leadsToTown)):
		n.add(Location, i, end, 0.6, "where somebody lives")
	case sure && n.led(i, leadsToTown), sure && i == n.begins[n.ts[i].turn] && n.lastOf(i+words-1):
		n.add(Location, i, end, 0.5, "a town where somebody is")
	case !sure && n.at(i-1) == "in" && n.at(i) != "march" && (n.lastWord(i+words-1) || n.like[i] == aName) && n.ts[i-1].turn == n.ts[i].turn:
		n.add(Location, i, end, 0.5, "a town where somebody is")
	}
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
	if n.like[i] != unheard || n.verbal(i) || n.cased && !capitalised(n.ts[i].raw) || len(n.at(i)) < 4 || !n.led(i, open) {
		return
	}
	end := i + 1
	if end < n.begins[n.ts[i].turn+1] && !n.used[end] && n.like[end] == unheard && !n.verbal(end) {
		end++
	}
	if n.notAtHome(end) || n.firm(end) {
		return
	}
	n.add(Location, i, n.onward(end), 0.5, "a word where a town stands")
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
	for i < to && beside[n.at(i)] && !n.used[i] {
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
	n.houseName(i, to)
}

// houseName finds a house, a street or a town on no list, where an answer begins:
// "the old rectory", "beacon lodge penrith".
func (n *namer) houseName(i, to int) {
	end, heard := i, noName
	for end < to && end-i < 5 && n.plain(end) && !n.verbal(end) {
		heard = max(heard, n.like[end])
		if streets[n.at(end)] || moreStreets[n.at(end)] {
			if end > i {
				from := i
				if i > n.begins[n.ts[i].turn] && n.at(i-1) == "the" {
					from--
				}
				n.add(Location, from, n.onward(end+1), 0.75, "the answer to who asked for a place")
			}
			return
		}
		if n.closes(end, ".,?!") {
			end++
			break
		}
		end++
	}
	if end == i || n.asks[n.ts[i].turn-1].who && n.like[i] >= aWord {
		return
	}
	if heard == unheard && n.like[i] == unheard && end-i < 4 {
		n.add(Location, i, n.onward(i+1), 0.6, "the answer to who asked for a place")
	} else if heard >= aWord && end-i < 3 && n.lastWord(end-1) && n.like[i] >= unheard && !n.said(i) {
		n.add(Location, i, n.onward(end), 0.5, "the answer to who asked for a place")
	}
}
