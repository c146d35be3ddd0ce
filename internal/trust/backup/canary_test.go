package backup_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

// Planted, backed up, and found byte by byte in what is restored; destroyed, and
// in what the same backup restores found no more. In the backup's own files it is
// in the clear at no time.
func TestTheCanaryLeavesRestoredBackups(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], false)
	b := w.backups(t)
	gone := w.Archive(t, "gone.wav", 1)
	traces := w.traces(t)
	must[backup.Point](t)(b.Run(t.Context()))
	restored := func() map[string]bool {
		t.Helper()
		target, next := w.elsewhere(t)
		src := w.source(t)
		plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
		must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
		return found(t, traces, next.dir)
	}
	for name, is := range restored() {
		if !is {
			t.Errorf("before: no %s is in a restored backup, so that its absence would prove nothing", name)
		}
	}
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, gone, "a canary"); err != nil {
		t.Fatal(err)
	}
	b.Watch(place.Commit{Customer: w.Place.Customer(), Events: []place.Recorded{{Code: "recording.destroyed"}}})
	if err := b.Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, is := range restored() {
		if is {
			t.Errorf("after: %s is in a restored backup", name)
		}
	}
	for name, is := range found(t, traces, w.data, w.keysTo) {
		if is {
			t.Errorf("%s lies in the clear in the files of a backup", name)
		}
	}
}

// traces are bytes by which the one recording can be found.
func (w *world) traces(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := w.Place.View(t.Context(), func(tx *place.Tx) error {
		tokens, err := place.Rows[[]byte](tx, `SELECT token FROM parties`)
		if err == nil {
			out["blind index of a number"] = tokens[0]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var keys bytes.Buffer
	if err := w.Keys.Export(t.Context(), w.Place.Customer(), &keys); err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(&keys); ; {
		var l struct {
			Kind    string `json:"k"`
			Wrapped []byte `json:"w"`
		}
		if dec.Decode(&l) != nil {
			return out
		}
		if l.Kind == "key" {
			out["wrapped key"] = l.Wrapped
		}
	}
}

func found(t *testing.T, traces map[string][]byte, dirs ...string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for name := range traces {
		out[name] = false
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			for name, trace := range traces {
				out[name] = out[name] || bytes.Contains(b, trace)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
