//go:build !windows

package service

import (
	"context"
	"log/slog"
	"os/exec"
)

// Native is the manager of this system; a root of its own is for tests and
// images.
func Native(root string) Manager { return Systemd{Root: root} }

// Run runs a program: here a service is a program like any other.
func Run(ctx context.Context, run func(context.Context, *slog.Logger) error, log *slog.Logger) error {
	return run(ctx, log)
}

func command(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	return string(out), err
}
