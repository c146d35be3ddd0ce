package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linked   = regexp.MustCompile(`\]\(([^)\s#]*)(#[^)\s]*)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// TestLinks follows each relative link of the documents: the file is there, and
// so is the heading. What is in docs can be reached from its index.
func TestLinks(t *testing.T) {
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "node_modules" || e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			b, err := os.ReadFile(path)
			texts[filepath.Clean(path)] = string(b)
			return err
		}
		return nil
	})
	if err != nil || len(texts) < 30 {
		t.Fatal(len(texts), "documents", err)
	}
	indexed := map[string]bool{}
	for from, text := range texts {
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			to, anchor := m[1], m[2]
			if strings.Contains(to, ":") {
				continue // somebody else's page
			}
			at := from
			if to != "" {
				at = filepath.Join(filepath.Dir(from), to)
			}
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s links to %s, which is not there", from, to)
				continue
			}
			if from == filepath.Join(root, "docs", "README.md") {
				indexed[at] = true
			}
			if goal, ok := texts[at]; ok && anchor != "" && !anchors(goal)[anchor[1:]] {
				t.Errorf("%s links to %s%s, and there is no such heading", from, to, anchor)
			}
		}
	}
	for name := range texts {
		if filepath.Dir(name) == filepath.Join(root, "docs") && filepath.Base(name) != "README.md" && !indexed[name] {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

// anchors are the headings of a document as links name them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}
