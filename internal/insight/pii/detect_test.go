package pii

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func said(text string) (turns []Turn) {
	for _, l := range strings.Split(text, "|") {
		who, words, _ := strings.Cut(l, ":")
		u := Turn{Speaker: who}
		for _, w := range strings.Fields(words) {
			u.Words = append(u.Words, Word{Text: w})
		}
		turns = append(turns, u)
	}
	return turns
}

func found(turns []Turn) (out []string) {
	for _, s := range Detect(turns) {
		var ws []string
		for _, w := range turns[s.Turn].Words[s.From:s.To] {
			ws = append(ws, w.Text)
		}
		out = append(out, string(s.Entity)+": "+strings.Join(ws, " "))
	}
	return out
}

func TestWhatIsSaidInPiecesIsOneThing(t *testing.T) {
	for text, want := range map[string][]string{
		"A: card number|C: double four six one|A: double four six one|C: treble five two":                             {"CREDIT_CARD: double four six one", "CREDIT_CARD: double four six one", "CREDIT_CARD: treble five two"},
		"A: and the last four digits|C: oh nine nought two|A: thank you":                                              {"CREDIT_CARD: oh nine nought two"},
		"A: cvv|C: four to one|A: cheers":                                                                             {"SECURITY_CODE: four to one"},
		"A: sort code and account number|C: twenty forty seven sixty one account one two treble four six seven eight": {"UK_SORT_CODE: twenty forty seven sixty one", "UK_BANK_ACCOUNT: one two treble four six seven eight"},
		"A: account number|C: one two three four five six seven eight please|A: three to five days":                   {"UK_BANK_ACCOUNT: one two three four five six seven eight"},
		"C: it's j for juliet hughes at gmail dot com":                                                                {"EMAIL_ADDRESS: j for juliet hughes at gmail dot com"},
		"A: account number|C: three one seven no sorry three one eight two two nine four oh":                          {"UK_BANK_ACCOUNT: three one seven no sorry three one eight two two nine four oh"},
		"C: it's four nine three two|A: could you say that again|C: four nine three two oh oh one six six two five two eight eight one seven": {
			"CREDIT_CARD: four nine three two", "CREDIT_CARD: four nine three two oh oh one six six two five two eight eight one seven",
		},
		"A: sort code|C: sick tea twelve fore tea five":             {"UK_SORT_CODE: sick tea twelve fore tea five"},
		"A: born when|C: the second of the twelfth forty eight":     {"DATE_TIME: the second of the twelfth forty eight"},
		"A: your reference number is two two seven one four oh six": nil,
		"A: what's for tea|C: i ate one at four":                    nil,
		"A: that's one hundred and forty two pounds fifty":          nil,
		"A: the account is open from nine to five":                  nil,
	} {
		turns := said(text)
		if got := found(turns); !slices.Equal(got, want) {
			t.Errorf("%s\n gives %q\n want  %q", text, got, want)
		}
		groups := map[int]Entity{}
		for _, s := range Detect(turns) {
			if e, ok := groups[s.Group]; ok && e != s.Entity {
				t.Errorf("%s: group %d is two things", text, s.Group)
			}
			groups[s.Group] = s.Entity
		}
	}
}

// A wrong check digit lowers the score and hides nothing: engines mishear.
func TestCheckDigitsAreEvidenceAndNoGate(t *testing.T) {
	right := Detect(said("A: card number|C: 4111 1111 1111 1111"))
	wrong := Detect(said("A: card number|C: 4111 1111 1111 1112"))
	if len(right) != 1 || len(wrong) != 1 || wrong[0].Entity != CreditCard || right[0].Score <= wrong[0].Score {
		t.Errorf("right %+v, wrong %+v", right, wrong)
	}
	for what, ok := range map[string]bool{
		"luhn": Luhn("4111111111111111") && !Luhn("4111111111111112"), "mod 11": mod11("9434765919") && !mod11("9434765918"),
		"mod 97": mod97("gb29nwbk60161331926819") && !mod97("gb29nwbk60161331926818"), "prefix": ninoPrefix("ab") && !ninoPrefix("da") && !ninoPrefix("bg"),
	} {
		if !ok {
			t.Errorf("the check %s is wrong", what)
		}
	}
}

