package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/secret"
)

// raw is what the processor can do: AES-256-GCM over segments, nothing else.
func raw(b testing.TB, k secret.Key, plain []byte) {
	block, err := aes.NewCipher(k.Reveal())
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, segmentSize)
	var n nonce
	for segment := range slices.Chunk(plain, plainSize) {
		aead.Seal(buf, n.at(0, false), segment, nil)
	}
}

func sealOnce(b testing.TB, k secret.Key, plain []byte) {
	w, err := NewWriter(io.Discard, k, nil)
	if err != nil {
		b.Fatal(err)
	}
	w.Write(plain)
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSeal prints MB/s of bare AES-GCM and of the format, for a long
// recording and for a short one, and what the format costs as a ratio of the
// two, measured alternately in the same run.
func BenchmarkSeal(b *testing.B) {
	k := secret.NewKey()
	for name, size := range map[string]int{"64MiB": 64 << 20, "130KiB": 130 << 10} {
		plain := pattern(size)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			bare, ours := math.MaxInt64*time.Nanosecond, math.MaxInt64*time.Nanosecond
			for b.Loop() {
				bare = min(bare, took(func() { raw(b, k, plain) }))
				ours = min(ours, took(func() { sealOnce(b, k, plain) }))
			}
			b.ReportMetric(float64(size)/1e6/bare.Seconds(), "bare-MB/s")
			b.ReportMetric(float64(size)/1e6/ours.Seconds(), "sealed-MB/s")
			b.ReportMetric(float64(ours)/float64(bare), "sealed/bare")
		})
	}
}

func took(f func()) time.Duration {
	at := time.Now()
	f()
	return time.Since(at)
}

// BenchmarkOpen reads a two-hour recording (8 kHz, two channels, 16 bit) from
// one end to the other.
func BenchmarkOpen(b *testing.B) {
	k := secret.NewKey()
	plain := pattern(64 << 20)
	object := seal(b, k, nil, plain)
	p := make([]byte, 32<<10)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(r, 0, r.Size()), p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeek opens the object and reads 4 KiB in the middle.
func BenchmarkSeek(b *testing.B) {
	k := secret.NewKey()
	object := seal(b, k, nil, pattern(64<<20))
	p := make([]byte, 4<<10)
	for b.Loop() {
		r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.ReadAt(p, 30<<20); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkField seals and opens a name under a key that is used often.
func BenchmarkField(b *testing.B) {
	box := NewBox(secret.NewKey())
	aad, plain := make([]byte, 34), []byte("Ada Lovelace")
	for b.Loop() {
		if _, err := box.Open(aad, box.Seal(aad, plain)); err != nil {
			b.Fatal(err)
		}
	}
}
