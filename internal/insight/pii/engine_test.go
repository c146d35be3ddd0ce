package pii

import (
	"fmt"
	"strings"
	"testing"
)

// heard is what became of the words of one kind between mouth and finding.
type heard struct {
	things, found         int
	spoken, wrote, marked int // words: that were said, that the engine wrote as they were said, and of these those that were found
}

// TestFoundInWhatAnEngineWrote measures the detector on what the built-in engine
// really makes of sentences (testdata/engine.mjs). What the engine did not write
// down nobody finds, so that is told apart. It prints figures, and holds the
// detector to none: it was never changed by what this corpus shows.
func TestFoundInWhatAnEngineWrote(t *testing.T) {
	all := map[Entity]*heard{}
	for _, e := range Entities() {
		all[e] = &heard{}
	}
	for _, d := range corpus(t, "engine.txt") {
		d.hear(all)
	}
	share := func(n, of int) string { return fmt.Sprintf("%3d %%", 100*n/max(1, of)) }
	var b strings.Builder
	wrote, marked := 0, 0
	for _, e := range Entities() {
		h := all[e]
		if h.things == 0 {
			t.Errorf("%s is not in the corpus", e)
		}
		fmt.Fprintf(&b, "%-16s %2d, found whole %s | of the words the engine wrote %s, of these found %s\n", e, h.things, share(h.found, h.things), share(h.wrote, h.spoken), share(h.marked, h.wrote))
		wrote, marked = wrote+h.wrote, marked+h.marked
	}
	t.Logf("\n%sof all that was written down as spoken, found %s", b.String(), share(marked, wrote))
	if marked == 0 {
		t.Errorf("of %d words that were written down as spoken, none is found", wrote)
	}
}

// hear counts one sentence.
func (d dialogue) hear(all map[Entity]*heard) {
	covered := map[int]Entity{}
	for _, s := range Detect(d.turns) {
		for w := s.From; w < s.To; w++ {
			covered[w] = s.Entity
		}
	}
	var words []string
	var at []int
	for i, m := range d.marks[0] {
		if m.thing != "" {
			words, at = append(words, d.turns[0].Words[i].Text), append(at, i)
		}
	}
	e := d.marks[0][at[0]].entity()
	h := all[e]
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