// Why must never repeat what was said: it is shown to who may not read it.
func TestReasonsQuoteNothing(t *testing.T) {
	known := map[string]bool{}
	for _, file := range []string{"tuning.txt", "held.txt"} {
		for _, d := range corpus(t, file) {
			for _, s := range Detect(d.turns) {
				known[s.Why] = true
			}
		}
	}
	if len(known) > 40 {
		t.Errorf("%d different reasons: they quote", len(known))
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("A: card number|C: double four six one treble five two|A: yep|C: oh oh seven")
	f.Add("C: a for apple at gmail dot|A: dot|C: com @ 1.2.3.4 www.x.com")
	f.Add("U: the of may the twenty first two thousand and|U: flat a hundred and two the crescent milton")
	f.Add(":0B00AA0")
	f.Add(":|:double|:treble double oh|: for for")
	f.Fuzz(func(t *testing.T, text string) {
		turns := said(text)
		last := map[[2]int]bool{}
		for _, s := range Detect(turns) {
			if s.From < 0 || s.To <= s.From || s.To > len(turns[s.Turn].Words) || s.Score <= 0 || s.Score > 1 || s.Why == "" || s.Group < 1 {
				t.Fatalf("%+v of %q", s, text)
			}
			if key := [2]int{s.Turn, s.From}; last[key] {
				t.Fatalf("two findings begin at the same word of %q", text)
			} else {
				last[key] = true
			}
		}
	})
}

// A day's talk must not take longer than it takes to read: what is said grows
// by words, and the time must not grow with their square.
func TestTimeGrowsWithWhatIsSaid(t *testing.T) {
	once := corpus(t, "tuning.txt")
	var turns []Turn
	for _, d := range once[:400] {
		turns = append(turns, d.turns...)
	}
	measure := func(all []Turn) time.Duration {
		best := time.Hour
		for range 3 {
			at := worked(t)
			Detect(all)
			best = min(best, worked(t)-at)
		}
		return best
	}
	if one, eight := measure(turns), measure(slices.Repeat(turns, 8)); eight > 24*one+20*time.Millisecond {
		t.Errorf("eight times as much takes %v instead of %v", eight, one)
	}
	// Nor with the square of one turn, in which somebody says the same for hours.
	for _, text := range []string{"one", "double", "one dot", "dot", "b", "b for bertie", "at", "gwen", "hundred", "two thousand", "erm", "www", "street", "one erm", "one sorry", "b no", "nine eight b"} {
		word := strings.Fields(text)
		one, eight := measure(one(slices.Repeat(word, 500))), measure(one(slices.Repeat(word, 4000)))
		if eight > 40*one+200*time.Millisecond { // garbage is collected once there is more of it: with the square it is 64 times
			t.Errorf("%q said eight times as often takes %v instead of %v", text, eight, one)
		}
	}
}

// one is a turn of these words.
func one(words []string) []Turn {
	t := Turn{Speaker: "C"}
	for i, w := range words {
		t.Words = append(t.Words, Word{Text: w, Start: float64(i), End: float64(i) + 0.5, Confidence: -1})
	}
	return []Turn{t}
}

// worked is what this process has had of the processors: on a busy machine the
// clock on the wall says nothing of the work.
func worked(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkDetect(b *testing.B) {
	all, err := os.ReadFile("testdata/tuning.txt")
	if err != nil {
		b.Fatal(err)
	}
	words := len(strings.Fields(string(all)))
	dialogues := corpus(b, "tuning.txt")
	b.ResetTimer()
	for b.Loop() {
		for _, d := range dialogues {
			Detect(d.turns)
		}
	}
	b.ReportMetric(float64(words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}
