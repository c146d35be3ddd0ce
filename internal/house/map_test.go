package house

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestMap compares the map in docs/ARCHITECTURE.md with the imports. As a line
// may only name lines above it, a circle cannot be written down.
func TestMap(t *testing.T) {
	type room struct {
		name    string
		imports []string
	}
	var plan []room
	known := []string{}
	for _, line := range block(t, "docs/ARCHITECTURE.md", "map") {
		name, deps, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("map line without a colon: %q", line)
		}
		r := room{name, strings.Fields(deps)}
		for _, d := range r.imports {
			if !slices.Contains(known, d) {
				t.Errorf("%s names %s, which does not stand above it", r.name, d)
			}
		}
		known = append(known, name)
		plan = append(plan, r)
	}

	built := map[string]source{}
	for _, s := range sources(t) {
		built[s.name] = s
		if !slices.Contains(known, s.name) {
			t.Errorf("package %s stands in no line of the map; its line would be\n%s: %s", s.name, s.name, strings.Join(s.ours(), " "))
		}
	}
	for _, r := range plan {
		s, ok := built[r.name]
		if !ok {
			t.Errorf("the map names %s, which does not exist", r.name)
			continue
		}
		got := slices.Sorted(slices.Values(s.ours()))
		want := slices.Sorted(slices.Values(r.imports))
		if !slices.Equal(got, want) {
			t.Errorf("map and code differ; the code's line is\n%s: %s", r.name, strings.Join(got, " "))
		}
	}
}

// TestForeign keeps each library in the rooms that the document gives it.
func TestForeign(t *testing.T) {
	rooms := map[string][]string{}
	for _, line := range block(t, "docs/ARCHITECTURE.md", "foreign") {
		lib, in, _ := strings.Cut(line, ":")
		rooms[lib] = strings.Fields(in)
	}
	used := map[string]bool{}
	for _, s := range sources(t) {
		for _, imp := range s.imports {
			host, _, _ := strings.Cut(imp, "/")
			if !strings.Contains(host, ".") {
				continue // ours or the standard library
			}
			var lib string
			for l := range rooms {
				if (imp == l || strings.HasPrefix(imp, l+"/")) && len(l) > len(lib) {
					lib = l
				}
			}
			used[lib] = true
			if !slices.ContainsFunc(rooms[lib], func(room string) bool { ok, _ := path.Match(room, s.name); return ok }) {
				t.Errorf("%s imports %s, which the document does not let into it", s.name, imp)
			}
		}
	}
	for lib := range rooms {
		if !used[lib] {
			t.Errorf("no package uses %s any more: take its line out", lib)
		}
	}
}

// TestHiddenInputs refuses what a reader of a signature could not know of.
func TestHiddenInputs(t *testing.T) {
	allowed := map[string][]string{} // "time.Now" → packages
	for _, line := range block(t, "docs/ARCHITECTURE.md", "inputs") {
		what, in, _ := strings.Cut(line, ":")
		allowed[what] = strings.Fields(in)
	}
	for _, s := range sources(t) {
		if slices.Contains(s.imports, "math/rand") || slices.Contains(s.imports, "math/rand/v2") {
			t.Errorf("%s imports math/rand: chance that matters comes from crypto/rand, chance that does not is not needed", s.name)
		}
		for file, tree := range s.files {
			ast.Inspect(tree, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				pkg, ok := sel.X.(*ast.Ident)
				if !ok || pkg.Obj != nil {
					return true
				}
				call := pkg.Name + "." + sel.Sel.Name
				in, watched := allowed[call]
				if watched && !slices.ContainsFunc(in, func(room string) bool {
					ok, _ := path.Match(room, s.name)
					return ok || strings.HasSuffix(file, "/"+room)
				}) {
					t.Errorf("%s: %s is not for %s", tokens.Position(sel.Pos()), call, s.name)
				}
				return true
			})
		}
	}
}

// TestInitAndPanic keeps start-up explicit: what a package needs comes through
// its constructor.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, tree := range s.files {
			for _, d := range tree.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: work in init is hidden work", tokens.Position(f.Pos()))
				}
			}
		}
	}
}

// What makes tests cheap by making the product weak stays out of the product.
func TestNothingIsLight(t *testing.T) {
	seen := false
	for _, s := range sources(t) {
		for path, file := range s.files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Light" {
						t.Errorf("%s sets identity.Options.Light", path)
					}
				case *ast.AssignStmt:
					for _, to := range n.Lhs {
						if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Light" {
							t.Errorf("%s sets identity.Options.Light", path)
						}
					}
				case *ast.Field:
					seen = seen || s.name == "tenancy/identity" && len(n.Names) == 1 && n.Names[0].Name == "Light"
				}
				return true
			})
		}
	}
	if !seen {
		t.Error("identity.Options has no field Light: this test looks for the wrong name")
	}
}
