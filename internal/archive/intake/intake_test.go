package intake_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// room is a drop in a folder, and the world that its key hangs on.
type room struct {
	*intake.Drop
	service *intake.Service
	place   *place.Place
	source  id.Source
	dir     string
	opt     intake.Options
}

func newRoom(t *testing.T, o intake.Options) *room {
	t.Helper()
	r := &room{place: placetest.Customer(t, placetest.New(t, place.Schemas{})), source: id.New[id.Source](), dir: t.TempDir(), opt: o}
	r.reopen(t, r.dir)
	return r
}

func (r *room) reopen(t *testing.T, dir string) {
	t.Helper()
	if r.service != nil {
		r.service.Close()
	}
	o := r.opt
	o.Dir = dir
	s, err := intake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r.service = s
	if r.Drop, err = s.Drop(t.Context(), r.place, r.source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
}

func (r *room) put(t *testing.T, name string, b []byte) {
	t.Helper()
	w, err := r.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func (r *room) read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(r.FS(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// What was put is there, whole, also for a server that was started since.
func TestWhatWasPutIsThere(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			p := placetest.Customer(t, placetest.Open(t, engine.Config(t), place.Schemas{}))
			r := &room{place: p, source: id.New[id.Source](), dir: t.TempDir()}
			r.reopen(t, r.dir)
			want := map[string][]byte{"a.wav": noise(10), "2026/11/22/b.wav": noise(200_000), "empty.csv": {}, "2026/x.json": noise(64 << 10)}
			for name, b := range want {
				r.put(t, name, b)
			}
			for range 2 {
				for name, b := range want {
					if got := r.read(t, name); !bytes.Equal(got, b) {
						t.Errorf("%s has %d bytes, want %d", name, len(got), len(b))
					}
				}
				if err := fstest.TestFS(r.FS(), "a.wav", "2026/11/22/b.wav", "2026/x.json"); err != nil {
					t.Error(err)
				}
				if n, bytes := r.Usage(); n != 4 || bytes != 10+200_000+64<<10 {
					t.Errorf("%d files, %d bytes", n, bytes)
				}
				r.reopen(t, r.dir)
			}
			if files := onDisk(t, r.dir); files != 4+2 {
				t.Errorf("%d files on disk", files)
			}
		})
	}
}

func onDisk(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Nothing that was brought, neither content nor name, is on the disk in the
// clear: while it arrives, while it waits, after it was cut, when it has gone.
func TestNothingLiesInTheClear(t *testing.T) {
	canary, title := []byte("canary-of-the-sound"), "4420794601234-canary-of-the-name.wav"
	body := bytes.Repeat(canary, 9000)
	var r *room
	looks := 0
	look := func(string) {
		if r == nil {
			return
		}
		looks++
		filepath.WalkDir(r.dir, func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil
			}
			b, err := os.ReadFile(p)
			if err == nil && (bytes.Contains(b, canary) || bytes.Contains(b, []byte("canary-of-the-name"))) || bytes.Contains([]byte(p), []byte("canary")) {
				t.Errorf("%s shows what was brought", p)
			}
			if info, err := e.Info(); err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", p, info.Mode())
			}
			return nil
		})
	}
	made := newRoom(t, intake.Options{Step: look})
	r = made
	r.put(t, title, body)
	w, err := r.Create("cut-" + title)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(body)
	if err := w.Cut(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Rename(title, "x/"+title, false), r.Mkdir("canary-of-the-name"), r.Remove("x/"+title, nil)); err != nil {
		t.Fatal(err)
	}
	look("")
	if looks < 8 {
		t.Errorf("looked %d times only", looks)
	}
}

