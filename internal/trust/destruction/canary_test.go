package destruction_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// traces are bytes by which a recording can be found on a disk: its wrapped keys,
// the blind index of a number, the blinded words.
type traces map[string][][]byte

// in looks for each in all files below a folder, byte by byte.
func (tr traces) in(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			for name, forms := range tr {
				for _, f := range forms {
					found[name] = found[name] || bytes.Contains(b, f)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Planted, found on the disks, destroyed, and found no more: in databases, their
// logs, both key stores, both places of objects, and a restored backup of keys.
// PostgreSQL's own log holds them longer, as the certificate and docs/deletion.md
// say: until its segments were removed or written anew.
func TestCanary(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) { canary(t, engine.Config(t)) })
	}
}

func canary(t *testing.T, cfg place.Config) {
	dir := t.TempDir()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if cfg.Dir != "" {
		cfg.Dir = filepath.Join(dir, "places")
	}
	root, err := keyring.CreateRoot(filepath.Join(t.TempDir(), "root.key"))
	fail(err)
	o := keyring.Options{Root: root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys-a")}, {Dir: filepath.Join(dir, "keys-b")}}}
	fail(keyring.Init(t.Context(), o))
	keys, err := keyring.Open(t.Context(), o)
	fail(err)
	t.Cleanup(func() { keys.Close() })
	schemas := recordingtest.Schemas(search.Migrations())
	schemas.Housekeeping = append(schemas.Housekeeping, search.Housekeeping()...)
	store, err := place.Open(t.Context(), cfg, schemas, keys)
	fail(err)
	t.Cleanup(func() { store.Close() })
	a, err := blob.OpenFolder(filepath.Join(dir, "objects-a"))
	fail(err)
	b, err := blob.OpenFolder(filepath.Join(dir, "objects-b"))
	fail(err)
	w := &recordingtest.World{Store: store, Keys: keys, Bucket: blob.Mirror(a, b), Who: actor.ForSystem("test")}
	w.Service = recording.New(recording.Options{Store: store, Keys: keys, Objects: w.Bucket})
	w.Service.OnDestroy(search.Remove)
	c := id.New[id.Customer]()
	fail(errors.Join(keys.CreateCustomer(t.Context(), c), store.Create(t.Context(), c)))
	w.Place, err = store.Place(t.Context(), c)
	fail(err)
	fail(w.Service.SetRetention(t.Context(), w.Place, w.Who, 0))
	w.Source, err = w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.Folder, Name: "drop", Profile: "generic", Folder: "/nowhere", Country: "GB"})
	fail(err)
	rec := w.Archive(t, "canary.wav", 1)
	fail(w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "recording.transcribed"})
		return search.Put(tx, 1, "xylophonecanary")
	}))
	tr := plantedTraces(t, w)
	var backup bytes.Buffer
	fail(keys.Export(t.Context(), c, &backup))

	before := tr.in(t, dir, placetest.Rewrite(t, cfg))
	for name := range tr {
		if !before[name] {
			t.Errorf("before: no %s is on any disk, so that its absence would prove nothing", name)
		}
	}
	if n := objectsIn(t, dir); n == 0 {
		t.Error("before: there is no sound")
	}
	log := placetest.Log(t, cfg)
	if log != "" && !tr.in(t, log)["blind index of a number"] {
		t.Error("before: the cluster's log holds nothing, so that its absence would prove nothing")
	}

	fail(w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "a canary"))
	fail(search.Compact(t.Context(), w.Place))
	fail(w.Place.Scrub(t.Context()))
	for name, is := range tr.in(t, dir, placetest.Rewrite(t, cfg)) {
		if is {
			t.Errorf("after: %s is on a disk", name)
		}
	}
	if n := objectsIn(t, dir); n != 0 {
		t.Errorf("after: %d objects are left", n)
	}
	if placetest.Recycle(t, cfg); log != "" {
		for name, is := range tr.in(t, log) {
			if is {
				t.Errorf("after: %s is in the cluster's log, whose segments were let go of", name)
			}
		}
	}

	// A backup of the keys from before, restored with what is known of since.
	dead, err := keys.Buried(t.Context(), c, time.Time{})
	fail(err)
	again := keyring.Options{Root: root, Stores: []keyring.Store{{Dir: filepath.Join(t.TempDir(), "restored")}}}
	fail(keyring.Import(t.Context(), again, c, dead, &backup))
	if tr.in(t, again.Stores[0].Dir)["content key"] {
		t.Error("a restored backup has the key")
	}
}

// plantedTraces reads what of the one recording lies on the disks.
func plantedTraces(t *testing.T, w *recordingtest.World) traces {
	t.Helper()
	tr := traces{}
	err := w.Place.View(t.Context(), func(tx *place.Tx) error {
		tokens, err := place.Rows[[]byte](tx, `SELECT token FROM parties`)
		if err != nil {
			return err
		}
		tr["blind index of a number"] = tokens[:1]
		return search.Tokens(tx, func(_ int64, words []int64) error {
			raw := binary.BigEndian.AppendUint64(nil, uint64(words[0]))
			tr["blinded word"] = [][]byte{[]byte(hex.EncodeToString(raw)), binary.LittleEndian.AppendUint64(nil, uint64(words[0]))}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := w.Keys.Export(t.Context(), w.Place.Customer(), &out); err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(&out); ; {
		var l struct {
			Kind    string `json:"k"`
			Wrapped []byte `json:"w"`
		}
		if dec.Decode(&l) != nil {
			break
		}
		if l.Kind == "key" {
			tr["content key"] = append(tr["content key"], l.Wrapped)
		}
	}
	return tr
}

func objectsIn(t *testing.T, dir string) (n int) {
	t.Helper()
	for _, half := range []string{"objects-a", "objects-b"} {
		_ = filepath.WalkDir(filepath.Join(dir, half), func(_ string, d fs.DirEntry, err error) error {
			if info, e := d.Info(); err == nil && e == nil && info.Mode().IsRegular() && info.Size() > 1000 {
				n++
			}
			return nil
		})
	}
	return n
}
