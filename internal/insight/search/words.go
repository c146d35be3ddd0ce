package search

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// longestWord in runes; what is longer is no word, and is cut.
const longestWord = 40

// Words gives the words of texts that are worth searching for: folded to one
// writing, each once, sorted, without the commonest.
//
// Letters lose their case and their accents, compatible forms become one
// (NFKD), an apostrophe within a word is dropped, everything else that is no
// letter, mark or digit separates. In scripts without spaces each character is
// a word.
func Words(texts ...string) []string {
	var all []string
	for _, t := range texts {
		all = append(all, split(t)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func split(text string) []string {
	folded := cases.Fold().String(norm.NFKD.String(text))
	var words []string
	var word []rune
	end := func() {
		if w := string(word); len(word) > 0 && worth(w, len(word)) {
			words = append(words, w)
		}
		word = word[:0]
	}
	for _, r := range norm.NFKD.String(folded) {
		switch {
		case r >= 0x300 && r <= 0x36f, r == '\'', r == '’', r == '\u00ad': // accents, apostrophes, soft hyphen
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer):
			end()
			words = append(words, string(r))
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r):
			if len(word) < longestWord {
				word = append(word, r)
			}
		default:
			end()
		}
	}
	end()
	return words
}

// worth tells what is neither among the commonest nor a single letter.
func worth(w string, runes int) bool {
	if runes == 1 && !unicode.IsDigit([]rune(w)[0]) {
		return false
	}
	return !common[w]
}

// common are the words that nearly every call has. To leave them out makes the
// index a fifth smaller and takes the easiest guesses from whoever counts tokens.
var common = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		a about after again all also always am an and any anything are as at back be because been before being but by bye
		call called calling can cannot cant come could did didnt do does doesnt doing done dont down
		for from get getting give go going good goodbye got had has hasnt have havent having he hello help her here hers hi him his how
		i id if ill im in into is isnt it its ive just know last let like ll look lot make may maybe me mean might more much my
		need new no not now of off oh ok okay on one only or other our ours out over please put
		re really right s said same say see she should so some something sorry speak speaking still such sure
		t take tell than thank thanks that thats the their theirs them then there theres these they theyre thing things think this those
		time to today too two um uh up us use ve very want was wasnt way we well were weve what whats when where which who why will
		with wont would yeah yep yes you youre your yours youve`) {
		m[w] = true
	}
	return m
}()
