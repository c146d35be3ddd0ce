package pii

import (
	"slices"
	"strings"
)

// numbers finds what is said in digits alone.
func (d *detector) numbers() {
	r := &reader{ts: d.ts, begins: d.begins, speaker: d.speaker, used: slices.Clone(d.used)}
	for _, one := range r.runs() {
		if rest := d.unused(one.symbols); len(rest) < len(one.symbols) {
			one = r.finish(rest)
		}
		for len(one.symbols) > 0 {
			if part, rest := one.firstTurn(d.ts); len(rest) > 0 { // what goes on with a number, or repeats of it, may be the beginning only
				if at, more, ok := d.goesOn(part); ok && !d.taken(part.symbols[0].at, part.symbols[0].at) && !d.whole(one) {
					d.onward(at, part, more)
					one = r.finish(rest)
					continue
				}
			}
			if part, rest := one.firstTurn(d.ts); len(rest) > 0 && d.inOneBreath(part) {
				one = r.finish(rest)
				continue
			}
			if a, ok := d.assembly(one, false); ok {
				if head := one.until(a.pieces[0].first); len(head) > 0 {
					if lead := r.finish(head); len(lead.symbols) > 0 {
						d.number(lead)
					}
				}
				d.putTogether(a, &d.past)
				one = r.finish(one.from(a.pieces[len(a.pieces)-1].to))
				continue
			}
			d.number(one)
			break
		}
	}
}

// inOneBreath adds what the first turn of a run says by itself: a date, or two numbers.
func (d *detector) inOneBreath(part run) bool {
	first, last := part.symbols[0].at, part.symbols[len(part.symbols)-1].at
	before := d.expects(first, last)
	return !d.taken(first, last) && (d.both(part, before) || len(part.text) > 3 && len(part.text) < 9 && d.asDate(part, before))
}

// whole says of a number that it is one by itself, whatever was said before.
func (d *detector) whole(one run) bool {
	before := d.expects(one.symbols[0].at, one.symbols[len(one.symbols)-1].at)
	return len(one.text) > 8 && len(before) > 0 && exactly(one.text, before[0])
}

func (d *detector) number(one run) {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	if d.taken(first, last) || d.amount(first, last, len(one.text)) {
		return
	}
	plus := first > 0 && d.ts[first-1].text == "plus" || strings.HasPrefix(d.ts[first].raw, "+")
	before := d.expects(first, last)
	if at, more, ok := d.goesOn(one); ok && more {
		d.onward(at, one, true)
		return
	}
	if d.ofHost(one, before) || d.expiryFirst(one, before) || d.behindCard(one, before) || d.gathers(one, before, false) {
		return
	}
	if len(one.text) == 2 && one.symbols[0].alike && !d.nothingElse(first, last) { // two digits of a code are one only where hardly anything else is said
		before = slices.DeleteFunc(before, func(n nearness) bool { return n.entity == SecurityCode })
	}
	if d.behindAccount(one) {
		d.found(SortCode, one.text, first, last+d.width(last), 0.7, "six digits behind the number of an account", false)
		return
	}
	if d.asDate(one, before) || d.both(one, before) || d.wholes(one, before) {
		return
	}
	one = shorter(one, plus)
	first = one.symbols[0].at
	e, score, why := judge(one, d.unanswered(one, before), plus)
	if end := d.ending(one, before, first); end != "" {
		e, score, why = end, 0.8, "the end of one that was asked for"
	}
	if of := partOf(before); e == CreditCard && len(one.text) < 6 && of != "" {
		e, score, why = of, 0.8, "the part of one that was asked for"
	}
	if e == "" && d.dashed(one) {
		e, score, why = SortCode, 0.6, "three pairs with lines between"
	}
	if e == "" {
		at, _, ok := d.goesOn(one)
		if !ok && d.behindSortCode(one) {
			d.found(BankAccount, one.text, d.begunBefore(first, false), last+d.width(last), 0.7, "digits behind a sort code", false)
			return
		}
		if !ok {
			d.gathers(one, before, true)
			d.tries = append(d.tries, number{text: one.text, first: first, last: last})
			return
		}
		d.onward(at, one, false)
		return
	}
	if plus && d.ts[first].turn == d.ts[max(0, first-1)].turn && d.ts[max(0, first-1)].text == "plus" {
		first--
	}
	first, last = d.stretch(e, one, first, last)
	d.found(e, one.text, d.begunBefore(first, false), last+1, score, why, e == CreditCard && len(one.text) == 4 && asPart(before))
}

