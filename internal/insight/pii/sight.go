package pii

import (
	"slices"
	"strconv"
	"strings"
)

// sight is the conversation as the clues to numbers and addresses show it, after the
// rules have spoken.
type sight struct {
	*namer
	words, shapes []sign
	mark          []byte // '.', '@' or '/' of words that are said for it
	class         []int8 // which of classSigns
	rule, why     []sign // what the rules found, and why
	entity        []int  // the reading that the rules would have
	group         []int  // of what the rules found
	run           []int  // which stretch a word is part of, -1: none
	offset        []int  // how much of its stretch is said before a word
	runs          []stretch
	recent        []recent // what was spoken of before each mention
	had           []bool   // kinds that were found in the turns before
	past          history  // what was found in the turns before
	reader        reader
}

// stretch is what is said in digits and letters within a turn.
type stretch struct {
	from, to          int
	text              string
	long, begin, good sign // how long it is, how it begins, and what its check digits agree with
	rule              sign
	again             sign // what the rules found of the same elsewhere
}

// recent are what was spoken of last, the last first, and where.
type recent struct {
	at   [3]int // the word behind it
	what [3]sign
}

// What a word is for a number or an address.
const (
	aSaying int8 = iota // any other word
	aDigit
	aSpelt
	aMark
	aPause
	aMonth
	classes = iota
)

var classSigns = signsOf("word digit letter mark pause month")

func newSight(n *namer) *sight {
	size := len(n.ts)
	all := make([]sign, 4*size)
	s := &sight{
		namer: n, words: all[:size], shapes: all[size : 2*size], rule: all[2*size : 3*size], why: all[3*size:],
		class: make([]int8, size), mark: make([]byte, size), had: make([]bool, len(figures)), group: make([]int, size), entity: make([]int, size), run: make([]int, size), offset: make([]int, size),
		reader: reader{ts: n.ts, begins: n.begins, speaker: n.speaker, letters: true},
	}
	for i := range n.ts {
		s.rule[i], s.why[i], s.run[i] = noSign, noSign, -1
		s.look(i)
	}
	for _, f := range n.spans {
		rule, why := entitySigns[f.Entity], signOf(f.Why)
		for i := n.begins[f.Turn] + f.From; i < n.begins[f.Turn]+f.To; i++ {
			s.rule[i], s.why[i], s.group[i], s.entity[i] = rule, why, f.Group, slices.Index(figures, f.Entity)+1
		}
	}
	for turn := range n.turns {
		s.stretches(n.begins[turn], n.begins[turn+1])
	}
	for k := range s.runs {
		s.runs[k].again = s.elsewhere(k)
	}
	var r recent
	for _, m := range n.talk.said {
		if m.list.entity == hidden {
			continue
		}
		what := m.list.sign()
		if k := slices.Index(r.what[:], what); k >= 0 {
			copy(r.what[1:k+1], r.what[:k])
			copy(r.at[1:k+1], r.at[:k])
		} else {
			copy(r.what[1:], r.what[:2])
			copy(r.at[1:], r.at[:2])
		}
		r.what[0], r.at[0] = what, m.to
		s.recent = append(s.recent, r)
	}
	return s
}

const alongside = 12 // stretches before and behind one in which the same is looked for

// elsewhere is what the rules found where the same is said in another turn.
func (s *sight) elsewhere(k int) sign {
	r := s.runs[k]
	if len(r.text) < 2 {
		return noSign
	}
	for far := 1; far <= alongside; far++ {
		for _, j := range []int{k - far, k + far} {
			if j >= 0 && j < len(s.runs) && s.runs[j].rule != noSign && s.ts[s.runs[j].from].turn != s.ts[r.from].turn && (strings.Contains(s.runs[j].text, r.text) || len(s.runs[j].text) > 2 && strings.Contains(r.text, s.runs[j].text)) {
				return s.runs[j].rule
			}
		}
	}
	return noSign
}

