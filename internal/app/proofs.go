package app

import (
	"context"
	"time"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/witness"
)

// buildProofs builds what signs change logs.
func (s *server) buildProofs() {
	s.witness = witness.New(witness.Options{Store: s.places, Keys: s.keys, Mail: s.sender, Brand: s.tree.LetterBrand, URL: s.url, Log: s.log})
	s.places.OnCommit(s.witness.Watch)
	s.parcels.Register(evidence.Kind, evidence.New(s.recordings, s.witness, time.Now).Maker(string(access.RecordingDownload)))
	s.parcels.Register(witness.ExportKind, s.witness.Maker(string(access.JournalExport)))
}

// startProofs signs each minute until the server stops.
func (s *server) startProofs(ctx context.Context) { s.background(ctx, s.witness.Run) }
