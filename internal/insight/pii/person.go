package pii

// people finds names.
func (n *namer) people() {
	for i := range n.ts {
		if n.used[i] {
			continue
		}
		n.entitled(i)
		n.introductions(i)
		n.speaks(i)
		n.owner(i)
		n.subject(i)
		n.calledOn(i)
	}
	for turn := range n.turns {
		n.answered(turn)
	}
	for i := range n.ts {
		n.known(i)
	}
	n.spelledNames()
	n.companions()
	n.samePeople()
}

// person notes a name.
func (n *namer) person(from, to int, score float64, why string) {
	if from < to && !n.used[from] {
		n.add(Person, from, to, score, why)
	}
}

// callings stand before a name, too, and are other words as well.
var (
	callings = set(`sister father brother nurse reverend rev pastor vicar rabbi imam constable pc sergeant inspector captain colonel councillor lord lady
		justice auntie aunty aunt uncle nana nan gran granny grandma grandad grandpa big little old young our hey dear mate`)
)

// entitled finds "mr babbage" and "father dominic".
func (n *namer) entitled(i int) {
	x := n.at(i)
	j := i + 1
	if j >= len(n.ts) || n.used[j] {
		return
	}
	if n.ts[j].turn != n.ts[i].turn { // "and you're doctor": the other says who
		if titles[x] && n.like[j] >= unheard && n.lastWord(n.name(j)-1) && !n.verbal(j) {
			n.person(j, n.name(j), 0.75, "a title before it")
		}
		return
	}
	switch {
	case titles[x] && x != "sir" && x != "madam":
		j = n.initials(j)
		if j < len(n.ts) && n.like[j] >= unheard && !hardly[n.at(j)] {
			n.person(i+1, n.name(j), 0.85, "a title before it")
		}
	case callings[x] && n.like[j] == aName && givenNames[unowned(n.at(j))], callings[x] && x != "big" && x != "little" && x != "old" && x != "young" && x != "our" && n.like[j] == unheard:
		n.person(j, n.name(j), 0.75, "a title before it")
	}
}

var (
	// particles stand within a name.
	particles = set(`de da dos das di du del della der den van von le la el al bin ibn bint ap ab st saint san mac mc ní nic ui ó uí`)

	// hardly are words that somebody may be called, and that say something else nearly always.
	hardly = set(`will may can might must should just more down still now day read case way long even last first few good best well near about here there this that
		come see say get let call ring keep want like very my the and or but with from have had has was were is are am be been do does did done go goes going to in on at
		of for if so no not new one two back over off out up by an as else who what when where which why how all any some right left next same other much many made make
		take give head hand hands cash price sale bill bills card day days page house power paid pay chance close forward main mind fine ready time wait help work short
		sharp sharpe's quick ill around bright cross hope mark grant park lane street road field green black white brown gray grey young old north south east west`)

	pauses = set(`um uh er erm mm hmm`)
)

// name goes forward over a name that begins at a word, whatever the first word is.
func (n *namer) name(i int) int {
	turn, end := n.ts[i].turn, i
	for words := 0; end < n.begins[turn+1] && words < 4 && !n.used[end]; words++ {
		next := end + 1
		follows := next < n.begins[turn+1] && !n.used[next] && n.like[next] >= unheard
		switch x, l := n.at(end), n.like[end]; {
		case words == 0 && l >= unheard:
		case words > 0 && follows && !hardly[n.at(next)] && (pauses[x] || particles[x] || n.ts[end].letter == x && len(x) == 1 && x != "i" && x != "a"):
			end++
		case words == 0 && follows && particles[x]:
			end++
		case words > 0 && l == aName, words > 0 && l == unheard && !n.closes(end-1, "."):
		case words == 1 && l == aWord && n.like[end-1] >= unheard && n.family(end), words > 0 && l == aWord && follows && n.given(end) && !hardly[x] && !stop[x]:
		case words > 1 && l == aWord && n.family(end) && n.lastWord(end):
		default:
			return end
		}
		end++
		if n.closes(end-1, ".,?!;:") {
			break
		}
	}
	return end
}

