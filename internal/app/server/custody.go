package server

import (
	"context"
	"fmt"
	"os"

	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/trust/custody"
)

// buildCustody builds what rotates keys and asks customers' key servers. A runner
// of its own: a rotation of a million keys keeps no other work waiting.
func (s *Server) buildCustody() {
	host, err := os.Hostname()
	if err != nil {
		host = "this server"
	}
	// Two servers may run on one machine, each with files of its own.
	s.custody = custody.New(custody.Options{
		Store: s.Places, Keys: s.Keys, Roots: s.Roots, Monitor: s.monitor, Server: fmt.Sprintf("%s %s", host, s.cfg.Keys.Root), Log: s.log,
		Egress: egress.Options{Private: s.cfg.Egress.AllowPrivate, Sent: s.metrics.Egress},
	})
	s.turning = job.NewRunner(s.Places, s.custody.Kinds(), s.runnerOptions(1))
}

// lookAfterKeys follows rotations and watches key servers while the server runs.
func (s *Server) lookAfterKeys(ctx context.Context) { s.background(ctx, s.custody.Run) }
