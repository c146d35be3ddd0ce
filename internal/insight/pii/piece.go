package pii

import (
	"cmp"
	"slices"
	"strings"
)

// piece is what somebody reads out at one go: digits, or letters and digits, of one
// turn, without a word in between that takes back what was said.
type piece struct {
	first, to int // tokens, to not among them
	text      string
	others    []reading // what else it may say
	turn      int
	who       string
	again     bool // something was taken back before it
	alike     bool // it is only words that sound like digits
	talk      bool // its turn says more than that
}

// anew are words that take back what was said, or begin it again.
var (
	takesBackToo = set(`naw nah nope oops whoops scrap correction rather mean or`)
	beginsAnew   = set(`so well right yeah yep okay ok yes aye sorry`)
)

func backward(x string) bool { return takesBack[x] || takesBackToo[x] }

// pieces are those that begin in some tokens.
func (d *detector) pieces(from, to int, letters bool) (all []piece) {
	r := &reader{ts: d.ts, begins: d.begins, speaker: d.speaker, letters: letters, used: d.used, atOnce: true}
	again := false
	for i := from; i < to; {
		again = again || backward(d.at(i))
		first, ok := r.begin(i)
		if !ok || letters && d.talk.names(i) {
			i++
			continue
		}
		syms, next := r.follow(first)
		i = max(next, i+1)
		one := r.finish(syms)
		if letters && len(syms) == 1 && len(one.text) == 0 && r.soundsSpelt(first) {
			one = run{symbols: syms, text: syms[0].text}
		}
		if len(one.text) == 0 {
			continue
		}
		a, b := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
		if end := d.spelledOut(b + d.width(b)); !d.amount(a, b, len(one.text)) {
			all = append(all, piece{a, end, one.text, d.others(one), d.ts[a].turn, d.speaker(d.ts[a].turn), again, allAlike(one.symbols), d.inTalk(a, end, len(one.text))})
			i = max(i, end)
		}
		again = false
	}
	return all
}

// others are what else some symbols may say: a word that only sounds like one, tens
// and a digit that are two numbers, a beginning that is said again.
func (d *detector) others(one run) (out []reading) {
	if len(one.text) > longestText { // it is no number as it is
		return nil
	}
	texts := make([]string, len(one.symbols))
	for i, s := range one.symbols {
		texts[i] = s.text
	}
	add := func(cost float64, parts ...[]string) {
		if text := strings.Join(slices.Concat(parts...), ""); text != "" && text != one.text && len(out) < 12 {
			out = append(out, reading{text: text, cost: cost})
		}
	}
	for i, s := range one.symbols {
		x := d.at(s.at)
		switch {
		case s.alike && i == 0:
			add(0.2, texts[1:])
		case s.alike, i+1 == len(texts) && i > 0 && (x == "i" || x == "a"):
			add(0.5, texts[:i], texts[i+1:])
		case x == "oh" && d.asideAt(s.at+1):
			add(0.4, texts[:i], texts[i+1:])
		case i+2 == len(texts) && x == "oh" && d.at(one.symbols[i+1].at) == "i":
			add(0.5, texts[:i])
		case d.ts[s.at].tens && len(s.text) == 2 && s.text[1] != '0':
			add(0.5, texts[:i], []string{s.text[:1] + "0" + s.text[1:]}, texts[i+1:])
		}
		for k := i + 1; k < min(len(texts), i+4); k++ {
			if texts[k] == s.text && (len(s.text) > 1 || texts[k][0] > '9' || k > i+1 && slices.ContainsFunc(texts[i:k], lettered)) {
				add(0.6, texts[:i], texts[k:])
			}
		}
	}
	return out
}

// asideAt says that a word at a token is of a sentence.
func (d *detector) asideAt(i int) bool {
	return i < len(d.ts) && d.ts[i].turn == d.ts[i-1].turn && !d.ts[i].says() && d.ts[i].letter == "" && !d.ts[i].filler && !nods[d.at(i)]
}

func lettered(x string) bool { return x[0] > '9' }

// spelledOut goes on over what only spells out the letter before a token: "for bertie".
func (d *detector) spelledOut(i int) int {
	r := &reader{ts: d.ts, begins: d.begins}
	if i > 0 && i < len(d.ts) && d.ts[i].turn == d.ts[i-1].turn {
		i += r.spelling(i)
	}
	return i
}

// inTalk says that a piece stands among other words; of one digit one beside it will do.
func (d *detector) inTalk(first, to, n int) bool {
	word := func(i int) bool {
		return i >= d.begins[d.ts[first].turn] && i < d.begins[d.ts[first].turn+1] && !d.ts[i].isNumber() && d.ts[i].times == 0 && d.ts[i].letter == "" && !d.ts[i].filler && !nods[d.at(i)] && !backward(d.at(i))
	}
	if n > 1 {
		return !d.nothingElse(first, to-1)
	}
	return word(first-1) || word(to) || d.at(first-1) == "is" || d.at(first-1) == "that"
}

