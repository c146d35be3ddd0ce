package pii

import (
	"flag"
	"strings"
	"testing"
)

var wrong = flag.Bool("wrong", false, "list what was found and is not of its kind, in the files that may be read")

// TestWrongFindings lists what speaks against the precision of a kind: findings
// of which less than half is what they say.
func TestWrongFindings(t *testing.T) {
	if !*wrong {
		t.Skip("prints only, with -wrong")
	}
	for _, file := range []string{"tuning.txt", "calls.txt", "stranger.txt", "stranger-2.txt"} {
		for _, d := range corpus(t, file) {
			covered := map[[2]int]Entity{}
			var bad []string
			for _, s := range Detect(d.turns) {
				right, words := 0, []string{}
				for w := s.From; w < s.To; w++ {
					covered[[2]int{s.Turn, w}] = s.Entity
					words = append(words, d.turns[s.Turn].Words[w].Text)
					if d.marks[s.Turn][w].entity() == s.Entity {
						right++
					}
				}
				if 2*right < s.To-s.From {
					bad = append(bad, string(s.Entity)+": "+strings.Join(words, " ")+" ("+s.Why+")")
				}
			}
			if len(bad) > 0 {
				t.Logf("%s %s %s\n%s", file, d.name, strings.Join(bad, "; "), shown(d, covered))
			}
		}
	}
}
