package pii

// houses finds those that are said with their number and a street that is nothing
// else, before the number is taken for a part of another.
func (n *namer) houses() {
	for i, t := range n.ts {
		if !n.used[i] && streets[t.text] && !lesser[t.text] && !n.more(i) {
			if from, ok := n.house(i); ok && n.numberOf(from) && i-from < 9 {
				n.street(from, i)
			}
		}
	}
}

// places finds houses in streets, and towns where somebody is at home.
func (n *namer) places() {
	for i, t := range n.ts {
		if !n.used[i] && welshStreets[t.text] {
			n.welshStreet(i)
		}
		if n.used[i] || !streets[t.text] && !moreStreets[t.text] || n.more(i) {
			continue
		}
		if from, ok := n.house(i); ok {
			n.street(from, i)
		}
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

// numberBefore goes back over the number of a house and what it is called: "number ninety".
func (n *namer) numberBefore(i int) int {
	begin := n.begins[n.ts[i].turn]
	for i > begin && !n.used[i-1] && (n.ts[i-1].isNumber() || dwellings[n.at(i-1)]) {
		i--
	}
	return i
}

// numberBehind takes in the number of a house that is said behind its street:
// "cobden avenue number fifty six".
func (n *namer) numberBehind(end int) int {
	to := n.begins[n.ts[end-1].turn+1]
	k := end
	if k < to && n.at(k) == "number" {
		k++
	}
	from := k
	for k < to && k-from < 4 && n.ts[k].isNumber() && !n.used[k] {
		k++
	}
	if k == from || from == end && k < to {
		return end
	}
	return k
}

// more reports whether the kind of a street follows that seems to be one: "old mill lane".
func (n *namer) more(i int) bool {
	return !n.lastOf(i) && !n.used[i+1] && (streets[n.at(i+1)] || moreStreets[n.at(i+1)])
}

// street notes a street from its number, or its name, to its kind, and the town behind it.
func (n *namer) street(from, kind int) {
	for from < kind && n.used[from] { // a part of the number was taken for something else
		from++
	}
	if from > n.begins[n.ts[kind].turn]+1 && n.betweenNumbers(from-1) {
		from = n.numberBefore(from - 2)
	}
	if !n.used[from] && from < kind {
		n.add(Location, from, n.onward(n.numberBehind(kind+1)), 0.85, "a house in a street")
	}
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
			end = n.townTail(k + words)
			continue
		}
		if counties[n.at(k)] {
			end = k + 1
			continue
		}
		to := n.begins[turn+1]
		if townHeads[n.at(k)] && k+1 < to && n.like[k+1] >= unheard && !n.used[k+1] && (k+2 == to || n.used[k+2] || n.closes(k+1, ".,?!")) {
			end = k + 2
			continue
		}
		if n.like[k] == unheard && (!n.verbal(k) || n.townish(k)) || n.like[k] >= unheard && k == to-1 && n.athome(k) && k > end-1 && !n.said(k) {
			end = n.townOn(k + 1)
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

// welshStreets stand before the name of a street.
var welshStreets = set(`heol maes ffordd stryd lôn lon rhodfa clos llys`)

// welshStreet finds "two maes y deri".
func (n *namer) welshStreet(i int) {
	to, end, heard := n.begins[n.ts[i].turn+1], i+1, false
	for end < to && end-i < 4 && !n.used[end] && (n.like[end] >= unheard || particles[n.at(end)] || n.at(end) == "y" || n.at(end) == "yr") {
		heard = heard || n.like[end] >= unheard
		if end++; n.closes(end-1, ".,?!") {
			break
		}
	}
	if !heard {
		return
	}
	from := i
	if i > n.begins[n.ts[i].turn] && n.numberOf(i-1) && !n.used[i-1] {
		from = n.numberBefore(i - 1)
	}
	n.add(Location, from, n.onward(end), 0.7, "a street in Wales")
}

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
		if end > name && end == stopAt && (i == n.begins[turn] || n.at(name-1) == "the" || n.named(name, end)) {
			n.add(Location, i, end, 0.6, "a number and a name where an address was asked for")
		}
	}
}

// house goes back from the kind of street to the number of the house.
func (n *namer) house(i int) (int, bool) {
	turn, j := n.ts[i].turn, i-1
	for words := 0; j >= n.begins[turn] && words < 4 && !n.numberOf(j); words++ {
		if n.ts[j].filler && words > 0 {
			j--
			continue
		}
		if stop[n.at(j)] && n.at(j) != "the" && n.at(j) != "park" && n.at(j) != "high" && n.at(j) != "old" && n.at(j) != "new" && n.ts[j].alike == "" && n.like[j] < aWord {
			break
		}
		j--
	}
	if j < n.begins[turn] && i > n.begins[turn] && n.numberOf(n.begins[turn]) {
		j = n.begins[turn]
	}
	if j == i-1 && j >= n.begins[turn] && n.numberOf(j) && !n.asksWhere(turn) && !n.athome(j) { // "two green levers", "three works"
		return i, false
	}
	if j < n.begins[turn] || !n.numberOf(j) {
		return n.nameless(i)
	}
	if (lesser[n.at(i)] || !streets[n.at(i)]) && !n.named(j+1, i) && !n.addressed(j, i) { // "eleven megs down"
		return i, false
	}
	from := j
	for from-1 >= n.begins[turn] {
		t := n.ts[from-1]
		if !(t.isNumber() || t.hundred || t.times > 0 || dwellings[t.text] || t.filler && from-2 >= n.begins[turn] && (n.ts[from-2].hundred || n.ts[from-2].isNumber()) ||
			t.text == "a" && n.ts[from].hundred || n.betweenNumbers(from-1) || t.alike != "" && from-2 >= n.begins[turn] && (n.ts[from-2].isNumber() || dwellings[n.at(from-2)])) {
			break
		}
		from--
	}
	return from, true
}

// addressed reports whether what stands around a number and a street that may be
// something else says that it is one.
func (n *namer) addressed(number, street int) bool {
	if n.asksWhere(n.ts[street].turn) || n.athome(number) || n.at(number+1) == "the" || n.lastOf(street) || n.used[street+1] {
		return true
	}
	words, _ := n.isTown(street + 1)
	return words > 0
}

// named reports whether one of some words is a name, or on no list.
func (n *namer) named(from, to int) bool {
	for i := from; i < to; i++ {
		if n.like[i] > noName && !hardly[n.at(i)] && !stop[n.at(i)] || n.cased && capitalised(n.ts[i].raw) {
			return true
		}
	}
	return false
}

// betweenNumbers says of a word that it leads from the number of a flat to that of
// its house: "flat four at one one eight", "two stroke one", "flat three b forty one".
func (n *namer) betweenNumbers(i int) bool {
	begin := n.begins[n.ts[i].turn]
	if i-1 < begin || !n.numberOf(i-1) {
		return false
	}
	switch x := n.at(i); {
	case x == "stroke" || x == "slash":
		return true
	case x == "at" || x == "on" || x == "of" || x == "in" || n.ts[i].letter != "":
		for j := i - 1; j >= begin && i-j < 5; j-- {
			if dwellings[n.at(j)] {
				return true
			}
		}
	}
	return false
}

// numberOf reports whether a word may be the number of a house: "twelve", "12a".
func (n *namer) numberOf(i int) bool {
	t := n.ts[i]
	return t.isNumber() || t.text != "" && t.text[0] >= '0' && t.text[0] <= '9' && len(t.text) < 6
}

// nameless is a street without a number: where an address was asked for, or where
// it has a name and somebody is in it.
func (n *namer) nameless(i int) (int, bool) {
	turn, j := n.ts[i].turn, i
	heard := noName
	for words := 0; words < 4 && j-1 >= n.begins[turn] && n.partOfStreet(j-1); words++ {
		if n.at(j-1) == "the" {
			return j - 1, heard > noName && n.athome(j-1)
		}
		j--
		if !hardly[n.at(j)] && !stop[n.at(j)] {
			heard = max(heard, n.like[j])
		}
		if n.closes(j, ".,?!") {
			heard = noName
			break
		}
	}
	if j == i || j == i-1 && sides[n.at(j)] {
		return j, false
	}
	written := n.cased && capitalised(n.ts[i].raw) && capitalised(n.ts[i-1].raw) && !n.first(i-1)
	stands := j == n.begins[turn] || streetLeads[n.at(j-1)]
	main := streets[n.at(i)] && !lesser[n.at(i)]
	switch {
	case written, n.asksWhere(turn):
		return j, true
	case main:
		return j, n.athome(j) || heard > noName && stands
	}
	return j, heard > noName && stands && (n.athome(j) || n.like[i-1] == unheard)
}

func (n *namer) partOfStreet(i int) bool {
	x := n.at(i)
	return !n.used[i] && !n.ts[i].filler && (!stop[x] || x == "the" || x == "old" || x == "new") && !streetLeads[x] && !n.verbal(i)
}

var (
	// streetLeads are words right before a street.
	streetLeads = set(`on at off in along from near to of down up by opposite outside round behind beside past is it's i'm its im`)

	// sides are what a street may be, and nobody's address.
	sides = set(`side main front back busy same whole wrong right left other next second third first one-way private public dead toll slip ring through bus cycle long short
		wide narrow open closed local nearest that this own each every bottom top far near high dual new shop bloody entire quiet steep winding dirt single garden patio`)

	// lesser are kinds of streets that are words of everyday talk as well.
	lesser = set(`way close end view rise walk row park place gate corner bank field fields common ridge square green wood woods garden gardens drive path yard estate
		approach cottage cottages heath hill meadow mount parade court quay strand vale cross loan lea brae gates`)
)

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
	{" house is ", Location},
	{" are you on ", Location},
	{" based ", Location},
	{" mile from ", Location},
	{" coming to ", Location},
	{" from ", Location},
}

func (d *detector) athome(i int) bool {
	return len(expected2(d.ts[max(0, i-25):], min(i, 25), homeCues)) > 0
}
