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
		case gap == 0 && len(syms) >= 1 && !breaks[bare(t.text)] && r.resumes(i, len(syms)):
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
var breaks = set(`number code account expiry date card postcode pounds pence at address month name sort and security slash cvv cvc digits branch bank expires exp valid ending ends until postcode mobile landline extension is its which with
	start end issue`)

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
	case t.alike != "":
		return 1, symbol{at: i, text: t.alike, alike: true}
	}
	return 0, s
}

// besideLetters says that a word stands among what is spelled: a sure letter or
// digit before it, and another, or the end, behind.
func (r *reader) besideLetters(i int) bool {
	sure := func(k int) bool {
		return k >= 0 && k < len(r.ts) && r.ts[k].turn == r.ts[i].turn && (r.ts[k].letter != "" || r.ts[k].isNumber() || letterAlike[r.ts[k].text] != "")
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

// finish leaves out of the text what was only repeated, and words at the ends
// that are likelier to be words.
func (r *reader) finish(syms []symbol) run {
	for len(syms) > 0 && syms[0].alike && len(r.ts[syms[0].at].text) < 4 && len(syms) == 1 {
		syms = syms[1:]
	}
	for len(syms) > 0 && syms[len(syms)-1].alike && loose[r.ts[syms[len(syms)-1].at].text] && !r.lonely(syms) {
		syms = syms[:len(syms)-1]
	}
	syms = r.withoutQuestion(r.withoutSurprise(syms))
	out := run{symbols: syms}
	last, lastWho, echoed := "", "", false
	for i := 0; i < len(syms); {
		j, part := i, ""
		turn := r.ts[syms[i].at].turn
		for ; j < len(syms) && r.ts[syms[j].at].turn == turn; j++ {
			part += syms[j].text
		}
		who := r.speaker(turn)
		if last != "" && len(part) >= 2 && (who != lastWho || who == "") && similar(last, part) ||
			who != lastWho && len(part) >= 3 && strings.Contains(alikeText(out.text), alikeText(part)) ||
			r.letters && who != lastWho && len(part) == 2 && len(out.text) > 4 && part[0] > '9' && strings.HasSuffix(out.text, part) ||
			echoed && len(part) >= 2 && len(out.text) >= 6 && strings.HasSuffix(out.text, part) {
			i, echoed = j, true
			continue
		}
		echoed = false
		if len(out.text) >= 2 && out.text == last && who != lastWho && len(part) > len(last) && strings.HasPrefix(part, last) { // it was begun for them
			out.text, out.owner = "", nil
		}
		for k := i; k < j; k++ {
			out.text += syms[k].text
			for range len(syms[k].text) {
				out.owner = append(out.owner, k)
			}
		}
		last, lastWho = part, who
		i = j
	}
	return out
}

// firstTurn is the part of a run that its first turn says, and what is left.
func (one run) firstTurn(ts []token) (part run, rest []symbol) {
	n := 1
	for n < len(one.symbols) && ts[one.symbols[n].at].turn == ts[one.symbols[0].at].turn {
		n++
	}
	part.symbols = one.symbols[:n]
	for i, s := range part.symbols {
		part.text += s.text
		for range len(s.text) {
			part.owner = append(part.owner, i)
		}
	}
	return part, one.symbols[n:]
}

// withoutSurprise leaves out a turn at the beginning that says "oh", and nothing else that is surely a digit.
func (r *reader) withoutSurprise(syms []symbol) []symbol {
	n := 0
	for n < len(syms) && r.ts[syms[n].at].turn == r.ts[syms[0].at].turn {
		if s := syms[n]; !s.alike && r.ts[s.at].text != "oh" {
			return syms
		}
		n++
	}
	if n < len(syms) && n <= 2 && r.ts[syms[0].at].text == "oh" {
		return syms[n:]
	}
	return syms
}

// withoutQuestion leaves out one digit at either end that the other said in a
// sentence of theirs: it asks for the number, or speaks of it.
func (r *reader) withoutQuestion(syms []symbol) []symbol {
	part := func(of, step int) (n int) {
		for i := of; i >= 0 && i < len(syms) && r.ts[syms[i].at].turn == r.ts[syms[of].at].turn; i += step {
			n++
		}
		return n
	}
	sentence := func(of, n, beside int) bool {
		turn := r.ts[syms[of].at].turn
		who, other := r.speaker(turn), r.speaker(r.ts[syms[beside].at].turn)
		return who != other && r.begins[turn+1]-r.begins[turn] > n+1
	}
	if n := part(0, 1); n == 1 && n < len(syms) && len(syms[0].text) < 3 && sentence(0, n, n) {
		syms = syms[n:]
	}
	if last := len(syms) - 1; last > 0 {
		if n := part(last, -1); n <= 2 && n <= last && (n == 1 || syms[last].alike || syms[last-1].alike) && len(syms[last].text) < 3 && sentence(last, n, last-n) {
			syms = syms[:len(syms)-n]
		}
	}
	return syms
}

// announces says of a turn that it names what is read out next.
func announces(words []token) bool {
	for _, w := range words {
		if breaks[bare(w.text)] || bare(w.text) == "back" {
			return true
		}
	}
	return false
}

// loose are words that are seldom a digit at the end of a number.
var loose = set(`a the to for do fine mine night line far too`)

// lonely says that a number stands at the very end of a turn of its own, so
// that what sounds like a digit there is one.
func (r *reader) lonely(syms []symbol) bool {
	last := syms[len(syms)-1].at
	return last+1 == len(r.ts) || r.ts[last+1].turn != r.ts[last].turn
}

// similar tells a repetition, one digit misheard allowed.
func similar(a, b string) bool {
	if len(a) < 3 || len(b) < 3 {
		return a == b || len(a)+len(b) == 5 && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}
