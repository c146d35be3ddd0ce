package pii

import "strings"

// Clues are what can be seen of a word, and of the words and turns around it. What
// each is worth was learned from calls, and stands in learned.txt.

// sign is something that can be seen, as a text and as its hash.
type sign struct {
	text string
	hash uint64
}

func signOf(text string) sign {
	const prime = 1099511628211 // FNV-1a
	h := uint64(14695981039346656037)
	for i := 0; i < len(text); i++ {
		h = (h ^ uint64(text[i])) * prime
	}
	return sign{text, h}
}

// key is the hash of what is weighed: where something is seen, and up to two signs.
func key(where, a, b sign) uint64 {
	h := where.hash ^ a.hash*0x9e3779b97f4a7c15 ^ (b.hash<<31|b.hash>>33)*0xbf58476d1ce4e5b9
	return h ^ h>>29
}

// about is what a person is told of where a clue is seen, by how its name begins.
var about = []struct{ begins, tells string }{
	{"rule", "what the rules say of it"},
	{"asked", "what was asked before it"},
	{"before", "the words before it"},
	{"behind", "the words behind it"},
	{"call", "the same word elsewhere"},
	{"turn", "where it stands"},
	{"word", "the word itself"},
}

// Where clues are seen.
var (
	wordAny, wordKind, wordFlag, wordSelf   = signOf("word"), signOf("word-kind"), signOf("word-flag"), signOf("word-self")
	wordTail2, wordTail3, wordTail4         = signOf("word-tail2"), signOf("word-tail3"), signOf("word-tail4")
	wordLong, wordCase                      = signOf("word-long"), signOf("word-case")
	beforeOne, beforeTwo, beforeThree       = signOf("before"), signOf("before2"), signOf("before3")
	beforeSelf, beforeLike                  = signOf("before-self"), signOf("before-like")
	beforeLike2, beforeKind, beforeKind2    = signOf("before2-like"), signOf("before-kind"), signOf("before2-kind")
	beforeKinds, beforeNumber, beforeHome   = signOf("before-kinds"), signOf("before-number"), signOf("before-home")
	behindOne, behindTwo, behindSelf        = signOf("behind"), signOf("behind2"), signOf("behind-self")
	behindLike, behindKind                  = signOf("behind-like"), signOf("behind-kind")
	behindKind2, behindKinds                = signOf("behind2-kind"), signOf("behind-kinds")
	behindStreet, behindHouse               = signOf("behind-street"), signOf("behind-house")
	ruleSays, ruleWhy, ruleBefore           = signOf("rule"), signOf("rule-why"), signOf("rule-before")
	ruleBehind, callRule, callOften         = signOf("rule-behind"), signOf("call-rule"), signOf("call-often")
	askedFor, askedKind, askedAt, askedWord = signOf("asked"), signOf("asked-kind"), signOf("asked-at"), signOf("asked-word")
	askedLast, askedFirst                   = signOf("asked-last"), signOf("asked-first")
	askedHome, askedHomeAt                  = signOf("asked-home"), signOf("asked-home-at")
	turnAt, turnEnd                         = signOf("turn-at"), signOf("turn-end")
	turnLong, turnMarks                     = signOf("turn-long"), signOf("turn-marks")
)

// Signs that are no words.
var (
	nothingSeen, noSign, turnStart, turnOver = signOf(""), signOf("-"), signOf("^"), signOf("$")
	aNumber, aLetter                         = signOf("#number"), signOf("#letter")
	nameSign, townSign, unheardSign          = signOf("#name"), signOf("#town"), signOf("#unheard")
	personSign, placeSign, otherSign         = signOf("#person"), signOf("#place"), signOf("#other")
	small, capital, firstWord                = signOf("small"), signOf("capital"), signOf("first")

	countSigns = signsOf("0 1 2 3 4 5+ 8+ 14+")
	likeSigns  = signsOf("noname unheard aword aname")
	askedSigns = signsOf("nothing who where who+where number who+number where+number all") // by the bits of asking
	flagSigns  = func() (all [128]sign) {
		for i := range all {
			all[i] = signOf(string(rune(i)))
		}
		return all
	}()
)

func signsOf(texts string) (all []sign) {
	for x := range strings.FieldsSeq(texts) {
		all = append(all, signOf(x))
	}
	return all
}

// countSign makes one sign of all large numbers.
func countSign(n int) sign {
	switch {
	case n < 5:
		return countSigns[n]
	case n < 8:
		return countSigns[5]
	case n < 14:
		return countSigns[6]
	}
	return countSigns[7]
}

// flags are the lists that say more of a word than how much it looks like a name.
var flags = []struct {
	flag  byte
	words map[string]bool
}{
	{'G', givenNames},
	{'g', firstNames},
	{'F', familyNames},
	{'f', lastNames},
	{'T', townNames},
	{'t', towns},
	{'A', abroad},
	{'C', counties},
	{'S', streets},
	{'s', lesser},
	{'m', moreStreets},
	{'d', dwellings},
	{'k', kin},
	{'M', titles},
	{'R', firmTails},
	{'P', particles},
	{'H', townHeads},
	{'E', townTails},
	{'h', hardly},
	{'o', stop},
}

// kindsOf are the signs of a word on lists, by how much it looks like a name: that, and
// its flags.
var kindsOf, unflagged = func() (map[string]*[4]sign, *[4]sign) {
	flagged := map[string]string{}
	for _, f := range flags {
		for x := range f.words {
			flagged[x] += string(f.flag)
		}
	}
	all, same := map[string]*[4]sign{}, map[string]*[4]sign{}
	for x, f := range flagged {
		if same[f] == nil {
			same[f] = kindSigns(f)
		}
		all[x] = same[f]
	}
	return all, kindSigns("")
}()

func kindSigns(flags string) *[4]sign {
	var all [4]sign
	for i, like := range likeSigns {
		all[i] = signOf(like.text + "/" + flags)
	}
	return &all
}
