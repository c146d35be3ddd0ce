package pii

import (
	"fmt"
	"strings"
	"testing"
)

// heard is what became of the words of one kind between mouth and finding.
type heard struct {
	things, found         int
	survived              int // things whose digits, or words, the engine wrote as they were said
	spoken, wrote, marked int // words: that were said, that the engine wrote as they were said, and of these those that were found
}

// TestFoundInWhatAnEngineWrote measures the detector on what the built-in engine
// really makes of sentences (testdata/engine.mjs): of those of a grammar, and of
// sixty from the calls that were written by hand. What the engine did not write
// down nobody finds, so that is told apart. It prints figures, and holds the
// detector to none: it was never changed by what these corpora show.
func TestFoundInWhatAnEngineWrote(t *testing.T) {
	for _, file := range []string{"engine.txt", "engine-calls.txt"} {
		t.Run(file, func(t *testing.T) { foundInWhatAnEngineWrote(t, file) })
	}
}

func foundInWhatAnEngineWrote(t *testing.T, file string) {
	all := map[Entity]*heard{}
	for _, e := range Entities() {
		all[e] = &heard{}
	}
	for _, d := range corpus(t, file) {
		d.hear(all)
	}
	share := func(n, of int) string { return fmt.Sprintf("%3d %%", 100*n/max(1, of)) }
	var b strings.Builder
	wrote, marked, things, survived := 0, 0, 0, 0
	for _, e := range Entities() {
		h := all[e]
		if h.things == 0 {
			t.Errorf("%s is not in the corpus", e)
		}
		things, survived = things+h.things, survived+h.survived
		fmt.Fprintf(&b, "%-16s %2d, survived the engine %s, found whole %s | of the words the engine wrote %s, of these found %s\n", e, h.things, share(h.survived, h.things), share(h.found, h.things), share(h.wrote, h.spoken), share(h.marked, h.wrote))
		wrote, marked = wrote+h.wrote, marked+h.marked
	}
	t.Logf("\n%s%d of %d survived the engine; of all words that were written down as spoken, found %s", b.String(), survived, things, share(marked, wrote))
	if marked == 0 {
		t.Errorf("of %d words that were written down as spoken, none is found", wrote)
	}
}

// hear counts one sentence.
func (d dialogue) hear(all map[Entity]*heard) {
	last := len(d.turns) - 1 // the turns before only lead there
	covered := map[int]Entity{}
	for _, s := range Detect(d.turns) {
		for w := s.From; w < s.To && s.Turn == last; w++ {
			covered[w] = s.Entity
		}
	}
	var words []string
	var at []int
	for i, m := range d.marks[last] {
		if m.thing != "" {
			words, at = append(words, d.turns[last].Words[i].Text), append(at, i)
		}
	}
	e := d.marks[last][at[0]].entity()
	h := all[e]
	if readOut(words) == readOut(d.spoken) {
		h.survived++
	}
	got := 0
	for _, i := range at {
		if covered[i] == e {
			got++
		}
	}
	h.things++
	if whole(e, got, len(at)) {
		h.found++
	}
	h.spoken += len(d.spoken)
	for _, i := range same(d.spoken, words) {
		h.wrote++
		if covered[at[i]] == e {
			h.marked++
		}
	}
}

// readOut is what words say, whether a digit is written as itself or as a word
// that sounds like it.
func readOut(words []string) (text string) {
	for _, w := range words {
		t := read(w, 0, 0)
		if t.alike != "" && t.digits == "" {
			t.text = t.alike
		}
		if t.digits != "" {
			t.text = t.digits
		}
		text += t.text + " "
	}
	return text
}

// same gives the places in b of the longest common run, with gaps, of both.
func same(a, b []string) (in []int) {
	best := make([][]int, len(a)+1)
	for i := range best {
		best[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if best[i][j] = max(best[i+1][j], best[i][j+1]); a[i] == b[j] {
				best[i][j] = best[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			in = append(in, j)
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return in
}
