package phonesystem

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Seen is what a test found.
type Seen struct {
	Answers    bool
	Text       string // what went wrong, or what to know, in plain words
	Recordings int    // of the last day, as far as the first page tells
	More       bool   // there are further ones
	Latest     time.Time
	ClockOff   time.Duration
}

// Test asks a system whether it answers and what it has, and fetches nothing. Settings need not be stored; a secret that is not given is
// the stored one, where it may be.
func (s *Service) Test(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, set Settings) (out Seen, err error) {
	if _, err := s.o.Recordings.Source(ctx, p, source); err != nil {
		return out, err
	}
	if err := s.complete(ctx, p, source, &set); err != nil {
		return out, err
	}
	if err := s.check(&set); err != nil {
		return out, err
	}
	if err := p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "system.asked", Subject: source.String(), Facts: map[string]string{"system": set.System}})
		return nil
	}); err != nil {
		return out, err
	}
	probe := NewService(s.o) // with no token of the stored settings
	set.Since = s.o.Now().Add(-24 * time.Hour)
	c := &call{s: probe, p: p, source: source, set: set}
	sys := systems[set.System]
	var page []entry
	err = c.with(ctx, sys, func() (err error) {
		page, _, out.More, err = sys.list(ctx, c, mark{At: set.Since})
		return err
	})
	if err != nil {
		if f := fault.Of(err); f.Kind != fault.Internal {
			return Seen{Text: f.Text}, nil
		}
		return out, err
	}
	out.Answers, out.Recordings = true, len(page)
	for _, e := range page {
		if e.At.After(out.Latest) {
			out.Latest = e.At
		}
	}
	if a, err := c.ask(ctx, "GET", "/", nil, nil); err == nil {
		out.ClockOff = clockOff(a, s.o.Now())
	}
	if off := out.ClockOff.Abs(); off > time.Minute {
		out.Text = fmt.Sprintf("it answers; its clock and that of this server differ by %s", off.Round(time.Second))
	}
	return out, nil
}
