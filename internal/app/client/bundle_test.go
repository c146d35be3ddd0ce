package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/remote"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/httpapi"
)

// exporter is a server that makes one export and breaks each download off after
// some bytes.
type exporter struct {
	file    []byte
	cut     int // bytes of each answer; 0: whole
	asked   int // exports
	looks   int
	busy    int // the look at which it wants to be asked less often
	opened  int
	from    []string // the ranges that were asked for
	state   string
	pretend int64 // length that it says, instead of the file's
}

func (x *exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	say := func(v any) { json.NewEncoder(w).Encode(v) }
	switch {
	case r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/departure/exports"):
		x.asked++
		say(httpapi.Export{ID: fmt.Sprintf("par_%d", x.asked)})
	case r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/openings"):
		x.opened++
		say(httpapi.ExportOpening{DownloadURL: strings.TrimPrefix(r.URL.Path, "/prefix") + "/opn_1"})
	case strings.HasSuffix(r.URL.Path, "/opn_1"):
		x.from = append(x.from, r.Header.Get("Range"))
		if x.cut > 0 {
			w = &cutting{ResponseWriter: w, left: x.cut}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(x.file))
	default:
		if x.looks++; x.looks == x.busy {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		e := httpapi.Export{ID: "par_1", State: x.state, Bytes: int64(len(x.file)) + x.pretend, Total: 10, Done: 5, Reason: "the disk is full"}
		if x.looks == 1 && x.state == "ready" {
			e.State = "making"
		}
		say(e)
	}
}

// cutting ends the connection in the middle of an answer.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func newTaking(t *testing.T, x *exporter) *taking {
	t.Helper()
	s := httptest.NewServer(x)
	t.Cleanup(s.Close)
	c, err := remote.New(remote.Target{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &taking{
		client: c, base: "/api/v1/customers/org_1", to: filepath.Join(t.TempDir(), "bundle.zip"), tell: func(string, int64, int64) {},
		every: time.Millisecond, patience: time.Minute, free: func(string) (int64, error) { return 1 << 40, nil },
		check: func(context.Context, string) error { return nil },
	}
}

func someBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

// Cut off again and again, a download goes on where it stopped, and no byte
// travels twice.
func TestADownloadGoesOn(t *testing.T) {
	x := &exporter{file: someBytes(1 << 20), cut: 300_000, state: "ready", busy: 2}
	k := newTaking(t, x)
	if err := k.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(k.to)
	if err != nil || !bytes.Equal(got, x.file) {
		t.Errorf("%d bytes arrived of %d: %v", len(got), len(x.file), err)
	}
	if x.asked != 1 || len(x.from) != 4 || x.from[0] != "" || x.from[1] != "bytes=300000-" {
		t.Errorf("%d exports, ranges %q", x.asked, x.from)
	}
	for _, name := range []string{k.part(), k.slip()} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

// The program itself may end: the next run takes the same export, from where
// the last one stopped.
func TestTheNextRunGoesOn(t *testing.T) {
	x := &exporter{file: someBytes(1 << 20), cut: 300_000, state: "ready"}
	k := newTaking(t, x)
	ctx, stop := context.WithCancel(t.Context())
	k.tell = func(what string, done, _ int64) {
		if what == "taken" && done >= 300_000 {
			stop()
		}
	}
	if err := k.run(ctx); err == nil {
		t.Fatal("it was to be interrupted")
	}
	info, err := os.Stat(k.part())
	if err != nil || info.Size() == 0 {
		t.Fatal("nothing was kept:", err)
	}
	x.from, x.cut = nil, 0
	k.tell = func(string, int64, int64) {}
	if err := k.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(k.to); !bytes.Equal(got, x.file) || x.asked != 1 || x.from[0] != fmt.Sprintf("bytes=%d-", info.Size()) {
		t.Errorf("%d bytes of export %d, from %q", len(got), x.asked, x.from)
	}
}

// A bundle that was begun for one receiver is not gone on with for another: it
// would come whole, and not open there.
func TestABundleBegunForAnotherKey(t *testing.T) {
	x := &exporter{file: someBytes(1 << 16), state: "ready"}
	k := newTaking(t, x)
	k.key, k.free = "one", func(string) (int64, error) { return 0, nil }
	if err := k.run(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	k.key = "another"
	if err := k.run(t.Context()); !fault.Is(err, fault.Conflict) || x.asked != 1 {
		t.Errorf("%d exports, %v", x.asked, err)
	}
}

// Interrupted while it is checked, what has come is kept.
func TestInterruptedWhileItIsChecked(t *testing.T) {
	x := &exporter{file: someBytes(1 << 16), state: "ready"}
	k := newTaking(t, x)
	ctx, stop := context.WithCancel(t.Context())
	k.check = func(ctx context.Context, _ string) error { stop(); return ctx.Err() }
	if err := k.run(ctx); err == nil {
		t.Fatal("it was to be interrupted")
	}
	if info, err := os.Stat(k.part()); err != nil || info.Size() != int64(len(x.file)) {
		t.Error("what had come was thrown away:", err)
	}
}

// What cannot end well is refused with what to do; what has come is kept where it
// can be gone on with, and thrown away where it cannot.
func TestDownloadsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(x *exporter, k *taking)
		kind  fault.Kind
		part  bool
		slip  bool
	}{
		"the disk is too small": {func(_ *exporter, k *taking) { k.free = func(string) (int64, error) { return 1 << 20, nil } }, fault.Unavailable, true, true},
		"the server failed":     {func(x *exporter, _ *taking) { x.state = "failed" }, fault.Gone, false, false},
		"another length":        {func(x *exporter, _ *taking) { x.pretend = 5 }, fault.Conflict, true, true},
		"not what was signed": {func(_ *exporter, k *taking) {
			k.check = func(context.Context, string) error { return fault.New(fault.Denied, "changed") }
		}, fault.Denied, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exporter{file: someBytes(1 << 16), state: "ready"}
			k := newTaking(t, x)
			c.spoil(x, k)
			if err := k.run(t.Context()); !fault.Is(err, c.kind) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(k.to); err == nil {
				t.Error("the bundle is there")
			}
			_, part := os.Stat(k.part())
			_, slip := os.Stat(k.slip())
			if (part == nil) != c.part || (slip == nil) != c.slip {
				t.Errorf("kept: part %v, slip %v", part == nil, slip == nil)
			}
		})
	}
}
