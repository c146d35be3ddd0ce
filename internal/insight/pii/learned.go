package pii

import (
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The rules find names as those write who were read while the rules were made.
// What they say of a word is therefore weighed beside everything else that can be
// seen of it: each turn is read as a chain of words of which each is a person, a
// place or neither (a conditional random field), and the most likely reading
// decides. The weights were learned from calls with other names put in and words
// lost, as engines lose them: `go test ./internal/insight/pii -run Learned -learn`.

// What a word is part of.
const (
	neither = iota
	aPerson
	aPlace
	readings
)

// chances are of each reading of a word: logarithms, or between 0 and 1.
type chances [readings]float64

const (
	suspect  = 0.2  // the chance from which on a word is taken for a name
	believed = 0.05 // the same where a rule finds one
	never    = -30  // a logarithm: what was found to be something else
	hopeless = -6   // a logarithm: nothing that may stand beside it makes a name of it
)

// weights say what each clue adds for a person, and for a place.
type weights struct {
	keys []uint64 // open addressing, 0: free; a power of two
	of   [][2]float32
	step [readings]chances // factors, from one word to the next
}

//go:embed learned.txt
var learnedText string

var learned = parseWeights(learnedText)

// parseWeights reads lines of two signs and the hundredths that they add for a person
// and for a place, with tabs between, each under the line that says where they are seen.
func parseWeights(text string) *weights {
	size := 1024
	for size < 2*strings.Count(text, "\n") {
		size *= 2
	}
	w := &weights{keys: make([]uint64, size), of: make([][2]float32, size)}
	for from := range w.step {
		w.step[from] = chances{}.exp()
	}
	var where string
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 4 {
			where = f[0]
			continue
		}
		a, _ := strconv.Atoi(f[2])
		b, _ := strconv.Atoi(f[3])
		if where == "step" {
			w.step[f[0][0]-'0'] = chances{0, float64(a) / 100, float64(b) / 100}.exp()
			continue
		}
		k := key(signOf(where), signOf(f[0]), signOf(f[1]))
		i := w.find(k)
		w.keys[i], w.of[i] = k, [2]float32{float32(a) / 100, float32(b) / 100}
	}
	return w
}

// find is where a key stands, or would.
func (w *weights) find(k uint64) int {
	mask := len(w.keys) - 1
	i := int(k) & mask
	for w.keys[i] != k && w.keys[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// weigh adds what the clues of each word of a turn are worth, and reports whether
// one of them may be a name at all.
func (w *weights) weigh(s *seer, turn int, sum []chances) (all []chances, any bool) {
	for i := s.begins[turn]; i < s.begins[turn+1]; i++ {
		c := chances{aPerson: never, aPlace: never}
		if !s.other[i] {
			c = chances{}
			s.clues(i, func(where, a, b sign) {
				of := &w.of[w.find(key(where, a, b))]
				c[aPerson] += float64(of[0])
				c[aPlace] += float64(of[1])
			})
		}
		sum, any = append(sum, c), any || max(c[aPerson], c[aPlace]) > hopeless
	}
	return sum, any
}

// chain is a turn with the chances of each of its words: by itself, forwards from the
// words before it, backwards from those behind, and all together.
type chain struct {
	own, forward, backward, both []chances
	scale                        []float64
}

// read works out the chances of the words from what their clues are worth, and
// the factors of the steps between them.
func (c *chain) read(worth []chances, step *[readings]chances) {
	n := len(worth)
	c.own, c.forward = slices.Grow(c.own[:0], n)[:n], slices.Grow(c.forward[:0], n)[:n]
	c.backward, c.both, c.scale = slices.Grow(c.backward[:0], n)[:n], slices.Grow(c.both[:0], n)[:n], slices.Grow(c.scale[:0], n)[:n]
	before := chances{neither: 1}
	for i, w := range worth {
		c.own[i], c.scale[i] = w.exp(), 0
		for r := range readings {
			c.forward[i][r] = (before[neither]*step[neither][r] + before[aPerson]*step[aPerson][r] + before[aPlace]*step[aPlace][r]) * c.own[i][r]
			c.scale[i] += c.forward[i][r]
		}
		for r := range readings {
			c.forward[i][r] /= c.scale[i]
		}
		before = c.forward[i]
	}
	behind := chances{1, 1, 1}
	for i := n - 1; i >= 0; i-- {
		c.backward[i] = behind
		for r := range readings {
			c.both[i][r] = c.forward[i][r] * behind[r]
			behind[r] *= c.own[i][r] / c.scale[i]
		}
		own := behind
		for r := range readings {
			behind[r] = step[r][neither]*own[neither] + step[r][aPerson]*own[aPerson] + step[r][aPlace]*own[aPlace]
		}
	}
}

func (c chances) exp() (e chances) {
	for r, x := range c {
		if x != 0 {
			x = math.Exp(x)
		} else {
			x = 1
		}
		e[r] = x
	}
	return e
}

// weighed puts what the weights say of each word in the place of what the rules said.
func (n *namer) weighed(w *weights) {
	s := newSeer(n)
	var worth []chances
	var c chain
	reading, sure := make([]int, len(n.ts)), make([]float64, len(n.ts))
	for turn := range n.turns {
		var any bool
		if worth, any = w.weigh(s, turn, worth[:0]); !any {
			continue
		}
		c.read(worth, &w.step)
		for k, p := range c.both {
			i, any := n.begins[turn]+k, p[aPerson]+p[aPlace]
			if s.other[i] || any < believed || any < suspect && s.rule[i] == noSign {
				continue
			}
			reading[i], sure[i] = aPerson, any
			if p[aPlace] > p[aPerson] {
				reading[i] = aPlace
			}
		}
	}
	n.forget()
	for i := 0; i < len(n.ts); {
		j := i + 1
		for j < len(n.ts) && reading[j] == reading[i] && n.ts[j].turn == n.ts[i].turn {
			sure[i] = max(sure[i], sure[j])
			j++
		}
		if reading[i] != neither {
			n.add([]Entity{aPerson: Person, aPlace: Location}[reading[i]], i, j, 0.5+0.49*sure[i], s.because(w, i, j, reading[i]))
		}
		i = j
	}
}

// forget takes back the people and places that were found.
func (n *namer) forget() {
	kept := n.spans[:0]
	for _, s := range n.spans {
		if s.Entity != Person && s.Entity != Location {
			kept = append(kept, s)
			continue
		}
		for i := s.From; i < s.To; i++ {
			n.used[n.begins[s.Turn]+i] = false
		}
	}
	n.spans, n.found, n.noted = kept, map[int][]Span{}, 0
}

// because says what spoke for a reading: the rule that agrees, or what counted most.
func (s *seer) because(w *weights, from, to, reading int) string {
	sum := map[string]float64{}
	for i := from; i < to; i++ {
		if s.rule[i] == personSign && reading == aPerson || s.rule[i] == placeSign && reading == aPlace {
			return s.why[i].text
		}
		s.clues(i, func(where, a, b sign) {
			kind, _, _ := strings.Cut(where.text, "-")
			sum[strings.TrimRight(kind, "23")] += float64(w.of[w.find(key(where, a, b))][reading-1])
		})
	}
	most := about[0]
	for _, a := range about[1:] {
		if sum[a.begins] > sum[most.begins] {
			most = a
		}
	}
	return "as names stand in calls that were read: " + most.tells
}
