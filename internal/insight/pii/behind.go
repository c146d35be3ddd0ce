package pii

import (
	"slices"
	"strings"
)

// Numbers come in company: the code behind the card, the account behind the sort
// code, two in one breath, the same one twice.

// behindCard takes three digits for the security code of the card whose number the
// same person has said before, and four for that of an American Express card; the
// date until when it is good may stand in between.
func (d *detector) behindCard(one run, before []nearness) bool {
	first, last, n := one.symbols[0].at, one.symbols[len(one.symbols)-1].at, len(one.text)
	turn, who := d.ts[first].turn, d.speaker(d.ts[first].turn)
	card, _, ok := d.past.before(first)
	amex := n == 4 && len(card.text) == 15
	if !ok || n != 3 && !amex || card.entity != CreditCard || card.lacks() > 0 || card.part || who != card.who || d.amount(first, last, n) {
		return false
	}
	since := card.last // of what belongs to the card
	if day, _, said := d.days.before(first); said && day.first > card.last && day.last-card.last < 2*onward && day.who == who && (d.ts[day.last].turn == turn || first-day.last < 15) {
		since = day.last
		before = slices.DeleteFunc(slices.Clone(before), func(c nearness) bool { return c.entity == Date })
	}
	if near := turn == d.ts[since].turn; first-since > 25 || !near && !d.nothingElse(first, last) || strings.Contains(card.text, one.text) && near && since == card.last || !amex && near && !one.byDigits() {
		return false
	}
	for _, c := range before {
		if c.entity != CreditCard && !(c.weak || c.entity == SecurityCode) && c.words < first-since {
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

// behindAccount says that the same person has just said the number of an account, and
// goes on with six digits and hardly a word.
func (d *detector) behindAccount(one run) bool {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	account, _, ok := d.past.before(first)
	return ok && len(one.text) == 6 && account.entity == BankAccount && account.lacks() == 0 && first-account.last < 30 &&
		account.who == d.speaker(d.ts[first].turn) && !strings.Contains(account.text, one.text) && d.nothingElse(first, last) && !d.talk.between(SortCode, account.last+1, first)
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
	cutAt, a, b := 0, SortCode, BankAccount
	switch {
	case n == 14 && one.pairs(3) && !Luhn(one.text) && !nobodys(before) && (len(before) == 0 || before[0].weak || before[0].words > 15):
		cutAt = 6
	case len(before) == 0:
		return false
	case (n == 14 || n > 11 && n < 16 && one.pairs(3)) && before[0].entity != IBAN && (speaksOf(before, SortCode) || speaksOf(before, BankAccount)) && (!Luhn(one.text) || !speaksOf(before, CreditCard)):
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
