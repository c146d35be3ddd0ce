package upkeep

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/platform/keyring"
)

var errCut = errors.New("cut off")

// The next root key is made, its copy read back, and offered; wherever that is cut
// off, the present root key stays what it is and the next run ends it. A key
// whose copy nobody has read back is never offered. A panic stands for a kill: all
// that lasts are whole files that were synced and renamed before the next step.
func TestNextRootKeyIsCutOffAtEachStep(t *testing.T) {
	for _, at := range []string{"made", "not read back", "read back", "offered", "tidied", ""} {
		t.Run(at, func(t *testing.T) {
			dir := t.TempDir()
			c := config.Config{Keys: config.Keys{Root: filepath.Join(dir, "root.key")}}
			old, err := keyring.CreateRoot(c.Keys.Root)
			if err != nil {
				t.Fatal(err)
			}
			run := func(stop string) (err error) {
				defer func() {
					if r := recover(); r != nil {
						err = errCut
					}
				}()
				file := filepath.Join(dir, "copy")
				if stop == "not read back" {
					file = ""
				}
				var out bytes.Buffer
				return offerRoot(t.Context(), c, file, cli.Process{Stdin: strings.NewReader("1: 0000\n\n"), Stdout: &out, Stderr: &out}, func(step string) {
					if step == stop {
						panic(errCut)
					}
				})
			}
			if err := run(at); (err == nil) != (at == "") {
				t.Fatalf("cut off at %q: %v", at, err)
			}
			roots, err := keyring.LoadRoots(c.Keys.Root)
			if err != nil || !roots.Equal(old) {
				t.Fatal("the present root key is another:", err)
			}
			_, next, _, err := roots.Names()
			if offered := at == "offered" || at == "tidied" || at == ""; err != nil || (next != "") != offered {
				t.Fatalf("cut off at %q, the next one is %q, %v", at, next, err)
			}
			if err := run(""); err != nil {
				t.Fatal(err)
			}
			_, again, _, err := roots.Names()
			if err != nil || again == "" || next != "" && again != next {
				t.Fatal(again, err)
			}
			if _, err := os.Stat(c.Keys.Root + ".unread"); err == nil {
				t.Fatal("a second file with the next root key was left")
			}
			b, err := os.ReadFile(filepath.Join(dir, "copy"))
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := keyring.FromRecovery(string(b)); err != nil || kept.Name() != again {
				t.Fatal("the copy is of another key", err)
			}
		})
	}
}
