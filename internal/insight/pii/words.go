package pii

import (
	_ "embed"
	"slices"
	"strings"
)

// The lists that are too long for code, one kind a file, in alphabetical order.
var (
	//go:embed words/given.txt
	givenText string
	//go:embed words/family.txt
	familyText string
	//go:embed words/towns.txt
	townText string
	//go:embed words/towns-of-words.txt
	townsText string
	//go:embed words/counties.txt
	countyText string
	//go:embed words/abroad.txt
	abroadText string
	//go:embed words/common.txt
	commonText string
)

var (
	givenNames  = set(givenText)  // of all who live in the United Kingdom
	familyNames = set(familyText) //
	townNames   = set(townText)   // towns, large villages and parts of cities
	counties    = set(countyText) //
	abroad      = set(abroadText) // cities elsewhere
	commonWords = set(commonText) // what people talk of, in its first form

	// townsOfWords are the towns of several words, under the first.
	townsOfWords = sayings(townsText)
)

// sayings are the lines of a text, each as its words without apostrophes, under
// the first of them, the longest first.
func sayings(text string) map[string][][]string {
	m := map[string][][]string{}
	for line := range strings.Lines(text) {
		if words := strings.Fields(strings.ReplaceAll(line, "'", "")); len(words) > 0 {
			m[words[0]] = append(m[words[0]], words)
		}
	}
	for _, all := range m {
		slices.SortStableFunc(all, func(a, b []string) int { return len(b) - len(a) })
	}
	return m
}

// endings are what a common word may have behind it.
var endings = []string{
	"s", "es", "ed", "d", "ing", "er", "ers", "est", "ly", "y", "ful", "ness", "less", "able", "ment", "ish", "like",
	"n't", "'s", "'ll", "'ve", "'re", "'d", "s'", "in'",
}

// lostMarks are words that some engines write without their apostrophe.
var lostMarks = set(`dont doesnt didnt wont cant couldnt wouldnt shouldnt isnt arent wasnt werent hasnt havent hadnt im ive id ill youre youve youd youll hes shes
	its weve wed theyre theyve theyd theyll thats whats whos wheres hows whens theres heres lets yous dunno gonna wanna mines hers theirs summat nowt owt
	reg regs vat megs meg mbps spec specs temp temps misc admin rep reps fab defo prob hun lads lasses wean weans bairn bairns wor thru til cos cuz coz
	irish scottish welsh british english french german spanish italian polish romanian indian chinese american european african swedish dutch ukrainian
	punjabi urdu hindi bengali gujarati arabic portuguese turkish greek russian hungarian catholic muslim sikh hindu jewish christian`)

// longestWord is how long a word is at most that is looked at for its parts.
const longestWord = 32

// ordinary reports whether a word is one of everyday talk, in any of its forms,
// and so no name that nobody has heard of.
func ordinary(x string) bool {
	if len(x) > longestWord {
		return false
	}
	if commonWords[x] || lostMarks[x] || stop[x] || fillers[x] || nods[x] || amounts[x] {
		return true
	}
	for _, end := range endings {
		stem, ok := strings.CutSuffix(x, end)
		if !ok || len(stem) < 2 {
			continue
		}
		if commonWords[stem] || commonWords[stem+"e"] {
			return true
		}
		n := len(stem)
		if n > 3 && stem[n-1] == stem[n-2] && commonWords[stem[:n-1]] || stem[n-1] == 'i' && commonWords[stem[:n-1]+"y"] {
			return true
		}
		if len(stem) > 4 && end == "'s" && ordinary(stem) {
			return true
		}
	}
	for _, begin := range []string{"un", "re", "over", "non", "pre", "mis"} {
		if stem, ok := strings.CutPrefix(x, begin); ok && len(stem) > 3 && ordinary(stem) {
			return true
		}
	}
	return false
}

// compound reports whether a word is made of two common ones: "doorway", "toolshed".
func compound(x string) bool {
	if len(x) < 7 || len(x) > longestWord {
		return false
	}
	for n := 3; n <= len(x)-3; n++ {
		if commonWords[x[:n]] && (commonWords[x[n:]] || strings.HasSuffix(x, "s") && commonWords[x[n:len(x)-1]]) {
			return true
		}
	}
	return false
}
