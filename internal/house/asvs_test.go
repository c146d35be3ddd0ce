package house

import (
	"encoding/csv"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// asvs is how many requirements each section of OWASP ASVS 5.0.0 has, in the
// chapters that docs/asvs.csv answers: authentication, sessions, authorization,
// OAuth and OIDC, logging and errors.
var asvs = map[string]int{
	"6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
	"8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2,
	"10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16, "10.5": 5, "10.6": 2, "10.7": 3,
	"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 4,
}

// TestASVS holds each line of docs/asvs.csv to its word: no requirement is left
// out, every test that it names exists, and what is not met says why.
func TestASVS(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(read(t, "docs/asvs.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	exists := testNames(t)
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		what, verdict, tests, note := row[0], row[3], strings.Fields(row[4]), row[5]
		if seen[what] {
			t.Errorf("%s stands twice", what)
		}
		seen[what] = true
		for _, name := range tests {
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", what, name)
			}
		}
		switch verdict {
		case "met":
			if len(tests) == 0 && note == "" {
				t.Errorf("%s is said to be met, by no test and without a word where", what)
			}
		case "deviation", "not applicable", "not yet":
			if note == "" {
				t.Errorf("%s: %s, without a reason", what, verdict)
			}
		default:
			t.Errorf("%s: the verdict %q means nothing", what, verdict)
		}
	}
	want := map[string]bool{}
	for section, n := range asvs {
		for i := range n {
			want[fmt.Sprintf("%s.%d", section, i+1)] = true
		}
	}
	if !maps.Equal(seen, want) {
		for k := range want {
			if !seen[k] {
				t.Errorf("%s is left out", k)
			}
		}
		for k := range seen {
			if !want[k] {
				t.Errorf("ASVS 5.0.0 has no %s", k)
			}
		}
	}
}
