package pii

import "strings"

// What a run of digits says, without what was only repeated, asked or exclaimed.

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
