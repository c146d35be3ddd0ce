package collect

import (
	"io"
	"io/fs"
	"testing"
	"time"

	"ringfence/internal/base/disk"
)

// A file that was found whole and is then kept by another program (a virus
// scanner on Windows, error 32) waits, stands in no list, and is sealed when it
// is let go; only after minutes does it need attention.
func TestAFileThatIsLockedWaits(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	now := time.Now()
	o := w.options()
	o.now = func() time.Time { return now }
	b, _, err := openBox(o)
	fine(t, err)
	defer b.close()
	fine(t, b.configure(t.Context()))
	s := newScanner(b)
	fine(t, s.look(t.Context()))
	item := s.todo["a.wav"]
	free := item.Files[0].Open
	item.Files[0].Open = func() (io.ReadCloser, error) {
		return nil, &fs.PathError{Op: "open", Path: "a.wav", Err: disk.Errno(32)}
	}
	b.queue = make(chan *entry, 8)
	for _, after := range []time.Duration{0, time.Second, lockedFor / 2} {
		now = now.Add(after)
		fine(t, s.seal(t.Context()))
		if len(b.attention) != 0 || len(s.todo) != 1 || b.spool.bytes() != 0 {
			t.Fatalf("after %s: %d need attention, %d wait, %d bytes in the spool", after, len(b.attention), len(s.todo), b.spool.bytes())
		}
	}
	now = now.Add(lockedFor)
	fine(t, s.seal(t.Context()))
	if len(b.attention) != 1 {
		t.Fatal("nobody is told")
	}
	item.Files[0].Open = free
	fine(t, s.seal(t.Context()))
	if len(b.attention) != 0 || len(s.todo) != 0 || b.spool.bytes() == 0 || len(s.locked) != 0 {
		t.Fatalf("%d need attention, %d wait", len(b.attention), len(s.todo))
	}
}
