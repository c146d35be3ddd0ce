package backup_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// proves adapts a recording service, as the program does.
type proves struct{ s *recording.Service }

func (p proves) Purge(ctx context.Context, at *place.Place, dead []keyring.Buried) (backup.Purged, error) {
	var keys []id.Key
	for _, b := range dead {
		keys = append(keys, b.ID)
	}
	n, err := p.s.Purge(ctx, at, keys)
	return backup.Purged{Recordings: n}, err
}

func (p proves) Sample(ctx context.Context, live, restored *place.Place, keys *keyring.Keyring, objects blob.Bucket, n int) (backup.Sampled, error) {
	got, err := p.s.Prove(ctx, live, restored, keys, objects, n)
	return backup.Sampled{Opened: got.Opened, Of: got.Of, Failed: got.Failed}, err
}

// world is an installation with recordings, and where its backups go.
type world struct {
	*recordingtest.World
	dir     string // first disk
	second  string // second disk: mirror of the keys, second place for objects, log
	engine  placetest.Engine
	root    keyring.Root
	keyOpts keyring.Options
	key     backup.Key
	data    string // targets
	keysTo  string
	log     *backup.Ledger
	cfg     place.Config
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newWorld(t testing.TB, engine placetest.Engine, logged bool) *world {
	t.Helper()
	return worldAt(t, engine, t.TempDir(), t.TempDir(), t.TempDir(), logged)
}

// worldAt is a world on two disks and a safe for the keys that open all others.
func worldAt(t testing.TB, engine placetest.Engine, first, second, safe string, logged bool) *world {
	t.Helper()
	w := &world{World: &recordingtest.World{Who: actor.ForSystem("test")}, engine: engine, dir: first, second: second, data: filepath.Join(safe, "data"), keysTo: filepath.Join(safe, "keys")}
	w.root = must[keyring.Root](t)(keyring.CreateRoot(filepath.Join(safe, "root.key")))
	w.key = must[backup.Key](t)(backup.CreateKey(filepath.Join(safe, "backup.key")))
	w.keyOpts = keyring.Options{Root: w.root, Stores: []keyring.Store{{Dir: filepath.Join(w.dir, "keys")}, {Dir: filepath.Join(w.second, "keys")}}}
	if err := keyring.Init(t.Context(), w.keyOpts); err != nil {
		t.Fatal(err)
	}
	w.cfg = engine.Config(t)
	if w.cfg.Dir != "" {
		w.cfg.Dir = filepath.Join(w.dir, "places")
	}
	w.open(t, logged, true)
	w.Place = w.customer(t)
	return w
}

// open opens what there is, as a server's start does.
func (w *world) open(t testing.TB, logged, begin bool) {
	t.Helper()
	w.Keys = must[*keyring.Keyring](t)(keyring.Open(t.Context(), w.keyOpts))
	if w.cfg.Log = nil; logged {
		w.log = must[*backup.Ledger](t)(backup.OpenLedger(filepath.Join(w.second, "log"), w.key, begin))
		w.cfg.Log = w.log
	}
	w.Store = must[*place.Store](t)(place.Open(t.Context(), w.cfg, recordingtest.Schemas(), w.Keys))
	w.Bucket = blob.Mirror(bucket(t, filepath.Join(w.dir, "objects")), bucket(t, filepath.Join(w.second, "objects")))
	w.Service = recording.New(recording.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket})
	t.Cleanup(w.close)
}

func (w *world) close() {
	w.Store.Close()
	w.Keys.Close()
	if w.log != nil {
		w.log.Close()
	}
}

func bucket(t testing.TB, dir string) blob.Bucket {
	t.Helper()
	return must[blob.Bucket](t)(blob.OpenFolder(dir))
}

// customer makes one more customer with a source.
func (w *world) customer(t testing.TB) *place.Place {
	t.Helper()
	c := id.New[id.Customer]()
	if err := w.Keys.CreateCustomer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := must[*place.Place](t)(w.Store.Place(t.Context(), c))
	if err := w.Service.SetRetention(t.Context(), p, w.Who, 0); err != nil {
		t.Fatal(err)
	}
	w.Source = must[recording.Source](t)(w.Service.AddSource(t.Context(), p, w.Who, recording.Source{
		Kind: recording.Folder, Name: "drop", Profile: "generic", Folder: "/nowhere", Country: "GB",
	}))
	return p
}

