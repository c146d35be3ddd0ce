package keyring

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

func TestRootKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	made, err := CreateRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	got, err := LoadRoot(path)
	if err != nil || !got.Equal(made) || got.Name() != made.Name() {
		t.Fatalf("LoadRoot: %v", err)
	}
	_, err = CreateRoot(path)
	wants(t, err, fault.Conflict)
	if again, err := LoadRoot(path); err != nil || !again.Equal(made) {
		t.Fatalf("a second CreateRoot overwrote the first: %v", err)
	}
}

func TestRootKeyThatOthersCanReachIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if _, err := CreateRoot(path); err != nil {
		t.Fatal(err)
	}
	for mode := os.FileMode(1); mode <= 0o777; mode++ {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadRoot(path)
		if open := mode&0o077 != 0; open {
			wants(t, err, fault.Invalid)
			if !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Fatalf("mode %o: the fault does not say what to do: %v", mode, err)
			}
		} else if err != nil && os.Geteuid() == 0 {
			t.Fatalf("mode %o: %v", mode, err)
		}
	}
}

func TestRootKeyThatIsNoFileOfOurs(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe, text, "/dev/null", filepath.Join(dir, "missing")} {
		_, err := LoadRoot(path)
		wants(t, err, fault.Invalid)
	}
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	foreign := filepath.Join(dir, "foreign")
	if _, err := CreateRoot(foreign); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(foreign, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, err := LoadRoot(foreign)
	wants(t, err, fault.Invalid)
}

func TestRecoveryCopyIsReadAsPeopleTypeIt(t *testing.T) {
	root, err := CreateRoot(filepath.Join(t.TempDir(), "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	text := root.Recovery()
	var bare []string // four lines without numbers and remarks
	for line := range strings.Lines(text) {
		if _, code, ok := strings.Cut(line, ": "); ok {
			bare = append(bare, strings.TrimSpace(code))
		}
	}
	typed := strings.Join(bare, "\n")
	for name, s := range map[string]string{
		"as printed": text, "bare": typed, "lower case": strings.ToLower(typed),
		"dashes": strings.ReplaceAll(typed, " ", "-"), "no spaces": strings.ReplaceAll(typed, " ", ""),
		"one line": strings.Join(bare, " "), "Windows": strings.ReplaceAll(text, "\n", "\r\n"),
		"O and l": strings.NewReplacer("0", "o", "1", "l").Replace(typed), "empty lines": strings.ReplaceAll(typed, "\n", "\n\n  \n"),
	} {
		if got, err := FromRecovery(s); err != nil || !got.Equal(root) {
			t.Errorf("%s: %v\n%s", name, err, s)
		}
	}
	for i, line := range bare {
		for j := range line {
			wrong := []byte(line)
			if wrong[j] == ' ' {
				continue
			}
			wrong[j] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", wrong[j])+1)%32]
			lines := append([]string{}, bare...)
			lines[i] = string(wrong)
			_, err := FromRecovery(strings.Join(lines, "\n"))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), fmt.Sprint("line ", i+1)) {
				t.Fatalf("a typing error in line %d gave %v", i+1, err)
			}
		}
	}
	for name, s := range map[string]string{
		"empty": "", "three lines": strings.Join(bare[:3], "\n"), "swapped": strings.Join([]string{bare[1], bare[0], bare[2], bare[3]}, "\n"),
		"short": typed[:len(typed)-1], "long": typed + "0", "another alphabet": strings.Replace(typed, typed[:1], "U", 1),
	} {
		if _, err := FromRecovery(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", name, err)
		}
	}
}

func TestRootKeyIsNotPrinted(t *testing.T) {
	root, err := CreateRoot(filepath.Join(t.TempDir(), "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if s := fmt.Sprintf(verb, root); !strings.Contains(s, "hidden") {
			t.Errorf("%s shows %s", verb, s)
		}
		if s := fmt.Sprintf(verb, Options{Root: root}); strings.Contains(s, fmt.Sprintf("%x", root.key.Reveal()[:4])) {
			t.Errorf("%s shows %s", verb, s)
		}
	}
}

// With another root key nothing opens, nothing changes, and the fault names
// both keys.
func TestWrongRootKey(t *testing.T) {
	w := newWorld(t)
	w.Keyring.Close()
	before := contents(t, w.o)
	other, err := CreateRoot(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	o := w.o
	o.Root = other
	for _, do := range []func() error{
		func() error { return Init(t.Context(), o) },
		func() error { _, err := Open(t.Context(), o); return err },
	} {
		err := do()
		wants(t, err, fault.Unavailable)
		if !strings.Contains(err.Error(), other.Name()) || !strings.Contains(err.Error(), w.o.Root.Name()) {
			t.Fatalf("the fault does not name the keys: %v", err)
		}
	}
	w.again(t)
	after := contents(t, w.o)
	for name, b := range before {
		if strings.HasSuffix(name, ".db") && after[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := w.Reserve(t.Context(), w.c, 1); err != nil {
		t.Fatal(err)
	}
}

// contents reads every file of the key stores.
func contents(t testing.TB, o Options) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range o.Stores {
		files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all[f] = string(b)
		}
	}
	return all
}

// file is where the key store of a customer lies.
func file(o Options, i int, c id.Customer) string {
	return filepath.Join(o.Stores[i].Dir, c.String()+".db")
}
