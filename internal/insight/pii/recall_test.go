package pii

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// corpora are those that the detector is held against: both halves of what a
// grammar made, calls.txt, which was written by hand, each dialogue for itself, and
// the calls of authors who had not seen the detector. stranger.txt are the odd
// ones of 330 and the first eight even ones, stranger-held.txt the other even ones;
// the others are by another each. All of these were measured before the detector was
// changed by what it misses of them, and weights are learned from all but held.txt:
// what is found of an author from whom nothing was learned says stranger_test.go.
var corpora = []string{
	"tuning.txt", "held.txt", "calls.txt", "stranger.txt", "stranger-held.txt", "stranger-2.txt", "stranger-3.txt", "stranger-4.txt",
	"stranger-7.txt", "stranger-8.txt", "stranger-9.txt", "stranger-10.txt",
}

// unseen are calls of which nobody has looked at what is missed: it is counted, and
// nothing is held to it. unseen.txt was written after the detector was changed by
// calls.txt; the others are by two more authors.
var unseen = []string{"unseen.txt", "stranger-5.txt", "stranger-6.txt"}

// short are the kinds of which less is found in a corpus than was agreed, in per
// cent: what lacks is known, and not mended.
var short = map[string]map[Entity]float64{
	"stranger-2.txt": {
		SecurityCode: 96, // with nobody asking but "back"
	},
	"stranger-4.txt": {
		CreditCard: 95, // one of 23
	},
	"stranger-8.txt": {
		SecurityCode: 96, // one of 30
	},
}

var (
	missed = flag.Bool("missed", false, "list what was not found, in the files that may be read")
	wrong  = flag.Bool("wrong", false, "list what was found and is not of its kind, in the files that may be read")
)

// legible reports whether the calls of a file may be looked at one by one.
func legible(file string) bool { return file != "held.txt" && !slices.Contains(unseen, file) }

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
			} else if *wrong && legible(file) {
				t.Logf("%s %s: %s is none: %s\n%s", file, d.name, s.Entity, s.Why, shown(d, covered))
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
			} else if *missed && legible(file) {
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
			least, known := short[file][e]
			if !known {
				least = want[e]
			} else if recall >= want[e] {
				t.Errorf("%s: %s is found in %.1f %% of cases, and still listed as short", file, e, recall)
			}
			if recall < least && slices.Contains(corpora, file) {
				t.Errorf("%s: %s is found in %.1f %% of cases, at least %v %% are agreed", file, e, recall, least)
			}
		}
		slices.Sort(lines)
		t.Logf("%s\n%s", file, strings.Join(lines, "\n"))
	}
}
