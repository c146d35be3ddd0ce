package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onWindows is what runs on Windows, as in the Makefile's ON_WINDOWS.
var onWindows = []string{"ringfence/internal/base/disk", "ringfence/internal/platform/service", "ringfence/internal/archive/field", "ringfence/cmd/ringfence-collector"}

// TestTypesOnWindows checks the types of what runs on Windows, tests included,
// and of all that it stands on, as the compiler does for Windows. To compile and
// link it takes thirty times as long: `make check` and `make packages` do.
func TestTypesOnWindows(t *testing.T) {
	done := map[string]*types.Package{"unsafe": types.Unsafe}
	for _, l := range listed(t) {
		if strings.HasSuffix(l.ImportPath, ".test") || done[l.ImportPath] != nil {
			continue // the main of a test is written when it is run
		}
		c := types.Config{
			Importer: importer(func(path string) (*types.Package, error) {
				if to, ok := l.ImportMap[path]; ok {
					path = to
				}
				if p := done[path]; p != nil {
					return p, nil
				}
				return nil, errors.New("no package " + path)
			}),
			Sizes:            types.SizesFor("gc", "amd64"),
			IgnoreFuncBodies: !strings.HasPrefix(l.ImportPath, "ringfence/"),
			FakeImportC:      true,
			Error:            func(err error) { t.Error(err) },
		}
		files := token.NewFileSet()
		var all []*ast.File
		for _, name := range l.GoFiles {
			if !filepath.IsAbs(name) {
				name = filepath.Join(l.Dir, name)
			}
			f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, f)
		}
		done[l.ImportPath], _ = c.Check(strings.Fields(l.ImportPath)[0], files, all, nil) // Error has told
		if t.Failed() {
			return
		}
	}
	for _, name := range onWindows {
		if done[name] == nil {
			t.Errorf("%s was not checked", name)
		}
	}
}

type importer func(path string) (*types.Package, error)

func (fn importer) Import(path string) (*types.Package, error) { return fn(path) }

type listedPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
}

// listed are the packages and what they import, which stands before them.
func listed(t *testing.T) (all []listedPackage) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-test", "-json=ImportPath,Dir,GoFiles,ImportMap"}, onWindows...)...)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(out); ; {
		var l listedPackage
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}
