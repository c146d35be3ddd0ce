package pii

import "strings"

// People are named in passing, too: whose mother it is, who said it, whom a
// question is put to, and who else is there.

// owner finds who somebody belongs to: "gethin's mam".
func (n *namer) owner(i int) {
	x := n.at(i)
	if n.like[i] < unheard || !strings.HasSuffix(x, "'s") || n.lastOf(i) || !kin[n.at(i+1)] || hardly[unowned(x)] || n.verbal(i) || n.like[i] == aWord && !n.given(i) {
		return
	}
	n.person(i, i+1, 0.75, "whose relation somebody is")
}

var (
	// does are what people do, and hardly anything else.
	does = set(`said says goes told tells rang rings called phoned asked asks wants wanted reckons thinks thought came comes works lives texted emailed booked ordered
		signed spoke dealt promised forgot knows lent borrowed drove picked answered mentioned stood`)
	// before are words after which somebody is named who does something.
	beforeSubject = set(`so then and because if but when that cos cause since while whether until oh well as`)
)

// subject finds somebody of whom it is said what he did: "so leanne says".
func (n *namer) subject(i int) {
	begin := n.begins[n.ts[i].turn]
	if n.like[i] != unheard || n.lastOf(i) || !does[n.at(i+1)] || n.verbal(i) || i > begin && !beforeSubject[n.at(i-1)] {
		return
	}
	n.person(i, i+1, 0.55, "somebody who did something")
}

// asksFor are words with which a question, or a farewell, ends before a name.
var asksFor = set(`birth number mobile postcode email address name code account digits you that there then now today again please me it moment second minute know see date
	phone telephone right ok okay thanks you love morning afternoon soon later help welcome this`)

// calledOn finds whom a turn is said to: "and a mobile ashok".
func (n *namer) calledOn(i int) {
	turn := n.ts[i].turn
	if !n.lastOf(i) || i < n.begins[turn]+2 || !asksFor[n.at(i-1)] || n.used[i-1] {
		return
	}
	if n.like[i] == unheard && !n.verbal(i) && !n.led(i, leadsToTown) || n.like[i] == aWord && n.given(i) && !hardly[n.at(i)] && !stop[n.at(i)] && !particles[n.at(i)] {
		n.person(i, i+1, 0.55, "whom a question is put to")
	}
}

// companions finds who is named together with somebody: "imogen and tunde".
func (n *namer) companions() {
	for k := 0; k < len(n.spans); k++ {
		s := n.spans[k]
		if s.Entity != Person {
			continue
		}
		first, end, to := n.begins[s.Turn]+s.From, n.begins[s.Turn]+s.To, n.begins[s.Turn+1]
		if end+1 < to && joins[n.at(end)] && !n.closes(end-1, ".?!") && n.companion(end+1) {
			n.person(end+1, n.name(end+1), 0.6, "named together with somebody")
		}
		if i := first - 2; i >= n.begins[s.Turn] && joins[n.at(first-1)] && n.companion(i) && (i == n.begins[s.Turn] || aside[n.at(i-1)]) {
			n.person(i, i+1, 0.6, "named together with somebody")
		}
	}
}

var joins = set(`and or then plus &`)

func (n *namer) companion(i int) bool {
	return !n.used[i] && (n.like[i] == unheard && !n.verbal(i) && (n.lastWord(i) || !n.lastOf(i) && (joins[n.at(i+1)] || n.like[i+1] >= unheard)) ||
		n.like[i] == aWord && n.given(i) && !hardly[n.at(i)] && !stop[n.at(i)] || n.like[i] == aName && n.given(i))
}
