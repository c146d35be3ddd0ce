package server

import (
	"context"
	"sync"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
)

// buildImports builds what takes in old recordings. A runner of their own: an import of years keeps no other work waiting.
func (s *Server) buildImports() {
	s.Imports = bulk.NewService(bulk.Options{
		Store: s.Places, Recordings: s.Recordings, Busy: s.captures.Busy, Hears: s.pace.of, Sign: s.reviews.SignText, Log: s.log,
		Drop: s.dropOf, Given: s.mayWatch,
		Halted: func(ctx context.Context, p *place.Place, i id.Import, why string) {
			err := s.monitor.Report(ctx, monitor.In(p), monitor.Condition{Kind: monitor.ImportStopped, Subject: i.String(), Facts: map[string]string{"text": why}})
			if err != nil {
				s.log.WarnContext(ctx, "nobody could be told that an import stopped", "customer", p.Customer(), "cause", err)
			}
		},
		Goes: func(ctx context.Context, p *place.Place, i id.Import) {
			if err := s.monitor.Clear(ctx, monitor.In(p), monitor.ImportStopped, i.String()); err != nil {
				s.log.WarnContext(ctx, "the alert of an import could not be ended", "customer", p.Customer(), "cause", err)
			}
		},
	})
	s.Importing = job.NewRunner(s.Places, map[string]job.Kind{bulk.Job: s.Imports.Kind()}, job.Options{Parallel: 1, Log: s.log})
}

// pace is how fast sound was transcribed of late, for each customer, since the server started.
type pace struct {
	mu      sync.Mutex
	lengths map[id.Recording]time.Duration // transcribed in jobs that run
	heard   map[id.Customer]float64        // seconds of sound in one second
}

func newPace() *pace {
	return &pace{lengths: map[id.Recording]time.Duration{}, heard: map[id.Customer]float64{}}
}

// of is the pace of a customer's engine, 0 while it was not measured.
func (m *pace) of(_ context.Context, p *place.Place) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard[p.Customer()]
}

// told wraps what is told when a transcript is stored.
func (m *pace) told(next func(*place.Tx, id.Recording, string, time.Duration) error) func(*place.Tx, id.Recording, string, time.Duration) error {
	return func(tx *place.Tx, rec id.Recording, language string, length time.Duration) error {
		m.mu.Lock()
		m.lengths[rec] = length
		m.mu.Unlock()
		return next(tx, rec, language, length)
	}
}

// measured times the jobs of a kind that transcribes.
func (m *pace) measured(k job.Kind) job.Kind {
	run := k.Run
	k.Run = func(ctx context.Context, p *place.Place, j job.Job) error {
		began := time.Now()
		err := run(ctx, p, j)
		var a recording.TranscribeArgs
		if j.Decode(&a) == nil {
			m.note(p.Customer(), a.Recording, time.Since(began), err)
		}
		return err
	}
	return k
}

// note lets newer measurements count more.
func (m *pace) note(c id.Customer, rec id.Recording, took time.Duration, failed error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	length := m.lengths[rec]
	delete(m.lengths, rec)
	if failed != nil || length <= 0 || took <= 0 {
		return
	}
	speed := length.Seconds() / took.Seconds()
	if was := m.heard[c]; was > 0 {
		speed = was*0.8 + speed*0.2
	}
	m.heard[c] = speed
}
