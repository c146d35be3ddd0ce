package pii

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

var learnAnew = flag.Bool("learn", false, "learn the weights of clues from the calls, and write learned.txt")

// authors are those whose calls are learned from, each with theirs. Those of which
// nobody may look at what is missed are not among them, nor half of what a grammar made.
var authors = []struct {
	name  string
	files []string
}{
	{"our own", []string{"tuning.txt", "calls.txt"}},
	{"the first", []string{"stranger.txt", "stranger-held.txt"}},
	{"the second", []string{"stranger-2.txt"}},
	{"the third", []string{"stranger-3.txt"}},
	{"the fifth", []string{"stranger-7.txt"}},
	{"the sixth", []string{"stranger-8.txt"}},
	{"the seventh", []string{"stranger-9.txt"}},
	{"the eighth", []string{"stranger-10.txt"}},
}

const (
	rounds   = 6     // through all calls
	rate     = 0.15  // of a step against the slope (AdaGrad)
	towards  = 0.002 // nothing: what keeps weights small
	fewest   = 4     // times that a clue has to be seen
	slight   = 0.25  // weight of clues without which the others are learned again
	lightest = 0.05  // weight that is kept
	deaf     = 0.6   // share of what rules found that is taken away: with strangers they find less
)

// lesson is a turn with the clues of each word and what it is part of.
type lesson struct {
	clues [][]int32
	is    []int
	other []bool
}

// school learns what clues are worth.
type school struct {
	known   map[uint64]int32
	names   [][3]string
	seen    []int
	lessons []lesson
	chance  *rand.Rand
	worth   []chances
	step    [readings]chances
}

// attend adds the lessons of a call, with all that rules find in it or with a part.
func (s *school) attend(d dialogue, hard bool) {
	n := ruled(d.turns)
	if hard {
		share := deaf
		if s.chance.Float64() < 0.2 {
			share = 1
		}
		n.spans = slices.DeleteFunc(n.spans, func(f Span) bool {
			return (f.Entity == Person || f.Entity == Location) && s.chance.Float64() < share
		})
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
		if len(l.is) > 0 {
			s.lessons = append(s.lessons, l)
		}
	}
}

func (s *school) number(where, a, b sign) int32 {
	k := key(where, a, b)
	i, ok := s.known[k]
	if !ok {
		i = int32(len(s.names))
		s.known[k] = i
		s.names, s.seen = append(s.names, [3]string{where.text, a.text, b.text}), append(s.seen, 0)
	}
	s.seen[i]++
	return i
}

// slope is where errors grow, for one weight after another.
type slope []chances

func (q slope) against(i int, weights []chances, r int, grad float64) {
	grad += towards * weights[i][r]
	q[i][r] += grad * grad
	weights[i][r] -= rate * grad / (0.1 + math.Sqrt(q[i][r]))
}

// learn goes through all lessons, and again without the clues that said little.
func (s *school) learn() {
	s.study()
	for i, w := range s.worth {
		if w.weightiest() < slight {
			s.seen[i] = 0
		}
	}
	s.study()
}

// weightiest is how much something speaks for or against a name.
func (c chances) weightiest() float64 { return max(math.Abs(c[aPerson]), math.Abs(c[aPlace])) }

// study goes through all lessons a few times, each time in another order.
func (s *school) study() {
	for _, l := range s.lessons {
		for i := range l.clues {
			l.clues[i] = slices.DeleteFunc(l.clues[i], func(c int32) bool { return s.seen[c] < fewest })
		}
	}
	s.worth, s.step = make([]chances, len(s.names)), [readings]chances{}
	slopes, stepSlopes := make(slope, len(s.names)), make(slope, readings)
	var c chain
	var sum []chances
	for range rounds {
		s.chance.Shuffle(len(s.lessons), func(i, j int) { s.lessons[i], s.lessons[j] = s.lessons[j], s.lessons[i] })
		for _, l := range s.lessons {
			sum = sum[:0]
			for i, clues := range l.clues {
				w := chances{}
				if l.other[i] {
					w = chances{aPerson: never, aPlace: never}
				}
				for _, k := range clues {
					w[aPerson] += s.worth[k][aPerson]
					w[aPlace] += s.worth[k][aPlace]
				}
				sum = append(sum, w)
			}
			var step [readings]chances
			for from, w := range s.step {
				step[from] = w.exp()
			}
			c.read(sum, &step)
			steps := c.steps(&step)
			before := neither
			for i, is := range l.is {
				steps[before][is]--
				before = is
				for r := aPerson; r < readings; r++ {
					grad := c.both[i][r]
					if is == r {
						grad--
					}
					if math.Abs(grad) < 1e-3 {
						continue
					}
					for _, k := range l.clues[i] {
						slopes.against(int(k), s.worth, r, grad)
					}
				}
			}
			for from := range readings {
				for r := aPerson; r < readings; r++ {
					stepSlopes.against(from, s.step[:], r, steps[from][r])
				}
			}
		}
	}
}

// steps are how often each step is expected in a turn.
func (c *chain) steps(step *[readings]chances) (all [readings]chances) {
	before := chances{neither: 1}
	for i, own := range c.own {
		for from := range readings {
			for r := range readings {
				all[from][r] += before[from] * step[from][r] * own[r] * c.backward[i][r] / c.scale[i]
			}
		}
		before = c.forward[i]
	}
	return all
}

// String is what was learned, as learned.txt has it.
func (s *school) String() string {
	under := map[string][]string{}
	line := func(where, a, b string, w chances) {
		under[where] = append(under[where], fmt.Sprintf("%s\t%s\t%.0f\t%.0f\n", a, b, 100*w[aPerson], 100*w[aPlace]))
	}
	for from, w := range s.step {
		line("step", fmt.Sprint(from), "", w)
	}
	for i, w := range s.worth {
		if s.seen[i] >= fewest && w.weightiest() >= lightest {
			line(s.names[i][0], s.names[i][1], s.names[i][2], w)
		}
	}
	var b strings.Builder
	for _, where := range slices.Sorted(maps.Keys(under)) {
		slices.Sort(under[where])
		b.WriteString(where + "\n" + strings.Join(under[where], ""))
	}
	return b.String()
}

// learnedFrom is what all authors teach but one.
func learnedFrom(t testing.TB, without string) string {
	s := &school{known: map[uint64]int32{}, chance: rand.New(rand.NewPCG(1, 1))}
	j := newJumbler(1)
	for _, a := range authors {
		for _, file := range a.files {
			if a.name == without {
				continue
			}
			for _, d := range corpus(t, file) {
				s.attend(d, false)
				s.attend(j.jumbled(d), true)
			}
		}
	}
	s.learn()
	return s.String()
}

// taught says of which calls something was learned.
func taught(t testing.TB) string {
	h := sha256.New()
	for _, a := range authors {
		for _, file := range a.files {
			text, err := os.ReadFile("testdata/" + file)
			if err != nil {
				t.Fatal(err)
			}
			h.Write(text)
		}
	}
	return fmt.Sprintf("# learned from calls with SHA-256 %x\n", h.Sum(nil))
}

func TestLearnedFromTheseCalls(t *testing.T) {
	if *learnAnew {
		learnedText = taught(t) + learnedFrom(t, "")
		if err := os.WriteFile("learned.txt", []byte(learnedText), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(learnedText, taught(t)) {
		t.Error("learned.txt is of other calls: go test ./internal/insight/pii -run Learned -learn")
	}
	if len(learnedText) > 400<<10 {
		t.Errorf("learned.txt has %d bytes", len(learnedText))
	}
}
