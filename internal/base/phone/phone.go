// Package phone reads telephone numbers as telephone systems write them, so
// that one number is one text wherever it came from: E.164 for numbers of the
// public network, extensions as they are, and nothing at all for a number that
// was withheld. Numbers are found by exact match on a blinded text, so two ways
// of writing one number must come out the same here or one is never found.
//
// Limits: without a country a national number cannot be told from another
// country's and stays as its digits. Up to six digits are taken for an
// extension or a short number (112, 999) and never for a national number.
package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Kind is what sort of number it is.
type Kind string

const (
	Public    Kind = "public"    // E.164, "+442071838750"
	Extension Kind = "extension" // of the telephone system, or a short number
	Withheld  Kind = "withheld"  // the caller asked not to show it, or none was sent
	Other     Kind = "other"     // anything else: a name, a SIP user, a number without a known country
)

// Number is a number in its one way of writing.
type Number struct {
	Text string // empty where it was withheld
	Kind Kind
}

// longestExtension is the longest run of digits taken for an extension.
const longestExtension = 6

// withheld is what telephone systems write in place of a number. RFC 3323 §4.1
// gives "anonymous"; the others come from Asterisk's and carriers' logs.
var withheld = map[string]bool{
	"": true, "anonymous": true, "unknown": true, "private": true, "withheld": true, "restricted": true,
	"unavailable": true, "blocked": true, "<unknown>": true, "no number": true, "-": true, "s": true,
}

// Read takes a number as a log, a file name or a person wrote it. The country
// (ISO 3166, "GB") is the telephone system's, for numbers in national form.
func Read(text, country string) Number {
	text = strings.TrimSpace(text)
	text = strings.TrimPrefix(strings.TrimPrefix(text, "sip:"), "tel:")
	text, _, _ = strings.Cut(text, "@")
	text, _, _ = strings.Cut(text, ";")
	if withheld[strings.ToLower(text)] {
		return Number{Kind: Withheld}
	}
	digits, clean := compact(text)
	if !clean || digits == "" {
		return Number{text, Other}
	}
	if !strings.HasPrefix(digits, "+") && len(digits) <= longestExtension {
		return Number{digits, Extension}
	}
	if strings.ContainsAny(digits, "*#") {
		return Number{digits, Other}
	}
	n, err := phonenumbers.Parse(digits, strings.ToUpper(country))
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return Number{digits, Other}
	}
	text = phonenumbers.Format(n, phonenumbers.E164)
	// Some impossible numbers lose another zero each time they are read: what is
	// not the same when read again would be indexed under several texts.
	if again, err := phonenumbers.Parse(text, ""); err != nil || phonenumbers.Format(again, phonenumbers.E164) != text {
		return Number{digits, Other}
	}
	return Number{text, Public}
}

// compact drops what people put between digits and reports whether anything
// else was there. A plus counts only in front.
func compact(s string) (digits string, clean bool) {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '*', r == '#', r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" -./()\u00a0\u202f", r):
		default:
			return s, false
		}
	}
	return b.String(), true
}

// National is the national significant number of a number in E.164: what follows
// the country's code. It is false for anything else.
func National(e164 string) (string, bool) {
	if !strings.HasPrefix(e164, "+") {
		return "", false
	}
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return "", false
	}
	return phonenumbers.GetNationalSignificantNumber(n), true
}
