package app

import (
	"bytes"
	"strings"
	"testing"
)

// TestEveryCommandExplainsItself: -h says what a command is for and how it is
// used, on standard output, and each of its parts does the same.
func TestEveryCommandExplainsItself(t *testing.T) {
	explained := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := Main(t.Context(), append(args, "-h"), Process{strings.NewReader(""), &out, &errs, func(string) string { return "" }})
		name := "ringfence " + strings.Join(args, " ")
		if code != 0 || errs.Len() > 0 || !contains(out.String(), "Usage: ringfence "+args[0]) || !contains(out.String(), name) {
			t.Errorf("%s -h: %d %s%s", name, code, out.String(), errs.String())
		}
		return out.String()
	}
	for _, c := range commands() {
		if c.name != "help" && c.name != "version" {
			explained(c.name)
		}
	}
	for _, part := range []string{"key", "run", "list", "verify", "drill", "log"} {
		if text := explained("backup", part); contains(text, "--json") == (part == "key" || part == "log") {
			t.Errorf("backup %s: %s", part, text)
		}
	}
	for _, part := range []string{"enrol", "install", "status", "upgrade", "uninstall", "probe"} {
		if text := explained("collect", part); !contains(explained("collect"), part) {
			t.Errorf("collect -h does not know of %s: %s", part, text)
		}
	}
}
