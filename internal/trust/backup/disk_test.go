package backup_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

const diskDir = "RINGFENCE_TEST_DISKS"

// TestWorkUntilKilled is not a test: it is the server whose first disk is lost.
// It acknowledges recordings until it is killed.
func TestWorkUntilKilled(t *testing.T) {
	dir := os.Getenv(diskDir)
	if dir == "" {
		t.Skip("only as the child of TestTheFirstDiskIsLost")
	}
	w := worldAt(t, placetest.Engines[0], filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "safe"), true)
	for i := 1; ; i++ {
		if i == 4 { // a customer that came late
			w.Place = w.customer(t)
		}
		rec := w.Archive(t, fmt.Sprintf("%d.wav", i), i)
		fmt.Printf("acknowledged %s %s\n", w.Place.Customer(), rec)
	}
}

// With two disks nothing that was acknowledged is lost: the process is killed
// in the middle of its work, the first disk is gone with databases, keys and
// objects, no backup was ever made, and every recording is heard again.
func TestTheFirstDiskIsLost(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"first", "second", "safe"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorkUntilKilled$")
	cmd.Env = append(os.Environ(), diskDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	type one struct {
		c   id.Customer
		rec id.Recording
	}
	var acknowledged []one
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] != "acknowledged" {
			t.Fatalf("the child says %q", lines.Text())
		}
		acknowledged = append(acknowledged, one{must[id.Customer](t)(id.Parse[id.Customer](f[1])), must[id.Recording](t)(id.Parse[id.Recording](f[2]))})
		if len(acknowledged) == 12 {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(acknowledged) < 12 {
		t.Fatalf("the child acknowledged %d", len(acknowledged))
	}
	cmd.Wait()
	if err := os.RemoveAll(filepath.Join(dir, "first")); err != nil {
		t.Fatal(err)
	}

	w := &world{engine: placetest.Engines[0], second: filepath.Join(dir, "second")}
	w.root = must[keyring.Root](t)(keyring.LoadRoot(filepath.Join(dir, "safe", "root.key")))
	w.key = must[backup.Key](t)(backup.LoadKey(filepath.Join(dir, "safe", "backup.key")))
	w.World = newWorld(t, placetest.Engines[0], false).World // of which only who acts and who proves is used
	target, next := w.elsewhere(t)
	target.Keys.Stores[1] = keyring.Store{Dir: filepath.Join(w.second, "keys")} // the mirror that survived
	src := backup.Source{Log: must[*backup.Ledger](t)(backup.OpenLedger(filepath.Join(w.second, "log"), w.key, false)), Key: w.key}
	plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
	r := must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
	if len(r.Places) != 2 || len(r.Remarks) != 0 {
		t.Fatalf("the result is %+v", r)
	}
	next.open(t, false, false)
	for _, a := range acknowledged {
		if n := len(next.hear(t, a.c, a.rec)); n == 0 {
			t.Errorf("%s is silent", a.rec)
		}
	}
}

// The same on both engines, with a copy and a log after it, and a place that
// was born after the copy.
func TestCopyAndLogTogether(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := newWorld(t, engine, true)
			b := w.backups(t)
			w.Archive(t, "a.wav", 1)
			must[backup.Point](t)(b.Run(t.Context()))
			rec := w.Archive(t, "b.wav", 2)
			first := w.Place
			w.Place = w.customer(t)
			late := w.Archive(t, "c.wav", 3)
			// Once from the second disk, once from what was sent by the minute.
			for _, lost := range []bool{false, true} {
				src := w.source(t)
				src.Log = w.log
				if lost {
					if err := b.Ship(t.Context()); err != nil {
						t.Fatal(err)
					}
					src.Log = nil
				}
				target, next := w.elsewhere(t)
				target.Keys.Stores[1] = keyring.Store{Dir: filepath.Join(w.second, "keys")}
				if lost {
					// The newest keys are on the mirror; the copy of keys is older than the last recordings.
					w.close()
				}
				plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
				r := must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
				if len(r.Remarks) != 0 || len(r.Places) != 2 {
					t.Fatalf("lost %v: the result is %+v", lost, r)
				}
				next.open(t, false, false)
				next.hear(t, first.Customer(), rec)
				next.hear(t, w.Place.Customer(), late)
				next.close()
			}
		})
	}
}

var _ place.Log = (*backup.Ledger)(nil)
