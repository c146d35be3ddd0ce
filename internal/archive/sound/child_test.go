package sound

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/base/fault"
)

// standIn puts another program in ffmpeg's place.
func standIn(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestADecoderThatMisbehavesIsStopped(t *testing.T) {
	file := ffmpeg(t, wavOf(16000, 1, tone(16000, 1, 3)), "-c:a", "libmp3lame", "-f", "mp3")
	p := probe(t, file, "x.mp3", Hint{})
	open := func(ctx context.Context) *compressed {
		t.Helper()
		pcm, err := OpenPCM(ctx, bytes.NewReader(file), p)
		if err != nil {
			t.Fatal(err)
		}
		c := pcm.(*compressed)
		c.stall = 300 * time.Millisecond
		t.Cleanup(func() { c.Close() })
		return c
	}
	for name, c := range map[string]struct {
		script string
		kind   fault.Kind
	}{
		"missing": {"", fault.Unavailable},
		"hangs":   {"exec sleep 60", fault.Unavailable},
		"refuses": {"exit 1", fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			standIn(t, c.script)
			began := time.Now()
			_, err := open(t.Context()).ReadFrames(make([]int16, 100), 0)
			if !fault.Is(err, c.kind) || time.Since(began) > 20*time.Second {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		standIn(t, "exec sleep 60")
		ctx, cancel := context.WithCancel(t.Context())
		c := open(ctx)
		c.stall = time.Minute
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := c.ReadFrames(make([]int16, 100), 0); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	t.Run("stops early", func(t *testing.T) { // what a file's length promised is silence
		standIn(t, "head -c 2000 /dev/zero")
		c := open(t.Context())
		if got := readFrom(t, c, 0, int(p.Frames)); len(got) != int(p.Frames) {
			t.Fatal(len(got))
		}
	})
}
