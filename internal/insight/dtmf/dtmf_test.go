package dtmf

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// keyed is a number that is keyed in, with noise.
func keyed(rate, keys int, on, off time.Duration, level, noise float64, r *rand.Rand) (out []int16) {
	for k := range keys {
		a, b := low[k%4], high[(k/4+k)%4]
		for i := range int(on * time.Duration(rate) / time.Second) {
			t := float64(i) / float64(rate)
			out = append(out, int16(level*(math.Sin(2*math.Pi*a*t)+math.Sin(2*math.Pi*b*t))+noise*r.NormFloat64()))
		}
		for range int(off * time.Duration(rate) / time.Second) {
			out = append(out, int16(noise*r.NormFloat64()))
		}
	}
	return out
}

func TestKeysAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		rate         int
		on, off      time.Duration
		level, noise float64
	}{
		"as fast as Q.24 allows": {8000, 52 * time.Millisecond, 50 * time.Millisecond, 6000, 30},
		"a person's thumb":       {8000, 120 * time.Millisecond, 180 * time.Millisecond, 8000, 100},
		"quiet, in noise":        {8000, 90 * time.Millisecond, 90 * time.Millisecond, 1200, 150},
		"wide band":              {16000, 80 * time.Millisecond, 80 * time.Millisecond, 5000, 60},
		"CD":                     {44100, 80 * time.Millisecond, 80 * time.Millisecond, 5000, 60},
	} {
		f := New(c.rate)
		f.Write(keyed(c.rate, 16, c.on, c.off, c.level, c.noise, r), 0, 1)
		keys := f.Keys()
		if len(keys) != 16 {
			t.Errorf("%s: %d keys of 16", name, len(keys))
		}
		if s := Series(keys, 12, 2*time.Second); len(s) != 1 {
			t.Errorf("%s: %d numbers, want one", name, len(s))
		}
	}
}

// TestTalkOff bounds false alarms: single keys may be heard in voices, a number never.
func TestTalkOff(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rate, minutes = 8000, 3
	f := New(rate)
	voice := make([]int16, rate)
	for range 60 * minutes {
		pitch := 90 + 160*r.Float64()
		formants := [3]float64{300 + 600*r.Float64(), 1000 + 1200*r.Float64(), 2300 + 500*r.Float64()}
		for i := range voice {
			t := float64(i) / rate
			v := 0.0
			for h := 1; float64(h)*pitch < 3600; h++ { // harmonics under formants, with vibrato
				hz := float64(h) * pitch * (1 + 0.01*math.Sin(2*math.Pi*5*t))
				gain := 0.0
				for k, c := range formants {
					gain += math.Exp(-math.Pow((hz-c)/(60+40*float64(k)), 2)) / float64(k+1)
				}
				v += gain * math.Sin(2*math.Pi*hz*t)
			}
			voice[i] = int16(2500*v*math.Max(0, math.Sin(2*math.Pi*3*t)) + 60*r.NormFloat64())
		}
		f.Write(voice, 0, 1)
	}
	keys := f.Keys()
	t.Logf("%d keys in %d minutes of voices", len(keys), minutes)
	if len(keys) > 2 {
		t.Errorf("%d keys in %d minutes of voices, at most 2 are agreed", len(keys), minutes)
	}
	if s := Series(keys, 3, 2*time.Second); len(s) > 0 {
		t.Error("voices were taken for a number")
	}
}

// What is in the other channel is not heard in this one.
func TestChannelsAreApart(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	one := keyed(8000, 8, 80*time.Millisecond, 80*time.Millisecond, 6000, 20, r)
	both := make([]int16, 2*len(one))
	for i, v := range one {
		both[2*i+1] = v
	}
	left, right := New(8000), New(8000)
	for at := 0; at < len(both); at += 1000 {
		part := both[at:min(len(both), at+1000)]
		left.Write(part, 0, 2)
		right.Write(part, 1, 2)
	}
	if len(left.Keys()) != 0 || len(right.Keys()) != 8 {
		t.Errorf("%d and %d keys, want none and 8", len(left.Keys()), len(right.Keys()))
	}
}

func BenchmarkHour(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	pcm := make([]int16, 8000*60)
	for i := range pcm {
		pcm[i] = int16(1000 * r.NormFloat64())
	}
	for b.Loop() {
		f := New(8000)
		f.Write(pcm, 0, 1)
	}
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "s/s")
}
