package pii

// places finds houses in streets, and towns where somebody is at home.
func (d *detector) places() { newNamer(d).places() }

func (n *namer) places() {
	for i, t := range n.ts {
		if n.used[i] || !streets[t.text] && !moreStreets[t.text] {
			continue
		}
		if next := n.at(i + 1); !n.lastOf(i) && !n.used[i+1] && (streets[next] || moreStreets[next]) { // "old mill lane"
			continue
		}
		from, ok := n.house(i)
		if !ok || n.used[from] {
			continue
		}
		n.add(Location, from, n.onward(i+1), 0.85, "a house in a street")
	}
	n.numbered()
	for turn := range n.turns {
		n.answeredWhere(turn)
	}
	for i := range n.ts {
		n.inTown(i)
	}
	n.samePlaces()
}

// onward takes in the town and the county behind a street: "orchard mews in southwell".
func (n *namer) onward(end int) int {
	turn := n.ts[end-1].turn
	for parts := 0; parts < 3; parts++ {
		k := end
		for k < n.begins[turn+1] && (n.at(k) == "in" || n.at(k) == "near" || n.ts[k].filler && n.at(k) != "is") {
			k++
		}
		if k >= n.begins[turn+1] {
			if k == end && k+1 < len(n.ts) && !n.used[k] { // the other side says which, or the turn was cut
				if words, _ := n.isTown(k); words > 0 {
					return k + words
				}
			}
			return end
		}
		if n.used[k] {
			break
		}
		if words, _ := n.isTown(k); words > 0 && !(hardly[n.at(k)] && k == end) {
			end = k + words
			continue
		}
		if counties[n.at(k)] {
			end = k + 1
			continue
		}
		to := n.begins[turn+1]
		if n.like[k] == unheard && !n.verbal(k) && (k+1 >= to || n.used[k+1] || n.closes(k, ".,?!")) || n.like[k] >= unheard && k == to-1 && n.athome(k) && k > end-1 && !n.said(k) {
			end = k + 1
			continue
		}
		if k+2 == to && n.plain(k) && n.plain(k+1) && n.athome(k) && parts == 0 {
			return to
		}
		break
	}
	return end
}

// said reports whether a name is spoken to somebody: the only one who is called so.
func (n *namer) said(i int) bool { return n.like[i] == aName && n.given(i) }

// plain says of a word that it may be a name: it is no other, and no number.
func (d *detector) plain(i int) bool {
	t := d.ts[i]
	return !d.used[i] && !stop[t.text] && !nods[t.text] && !t.says() && !t.filler && !amounts[t.text] && !monthly(t.text) && !breaks[t.text] && len(t.text) > 2
}

// moreStreets are kinds of streets that few live in, and houses with more than one flat.
var moreStreets = set(`alley arcade buildings causeway chambers circle cloisters court courtyard cross dell dene down downs drove embankment esplanade farm fold ford garth gates
	ginnel glen gdns green greenway grange heights hey hollow house houses knoll lawn lawns lodge mansions maltings meadowbank mill mills orchard parkway passage
	pightle pines precinct quadrant ridgeway ride side spinney springs springfield steps street's tower towers townhouse vennel village vista wharf
	way woodlands yard brow bungalows brook causey chare entry fairway firs hamlet haven holt hurst laurels limes mead oaks pasture pastures rec reach retreat rocks
	shore slade stables stile terraces thorpe twitten walks warren waters works`)

// addressCues ask for an address, or announce one.
var addressCues = []cue{
	{" address ", Location},
	{" live at ", Location},
	{" live on ", Location},
	{" live in ", Location},
	{" lives at ", Location},
	{" lives in ", Location},
	{" moved to ", Location},
	{" moving to ", Location},
	{" deliver to ", Location},
	{" delivering to ", Location},
	{" house number ", Location},
	{" street name ", Location},
}

