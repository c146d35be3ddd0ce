package pii

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// corpora are those that the detector is held against: both halves of what a
// grammar made, and calls.txt, which was written by hand, each dialogue for itself,
// and measured before the detector was changed by what it misses.
var corpora = []string{"tuning.txt", "held.txt", "calls.txt"}

// unseen are calls of which nobody has looked at what is missed: it is counted, and
// nothing is held to it. unseen.txt was written after the detector was changed by
// calls.txt; stranger.txt and stranger-held.txt are the odd and the even ones of 330
// calls by an author who has not seen the detector. What is missed of the odd ones
// was looked at after both were measured. stranger-2.txt and stranger-3.txt are by a
// second and a third such author; the second was measured before it was read.
var unseen = []string{"unseen.txt", "stranger.txt", "stranger-2.txt", "stranger-held.txt", "stranger-3.txt"}

var missed = flag.Bool("missed", false, "list what was not found, but of the half that is held out")

// tally counts things and findings of one entity.
type tally struct{ things, found, spans, right int }

// whole says how much of a thing has to be covered to count as found: of what is
// paid with, all of it.
func whole(e Entity, got, of int) bool {
	if e == CreditCard || e == SecurityCode {
		return got == of
	}
	return float64(got) >= 0.8*float64(of)
}

func measure(t testing.TB, file string) map[Entity]*tally {
	out := map[Entity]*tally{}
	for _, e := range Entities() {
		out[e] = &tally{}
	}
	for _, d := range corpus(t, file) {
		spans := Detect(d.turns)
		covered := map[[2]int]Entity{}
		for _, s := range spans {
			right := 0
			for w := s.From; w < s.To; w++ {
				covered[[2]int{s.Turn, w}] = s.Entity
				if d.marks[s.Turn][w].entity() == s.Entity {
					right++
				}
			}
			out[s.Entity].spans++
			if 2*right >= s.To-s.From {
				out[s.Entity].right++
			}
		}
		got, of := map[string]int{}, map[string]int{}
		var order []string
		for turn, ms := range d.marks {
			for w, m := range ms {
				if m.thing == "" || m.loose {
					continue
				}
				if of[m.thing]++; of[m.thing] == 1 {
					order = append(order, m.thing)
				}
				if covered[[2]int{turn, w}] == m.entity() {
					got[m.thing]++
				}
			}
		}
		for _, thing := range order {
			e := mark{thing: thing}.entity()
			out[e].things++
			if whole(e, got[thing], of[thing]) {
				out[e].found++
			} else if *missed && file != "held.txt" && (file == "stranger.txt" || file == "stranger-2.txt" || !slices.Contains(unseen, file)) {
				t.Logf("%s %d of %d of %s\n%s", d.name, got[thing], of[thing], thing, shown(d, covered))
			}
		}
	}
	return out
}

func shown(d dialogue, covered map[[2]int]Entity) string {
	var b strings.Builder
	for turn, u := range d.turns {
		fmt.Fprintf(&b, "   %s:", u.Speaker)
		for w, x := range u.Words {
			mark := ""
			if d.marks[turn][w].thing != "" {
				mark = "_"
			}
			if e := covered[[2]int{turn, w}]; e != "" {
				mark += "<" + string(e)[:3] + ">"
			}
			b.WriteString(" " + x.Text + mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestWhatHasToBeFoundIsFound holds the detector against the table that was
// fixed before it.
func TestWhatHasToBeFoundIsFound(t *testing.T) {
	want := least(t)
	for _, file := range slices.Concat(corpora, unseen) {
		got := measure(t, file)
		lines := []string{}
		for _, e := range Entities() {
			c := got[e]
			recall, precision := 100*float64(c.found)/float64(c.things), 100*float64(c.right)/float64(max(1, c.spans))
			lines = append(lines, fmt.Sprintf("%-16s %4d  recall %5.1f %%  precision %5.1f %%", e, c.things, recall, precision))
			if recall < want[e] && slices.Contains(corpora, file) {
				t.Errorf("%s: %s is found in %.1f %% of cases, at least %v %% are agreed", file, e, recall, want[e])
			}
		}
		slices.Sort(lines)
		t.Logf("%s\n%s", file, strings.Join(lines, "\n"))
	}
}