// A crash at any step leaves a file whole or not there at all, never an earlier
// acknowledgement undone, and no bytes that nobody names.
func TestCrashAtEachStep(t *testing.T) {
	first, second := noise(100_000), noise(150_000)
	type state struct {
		dir   string
		acked int
	}
	var r *room
	var all []state
	acked := 0
	snap := func(string) {
		if r == nil {
			return
		}
		to := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(to, os.DirFS(r.dir)); err != nil {
			t.Error(err)
		}
		all = append(all, state{to, acked})
	}
	made := newRoom(t, intake.Options{Step: snap})
	r = made
	steps := []func(){
		func() { r.put(t, "a.tmp", first) },
		func() {
			if err := r.Rename("a.tmp", "a.wav", false); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			w, err := r.Create("b.wav")
			if err != nil {
				t.Fatal(err)
			}
			w.Write(second[:70_000])
			if err := w.Cut(); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			w, err := r.Resume("b.wav", 60_000)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(second[60_000:])
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			if err := r.Remove("a.wav", nil); err != nil {
				t.Fatal(err)
			}
		},
	}
	for i, step := range steps {
		step()
		acked = i + 1
	}
	snap("")
	for i, s := range all {
		o := room{place: r.place, source: r.source}
		o.reopen(t, s.dir)
		has := func(name string, want []byte) bool {
			b, err := fs.ReadFile(o.FS(), name)
			if err == nil && !bytes.Equal(b, want) {
				t.Errorf("step %d: %s has %d bytes, want %d", i, name, len(b), len(want))
			}
			return err == nil
		}
		tmp, a, b := has("a.tmp", first), has("a.wav", first), has("b.wav", second)
		cut, _ := o.Look("b.wav")
		switch {
		case s.acked >= 1 && s.acked < 4 && !tmp && !a, s.acked >= 2 && s.acked < 4 && (tmp || !a):
			t.Errorf("step %d after %d acts: what was acknowledged is gone", i, s.acked)
		case s.acked >= 3 && !b && (!cut.Cut || cut.Size() != 70_000):
			t.Errorf("step %d: what was cut cannot go on: %+v", i, cut)
		case s.acked >= 4 && !b, s.acked == 5 && a:
			t.Errorf("step %d: the last acts are undone", i)
		}
		n, _ := o.Usage()
		if files := onDisk(t, s.dir); files > 2+n+1 { // a cut upload that went on has two parts
			t.Errorf("step %d: %d files on disk for %d that wait", i, files, n)
		}
		o.service.Close()
	}
	if len(all) < 15 {
		t.Errorf("%d steps only", len(all))
	}
}

