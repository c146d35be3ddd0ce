package pii

import (
	"slices"
	"strings"
)

// lengths say how many digits make each kind of number plausible when it was
// asked for: engines lose digits and make some up.
var lengths = map[Entity][2]int{
	CreditCard: {4, 24}, SecurityCode: {2, 5}, SortCode: {4, 8}, BankAccount: {6, 10}, NHS: {8, 12}, Phone: {5, 14}, NINO: {5, 7},
}

// judge decides what a run of digits is. plus says that a plus was said first.
func judge(one run, before []nearness, plus bool) (Entity, float64, string) {
	d := one.text
	if nobodys(before) && !plus && !(len(d) >= 13 && Luhn(d)) {
		return "", 0, ""
	}
	if mod11(d) && (speaksOf(before, NHS) || d[0] != '0' && !plus && !nobodys(before) && !(len(before) > 0 && before[0].entity == CreditCard)) {
		return NHS, 0.99, "an NHS number was spoken of, and the check digit agrees"
	}
	for _, exact := range []bool{true, false} {
		for i, c := range before {
			if exact && !exactly(d, c) && !(i == 0 && c.entity == Phone && britishBegun(d)) || !plausible(one, c, i == 0 || i == 1 && before[0].words == c.words, plus) {
				continue
			}
			if e, score, why := settle(d, c.entity, plus); e != "" {
				return e, score - 0.02*float64(min(i, 5)), why
			}
		}
	}
	return alone(one, plus)
}

// nobodys says that what was spoken of last has numbers that are nobody's.
func nobodys(before []nearness) bool {
	return len(before) > 0 && before[0].entity == nothing && before[0].words <= 10
}

// usual are the lengths that numbers have when every digit was heard. Of two
// kinds that were spoken of, the one that fits is meant.
var usual = map[Entity][]int{CreditCard: {16}, SecurityCode: {3, 4}, SortCode: {6}, BankAccount: {8}, NHS: {10}}

func exactly(d string, c nearness) bool {
	n := len(d)
	switch {
	case c.entity == SecurityCode && c.weak:
		return n == 3
	case c.entity == CreditCard && n == 15:
		return d[0] == '3'
	}
	if c.entity == Phone {
		return n == 11 && d[0] == '0' || n == 10 && (d[0] == '0' || d[0] == '7') || n == 12 && britishAbroad(d)
	}
	return slices.Contains(usual[c.entity], n) || c.part && (n == 4 || n == 8)
}

// plausible says whether a number may be what was spoken of. What was spoken of
// last may be longer ago than what something else was spoken of after.
func plausible(one run, c nearness, last, plus bool) bool {
	d, n := one.text, len(one.text)
	limits, known := lengths[c.entity]
	patience := patience(c.entity)
	if last && exactly(d, c) {
		patience = reach
	}
	switch {
	case !known, n < limits[0], n > limits[1], c.words > patience:
		return false
	case c.entity == CreditCard && c.weak:
		return n >= 12 || (n == 8 || n == 4) && last && c.words <= 20 && one.byDigits()
	case c.entity == CreditCard && n < 12 && !last && !c.part:
		return false
	case c.weak && !exactly(d, c), c.entity == SecurityCode && c.weak && !one.byDigits():
		return false
	case c.entity == NINO && !last:
		return false
	case n >= 13 && c.entity != CreditCard:
		return c.entity == Phone && (plus || strings.HasPrefix(d, "44") || d[0] == '0')
	}
	return true
}

// byDigits says that a number was read out digit by digit, as prices are not.
func (one run) byDigits() bool {
	for _, s := range one.symbols {
		if len(s.text) == 2 && s.text[0] != s.text[1] || s.alike && len(one.symbols) < 8 {
			return false
		}
	}
	return true
}

// patience is how far away, in words, talk of an entity may be: short numbers
// need it close by.
func patience(e Entity) int {
	switch e {
	case SecurityCode:
		return 22
	case CreditCard, NHS:
		return reach
	}
	return 30
}

// settle weighs a number that was asked for.
func settle(d string, e Entity, plus bool) (Entity, float64, string) {
	n := len(d)
	phone := (d[0] == '0' || britishAbroad(d) || plus) && n >= 9 && n <= 13
	switch e {
	case CreditCard:
		if n >= 13 && n <= 19 && Luhn(d) {
			return e, 0.99, "a card was spoken of, and the check digit agrees"
		}
		if phone && n <= 12 {
			return "", 0, ""
		}
		return e, 0.85, "a card was spoken of"
	case NHS:
		if mod11(d) {
			return e, 0.99, "an NHS number was spoken of, and the check digit agrees"
		}
		if phone && n == 11 {
			return "", 0, ""
		}
	case BankAccount, SortCode:
		if phone {
			return "", 0, ""
		}
	}
	return e, 0.85, "it was asked for, and has the right length"
}

// britishBegun says that digits may be the beginning of a telephone number.
func britishBegun(d string) bool {
	return len(d) >= 5 && len(d) <= 11 && d[0] == '0' && strings.IndexByte("1237", d[1]) >= 0
}