func repo(t testing.TB, dir, what string, k backup.Key) *backup.Repo {
	t.Helper()
	return must[*backup.Repo](t)(backup.OpenRepo(t.Context(), bucket(t, dir), k, what, 0, true))
}

func (w *world) backups(t testing.TB, change ...func(*backup.Options)) *backup.Service {
	t.Helper()
	o := backup.Options{
		Store: w.Store, Keys: w.Keys, Objects: w.Bucket, Data: repo(t, w.data, "data", w.key), KeysTo: repo(t, w.keysTo, "keys", w.key), Log: w.log,
		Keep: backup.Keep{Daily: 7, Weekly: 4, Monthly: 3, Keys: 2}, Name: func(context.Context) (string, error) { return "Acme", nil }, Program: "test",
		Prove: proves{w.Service}, Now: time.Now,
		Scratch: backup.Scratch{
			Dir: t.TempDir(), Root: w.root, Schemas: recordingtest.Schemas(), Key: w.key,
			Database: func(context.Context) (place.Config, func(), error) { return w.engine.Config(t), func() {}, nil },
		},
	}
	for _, fn := range change {
		fn(&o)
	}
	return backup.New(o)
}

func (w *world) source(t testing.TB) backup.Source {
	return backup.Source{Data: repo(t, w.data, "data", w.key), Keys: repo(t, w.keysTo, "keys", w.key), Key: w.key}
}

// elsewhere is a second machine: the objects' second place is what is left.
func (w *world) elsewhere(t testing.TB) (backup.Target, *world) {
	t.Helper()
	next := &world{World: &recordingtest.World{Who: w.Who}, engine: w.engine, dir: t.TempDir(), second: w.second, key: w.key, root: w.root}
	next.cfg = w.engine.Config(t)
	if next.cfg.Dir != "" {
		next.cfg.Dir = filepath.Join(next.dir, "places")
	}
	next.keyOpts = keyring.Options{Root: w.root, Stores: []keyring.Store{{Dir: filepath.Join(next.dir, "keys")}, {Dir: filepath.Join(next.dir, "keys2")}}}
	return backup.Target{
		Places: next.cfg, Schemas: recordingtest.Schemas(), Keys: next.keyOpts, Objects: bucket(t, filepath.Join(w.second, "objects")),
		State: filepath.Join(next.dir, "restore.json"), Prove: proves{w.Service}, Samples: 3,
	}, next
}

// hear reads the sound of a recording, through a logged opening.
func (w *world) hear(t testing.TB, c id.Customer, rec id.Recording) []byte {
	t.Helper()
	p := must[*place.Place](t)(w.Store.Place(t.Context(), c))
	o := must[*recording.Opening](t)(w.Service.Open(t.Context(), p, w.Who, rec, recording.Ask{What: "listen"}))
	defer o.Close()
	wav := must[*sound.WAV](t)(o.WAV(t.Context()))
	return must[[]byte](t)(io.ReadAll(io.NewSectionReader(wav, 0, wav.Size())))
}

// A lost installation comes back on another machine, and the same recording is
// heard there.
func TestALostInstallationComesBack(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := newWorld(t, engine, false)
			rec := w.Archive(t, "a.wav", 1)
			want := w.hear(t, w.Place.Customer(), rec)
			point := must[backup.Point](t)(w.backups(t).Run(t.Context()))
			if len(point.Parts) != 2 || point.Inventory[0].Objects == 0 || point.Sent == 0 {
				t.Fatalf("the point is %+v", point)
			}
			w.close()

			target, next := w.elsewhere(t)
			src := w.source(t)
			plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
			if plan.Installation != "Acme" || len(plan.Places) != 2 {
				t.Fatalf("the plan is %+v", plan)
			}
			r := must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
			if len(r.Places) != 1 || r.Places[0].Opened != 1 || len(r.Remarks) != 0 {
				t.Fatalf("the result is %+v", r)
			}
			next.open(t, false, false)
			if got := next.hear(t, w.Place.Customer(), rec); string(got) != string(want) {
				t.Fatalf("heard %d bytes, want the same %d", len(got), len(want))
			}
			if _, err := os.Stat(target.State); !os.IsNotExist(err) {
				t.Fatalf("the state of the restore is left: %v", err)
			}
		})
	}
}