// A cut upload is no file until it went on, at any offset up to its end; many
// cuts make one file.
func TestResume(t *testing.T) {
	r := newRoom(t, intake.Options{})
	want := noise(300_000)
	sent := 0
	for i, next := range []int{1, 65_000, 65_536, 130_000, 300_000} {
		w, err := r.Resume("a.wav", int64(max(0, sent-i)))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(want[max(0, sent-i):next])
		sent = next
		if sent == len(want) {
			err = w.Close()
		} else {
			err = w.Cut()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(r.FS(), "a.wav"); (err == nil) != (sent == len(want)) {
			t.Fatalf("after %d bytes: %v", sent, err)
		}
		r.reopen(t, r.dir)
	}
	if got := r.read(t, "a.wav"); !bytes.Equal(got, want) {
		t.Error("the parts do not make the file")
	}
	if _, err := r.Resume("a.wav", 300_001); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	if _, err := r.Resume("b.wav", 1); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	// It is read at any place.
	f, err := r.FS().Open("a.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range []int64{0, 64_990, 65_530, 129_990, 299_990} {
		b := make([]byte, 20)
		n, err := f.(io.ReaderAt).ReadAt(b, at)
		if err != nil && err != io.EOF || !bytes.Equal(b[:n], want[at:min(at+20, 300_000)]) {
			t.Errorf("at %d: %d bytes, %v", at, n, err)
		}
	}
}

// What a cut upload brought is not lost for ever: after a day it is taken as it is.
func TestSweep(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r := newRoom(t, intake.Options{Now: func() time.Time { return now }})
	w, _ := r.Create("cut.wav")
	w.Write(noise(1000))
	if err := w.Cut(); err != nil {
		t.Fatal(err)
	}
	r.put(t, "old.csv", noise(10))
	r.put(t, "old.wav", noise(10))
	now = now.Add(25 * time.Hour)
	if err := r.Sweep(now); err != nil {
		t.Fatal(err)
	}
	if len(r.read(t, "cut.wav")) != 1000 || len(r.read(t, "old.csv")) != 10 {
		t.Error("after a day")
	}
	now = now.Add(30 * 24 * time.Hour)
	if err := r.Sweep(now); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(r.FS(), "old.csv"); err == nil {
		t.Error("a list stays for ever")
	}
	if len(r.read(t, "old.wav")) != 10 {
		t.Error("sound that nobody took was thrown away")
	}
}

// Lists and what lies beside recordings stay for thirty days at the most: also
// where the sender's clock is years ahead, and where the server is started anew
// each night. On the disk they are sealed.
func TestWhatLiesBesideStaysThirtyDays(t *testing.T) {
	now := time.Now().UTC()
	r := newRoom(t, intake.Options{Now: func() time.Time { return now }})
	names := []string{"Master.csv", "call.json", "call.xml", "old.JSON", "ahead.json"}
	for _, name := range names {
		r.put(t, name, []byte("canary of "+name))
	}
	for name, at := range map[string]time.Time{"old.JSON": now.AddDate(0, -3, 0), "ahead.json": now.AddDate(20, 0, 0)} {
		if err := r.SetTime(name, at); err != nil {
			t.Fatal(err)
		}
	}
	noCanary(t, r.dir)
	there := func() (all []string) {
		for _, name := range names {
			if _, err := fs.Stat(r.FS(), name); err == nil {
				all = append(all, name)
			}
		}
		return all
	}
	start, want := now, map[int][]string{0: names, 1: {"Master.csv", "call.json", "call.xml", "ahead.json"}, 29: {"Master.csv", "call.json", "call.xml", "ahead.json"}, 31: nil}
	for day := range 32 {
		if err := r.Sweep(now); err != nil {
			t.Fatal(err)
		}
		if names, asked := want[day]; asked && !slices.Equal(there(), names) {
			t.Errorf("on day %d there are %v, want %v", day, there(), names)
		}
		now = start.Add(time.Duration(day+1)*24*time.Hour + time.Minute)
		r.reopen(t, r.dir)
	}
}

func noCanary(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("canary")) || bytes.Contains(text, []byte("Master")) {
			t.Errorf("%s is not sealed", filepath.Base(path))
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files were read, %v", files, err)
	}
}

