package capture_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/platform/blob"
)

var benchFiles = flag.Int("files", 2000, "how many files BenchmarkArchive takes; 10000 is what is published")

// BenchmarkArchive archives recording-like files (30 KiB to 3 MiB, mean about
// 130 KiB) from a watched folder, end to end, and compares with a bare loop
// that reads, hashes, seals and fsyncs the same files in the same run:
//
//	go test ./internal/archive/capture -run '^$' -bench Archive -benchtime 1x -files 10000
func BenchmarkArchive(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		folder := filepath.Join(dir, "drop")
		total := makeRecordings(b, folder, *benchFiles)
		gib := float64(total) / (1 << 30)
		ours := measure(func() { archiveFolder(b, dir, folder, *benchFiles) })
		peak := peakMemory(b)
		bound := measure(func() { bareLoop(b, folder, filepath.Join(dir, "bare")) })
		b.ReportMetric(ours.cpu.Seconds()/gib, "cpu-s/GiB")
		b.ReportMetric(bound.cpu.Seconds()/gib, "bound-cpu-s/GiB")
		b.ReportMetric(ours.cpu.Seconds()/bound.cpu.Seconds(), "cpu/bound")
		b.ReportMetric(bound.wall.Seconds()/ours.wall.Seconds(), "throughput/bound")
		b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		b.ReportMetric(float64(*benchFiles)/ours.wall.Seconds(), "files/s")
	}
}

type cost struct{ wall, cpu time.Duration }

func measure(fn func()) cost {
	began, cpu := time.Now(), cpuTime()
	fn()
	return cost{time.Since(began), cpuTime() - cpu}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peakMemory(b *testing.B) (bytes int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	fmt.Sscan(after, &bytes)
	return bytes << 10
}

// makeRecordings writes files with lengths as those of calls: most are short.
func makeRecordings(b *testing.B, folder string, n int) (total int64) {
	b.Helper()
	noise := make([]byte, 3<<20)
	rand.Read(noise)
	for i := range n {
		dir := filepath.Join(folder, fmt.Sprintf("%02d", i%30))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		size := 30<<10 + (i*7919%1000)*(i*7919%1000)/9 // 30 KiB to 138 KiB
		switch {
		case i%400 == 0:
			size = 3 << 20
		case i%20 == 0:
			size = 1 << 20
		}
		size &^= 1
		data := append(sound.WAVHeader(1, 8000, int64(size/2)), noise[:size]...)
		copy(data[60:], fmt.Sprintf("%016d", i))
		path := filepath.Join(dir, fmt.Sprintf("%06d.wav", i))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			b.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			b.Fatal(err)
		}
		total += int64(len(data))
	}
	syscall.Sync()
	return total
}

func archiveFolder(b *testing.B, dir, folder string, n int) {
	b.Helper()
	bucket, err := blob.OpenFolder(filepath.Join(dir, "bucket"))
	if err != nil {
		b.Fatal(err)
	}
	w, err := recordingtest.Disk(b.Context(), dir, recording.Options{Objects: bucket}, recording.Source{Profile: "generic", Folder: folder})
	if err != nil {
		b.Fatal(err)
	}
	s := capture.NewService(capture.ServiceOptions{Store: w.Store, Recordings: w.Service})
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	for {
		u, err := w.Service.Usage(b.Context(), w.Place)
		if err != nil {
			b.Fatal(err)
		}
		if u.Recordings == int64(n) && u.Unverified == 0 {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.Stop()
	w.Close()
}

// bareLoop is the least that archiving can cost.
func bareLoop(b *testing.B, folder, to string) {
	b.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		b.Fatal(err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	i := 0
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		f, err := os.Create(filepath.Join(to, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		i++
		if _, err := f.Write(aead.Seal(data[:0], nil, data, sum[:])); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		b.Fatal(err)
	}
}
