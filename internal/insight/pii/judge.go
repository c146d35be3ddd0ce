package pii

import (
	"slices"
	"strings"
)

// What a run of digits is, by what was spoken of and by its own shape.

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
