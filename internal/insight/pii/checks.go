package pii

import (
	"strconv"
	"strings"
)

// Luhn reports whether the last digit agrees with the others, as on cards.
func Luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		x := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return len(d) > 1 && sum%10 == 0
}

// mod11 is the check of NHS numbers.
func mod11(d string) bool {
	if len(d) != 10 {
		return false
	}
	sum := 0
	for i := range 9 {
		sum += int(d[i]-'0') * (10 - i)
	}
	c := 11 - sum%11
	return c%11 == int(d[9]-'0') && c != 10
}

// mod97 is the check of IBANs, ISO 13616.
func mod97(s string) bool {
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		n := strconv.Itoa(int(c - '0'))
		if c >= 'a' && c <= 'z' {
			n = strconv.Itoa(int(c-'a') + 10)
		} else if c < '0' || c > '9' {
			return false
		}
		for _, x := range n {
			rest = (rest*10 + int(x-'0')) % 97
		}
	}
	return rest == 1
}

// ninoPrefix is what HMRC gives: neither D, F, I, Q, U, V in either place, no O
// in the second, and not the pairs that are set aside.
func ninoPrefix(s string) bool {
	return len(s) >= 2 && !strings.ContainsAny(s[:2], "dfiquv") && s[1] != 'o' && !strings.Contains("bg gb kn nk nt tn zz", s[:2])
}