// britishAbroad says that a number begins as one of the United Kingdom does from abroad.
func britishAbroad(d string) bool {
	return len(d) >= 11 && strings.HasPrefix(d, "44") && strings.IndexByte("12378", d[2]) >= 0
}

// alone weighs a number that nobody announced.
func alone(one run, plus bool) (Entity, float64, string) {
	d := one.text
	switch n := len(d); {
	case plus && n >= 10 && n <= 14:
		return Phone, 0.8, "an international number"
	case n >= 13 && n <= 19 && Luhn(d):
		return CreditCard, 0.95, "the check digit agrees"
	case n >= 14 && n <= 20 && one.sure() && one.byDigits():
		return CreditCard, 0.6, "as long as a card number"
	case britishAbroad(d) && n <= 13:
		return Phone, 0.7, "an international number"
	case d[0] == '0' && n >= 9 && n <= 13:
		return Phone, 0.75, "as long as a telephone number, and begins like one"
	case mod11(d):
		return NHS, 0.6, "the check digit agrees"
	case n == 16 && len(one.symbols) == 8 && one.sure():
		return CreditCard, 0.6, "as long as a card number"
	case (n == 12 || n == 13) && one.sure() && one.byDigits():
		return CreditCard, 0.5, "almost as long as a card number"
	}
	return "", 0, ""
}

// pairs says that the first symbols of a number are of two digits each.
func (one run) pairs(n int) bool {
	for i := range n {
		if i >= len(one.symbols) || len(one.symbols[i].text) != 2 || one.symbols[i].alike {
			return false
		}
	}
	return true
}

// sure says that hardly any digit of a number may be a word as well.
func (one run) sure() bool {
	alike := 0
	for _, s := range one.symbols {
		if s.alike {
			alike++
		}
	}
	return 5*alike <= len(one.symbols)
}