func TestLimits(t *testing.T) {
	r := newRoom(t, intake.Options{Bytes: 1000, Files: 3})
	r.put(t, "a", noise(900))
	w, err := r.Create("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(noise(101)); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	r.put(t, "b", noise(100))
	r.put(t, "c", nil)
	if _, err := r.Create("d"); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../../x", "x//y", "a\x00b", "a\nb", `a\b`, string(bytes.Repeat([]byte("x"), 256)), "\xff.wav"} {
		if _, err := r.Create(name); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := r.Create("a/x"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a file below a file: %v", err)
	}
}

// The later of two uploads to one name counts; a file that was taken while it
// was sent anew is not removed.
func TestTwoAtOnce(t *testing.T) {
	r := newRoom(t, intake.Options{})
	one, _ := r.Create("a.wav")
	two, _ := r.Create("a.wav")
	one.Write([]byte("one"))
	two.Write([]byte("two"))
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	was, err := fs.Stat(r.FS(), "a.wav")
	if err != nil || string(r.read(t, "a.wav")) != "two" {
		t.Fatal(err)
	}
	r.put(t, "a.wav", []byte("new"))
	if err := r.Remove("a.wav", was); err != nil {
		t.Fatal(err)
	}
	if string(r.read(t, "a.wav")) != "new" {
		t.Error("a newer file was removed for an older one")
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			w, err := r.Create(fmt.Sprintf("d/%d.wav", i))
			if err == nil {
				w.Write(noise(1000))
				err = w.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if entries, err := fs.ReadDir(r.FS(), "d"); err != nil || len(entries) != 50 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if n := onDisk(t, r.dir); n != 2+51 {
		t.Errorf("%d files on disk", n)
	}
}

// A drop opens for its customer and source alone, and a changed index or part
// gives nothing.
func TestWhatWasChangedDoesNotOpen(t *testing.T) {
	r := newRoom(t, intake.Options{})
	r.put(t, "a.wav", noise(1000))
	r.put(t, "b.wav", noise(1000))
	r.service.Close()
	root := filepath.Join(r.dir, r.place.Customer().String(), r.source.String())
	flip := func(t *testing.T, dir, name string, at int) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			b[at] ^= 1
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir string)
	}{
		{"record", func(t *testing.T, dir string) { flip(t, dir, "index", 40) }},
		{"salt", func(t *testing.T, dir string) { flip(t, dir, "index", 3) }},
		{"key", func(t *testing.T, dir string) { flip(t, dir, "key", 20) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(to, os.DirFS(r.dir)); err != nil {
				t.Fatal(err)
			}
			c.do(t, filepath.Join(to, r.place.Customer().String(), r.source.String()))
			s, err := intake.Open(intake.Options{Dir: to})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Drop(t.Context(), r.place, r.source); err == nil {
				t.Error("it opens")
			}
		})
	}
	other := id.New[id.Source]()
	if err := os.Rename(root, filepath.Join(filepath.Dir(root), other.String())); err != nil {
		t.Fatal(err)
	}
	s, err := intake.Open(intake.Options{Dir: r.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Drop(t.Context(), r.place, other); err == nil {
		t.Error("a drop opens for another source")
	}
}

// An index that has grown is written anew, and says the same.
func TestCompaction(t *testing.T) {
	r := newRoom(t, intake.CompactAt(40))
	r.put(t, "keep.wav", []byte("keep"))
	for i := range 60 {
		if err := errors.Join(r.Mkdir("d"), r.Rmdir("d")); err != nil {
			t.Fatal(i, err)
		}
	}
	info, err := os.Stat(filepath.Join(r.dir, r.place.Customer().String(), r.source.String(), "index"))
	if err != nil || info.Size() > 12_000 {
		t.Errorf("the index has %d bytes: %v", info.Size(), err)
	}
	r.reopen(t, r.dir)
	if string(r.read(t, "keep.wav")) != "keep" {
		t.Error("what waited is gone")
	}
}

// A disk that is full is told in words, and nothing is said to be there.
func TestDiskFull(t *testing.T) {
	r := newRoom(t, intake.Options{Spare: 1 << 60})
	if _, err := r.Create("a.wav"); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if n, _ := r.Usage(); n != 0 {
		t.Error("something waits")
	}
}

func TestDiscard(t *testing.T) {
	r := newRoom(t, intake.Options{})
	r.put(t, "a.wav", noise(10))
	if got := r.service.Known(r.place.Customer()); len(got) != 1 || got[0] != r.source {
		t.Error(got)
	}
	if err := r.service.Discard(r.place.Customer(), r.source); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, r.dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if _, err := r.Create("b.wav"); err == nil {
		t.Error("a drop that was discarded takes files")
	}
}

// Who has left meanwhile gets no login that would lead nowhere.
func TestNoLoginForOneWhoHasLeft(t *testing.T) {
	placetest.Run(t, place.Schemas{Registry: intake.RegistryMigrations(), Place: intake.Migrations()}, func(t *testing.T, store *place.Store) {
		p := placetest.Customer(t, store)
		s, err := intake.Open(intake.Options{Store: store, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		provide := func() error {
			_, err := s.Provide(t.Context(), p, actor.ForSystem("test"), id.New[id.Source]())
			return err
		}
		if err := provide(); err != nil {
			t.Fatal(err)
		}
		if err := store.Destroy(t.Context(), p.Customer()); err != nil {
			t.Fatal(err)
		}
		if err := provide(); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		var n int
		if err := store.Registry().View(t.Context(), func(tx *place.Tx) (err error) {
			n, err = place.Row[int](tx, `SELECT count(*) FROM drop_logins`)
			return err
		}); err != nil || n != 1 {
			t.Errorf("%d logins, of which one was made before; %v", n, err)
		}
	})
}