// entitySigns are the kinds of findings.
var entitySigns = func() map[Entity]sign {
	m := map[Entity]sign{nothing: signOf("nobody's")}
	for _, e := range Entities() {
		m[e] = signOf(string(e))
	}
	return m
}()

// sign is what a cue speaks of.
func (c *cueList) sign() sign {
	x := entitySigns[c.entity].text
	switch {
	case c.weak:
		x += "?"
	case c.part:
		x += "/"
	case c.version:
		x += "."
	}
	return signOf(x)
}

// numberShapes are numbers by how many digits they have.
var numberShapes = func() (all [40]sign) {
	for k := range all {
		all[k] = signOf("#" + strconv.Itoa(k))
	}
	return all
}()

func numberShape(digits int) sign { return numberShapes[min(digits, len(numberShapes)-1)] }

var (
	zeroShape, digitShape, teenShape, tensShape = signOf("#zero"), signOf("#digit"), signOf("#teen"), signOf("#tens")
	timesShape, hundredShape, letterShape       = signOf("#times"), signOf("#hundred"), signOf("#letter")
	monthShape, ordinalShape, pauseShape        = signOf("#month"), signOf("#ordinal"), signOf("#pause")
	alikeShape, wordShape, longName             = signOf("#alike"), signOf("#word"), signOf("#longname")
)

// look notes what is seen of one word by itself.
func (s *sight) look(i int) {
	t := s.ts[i]
	word, shape, class := sign{}, wordShape, aSaying
	switch {
	case t.isNumber() && t.text[0] <= '9':
		shape, class = numberShape(len(t.digits)), aDigit
		word = shape
	case t.digits == "0":
		shape, class = zeroShape, aDigit
		word = signOf(t.text)
	case t.tens:
		shape, class, word = tensShape, aDigit, tensShape
	case len(t.digits) == 2:
		shape, class, word = teenShape, aDigit, teenShape
	case t.isNumber():
		shape, class, word = digitShape, aDigit, digitShape
	case t.times != 0:
		shape, class, word = timesShape, aDigit, timesShape
	case t.hundred, t.text == "thousand":
		shape, class, word = hundredShape, aDigit, signOf(t.text)
	case len(t.text) == 1 && t.letter != "" && t.text != "i" && t.text != "a" && t.text != "o":
		shape, class, word = letterShape, aSpelt, letterShape
	case len(t.text) > 1 && t.letter != "" && letterWords[t.text] == "":
		shape, class = signOf(pattern(t.letter)), aSpelt
		word = shape
	case t.filler && t.text != "dash" && t.text != "hyphen":
		shape, class, word = pauseShape, aPause, signOf(t.text)
	case dots[t.text] || separators[t.text] || t.text == "at" || t.text == "slash" || t.text == "stroke" || t.text == "colon" || t.text == "stop" || t.text == "forward" || strings.Contains(t.text, "@") || strings.Contains(t.text, "."):
		shape, class = signOf("#"+mark1(t.text)), aMark
		word = shape
	case monthNames[t.text] != "":
		shape, class, word = monthShape, aMonth, monthShape
	case ordinalWords[t.text] || dayFigures.MatchString(t.text):
		shape, class, word = ordinalShape, aMonth, ordinalShape
	case t.alike != "" || t.letter != "":
		shape, word = alikeShape, signOf(t.text)
	default:
		switch {
		case s.like[i] == aName:
			word = nameSign
		case townNames[t.text] && s.like[i] != aWord:
			word = townSign
		case s.like[i] == unheard:
			word = unheardSign
			if len(t.text) > 9 {
				word = longName
			}
		default:
			word = signOf(s.bare[i])
		}
		if webEnds[t.text] {
			shape = signOf("#end")
		} else if wordEnds[t.text] {
			shape = signOf("#wordend")
		} else if mailHosts[t.text] {
			shape = signOf("#host")
		} else if s.like[i] >= unheard {
			shape = word
		} else if stop[t.text] {
			shape = signOf("#stop")
		} else if nods[t.text] {
			shape = signOf("#nod")
		}
	}
	s.words[i], s.shapes[i], s.class[i] = word, shape, class
	switch {
	case dots[t.text]:
		s.mark[i] = '.'
	case t.text == "at":
		s.mark[i] = '@'
	case isSlash(t.text):
		s.mark[i] = '/'
	}
}

