package pii

import (
	"sort"
	"strings"
)

// People do not say a number once from its first digit to its last: they begin
// again, are asked for a part of it, and go on after something else was said.

// number is one that was found, with the tokens it stands in.
type number struct {
	entity      Entity
	text        string // letters and digits, as far as they were said
	first, last int
	part        bool // it was asked for as a part, and is whole
	group       int
	who         string // who said it first
	words       string // of an address
}

// history is what was found, in the order in which it was said.
type history []number

// before is the last of it that ends before a token, and where in the history it is.
func (h history) before(token int) (number, int, bool) {
	i := sort.Search(len(h), func(i int) bool { return h[i].first >= token })
	if i == 0 || h[i-1].last >= token {
		return number{}, 0, false
	}
	return h[i-1], i - 1, true
}

const (
	onward   = 40 // words within which somebody goes on with a number
	repeated = 60 // words within which somebody asks for a part of it, or reads it back
)

// lacks is how many letters and digits a number still has to have.
func (n number) lacks() int {
	if n.part || n.text == "" {
		return 0
	}
	full := 0
	switch n.entity {
	case CreditCard:
		full = 16
		if n.text[0] == '3' {
			full = 15
		} else if n.text[0] == '6' && len(n.text) >= 16 {
			full = 19
		}
	case Phone:
		full = 11
		if strings.HasPrefix(n.text, "44") {
			full = 12
		}
	case IBAN:
		if full = 22; len(n.text) >= 2 && ibanLengths[n.text[:2]] > 0 {
			full = ibanLengths[n.text[:2]]
		}
	case SecurityCode, SortCode, BankAccount, NHS, NINO:
		full = fullLength[n.entity]
	}
	return max(0, full-len(n.text))
}

var fullLength = map[Entity]int{SecurityCode: 3, SortCode: 6, BankAccount: 8, NHS: 10, NINO: 9}

// alikeText makes letters and digits that sound the same the same.
func alikeText(s string) string { return strings.ReplaceAll(s, "o", "0") }

// repeats says that a few letters or digits are read back from a number.
func (n number) repeats(text string) bool {
	a, b := alikeText(n.text), alikeText(text)
	switch k := len(text); {
	case k < 2 || k == 2 && n.entity == Email:
		return false
	case k == 2:
		return strings.HasPrefix(a, b) || strings.HasSuffix(a, b) || n.entity == Postcode && len(a) > 4 && b[0] == a[len(a)-2] && b[0] > '9' && b[1] > '9'
	case (n.entity == Postcode || n.entity == NINO) && len(b) >= 5 && len(a) >= 5 && len(b) <= len(a) && a[:3] == b[:3]: // said again, and corrected
		return true
	}
	return strings.Contains(a, b)
}

// continues says that a run is what a number before still lacks: nothing else was
// talked of in between, and the same person says it.
func (d *detector) continues(before number, one run) bool {
	first, n := one.symbols[0].at, len(one.text)
	lacks := before.lacks()
	if lacks == 0 || n > lacks+1+overlap(before.text, one.text) || first-before.last > onward || d.talk.between(before.entity, before.last+1, first) {
		return false
	}
	turn, old := d.ts[first].turn, d.ts[before.last].turn
	if d.speaker(turn) != before.who {
		return false
	}
	if n == 1 { // one digit may be anything, but at the beginning of an answer
		return turn != old && first-d.begins[turn] < 3 && before.entity != Phone
	}
	if turn == old && before.entity == CreditCard && n < 3 {
		return false
	}
	return true
}

// overlap is how many symbols at the end of a are said again at the beginning of b.
func overlap(a, b string) int {
	for n := min(len(a), len(b)); n > 1; n-- {
		if a[len(a)-n:] == b[:n] {
			return n
		}
	}
	return 0
}

// goesOn tells of a few digits which number before they belong to, and whether
// they are new digits of it or read back.
func (d *detector) goesOn(one run) (of int, more, ok bool) {
	first := one.symbols[0].at
	before, at, ok := d.past.before(first)
	switch {
	case !ok:
		return 0, false, false
	case d.continues(before, one):
		return at, true, true
	case first-before.last <= repeated && before.repeats(one.text) && (len(one.text) > 2 || first-before.last <= 20):
		return at, false, true
	}
	for k := at - 1; k >= max(0, at-3) && len(one.text) > 3; k-- { // of one before the last
		if n := d.past[k]; first-n.last <= repeated && n.repeats(one.text) {
			return k, false, true
		}
	}
	return 0, false, false
}

// lastWords are said before the last digits of a number.
var lastWords = set(`ending ends end finishes finishing finish ended last`)

// ending tells of two to five digits which number they are the end of: "account
// number ending four oh nine". Where nothing was spoken of, four of them are of a card.
func (d *detector) ending(one run, before []nearness, first int) Entity {
	n := len(one.text)
	if n < 2 || n > 5 {
		return ""
	}
	for i := first - 1; i >= 0 && i >= first-4 && d.ts[i].turn >= d.ts[first].turn-1; i-- {
		if x := d.at(i); !lastWords[x] || (x == "last" || x == "end") && n != 4 {
			continue
		}
		if code, _, ok := d.past.before(first); ok && code.entity == SortCode && first-code.last < 8 {
			return BankAccount
		}
		for _, c := range before {
			if c.words <= 30 && ((c.entity == BankAccount || c.entity == SortCode) && !c.weak || c.entity == Phone || c.entity == NHS || c.entity == CreditCard) && (n > 2 || c.words < 6) {
				return c.entity
			}
		}
	}
	return ""
}

