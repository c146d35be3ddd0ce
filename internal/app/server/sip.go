package server

import (
	"context"
	"net/netip"
	"path/filepath"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/sip"
	"ringfence/internal/platform/place"
)

// buildSiprec makes what takes recording sessions. Sources can be set up before
// there is an address for them.
func (s *Server) buildSiprec() (err error) {
	s.siprec, err = siprec.New(siprec.Options{
		Store: s.Places, Recordings: s.Recordings, Spool: filepath.Join(s.cfg.Data, "siprec"), Log: s.log, Expect: s.expectSession, Hushed: s.pausesGoing,
	})
	return err
}

// pausesGoing are the pauses by which sessions under way are silenced.
func (s *Server) pausesGoing(tx *place.Tx, sources []id.Source) (all []siprec.Hush, err error) {
	going, err := s.redaction.Going(tx, sources)
	for _, g := range going {
		all = append(all, siprec.Hush(g))
	}
	return all, err
}

// expectSession has the recording of a session expected: each is a call that the
// recording client has named.
func (s *Server) expectSession(tx *place.Tx, source id.Source, call recording.Call) error {
	return s.coverage.Expect(tx, source, coverage.Report{Calls: []coverage.Call{coverage.CallOf(call, true)}})
}

// startSiprec archives what the last run has left, and listens.
func (s *Server) startSiprec(ctx context.Context) error {
	if err := s.siprec.Start(ctx); err != nil {
		return err
	}
	s.stops = append(s.stops, s.siprec.Stop)
	s.metrics.Gauge("siprec_sessions", "Recording sessions under way.", func() float64 { return float64(s.siprec.Sessions()) })
	c := s.cfg.SIP
	if !c.On() {
		return nil
	}
	o := sip.Options{Listen: c.Listen, TLSListen: c.TLSListen, MaxCalls: c.MaxCalls, Service: s.siprec, Log: s.log}
	o.LowPort, o.HighPort = c.PortRange()
	if c.Address != "" {
		o.Address = netip.MustParseAddr(c.Address) // Validate has parsed it before
	}
	if s.certs != nil {
		o.TLS = s.certs.Config()
	}
	var err error
	if s.sip, err = sip.New(o); err == nil {
		err = s.sip.Start(ctx)
	}
	if err != nil {
		return err
	}
	s.stops = append(s.stops, s.sip.Stop)
	s.metrics.Gauge("siprec_strangers", "SIP messages of strangers that were turned away since the start.", func() float64 {
		n, _ := s.sip.Turned()
		return float64(n)
	})
	return nil
}

// siprecAt is where recording clients call, for the pages of sources.
func (s *Server) siprecAt() (all []httpapi.SiprecEntrance) {
	c := s.cfg.SIP
	for _, at := range []struct {
		listen     string
		transports []string
	}{{c.TLSListen, []string{"tls"}}, {c.Listen, []string{"tcp", "udp"}}} {
		for _, t := range at.transports {
			if at.listen != "" {
				all = append(all, httpapi.SiprecEntrance{Transport: t, Address: reachable(at.listen, c.Address)})
			}
		}
	}
	return all
}

// reachable is an address to listen on as others reach it, as far as it is known.
func reachable(listen, address string) string {
	ap, err := netip.ParseAddrPort(listen)
	if err != nil || address == "" {
		return listen
	}
	return netip.AddrPortFrom(netip.MustParseAddr(address), ap.Port()).String()
}
