package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place/placetest"
)

// The kill tests end a process with SIGKILL at each step of the way, start it
// again, and look at what has become of the recording. The child is this test
// binary, told by its environment what to be.
const (
	childVar = "RINGFENCE_COLLECT_CHILD" // "box" or "server"
	killVar  = "RINGFENCE_COLLECT_KILL"  // step at which to die, and how often it is passed before: "chunk:1"
	dirVar   = "RINGFENCE_COLLECT_DIR"
	addrVar  = "RINGFENCE_COLLECT_ADDR"
	wayVar   = "RINGFENCE_COLLECT_WAY" // "whole": small recordings in one request; else all in chunks
)

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "box":
		exit(boxChild())
	case "server":
		exit(serverChild())
	}
	placetest.Main(m)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// dieAt gives a function that kills this process at the wanted step.
func dieAt() func(string) {
	step, after, _ := strings.Cut(os.Getenv(killVar), ":")
	var left atomic.Int64
	if n := 0; after != "" {
		fmt.Sscan(after, &n)
		left.Store(int64(n))
	}
	return func(s string) {
		if s == step && left.Add(-1) < 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

func boxChild() error {
	dir := os.Getenv(dirVar)
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	small := int64(1)
	if os.Getenv(wayVar) == "whole" {
		small = maxWhole
	}
	return Run(ctx, Options{
		small: small, State: filepath.Join(dir, "state"), From: filepath.Join(dir, "from"), Once: true, After: Delete,
		Patience: 30 * time.Second, profile: plainProfile, crash: dieAt(), chunk: minChunk,
	})
}

func serverChild() error {
	ctx := context.Background()
	w, err := openWorld(ctx, os.Getenv(dirVar), dieAt())
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", os.Getenv(addrVar))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return http.Serve(l, w.server)
}

// child starts this binary anew.
func child(t testing.TB, what, dir, addr, kill string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVar+"="+what, dirVar+"="+dir, addrVar+"="+addr, killVar+"="+kill)
	c.Stderr = os.Stderr
	return c
}

// serverAt starts a server on a world's folder; the box waits until it answers.
func serverAt(t testing.TB, dir, addr string, kill ...string) *exec.Cmd {
	t.Helper()
	c := child(t, "server", dir, addr, strings.Join(kill, ""))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// killed reports whether a process was ended by SIGKILL.
func killed(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	s, ok := e.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// The box dies at each of its steps. Until the server has said "verified", the
// source must be there; after the restart there is one recording and no source.
func TestBoxKilledAtEachStep(t *testing.T) {
	for way, steps := range map[string][]string{
		"chunks": {"sealed", "spooled", "begun", "chunk:0", "chunk:1", "answered", "receipt-verified", "released", "noted"},
		"whole":  {"sealed", "spooled", "answered", "receipt-verified", "released", "noted"},
	} {
		for _, step := range steps {
			t.Run(way+"/"+step, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				dir := t.TempDir()
				w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
				w.enrol()
				source := wavFile(t, w.from, "a.wav", 1, 10)
				if err := boxAt(t, dir, way, step).Run(); !killed(err) {
					t.Fatalf("the box was to die at %s: %v", step, err)
				}
				if step != "released" && step != "noted" && !exists(source) {
					t.Fatal("the source was removed too early")
				}
				if err := boxAt(t, dir, way, "").Run(); err != nil {
					t.Fatal(err)
				}
				w.onceAndWhole(source)
			})
		}
	}
}

func boxAt(t *testing.T, dir, way, kill string) *exec.Cmd {
	c := child(t, "box", dir, "", kill)
	c.Env = append(c.Env, wayVar+"="+way)
	return c
}

// onceAndWhole checks that the recording is in the archive exactly once,
// verified, that its source is gone, and that nothing is left over.
func (w *testWorld) onceAndWhole(source string) {
	w.t.Helper()
	all := w.archived()
	if len(all) != 1 || all[0].VerifiedAt.IsZero() {
		w.t.Fatalf("%d recordings: %+v", len(all), all)
	}
	if exists(source) {
		w.t.Error("the source is still there")
	}
	if w.left() != 0 {
		w.t.Errorf("%d files are left in spool and staging", w.left())
	}
	if n := w.objects(); n != 1 {
		w.t.Errorf("%d objects in the bucket", n)
	}
}

// objects counts what lies in the first bucket.
func (w *testWorld) objects() (n int) {
	w.t.Helper()
	b, err := blob.OpenFolder(filepath.Join(w.dir, "objects1"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	if err := b.List(w.t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// The server dies at each of its steps, those of the archive included, while
// the box waits and goes on.
func TestServerKilledAtEachStep(t *testing.T) {
	archive := []string{"adopt", "archive", "intend", "commit", "committed", "receipt", "unwrap", "read back", "verified", "receipt:1"}
	for way, steps := range map[string][]string{
		"chunks": append([]string{"begin", "chunk:0", "acknowledge:1", "receipt kept"}, archive...),
		"whole":  archive,
	} {
		for _, step := range steps {
			t.Run(way+"/"+step, func(t *testing.T) {
				t.Parallel()
				w, source := killWorld(t)
				w.killServer(source, way, step)
				w.onceAndWhole(source)
			})
		}
	}
}

// killServer lets a server die at a step while the box is at work, and starts
// the next one.
func (w *testWorld) killServer(source, way, step string) {
	w.t.Helper()
	box := func() {
		_, err := w.collect(func(o *Options) {
			o.After, o.chunk, o.small = Delete, minChunk, maxWhole
			if way == "chunks" {
				o.small = 1
			}
		})
		if err != nil {
			w.t.Error(err)
		}
	}
	w.killServerAt(step, box, func() {
		if !exists(source) {
			w.t.Error("the source was removed too early")
		}
	})
}

// killServerAt runs a box until the server dies at a step, looks, and starts
// server and box again.
func (w *testWorld) killServerAt(step string, box, dead func()) {
	t := w.t
	t.Helper()
	addr := w.http.Listener.Addr().String()
	w.http.Close()
	w.world.close()
	first := serverAt(t, w.dir, addr, step)
	died, done := make(chan error, 1), make(chan struct{})
	go func() { died <- first.Wait() }()
	go func() { box(); close(done) }()
	if err := <-died; !killed(err) {
		t.Fatalf("the server was to die at %s: %v", step, err)
	}
	dead()
	second := serverAt(t, w.dir, addr)
	<-done
	box()
	second.Process.Kill()
	second.Wait()
	again, err := openWorld(context.Background(), w.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.close)
	w.world = again
}

// killWorld is a world with an enrolled box and one file on it.
func killWorld(t *testing.T) (*testWorld, string) {
	w := newWorld(t)
	w.enrol()
	return w, wavFile(t, w.from, "a.wav", 1, 10)
}

// A duplicate's keys are discarded; a crash before its receipt was kept must
// not turn it into something that was erased.
func TestDuplicateSurvivesACrashOfItsReceipt(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	w.mustCollect(nil)
	copied := wavFile(t, w.from, "copy.wav", 1, 2)
	b, e := w.verifiedEntry(copied)
	b.close()
	v := &visit{place: w.place, device: deviceRow{ID: e.manifest.Device, Source: w.src}, who: admin}
	keys, err := w.keys.Adopt(t.Context(), e.manifest.Customer, e.manifest.Capsule, capsuleInfo(e.manifest.Customer, e.manifest.Device, e.Upload))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keys.Destroy(t.Context(), e.manifest.Customer, "not needed", keys.Content.ID, keys.Card.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.server.gone(t.Context(), v, e.manifest.Recording); !errors.Is(err, errReseal) {
		t.Fatalf("got %v", err)
	}
	events := w.mustCollect(func(o *Options) { o.After = Delete })
	if count(events, "erased") != 0 || exists(copied) || len(w.archived()) != 1 {
		t.Fatalf("%+v", events)
	}
}