// numbered finds a number with a name behind it where an address was asked for:
// "nine the laurels". What follows the question by more than a few words is none.
func (n *namer) numbered() {
	for i := range n.ts {
		turn := n.ts[i].turn
		if n.used[i] || !n.ts[i].isNumber() || i > n.begins[turn] && n.ts[i-1].isNumber() || len(expected2(n.ts[max(0, i-12):], min(i, 12), addressCues)) == 0 {
			continue
		}
		end, stopAt := i, n.begins[turn+1]
		for end < stopAt && (n.ts[end].isNumber() || n.ts[end].hundred) {
			end++
		}
		if end < stopAt && n.at(end) == "the" {
			end++
		}
		name := end
		for end < stopAt && end-name < 3 && n.plain(end) {
			end++
		}
		if end > name && end == stopAt {
			n.add(Location, i, end, 0.6, "a number and a name where an address was asked for")
		}
	}
}

// house goes back from the kind of street to the number of the house.
func (n *namer) house(i int) (int, bool) {
	turn, j := n.ts[i].turn, i-1
	for words := 0; j >= n.begins[turn] && words < 4 && !n.numberOf(j); words++ {
		if stop[n.at(j)] && n.at(j) != "the" && n.at(j) != "park" && n.at(j) != "high" && n.at(j) != "old" && n.at(j) != "new" && n.ts[j].alike == "" && n.like[j] < aWord {
			break
		}
		j--
	}
	if j < n.begins[turn] && i > n.begins[turn] && n.numberOf(n.begins[turn]) {
		j = n.begins[turn]
	}
	if j == i-1 && moreStreets[n.at(i)] && !streets[n.at(i)] { // "three works", "two mills"
		return i, false
	}
	if j < n.begins[turn] || !n.numberOf(j) {
		return n.nameless(i)
	}
	from := j
	for from-1 >= n.begins[turn] {
		t := n.ts[from-1]
		if !(t.isNumber() || t.hundred || t.times > 0 || dwellings[t.text] || t.filler && from-2 >= n.begins[turn] && (n.ts[from-2].hundred || n.ts[from-2].isNumber()) ||
			t.text == "a" && n.ts[from].hundred || t.alike != "" && from-2 >= n.begins[turn] && (n.ts[from-2].isNumber() || dwellings[n.at(from-2)])) {
			break
		}
		from--
	}
	return from, true
}

// numberOf reports whether a word may be the number of a house: "twelve", "12a".
func (n *namer) numberOf(i int) bool {
	t := n.ts[i]
	return t.isNumber() || t.text != "" && t.text[0] >= '0' && t.text[0] <= '9' && len(t.text) < 6
}

// nameless is a street without a number, where an address was asked for.
func (n *namer) nameless(i int) (int, bool) {
	turn, j := n.ts[i].turn, i
	for words := 0; words < 4 && j-1 >= n.begins[turn] && (!stop[n.at(j-1)] || n.at(j-1) == "the" || n.at(j-1) == "old" || n.at(j-1) == "new"); words++ {
		j--
	}
	if moreStreets[n.at(i)] && !streets[n.at(i)] {
		return j, j < i && n.asksWhere(turn)
	}
	return j, j < i && n.athome(j)
}

// asksWhere reports whether the turn before asked for a place.
func (n *namer) asksWhere(turn int) bool { return turn > 0 && n.asks[turn-1].where }

// dwellings stand before their number.
var dwellings = set(`flat number unit apartment plot suite block house room studio lodge cottage caravan pitch`)

var homeCues = []cue{
	{" address ", Location},
	{" live ", Location},
	{" lives ", Location},
	{" living ", Location},
	{" moved ", Location},
	{" deliver ", Location},
	{" delivery ", Location},
	{" street ", Location},
	{" property ", Location},
	{" coming to ", Location},
	{" from ", Location},
}

func (d *detector) athome(i int) bool {
	return len(expected2(d.ts[max(0, i-25):], min(i, 25), homeCues)) > 0
}
