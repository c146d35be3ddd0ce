package pseudonym

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/phone"
	"ringfence/internal/insight/pii"
	"ringfence/internal/insight/speech"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/redaction"
)

// aim says whose names and numbers are replaced: one person's, or everybody's who
// is no part of the customer.
type aim struct {
	one     bool
	names   []value // of the one person
	written []string
	numbers []value
	agents  bool // those who work for the customer, too
}

// side is on which side of a call somebody is.
type side int

const (
	inside  side = iota // works for the customer
	outside             // everybody else
	either              // said by the telephone system, of whoever it was
)

// walk gives a call in which fn has looked at each name and number.
func walk(c recording.Call, country string, fn func(k Kind, s side, text string) string) recording.Call {
	far := map[bool]side{true: outside, false: inside}
	calling := far[c.Direction != recording.Outbound && c.Direction != recording.Internal]
	called := far[c.Direction == recording.Outbound]
	see := func(k Kind, s side, text string) string {
		if text == "" {
			return text
		}
		return fn(k, s, text)
	}
	guess := func(s side, text string) string {
		if _, ok := numberOf(text, country); ok {
			return see(Number, s, text)
		}
		if phone.Read(text, country).Kind == phone.Extension {
			return text
		}
		return see(Name, s, text)
	}
	c.Agents, c.Legs, c.Events = slices.Clone(c.Agents), slices.Clone(c.Legs), slices.Clone(c.Events)
	c.Caller.Number, c.Caller.Name = see(Number, calling, c.Caller.Number), see(Name, calling, c.Caller.Name)
	c.Dialled = see(Number, called, c.Dialled)
	for i := range c.Agents {
		c.Agents[i].Name = see(Name, inside, c.Agents[i].Name)
	}
	for i := range c.Legs {
		l := &c.Legs[i]
		s := outside
		switch {
		case l.Extension != "":
			s = inside
		case l.Role == "caller":
			s = calling
		case l.Role == "called":
			s = called
		}
		l.Number, l.Party = see(Number, s, l.Number), guess(s, l.Party)
	}
	for i := range c.Events {
		e := &c.Events[i]
		e.By, e.To, e.Detail = guess(either, e.By), guess(either, e.To), guess(either, e.Detail)
	}
	return c
}

// scene is one recording in which names and numbers are looked for.
type scene struct {
	aim     aim
	country string
	call    recording.Call
	text    *speech.Transcript // nil: there is none
	unheard bool               // there is sound, and no text of it

	values  map[value]string // to be replaced, and how they stood
	colleag [][]string       // words of names that stay
	hits    []hit
}

// hit is a stretch of words that is replaced.
type hit struct {
	turn, from, to int
	value          value
}

// valueOf gives a name or number its one writing; false: it is nobody's.
func (s *scene) valueOf(k Kind, text string) (value, bool) {
	if k == Number {
		return numberOf(text, s.country)
	}
	return nameOf(text)
}

// wants reports whether a value on a side of the call is to be replaced.
func (s *scene) wants(v value, at side) bool {
	switch {
	case s.aim.one && v.kind == Number:
		return slices.Contains(s.aim.numbers, v)
	case s.aim.one:
		return slices.ContainsFunc(s.aim.names, func(n value) bool { return sameName(n, v) })
	case at == inside:
		return s.aim.agents && v.kind == Name
	}
	return at == outside
}

