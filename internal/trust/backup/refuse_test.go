package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

// Wherever one bit of a backup is turned, or a part is missing, it is refused:
// never restored as something else.
func TestEveryTurnedBitIsRefused(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], true)
	w.Archive(t, "a.wav", 1)
	b := w.backups(t)
	must[backup.Point](t)(b.Run(t.Context()))
	w.Archive(t, "b.wav", 2)
	if err := b.Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	src := w.source(t)
	read := func() error {
		plan, err := src.Plan(t.Context(), backup.Want{})
		if err != nil {
			return err
		}
		if len(plan.Remarks) > 0 {
			return errors.New(strings.Join(plan.Remarks, "; "))
		}
		points, err := src.Data.Points(t.Context())
		if err == nil {
			_, err = src.Data.Verify(t.Context(), points[0].Contents()...)
		}
		if err != nil {
			return err
		}
		keys, err := src.Keys.KeyPoints(t.Context())
		if err == nil {
			_, err = src.Keys.Verify(t.Context(), keys[0].Contents()...)
		}
		if err != nil {
			return err
		}
		return src.VerifyLog(t.Context(), plan)
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range []string{w.data, w.keysTo} {
		for _, sub := range []string{"chunks", "points", "log", "tombs"} {
			filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files = append(files, path)
				}
				return nil
			})
		}
	}
	if len(files) < 6 {
		t.Fatalf("only %d files", len(files))
	}
	for _, path := range files {
		text := must[[]byte](t)(os.ReadFile(path))
		for _, at := range []int{0, 1, 12, 13, len(text) / 3, len(text) / 2, len(text) - 17, len(text) - 1} {
			bad := bytes.Clone(text)
			bad[at] ^= 1 << (at % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if read() == nil {
				t.Errorf("%s: bit %d of byte %d was turned, and nobody noticed", path, at%8, at)
			}
		}
		for what, change := range map[string]func() error{
			"cut":     func() error { return os.WriteFile(path, text[:len(text)-1], 0o600) },
			"emptied": func() error { return os.WriteFile(path, nil, 0o600) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if read() == nil {
				t.Errorf("%s was %s, and nobody noticed", path, what)
			}
		}
		if strings.Contains(path, "chunks") {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if read() == nil {
				t.Errorf("%s is missing, and nobody noticed", path)
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAndTargets(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], false)
	must[backup.Point](t)(w.backups(t).Run(t.Context()))
	other := must[backup.Key](t)(backup.CreateKey(filepath.Join(t.TempDir(), "k")))
	if _, err := backup.OpenRepo(t.Context(), bucket(t, w.data), other, "data", 0, true); !fault.Is(err, fault.Denied) {
		t.Errorf("another key: %v", err)
	}
	if _, err := backup.OpenRepo(t.Context(), bucket(t, w.data), w.key, "keys", 0, true); !fault.Is(err, fault.Denied) {
		t.Errorf("the target of data as that of keys: %v", err)
	}
	if _, err := backup.OpenRepo(t.Context(), bucket(t, t.TempDir()), w.key, "data", 0, false); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty target: %v", err)
	}
	full := bucket(t, t.TempDir())
	if _, err := full.Put(t.Context(), "something/else", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.OpenRepo(t.Context(), full, w.key, "data", 0, true); !fault.Is(err, fault.Conflict) {
		t.Errorf("a target with something else in it: %v", err)
	}
	if err := w.key.SameAs(w.key.Recovery()); err != nil || other.SameAs(w.key.Recovery()) == nil || strings.Contains(w.key.Recovery(), "root key") {
		t.Errorf("the recovery copy: %v\n%s", err, w.key.Recovery())
	}
	if _, err := backup.OpenLedger(filepath.Join(t.TempDir(), "mount"), w.key, false); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a log that was never begun: %v", err)
	}
}

// Two runs at once do not meet: not in one process, not from two.
func TestOneRunAtATime(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], false)
	slow := make(chan struct{})
	entered := make(chan struct{})
	name := func(context.Context) (string, error) { close(entered); <-slow; return "Acme", nil }
	b := w.backups(t, func(o *backup.Options) { o.Name = name })
	done := make(chan error)
	go func() { _, err := b.Run(context.Background()); done <- err }()
	<-entered
	if _, err := b.Run(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second run in the process: %v", err)
	}
	if _, err := w.backups(t).Run(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second server: %v", err)
	}
	close(slow)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := w.backups(t).Run(t.Context()); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

// fullDisk fails every write after some.
type fullDisk struct {
	blob.Bucket
	left atomic.Int64
}

func (f *fullDisk) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if f.left.Add(-1) < 0 {
		return 0, fault.New(fault.Unavailable, "the disk is full")
	}
	return f.Bucket.Put(ctx, name, r)
}

// stopped cancels once something of a name is stored.
type stopped struct {
	blob.Bucket
	name string
	stop context.CancelFunc
}

func (s *stopped) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	n, err := s.Bucket.Put(ctx, name, r)
	if strings.HasPrefix(name, s.name) {
		s.stop()
	}
	return n, err
}

// A server that is stopped the moment that it has taken a target lets go of it.
func TestStoppedWhileATargetIsTaken(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], false)
	w.Archive(t, "a.wav", 1)
	must[backup.Point](t)(w.backups(t).Run(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := must[*backup.Repo](t)(backup.OpenRepo(t.Context(), &stopped{bucket(t, w.data), "locks", stop}, w.key, "data", 0, true))
	if err := w.backups(t, func(o *backup.Options) { o.Data = r }).Tidy(ctx); err == nil || ctx.Err() == nil {
		t.Fatalf("it was not stopped: %v", err)
	}
	if _, err := w.backups(t).Run(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// A target that is full leaves no half point, and the next run goes on.
func TestAFullTarget(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], false)
	w.Archive(t, "a.wav", 1)
	inner := bucket(t, w.data)
	must[*backup.Repo](t)(backup.OpenRepo(t.Context(), inner, w.key, "data", 0, true))
	for n := int64(1); ; n += 2 {
		full := &fullDisk{Bucket: inner}
		full.left.Store(n)
		r := must[*backup.Repo](t)(backup.OpenRepo(t.Context(), full, w.key, "data", 0, true))
		b := w.backups(t, func(o *backup.Options) { o.Data = r })
		_, err := b.Run(t.Context())
		points := must[[]backup.Point](t)(w.source(t).Data.Points(t.Context()))
		if err == nil {
			if len(points) != 1 || n < 4 {
				t.Fatalf("%d points after %d writes", len(points), n)
			}
			return
		}
		if !fault.Is(err, fault.Unavailable) || len(points) != 0 {
			t.Fatalf("full after %d writes: %v, %d points", n, err, len(points))
		}
	}
}
