package blob_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/platform/blob"
)

var child = flag.String("crash-child", "", "folder to write to until killed; used by TestKilledWriter only")

// TestCrashChild writes batches for ever and says what was acknowledged.
func TestCrashChild(t *testing.T) {
	if *child == "" {
		return // this is not a child
	}
	b := openDir(t, *child)
	for i := 0; ; i++ {
		batch := b.Batch()
		for j := range 5 {
			if _, err := batch.Put(t.Context(), objectName(i, j), bytes.NewReader(objectContent(i, j))); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", i)
	}
}

func objectName(i, j int) string { return fmt.Sprintf("c%d/object-%04d-%d", i%3, i, j) }

// objectContent can be made again by whoever knows the name.
func objectContent(i, j int) []byte {
	sum := sha256.Sum256([]byte(objectName(i, j)))
	return bytes.Repeat(sum[:], 1000)
}

// A writer is killed at some moment: what it acknowledged is there and whole,
// and what is listed is whole, acknowledged or not.
func TestKilledWriter(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{30, 70, 150, 240} {
		dir := t.TempDir()
		var out bytes.Buffer
		cmd := exec.Command(exe, "-test.run=^TestCrashChild$", "-test.v", "-crash-child="+dir)
		cmd.Stdout = &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond) // the moment of the crash is a matter of chance
		cmd.Process.Kill()
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) {
			t.Fatal(err)
		}
		acknowledged := strings.Count(out.String(), "acknowledged")
		judge(t, openDir(t, dir), acknowledged)
	}
}

func judge(t *testing.T, b blob.Bucket, acknowledged int) {
	t.Helper()
	for i := range acknowledged {
		for j := range 5 {
			if got, err := read(b, t, objectName(i, j)); err != nil || !bytes.Equal(got, objectContent(i, j)) {
				t.Fatalf("acknowledged object %d/%d: %d bytes, %v", i, j, len(got), err)
			}
		}
	}
	listed := 0
	err := b.List(t.Context(), "", func(name string, size int64) error {
		listed++
		if size != 32_000 {
			return fmt.Errorf("%s has %d bytes", name, size)
		}
		return nil
	})
	if err != nil || listed < 5*acknowledged {
		t.Fatalf("%d objects are listed, %d batches were acknowledged, %v", listed, acknowledged, err)
	}
}