// found adds a number and remembers it.
func (d *detector) found(e Entity, text string, from, to int, score float64, why string, part bool) {
	group := d.add(e, from, to, score, why)
	d.past = append(d.past, number{entity: e, text: text, first: from, last: to - 1, part: part, group: group, who: d.speaker(d.ts[from].turn)})
	d.triedBefore(d.past[len(d.past)-1])
}

// onward adds what belongs to a number before: more of it, or what is repeated.
func (d *detector) onward(at int, one run, more bool) {
	n := d.past[at]
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	to := last + d.width(last)
	d.addTo(n.group, n.entity, first, to, 0.6, "it goes on with a number before, or repeats of it")
	if more {
		n.text += one.text[overlap(n.text, one.text):]
	}
	n.first, n.last = first, to-1
	d.past = append(d.past, n)
}

// partOf is what a part was asked for of, where it was no card: "the last four of
// your account".
func partOf(before []nearness) Entity {
	of := nothing
	for _, n := range before {
		switch {
		case n.part:
			return of
		case of == nothing && !n.weak && (n.entity == BankAccount || n.entity == Phone || n.entity == NHS || n.entity == SortCode):
			of = n.entity
		case n.entity == CreditCard && !n.weak:
			return nothing
		}
	}
	return nothing
}

// asPart says that four digits of a card were asked for.
func asPart(before []nearness) bool {
	for _, n := range before {
		if n.entity == CreditCard {
			return n.part
		}
	}
	return false
}

// width is how many words a number takes: "double four" and "twenty one" are two.
func (d *detector) width(i int) int {
	t, turn := d.ts[i], d.begins[d.ts[i].turn+1]
	if t.times != 0 {
		for j := i + 1; j < min(turn, i+4); j++ {
			if x := d.ts[j]; x.isNumber() || x.letter != "" || x.alike != "" {
				return j + 1 - i
			} else if !x.filler {
				break
			}
		}
	}
	if i+1 < turn && d.ts[i+1].joined {
		if i+2 < turn && t.tens && len(d.ts[i+2].digits) == 1 && !d.ts[i+2].tens && d.ts[i+2].digits != "0" {
			return 3
		}
		return 2
	}
	if i+1 < turn && t.tens && len(d.ts[i+1].digits) == 1 && !d.ts[i+1].tens && d.ts[i+1].digits != "0" {
		return 2
	}
	return 1
}

// stretch takes in the word at either end where a digit is missing that an
// engine may have heard as something else.
func (d *detector) stretch(e Entity, one run, first, last int) (int, int) {
	last += d.width(last) - 1
	full := map[Entity][]int{CreditCard: {16, 15}, SecurityCode: {3, 4}, NHS: {10}, BankAccount: {8}, SortCode: {6}, Phone: {11, 12}}[e]
	for _, n := range full {
		if len(one.text) == n && (e != CreditCard || n == 16 || one.text[0] == '3') {
			return first, last
		}
	}
	if len(full) == 0 || len(one.text) > full[0] {
		return first, last
	}
	if i := first - 1; i >= 0 && d.ts[i].turn == d.ts[first].turn && d.missing(i) {
		first = i
	}
	if i := last + 1; i < len(d.ts) && d.ts[i].turn == d.ts[last].turn && d.missing(i) {
		last = i
	}
	return first, last
}

// missing says of a word beside a number that it may be the digit that lacks.
func (d *detector) missing(i int) bool {
	t := d.ts[i]
	return len(t.text) <= 6 && !surelyWords[t.text] && !breaks[t.text]
}

var surelyWords = set(`it's yes please thank i've is my that's from of in you because be did they're you're code number i and me as until gone um er erm uh yeah yep`)

// amount tells what is counted, not named.
func (d *detector) amount(first, last, n int) bool {
	end := last + d.width(last)
	return n < 7 && end < len(d.ts) && d.ts[end].turn == d.ts[last].turn && (amounts[d.ts[end].text] || d.ts[end].text == "point" && n < 4) ||
		n < 7 && first > 0 && d.ts[first].turn == d.ts[first-1].turn && (d.ts[first-1].text == "point" || d.ts[first-1].text == "hundred" || amounts[d.ts[first-1].text])
}

// until are the symbols of a run before a token.
func (one run) until(at int) []symbol {
	i := 0
	for i < len(one.symbols) && one.symbols[i].at < at {
		i++
	}
	return one.symbols[:i]
}

// from are the symbols of a run from a token on.
func (one run) from(at int) []symbol { return one.symbols[len(one.until(at)):] }

// unused are the symbols that are not part of a finding, from the first on.
func (d *detector) unused(syms []symbol) []symbol {
	for len(syms) > 0 && d.used[syms[0].at] {
		syms = syms[1:]
	}
	return syms
}
