package collect

import (
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/archive/recording"
)

const pbx = "../capture/testdata/asterisk"

// What a real Asterisk wrote goes the whole way: found by its profile, sealed
// on the box, archived as the recordings that they are. A recording that was
// still being written is left until it is whole.
func TestAsteriskGoesTheWholeWay(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.from = filepath.Join(t.TempDir(), "monitor")
	logs := t.TempDir()
	put := func(from string) {
		t.Helper()
		for _, d := range []string{"cdr-csv", "cdr-custom", "cel-custom"} {
			add(t, filepath.Join(from, d), filepath.Join(logs, d))
		}
		addFile(t, filepath.Join(from, "queue_log"), filepath.Join(logs, "queue_log"))
		if err := os.CopyFS(w.from, os.DirFS(filepath.Join(from, "monitor"))); err != nil {
			t.Fatal(err)
		}
	}
	real := func(o *Options) { o.profile, o.Profile, o.Logs = nil, "asterisk", logs }
	put(pbx)
	events := w.mustCollect(real)
	all := w.archived()
	if len(all) != 14 {
		t.Fatalf("%d recordings; %+v", len(all), events)
	}
	forms, truncated := 0, 0
	for _, r := range all {
		d, err := w.archive.Get(t.Context(), w.place, admin, r.ID, recording.Scope{All: true})
		if err != nil {
			t.Fatal(err)
		}
		forms = max(forms, len(d.Renditions))
		if r.Sound == recording.Truncated {
			truncated++
		}
		if r.VerifiedAt.IsZero() {
			t.Errorf("%s is not verified", r.ID)
		}
	}
	if forms != 3 || truncated != 1 {
		t.Errorf("%d forms of the mix with its sides, %d truncated", forms, truncated)
	}
	// What was still being written is whole by now.
	partial := filepath.Join(w.from, "2026/11/22/q-support-01614960187-20261122-054210-pbx2-1795326130.0.wav")
	if err := os.Remove(partial); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(pbx, "later"))
	w.mustCollect(real)
	if all = w.archived(); len(all) != 15 {
		t.Fatalf("%d recordings once the last call had ended", len(all))
	}
}

// add appends the files of a folder to those of the same name in another.
func add(t *testing.T, from, to string) {
	t.Helper()
	names, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		addFile(t, filepath.Join(from, n.Name()), filepath.Join(to, n.Name()))
	}
}

func addFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
