package pii

import (
	"regexp"
	"strings"
)

// How well a text is a number of a kind.

// fits says how well a text is a whole number of a kind: 0 is not at all.
func fits(e Entity, text string) float64 {
	n := len(text)
	switch e {
	case CreditCard:
		if usually := n == 16 && text[0] > '1' || n == 15 && text[0] == '3'; usually && Luhn(text) {
			return 3
		} else if usually {
			return 2
		}
	case NHS:
		if mod11(text) {
			return 3
		} else if n == 10 && text[0] != '0' {
			return 2
		}
	case Phone:
		switch {
		case n == 11 && text[0] == '0' && strings.IndexByte("123578", text[1]) >= 0, n == 12 && britishAbroad(text), n == 14 && text[:4] == "0044":
			return 3
		case n == 10 && text[0] == '0' && text[1] > '0' && text[1] < '3', n > 11 && n < 15 && text[:2] == "00":
			return 1.5
		}
	case NINO, Postcode, IBAN:
		return fitsSpelt(e, text)
	case SortCode, BankAccount, SecurityCode:
		if n == fullLength[e] {
			return 2
		} else if e == SecurityCode && n == 4 {
			return 1.5
		}
	}
	return 0
}

// wholeNINO is one with nothing before it and behind it.
var wholeNINO = regexp.MustCompile(`^[a-z]{2}[0-9o]{6}[a-d]$`)

// fitsSpelt is fits for what is said in letters and digits.
func fitsSpelt(e Entity, text string) float64 {
	switch e {
	case NINO:
		if wholeNINO.MatchString(text) && ninoPrefix(text) {
			return 3
		} else if wholeNINO.MatchString(text) {
			return 2
		}
	case Postcode:
		if text[1:min(2, len(text))] == "0" { // "see oh seven"
			text = text[:1] + "o" + text[2:]
		}
		if wholePostcode.MatchString(text) && postcodeAreas[strings.TrimRight(text[:2], "0123456789")] {
			return 3
		} else if wholePostcode.MatchString(text) {
			return 1.8
		}
	case IBAN:
		if len(text) > 4 && ibanLengths[text[:2]] == 0 {
			return 0
		} else if mod97(text) {
			return 4
		} else if len(text) > 4 && ibanLengths[text[:2]] == len(text) && text[2] <= '9' && text[3] <= '9' {
			return 2.5
		}
	}
	return 0
}
