package journal

import "strings"

// Code is a kind of event and what it means to the people who read the journal.
type Code struct {
	Code    string // noun first, in the past tense
	Meaning string
}

// Codes are all kinds of events, by the package that records them. A kind that
// is recorded and does not stand here fails a test.
var Codes = []Code{
	// platform/place
	{"place.created", "the place of a customer was made"},
	{"place.destroyed", "the place of a customer was removed for ever"},
	{"opening.granted", "somebody, or the program itself, was given leave to open sealed content, before it was opened"},
}

// Meaning is what a code means, or "" for one that is not known.
func Meaning(code string) string {
	for _, c := range Codes {
		if c.Code == code {
			return c.Meaning
		}
	}
	return ""
}

// under lists the codes that are meant: one by its name, or all under "noun."
func under(code string) []string {
	all := []string{code}
	if strings.HasSuffix(code, ".") {
		for _, c := range Codes {
			if strings.HasPrefix(c.Code, code) {
				all = append(all, c.Code)
			}
		}
	}
	return all
}
