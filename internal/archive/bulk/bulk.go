// Package bulk takes in years of old recordings from a folder, without touching a file there.
//
//	list ──▶ look ──▶ ready ──▶ run ──▶ done
//	 every     what each      somebody     each file ends as
//	 file      would become   says go      archived, duplicate, expired, unreadable, vanished or changed
//
// Each file found is a row, and each row ends with exactly one outcome: the totals of the end add up to the files of the preview. The
// rows are the cursor, too: what is under way may be killed at any point and goes on where it was, and memory does not grow with the
// number of files. Live capture comes first: while it has work, an import waits.
package bulk

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Job is the kind of the job that works on imports.
const Job = "import"

// Topic is the live topic that is woken when an import gets on.
const Topic = "imports"

// State is how far an import has come.
type State string

// The states.
const (
	Looking   State = "looking" // files are listed and looked at; nothing is taken in
	Ready     State = "ready"   // the preview is complete; it waits for somebody to start it
	Running   State = "running"
	Paused    State = "paused"
	Stopped   State = "stopped" // it cannot go on; Note says why; it is tried again by itself
	Done      State = "done"
	Cancelled State = "cancelled"
)

// Outcome is what became, or would become, of one file.
type Outcome string

// The outcomes. A preview says New for what a run would try to archive.
const (
	New        Outcome = "new"
	Archived   Outcome = "archived"
	Duplicate  Outcome = "duplicate"  // these bytes are archived already, or were destroyed on purpose
	Expired    Outcome = "expired"    // older than recordings are kept
	Unreadable Outcome = "unreadable" // no sound, or damaged
	Vanished   Outcome = "vanished"   // it was there when the files were listed
	Changed    Outcome = "changed"    // it is not what was listed: it may still be written
)

// Outcomes are those that a file can end with.
func Outcomes() []Outcome {
	return []Outcome{Archived, Duplicate, Expired, Unreadable, Vanished, Changed}
}

// Draft is what an import is to take in, and how.
type Draft struct {
	Name       string            `json:"name"`
	Folder     string            `json:"folder,omitempty"` // on this server
	Drop       string            `json:"drop,omitempty"`   // or: id of a source that files were pushed to
	Logs       string            `json:"logs,omitempty"`
	Profile    string            `json:"profile"`
	Pattern    string            `json:"pattern,omitempty"`
	Columns    map[string]string `json:"columns,omitempty"` // of lists beside the sound: name of a column → field
	TimeZone   string            `json:"time_zone"`
	Language   string            `json:"language,omitempty"` // of what is spoken
	Country    string            `json:"country,omitempty"`
	Raw        recording.Raw     `json:"raw"`
	Transcribe bool              `json:"transcribe"` // nothing is transcribed that was not asked for
	PerMinute  int               `json:"per_minute"` // at most so many files a minute; 0: as fast as it goes
}

// Import is one import.
type Import struct {
	ID        id.Import
	Source    id.Source // under which its recordings are kept
	Draft     Draft
	State     State
	Note      string // why it is stopped
	CreatedAt time.Time
	CreatedBy string
	StartedAt *time.Time // of the run
	EndedAt   *time.Time
	Totals    Totals
}

// Totals are the figures of an import.
type Totals struct {
	Listed    bool              // all files are known
	Files     int64             // sound files listed
	Bytes     int64             // of them
	Others    int64             // files that are no sound by their names, and are left alone
	Looked    int64             // files whose preview is known
	Calls     int64             // that the new files belong to
	Preview   map[Outcome]int64 // files by what would become of them
	NewBytes  int64
	NewLength time.Duration // of the sound of new files
	Outcomes  map[Outcome]int64
	Done      int64         // files that have an outcome
	Yielding  bool          // it waits for live capture
	Speech    time.Duration // what transcribing the new files would take; 0: not known yet
}

// Options are what a Service stands on.
type Options struct {
	Store      *place.Store
	Recordings *recording.Service
	Given      capture.Given
	// Drop opens the files that were pushed for a source; nil: imports are from folders only.
	Drop func(ctx context.Context, p *place.Place, source id.Source) (capture.Drop, error)
	// Busy reports whether live capture has work; nil: never.
	Busy func() bool
	// Hears is how many seconds of sound the engine of a customer transcribes in one; 0: not measured yet. nil: never measured.
	Hears func(ctx context.Context, p *place.Place) float64
	// Sign signs the report of an ended import; nil: it is not signed.
	Sign func(ctx context.Context, text []byte) ([]byte, error)
	// Halted and Goes tell that an import cannot go on, and that it does again; nil: nobody is told.
	Halted func(ctx context.Context, p *place.Place, i id.Import, why string)
	Goes   func(ctx context.Context, p *place.Place, i id.Import)
	Now    func() time.Time // nil: the clock of this machine
	Log    *slog.Logger     // nil: silent
	Step   func(name string)
	Batch  int // files looked at or taken in at once; 0: 1000
}

// Service previews and runs imports. It is safe for concurrent use; a job runner calls Kind.
type Service struct {
	o       Options
	trusted sync.Map // of id.Import: whose folder was named by who runs this machine
}

// Trust has this process read the folder of an import although it is not Given: who
// runs the machine names it, as on the command line.
func (s *Service) Trust(i id.Import) { s.trusted.Store(i, true) }

// NewService makes a service.
func NewService(o Options) *Service {
	if o.Busy == nil {
		o.Busy = func() bool { return false }
	}
	if o.Hears == nil {
		o.Hears = func(context.Context, *place.Place) float64 { return 0 }
	}
	if o.Halted == nil {
		o.Halted = func(context.Context, *place.Place, id.Import, string) {}
	}
	if o.Goes == nil {
		o.Goes = func(context.Context, *place.Place, id.Import) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Batch == 0 {
		o.Batch = 1000
	}
	return &Service{o: o}
}