// family reports whether a word that is also another one is likely to be somebody's family name.
func (n *namer) family(i int) bool {
	x := unowned(n.at(i))
	return familyNames[x] && (!hardly[x] && !stop[x] || n.lastWord(i) && !stop[x])
}

func (n *namer) given(i int) bool {
	x := unowned(n.at(i))
	return givenNames[x]
}

// initials goes forward over single letters before a name: "f e macavoy".
func (n *namer) initials(i int) int {
	j := i
	for j < len(n.ts) && j-i < 3 && n.ts[j].turn == n.ts[i].turn && len(n.at(j)) == 1 && n.ts[j].letter != "" {
		j++
	}
	return j
}

// firmTails come behind the name of a firm, or of a place that is named after somebody.
var firmTails = set(`ltd limited plc solicitors plumbing plumbers insurance motors garage school college hospital surgery pharmacy estate estates homes housing bank
	brothers bros associates partners stores supermarket centre center company couriers cars taxis electrical builders building society university
	academy infirmary hotel arms station airport stadium council funeral funerals directors lettings properties dental clinic veterinary vets bakery`)

// firm reports whether a name is that of a firm: "fenwick and sons".
func (n *namer) firm(end int) bool {
	if end >= len(n.ts) || n.ts[end].turn != n.ts[end-1].turn {
		return false
	}
	x := n.at(end)
	return firmTails[x] || streets[x] && x != "way" && x != "close" && x != "end" && x != "view" && x != "rise" && x != "walk" && x != "row" && x != "park" && x != "place" ||
		(x == "and" || x == "&") && (n.at(end+1) == "sons" || n.at(end+1) == "co" || n.at(end+1) == "son" && n.at(end+2) != "")
}

// known tells a name by itself: one that is no other word, or a first name with
// a family name behind it.
func (n *namer) known(i int) {
	if n.used[i] || n.like[i] < aWord || n.ts[i].letter != "" {
		return
	}
	x := unowned(n.at(i))
	end := n.name(i)
	next := ""
	if end > i+1 {
		next = unowned(n.at(i + 1))
	}
	switch {
	case n.firm(end), n.at(i-1) == "for" && i > 1 && len(n.at(i-2)) == 1, n.asksPet(n.ts[i].turn), n.placed(i, end):
	case n.like[i] == aName && n.given(i):
		n.person(n.unheardBefore(i), end, 0.7, "known as a name")
	case n.given(i) && next != "" && (n.like[i+1] == aName || firstNames[x] && lastNames[next]) && !(ambiguous[x] && ambiguous[next]) && !hardly[x]:
		n.person(i, end, 0.7, "known as a name")
	case n.given(i) && !hardly[x] && !stop[x] && end > i+1 && n.like[i+1] == unheard && !n.verbal(i+1):
		n.person(i, end, 0.6, "known as a name")
	case n.like[i] == aName && (lastNames[x] && !towns[x] || end > i+1 || n.unheardBefore(i) < i || n.wasAsked(n.ts[i].turn)):
		n.person(n.unheardBefore(i), end, 0.6, "known as a name")
	}
}

// asksPet reports whether the turn before asked for the name of an animal.
func (n *namer) asksPet(turn int) bool { return turn > 0 && n.asks[turn-1].pet }

// unheardBefore takes in a word before a name that is on no list, as a first name
// can be.
func (n *namer) unheardBefore(i int) int {
	if i == 0 || n.ts[i-1].turn != n.ts[i].turn || n.used[i-1] || n.like[i-1] != unheard || n.closes(i-1, ".,?!;:") || unowned(n.at(i-1)) != n.at(i-1) {
		return i
	}
	return i - 1
}
