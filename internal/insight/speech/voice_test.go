package speech

import (
	"math"
	"slices"
	"testing"
	"time"
)

// tone is a sound of so many dBFS.
func tone(rate int, length time.Duration, dB float64) []int16 {
	out := make([]int16, int(length.Seconds()*float64(rate)))
	amp := 32767 * math.Pow(10, dB/20) * math.Sqrt2
	for i := range out {
		out[i] = int16(min(amp, 32767) * math.Sin(float64(i)*2*math.Pi*440/float64(rate)))
	}
	return out
}

// hiss is noise that is the same in each run.
func hiss(rate int, length time.Duration, dB float64) []int16 {
	out := make([]int16, int(length.Seconds()*float64(rate)))
	amp := 32767 * math.Pow(10, dB/20) * math.Sqrt(3)
	state := uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = int16(amp * (float64(state>>8)/(1<<23) - 1))
	}
	return out
}

func heard(rate int, samples ...[]int16) []Span {
	m := newMeter(rate)
	m.add(slices.Concat(samples...))
	return m.speech()
}

func near(t *testing.T, rate int, got []Span, want ...time.Duration) {
	t.Helper()
	if 2*len(got) != len(want) {
		t.Fatalf("%d stretches, want %d: %v", len(got), len(want)/2, got)
	}
	for i, s := range got {
		from, to := time.Duration(s.From)*time.Second/time.Duration(rate), time.Duration(s.To)*time.Second/time.Duration(rate)
		if (from-want[2*i]).Abs() > 250*time.Millisecond || (to-want[2*i+1]).Abs() > 300*time.Millisecond {
			t.Errorf("stretch %d is %v to %v, want %v to %v", i, from, to, want[2*i], want[2*i+1])
		}
	}
}

func TestSpeechIsFoundInSilenceAndNoise(t *testing.T) {
	const rate, s = 8000, time.Second
	for name, quiet := range map[string]func(time.Duration) []int16{
		"digital silence": func(d time.Duration) []int16 { return make([]int16, int(d.Seconds()*rate)) },
		"a clean line":    func(d time.Duration) []int16 { return hiss(rate, d, -65) },
		"a noisy line":    func(d time.Duration) []int16 { return hiss(rate, d, -45) },
	} {
		t.Run(name, func(t *testing.T) {
			near(t, rate, heard(rate, quiet(2*s), tone(rate, 3*s, -20), quiet(2*s), tone(rate, s, -26), quiet(s)), 2*s, 5*s, 7*s, 8*s)
			near(t, rate, heard(rate, quiet(5*s)))
			near(t, rate, heard(rate, quiet(s), tone(rate, 20*time.Millisecond, -10), quiet(s))) // a click
			near(t, rate, heard(rate, quiet(s), tone(rate, s, -20), quiet(200*time.Millisecond), tone(rate, s, -20), quiet(s)), s, 3200*time.Millisecond)
		})
	}
	near(t, rate, heard(rate))
	near(t, rate, heard(rate, tone(rate, 4*s, -15)), 0, 4*s) // nobody pauses
}

func TestCutAtPauses(t *testing.T) {
	const rate = 8000
	m := newMeter(rate)
	m.add(slices.Concat(tone(rate, 10*time.Second, -20), tone(rate, 200*time.Millisecond, -40), tone(rate, 10*time.Second, -20)))
	all := m.cut([]Span{{0, 20 * rate}}, 12*rate)
	if len(all) != 2 || all[0].To != all[1].From || all[0].To < 10*rate || all[0].To > 10*rate+rate/5 {
		t.Errorf("a long speech was cut at %v", all)
	}
	joined := m.cut([]Span{{0, rate}, {2 * rate, 3 * rate}, {11 * rate, 14 * rate}}, 12*rate)
	if !slices.Equal(joined, []Span{{0, 3 * rate}, {11 * rate, 14 * rate}}) {
		t.Errorf("short ones were put together as %v", joined)
	}
	for longest := 1; longest < 5000; longest += 97 { // no length may stall it or lose anything
		last := 0
		for _, s := range m.cut([]Span{{0, 20 * rate}}, max(longest, 200)) {
			if s.From != last || s.To <= s.From {
				t.Fatalf("longest %d: %v after %d", longest, s, last)
			}
			last = s.To
		}
		if last != 20*rate {
			t.Fatalf("longest %d: ends at %d", longest, last)
		}
	}
}

func TestResampleKeepsToneAndLength(t *testing.T) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 16000}, {11025, 16000}, {44100, 16000}, {48000, 16000}, {6000, 16000}} {
		in := tone(rates[0], time.Second, -12)
		out := resample(in, rates[0], rates[1])
		if d := len(out) - rates[1]; d < -1 || d > 1 {
			t.Errorf("%v: a second became %d samples", rates, len(out))
		}
		want := tone(rates[1], time.Second, -12)
		worst := 0.0
		for i := 500; i < len(out)-500; i++ {
			worst = max(worst, math.Abs(float64(out[i])-float64(want[i])))
		}
		if worst > 150 { // of 11,600: -38 dB
			t.Errorf("%v: the tone is off by %v", rates, worst)
		}
	}
	if resample(nil, 8000, 16000) != nil {
		t.Error("something came of nothing")
	}
}

// What lies above the telephone's band after resampling was not there before.
func TestResampleMakesNoImages(t *testing.T) {
	in := make([]int16, 8000)
	for i := range in {
		in[i] = int16(10000 * math.Sin(float64(i)*2*math.Pi*1000/8000))
	}
	out := resample(in, 8000, 16000)
	level := func(hz float64) float64 {
		var re, im float64
		for i := 1000; i < 15000; i++ {
			a := float64(i) * 2 * math.Pi * hz / 16000
			re += float64(out[i]) * math.Cos(a)
			im += float64(out[i]) * math.Sin(a)
		}
		return 20 * math.Log10(math.Hypot(re, im)/14000+1e-9)
	}
	if d := level(1000) - level(7000); d < 60 {
		t.Errorf("the image at 7 kHz is only %.0f dB down", d)
	}
}

func TestUnionAndWithin(t *testing.T) {
	u := union([]Span{{0, 10}, {20, 30}}, []Span{{5, 12}, {30, 31}, {40, 50}})
	if !slices.Equal(u, []Span{{0, 12}, {20, 31}, {40, 50}}) {
		t.Errorf("union %v", u)
	}
	if w := within(u, Span{10, 45}); !slices.Equal(w, []Span{{0, 2}, {10, 21}, {30, 35}}) {
		t.Errorf("within %v", w)
	}
}
