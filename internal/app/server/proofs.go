package server

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/witness"
)

// buildProofs builds what signs change logs.
func (s *Server) buildProofs() {
	s.witness = witness.New(witness.Options{Store: s.Places, Keys: s.Keys, Mail: s.sender, Brand: s.Tree.LetterBrand, URL: s.URL, Log: s.log, Broken: s.logBroken})
	s.Places.OnCommit(s.witness.Watch)
	s.parcels.Register(evidence.Kind, evidence.New(s.Recordings, s.witness, time.Now).Maker(string(access.RecordingDownload)))
	s.parcels.Register(witness.ExportKind, s.witness.Maker(string(access.JournalExport)))
}

// startProofs signs each minute until the server stops.
func (s *Server) startProofs(ctx context.Context) { s.background(ctx, s.witness.Run) }

// logBroken raises the alert of a log that does not hold, and ends it.
func (s *Server) logBroken(ctx context.Context, p *place.Place, why error) {
	var err error
	if why == nil {
		err = s.monitor.Clear(ctx, monitor.In(p), monitor.LogBroken, "journal")
	} else {
		err = s.monitor.Report(ctx, monitor.In(p), monitor.Condition{Kind: monitor.LogBroken, Subject: "journal", Urgent: true, Facts: map[string]string{"text": fault.Of(why).Text}})
	}
	if err != nil {
		s.log.ErrorContext(ctx, "the alert of a change log could not be told", "customer", p.Customer(), "cause", err)
	}
}
