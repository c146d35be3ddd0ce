package pii

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A turn is read as a chain of words, each of which is one of a few things or
// neither of them (a conditional random field): what the clues of each word are worth,
// and which thing follows which, make the most likely reading.

// neither is the first reading of a word: it is part of nothing that is looked for.
const neither = 0

// weights say what each clue adds for each reading but neither.
type weights struct {
	readings int
	keys     []uint64 // open addressing, 0: free; a power of two
	at       []int32  // where the weights of a key begin
	of       []float32
	step     []float64 // factors, from one word to the next: readings × readings
	steps    []float64 // their logarithms
}

// parseWeights reads lines of two signs and what they add, with tabs between, each
// under the line that says where they are seen: "a-12c7" are 12 hundredths against the
// first reading, and 7 for the third.
func parseWeights(text string, readings int) *weights {
	size := 1024
	for size < 2*strings.Count(text, "\n") {
		size *= 2
	}
	w := &weights{readings: readings, keys: make([]uint64, size), at: make([]int32, size), of: make([]float32, readings-1), step: make([]float64, readings*readings), steps: make([]float64, readings*readings)}
	for i := range w.step {
		w.step[i] = 1
	}
	var where sign
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 3 {
			where = signOf(f[0])
			continue
		}
		worth := make([]float32, readings-1)
		for more := f[2]; more != ""; {
			end := 1
			for end < len(more) && more[end] < 'a' {
				end++
			}
			x, _ := strconv.Atoi(more[1:end])
			worth[more[0]-'a'], more = float32(x)/100, more[end:]
		}
		if where.text == "step" {
			from, _ := strconv.Atoi(f[0])
			for r, x := range worth {
				w.steps[from*readings+r+1], w.step[from*readings+r+1] = float64(x), math.Exp(float64(x))
			}
			continue
		}
		k := key(where, signOf(f[0]), signOf(f[1]))
		i := w.find(k)
		w.keys[i], w.at[i], w.of = k, int32(len(w.of)), append(w.of, worth...)
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

// worth is what a clue adds for each reading but neither.
func (w *weights) worth(where, a, b sign) []float32 {
	at := w.at[w.find(key(where, a, b))]
	return w.of[at : int(at)+w.readings-1]
}

// weigh adds what a clue is worth.
func (w *weights) weigh(sum []float64, where, a, b sign) {
	at := w.at[w.find(key(where, a, b))]
	if at == 0 {
		return
	}
	for r, x := range w.of[at : int(at)+w.readings-1] {
		sum[r+1] += float64(x)
	}
}

// chain is a turn with the chances of each reading of each of its words: by itself,
// forwards from the words before it, backwards from those behind, and all together.
type chain struct {
	own, forward, backward, both []float64
	scale                        []float64
}

// read works out the chances of the words from what their clues are worth, and the
// factors of the steps between them.
func (c *chain) read(worth, step []float64, readings int) {
	size := len(worth)
	n := size / readings
	for _, p := range []*[]float64{&c.own, &c.forward, &c.backward, &c.both} {
		*p = slices.Grow((*p)[:0], size)[:size]
	}
	c.scale = slices.Grow(c.scale[:0], n)[:n]
	for i, x := range worth {
		c.own[i] = 1
		if x != 0 {
			c.own[i] = math.Exp(x)
		}
	}
	for i := range n {
		forward, sum := c.forward[i*readings:(i+1)*readings], 0.0
		for r := range forward {
			forward[r] = step[r]
			if i > 0 {
				forward[r] = 0
				for b, x := range c.forward[(i-1)*readings : i*readings] {
					forward[r] += x * step[b*readings+r]
				}
			}
			forward[r] *= c.own[i*readings+r]
			sum += forward[r]
		}
		c.scale[i] = sum
		for r := range forward {
			forward[r] /= sum
		}
	}
	for i := n - 1; i >= 0; i-- {
		backward := c.backward[i*readings : (i+1)*readings]
		for r := range backward {
			backward[r] = 1
			if i < n-1 {
				backward[r] = 0
				for b, x := range c.backward[(i+1)*readings : (i+2)*readings] {
					backward[r] += x * step[r*readings+b] * c.own[(i+1)*readings+b] / c.scale[i+1]
				}
			}
			c.both[i*readings+r] = c.forward[i*readings+r] * backward[r]
		}
	}
}
