package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ringfence/demo"
)

// TestScripts runs the program as operators do and looks at what they read.
func TestScripts(t *testing.T) {
	all, err := demo.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	release, err := filepath.Abs("testdata/releases/0.1.0/sqlite.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("RELEASE", release) // an installation with a customer and a recording
			return os.WriteFile(filepath.Join(e.WorkDir, "call.wav"), all[0].Sound, 0o600)
		},
	})
}
