package pii

import (
	"flag"
	"testing"
)

var strangers = flag.Bool("strangers", false, "measure each author's calls with what the others teach: two minutes")

// TestStrangersAreFoundOut holds what is found of an author of whom nothing was
// learned. The rules were made by some of the calls of the first three, the weights
// by none of those that are measured.
func TestStrangersAreFoundOut(t *testing.T) {
	if !*strangers {
		t.Skip("takes two minutes: -strangers")
	}
	kept := learned
	defer func() { learned = kept }()
	all := map[Entity]*tally{Person: {}, Location: {}}
	for _, a := range authors[1:] {
		learned = parseWeights(learnedFrom(t, a.name))
		for _, file := range a.files {
			got := measure(t, file)
			for e, sum := range all {
				c := got[e]
				sum.things, sum.found, sum.spans, sum.right = sum.things+c.things, sum.found+c.found, sum.spans+c.spans, sum.right+c.right
				t.Logf("%-18s %-9s %4d  recall %5.1f %%  precision %5.1f %%", file, e, c.things, percent(c.found, c.things), percent(c.right, c.spans))
			}
			extra, words := idle(t, file)
			t.Logf("%-18s %.1f findings in a thousand words of calls without anything", file, 1000*float64(extra)/float64(max(1, words)))
		}
	}
	for e, least := range map[Entity]float64{Person: 92, Location: 86} {
		c := all[e]
		t.Logf("%-9s recall %.1f %%  precision %.1f %%", e, percent(c.found, c.things), percent(c.right, c.spans))
		if percent(c.found, c.things) < least {
			t.Errorf("of strangers less than %v %% of %s are found", least, e)
		}
		if percent(c.right, c.spans) < 75 {
			t.Errorf("of strangers less than 75 %% of what is taken for %s is one", e)
		}
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(1, of)) }

// idle counts the people and places that are found in calls that have nothing
// personal in them, and the words of these.
func idle(t testing.TB, file string) (found, words int) {
	for _, d := range corpus(t, file) {
		personal := false
		for _, marks := range d.marks {
			for _, m := range marks {
				personal = personal || m.thing != ""
			}
		}
		if personal {
			continue
		}
		for _, u := range d.turns {
			words += len(u.Words)
		}
		for _, s := range Detect(d.turns) {
			if s.Entity == Person || s.Entity == Location {
				found++
			}
		}
	}
	return found, words
}
