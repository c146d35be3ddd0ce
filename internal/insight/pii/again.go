package pii

import "strings"

// People do not say a number once from its first digit to its last: they begin
// again, are asked for a part of it, and go on after something else was said.

// number is one that was found, with the tokens it stands in.
type number struct {
	entity      Entity
	text        string
	first, last int
}

const (
	onward   = 12 // words within which somebody goes on with a number
	repeated = 40 // words within which somebody asks for a part of it
)

// goesOn tells of a few digits that mean nothing by themselves which number
// before they belong to.
func (d *detector) goesOn(one run, first int) Entity {
	n := len(one.text)
	if len(d.past) == 0 || n < 2 {
		return ""
	}
	before := d.past[len(d.past)-1]
	words := first - before.last
	if words > 0 && words <= repeated && n < len(before.text) && (n > 2 && strings.Contains(before.text, one.text) || strings.HasSuffix(before.text, one.text)) {
		return before.entity
	}
	between := before.last + 1
	if words <= 0 || words > onward || n < 3 || n > 6 || d.speaker(d.ts[first].turn) != d.speaker(d.ts[before.last].turn) || d.speaker(d.ts[first].turn) == "" {
		return ""
	}
	if d.ts[first].turn == d.ts[before.last].turn || len(expected(d.ts[between:], first-between, first-between)) > 0 {
		return ""
	}
	return before.entity
}

// ending tells of three or four digits which number they are the end of:
// "account number ending four oh nine".
func (d *detector) ending(one run, before []nearness, first int) Entity {
	if n := len(one.text); n < 3 || n > 4 || len(before) == 0 || before[0].words > 4 {
		return ""
	}
	for i := first - 1; i >= 0 && i >= first-3 && d.ts[i].turn == d.ts[first].turn; i-- {
		if x := d.at(i); x == "ending" || x == "ends" {
			if e := before[0].entity; e == BankAccount || e == Phone || e == NHS || e == CreditCard {
				return e
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
			d.add(n.entity, t.first, t.last+d.width(t.last), 0.7, "it was begun, and said again")
		}
	}
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
		letters && d.ts[tried].letter != "" || d.ts[tried].alike != "" && tried > begin && d.ts[tried-1].isNumber()) {
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
			return Luhn(s)
		case n == 11 || n == 10:
			return s[0] == '0'
		case n == 12:
			return strings.HasPrefix(s, "44") && plus
		default:
			return n == 6 || n == 8
		}
	}
	head := one.symbols[0]
	if !head.alike || len(one.symbols) < 2 || usually(one.text) || !usually(one.text[len(head.text):]) {
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
