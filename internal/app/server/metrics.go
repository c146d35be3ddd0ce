package server

import (
	"context"
	"runtime"
	"strings"
	"time"

	"ringfence/internal/app/storage"
	"ringfence/internal/app/trace"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/metrics"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/health"
)

// figureCapture counts what comes in, once it has.
func (s *Server) figureCapture(tx *place.Tx, c recording.Captured) error {
	tx.After(func() { s.metrics.Captured(c.Length, c.Replaced) })
	return nil
}

// figures registers what is read when somebody asks for the figures. Parts that
// have one of their own (SIP, SFTP) add it here.
func (s *Server) figures() {
	m := s.metrics
	total := metrics.Soon(15*time.Second, time.Now, func(ctx context.Context) health.Totals {
		t, err := s.health.Totals(ctx)
		if err != nil {
			s.log.Warn("figures: the totals cannot be read", "cause", err)
		}
		return t
	})
	ago := func(at func(health.Totals) time.Time) func() float64 {
		return func() float64 {
			if t := at(total()); !t.IsZero() {
				return time.Since(t).Seconds()
			}
			return 0
		}
	}
	of := func(n func(health.Totals) int64) func() float64 { return func() float64 { return float64(n(total())) } }
	m.Gauge("customers", "Customers that have reported figures.", of(func(t health.Totals) int64 { return t.Customers }))
	m.Gauge("customers_failing", "Customers with something that does not work.", of(func(t health.Totals) int64 { return t.Failing }))
	m.Gauge("recordings", "Recordings in the archive.", of(func(t health.Totals) int64 { return t.Recordings }))
	m.Gauge("recording_bytes", "Bytes of sealed sound.", of(func(t health.Totals) int64 { return t.Bytes }))
	m.Gauge("recordings_unverified", "Recordings that were captured and not read back yet.", of(func(t health.Totals) int64 { return t.Unverified }))
	m.Gauge("verified_lag_seconds", "How long the oldest of these has waited.", ago(func(t health.Totals) time.Time { return t.OldestUnverifiedAt }))
	m.Gauge("last_capture_seconds", "How long ago the last recording came in.", ago(func(t health.Totals) time.Time { return t.LastCapturedAt }))
	m.Gauge("jobs_waiting", "Jobs that wait, of all customers.", of(func(t health.Totals) int64 { return t.JobsWaiting }))
	m.Gauge("jobs_oldest_seconds", "How long the oldest of them has waited.", ago(func(t health.Totals) time.Time { return t.OldestJobAt }))
	m.Gauge("jobs_dead", "Jobs that were given up.", of(func(t health.Totals) int64 { return t.JobsDead }))
	m.Gauge("webhooks_failing", "Webhooks whose receivers fail.", of(func(t health.Totals) int64 { return t.WebhooksFailing }))
	m.Gauge("webhook_messages_waiting", "Messages to webhooks that are still being tried.", of(func(t health.Totals) int64 { return t.WebhooksWaiting }))
	m.Gauge("webhook_messages_dead", "Messages to webhooks that were given up.", of(func(t health.Totals) int64 { return t.WebhooksDead }))
	m.Gauge("alerts", "Open alerts of customers.", of(func(t health.Totals) int64 { return t.Alerts }))
	m.Gauge("sources_failing", "Sources that cannot be read.", of(func(t health.Totals) int64 { return t.SourcesFailing }))
	m.Gauge("collectors_silent", "Collectors that are not heard of.", of(func(t health.Totals) int64 { return t.CollectorsSilent }))
	m.GaugeBy("collectors", "Enrolled collectors, by release.", "release", func() map[string]float64 {
		out := map[string]float64{}
		for r, n := range total().Collectors {
			out[knownRelease(r)] += float64(n)
		}
		return out
	})
	s.hostFigures(m)
}

// knownRelease keeps a collector from inventing labels: what is no number of a
// release is "unknown".
func knownRelease(r string) string {
	if _, err := release.Compare(r, r); err != nil {
		return "unknown"
	}
	return r
}

