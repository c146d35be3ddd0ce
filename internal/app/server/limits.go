package server

import (
	"context"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
)

// Where what the tree decides on (suspended, quotas) is asked for, and where what
// was used is counted.

// mayCapture is whether something new may come into a place.
func (s *Server) mayCapture(ctx context.Context, p *place.Place) error {
	return s.Tree.Admit(ctx, p, org.Gigabytes, org.Minutes)
}

// mayHear is whether a speech engine may be given more sound.
func (s *Server) mayHear(ctx context.Context, p *place.Place) error {
	return s.Tree.Admit(ctx, p, org.EngineSeconds)
}

func captured(tx *place.Tx, c recording.Captured) error { return org.Count(tx, c.Length, 0) }

func heard(tx *place.Tx, rec id.Recording, language string, length time.Duration) error {
	if err := org.Count(tx, 0, length); err != nil {
		return err
	}
	return tellTranscribed(tx, rec, language)
}

// mayWatch is whether a customer may have a folder of this server watched.
func (s *Server) mayWatch(c id.Customer, folder string) bool {
	return s.cfg.MayWatch(c.String(), folder)
}
