package blob_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/sealed"
)

// recordings are files like those of a telephone system: 30 KiB to 3 MiB, mean
// about 130 KiB.
func recordings(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		size := 30 << 10
		switch {
		case i%100 == 99:
			size = 3 << 20
		case i%3 == 0:
			size = 200 << 10
		}
		all[i] = make([]byte, size)
		rand.Read(all[i])
	}
	return all
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFolder compares batches into the folder with a bare loop that hashes,
// seals, writes and fsyncs the same files, in the same run. What is printed as
// throughput is ours relative to the loop (more is better), and the processor
// time likewise (less is better).
func BenchmarkFolder(b *testing.B) {
	files := recordings(300)
	var total int64
	for _, f := range files {
		total += int64(len(f))
	}
	b.SetBytes(total)
	var bare, ours [2]time.Duration
	for b.Loop() {
		for _, run := range []struct {
			sum *[2]time.Duration
			do  func(b *testing.B, dir string, files [][]byte)
		}{{&bare, bareLoop}, {&ours, batches}} {
			dir := b.TempDir()
			wall, used := time.Now(), cpu()
			run.do(b, dir, files)
			run.sum[0] += time.Since(wall)
			run.sum[1] += cpu() - used
		}
	}
	b.ReportMetric(float64(bare[0])/float64(ours[0]), "throughput/bare")
	b.ReportMetric(float64(ours[1])/float64(bare[1]), "cpu/bare")
	b.ReportMetric(ours[1].Seconds()/float64(b.N)/float64(total)*(1<<30), "cpu-s/GiB")
}

func sealInto(b *testing.B, w io.Writer, key secret.Key, file []byte) {
	sha256.Sum256(file)
	s, err := sealed.NewWriter(w, key, nil)
	if err != nil {
		b.Fatal(err)
	}
	s.Write(file)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func bareLoop(b *testing.B, dir string, files [][]byte) {
	key := secret.NewKey()
	for i, file := range files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			b.Fatal(err)
		}
		sealInto(b, f, key, file)
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func batches(b *testing.B, dir string, files [][]byte) {
	bucket, err := blob.OpenFolder(dir)
	if err != nil {
		b.Fatal(err)
	}
	c, key := id.New[id.Customer](), secret.NewKey()
	for len(files) > 0 {
		n := min(64, len(files))
		batch := bucket.Batch()
		for _, file := range files[:n] {
			var object bytes.Buffer
			object.Grow(int(sealed.SealedSize(int64(len(file)))))
			sealInto(b, &object, key, file)
			if _, err := batch.Put(b.Context(), blob.Name(c, id.New[id.Object]()), &object); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
		files = files[n:]
	}
}