// triedBefore finds, once a number is known, where it was begun before and broken off.
func (d *detector) triedBefore(n number) {
	for i := len(d.tries) - 1; i >= 0; i-- {
		t := d.tries[i]
		words := n.first - t.last
		if words > repeated {
			return
		}
		if words > 0 && len(t.text) >= 3 && strings.HasPrefix(n.text, t.text) && !d.used[t.first] {
			d.addTo(n.group, n.entity, t.first, t.last+d.width(t.last), 0.7, "it was begun, and said again")
		}
	}
}

// begun is a number of which only groups were heard as yet, each too short to tell
// what it is.
type begun struct {
	number
	pieces []number
}

// gathers puts together groups of digits that answer to one question until they are as
// many as what was asked for has.
func (d *detector) gathers(one run, before []nearness, alone bool) bool {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	asked := nothing
	for _, c := range before {
		if c.part {
			continue
		}
		if full := (number{entity: c.entity, text: "0"}).lacks() + 1; c.weak || c.words > reach || full < 6 || c.entity == IBAN || c.entity == NINO {
			break
		}
		asked = c.entity
		break
	}
	if asked == nothing && (britishBegun(one.text) || d.open.entity == Phone) && !nobodys(before) { // nothing else begins so
		asked = Phone
	}
	if asked == nothing || len(one.text) < 2 {
		return false
	}
	who, piece := d.speaker(d.ts[first].turn), number{first: first, last: last, text: one.text}
	open := begun{number{entity: asked, who: who}, nil}
	if old := d.open; old.entity == asked && old.who == who && first-old.last <= 30 && !d.talk.between(asked, old.last+1, first) {
		open = old
	}
	text := open.text + one.text[overlap(open.text, one.text):]
	if whole := (number{entity: asked, text: text}); len(open.pieces) > 0 && whole.lacks() == 0 && len(text) <= len(open.text)+(number{entity: asked, text: open.text}).lacks()+1 {
		d.groups++
		for _, p := range append(open.pieces, piece) {
			d.addTo(d.groups, asked, p.first, p.last+d.width(p.last), 0.75, "groups of digits that make what was asked for")
		}
		d.past = append(d.past, number{entity: asked, text: text, first: first, last: last, group: d.groups, who: who})
		d.open = begun{}
		return true
	}
	if alone {
		open.text, open.first, open.last = text, first, last
		open.pieces = append(open.pieces[:len(open.pieces):len(open.pieces)], piece)
		d.open = open
	}
	return false
}

// corrections are what somebody says who takes back what was said.
var (
	corrections = set(`no not sorry wait hang hold on i mean oh er um erm actually let me start again that's wrong it's rather`)
	takesBack   = set(`no not sorry wait mean actually again wrong rather`)
)

// begunBefore goes back over a first try that was taken back: "one two no sorry
// one three".
func (d *detector) begunBefore(first int, letters bool) int {
	begin, i, taken := d.begins[d.ts[first].turn], first-1, false
	for i >= begin && first-i <= 5 && corrections[d.at(i)] && !d.used[i] {
		taken = taken || takesBack[d.at(i)]
		i--
	}
	if !taken {
		return first
	}
	tried := i
	for tried >= begin && !d.used[tried] && (d.ts[tried].isNumber() || d.ts[tried].times != 0 || d.ts[tried].joined ||
		letters && (d.ts[tried].letter != "" || letterAlike[d.at(tried)] != "") || d.ts[tried].alike != "" && tried > begin && d.ts[tried-1].isNumber()) {
		tried--
	}
	if tried == i {
		return first
	}
	return tried + 1
}

// shorter leaves out a "to" or a "for" before the first digit, where the rest
// makes a number of the usual length.
func shorter(one run, plus bool) run {
	usually := func(s string) bool {
		switch n := len(s); {
		case n == 16, n == 15 && s[0] == '3':
			return Luhn(s) && s[0] > '1'
		case n == 11 || n == 10:
			return s[0] == '0'
		case n == 12:
			return strings.HasPrefix(s, "44") && plus
		default:
			return n == 6 || n == 8
		}
	}
	head := one.symbols[0]
	if !head.alike && (head.text != "1" || len(one.text) < 16) || len(one.symbols) < 2 || usually(one.text) || !usually(one.text[len(head.text):]) {
		return one
	}
	rest := run{symbols: one.symbols[1:], text: one.text[len(head.text):]}
	for _, o := range one.owner[len(head.text):] {
		rest.owner = append(rest.owner, o-1)
	}
	return rest
}

// before is the word that the same person said before, over a nod of the other; -1 is none.
func (d *detector) before(i int) int {
	turn := d.ts[i].turn
	if i > d.begins[turn] {
		return i - 1
	}
	if turn < 2 || !nodding(d.ts[d.begins[turn-1]:d.begins[turn]]) || d.speaker(turn-2) != d.speaker(turn) {
		return -1
	}
	return d.begins[turn-1] - 1
}

// after is the word that the same person says next, over a nod of the other; -1 is none.
func (d *detector) after(i int) int {
	turn := d.ts[i].turn
	if i+1 < d.begins[turn+1] {
		return i + 1
	}
	if turn+2 >= len(d.turns) || !nodding(d.ts[d.begins[turn+1]:d.begins[turn+2]]) || d.speaker(turn+2) != d.speaker(turn) || d.begins[turn+2] == d.begins[turn+3] {
		return -1
	}
	return d.begins[turn+2]
}
