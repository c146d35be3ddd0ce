package app

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ringfence/demo"
	"ringfence/internal/platform/place/placetest"
)

// The test binary is also the program: scripts, and tests that need a server
// they can kill, run it as the command ringfence.
func TestMain(m *testing.M) {
	if manner := mannerOf(); manner != "" {
		os.Exit(behave(manner))
	}
	testscript.Main(run{m}, map[string]func(){"ringfence": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(Main(ctx, os.Args[1:], Process{os.Stdin, os.Stdout, os.Stderr, os.Getenv}))
	}, "ringfence-init-killed": killedInit})
}

type run struct{ *testing.M }

func (r run) Run() int {
	defer placetest.Stop()
	return r.M.Run()
}

// TestScripts runs the program as operators do and looks at what they read.
func TestScripts(t *testing.T) {
	all, err := demo.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			return os.WriteFile(filepath.Join(e.WorkDir, "call.wav"), all[0].Sound, 0o600)
		},
	})
}
