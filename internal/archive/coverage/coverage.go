// Package coverage answers whether everything that should have been recorded
// was. Each call that a log names is an expectation, and must end as one of:
//
//	captured   its sound is in the archive, from its own source or another one
//	excused    a rule says why there is none: who set the rule, and the reason
//	missing    its time has passed and nothing came; somebody is told
//	erased     its recording was destroyed, and by whose authority
//
//	log line ──▶ waiting ── sound in the archive ──▶ captured ── destroyed ──▶ erased
//	               │  ▲                                 ▲
//	               │  └── a rule fits ──▶ excused       │ it came later
//	               └── ended + grace ───▶ missing ──────┘
//
// The other way round, a recording that no log names is "unnamed", where the
// source has logs at all. Expectations are written in the transaction that keeps
// how far the logs were read, so that a crash loses none and doubles none: a call
// is known by the blinded names that its telephone system gave it.
//
// Once a day is over it is stated and signed. Some days later what ended well is
// folded into figures; the names of what is missing stay, as long as recordings
// of that time would be kept.
//
// Limits: a call that no log names and that left no file is not seen by anybody.
// Holes in the logs themselves are listed for that reason.
package coverage

import (
	"context"
	"log/slog"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// State is how an expectation stands.
type State string

// The states.
const (
	Waiting  State = "waiting"
	Captured State = "captured"
	Excused  State = "excused"
	Missing  State = "missing"
	Erased   State = "erased"
	Unnamed  State = "unnamed" // a recording that no log names, though the source has logs
)

// States are all states, in the order in which they are shown.
func States() []State { return []State{Captured, Excused, Missing, Erased, Unnamed, Waiting} }

// Call is a call as a log, or a file alone, tells of it. It is also what a
// collector sends, sealed.
type Call struct {
	Idents      []string  `json:"idents"` // the telephone system's names of it, as in recording.Call; the first is its own
	Named       bool      `json:"named"`  // a log names it; else only files do
	StartedAt   time.Time `json:"started_at"`
	EndedAt     time.Time `json:"ended_at"`
	Direction   string    `json:"direction,omitempty"`
	Disposition string    `json:"disposition,omitempty"`
	Queue       string    `json:"queue,omitempty"`
	Talk        float64   `json:"talk_seconds,omitempty"`
	Caller      string    `json:"caller,omitempty"`
	Dialled     string    `json:"dialled,omitempty"`
	Extensions  []string  `json:"extensions,omitempty"`
	Paused      bool      `json:"paused,omitempty"` // the telephone system was told not to record
	Held        bool      `json:"held,omitempty"`   // a collector holds its sound, sealed, and brings it

	Recording id.Recording `json:"-"` // where its sound is known to be in the archive under another name
}

// Gap is something that a log does not say, or that could not be read.
type Gap struct {
	Kind GapKind   `json:"kind"`
	Log  string    `json:"log,omitempty"` // which of the logs: cdr, cel, queue_log
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	N    int64     `json:"n,omitempty"` // lines or numbers
}

// GapKind is what is wrong with a log.
type GapKind string

// The kinds of gap.
const (
	Unreadable GapKind = "unreadable" // lines that could not be read
	Rotation   GapKind = "rotation"   // a log was taken away or cut before it was read to its end
	Silence    GapKind = "silence"    // no line for long, at a time when there usually are some
	Holes      GapKind = "sequence"   // numbers that the telephone system counts were left out
)

// Report is what was read of a source's logs since the last one.
type Report struct {
	Calls []Call `json:"calls,omitempty"`
	Gaps  []Gap  `json:"gaps,omitempty"`
}

// Empty reports whether it says nothing.
func (r Report) Empty() bool { return len(r.Calls)+len(r.Gaps) == 0 }

// CallOf is a call of the archive as an expectation.
func CallOf(c recording.Call, named bool) Call {
	out := Call{
		Idents: c.Idents, Named: named, StartedAt: c.StartedAt, EndedAt: c.EndedAt, Direction: string(c.Direction), Disposition: string(c.Disposition),
		Queue: c.Queue, Talk: c.Talk, Caller: c.Caller.Number, Dialled: c.Dialled,
	}
	for _, a := range c.Agents {
		if a.Extension != "" {
			out.Extensions = append(out.Extensions, a.Extension)
		}
	}
	for _, e := range c.Events {
		out.Paused = out.Paused || pausing[e.What]
	}
	return out
}

// pausing are what telephone systems call it when they were told not to record.
var pausing = map[string]bool{"recording_paused": true, "recording_stopped": true}

// Times that hold where nothing else was chosen.
const (
	usualGrace = 15 * time.Minute   // from the end of a call to its sound
	shortest   = 2 * time.Minute    // from the log line: what comes in one batch is not missing meanwhile
	longest    = 45 * time.Minute   // a missing recording is told within the hour
	heldFor    = 12 * time.Hour     // what a collector holds: that it is offline is told by itself
	finalAfter = 48 * time.Hour     // from the end of a day to its statement
	foldAfter  = 7 * 24 * time.Hour // from then until what ended well becomes figures
	usualKeep  = 400                // days that names of what is missing are kept, at the most
	before     = 24 * time.Hour     // calls from longer before a source was known are not expected
	hoursKept  = 10 * 7 * 24 * time.Hour
)

// Options is what the service is built on.
type Options struct {
	Store *place.Store
	// Sign signs a text (PKCS #7, detached) and Paper a PDF with the installation's
	// key for documents; nil: there are no statements.
	Sign  func(ctx context.Context, text []byte) ([]byte, error)
	Paper func(ctx context.Context, pdf []byte, title string, at time.Time) ([]byte, error)
	Name  func(ctx context.Context, c id.Customer) string // of a customer, for statements; nil: its id
	// OnMissing is told of calls in the Change that calls them missing; nil: nobody is.
	OnMissing func(tx *place.Tx, all []Expectation) error
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: silent
}

// Service keeps the expectations of all places. It is safe for concurrent use.
type Service struct{ o Options }

// New makes the service; the store must have been opened with Migrations.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Name == nil {
		o.Name = func(_ context.Context, c id.Customer) string { return c.String() }
	}
	return &Service{o}
}

// Expectation is one call, and how it stands.
type Expectation struct {
	ID          id.Expectation
	Source      id.Source
	Day         Day
	State       State
	Named       bool
	StartedAt   time.Time
	EndedAt     time.Time
	DueAt       time.Time // missing from then on
	ChangedAt   time.Time
	Direction   string
	Disposition string
	Talk        time.Duration
	Recording   id.Recording // zero: none
	By          id.Source    // whose recording that is, if another source's; else zero
	Excuse      id.Excuse    // zero: none
	Why         string       // of a single excuse: the reason; of one that was erased: the authority
	Call        *Call        // nil: it was not opened, or is not kept any more
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
