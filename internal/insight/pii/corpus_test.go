package pii

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// dialogue is one of the corpus, with what is personal in it.
type dialogue struct {
	name   string
	turns  []Turn
	marks  [][]mark // per turn and word
	spoken []string // what was really said of the thing, where an engine has heard it; else nil
}

// mark says of which thing a word is part; loose words need not be found.
type mark struct {
	thing string // ENTITY:instance
	loose bool
}

func (m mark) entity() Entity {
	e, _, _ := strings.Cut(m.thing, ":")
	return Entity(e)
}

func corpus(t testing.TB, file string) (all []dialogue) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := 0.0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if name, ok := strings.CutPrefix(line, "# "); ok {
			all, now = append(all, dialogue{name: name}), 0
			continue
		}
		if spoken, ok := strings.CutPrefix(line, "= "); ok {
			all[len(all)-1].spoken = strings.Fields(spoken)
			continue
		}
		who, said, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		d := &all[len(all)-1]
		turn, marks, inside := Turn{Speaker: strings.TrimPrefix(who, "U")}, []mark{}, ""
		for _, w := range strings.Fields(said) {
			if thing, ok := strings.CutPrefix(w, "["); ok {
				inside = thing
				continue
			}
			closes := strings.Contains(w, "]") && inside != ""
			w = strings.Replace(w, "]", "", 1) // it may stand before the mark that ends the word
			m := mark{inside, strings.HasPrefix(w, "~")}
			turn.Words = append(turn.Words, Word{Text: strings.TrimPrefix(w, "~"), Start: now, End: now + 0.3, Confidence: -1})
			marks = append(marks, m)
			now += 0.4
			if closes {
				inside = ""
			}
		}
		now += 0.5
		d.turns, d.marks = append(d.turns, turn), append(d.marks, marks)
	}
	return all
}

// least are the recalls that are fixed, in per cent.
func least(t testing.TB) map[Entity]float64 {
	f, err := os.Open("testdata/recall.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[Entity]float64{}
	for _, r := range rows[1:] {
		if out[Entity(r[0])], err = strconv.ParseFloat(r[1], 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestTheCorpusHasWhatItPromises(t *testing.T) {
	want := least(t)
	for _, e := range Entities() {
		floor := 90.0
		if e == CreditCard || e == SecurityCode {
			floor = 98
		}
		if want[e] < floor {
			t.Errorf("%s has to be found in %v %%, less than agreed", e, want[e])
		}
	}
	for file, each := range map[string]int{"tuning.txt": 40, "held.txt": 40, "calls.txt": 20} {
		count := map[string]int{}
		for _, d := range corpus(t, file) {
			seen := map[string]bool{}
			for _, ms := range d.marks {
				for _, m := range ms {
					if m.thing != "" && !seen[m.thing] {
						seen[m.thing] = true
						count[string(m.entity())]++
					}
				}
			}
			if len(seen) == 0 {
				count["nothing"]++
			}
		}
		if count["nothing"] < 40 {
			t.Errorf("%s: %d dialogues without anything personal", file, count["nothing"])
		}
		for _, e := range Entities() {
			if count[string(e)] < each {
				t.Errorf("%s has %d of %s", file, count[string(e)], e)
			}
		}
		t.Log(file, fmt.Sprint(count))
	}
}
