package pii

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCuesAreInOrderAndSayNothingTwice(t *testing.T) {
	for _, list := range cues {
		name := string(list.entity)
		if list.weak {
			name += " weak"
		}
		inOrder(t, name, strings.Split(list.phrases, "|"))
	}
	strong := map[string]Entity{}
	for _, list := range cues {
		if list.weak {
			continue
		}
		for p := range strings.SplitSeq(list.phrases, "|") {
			if old, ok := strong[p]; ok {
				t.Errorf("%q announces %s and %s", p, old, list.entity)
			}
			strong[p] = list.entity
		}
	}
}

// A word that stands in a list twice shows that nobody has read it.
func TestSetsSayNothingTwice(t *testing.T) {
	files := []string{"address.go", "again.go", "cue.go", "finish.go", "host.go", "lexicon.go", "neighbour.go", "number.go", "run.go", "token.go", "web.go"}
	lists := regexp.MustCompile("(?:set|table)\\(`([^`]*)`\\)")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lists.FindAllSubmatch(text, -1) {
			words := strings.Fields(string(m[1]))
			for i, w := range words {
				words[i], _, _ = strings.Cut(w, "=")
			}
			slices.Sort(words)
			for i := 1; i < len(words); i++ {
				if words[i] == words[i-1] {
					t.Errorf("%s: %q stands twice in one list", file, words[i])
				}
			}
		}
	}
}