// mark1 is a mark as it is said, or what is written with marks.
func mark1(x string) string {
	switch {
	case strings.Contains(x, "@"):
		return "mail"
	case strings.Contains(x, ".") && len(x) > 1:
		if strings.Trim(x, "0123456789.") == "" {
			return "dotted"
		}
		return "domain"
	}
	return x
}

// pattern is a text with its letters and digits made alike.
func pattern(text string) string {
	if len(text) > 10 {
		return "longer"
	}
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return '9'
		}
		return 'x'
	}, text)
}

// stretches notes the stretches of a turn that are said in digits and letters.
func (s *sight) stretches(from, to int) {
	sure := func(i int) bool {
		return i >= from && i < to && (s.class[i] == aDigit || s.class[i] == aSpelt)
	}
	part := func(i int) bool {
		t := s.ts[i]
		return sure(i) || (t.alike != "" || t.letter != "" || letterAlike[t.text] != "") && (sure(i-1) || sure(i+1))
	}
	for i := from; i < to; i++ {
		if !part(i) {
			continue
		}
		end, text := i+1, ""
		for k := i; k < to && k < end+3; k++ {
			if part(k) {
				end = k + 1
			} else if !s.ts[k].filler && s.reader.spelling(k) == 0 && !dividers[s.ts[k].text] {
				break
			}
		}
		for k := i; k < end; {
			n, sym := s.reader.symbol(k)
			for range max(n, 1) {
				s.offset[min(k, to-1)] = len(text)
				k++
			}
			text += sym.text
		}
		r := stretch{from: i, to: end, text: text, rule: noSign}
		r.measure()
		for k := i; k < end; k++ {
			s.run[k] = len(s.runs)
			if s.rule[k] != noSign {
				r.rule = s.rule[k]
			}
		}
		s.runs = append(s.runs, r)
		i = end - 1
	}
}

// measure says how a stretch looks as a whole.
func (r *stretch) measure() {
	digits := 0
	for _, c := range r.text {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	switch n := len(r.text); {
	case digits == n:
		r.long = numberShape(min(n, 24))
	case n <= 10:
		r.long = signOf(pattern(r.text))
	case digits == 0:
		r.long = signOf("letters")
	default:
		r.long = signOf("mixed" + strconv.Itoa(min(n/4, 8)))
	}
	r.begin, r.good = noSign, noSign
	if digits != len(r.text) || digits < 2 {
		if len(r.text) > 3 && r.text[0] > '9' && r.text[1] > '9' && ibanLengths[r.text[:2]] > 0 && r.text[2] <= '9' {
			r.begin = signOf("country")
		}
		return
	}
	switch d := r.text; {
	case d[0] == '0':
		r.begin = signOf(d[:2])
	case strings.HasPrefix(d, "44"), strings.HasPrefix(d, "19"), strings.HasPrefix(d, "20"):
		r.begin = signOf(d[:2])
	default:
		r.begin = signOf(d[:1])
	}
	switch d := r.text; {
	case digits > 12 && Luhn(d):
		r.good = signOf("luhn")
	case mod11(d):
		r.good = signOf("mod11")
	case digits == 6 || digits == 8:
		if dd, mm := d[:2], d[2:4]; dd > "00" && dd < "32" && mm > "00" && mm < "13" {
			r.good = signOf("day")
		}
	case digits == 4:
		if d[:2] > "00" && d[:2] < "13" && d[2] >= '2' && d[2] <= '3' {
			r.good = signOf("expiry")
		}
	}
}
