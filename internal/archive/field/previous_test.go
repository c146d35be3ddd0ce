package field

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A collector of the release before works with this server: the program is
// built from the newest tag, or named by RINGFENCE_PREVIOUS. While nothing has
// been released there is none; its traffic is replayed all the same, see
// collect.TestEarlierReleasesAreUnderstood.
func TestThePreviousReleasesCollector(t *testing.T) {
	old := previous(t)
	if old == "" {
		t.Log("there is no earlier release yet")
		return
	}
	w := newWorld(t)
	w.recorded("a.wav", 1)
	for _, args := range [][]string{
		{"enrol", "--server", w.http.URL, "--code", w.code(), "--state", w.state},
		{"--state", w.state, "--from", w.from, "--once"},
	} {
		out, err := exec.CommandContext(t.Context(), old, append([]string{"collect"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if n := w.archived(); n != 1 {
		t.Errorf("%d recordings arrived", n)
	}
	if d := w.device(); d.SeenAt.IsZero() || d.Protocol < 1 || d.Clock == nil {
		t.Errorf("%+v", d)
	}
}

// previous is the program of the newest tag, built from what git keeps of it.
func previous(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("RINGFENCE_PREVIOUS"); path != "" {
		return path
	}
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "" // a copy without its history
	}
	top := strings.TrimSpace(string(root))
	tag, err := exec.Command("git", "-C", top, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^").Output()
	if err != nil {
		return ""
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree.tar")
	steps := [][]string{
		{"git", "-C", top, "archive", "-o", tree, strings.TrimSpace(string(tag))},
		{"tar", "-C", dir, "-xf", tree},
		{"go", "build", "-C", dir, "-ldflags=-w", "-o", filepath.Join(dir, "previous"), "./cmd/ringfence-collector"},
	}
	for _, s := range steps {
		cmd := exec.Command(s[0], s[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", s, err, out)
		}
	}
	return filepath.Join(dir, "previous")
}