// numbers finds what is said in digits alone.
func (d *detector) numbers() {
	r := &reader{ts: d.ts, begins: d.begins, speaker: d.speaker, used: slices.Clone(d.used)}
	for _, one := range r.runs() {
		for len(one.symbols) > 0 {
			if part, rest := one.firstTurn(d.ts); len(rest) > 0 { // what goes on with a number, or repeats of it, may be the beginning only
				if at, more, ok := d.goesOn(part); ok && !d.taken(part.symbols[0].at, part.symbols[0].at) && !d.whole(one) {
					d.onward(at, part, more)
					one = r.finish(rest)
					continue
				}
			}
			d.number(one)
			break
		}
	}
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
	if d.asDate(one, before) || d.both(one, before) || d.wholes(one, before) {
		return
	}
	one = shorter(one, plus)
	first = one.symbols[0].at
	e, score, why := judge(one, d.unanswered(one, before), plus)
	if end := d.ending(one, before, first); end != "" {
		e, score, why = end, 0.8, "the end of one that was asked for"
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

// behindCard takes three digits for the security code of the card whose number the
// same person has said before, and four for that of an American Express card.
func (d *detector) behindCard(one run, before []nearness) bool {
	first, last, n := one.symbols[0].at, one.symbols[len(one.symbols)-1].at, len(one.text)
	card, _, ok := d.past.before(first)
	amex := n == 4 && len(card.text) == 15
	if !ok || n != 3 && !amex || card.entity != CreditCard || card.lacks() > 0 || card.part || first-card.last > 25 || d.speaker(d.ts[first].turn) != card.who {
		return false
	}
	turn := d.ts[first].turn
	if turn != d.ts[card.last].turn && !d.nothingElse(first, last) || strings.Contains(card.text, one.text) && turn == d.ts[card.last].turn ||
		d.amount(first, last, n) || !amex && turn == d.ts[card.last].turn && !one.byDigits() {
		return false
	}
	for _, c := range before {
		if c.entity != CreditCard && !(c.weak || c.entity == SecurityCode) && c.words < first-card.last {
			return false
		}
	}
	d.found(SecurityCode, one.text, first, last+d.width(last), 0.7, "a few digits behind the number of a card", false)
	return true
}

// dashed says that a number is three pairs of digits with lines between, and no date.
func (d *detector) dashed(one run) bool {
	if len(one.text) != 6 || one.text[:2] < "32" && one.text[2:4] < "13" {
		return false
	}
	lines := 0
	for i := one.symbols[0].at; i <= one.symbols[len(one.symbols)-1].at; i++ {
		if dividers[d.at(i)] && d.at(i) != "then" && d.at(i) != "and" && d.dot(i) == 0 {
			lines++
		}
	}
	return lines == 2 || len(one.symbols) == 1 && strings.Count(d.ts[one.symbols[0].at].raw, "-") == 2
}

// behindSortCode says that the same person has just said a sort code, and goes on
// with the digits of the account.
func (d *detector) behindSortCode(one run) bool {
	first, n := one.symbols[0].at, len(one.text)
	code, _, ok := d.past.before(first)
	return ok && (n == 8 || n > 3 && n < 8 && one.byDigits()) && code.entity == SortCode && code.lacks() == 0 && first-code.last < 30 &&
		code.who == d.speaker(d.ts[first].turn) && !d.talk.between(BankAccount, code.last+1, first)
}

// expiryFirst takes a month and a year for the expiry of a card where expiry and
// security code were asked for in one breath.
func (d *detector) expiryFirst(one run, before []nearness) bool {
	if len(before) < 2 || !(before[0].entity == SecurityCode && before[1].entity == Date && before[1].words-before[0].words <= 5) || !monthAndYear(one.text) {
		return false
	}
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	for i := first - 1; i >= 0 && i > first-10; i-- {
		if d.used[i] { // one of the two was said already
			return false
		}
	}
	d.found(Date, one.text, first, last+d.width(last), 0.8, "a date was asked for", false)
	return true
}

// behindWhole says that the whole number of a card was said before.
func (d *detector) behindWhole(one run) bool {
	card, _, ok := d.past.before(one.symbols[0].at)
	return ok && card.entity == CreditCard && card.lacks() <= 1 && !card.part
}

// monthAndYear says that digits may be the month and year in which a card expires.
func monthAndYear(d string) bool {
	if len(d) == 3 {
		d = "0" + d
	}
	return len(d) == 4 && d[:2] >= "01" && d[:2] <= "12" && d[2:] >= "20" && d[2:] <= "45"
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

// unanswered leaves out what was spoken of before a number that answers to it: who
// has said the sort code says the account next.
func (d *detector) unanswered(one run, before []nearness) []nearness {
	first := one.symbols[0].at
	old, _, ok := d.past.before(first)
	if !ok || old.entity != SortCode && old.entity != BankAccount || old.lacks() > 0 || old.who != d.speaker(d.ts[first].turn) || d.at(first-1) == "no" || d.ts[first-1].filler {
		return before
	}
	said := d.talk.before[first] - d.talk.before[old.last+1]
	return slices.DeleteFunc(slices.Clone(before), func(c nearness) bool {
		return c.entity == old.entity && c.words > said && len(one.text) != len(old.text) || c.entity == SortCode && old.entity == SortCode && c.words > said && one.text != old.text && len(one.text) == 6
	})
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

// wholes takes apart what was said in several turns, each of which says a whole
// number: a code that is corrected, or said again because nobody heard it.
func (d *detector) wholes(one run, before []nearness) bool {
	if len(before) == 0 || slices.Contains(usual[before[0].entity], len(one.text)) {
		return false
	}
	e := before[0].entity
	var parts [][]symbol
	for i, s := range one.symbols {
		if i == 0 || d.ts[s.at].turn != d.ts[one.symbols[i-1].at].turn {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], s)
	}
	if len(parts) < 2 {
		return false
	}
	for _, p := range parts {
		if !slices.Contains(usual[e], textOf(p)) {
			return false
		}
	}
	for _, p := range parts {
		last := p[len(p)-1].at
		text := ""
		for _, s := range p {
			text += s.text
		}
		d.found(e, text, p[0].at, last+d.width(last), 0.8, "it was asked for, and has the right length", false)
	}
	return true
}

func textOf(p []symbol) (n int) {
	for _, s := range p {
		n += len(s.text)
	}
	return n
}

// both takes apart what was read in one breath: sort code and account, or card
// and security code.
func (d *detector) both(one run, before []nearness) bool {
	n := len(one.text)
	if len(before) == 0 {
		return false
	}
	cutAt, a, b := 0, SortCode, BankAccount
	switch {
	case (n == 14 || n > 11 && n < 16 && one.pairs(3)) && before[0].entity != IBAN && speaksOf(before, SortCode) && speaksOf(before, BankAccount) && (!Luhn(one.text) || !speaksOf(before, CreditCard)):
		cutAt = 6
	case n == 7 && speaksOf(before, Date) && monthAndYear(one.text[:4]) && one.text[0] <= '1' && d.behindWhole(one):
		cutAt, a, b = 4, Date, SecurityCode
	case n == 19 && speaksOf(before, SecurityCode) && Luhn(one.text[:16]) && !Luhn(one.text):
		cutAt, a, b = 16, CreditCard, SecurityCode
	default:
		return false
	}
	k := one.owner[cutAt]
	if k == one.owner[cutAt-1] {
		return false
	}
	d.add(a, one.symbols[0].at, one.symbols[k-1].at+d.width(one.symbols[k-1].at), 0.85, "two numbers read one after the other")
	d.add(b, one.symbols[k].at, one.symbols[len(one.symbols)-1].at+d.width(one.symbols[len(one.symbols)-1].at), 0.85, "two numbers read one after the other")
	return true
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

var surelyWords = set(`it's yes please thank i've is my that's from of in my you because be did they're you're code number i and me as did until gone um er erm uh yeah yep`)

// amount tells what is counted, not named.
func (d *detector) amount(first, last, n int) bool {
	end := last + d.width(last)
	return n < 7 && end < len(d.ts) && d.ts[end].turn == d.ts[last].turn && (amounts[d.ts[end].text] || d.ts[end].text == "point" && n < 4) ||
		n < 7 && first > 0 && d.ts[first].turn == d.ts[first-1].turn && (d.ts[first-1].text == "point" || d.ts[first-1].text == "hundred" || amounts[d.ts[first-1].text])
}
