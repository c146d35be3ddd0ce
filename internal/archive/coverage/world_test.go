package coverage_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

var who = actor.ForSystem("test")

// schemas are those of the archive and of coverage.
func schemas() place.Schemas {
	return place.Schemas{
		Registry: job.Migrations,
		Place:    append(append(append(place.Migrations{}, job.Migrations...), recording.Migrations()...), coverage.Migrations()...),
		Housekeeping: append(append(append([]string{}, job.Housekeeping...), recording.Housekeeping...),
			coverage.Housekeeping()...),
	}
}

// world is a place with a source, and a clock that tests move.
type world struct {
	testing.TB
	engine  string
	p       *place.Place
	s       *coverage.Service
	source  id.Source
	now     time.Time
	missing []coverage.Expectation // that OnMissing was told of
	key     *paper.Key
}

// noon is when tests begin: a Tuesday.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// each runs a test on both engines.
func each(t *testing.T, zone string, fn func(t *testing.T, w *world)) {
	w := &world{now: noon}
	var err error
	if w.key, _, err = paper.NewKey("Test", noon); err != nil {
		t.Fatal(err)
	}
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := &world{TB: t, engine: engine.Name, now: noon, key: w.key}
			cfg := engine.Config(t)
			cfg.Now = func() time.Time { return w.now }
			store := placetest.Open(t, cfg, schemas())
			w.p = placetest.Customer(t, store)
			w.s = coverage.New(coverage.Options{
				Store: store, Now: cfg.Now,
				Sign: func(_ context.Context, text []byte) ([]byte, error) { return w.key.SignText(text) },
				Paper: func(_ context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
					return w.key.Sign(pdf, title, at)
				},
				OnMissing: func(_ *place.Tx, all []coverage.Expectation) error {
					w.missing = append(w.missing, all...)
					return nil
				},
			})
			archive := recording.New(recording.Options{Store: store})
			src, err := archive.AddSource(t.Context(), w.p, who, recording.Source{Kind: recording.Collector, Name: "x", Profile: "asterisk", TimeZone: zone})
			w.no(err)
			w.source = src.ID
			fn(t, w)
		})
	}
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// call is an answered call that ended so long ago.
func (w *world) call(name string, ago time.Duration) coverage.Call {
	end := w.now.Add(-ago)
	return coverage.Call{
		Idents: []string{name}, Named: true, StartedAt: end.Add(-time.Minute), EndedAt: end, Direction: "inbound", Disposition: "answered", Talk: 50,
		Caller: "07700900012", Dialled: "02079460000", Extensions: []string{"201"}, Queue: "sales",
	}
}

func (w *world) expect(calls ...coverage.Call) {
	w.Helper()
	w.no(w.p.Keep(w.Context(), func(tx *place.Tx) error { return w.s.Expect(tx, w.source, coverage.Report{Calls: calls}) }))
}

// taken tells of a recording of a call.
func (w *world) taken(name string) id.Recording {
	w.Helper()
	rec := id.New[id.Recording]()
	w.no(w.p.Keep(w.Context(), func(tx *place.Tx) error { return w.take(tx, rec, name) }))
	return rec
}

func (w *world) take(tx *place.Tx, rec id.Recording, names ...string) error {
	tokens, err := recording.CallTokens(tx, w.source, names)
	if err != nil {
		return err
	}
	return w.s.Taken(tx, []recording.Captured{{Recording: rec, Source: w.source, CallTokens: tokens}})
}

// states counts what there is, by state.
func (w *world) states() map[coverage.State]int64 {
	w.Helper()
	all, err := w.s.Days(w.Context(), w.p, 0, 99991231)
	w.no(err)
	out := map[coverage.State]int64{}
	for _, f := range all {
		for state, n := range map[coverage.State]int64{coverage.Captured: f.Captured, coverage.Excused: f.Excused, coverage.Missing: f.Missing, coverage.Erased: f.Erased, coverage.Unnamed: f.Unnamed, coverage.Waiting: f.Waiting} {
			if n > 0 {
				out[state] += n
			}
		}
	}
	return out
}

func (w *world) want(want map[coverage.State]int64) {
	w.Helper()
	if got := w.states(); fmt.Sprint(got) != fmt.Sprint(want) {
		w.Fatalf("%v, want %v", got, want)
	}
}

// turn runs Turn.
func (w *world) turn() []coverage.Overdue {
	w.Helper()
	all, _, err := w.s.Turn(w.Context(), w.p)
	w.no(err)
	return all
}

// tree is a file system without a disk: many files of sound share their bytes.
type tree struct {
	dirs  map[string][]fs.DirEntry
	files map[string]*leaf
}

type leaf struct {
	name string
	data []byte
	at   time.Time
	dir  bool
}

func newTree() *tree {
	return &tree{dirs: map[string][]fs.DirEntry{".": nil}, files: map[string]*leaf{}}
}

func (t *tree) put(name string, data []byte, at time.Time) {
	dir := path.Dir(name)
	if _, ok := t.dirs[dir]; !ok {
		t.dirs[dir] = nil
		t.dirs["."] = append(t.dirs["."], fs.FileInfoToDirEntry(info{&leaf{name: dir, at: at, dir: true}}))
	}
	l := &leaf{name: path.Base(name), data: data, at: at}
	t.files[name] = l
	t.dirs[dir] = append(t.dirs[dir], fs.FileInfoToDirEntry(info{l}))
}

type info struct{ l *leaf }

func (i info) Name() string       { return i.l.name }
func (i info) Size() int64        { return int64(len(i.l.data)) }
func (i info) ModTime() time.Time { return i.l.at }
func (i info) IsDir() bool        { return i.l.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.l.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

func (t *tree) Open(name string) (fs.File, error) {
	if l := t.files[name]; l != nil {
		return &opened{l: l}, nil
	}
	if _, ok := t.dirs[name]; ok {
		return &opened{l: &leaf{name: name, dir: true, at: noon.AddDate(0, 0, -9)}}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) { return t.dirs[name], nil }

func (t *tree) Lstat(name string) (fs.FileInfo, error) { return fs.Stat(t, name) }

func (t *tree) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

type opened struct {
	l  *leaf
	at int64
}

func (o *opened) Stat() (fs.FileInfo, error) { return info{o.l}, nil }
func (o *opened) Close() error               { return nil }

func (o *opened) Read(b []byte) (int, error) {
	n, err := o.ReadAt(b, o.at)
	o.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (o *opened) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(o.l.data)) {
		return 0, io.EOF
	}
	n := copy(b, o.l.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (o *opened) Seek(at int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		at += o.at
	case io.SeekEnd:
		at += int64(len(o.l.data))
	}
	o.at = at
	return at, nil
}

// tone is a short sound.
var tone = recordingtest.Tone(1, 1, 50*time.Millisecond)
