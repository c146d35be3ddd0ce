package pii

import "strings"

// symbol is what one token adds to a run.
type symbol struct {
	at    int    // token
	text  string // digits, or letters
	alike bool   // it may be a word after all
}

// run is a stretch in which somebody reads out digits, or digits and letters,
// with the nods and the repeating of the other in between.
type run struct {
	symbols []symbol
	text    string // all symbols, without what was only repeated
	owner   []int  // which symbol each byte of text comes from
}

const (
	longestGap = 3 // fillers in a row within a run
	shortTurn  = 2 // words before the first digit of a turn that goes on with a run
)

// reader finds runs.
type reader struct {
	ts      []token
	begins  []int
	speaker func(turn int) string
	letters bool
	atOnce  bool   // a run ends with its turn, or where something is taken back
	used    []bool // words that are part of something else
}

// runs are those of the whole conversation.
func (r *reader) runs() (all []run) {
	for i := 0; i < len(r.ts); {
		first, ok := r.begin(i)
		if !ok {
			i++
			continue
		}
		syms, next := r.follow(first)
		i = max(next, i+1)
		if one := r.finish(syms); len(one.text) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// begin reports whether a run may start here.
func (r *reader) begin(i int) (int, bool) {
	t := r.ts[i]
	switch {
	case r.used[i]:
		return i, false
	case t.text == "oh" && i+1 < len(r.ts) && r.ts[i+1].filler:
		return i, false
	case t.isNumber(), t.times > 0 && r.symbolAt(i+1):
		return i, true
	case r.letters && t.letter != "" && !(t.text == "a" || t.text == "i"):
		return i, true
	case r.letters && t.letter != "":
		return i, i+1 < len(r.ts) && (r.ts[i+1].letter != "" || r.ts[i+1].isNumber())
	case r.letters && letterAlike[t.text] != "" && i+2 < len(r.ts) && r.ts[i+2].turn == t.turn && r.ts[i+1].letter != "" && (r.ts[i+1].text != "a" && r.ts[i+1].text != "i" || i == r.begins[t.turn]) && r.ts[i+2].isNumber(),
		r.letters && t.text == "be" && i == r.begins[t.turn] && i+1 < len(r.ts) && r.ts[i+1].isNumber():
		return i, true
	case r.letters && r.atOnce && (r.soundsSpelt(i) || units[t.text] && i+1 < len(r.ts) && r.ts[i+1].turn == t.turn && r.ts[i+1].letter != ""):
		return i, true
	case t.alike != "" && r.alikeOnly(i), homophones[t.text] && r.homophonesTo(i):
		return i, true
	case t.alike != "" && t.text != "a" && t.text != "the" && i+1 < len(r.ts) && r.ts[i+1].turn == t.turn:
		return i, r.ts[i+1].isNumber() || r.ts[i+1].times > 0 && r.symbolAt(i+2)
	}
	return i, false
}

// alikeOnly says of a turn that it is nothing but words that sound like digits.
func (r *reader) alikeOnly(i int) bool {
	n := 0
	for _, t := range r.ts[r.begins[r.ts[i].turn]:r.begins[r.ts[i].turn+1]] {
		switch {
		case t.isNumber() || t.alike != "" || t.times != 0:
			n++
		case !t.filler:
			return false
		}
	}
	return n > 1
}

// homophones are words that sound exactly like a digit, and stand in no sentence
// two in a row.
var homophones = set(`for fore won ate too tree niner`)

// homophonesTo says that two homophones lead up to a digit, or that there are three.
func (r *reader) homophonesTo(i int) bool {
	n, turn := 0, r.ts[i].turn
	for ; i < len(r.ts) && r.ts[i].turn == turn && homophones[r.ts[i].text]; i++ {
		n++
	}
	return n > 2 || n > 1 && i < len(r.ts) && r.ts[i].turn == turn && r.ts[i].isNumber()
}

func (r *reader) symbolAt(i int) bool {
	return i < len(r.ts) && (r.ts[i].isNumber() || r.ts[i].alike != "" || r.letters && r.ts[i].letter != "")
}

// follow gathers the symbols of a run and says where reading goes on.
func (r *reader) follow(i int) (syms []symbol, next int) {
	gap := 0
	for i < len(r.ts) {
		if r.atOnce && len(syms) > 0 && (r.ts[i].turn != r.ts[syms[0].at].turn || backward(r.ts[i].text) || beginsAnew[r.ts[i].text]) {
			return syms, i
		}
		if len(syms) > 0 && i > 0 && r.ts[i].turn != r.ts[i-1].turn {
			j, ok := r.across(i)
			if !ok {
				return syms, i
			}
			i, gap = j, 0
		}
		t := r.ts[i]
		n, sym := r.symbol(i)
		switch {
		case r.used[i]:
			return syms, i
		case r.letters && r.spelling(i) > 0:
			i += r.spelling(i)
		case n > 0:
			syms, gap = append(syms, sym), 0
			i += n
		case t.hundred && len(syms) > 0 && !r.letters:
			syms = append(syms, symbol{at: i, text: "00"})
			i++
		case t.filler && gap < longestGap:
			gap++
			i++
		case r.letters && len(t.text) == 4 && bankBegun(syms) && !fillers[t.text] && t.turn == r.ts[syms[len(syms)-1].at].turn: // "gb eighty two monz"
			syms, gap = append(syms, symbol{at: i, text: t.text}), 0
			i++
		case (!r.atOnce || r.letters) && gap == 0 && len(syms) >= 1 && !breaks[bare(t.text)] && r.resumes(i, len(syms)):
			gap++ // one word that was heard in place of a digit
			i++
		default:
			return syms, i
		}
	}
	return syms, i
}

// bankBegun says that an IBAN was begun, of a country that puts four letters of a
// bank behind the check digits.
func bankBegun(syms []symbol) bool {
	text := ""
	for _, s := range syms {
		if text += s.text; len(text) > 4 {
			return false
		}
	}
	return len(text) == 4 && (text[:2] == "gb" || text[:2] == "ie" || text[:2] == "nl" || text[:2] == "gi" || text[:2] == "bg") && text[2] <= '9' && text[3] <= '9'
}

// bare is a word without its 's.
func bare(x string) string { return strings.TrimSuffix(x, "'s") }

// breaks end a run: something else is read out after them.
var breaks = set(`account address and at bank branch card code cvc cvv date digits end ending ends exp expires expiry extension is issue its landline mobile month name
		number pence postcode pounds security slash sort start until valid which with`)

// resumes tells whether digits go on behind a word that is none, in the same
// turn or, where it is the last of its turn, in one that follows.
func (r *reader) resumes(i, already int) bool {
	t := r.ts[i]
	if i+1 >= len(r.ts) || monthly(t.text) || takesBack[t.text] || dots[t.text] || t.hundred || t.text == "and" {
		return false
	}
	if r.ts[i+1].turn != t.turn {
		_, on := r.across(i + 1)
		return on && already >= 2
	}
	goes := r.ts[i+1].isNumber() || r.ts[i+1].times > 0 && r.symbolAt(i+2) || r.letters && r.ts[i+1].letter != "" && already > 3
	return goes && (already >= 2 || r.begins[t.turn+1]-r.begins[t.turn] <= 4 || i+2 < len(r.ts) && r.symbolAt(i+2))
}

func monthly(x string) bool { return monthNames[x] != "" }

// symbol reads what begins at a token and says how many it takes.
func (r *reader) symbol(i int) (n int, s symbol) {
	t := r.ts[i]
	switch {
	case r.letters && t.times == 2 && i+1 < len(r.ts) && r.ts[i+1].turn == t.turn && (r.ts[i+1].text == "u" || r.ts[i+1].text == "you"):
		return 2, symbol{at: i, text: "w"}
	case t.times != 0:
		j := i + 1
		for j < len(r.ts) && j < i+3 && r.ts[j].filler && r.ts[j].turn == t.turn {
			j++
		}
		if j >= len(r.ts) || r.ts[j].turn != t.turn || r.single(j) == "" {
			return 0, s
		}
		return j + 1 - i, symbol{at: i, text: strings.Repeat(r.single(j), max(t.times, -t.times))}
	case t.tens:
		n := 1
		if i+1 < len(r.ts) && r.ts[i+1].joined {
			n = 2
		}
		if i+n < len(r.ts) && r.ts[i+n].turn == t.turn && len(r.ts[i+n].digits) == 1 && !r.ts[i+n].tens && r.ts[i+n].digits != "0" {
			return n + 1, symbol{at: i, text: t.digits + r.ts[i+n].digits}
		}
		return n, symbol{at: i, text: t.digits + "0"}
	case t.isNumber():
		return 1, symbol{at: i, text: t.digits}
	case r.letters && t.times == 0 && t.letter != "" && (len(t.text) > 1 || t.text != "o"):
		return 1, symbol{at: i, text: t.letter}
	case r.letters && t.text == "be" && i == r.begins[t.turn] && i+1 < len(r.ts) && r.ts[i+1].isNumber(): // Belgium
		return 1, symbol{at: i, text: "be"}
	case r.letters && letterAlike[t.text] != "" && (r.besideLetters(i) || i+1 < len(r.ts) && r.ts[i+1].turn == t.turn && r.ts[i+1].letter != "" && i+2 < len(r.ts) && r.ts[i+2].isNumber()):
		return 1, symbol{at: i, text: letterAlike[t.text], alike: true}
	case r.letters && r.atOnce && r.soundsSpelt(i):
		return 1, symbol{at: i, text: letterAlike[t.text], alike: true}
	case t.alike != "":
		return 1, symbol{at: i, text: t.alike, alike: true}
	}
	return 0, s
}

// soundsSpelt says that a word sounds like a letter, and stands before another or
// before a digit, or for itself.
func (r *reader) soundsSpelt(i int) bool {
	if letterAlike[r.ts[i].text] == "" {
		return false
	}
	if i+1 >= len(r.ts) || r.ts[i+1].turn != r.ts[i].turn { // nothing else is said
		return i == r.begins[r.ts[i].turn] || i == r.begins[r.ts[i].turn]+1 && r.ts[i-1].filler
	}
	next := r.ts[i+1]
	return next.isNumber() || next.letter != "" || letterAlike[next.text] != ""
}

// besideLetters says that a word stands among what is spelled: a sure letter or
// digit before it, and another, or the end, behind.
func (r *reader) besideLetters(i int) bool {
	sure := func(k int) bool {
		return k >= 0 && k < len(r.ts) && r.ts[k].turn == r.ts[i].turn && (r.ts[k].letter != "" || r.ts[k].isNumber() || letterAlike[r.ts[k].text] != "" || k > i && homophones[r.ts[k].text])
	}
	last := i+1 == len(r.ts) || r.ts[i+1].turn != r.ts[i].turn
	return sure(i-1) && (sure(i+1) || last)
}

func (r *reader) single(i int) string {
	switch t := r.ts[i]; {
	case len(t.digits) == 1 && !t.tens:
		return t.digits
	case t.digits != "" || r.letters && t.letter != "":
		return t.digits + t.letter
	default:
		return t.alike
	}
}

// spelling is "for bertie", or "as in yankee", behind a letter, and how many words it takes.
func (r *reader) spelling(i int) int {
	if i == 0 || r.ts[i-1].letter == "" || !spellers[r.ts[i].text] {
		return 0
	}
	n := 1
	if i+1 < len(r.ts) && r.ts[i+1].text == "in" {
		n = 2
	}
	if i+n < len(r.ts) && r.ts[i+n].turn == r.ts[i].turn && strings.HasPrefix(r.ts[i+n].text, r.ts[i-1].letter[:1]) && len(r.ts[i+n].text) > 1 {
		return n + 1
	}
	return 0
}

var spellers = set(`for four as like`)

// across looks past the end of a turn: somebody nods, or repeats, or goes on.
func (r *reader) across(i int) (int, bool) {
	for skipped := 0; i < len(r.ts); skipped++ {
		words := r.ts[i:r.begins[r.ts[i].turn+1]]
		if k := r.entrance(words, i); k >= 0 {
			return i + k, true
		}
		if skipped > 1 || !nodding(words) && (len(words) > 2 || announces(words)) {
			return i, false
		}
		i += len(words)
	}
	return i, false
}

// entrance is the word with which a turn goes on with a run, or -1.
func (r *reader) entrance(words []token, at int) int {
	for _, w := range words[:min(len(words), 8)] {
		if amounts[w.text] { // "three to five days" goes on with nothing
			return -1
		}
	}
	for k := 0; k < len(words) && k <= shortTurn; k++ {
		w := words[k]
		next := k+1 < len(words) && (words[k+1].isNumber() || words[k+1].times > 0 && k+2 < len(words))
		switch {
		case w.isNumber(), w.times > 0 && k+1 < len(words), r.letters && w.letter != "" && (k+1 < len(words) && w.text != "a" && w.text != "i" || len(words) <= 2 || r.symbolAt(at+k+1)):
			return k
		case w.alike != "" && len(w.text) > 1 && next:
			return k
		case k == 0 && next && len(words) <= 6 && !w.filler && !nods[w.text] && w.text != "it's" && w.text != "then" && !breaks[w.text] && !monthly(w.text):
			return 1 // a digit that was heard as something else
		case !w.filler && !nods[w.text] && w.alike == "" && w.text != "it's" && w.text != "then":
			return -1
		}
	}
	return -1
}
