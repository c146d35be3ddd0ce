package collect

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/base/id"
)

// What was answered for leaves the ledger at the next start, but for the answer;
// of a torn end nothing is guessed.
func TestTheLedgerForgetsWhatWasAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), ledgerFile)
	l, err := openLedger(path)
	fine(t, err)
	a, b := id.New[id.Recording](), id.New[id.Recording]()
	mark := source{Path: mark16{1, 2, 3}, Size: 10, ModTime: 7, Content: mark16{4, 5, 6}}
	gone := source{Path: mark16{2}, Size: 11}
	fine(t, errors.Join(l.had(a, []source{mark}, false), l.had(a, []source{mark}, true), l.had(b, []source{mark, gone}, false), l.had(b, []source{gone}, true), l.answered(map[id.Recording]Fate{a: FateRemoved}), l.Close()))
	whole, err := os.ReadFile(path)
	fine(t, err)
	l, err = openLedger(path)
	fine(t, err)
	found, err := l.find(map[id.Recording]bool{a: true, b: true})
	fine(t, err)
	if len(found[a].sources) != 0 || found[a].said != FateRemoved || !maps.Equal(found[b].sources, map[source]bool{mark: false, gone: true}) {
		t.Errorf("%+v", found)
	}
	fine(t, l.Close())
	for n := range len(whole) {
		fine(t, os.WriteFile(path, whole[:n], 0o600))
		l, err := openLedger(path)
		fine(t, err)
		fine(t, l.had(b, []source{mark}, false))
		found, err := l.find(map[id.Recording]bool{b: true})
		if err != nil || len(found[b].sources) == 0 || found[a].said != "" {
			t.Fatalf("after a cut at %d: %+v, %v", n, found, err)
		}
		fine(t, l.Close())
	}
}

// Whatever the ledger's file holds, the box starts, and what it adds is found.
func FuzzLedger(f *testing.F) {
	f.Add([]byte("h"))
	f.Add(bytes.Repeat([]byte{'s', 0, 255}, 40))
	f.Fuzz(func(t *testing.T, file []byte) {
		path := filepath.Join(t.TempDir(), ledgerFile)
		fine(t, os.WriteFile(path, file, 0o600))
		l, err := openLedger(path)
		fine(t, err)
		defer l.Close()
		rec := id.New[id.Recording]()
		fine(t, l.had(rec, []source{{Size: 5}}, false))
		if found, err := l.find(map[id.Recording]bool{rec: true}); err != nil || len(found[rec].sources) != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
