package collect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCollector brings recording-like files (30 KiB to 3 MiB, mean about
// 130 KiB) from a box to the archive over loopback. Box and server are two
// processes, so that the CPU of each is told apart:
//
//	box-s/GiB, server-s/GiB   CPU seconds per GiB of sound
//	bound-s/GiB               CPU of a bare loop over the same files in the same
//	                          run: read, SHA-256, AES-256-GCM, write, fsync
//	box/bound                 their ratio
//	files/s                   throughput, sealed to verified
func BenchmarkCollector(b *testing.B) {
	const n = 600
	for b.Loop() {
		b.StopTimer()
		w, total := benchWorld(b, n)
		bound := cpuOf(b, func() { bareLoop(b, w.from) })
		addr := w.http.Listener.Addr().String()
		w.http.Close()
		w.world.close()
		server := serverAt(b, w.dir, addr)
		b.StartTimer()
		at := time.Now()
		box := cpuOf(b, func() {
			if _, err := w.collect(func(o *Options) { o.After = Keep }); err != nil {
				b.Fatal(err)
			}
		})
		took := time.Since(at)
		b.StopTimer()
		if err := server.Process.Signal(syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		if err := server.Wait(); !killed(err) {
			b.Fatal(err)
		}
		gib := float64(total) / (1 << 30)
		srv := server.ProcessState.UserTime() + server.ProcessState.SystemTime()
		b.SetBytes(total)
		b.ReportMetric(box.Seconds()/gib, "box-s/GiB")
		b.ReportMetric(srv.Seconds()/gib, "server-s/GiB")
		b.ReportMetric(bound.Seconds()/gib, "bound-s/GiB")
		b.ReportMetric(box.Seconds()/bound.Seconds(), "box/bound")
		b.ReportMetric(n/took.Seconds(), "files/s")
		b.StartTimer()
	}
}

// benchWorld writes n files whose sizes are spread as those of real calls are:
// many short, few long.
func benchWorld(b *testing.B, n int) (*testWorld, int64) {
	b.Helper()
	w := newWorld(b)
	w.enrol()
	r := mrand.New(mrand.NewPCG(1, 2))
	total := int64(0)
	noise := make([]byte, 3<<20)
	rand.Read(noise)
	for i := range n {
		size := int(min(30+r.ExpFloat64()*100, 3000)) << 10
		file := wav(byte(i), 1)[:44]
		file = append(file, noise[:size]...)
		rand.Read(file[44:60]) // no two files are the same
		put32(file[4:], uint32(36+size))
		put32(file[40:], uint32(size))
		if err := os.WriteFile(filepath.Join(w.from, fmt.Sprintf("%04d.wav", i)), file, 0o644); err != nil {
			b.Fatal(err)
		}
		total += int64(len(file))
	}
	return w, total
}

func put32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// bareLoop is the least that anybody must do with the files.
func bareLoop(b *testing.B, from string) {
	to := b.TempDir()
	names, err := filepath.Glob(filepath.Join(from, "*.wav"))
	if err != nil {
		b.Fatal(err)
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	buf, out, nonce := make([]byte, 64<<10), make([]byte, 0, 65<<10), make([]byte, 12)
	for i, name := range names {
		in, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(filepath.Join(to, fmt.Sprint(i)))
		if err != nil {
			b.Fatal(err)
		}
		h := sha256.New()
		for {
			k, err := io.ReadFull(in, buf)
			h.Write(buf[:k])
			f.Write(gcm.Seal(out, nonce, buf[:k], nil))
			if err != nil {
				break
			}
		}
		if err := errors.Join(f.Sync(), f.Close(), in.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuOf is the CPU time of this process that fn takes.
func cpuOf(b *testing.B, fn func()) time.Duration {
	b.Helper()
	before := cpuNow(b)
	fn()
	return cpuNow(b) - before
}

func cpuNow(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