func (s *Server) hostFigures(m *metrics.Metrics) {
	m.Gauge("key_copies", "Places that keys are kept in.", func() float64 { return float64(s.Keys.Copies()) })
	m.Gauge("sessions", "Sessions of people that have not ended.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var n int64
		err := s.Places.Registry().View(ctx, func(tx *place.Tx) (err error) {
			n, err = place.Row[int64](tx, `SELECT count(*) FROM sessions`)
			return err
		})
		if err != nil {
			return -1
		}
		return float64(n)
	})
	m.GaugeBy("part", "How a part of the installation is: 0 off, 1 well, 2 look at it, 3 failing.", "part", func() map[string]float64 {
		out := map[string]float64{}
		for _, p := range s.health.Parts() {
			out[p.Name] = map[health.State]float64{health.Off: 0, health.Well: 1, health.Look: 2, health.Failing: 3}[p.State]
		}
		return out
	})
	m.GaugeBy("disk_free_bytes", "Free where the server writes.", "use", func() map[string]float64 {
		out := map[string]float64{}
		for use, dir := range s.disks() {
			if free, _, err := disk.Room(dir); err == nil {
				out[use] = float64(free)
			}
		}
		return out
	})
	m.GaugeBy("database", "Connections and places of the databases.", "what", s.Places.Standing)
	// What has no listener of its own here is 0.
	m.Gauge("siprec_calls", "Calls of recording clients that are open.", func() float64 {
		if s.sip == nil {
			return 0
		}
		return float64(s.sip.Calls())
	})
	m.Gauge("sftp_sessions", "Sessions of the SFTP server.", func() float64 {
		if s.sftp == nil {
			return 0
		}
		return float64(s.sftp.Count())
	})
	m.Counter("sftp_files", "Files that the SFTP server has taken since the start.", func() float64 {
		if s.sftp == nil {
			return 0
		}
		files, _ := s.sftp.Taken()
		return float64(files)
	})
	m.Gauge("processors", "Processors that this process may use.", func() float64 { return float64(runtime.GOMAXPROCS(0)) })
}

// serveMetrics opens the listener of the figures, where there is one.
func (s *Server) serveMetrics() error {
	if s.cfg.Metrics.Listen == "" {
		return nil
	}
	var token secret.Text
	if s.cfg.Metrics.TokenFile != "" {
		var err error
		if token, err = storage.SecretFile("metrics.token_file", s.cfg.Metrics.TokenFile); err != nil {
			return err
		}
	}
	l, err := s.open("metrics.listen", s.cfg.Metrics.Listen)
	if err != nil {
		return err
	}
	s.figuresAt = l
	s.serveOn(l, s.metrics.Handler(token, s.log))
	return nil
}

// watched are what the API tells of requests.
func (s *Server) watched(d httpapi.Deps) httpapi.Deps {
	d.Observe, d.Health, d.Ready = s.metrics.Request, s.health, s.health.Ready
	if s.tracer != nil {
		d.Tracer = s.tracer
	}
	return d
}

// runnerOptions are those of every runner of jobs.
func (s *Server) runnerOptions(parallel int) job.Options {
	o := job.Options{Parallel: parallel, Log: s.log, Ran: s.metrics.Job}
	if s.tracer != nil {
		o.Tracer = s.tracer
	}
	return o
}

// buildWatching makes what everything else is watched with: figures, and traces
// where the configuration names a collector for them.
func (s *Server) buildWatching() error {
	s.metrics = metrics.New(release.Number())
	t := s.cfg.Traces
	if t.Endpoint == "" {
		return nil
	}
	headers := map[string]string{}
	if t.HeadersFile != "" {
		text, err := storage.SecretFile("traces.headers_file", t.HeadersFile)
		if err != nil {
			return err
		}
		for line := range strings.Lines(text.Reveal()) {
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return fault.Field("traces.headers_file", "want a line such as Authorization: Bearer …")
			}
			headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	var err error
	s.tracer, err = trace.New(context.Background(), trace.Options{Endpoint: t.Endpoint, Headers: headers, Share: float64(t.Percent) / 100, Version: release.Number(), Log: s.log})
	if err == nil {
		s.stops = append(s.stops, s.tracer.Stop)
	}
	return err
}
