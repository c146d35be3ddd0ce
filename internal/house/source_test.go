package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "ringfence/"
)

// source is one package as its files say it is. Tests are left out: they may
// import what they like.
type source struct {
	name    string // "platform/place", "cmd/ringfence", "demo"
	imports []string
	files   map[string]*ast.File
}

var tokens = token.NewFileSet()

// sources parses every package of the project.
func sources(t *testing.T) []source {
	t.Helper()
	byName := map[string]*source{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && path != root || slices.Contains([]string{"node_modules", "testdata", "docs", "bin", "dist", "clients"}, e.Name())) {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); e.IsDir() && err == nil && path != root {
			return filepath.SkipDir // a module of its own, which the product does not see
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(tokens, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		name := strings.TrimPrefix(filepath.ToSlash(dir), "internal/")
		s := byName[name]
		if s == nil {
			s = &source{name: name, files: map[string]*ast.File{}}
			byName[name] = s
		}
		s.files[path] = file
		for _, i := range file.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			if !slices.Contains(s.imports, p) {
				s.imports = append(s.imports, p)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []source
	for _, s := range byName {
		slices.Sort(s.imports)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.name, b.name) })
	if len(all) < 10 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(all))
	}
	return all
}

// ours is the project's own packages among a source's imports.
func (s source) ours() []string {
	var out []string
	for _, i := range s.imports {
		if p, ok := strings.CutPrefix(i, module); ok {
			out = append(out, strings.TrimPrefix(p, "internal/"))
		}
	}
	return out
}

// block reads the lines of a fenced block of a document: the one that follows
// the HTML comment `<!-- name -->`.
func block(t *testing.T, doc, name string) []string {
	t.Helper()
	text := read(t, doc)
	_, after, ok := strings.Cut(text, "<!-- "+name+" -->\n```\n")
	body, _, closed := strings.Cut(after, "\n```")
	if !ok || !closed {
		t.Fatalf("%s has no block %q", doc, name)
	}
	var lines []string
	for line := range strings.SplitSeq(body, "\n") {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
