package access

import (
	"slices"
	"time"
)

// Span is an extension while it was somebody's. An extension that is given to
// somebody else begins another span, so that the calls of who had it before stay
// out of reach.
type Span struct {
	Extension string
	From, To  time.Time // From counts, To does not; zero: no end on that side
}

func (s *Span) holds(extension string, at time.Time) bool {
	return s.Extension != "" && s.Extension == extension &&
		(s.From.IsZero() || !at.Before(s.From)) && (s.To.IsZero() || at.Before(s.To))
}

// Part is what of a place a membership reaches: recordings of these spans or
// these queues, and no older than MaxAge. The zero value is nothing.
type Part struct {
	All    bool // whatever the queue and whoever took part
	Spans  []Span
	Queues []string
	MaxAge time.Duration // counted back from the instant of asking; zero: any age
}

// notBefore is the instant that the age of the part comes to.
func (p *Part) notBefore(at time.Time) time.Time {
	if p.MaxAge <= 0 {
		return time.Time{}
	}
	return at.Add(-p.MaxAge)
}

func (p *Part) covers(thing *Thing, at time.Time) bool {
	return covers(p.All, p.Spans, p.Queues, thing) && (p.MaxAge <= 0 || !thing.StartedAt.Before(p.notBefore(at)))
}

// Clause is one part of an extent: things of any of the spans or queues, and not
// from before an instant.
type Clause struct {
	Any       bool
	Spans     []Span
	Queues    []string
	NotBefore time.Time // zero: from any time
}

func (c Clause) none() bool { return !c.Any && len(c.Spans) == 0 && len(c.Queues) == 0 }

func (c Clause) covers(thing *Thing) bool {
	return covers(c.Any, c.Spans, c.Queues, thing) && (c.NotBefore.IsZero() || !thing.StartedAt.Before(c.NotBefore))
}

func covers(any bool, spans []Span, queues []string, thing *Thing) bool {
	if any || thing.Queue != "" && slices.Contains(queues, thing.Queue) {
		return true
	}
	for i := range spans {
		for _, x := range thing.Extensions {
			if spans[i].holds(x, thing.StartedAt) {
				return true
			}
		}
	}
	return false
}

// Extent is how much of a place somebody may do an act to: all of it, or what
// any of the clauses covers. Lists filter by it.
type Extent struct {
	All     bool
	Clauses []Clause
}

func (e *Extent) add(c Clause) {
	if !c.none() {
		e.Clauses = append(e.Clauses, c)
	}
}

// None reports whether nothing at all is within the extent.
func (e Extent) None() bool { return !e.All && len(e.Clauses) == 0 }

// Covers reports whether a thing is within. The thing's place is not looked at:
// an extent is always of one place.
func (e Extent) Covers(thing Thing) bool {
	return e.All || slices.ContainsFunc(e.Clauses, func(c Clause) bool { return c.covers(&thing) })
}
