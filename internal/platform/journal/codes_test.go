package journal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ringfence/internal/platform/journal"
)

// Every kind of event that the program records has a meaning for people, and
// every meaning belongs to a kind that is recorded.
func TestEveryCodeIsExplained(t *testing.T) {
	written := map[string]bool{} // every text in the source, to find codes that nobody records
	consts := map[string]string{}
	type use struct {
		at   token.Position
		code ast.Expr
		dir  string
	}
	var uses []use
	set := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "journal/codes.go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, ok := literal(n); ok {
					written[text] = true
				}
			case *ast.ValueSpec:
				for i, v := range n.Values {
					if text, ok := literal(v); ok && i < len(n.Names) {
						consts[dir+" "+n.Names[i].Name] = text
					}
				}
			case *ast.AssignStmt: // code := "noun.done"
				for i, v := range n.Rhs {
					name, is := n.Lhs[i].(*ast.Ident)
					if is && name.Name == "code" && len(n.Rhs) == len(n.Lhs) {
						if text, ok := literal(v); ok && strings.Contains(text, ".") {
							uses = append(uses, use{set.Position(v.Pos()), v, dir})
						}
					}
				}
			case *ast.CompositeLit:
				if code := codeOf(n); code != nil {
					uses = append(uses, use{set.Position(code.Pos()), code, dir})
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uses {
		code, ok := literal(u.code)
		if name, is := u.code.(*ast.Ident); is {
			if code, ok = consts[u.dir+" "+name.Name]; !ok {
				continue // a parameter; the texts it is called with are found below
			}
		}
		if ok && journal.Meaning(code) == "" {
			t.Errorf("%s records %q, which journal.Codes does not explain", u.at, code)
		}
	}
	seen := map[string]bool{}
	for _, c := range journal.Codes {
		if !written[c.Code] {
			t.Errorf("journal.Codes explains %q, which nothing records", c.Code)
		}
		if seen[c.Code] || c.Meaning == "" || !strings.Contains(c.Code, ".") {
			t.Errorf("journal.Codes has %q twice, without a meaning, or without a noun", c.Code)
		}
		seen[c.Code] = true
	}
	if len(uses) < 3 {
		t.Fatalf("only %d events found: the test looks in the wrong place", len(uses))
	}
}

// codeOf is the Code of an Event literal, be it place.Event or, at home, Event.
func codeOf(n *ast.CompositeLit) ast.Expr {
	switch typ := n.Type.(type) {
	case *ast.SelectorExpr:
		if typ.Sel.Name != "Event" {
			return nil
		}
		if from, ok := typ.X.(*ast.Ident); !ok || from.Name != "place" {
			return nil
		}
	case *ast.Ident:
		if typ.Name != "Event" {
			return nil
		}
	default:
		return nil
	}
	for _, e := range n.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Code" {
				return pair.Value
			}
		}
	}
	return nil
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
