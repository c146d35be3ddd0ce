package pii

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

const (
	rate    = 0.15  // of a step against the slope (AdaGrad)
	towards = 0.002 // nothing: what keeps weights small
)

// lesson is a turn with the clues of each word and what it is part of.
type lesson struct {
	clues [][]int32
	is    []int
	other []bool
}

// school learns what clues are worth.
type school struct {
	readings int
	rounds   int     // through all lessons
	fewest   int     // times that a clue has to be seen
	slight   float64 // weight of clues without which the others are learned again
	lightest float64 // weight that is kept

	known   map[uint64]int32
	names   [][3]string
	seen    []int
	lessons []lesson
	chance  *rand.Rand
	listens bool   // what is taught is only heard, and not noted
	heard   uint64 // a hash of all lessons

	worth, step           []float64 // of each clue, and from one word to the next, for each reading
	slope, stepSlope      []float64 // what errors each made so far
	chain                 chain
	sum, factors, expects []float64
}

func newSchool(readings, rounds, fewest int, slight, lightest float64) *school {
	return &school{
		readings: readings, rounds: rounds, fewest: fewest, slight: slight, lightest: lightest,
		known: map[uint64]int32{}, chance: rand.New(rand.NewPCG(1, 1)), factors: make([]float64, readings*readings), expects: make([]float64, readings*readings),
	}
}

// number is under which number a clue is known.
func (s *school) number(where, a, b sign) int32 {
	k := key(where, a, b)
	s.hear(k)
	if s.listens {
		return 0
	}
	i, ok := s.known[k]
	if !ok {
		i = int32(len(s.names))
		s.known[k] = i
		s.names, s.seen = append(s.names, [3]string{where.text, a.text, b.text}), append(s.seen, 0)
	}
	s.seen[i]++
	return i
}

func (s *school) hear(x uint64) { s.heard = (s.heard^x)*1099511628211 + 1 }

// take notes a lesson.
func (s *school) take(l lesson) {
	for _, is := range l.is {
		s.hear(uint64(is))
	}
	if len(l.is) > 0 && !s.listens {
		s.lessons = append(s.lessons, l)
	}
}

// keep forgets all clues but some.
func (s *school) keep(these func(i int) bool) {
	at, kept := make([]int32, len(s.names)), int32(0)
	for i := range at {
		if at[i] = -1; these(i) {
			at[i] = kept
			s.names[kept], s.seen[kept] = s.names[i], s.seen[i]
			kept++
		}
	}
	s.names, s.seen = s.names[:kept], s.seen[:kept]
	for _, l := range s.lessons {
		for i, clues := range l.clues {
			on := clues[:0]
			for _, c := range clues {
				if at[c] >= 0 {
					on = append(on, at[c])
				}
			}
			l.clues[i] = on
		}
	}
}

// learn goes through all lessons, and again without the clues that said little.
func (s *school) learn() {
	s.keep(func(i int) bool { return s.seen[i] >= s.fewest })
	s.study()
	s.keep(func(i int) bool { return s.weightiest(i) >= s.slight })
	s.study()
}

// weightiest is how much a clue speaks for or against anything.
func (s *school) weightiest(i int) (most float64) {
	for _, w := range s.worth[i*s.readings+1 : (i+1)*s.readings] {
		most = max(most, math.Abs(w))
	}
	return most
}

// study goes through all lessons a few times, each time in another order.
func (s *school) study() {
	k := s.readings
	s.worth, s.step = make([]float64, k*len(s.names)), make([]float64, k*k)
	s.slope, s.stepSlope = make([]float64, k*len(s.names)), make([]float64, k*k)
	for range s.rounds {
		s.chance.Shuffle(len(s.lessons), func(i, j int) { s.lessons[i], s.lessons[j] = s.lessons[j], s.lessons[i] })
		for _, l := range s.lessons {
			s.repeat(l)
		}
	}
}

// repeat reads a lesson with the weights of now, and corrects them.
func (s *school) repeat(l lesson) {
	k := s.readings
	s.sum = slices.Grow(s.sum[:0], k*len(l.is))[:k*len(l.is)]
	clear(s.sum)
	for i, clues := range l.clues {
		w := s.sum[k*i : k*i+k]
		for r := 1; r < k && l.other[i]; r++ {
			w[r] = never
		}
		for _, clue := range clues {
			for r, x := range s.worth[k*int(clue) : k*int(clue)+k] {
				w[r] += x
			}
		}
	}
	for i, w := range s.step {
		s.factors[i] = math.Exp(w)
	}
	s.chain.read(s.sum, s.factors, k)
	s.chain.steps(s.factors, s.expects, k)
	before := neither
	for i, is := range l.is {
		s.expects[before*k+is]--
		before = is
		for r := 1; r < k; r++ {
			grad := s.chain.both[k*i+r]
			if is == r {
				grad--
			}
			if math.Abs(grad) < 1e-3 {
				continue
			}
			for _, clue := range l.clues[i] {
				at := k*int(clue) + r
				against(&s.worth[at], &s.slope[at], grad)
			}
		}
	}
	for i := range s.step {
		if i%k != neither {
			against(&s.step[i], &s.stepSlope[i], s.expects[i])
		}
	}
}

// against moves a weight to where errors are fewer.
func against(weight, slope *float64, grad float64) {
	grad += towards * *weight
	*slope += grad * grad
	*weight -= rate * grad / (0.1 + math.Sqrt(*slope))
}

// steps are how often each step is expected in a turn.
func (c *chain) steps(step, all []float64, k int) {
	clear(all)
	for i, scale := range c.scale {
		for r := range k {
			on := c.own[k*i+r] * c.backward[k*i+r] / scale
			if i == 0 {
				all[neither*k+r] += step[neither*k+r] * on
				continue
			}
			for from, x := range c.forward[k*(i-1) : k*i] {
				all[from*k+r] += x * step[from*k+r] * on
			}
		}
	}
}

// String is what was learned, as files have it.
func (s *school) String() string {
	under := map[string][]string{}
	line := func(where, a, b string, w []float64) {
		var text strings.Builder
		for r, x := range w[1:] {
			if math.Abs(x) >= 0.02 {
				fmt.Fprintf(&text, "%c%.0f", 'a'+r, 100*x)
			}
		}
		under[where] = append(under[where], fmt.Sprintf("%s\t%s\t%s\n", a, b, text.String()))
	}
	for from := range s.readings {
		line("step", fmt.Sprint(from), "", s.step[from*s.readings:(from+1)*s.readings])
	}
	for i, name := range s.names {
		if s.weightiest(i) >= s.lightest {
			line(name[0], name[1], name[2], s.worth[i*s.readings:(i+1)*s.readings])
		}
	}
	var b strings.Builder
	for _, where := range slices.Sorted(maps.Keys(under)) {
		slices.Sort(under[where])
		b.WriteString(where + "\n" + strings.Join(under[where], ""))
	}
	return b.String()
}
