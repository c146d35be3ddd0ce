// Package capture turns what a telephone system leaves on its disk into calls with their recordings.
//
// A Profile reads one source: a folder of sound files and, for Asterisk, the logs beside it (CDR, CEL, queue_log). It is polled; each poll
// reads only what is new and gives the calls of which something changed. No log is believed alone: agents and waiting come from queue_log,
// legs and transfers from CEL, the end from the CDR, and each may be missing. A profile never changes the source, never reads outside it
// (a link or `../` leads nowhere), and one file or line that cannot be read never stops another: it becomes a Problem.
//
// Memory is bounded: a call is forgotten when it has ended and its taker said Done, or a day after its last line.
package capture

import (
	"context"
	"io/fs"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/sound"
)

// Profile reads one source. It is not safe for use by several goroutines.
type Profile interface {
	// Poll reads what is new since the last one and gives the calls of which something changed, in the order of their start. An error
	// means that nothing could be read at all (the folder is gone); what was given before stays true.
	Poll(ctx context.Context, now time.Time) (Batch, error)
	// Done says that all that was given of these calls is safely kept, so that they may be forgotten.
	Done(calls ...string)
	// State is where reading would go on after a restart: before the first line of every call that is not Done. Save it after Done.
	State() ([]byte, error)
	// Restore goes on from a State. What it cannot use (another version, a log that is gone) is read from its start again.
	Restore(state []byte) error
}

// Batch is what one Poll found.
type Batch struct {
	Calls    []Call
	Problems []Problem
	Gaps     []coverage.Gap // what the logs do not say, where a profile can tell
	Unnamed  Unnamed
	More     bool // the logs were not read to their end: the next Poll goes on there
}

// Unnamed are whole files that no log has named yet. One is given as soon as a log names it, or as a call of its own once it has stood for
// StillFor: until then a line that says whose it is may still come.
type Unnamed struct {
	Files int
	Until time.Time // when the last of them is given at the latest
}

func (u *Unnamed) add(files int, until time.Time) {
	u.Files += files
	if until.After(u.Until) {
		u.Until = until
	}
}

// hopeless reports whether a file holds nothing that could be taken, in a run that ends.
func (o Options) hopeless(f *soundFile) bool {
	return o.Once && f.locked.IsZero() && (f.problem != "" || f.sound.Empty())
}

// stood is how long a file has not changed.
func (o Options) stood(f *soundFile, now time.Time) time.Duration {
	age := max(0, now.Sub(f.modified))
	if o.hopeless(f) {
		return age
	}
	return min(now.Sub(f.since), age)
}

// Problem is one file or line that needs attention; nothing else was stopped by it.
type Problem struct {
	Path   string `json:"path"`           // relative to the folder or the logs
	Line   int    `json:"line,omitempty"` // of a log; 0 for a file of sound
	Reason string `json:"reason"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// Options are the settings of a source.
type Options struct {
	Profile  string         // one of Profiles
	Folder   string         // where the sound files are
	Logs     string         // where CDR, CEL and queue_log are; "" when there are none
	Files    fs.FS          // instead of Folder: see Drop
	LogFiles fs.FS          // instead of Logs
	Zone     *time.Location // of the telephone system; nil is UTC
	Country  string         // ISO 3166 two letters, for numbers; "" leaves them as they are
	Pattern  string         // file names of the generic profile, e.g. {started:20060102-150405}_{caller}_{dialled}_{extension}
	Sound    sound.Hint     // of files without a header
	StillFor time.Duration  // a file without an end that has not grown for this long is truncated; 0 is two minutes
	// Known says that a file of this size is already captured (or erased): it is not given again. Nil knows nothing.
	Known func(path string, size int64) bool
	// DryRun looks once at a source that may be a copy: file times are not believed, only the logs tell what has ended.
	DryRun bool
	// Once says that the reader is asked for a moment and ends. A file that holds no sound is then told by when it was last written to, not by
	// how long it was seen to stand still: that would take minutes of each run, and whatever a log says of it, it cannot be taken.
	Once bool
	// Between leaves out records whose files were written at other times: an import reads its files in stretches.
	Between Span
	// Columns says what the columns of lists beside the sound mean, where they are called something else: name in the list → field.
	Columns map[string]string
	JSON    bool          // DryRun writes one JSON object per call; else a table
	Report  func(Problem) // DryRun's problems; nil leaves them out
}
