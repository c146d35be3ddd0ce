package app

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
)

// Where what the tree decides on (suspended, quotas) is asked for, and where what
// was used is counted.

// mayCapture is whether something new may come into a place.
func (s *server) mayCapture(ctx context.Context, p *place.Place) error {
	return s.tree.Admit(ctx, p, org.Gigabytes, org.Minutes)
}

// mayHear is whether a speech engine may be given more sound.
func (s *server) mayHear(ctx context.Context, p *place.Place) error {
	return s.tree.Admit(ctx, p, org.EngineSeconds)
}

func captured(tx *place.Tx, length time.Duration) error { return org.Count(tx, length, 0) }

func heard(tx *place.Tx, length time.Duration) error { return org.Count(tx, 0, length) }

// mayWatch is whether a customer may have a folder of this server watched.
func (s *server) mayWatch(c id.Customer, folder string) bool {
	return s.cfg.MayWatch(c.String(), folder)
}
