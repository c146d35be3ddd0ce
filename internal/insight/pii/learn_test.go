package pii

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var learnAnew = flag.Bool("learn", false, "learn the weights of clues from the calls, and write figured.txt and learned.txt")

// authors are those whose calls are learned from, each with theirs. Those of which
// nobody may look at what is missed are not among them, nor half of what a grammar made.
var authors = []struct {
	name  string
	files []string
}{
	{"our own", []string{"tuning.txt", "calls.txt", "nothing.txt"}},
	{"the first", []string{"stranger.txt", "stranger-held.txt"}},
	{"the second", []string{"stranger-2.txt"}},
	{"the third", []string{"stranger-3.txt"}},
	{"the fourth", []string{"stranger-4.txt"}},
	{"the fifth", []string{"stranger-7.txt"}},
	{"the sixth", []string{"stranger-8.txt"}},
	{"the seventh", []string{"stranger-9.txt"}},
	{"the eighth", []string{"stranger-10.txt"}},
}

// deaf is the share of what rules found that is taken away from calls that are changed:
// with strangers they find less.
const deaf = 0.6

// subject is something to learn of.
type subject struct {
	file   string
	text   *string // what was learned of it
	school func() *school
	attend func(*school, dialogue, bool) // adds the lessons of a call, with all that rules find in it or with a part
}

// subjects are what is learned, each with what was learned before it.
var subjects = []subject{
	{"figured.txt", &figuredText, func() *school { return newSchool(len(figures)+1, 4, 8, 0.35, 0.1) }, (*school).aboutFigures},
	{"learned.txt", &learnedText, func() *school { return newSchool(readings, 6, 4, 0.25, 0.05) }, (*school).aboutNames},
}

// aboutNames is what a call tells of people and places.
func (s *school) aboutNames(d dialogue, hard bool) {
	n := ruled(d.turns)
	n.figured(figured)
	if hard {
		s.forget(n, func(f Span) bool { return f.Entity == Person || f.Entity == Location })
	}
	seen := newSeer(n)
	for turn := range d.turns {
		var l lesson
		for i := n.begins[turn]; i < n.begins[turn+1]; i++ {
			var clues []int32
			is := neither
			if !seen.other[i] {
				seen.clues(i, func(where, a, b sign) { clues = append(clues, s.number(where, a, b)) })
				is = map[Entity]int{Person: aPerson, Location: aPlace}[d.marks[turn][i-n.begins[turn]].entity()]
			}
			l.clues, l.is, l.other = append(l.clues, clues), append(l.is, is), append(l.other, seen.other[i])
		}
		s.take(l)
	}
}

// aboutFigures is what a call tells of numbers and addresses.
func (s *school) aboutFigures(d dialogue, hard bool) {
	n := ruled(d.turns)
	forgets := 0.05 // turns of which nothing is known later
	if hard {
		forgets = 0.2
		s.forget(n, func(f Span) bool { return f.Entity != Person && f.Entity != Location })
	}
	seen := newSight(n)
	for turn, marks := range d.marks {
		if !seen.telling(turn) {
			continue
		}
		l := lesson{other: make([]bool, len(marks))}
		for k, m := range marks {
			var clues []int32
			seen.clues(n.begins[turn]+k, func(where, a, b sign) { clues = append(clues, s.number(where, a, b)) })
			l.clues, l.is = append(l.clues, clues), append(l.is, slices.Index(figures, m.entity())+1)
		}
		s.take(l)
		if s.chance.Float64() >= forgets {
			seen.remember(turn, l.is)
		}
	}
}

// forget takes away some of what rules found; of one call in five that is changed, all.
func (s *school) forget(n *namer, of func(Span) bool) {
	share := deaf
	if s.chance.Float64() < 0.2 {
		share = 1
	}
	n.spans = slices.DeleteFunc(n.spans, func(f Span) bool { return of(f) && s.chance.Float64() < share })
}

// taught is a school with the lessons of all authors but one. Where it only listens,
// calls are not changed.
func (x subject) taught(t testing.TB, without string, listens bool) *school {
	s, j := x.school(), newJumbler(1)
	s.listens = listens
	for _, a := range authors {
		for _, file := range a.files {
			if a.name == without {
				continue
			}
			for _, d := range corpus(t, file) {
				x.attend(s, d, false)
				if !listens {
					x.attend(s, j.jumbled(d), true)
				}
			}
		}
	}
	return s
}

// learnedFrom is what all authors teach but one.
func (x subject) learnedFrom(t testing.TB, without string) string {
	s := x.taught(t, without, false)
	s.learn()
	return s.String()
}

// head says of which lessons something was learned, and how.
func (x subject) head(t testing.TB) string {
	s := x.taught(t, "", true)
	how, err := os.ReadFile("jumble_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range how {
		s.hear(uint64(c))
	}
	return fmt.Sprintf("# learned from lessons with hash %016x, %v %v %v, %v %v %v %v\n", s.heard, rate, towards, deaf, s.rounds, s.fewest, s.slight, s.lightest)
}

// Whoever changes calls, lists or rules so that anything that is learned from would
// look different has to learn anew.
func TestLearnedFromTheseCalls(t *testing.T) {
	for _, x := range subjects {
		head := x.head(t)
		if *learnAnew {
			*x.text = head + x.learnedFrom(t, "")
			if err := os.WriteFile(x.file, []byte(*x.text), 0o644); err != nil {
				t.Fatal(err)
			}
			figured, learned = parseWeights(figuredText, len(figures)+1), parseWeights(learnedText, readings)
		}
		if !strings.HasPrefix(*x.text, head) {
			t.Errorf("%s is of other lessons: go test ./internal/insight/pii -run Learned -learn", x.file)
		}
		if len(*x.text) > 600<<10 {
			t.Errorf("%s has %d bytes", x.file, len(*x.text))
		}
	}
}
