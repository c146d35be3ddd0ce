package app_test

import (
	"bytes"
	"strings"
	"testing"

	"ringfence/internal/app"
	"ringfence/internal/app/cli"
)

// TestEveryCommandExplainsItself: -h says what a command is for and how it is
// used, on standard output, and each of its parts does the same.
func TestEveryCommandExplainsItself(t *testing.T) {
	explained := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := app.Main(t.Context(), append(args, "-h"), cli.Process{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }})
		name := "ringfence " + strings.Join(args, " ")
		if code != 0 || errs.Len() > 0 || !strings.Contains(out.String(), "Usage: ringfence "+args[0]) || !strings.Contains(out.String(), name) {
			t.Errorf("%s -h: %d %s%s", name, code, out.String(), errs.String())
		}
		return out.String()
	}
	for _, c := range app.Commands() {
		if c.Name != "help" && c.Name != "version" {
			explained(c.Name)
		}
	}
	for _, part := range []string{"key", "run", "list", "verify", "drill", "log"} {
		if text := explained("backup", part); strings.Contains(text, "--json") == (part == "key" || part == "log") {
			t.Errorf("backup %s: %s", part, text)
		}
	}
	for _, part := range []string{"diff", "apply"} {
		if text := explained("blueprint", part); !strings.Contains(text, "--node") {
			t.Errorf("blueprint %s: %s", part, text)
		}
	}
	for _, part := range []string{"enrol", "install", "status", "upgrade", "uninstall", "probe"} {
		if text := explained("collect", part); !strings.Contains(explained("collect"), part) {
			t.Errorf("collect -h does not know of %s: %s", part, text)
		}
	}
}