func allAlike(syms []symbol) bool {
	for _, s := range syms {
		if !s.alike {
			return false
		}
	}
	return true
}

// reading is what was said of a number up to some piece, as one may understand it.
type reading struct {
	text string
	cost float64 // how far the understanding strays from what people do
	out  uint32  // the pieces that are no part of it, a bit each
}

// readings are all that are worth following, at most so many.
const manyReadings = 40

// goOn are the ways to understand a piece behind what was read, as the piece of a
// number with a place in it. prev is the piece before, giver is who says the number,
// last what the giver said before; asked says that the number was asked for once more in between.
func (r reading) goOn(place int, p, prev, last piece, giver string, asked bool) (out []reading) {
	for _, o := range p.others {
		q := p
		q.text, q.others = o.text, nil
		for _, more := range r.goOn(place, q, prev, last, giver, asked) {
			more.cost += o.cost
			out = append(out, more)
		}
	}
	other := p.who != giver || p.who == "" && p.turn != last.turn
	n, add := len(p.text), func(text string, cost float64) {
		out = append(out, reading{text, r.cost + cost, r.out})
	}
	told, heard := alikeText(r.text), alikeText(p.text)
	switch { // it is said again
	case strings.Contains(told, heard) && (n > 1 && (other || p.again || n > 2) || other && !p.talk && p.turn == prev.turn):
		cost := 0.6
		if other || p.again {
			cost = 0
		}
		add(r.text, cost)
	case n < 3 && (other || p.again || n == 1 && p.talk): // it speaks of something else, or of what was wrong
		cost := 0.5
		if p.who == "" && !p.talk {
			cost = 1
		}
		out = append(out, reading{r.text, r.cost + cost, r.out | 1<<place})
	case other && n > 2 && (similar(last.text, p.text) || len(told) >= n && similar(told[len(told)-n:], heard) || similar(told, heard) || n > 5 && swapped(told, heard)):
		add(r.text, 0.5)
	}
	switch {
	case n == 1 && p.talk && other:
	case n == 1 && p.talk && heard[0] > '9':
		add(r.text+p.text, 0.6)
	case asked || n == 1 && p.talk:
		add(r.text+p.text, 1)
	case p.who == giver && n > 2 && len(told) > 2 && strings.HasPrefix(heard, told[:3]):
		add(r.text+p.text, 0.8)
	case p.who == giver && p.again:
		add(r.text+p.text, 0.3)
	case p.who == giver && n > 2 && p.turn != last.turn && strings.Contains(told, heard):
		add(r.text+p.text, 0.4)
	case p.who == giver:
		add(r.text+p.text, 0)
	case n > 1 && !p.talk && !strings.Contains(told, heard):
		add(r.text+p.text, 1.5)
	}
	if k := overlap(told, heard); k > 1 && k < n {
		add(r.text+p.text[k:], 0.7)
	} else if n > 1 && heard[n-1] > '9' && told[len(told)-1] == heard[0] {
		add(r.text+p.text[1:], 0.7)
	}
	if n == 2 && r.text[0] <= '9' && heard[0] > '9' && heard[1] > '9' { // "and the first two letters"
		add(p.text+r.text, 0.7)
	}
	if k := min(3, len(told)); n > 2 && k > 1 && strings.HasPrefix(heard, told[:k]) { // it is begun again
		add(p.text, 0.6)
	} else if p.again && n > 2 {
		add(p.text, 1)
	}
	if p.again && p.who == giver && (n > 1 || !p.talk) { // its end is put right
		for k := 1; k < len(told) && k <= max(5, len(last.text)); k++ {
			switch cut := r.text[:len(told)-k]; {
			case told[len(cut)] == heard[0], k == len(last.text), k == n:
				add(cut+p.text, 0.3)
			case k < 4:
				add(cut+p.text, 0.6)
			}
		}
	}
	return out
}

// swapped says that two of as many digits begin and go on alike.
func swapped(a, b string) bool {
	wrong := 0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			wrong++
		}
	}
	return len(a) == len(b) && wrong < 3
}

// best leaves of some readings the likeliest for each text.
func best(all []reading, longest int) (out []reading) {
	at := map[string]int{}
	for _, r := range all {
		if len(r.text) > longest {
			continue
		}
		if i, ok := at[r.text]; !ok {
			at[r.text] = len(out)
			out = append(out, r)
		} else if r.cost < out[i].cost {
			out[i] = r
		}
	}
	slices.SortStableFunc(out, func(a, b reading) int { return cmp.Compare(a.cost, b.cost) })
	if len(out) > manyReadings {
		out = out[:manyReadings]
	}
	return out
}
