package speech

import (
	"math"
	"slices"
)

// How speech is told from silence: by loudness above the noise of the line.
// That takes music and noise for speech, which costs computing time; to take
// speech for silence would lose words.
const (
	frameMillis = 20
	aboveNoise  = 9.0   // dB above the line's noise
	quietest    = -52.0 // dBFS: below this nobody speaks, however quiet the line
	loudest     = -34.0 // dBFS: above this somebody speaks, however noisy the line seems
	minSpeech   = 3     // frames: a shorter sound is a click
	joinGap     = 22    // frames: a shorter pause is within a sentence
	before      = 10    // frames kept before speech: quiet consonants begin words
	after       = 12    // frames kept after it
)

// meter measures loudness, frame by frame, of sound that comes in parts.
type meter struct {
	perFrame int
	sum      float64
	n        int
	levels   []float32 // dBFS
}

func newMeter(rate int) *meter { return &meter{perFrame: max(1, rate*frameMillis/1000)} }

func (m *meter) add(samples []int16) {
	for _, s := range samples {
		m.sum += float64(s) * float64(s)
		if m.n++; m.n == m.perFrame {
			m.flush()
		}
	}
}

func (m *meter) flush() {
	if m.n == 0 {
		return
	}
	level := -90.0
	if m.sum > 0 {
		level = max(level, 10*math.Log10(m.sum/float64(m.n)/(32768*32768)))
	}
	m.levels = append(m.levels, float32(level))
	m.sum, m.n = 0, 0
}

// speech gives the stretches of speech, in samples.
func (m *meter) speech() []Span {
	m.flush()
	threshold := m.threshold()
	var spans []Span // in frames
	for i := 0; i < len(m.levels); i++ {
		if m.levels[i] < threshold {
			continue
		}
		j := i
		for j < len(m.levels) && m.levels[j] >= threshold {
			j++
		}
		if n := len(spans); n > 0 && i-spans[n-1].To < joinGap {
			spans[n-1].To = j
		} else {
			spans = append(spans, Span{i, j})
		}
		i = j
	}
	spans = slices.DeleteFunc(spans, func(s Span) bool { return s.To-s.From < minSpeech })
	for i := range spans {
		spans[i] = Span{max(0, spans[i].From-before) * m.perFrame, min(len(m.levels), spans[i].To+after) * m.perFrame}
	}
	return spans
}

// threshold is above the noise of the line: the level under which a tenth of
// the frames lie, silence of digital origin not counted.
func (m *meter) threshold() float32 {
	var heard []float32
	for _, l := range m.levels {
		if l > -85 {
			heard = append(heard, l)
		}
	}
	if len(heard) == 0 {
		return 0
	}
	slices.Sort(heard)
	return float32(min(max(float64(heard[len(heard)/10])+aboveNoise, quietest), loudest))
}

// cut divides the sound between pauses into stretches of at most longest
// samples, of which each holds at least some speech. Where somebody speaks
// longer than that without a pause, it is cut where it is quietest.
func (m *meter) cut(spans []Span, longest int) []Span {
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && s.To-out[n-1].From <= longest {
			out[n-1].To = s.To
			continue
		}
		for s.To-s.From > longest {
			at := m.quiet(s.From+longest*3/4, s.From+longest)
			out = append(out, Span{s.From, at})
			s.From = at
		}
		out = append(out, s)
	}
	return out
}

// quiet finds the quietest frame between two samples.
func (m *meter) quiet(from, to int) int {
	best, level := to, float32(math.Inf(1))
	for f := from / m.perFrame; f < min(to/m.perFrame, len(m.levels)); f++ {
		if m.levels[f] < level {
			best, level = f*m.perFrame, m.levels[f]
		}
	}
	return max(best, from+1)
}

// union joins the speech of two channels.
func union(a, b []Span) []Span {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Span) int { return x.From - y.From })
	var out []Span
	for _, s := range all {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// within gives the parts of spans inside a window, counted from its start.
func within(spans []Span, w Span) []Span {
	var out []Span
	for _, s := range spans {
		if from, to := max(s.From, w.From), min(s.To, w.To); from < to {
			out = append(out, Span{from - w.From, to - w.From})
		}
	}
	return out
}

// spoken is how many samples of speech there are.
func spoken(spans []Span) (n int) {
	for _, s := range spans {
		n += s.To - s.From
	}
	return n
}