// sameName reports whether two writings have the same words, in any order.
func sameName(a, b value) bool {
	x, y := strings.Fields(a.text), strings.Fields(b.text)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// look finds everything in the call and the transcript.
func (s *scene) look() {
	s.values = map[value]string{}
	walk(s.call, s.country, func(k Kind, at side, text string) string {
		v, ok := s.valueOf(k, text)
		switch {
		case !ok || at == either && !s.aim.one:
		case s.wants(v, at):
			if _, known := s.values[v]; !known {
				s.values[v] = text
			}
		case k == Name:
			s.colleag = append(s.colleag, strings.Fields(v.text))
		}
		return text
	})
	if s.text != nil {
		s.listen()
	}
}

// listen finds names and numbers in what was said.
func (s *scene) listen() {
	turns := redaction.Turns(s.text)
	used := make([][]bool, len(turns))
	for i, t := range turns {
		used[i] = make([]bool, len(t.Words))
	}
	take := func(turn, from, to int, v value, written string) {
		if slices.Contains(used[turn][from:to], true) {
			return
		}
		for i := from; i < to; i++ {
			used[turn][i] = true
		}
		if _, known := s.values[v]; !known {
			s.values[v] = written
		}
		s.hits = append(s.hits, hit{turn, from, to, v})
	}
	spans := pii.Detect(turns)
	s.numbers(turns, spans, take)
	names := s.names()
	for i, t := range turns {
		for _, n := range names {
			for from := 0; from+len(n.words) <= len(t.Words); from++ {
				if said := wordsOf(t.Words[from : from+len(n.words)]); n.is(said) {
					take(i, from, from+len(n.words), n.value, n.written)
				}
			}
		}
	}
	for _, x := range spans {
		if x.Entity == pii.Person {
			s.named(turns[x.Turn], x, names, take)
		}
	}
	for i, t := range turns { // a part of a known name, as engines write names
		for j, w := range t.Words {
			first, _ := utf8.DecodeRuneInString(w.Text)
			if said := wordsOf(t.Words[j : j+1]); unicode.IsUpper(first) && len(said) == 1 && len(said[0]) > 2 {
				for _, n := range names {
					if slices.Contains(n.words, said[0]) {
						take(i, j, j+1, n.value, n.written)
						break
					}
				}
			}
		}
	}
}

// known is a name that is looked for among words.
type known struct {
	value   value
	words   []string
	written string
}

func (n known) is(said []string) bool {
	if len(said) != len(n.words) {
		return false
	}
	back := slices.Clone(n.words)
	slices.Reverse(back)
	return slices.Equal(said, n.words) || slices.Equal(said, back)
}

// names are those that the card or the case has, longer ones first.
func (s *scene) names() (all []known) {
	for v, written := range s.values {
		if v.kind == Name {
			all = append(all, known{v, strings.Fields(v.text), written})
		}
	}
	if s.aim.one {
		for i, v := range s.aim.names {
			if !slices.ContainsFunc(all, func(k known) bool { return k.value == v }) {
				all = append(all, known{v, strings.Fields(v.text), s.aim.written[i]})
			}
		}
	}
	slices.SortFunc(all, func(a, b known) int {
		if len(a.words) != len(b.words) {
			return len(b.words) - len(a.words)
		}
		return strings.Compare(a.value.text, b.value.text)
	})
	return all
}

// named takes a name that the detector found: a part of one that is known, or,
// where everybody's are replaced, one that was only spoken of.
func (s *scene) named(t pii.Turn, x pii.Span, names []known, take func(int, int, int, value, string)) {
	said := wordsOf(t.Words[x.From:x.To])
	within := func(name []string) bool {
		return len(said) > 0 && !slices.ContainsFunc(said, func(w string) bool { return !slices.Contains(name, w) })
	}
	for _, n := range names {
		if within(n.words) {
			take(x.Turn, x.From, x.To, n.value, n.written)
			return
		}
	}
	if s.aim.one || slices.ContainsFunc(s.colleag, within) && !s.aim.agents {
		return
	}
	written := textOf(t.Words[x.From:x.To])
	if v, ok := nameOf(written); ok {
		take(x.Turn, x.From, x.To, v, written)
	}
}

// digitEntities are the kinds that a misheard telephone number is taken for.
var digitEntities = []pii.Entity{pii.Phone, pii.BankAccount, pii.CreditCard, pii.NHS, pii.SortCode, pii.IBAN}

// numbers takes telephone numbers that were said. What was said in groups is one.
func (s *scene) numbers(turns []pii.Turn, spans []pii.Span, take func(int, int, int, value, string)) {
	groups := map[int][]pii.Span{}
	var order []int
	for _, x := range spans {
		if slices.Contains(digitEntities, x.Entity) {
			if groups[x.Group] == nil {
				order = append(order, x.Group)
			}
			groups[x.Group] = append(groups[x.Group], x)
		}
	}
	for _, g := range order {
		text := ""
		for _, x := range groups[g] {
			text += " " + textOf(turns[x.Turn].Words[x.From:x.To])
		}
		v, ok := s.numberSaid(person.Digits(text), groups[g][0].Entity)
		if !ok {
			continue
		}
		for _, x := range groups[g] {
			take(x.Turn, x.From, x.To, v, v.text)
		}
	}
}

// numberSaid is the telephone number that digits are: one that is known, said
// whole or within more digits, or, where everybody's are replaced, any.
func (s *scene) numberSaid(digits string, as pii.Entity) (value, bool) {
	if len(digits) < 5 {
		return value{}, false
	}
	all := slices.Clone(s.aim.numbers)
	for v := range s.values {
		if v.kind == Number {
			all = append(all, v)
		}
	}
	for _, v := range all {
		for _, w := range person.Writings(v.text) {
			if w == digits || len(w) >= 7 && strings.Contains(digits, w) {
				return v, true
			}
		}
	}
	if s.aim.one || as != pii.Phone {
		return value{}, false
	}
	return numberOf(digits, s.country)
}

// replaced gives the call and the transcript with pseudonyms, and the stretches
// of sound in which what they stand for is said.
func (s *scene) replaced(with map[value]*entry) (call func(recording.Call) recording.Call, text *speech.Transcript, stretches []redaction.Stretch) {
	call = func(c recording.Call) recording.Call {
		return walk(c, s.country, func(k Kind, at side, text string) string {
			v, ok := s.valueOf(k, text)
			if e := with[v]; ok && e != nil && (at == either || s.wants(v, at)) {
				return e.String()
			}
			return text
		})
	}
	if s.text == nil {
		return call, nil, nil
	}
	const margin = 0.15 // words begin before engines say so
	slices.SortFunc(s.hits, func(a, b hit) int {
		if a.turn != b.turn {
			return a.turn - b.turn
		}
		return b.from - a.from
	})
	for _, h := range s.hits {
		u := &s.text.Turns[h.turn]
		words := slices.Clone(redaction.Timed(*u))
		from, to := words[h.from].Start, words[h.to-1].End
		channel := recording.EveryChannel
		if s.text.Speakers {
			channel = u.Channel
		}
		stretches = append(stretches, redaction.Stretch{From: seconds(max(0, from-margin)), To: seconds(to + margin), Channel: channel})
		words = slices.Replace(words, h.from, h.to, speech.TimedWord{Text: with[h.value].String(), Start: from, End: to, Confidence: 1})
		texts := make([]string, len(words))
		for i, w := range words {
			texts[i] = w.Text
		}
		u.Words, u.Text = words, strings.Join(texts, " ")
		if u.Sentiment != nil { // the words that moved the score may be among those that went
			u.Sentiment.Words, u.Sentiment.Weights = []string{}, []float64{}
		}
		if s.text.Sentiment != nil {
			s.text.Sentiment.Words, s.text.Sentiment.Weights = []string{}, []float64{}
		}
	}
	return call, s.text, stretches
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func wordsOf(all []pii.Word) []string { return person.Words(textOf(all)) }

func textOf(all []pii.Word) string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}
