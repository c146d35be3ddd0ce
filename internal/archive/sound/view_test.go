package sound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

func TestVirtualWAVIsTheSameAtEveryRange(t *testing.T) {
	file := ffmpeg(t, wavOf(8000, 1, tone(8000, 1, 2)), "-c:a", "pcm_mulaw", "-f", "wav")
	pcm, err := OpenPCM(t.Context(), bytes.NewReader(file), probe(t, file, "x.wav", Hint{}))
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := WriteWAV(t.Context(), &whole, pcm); err != nil {
		t.Fatal(err)
	}
	w := NewWAV(pcm)
	if w.Size() != int64(whole.Len()) {
		t.Fatalf("size %d, written %d", w.Size(), whole.Len())
	}
	for off := int64(0); off < w.Size(); off += 777 {
		b := make([]byte, 1234)
		n, err := w.ReadAt(b, off)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if !bytes.Equal(b[:n], whole.Bytes()[off:off+int64(n)]) || (n < len(b)) != (off+int64(len(b)) > w.Size()) {
			t.Fatalf("range at %d differs", off)
		}
	}
}

func TestPeaksChannelsAndSides(t *testing.T) {
	left, right := tone(8000, 1, 1), make([]int16, 4000)
	for i := range right {
		right[i] = -16384
	}
	open := func(s []int16) PCM {
		b := wavOf(8000, 1, s)
		pcm, err := OpenPCM(t.Context(), bytes.NewReader(b), probe(t, b, "x.wav", Hint{}))
		if err != nil {
			t.Fatal(err)
		}
		return pcm
	}
	both, err := Combine(open(left), open(right))
	if err != nil {
		t.Fatal(err)
	}
	peaks, err := Peaks(t.Context(), both, 4)
	if err != nil {
		t.Fatal(err)
	}
	if len(peaks) != 2 || peaks[1][0] != 0.5 || peaks[1][1] != 0.5 || peaks[1][2] != 0 || peaks[0][3] < 0.2 {
		t.Fatalf("peaks %v", peaks)
	}
	for n, want := range [][]int16{left, append(right, make([]int16, 4000)...)} {
		one, err := Channel(both, n)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFrom(t, one, 0, 8000); !equal(got, want) {
			t.Fatalf("channel %d is not what was put in", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Peaks(ctx, both, 4); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled reading went on: %v", err)
	}
}
