package pii

import (
	"slices"
	"sort"
	"strings"
)

// nothing is what numbers are that are nobody's, such as those of orders.
const nothing Entity = ""

// cueList are phrases that say what is read out next. Which there are stands in cues.go.
type cueList struct {
	entity  Entity
	weak    bool // they mean many things: only a number of exactly the usual length is meant
	part    bool // they ask for four digits of a card
	version bool // what they speak of has numbers with dots
	phrases string
}

// phrase is one of them in words.
type phrase struct {
	words []string
	list  *cueList
}

// phrases are all by their first word.
var phrases = func() map[string][]phrase {
	m := map[string][]phrase{}
	for i := range cues {
		list := &cues[i]
		for p := range strings.SplitSeq(list.phrases, "|") {
			ws := strings.Fields(p)
			m[ws[0]] = append(m[ws[0]], phrase{ws, list})
			if list.entity == nothing {
				m[ws[0]] = append(m[ws[0]], phrase{append(slices.Clip(ws), "is"), list})
			}
		}
	}
	for _, ps := range m { // the longest first
		slices.SortStableFunc(ps, func(a, b phrase) int { return len(b.words) - len(a.words) })
	}
	return m
}()

// mention is a cue as it was said.
type mention struct {
	from, to int // tokens, to not among them
	length   int // bytes of the phrase: of two at the same place the longer tells
	list     *cueList
}

// talk is a conversation as cues are looked for in it: without hesitations, and
// without what is only grammar at the end of words.
type talk struct {
	words  []string
	token  []int // of each word
	before []int // for each token, how many words were said before it
	said   []mention
}

// listen finds all cues. One that is but a part of a longer one is none: there
// is no code in "sort code".
func listen(ts []token) (l talk) {
	l.before = make([]int, len(ts)+1)
	for i := range ts {
		l.before[i] = len(l.words)
		if w := plainly(ts, i); w != "" {
			l.words, l.token = append(l.words, w), append(l.token, i)
		}
	}
	l.before[len(ts)] = len(l.words)
	covered := 0
	for i := range l.words {
		longest := 0
		for _, p := range phrases[l.words[i]] {
			n := len(p.words)
			if n < longest || i+n <= covered || i+n > len(l.words) || !slices.Equal(l.words[i:i+n], p.words) {
				continue
			}
			if p.list.entity == nothing && ts[l.token[i]].turn != ts[l.token[i+n-1]].turn { // "… oil company" – "number?"
				continue
			}
			longest = n
			l.said = append(l.said, mention{l.token[i], l.token[i+n-1] + 1, len(strings.Join(p.words, " ")) + 2, p.list})
		}
		covered = max(covered, i+longest)
	}
	return l
}

// plainly is a word without its 's, or "" where it is a hesitation.
func plainly(ts []token, i int) string {
	t := ts[i]
	if t.filler && len(t.text) < 4 && t.text != "so" && t.text != "and" && t.text != "is" {
		return ""
	}
	short, cut := strings.CutSuffix(t.text, "'s")
	if cut && (t.text != "number's" || i > 0 && !owners[ts[i-1].text]) && !owners[t.text] {
		return short
	}
	return t.text
}

// owners are words before "number's" where it is the number of a telephone, and
// such as are no nouns.
var owners = set(`my her his their your the our it's that's what's here's he's she's there's`)

// reach is how many words before a number are looked at, behind how many after.
const (
	reach  = 45
	behind = 6
)

// nearness is how near something was talked of.
type nearness struct {
	entity  Entity
	words   int
	length  int
	weak    bool
	part    bool // four digits of a card were spoken of
	version bool
}

func (n nearness) nearer(o nearness) bool {
	if n.words != o.words {
		return n.words < o.words
	}
	if n.length != o.length {
		return n.length > o.length
	}
	return n.entity < o.entity
}

// expects gives the entities that were talked of around a number, the nearest
// first, each with how many words lie between. What is said after a number
// counts for less, and only where the same person says it: the other's next
// question is about something else.
func (l *talk) expects(from, to, end int) (found []nearness) {
	note := func(m mention, words int) {
		if m.list.entity == hidden {
			return
		}
		n := nearness{m.list.entity, words, m.length, m.list.weak, m.list.part, m.list.version}
		for i, old := range found {
			if old.entity == n.entity && old.weak == n.weak && old.version == n.version {
				if n.nearer(old) {
					found[i] = n
				}
				return
			}
		}
		found = append(found, n)
	}
	i := sort.Search(len(l.said), func(i int) bool { return l.said[i].from >= from })
	for k := i - 1; k >= 0 && l.said[k].from >= from-reach; k-- {
		if m := l.said[k]; m.to <= from {
			note(m, l.before[from]-l.before[m.to])
		}
	}
	for ; i < len(l.said) && l.said[i].from < min(end, to+behind); i++ {
		if m := l.said[i]; m.from >= to && m.to <= min(end, to+behind) {
			note(m, reach/2+l.before[m.from]-l.before[to])
		}
	}
	slices.SortFunc(found, func(a, b nearness) int {
		if a.nearer(b) {
			return -1
		}
		return 1
	})
	return found
}

// between says whether something else than an entity was talked of between two tokens.
func (l *talk) between(e Entity, from, to int) bool {
	i := sort.Search(len(l.said), func(i int) bool { return l.said[i].from >= from })
	for ; i < len(l.said) && l.said[i].to <= to; i++ {
		if other := l.said[i].list.entity; other != e && other != hidden && !l.said[i].list.weak && !l.said[i].list.part {
			return true
		}
	}
	return false
}

// mentions says whether an entity itself was spoken of between two tokens.
func (l *talk) mentions(e Entity, from, to int) bool {
	i := sort.Search(len(l.said), func(i int) bool { return l.said[i].from >= from })
	for ; i < len(l.said) && l.said[i].to <= to; i++ {
		if l.said[i].list.entity == e && !l.said[i].list.weak {
			return true
		}
	}
	return false
}

// names says whether a token is part of the name of a number: "n i number".
func (l *talk) names(i int) bool {
	k := sort.Search(len(l.said), func(k int) bool { return l.said[k].from > i })
	for k--; k >= 0 && l.said[k].from > i-5; k-- {
		if m := l.said[k]; i < m.to && (m.list.entity == NINO || m.list.entity == NHS || m.list.entity == SecurityCode) {
			return true
		}
	}
	return false
}

// expected is what a stretch of tokens speaks of, by itself.
func expected(ts []token, from, to int) []nearness {
	low, high := max(0, from-reach), min(len(ts), to+behind)
	l := listen(ts[low:high])
	return l.expects(from-low, to-low, high-low)
}

// speaksOf reports whether an entity is among those that were talked of.
func speaksOf(found []nearness, e Entity) bool {
	for _, n := range found {
		if n.entity == e {
			return true
		}
	}
	return false
}

// cue is a phrase with a space at both ends.
type cue struct {
	phrase string
	entity Entity
}

func join(ts []token) string {
	var b strings.Builder
	b.WriteByte(' ')
	for i := range ts {
		if w := plainly(ts, i); w != "" {
			b.WriteString(w)
			b.WriteByte(' ')
		}
	}
	return b.String()
}
