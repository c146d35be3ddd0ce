package pii

import (
	"math"
	"slices"
	"testing"
)

// The chances of a chain are those that counting all its readings gives.
func TestChancesAreThoseOfAllReadings(t *testing.T) {
	const k, n = 3, 4
	var worth, step []float64
	for i := range k * n {
		worth = append(worth, math.Sin(float64(7*i))*3)
	}
	for i := range k * k {
		step = append(step, math.Exp(math.Cos(float64(5*i))))
	}
	want, total := make([]float64, k*n), 0.0
	for all := range 81 { // k to the power of n
		p, before, rest := 1.0, neither, all
		var reading [n]int
		for i := range n {
			r := rest % k
			p *= step[before*k+r] * math.Exp(worth[k*i+r])
			reading[i], before, rest = r, r, rest/k
		}
		total += p
		for i, r := range reading {
			want[k*i+r] += p
		}
	}
	var c chain
	c.read(worth, step, k)
	for i, p := range c.both {
		if math.Abs(p-want[i]/total) > 1e-9 {
			t.Errorf("word %d reading %d: %v instead of %v", i/k, i%k, p, want[i]/total)
		}
	}
}

// What is read from a file is what it says.
func TestWeightsAreRead(t *testing.T) {
	w := parseWeights("# of a test\nword\nfor\t\ta-150c25\nrun\n#6\t#digit\tb7\nstep\n1\t\tb-200\n", 4)
	for _, c := range []struct {
		where, a, b string
		want        []float32
	}{{"word", "for", "", []float32{-1.5, 0, 0.25}}, {"run", "#6", "#digit", []float32{0, 0.07, 0}}, {"word", "four", "", []float32{0, 0, 0}}} {
		if got := w.worth(signOf(c.where), signOf(c.a), signOf(c.b)); !slices.Equal(got, c.want) {
			t.Errorf("%s %s %s: %v instead of %v", c.where, c.a, c.b, got, c.want)
		}
	}
	if got := w.steps[1*4+2]; got != -2 {
		t.Errorf("from the first reading to the second: %v instead of -2", got)
	}
}

// Kinds are told apart where no rule does it, and what is nobody's is left alone.
func TestKindsAreToldByWhatIsAround(t *testing.T) {
	for text, want := range map[string]map[Entity]string{
		"A: and where's the refund going|C: nationwide eleven oh four twenty then double three one seven oh two nine six":                   {SortCode: "eleven oh four twenty", BankAccount: "double three one seven oh two nine six"},
		"A: who shall we pay|C: savings account it's four oh twelve eighty one and the other number's nine one six two double oh five four": {SortCode: "four oh twelve eighty one", BankAccount: "nine one six two double oh five four"},
		"A: turn it over for me|C: right erm two nine four":                                                                                 {SecurityCode: "two nine four"},
		"A: and the little numbers on the signature strip|C: eight eight one":                                                               {SecurityCode: "eight eight one"},
		"A: what's the order number|C: nine one six two double oh five four":                                                                nil,
		"A: how much was it|C: forty two pounds fifty and two ninety nine postage":                                                          nil,
		"A: when are you open|C: nine till half five and ten till four on a sunday":                                                         nil,
		"A: the meter reading please|C: oh four two nine six one":                                                                           nil,
	} {
		if got := kinds(said(text)); !equal(got, want) {
			t.Errorf("%s\n gives %q\n want  %q", text, got, want)
		}
	}
}
