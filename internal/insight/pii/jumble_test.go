package pii

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// jumbler changes calls so that what is learned of them is how names are said, and
// not which: it puts other names in, misspells some, and loses words as engines do.
type jumbler struct {
	*rand.Rand
	given, family, town, common []string
	other                       map[string]string // what is said in this call for a word
}

func newJumbler(seed uint64) *jumbler {
	list := func(words map[string]bool) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(words)), func(x string) bool { return len(x) < 4 || !lettersOnly(x) })
	}
	return &jumbler{Rand: rand.New(rand.NewPCG(seed, 0)), given: list(givenNames), family: list(familyNames), town: list(townNames), common: list(commonWords)}
}

func (j *jumbler) one(of []string) string { return of[j.IntN(len(of))] }

// misheard is a word with up to three of its letters changed.
func (j *jumbler) misheard(x string) string {
	const vowels, rest = "aeiou", "bcdfghklmnprstvw"
	b := []rune(x)
	for range 1 + j.IntN(3) {
		k := j.IntN(len(b))
		if strings.ContainsRune(vowels+"y", b[k]) {
			b[k] = rune(vowels[j.IntN(len(vowels))])
		} else {
			b[k] = rune(rest[j.IntN(len(rest))])
		}
	}
	return string(b)
}

// instead is what is said for a word of somebody's name, or of a place.
func (j *jumbler) instead(x string, e Entity) string {
	if y, ok := j.other[x]; ok {
		return y
	}
	y := x
	switch p := j.Float64(); {
	case p < 0.35:
	case p < 0.42:
		y = j.one(j.common)
	case e == Person && givenNames[x] && (!familyNames[x] || firstNames[x]):
		y = j.one(j.given)
	case e == Person || p > 0.5 && p < 0.7:
		y = j.one(j.family)
	default:
		y = j.one(j.town)
	}
	if y != x && !commonWords[y] && j.Float64() < 0.3 {
		y = j.misheard(y)
	}
	j.other[x] = y
	return y
}

// renamed is a word as the engine wrote it, with another name in it.
func (j *jumbler) renamed(text string, e Entity) string {
	t := read(text, 0, 0)
	x := unowned(t.text)
	if len(x) < 3 || t.isNumber() || streets[x] || moreStreets[x] || dwellings[x] || stop[x] || particles[x] || titles[x] {
		return text
	}
	at := strings.Index(strings.ToLower(text), x)
	y := j.instead(x, e)
	if at < 0 || x == y || len(strings.ToLower(text)) != len(text) {
		return text
	}
	if capitalised(t.raw) {
		y = strings.ToUpper(y[:1]) + y[1:]
	}
	return text[:at] + y + text[at+len(x):]
}

// jumbled is a call with other names in it, and heard worse.
func (j *jumbler) jumbled(d dialogue) dialogue {
	j.other = map[string]string{}
	out := dialogue{name: d.name}
	for turn, u := range d.turns {
		said, marks := Turn{Speaker: u.Speaker}, []mark{}
		for w, x := range u.Words {
			m := d.marks[turn][w]
			e := m.entity()
			switch p := j.Float64(); {
			case e == Person || e == Location:
				x.Text = j.renamed(x.Text, e)
			case m.thing != "":
			case p < 0.015:
				continue
			case p < 0.025:
				said.Words, marks = append(said.Words, x), append(marks, m)
			case p < 0.04:
				x.Text = j.one(j.common)
			}
			said.Words, marks = append(said.Words, x), append(marks, m)
		}
		out.turns, out.marks = append(out.turns, said), append(out.marks, marks)
	}
	return out
}
