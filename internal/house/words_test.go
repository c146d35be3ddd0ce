package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var code = regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z]*)`")

// TestGlossary takes the glossary at its word: where it gives a term's name in
// code and the package exists, the name exists too.
func TestGlossary(t *testing.T) {
	declared := map[string][]string{}
	for _, s := range sources(t) {
		pkg := filepath.Base(s.name)
		if declared[pkg] == nil {
			declared[pkg] = []string{}
		}
		for _, tree := range s.files {
			for _, d := range tree.Decls {
				declared[pkg] = append(declared[pkg], names(d)...)
			}
		}
	}
	found := code.FindAllStringSubmatch(read(t, "docs/glossary.md"), -1)
	if len(found) < 20 {
		t.Fatalf("only %d names found in the glossary", len(found))
	}
	for _, m := range found {
		if all, built := declared[m[1]]; built && !slices.Contains(all, m[2]) {
			t.Errorf("the glossary says %s.%s, and package %s has no such name", m[1], m[2], m[1])
		}
	}
}

func names(d ast.Decl) []string {
	var out []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		out = append(out, d.Name.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out = append(out, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					out = append(out, n.Name)
				}
			}
		}
	}
	return out
}

// testNames is every test of the project, as "tenancy/entry.TestAdmits".
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		dir, _ := filepath.Rel(filepath.Join(root, "internal"), filepath.Dir(path))
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(string(b), -1) {
			tests[filepath.ToSlash(dir)+"."+m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// TestThreats holds each row of the threat table to its proof: the tests that
// it names exist.
func TestThreats(t *testing.T) {
	tests := testNames(t)
	proof := regexp.MustCompile("`((?:base|platform|tenancy|archive|insight|trust|edge|app|house)[a-z/]*\\.(?:Test|Fuzz|Benchmark)\\w+)`")
	rows := 0
	for line := range strings.SplitSeq(read(t, "docs/threats.md"), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attacker") {
			continue
		}
		rows++
		named := proof.FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("no test stands behind this row: %s", line)
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("the threat table names %s, which does not exist", m[1])
			}
		}
	}
	if rows < 10 {
		t.Fatalf("only %d rows in the threat table", rows)
	}
}
