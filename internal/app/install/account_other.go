//go:build !linux

package install

import (
	"context"
	"os/exec"
)

// A server runs on Linux; elsewhere `ringfence init` takes flags and answers
// only, and stays with the user that runs it.

type account struct{}

func (s *setup) runsAs() (*account, error) { return nil, nil }

func (s *setup) handOver(context.Context, *account) error { return nil }

func runAs(*exec.Cmd, string) error { return nil }
