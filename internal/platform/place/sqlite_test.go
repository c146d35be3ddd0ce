package place_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestTwoServersOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	second, err := place.Open(t.Context(), place.Config{Dir: dir}, schemas, placetest.NewSealer())
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), dir) {
		t.Fatal(second, err)
	}
	s.Close()
	placetest.Open(t, place.Config{Dir: dir}, schemas)
}

func TestConfigIsChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]place.Config{
		"nothing":     {},
		"both":        {Dir: t.TempDir(), Postgres: placetest.Postgres(t)},
		"not a place": {Dir: file},
	} {
		if _, err := place.Open(t.Context(), cfg, schemas, placetest.NewSealer()); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is acknowledged is on the disk, what is deleted is not, and nobody else
// reads the files.
func TestSQLiteIsSetUpToKeepItsPromises(t *testing.T) {
	dir := t.TempDir()
	p := placetest.Customer(t, placetest.Open(t, place.Config{Dir: dir}, schemas))
	pragmas := map[string]string{"synchronous": "2", "journal_mode": "wal", "secure_delete": "1", "foreign_keys": "1"}
	for name, want := range pragmas {
		check := func(tx *place.Tx) error {
			got, err := place.Row[string](tx, fmt.Sprintf(`SELECT CAST(%s AS TEXT) FROM pragma_%s`, name, name))
			if err != nil || got != want {
				t.Errorf("%s = %v, %v", name, got, err)
			}
			return nil
		}
		p.View(t.Context(), check)
		p.Keep(t.Context(), check)
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if info, _ := e.Info(); !e.IsDir() && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsDeletedLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	p := placetest.Customer(t, s)
	set := func(text string, args ...any) {
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "x.y"})
			_, err := tx.Exec(text, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(`INSERT INTO notes (id, text) VALUES (?, ?)`, make([]byte, 16), "canary in the mine")
	set(`DELETE FROM notes`)
	s.Close()
	raw, err := os.ReadFile(filepath.Join(dir, "places", p.Customer().String()+".db"))
	if err != nil || bytes.Contains(raw, []byte("canary")) {
		t.Fatal("the deleted text is still in the file", err)
	}
}

func TestADamagedPlaceIsClosedAndNoOther(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	bad, good, gone := placetest.Customer(t, s), placetest.Customer(t, s), placetest.Customer(t, s)
	err := bad.Change(t.Context(), tester, func(tx *place.Tx) error {
		for n := range 200 {
			if err := write(tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	file := filepath.Join(dir, "places", bad.Customer().String()+".db")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8 * 4096; i < len(raw); i++ { // the first pages hold the schema
		raw[i] = 0xa5
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "places", gone.Customer().String()+".db")); err != nil {
		t.Fatal(err)
	}

	s = placetest.Open(t, place.Config{Dir: dir}, schemas)
	b, _ := s.Place(t.Context(), bad.Customer())
	for range 2 {
		err = b.View(t.Context(), func(tx *place.Tx) error {
			_, err := place.Rows[string](tx, `SELECT text FROM notes ORDER BY id`)
			return err
		})
		f := fault.Of(err)
		if f.Kind != fault.Unavailable || !strings.Contains(f.Text, bad.Customer().String()) || !strings.Contains(f.Text, "restore") {
			t.Fatal(err)
		}
		if strings.Contains(f.Text, dir) || !strings.Contains(err.Error(), file) {
			t.Fatalf("the file is for the log, not for callers: %v", err)
		}
	}
	if err := b.Change(t.Context(), tester, func(tx *place.Tx) error { return write(tx, 1) }); !fault.Is(err, fault.Unavailable) {
		t.Fatal("a damaged place was written", err)
	}
	g, _ := s.Place(t.Context(), good.Customer())
	change(t, g, 1)
	m, _ := s.Place(t.Context(), gone.Customer())
	if err := m.View(t.Context(), func(*place.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, "missing") {
		t.Fatal("a missing file was made anew:", err)
	}
}

// A full disk undoes the change and nothing else, and ends by itself.
func TestAFullDisk(t *testing.T) {
	p := placetest.Customer(t, placetest.New(t, schemas))
	change(t, p, 1)
	fill := func(pages int) error {
		return p.Change(t.Context(), tester, func(tx *place.Tx) error {
			if _, err := tx.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT INTO notes (id, text) VALUES (?, ?)`, id.New[id.File](), strings.Repeat("x", 1<<20))
			return errors.Join(err, write(tx, 2))
		})
	}
	if err := fill(40); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, "full") {
		t.Fatal(err)
	}
	if n := one[int](t, p, `SELECT count(*) FROM notes`); n != 1 {
		t.Fatal(n)
	}
	if err := fill(1 << 20); err != nil {
		t.Fatal(err)
	}
}

func TestADiskThatLetsNobodyIn(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	c := placetest.Customer(t, s).Customer()
	s.Close()
	file := filepath.Join(dir, "places", c.String()+".db")
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	s = placetest.Open(t, place.Config{Dir: dir}, schemas)
	p, err := s.Place(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	err = p.View(t.Context(), func(*place.Tx) error { return nil })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, c.String()) || !strings.Contains(err.Error(), file) {
		t.Fatal(err)
	}
}

func TestFewPlacesStayOpen(t *testing.T) {
	s := placetest.Open(t, place.Config{Dir: t.TempDir(), OpenPlaces: 3}, schemas)
	var places []*place.Place
	for range 8 {
		places = append(places, placetest.Customer(t, s))
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 10 {
				p := places[(i*3+n)%len(places)]
				if err := p.Change(t.Context(), tester, func(tx *place.Tx) error { return write(tx, n) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	total := 0
	for _, p := range places {
		total += one[int](t, p, `SELECT count(*) FROM notes`)
		if n := s.OpenPlaces(); n > 3 {
			t.Fatalf("%d places are open", n)
		}
	}
	if total != 40 {
		t.Fatalf("%d rows", total)
	}
}
