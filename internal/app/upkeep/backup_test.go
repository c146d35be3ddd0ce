package upkeep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/app"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

// machine is a configuration in folders of its own.
func machine(t *testing.T, targets string) (config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	c := config.Default()
	c.Data, c.Keys.Root, c.Keys.Store = filepath.Join(dir, "data"), filepath.Join(dir, "root.key"), filepath.Join(dir, "keys")
	c.Backup.Key = filepath.Join(dir, "backup.key")
	c.Backup.Data.Folder, c.Backup.Keys.Folder = filepath.Join(targets, "data"), filepath.Join(targets, "keys")
	path := filepath.Join(dir, "ringfence.yaml")
	if err := os.WriteFile(path, config.Render(c), 0o600); err != nil {
		t.Fatal(err)
	}
	return c, path
}

// operate runs the program and gives what it said.
func operate(t *testing.T, want int, args ...string) (out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := app.Main(t.Context(), args, cli.Process{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }})
	if code != want {
		t.Fatalf("%s ended with %d, want %d:\n%s%s", strings.Join(args, " "), code, want, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The operator's way: key, backup, list, verify, drill; then another machine,
// a plan, the restore, and what is refused.
func TestBackupAndRestore(t *testing.T) {
	targets := t.TempDir()
	c, path := machine(t, targets)
	root, err := keyring.CreateRoot(c.Keys.Root)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Init(t.Context(), keyring.Options{Root: root, Stores: []keyring.Store{{Dir: c.Keys.Store}}}); err != nil {
		t.Fatal(err)
	}
	copyTo := filepath.Join(t.TempDir(), "backup.copy")
	operate(t, 0, "backup", "key", "--config", path, "--recovery", copyTo)
	operate(t, 0, "backup", "key", "--config", path, "--recovery", copyTo) // twice is fine
	if out, _ := operate(t, 0, "backup", "key", "--config", path, "--show"); !strings.Contains(out, "Ringfence backup key") {
		t.Errorf("the copy is %q", out)
	}
	customer := furnished(t, c)
	if _, said := operate(t, 1, "backup", "list", "--config", path); !strings.Contains(said, "no backup in this target") && !strings.Contains(said, "missing") {
		t.Errorf("before the first backup: %q", said)
	}
	operate(t, 0, "backup", "run", "--config", path)
	out, _ := operate(t, 0, "backup", "list", "--config", path, "--json")
	var points []backup.Point
	if err := json.Unmarshal([]byte(out), &points); err != nil || len(points) != 1 || points[0].Installation != "Acme Voice" {
		t.Fatalf("the list: %v\n%s", err, out)
	}
	operate(t, 0, "backup", "verify", "--config", path)
	operate(t, 0, "backup", "drill", "--config", path)

	next, other := machine(t, targets)
	if _, said := operate(t, 1, "restore", "--config", other); !strings.Contains(said, "backup key") {
		t.Errorf("without the key: %q", said)
	}
	copyFile(t, copyTo, next.Backup.Key) // the recovery copies are the files
	copyFile(t, c.Keys.Root, next.Keys.Root)
	if out, _ := operate(t, 0, "restore", "--config", other, "--plan"); !strings.Contains(out, "Acme Voice") || !strings.Contains(out, customer.String()) {
		t.Errorf("the plan: %q", out)
	}
	if left, err := os.ReadDir(filepath.Join(next.Data, "places")); len(left) > 0 || err != nil && !os.IsNotExist(err) {
		t.Errorf("the plan wrote something (%v)", err)
	}
	if out, _ := operate(t, 0, "restore", "--config", other); !strings.Contains(out, "Restored in") {
		t.Errorf("the restore says %q", out)
	}
	if _, said := operate(t, 1, "restore", "--config", other, "--confirm", "acme"); !strings.Contains(said, `--confirm "Acme Voice"`) {
		t.Errorf("over a living installation: %q", said)
	}
	operate(t, 0, "restore", "--config", other, "--confirm", "Acme Voice")
	operate(t, 0, "backup", "run", "--config", other)
	if _, said := operate(t, 1, "restore", "--config", other, "--customer", customer.String()); !strings.Contains(said, `--confirm "Client"`) {
		t.Errorf("a customer without its name: %q", said)
	}
	operate(t, 0, "restore", "--config", other, "--customer", customer.String(), "--confirm", "Client")
	if err := os.WriteFile(storage.StateFile(next), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if st, err := storage.Open(t.Context(), next, false); err == nil || !strings.Contains(err.Error(), "restore") {
		st.Close(cli.NewLog(next.Log, io.Discard))
		t.Errorf("half a restore is served: %v", err)
	}
}

// A recording that was captured after the newest copy of the keys needs their
// second disk. Without it the restore comes to its end, and does not pass for whole.
func TestRestoreWithoutTheSecondDiskOfTheKeys(t *testing.T) {
	targets := t.TempDir()
	c, path := machine(t, targets)
	c.Keys.Mirror, c.Backup.Log = filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "log")
	c.Objects.First.Folder = filepath.Join(t.TempDir(), "objects")
	write := func(c config.Config, path string) {
		t.Helper()
		if err := os.WriteFile(path, config.Render(c), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(c, path)
	root, err := keyring.CreateRoot(c.Keys.Root)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Init(t.Context(), keyring.Options{Root: root, Stores: []keyring.Store{{Dir: c.Keys.Store}, {Dir: c.Keys.Mirror}}}); err != nil {
		t.Fatal(err)
	}
	operate(t, 0, "backup", "key", "--config", path, "--recovery", filepath.Join(t.TempDir(), "copy"))
	customer := furnished(t, c)
	captured(t, c, customer, 1)
	operate(t, 0, "backup", "run", "--config", path)
	late := captured(t, c, customer, 2)

	next, other := machine(t, targets)
	next.Backup.Log, next.Objects = c.Backup.Log, c.Objects
	copyFile(t, c.Backup.Key, next.Backup.Key)
	copyFile(t, c.Keys.Root, next.Keys.Root)
	write(next, other)
	if out, _ := operate(t, 3, "restore", "--config", other); !strings.Contains(out, "2 recordings; 1 were opened") || !strings.Contains(out, "Not whole") || !strings.Contains(out, late.String()) {
		t.Errorf("without the second disk: %s", out)
	}
	var result backup.Result
	out, _ := operate(t, 3, "restore", "--config", other, "--confirm", "Acme Voice", "--json")
	if err := json.Unmarshal([]byte(out), &result); err != nil || len(result.Places) != 1 || len(result.Places[0].Failed) != 1 {
		t.Errorf("for programs: %v\n%s", err, out)
	}
	next.Keys.Mirror = c.Keys.Mirror
	write(next, other)
	if out, _ := operate(t, 0, "restore", "--config", other, "--confirm", "Acme Voice"); !strings.Contains(out, "2 recordings; 2 were opened") || strings.Contains(out, "Not whole") {
		t.Errorf("with the second disk: %s", out)
	}
}

// captured archives a recording.
func captured(t *testing.T, c config.Config, customer id.Customer, seed int) id.Recording {
	t.Helper()
	st, err := storage.Open(t.Context(), c, false)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(cli.NewLog(c.Log, io.Discard))
	p, err := st.Places.Place(t.Context(), customer)
	if err != nil {
		t.Fatal(err)
	}
	s := recording.New(recording.Options{Store: st.Places, Keys: st.Keys, Objects: st.Objects})
	if err := s.SetRetention(t.Context(), p, actor.ForSystem("test"), 0); err != nil {
		t.Fatal(err)
	}
	src, err := s.AddSource(t.Context(), p, actor.ForSystem("test"), recording.Source{Kind: recording.Import, Name: "x", Profile: "generic"})
	if err != nil {
		t.Fatal(err)
	}
	w := &recordingtest.World{Store: st.Places, Place: p, Service: s, Source: src, Who: actor.ForSystem("test")}
	return w.Archive(t, "call.wav", seed)
}

// furnished makes a provider and a customer.
func furnished(t *testing.T, c config.Config) id.Customer {
	t.Helper()
	st, err := storage.Open(context.Background(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(cli.NewLog(c.Log, io.Discard))
	tree, who := org.New(st.Places, st.Keys), actor.ForSystem("test")
	root, err := tree.CreateProvider(t.Context(), who, "Acme Voice")
	if err != nil {
		t.Fatal(err)
	}
	reseller, err := tree.Create(t.Context(), who, root.ID, org.Reseller, "Reseller")
	if err != nil {
		t.Fatal(err)
	}
	n, err := tree.Create(t.Context(), who, reseller.ID, org.Customer, "Client")
	if err != nil {
		t.Fatal(err)
	}
	return n.ID
}
