package collect

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// A world is a whole installation in a folder: registry, key stores and objects
// in two places each, the archive, and the receiving end of the collectors. It
// is made of the real parts, so that it can be killed and opened again.
type world struct {
	dir     string
	store   *place.Store
	keys    *keyring.Keyring
	archive *recording.Service
	server  *Server
	place   *place.Place
	may     atomic.Pointer[error] // why nothing new may come in; nil: it may
}

var admin = actor.ForSystem("test")

func openWorld(ctx context.Context, dir string, step func(string)) (*world, error) {
	w := &world{dir: dir}
	root, err := keyring.LoadRoot(filepath.Join(dir, "root.key"))
	if errors.Is(err, fs.ErrNotExist) || err != nil && !exists(filepath.Join(dir, "root.key")) {
		root, err = keyring.CreateRoot(filepath.Join(dir, "root.key"))
	}
	if err != nil {
		return nil, err
	}
	o := keyring.Options{Root: root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys1")}, {Dir: filepath.Join(dir, "keys2")}}}
	if err := keyring.Init(ctx, o); err != nil {
		return nil, err
	}
	if w.keys, err = keyring.Open(ctx, o); err != nil {
		return nil, err
	}
	schemas := place.Schemas{
		Place:        slices.Concat(job.Migrations, recording.Migrations(), Migrations()),
		Housekeeping: slices.Concat(job.Housekeeping, recording.Housekeeping, Housekeeping),
	}
	if w.store, err = place.Open(ctx, place.Config{Dir: filepath.Join(dir, "data")}, schemas, w.keys); err != nil {
		return nil, err
	}
	first, err := blob.OpenFolder(filepath.Join(dir, "objects1"))
	if err != nil {
		return nil, err
	}
	second, err := blob.OpenFolder(filepath.Join(dir, "objects2"))
	if err != nil {
		return nil, err
	}
	admit := func(context.Context, *place.Place) error {
		if why := w.may.Load(); why != nil {
			return *why
		}
		return nil
	}
	w.archive = recording.New(recording.Options{Store: w.store, Keys: w.keys, Objects: blob.Mirror(first, second), Step: step, Admit: admit})
	w.server, err = NewServer(ServerOptions{
		Store: w.store, Keys: w.keys, Recordings: w.archive, Staging: filepath.Join(dir, "staging"), Step: step,
	})
	if err != nil {
		return nil, err
	}
	return w, w.openPlace(ctx)
}

// openPlace makes the one customer, or finds it.
func (w *world) openPlace(ctx context.Context) error {
	all, err := w.store.Customers(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		c := id.New[id.Customer]()
		if err := errors.Join(w.keys.CreateCustomer(ctx, c), w.store.Create(ctx, c)); err != nil {
			return err
		}
		all = []id.Customer{c}
	}
	if w.place, err = w.store.Place(ctx, all[0]); err != nil {
		return err
	}
	return w.archive.Recover(ctx, w.place)
}

func (w *world) close() {
	w.server.Stop()
	w.store.Close()
	w.keys.Close()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// newWorld is a world with a customer who has chosen retention, a source, and a
// box that is enrolled.
type testWorld struct {
	*world
	t     testing.TB
	http  *httptest.Server
	front *front
	src   id.Source
	from  string // the box's folder of sound files
	state string // the box's state folder
}

func newWorld(t testing.TB) *testWorld {
	t.Helper()
	w, err := openWorld(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if err := w.archive.SetRetention(t.Context(), w.place, admin, 365); err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, w)
}

// front stands before the server, so that a test can put trouble in its place
// while connections are open.
type front struct{ h atomic.Pointer[http.Handler] }

func (f *front) serve(h http.Handler) { f.h.Store(&h) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*f.h.Load()).ServeHTTP(w, r) }

// newWorldOn gives a world its source and its address.
func newWorldOn(t testing.TB, w *world) *testWorld {
	t.Helper()
	tw := &testWorld{world: w, t: t, from: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	tw.src = tw.source()
	tw.front = &front{}
	tw.front.serve(w.server)
	tw.http = httptest.NewServer(tw.front)
	t.Cleanup(tw.http.Close)
	return tw
}

func (w *world) source2(ctx context.Context, after After) (id.Source, error) {
	s, err := w.archive.AddSource(ctx, w.place, admin, recording.Source{
		Name: "PBX", Kind: recording.Collector, Profile: "generic", TimeZone: "Europe/London", After: recording.After(after),
	})
	return s.ID, err
}

func (w *testWorld) source() id.Source {
	w.t.Helper()
	s, err := w.source2(w.t.Context(), Keep)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// enrol makes the box a device of the source.
func (w *testWorld) enrol() Config {
	w.t.Helper()
	_, code, err := w.server.Add(w.t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := Enrol(w.t.Context(), w.http.URL, code.Reveal(), w.state, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// options are those of a box that ends when everything is dealt with.
func (w *testWorld) options() Options {
	return Options{State: w.state, From: w.from, Once: true, Patience: 60 * time.Second, pause: 50 * time.Millisecond, profile: plainProfile}
}

// collect runs the box once and gives its events.
func (w *testWorld) collect(change func(*Options)) ([]Event, error) {
	var mu sync.Mutex
	var all []Event
	o := w.options()
	o.Events = func(e Event) { mu.Lock(); all = append(all, e); mu.Unlock() }
	if change != nil {
		change(&o)
	}
	err := Run(w.t.Context(), o)
	return all, err
}

func (w *testWorld) mustCollect(change func(*Options)) []Event {
	w.t.Helper()
	events, err := w.collect(change)
	if err != nil {
		w.t.Fatalf("collect: %v; %+v", err, events)
	}
	return events
}

// recordings are what the archive holds.
func (w *world) recordings(ctx context.Context) ([]recording.Recording, error) {
	p, err := w.archive.List(ctx, w.place, admin, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 200})
	return p.Items, err
}

func (w *testWorld) archived() []recording.Recording {
	w.t.Helper()
	all, err := w.recordings(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// wavFile writes a WAV file of PCM whose samples say which it is.
func wavFile(t testing.TB, dir, name string, mark byte, seconds int) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, wav(mark, seconds), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func wav(mark byte, seconds int) []byte {
	size := seconds * 16000
	line := fmt.Appendf(nil, "PLAINTEXT-CANARY-%03d..", mark)
	data := bytes.Repeat(line, size/len(line)+1)[:size]
	b := bytes.NewBufferString("RIFF")
	put := func(v ...any) {
		for _, v := range v {
			binary.Write(b, binary.LittleEndian, v)
		}
	}
	put(uint32(36 + size))
	b.WriteString("WAVEfmt ")
	put(uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16))
	b.WriteString("data")
	put(uint32(size))
	b.Write(data)
	return b.Bytes()
}

// plain is a profile that takes every file of a folder as a call of its own,
// whole as soon as it is there. The real profiles have tests of their own; what
// is tested here is what becomes of a file once it was found.
type plain struct{ o capture.Options }

func plainProfile(o capture.Options) (capture.Profile, error) { return &plain{o}, nil }

func (p *plain) Done(...string)         {}
func (p *plain) State() ([]byte, error) { return []byte("state of +44 151 496 0001"), nil }
func (p *plain) Restore([]byte) error   { return nil }

func (p *plain) Poll(_ context.Context, now time.Time) (b capture.Batch, err error) {
	err = filepath.WalkDir(p.o.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && strings.HasPrefix(d.Name(), ".ringfence") {
				return fs.SkipDir
			}
			return err
		}
		rel, _ := filepath.Rel(p.o.Folder, path)
		info, err := d.Info()
		if err != nil || p.o.Known(rel, info.Size()) {
			return err
		}
		if b2, ok := p.read(path, rel, info); ok {
			b.Calls = append(b.Calls, b2)
		} else {
			b.Problems = append(b.Problems, capture.Problem{Path: rel, Reason: "this is not sound", Advice: "remove it"})
		}
		return nil
	})
	return b, err
}

func (p *plain) read(path, rel string, info fs.FileInfo) (capture.Call, bool) {
	f, err := os.Open(path)
	if err != nil {
		return capture.Call{}, false
	}
	defer f.Close()
	probed, err := sound.Probe(f, info.Size(), rel, sound.Hint{})
	if err != nil {
		return capture.Call{}, false
	}
	at := capture.Moment{Time: info.ModTime().UTC().Add(-time.Duration(probed.Seconds * float64(time.Second)))}
	return capture.Call{
		ID: "file:" + rel, Direction: capture.Inbound, Caller: "+441514960001", StartedAt: at, EndedAt: at, Ended: true,
		Disposition: capture.Answered, UniqueIDs: []string{}, LinkedIDs: []string{}, Sources: []string{"file"},
		Files: []capture.File{{
			Path: rel, State: capture.Complete, Size: info.Size(), ModifiedAt: info.ModTime(), Sound: probed, Group: rel, Heard: true, StartedAt: at.Time,
		}},
	}, true
}
