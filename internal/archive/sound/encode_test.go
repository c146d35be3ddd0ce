package sound_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/span"
)

// spoken is sound that rises and falls, another course for each channel.
type spoken struct {
	channels int
	samples  []int16
}

func newSpoken(seed uint64, channels int, length time.Duration) *spoken {
	r := rand.New(rand.NewPCG(seed, 7))
	s := &spoken{channels: channels}
	frames := int(length.Seconds() * 8000)
	loud := make([]float64, channels)
	for i := range frames {
		for c := range channels {
			if i%1600 == 0 {
				loud[c] = float64(r.IntN(2)) * r.Float64() * 12000
			}
			s.samples = append(s.samples, int16(loud[c]*math.Sin(float64(i)*0.2*float64(c+1))))
		}
	}
	return s
}

func (s *spoken) Rate() int     { return 8000 }
func (s *spoken) Channels() int { return s.channels }
func (s *spoken) Frames() int64 { return int64(len(s.samples) / s.channels) }
func (s *spoken) Close() error  { return nil }
func (s *spoken) ReadFrames(p []int16, at int64) (int, error) {
	return copy(p, s.samples[int(at)*s.channels:]) / s.channels, nil
}

func (s *spoken) but(change func(i, c int, v int16) int16) *spoken {
	out := &spoken{channels: s.channels, samples: make([]int16, len(s.samples))}
	for i, v := range s.samples {
		out.samples[i] = change(i/s.channels, i%s.channels, v)
	}
	return out
}

func encoded(t *testing.T, p sound.PCM) sound.PCM {
	t.Helper()
	var b bytes.Buffer
	if err := sound.EncodeOpus(t.Context(), &b, p, sound.UsualOpus); err != nil {
		t.Fatal(err)
	}
	probed, err := sound.Probe(bytes.NewReader(b.Bytes()), int64(b.Len()), "x.opus", sound.Hint{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := sound.OpenPCM(t.Context(), bytes.NewReader(b.Bytes()), probed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// traced notes the spans that are begun, and how they end.
type traced []string

func (t *traced) Begin(ctx context.Context, name string, attrs []span.Attr) (context.Context, span.Span) {
	for _, a := range attrs {
		name += " " + a.Value
	}
	*t = append(*t, name)
	return ctx, t
}
func (t *traced) Carry(context.Context) string                           { return "" }
func (t *traced) Continue(ctx context.Context, _ string) context.Context { return ctx }
func (t *traced) ID(context.Context) string                              { return "" }
func (t *traced) Set(...span.Attr)                                       {}
func (t *traced) End(err error)                                          { *t = append(*t, fmt.Sprint("ended: ", err)) }

// The child that encodes is part of the trace, as the one that decodes.
func TestTheEncoderIsTraced(t *testing.T) {
	var tr traced
	if err := sound.EncodeOpus(span.With(t.Context(), &tr), io.Discard, newSpoken(1, 1, time.Second), sound.UsualOpus); err != nil {
		t.Fatal(err)
	}
	if want := []string{"child ffmpeg encode opus", "ended: <nil>"}; !slices.Equal(tr, want) {
		t.Errorf("%q", tr)
	}
}

func TestOpusSoundsAlike(t *testing.T) {
	for channels := 1; channels <= 2; channels++ {
		was := newSpoken(1, channels, 20*time.Second)
		if same, err := sound.Alike(t.Context(), was, encoded(t, was)); err != nil || !same {
			t.Errorf("%d channels: what comes out of the encoder does not sound alike (%v)", channels, err)
		}
	}
}

// What a faulty encoder could do to a call must be noticed before the original goes.
func TestUnlikeIsNoticed(t *testing.T) {
	was := newSpoken(1, 2, 20*time.Second)
	frames := int(was.Frames())
	for name, bad := range map[string]*spoken{
		"silence":            was.but(func(int, int, int16) int16 { return 0 }),
		"another call":       newSpoken(2, 2, 20*time.Second),
		"one side missing":   was.but(func(_, c int, v int16) int16 { return v * int16(c) }),
		"sides swapped":      was.but(func(i, c int, _ int16) int16 { return was.samples[2*i+1-c] }),
		"the end missing":    {2, was.samples[:len(was.samples)*9/10]},
		"half of it silence": was.but(func(i, _ int, v int16) int16 { return v * int16(2*i/frames) }),
		"mono":               {1, was.samples[:frames]},
		"much too quiet":     was.but(func(_, _ int, v int16) int16 { return v / 4 }),
		"a second late":      {2, append(make([]int16, 2*8000), was.samples[:len(was.samples)-2*8000]...)},
	} {
		if same, err := sound.Alike(t.Context(), was, bad); err != nil || same {
			t.Errorf("%s: alike is %v, %v", name, same, err)
		}
	}
}

// One party must not be heard in the other's channel: transcripts tell them apart by it.
func TestOpusKeepsTheSidesApart(t *testing.T) {
	was := newSpoken(3, 2, 20*time.Second).but(func(_, c int, v int16) int16 { return v * int16(1-c) })
	peaks, err := sound.Peaks(t.Context(), encoded(t, was), 100)
	if err != nil {
		t.Fatal(err)
	}
	var left, right float32
	for i := range peaks[0] {
		left, right = max(left, peaks[0][i]), max(right, peaks[1][i])
	}
	if right > left/10 {
		t.Errorf("the silent side has %.3f of the other's %.3f", right, left)
	}
}

func TestBitRatesOutOfBounds(t *testing.T) {
	for _, kbit := range []int{0, sound.LeastOpus - 1, sound.MostOpus + 1, -1} {
		if err := sound.EncodeOpus(t.Context(), &bytes.Buffer{}, newSpoken(1, 1, time.Second), kbit); err == nil {
			t.Errorf("%d kbit/s was taken", kbit)
		}
	}
}
