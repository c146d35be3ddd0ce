package pii

import "strings"

// token is a word with what it may stand for.
type token struct {
	turn, word int
	text       string // lower case, without punctuation at its ends
	raw        string
	digits     string // it is surely a number, read digit by digit
	alike      string // a digit that it may have been
	tens       bool   // twenty, thirty …: a digit may follow that belongs to it
	times      int    // double: 2, treble: 3
	letter     string // letters that it spells; several where an engine writes them as one
	hundred    bool
	filler     bool
	joined     bool // the end of a number that was split in two
}

// tokens are the words of all turns in their order, and where each turn begins.
func tokens(turns []Turn) (all []token, begins []int) {
	for t, turn := range turns {
		begins = append(begins, len(all))
		for w, word := range turn.Words {
			all = append(all, read(word.Text, t, w))
		}
	}
	begins = append(begins, len(all))
	neighbours(all, begins)
	return all, begins
}

func read(raw string, turn, word int) token {
	t := token{turn: turn, word: word, raw: strings.Trim(raw, ".,?!:;\"'()")}
	t.text = strings.ToLower(t.raw)
	switch x := t.text; {
	case digitWords[x] != "":
		t.digits = digitWords[x]
	case teenWords[x] != "":
		t.digits = teenWords[x]
	case tensWords[x] != "":
		t.digits, t.tens = tensWords[x], true
	case twice[x]:
		t.times = 2
	case thrice[x]:
		t.times = 3
	case x == "hundred":
		t.hundred = true
	default:
		t.figures()
	}
	t.alike = digitAlike[t.text]
	if t.digits == "" && twiceAlike[t.text] {
		t.times = -2
	}
	t.filler = fillers[t.text] || t.text == ""
	if len(t.text) == 1 && t.text[0] >= 'a' && t.text[0] <= 'z' {
		t.letter = t.text
	} else if l := letterWords[t.text]; l != "" {
		t.letter = l
	}
	return t
}

// figures reads a word that an engine wrote in figures, or in letters and
// figures, or as several digits run together.
func (t *token) figures() {
	var digits, letters strings.Builder
	for _, c := range strings.TrimLeft(t.text, "+") {
		switch {
		case c >= '0' && c <= '9':
			digits.WriteRune(c)
		case c >= 'a' && c <= 'z':
			letters.WriteRune(c)
		case c == '-':
		default:
			return
		}
	}
	switch {
	case digits.Len() > 0 && letters.Len() == 0:
		t.digits = digits.String()
	case digits.Len() > 0 && len(t.text) <= 34 && !strings.HasSuffix(t.text, "th") && !strings.HasSuffix(t.text, "st") && !strings.HasSuffix(t.text, "nd") && !strings.HasSuffix(t.text, "rd"):
		t.letter = strings.ReplaceAll(t.text, "-", "")
	case digits.Len() > 0 && len(t.text) > 4:
		t.letter = strings.ReplaceAll(t.text, "-", "")
	case letters.Len() <= 4 && letters.Len() > 1 && t.raw == strings.ToUpper(t.raw) && !acronyms[t.text], letters.Len() == 2 && !twoLetters[t.text]:
		t.letter = t.text
	default:
		t.digits = runTogether(t.text)
	}
}

// acronyms are words in capitals that spell nothing out.
var acronyms = set(`iban nhs cvv cvc csc cv ni bic dob pin vat mot ip dns url pdf sms atm hmrc dvla gp uk usa eu swift isa paye ok tv pc usb ssid nino sim imei id vip rspb bbc itv exp ref app ltd plc po`)

// twoLetters are the words of two letters. Two letters that are none are read out.
var twoLetters = set(`ad ah aj al am an as at aw ay be bo bt by cj cm cv cy da dc de di dj do dr du ed ee eh el em en er eu ex fo ft go gp ha he hi hm ho hq hr id if ii in
		ip is it jo kg km la lb le lo ma mb mc me mg ml mm mo mr ms mu my na nd ne nhs ni no nu ny of oh oi ok on or ow ox oz pa pc pe pi pj pm po qi rd re sh
		si so sq st ta tb te th ti tj to tv ty uh uk um un up us ve vi vs vw we wi wo xl xs ya ye yo yr`)

// runTogether reads digits that were written as one word, such as fourfour.
func runTogether(x string) string {
	if len(x) < 6 {
		return ""
	}
	for n := 3; n <= 5 && n < len(x); n++ {
		first, rest := digitWords[x[:n]], x[n:]
		if first == "" {
			continue
		}
		if d := digitWords[rest]; d != "" {
			return first + d
		}
		if d := runTogether(rest); d != "" {
			return first + d
		}
	}
	return ""
}

// isNumber reports whether the token surely says a digit.
func (t token) isNumber() bool { return t.digits != "" }

// nodding reports whether a turn only keeps the other going.
func nodding(ts []token) bool {
	if len(ts) > 5 {
		return false
	}
	for _, t := range ts {
		if !nods[t.text] && !t.filler {
			return false
		}
	}
	return true
}
