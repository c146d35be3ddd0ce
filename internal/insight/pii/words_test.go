package pii

import (
	"maps"
	"strings"
	"testing"
)

// Lists that are in order and say nothing twice can be read, and added to.
func TestListsAreInOrderAndSayNothingTwice(t *testing.T) {
	for name, text := range map[string]string{
		"given": givenText, "family": familyText, "towns": townText, "counties": countyText, "abroad": abroadText, "common": commonText,
	} {
		inOrder(t, name, strings.Fields(text))
	}
	inOrder(t, "towns-of-words", strings.Split(strings.TrimSpace(townsText), "\n"))
}

func inOrder(t *testing.T, name string, words []string) {
	if len(words) == 0 {
		t.Errorf("%s is empty", name)
	}
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] == words[i-1]:
			t.Errorf("%s has %q twice", name, words[i])
		case words[i] < words[i-1]:
			t.Errorf("%s has %q behind %q", name, words[i], words[i-1])
		}
	}
}

// The frequent ones are among all.
func TestFrequentNamesAreNames(t *testing.T) {
	for name, few := range map[string][2]map[string]bool{"given": {firstNames, givenNames}, "family": {lastNames, familyNames}, "towns": {towns, townNames}} {
		for x := range few[0] {
			if !few[1][x] {
				t.Errorf("%q is frequent and does not stand in %s", x, name)
			}
		}
	}
}

// What engines never write would never be found.
func TestListsAreWrittenAsEnginesWrite(t *testing.T) {
	for w := range maps.Keys(givenNames) {
		if w != strings.ToLower(w) || strings.Trim(w, ".,?!:;\"'()") != w {
			t.Errorf("%q is not as the detector reads it", w)
		}
	}
	for _, x := range []string{"names", "mending", "happier", "stopped", "lorries", "postman's", "wouldn't", "repaid", "unpaid", "builder's"} {
		if !ordinary(x) {
			t.Errorf("%q is taken for a name", x)
		}
	}
	for _, x := range []string{"llanfair", "szczepaniak", "okonjo", "tregurtha"} {
		if ordinary(x) {
			t.Errorf("%q is taken for a common word", x)
		}
	}
	if len(townsOfWords["milton"]) == 0 {
		t.Error("towns of two words are not known")
	}
}
