package sentiment_test

import (
	"bufio"
	"os"
	"reflect"
	"strings"
	"testing"

	"ringfence/internal/insight/sentiment"
)

// The lines were written and labelled by one of the authors, who had only the
// first file before him when he wrote the dictionary. The second is the figure
// to quote, and even that is 32 lines of clean text: it guards against
// regressions and proves nothing about real calls.
func TestLabelledLines(t *testing.T) {
	a := sentiment.New()
	for _, set := range []struct {
		file  string
		floor int // lines that were right when the set was made
	}{{"testdata/tuned.tsv", 28}, {"testdata/held.tsv", 21}} {
		f, err := os.Open(set.file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		right, all := 0, 0
		for lines := bufio.NewScanner(f); lines.Scan(); {
			want, text, ok := strings.Cut(lines.Text(), "\t")
			if !ok {
				t.Fatalf("%s: no label in %q", set.file, lines.Text())
			}
			got := a.Turn(text)
			all++
			if string(got.Label) == want {
				right++
			} else {
				t.Logf("%s: want %s, got %s %+.2f %v: %s", set.file, want, got.Label, got.Score, got.Words, text)
			}
		}
		t.Logf("%s: %d of %d right (%d %%)", set.file, right, all, 100*right/all)
		if right < set.floor {
			t.Errorf("%s: %d right, there were %d", set.file, right, set.floor)
		}
	}
}

func TestTheWordsThatCausedIt(t *testing.T) {
	r := sentiment.New().Turn("My parcel still has not been delivered, that is terrible service.")
	if r.Label != sentiment.Negative || len(r.Words) < 2 {
		t.Fatalf("got %+v", r)
	}
	for _, w := range r.Words {
		if w.Weight >= 0 {
			t.Errorf("%q is said to have made it better: %+v", w.Word, r)
		}
	}
	if r.Words[0].Word != "terrible" && r.Words[0].Word != "still has not" {
		t.Errorf("the strongest word is %q", r.Words[0].Word)
	}
}

func TestNegationIsInTheWeight(t *testing.T) {
	r := sentiment.New().Turn("I am not happy")
	if r.Label != sentiment.Negative || len(r.Words) != 1 || r.Words[0].Word != "happy" || r.Words[0].Weight >= 0 {
		t.Fatalf("got %+v", r)
	}
}

func TestCourtesyIsNoMood(t *testing.T) {
	a := sentiment.New()
	for _, text := range []string{
		"", "...", "Thank you for calling, how can I help you today?", "Good morning, please hold the line.",
		"I'm sorry to hear that, have a nice day", "Yes. Okay. Sure, no problem.",
	} {
		if r := a.Turn(text); r.Label != sentiment.Neutral || len(r.Words) != 0 {
			t.Errorf("%q is %+v", text, r)
		}
	}
}

func TestCall(t *testing.T) {
	a := sentiment.New()
	if r := a.Call(nil); r.Label != sentiment.Neutral || r.Score != 0 {
		t.Errorf("nothing said: %+v", r)
	}
	numbers := a.Turn("My number is four seven two nine one five three")
	angry := a.Turn("This is a ridiculous waste of time")
	if r := a.Call([]sentiment.Rating{numbers, numbers, angry, numbers}); r.Label != sentiment.Negative {
		t.Errorf("numbers drowned a complaint: %+v", r)
	}
	pleased := a.Turn("That is wonderful, you were very helpful")
	if r := a.Call([]sentiment.Rating{pleased, pleased, pleased, angry}); r.Label == sentiment.Negative {
		t.Errorf("one sharp word named a friendly call: %+v", r)
	}
}

// A mono mix of an hour comes as one long text: it must neither take for ever
// nor end at plus or minus one.
func TestLongText(t *testing.T) {
	a := sentiment.New()
	r := a.Turn(strings.Repeat("it is good that you called about the green table by the window ", 2000))
	if r.Score >= 0.9 || r.Label != sentiment.Positive {
		t.Errorf("got %v %v", r.Score, r.Label)
	}
}

func TestSameTextSameRating(t *testing.T) {
	text := "great help but still not working, waste of time, good news, terrible and nice"
	want := sentiment.New().Turn(text)
	for range 20 {
		if got := sentiment.New().Turn(text); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, then %+v", want, got)
		}
	}
}

func FuzzTurn(f *testing.F) {
	for _, s := range []string{"", "not", "no no no", "can not", "'", "\xff", "😀 great", "very very very good but bad", strings.Repeat("good ", 100)} {
		f.Add(s)
	}
	a := sentiment.New()
	f.Fuzz(func(t *testing.T, s string) {
		r := a.Turn(s)
		if !(r.Score >= -1 && r.Score <= 1) {
			t.Fatalf("%q: %v", s, r.Score)
		}
	})
}
