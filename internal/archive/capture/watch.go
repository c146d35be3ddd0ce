package capture

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

const (
	batchItems = 200              // recordings that are committed together
	batchBytes = 128 << 20        // or as many as make this much sound
	workers    = 2                // batches under way at once: one reads while the other waits for the disk
	slowDown   = 8                // a folder that takes long to look through is looked through as many times its length apart,
	slowest    = 3 * time.Second  // but no further: what is dropped is listed within five seconds
	pauseAfter = 10 * time.Second // when a source failed
)

// watch is one source being watched.
type watch struct {
	s         *Service
	p         *place.Place
	src       recording.Source
	who       actor.Actor
	ended     chan struct{}
	over      chan struct{}
	profile   Profile
	root      *os.Root         // of a folder of this machine
	drop      Drop             // of any other source
	files     fs.FS            // what is in either
	again     []Call           // calls with recordings that could not be archived yet
	seen      map[string]int64 // path → size of files that are settled
	leaving   map[string]recording.FileState
	destroyed int // files still there whose recordings were destroyed
	settled   time.Time
	noted     string
	tx        *place.Tx       // while the profile is polled
	polled    time.Duration   // how long the last poll took
	told      coverage.Report // calls that have ended and gaps of logs, not expected yet

	mu  sync.Mutex
	now Status
}

func newWatch(s *Service, p *place.Place, src recording.Source) *watch {
	return &watch{
		s: s, p: p, src: src, who: actor.ForSystem("capture"), ended: make(chan struct{}), over: make(chan struct{}),
		seen: map[string]int64{}, leaving: map[string]recording.FileState{},
	}
}

func (w *watch) stop() {
	close(w.ended)
	<-w.over
}

func (w *watch) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// run looks at the folder until it is stopped.
func (w *watch) run(ctx context.Context) {
	defer close(w.over)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer w.shut()
	for {
		w.polled = 0
		pause := w.s.opt.Every
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.note(ctx, "failing", fault.Of(err).Text)
			w.s.opt.Log.WarnContext(ctx, "a source cannot be read", "customer", w.p.Customer(), "source", w.src.ID, "error", err)
			pause = pauseAfter
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(pause, min(slowDown*w.polled, slowest))):
		}
	}
}

// note says how the source is doing, when that has changed.
func (w *watch) note(ctx context.Context, state, text string) {
	if w.noted == state+text {
		return
	}
	w.noted = state + text
	if err := w.s.opt.Recordings.NoteSource(ctx, w.p, w.src.ID, state, text); err != nil && ctx.Err() == nil {
		w.s.opt.Log.WarnContext(ctx, "the state of a source could not be noted", "source", w.src.ID, "error", err)
	}
}

// look polls the profile once and archives what is whole.
func (w *watch) look(ctx context.Context) error {
	if leaves, err := w.parting(ctx); err != nil || leaves {
		return err
	}
	r, err := w.s.opt.Recordings.Retention(ctx, w.p)
	if err != nil {
		return err
	}
	if !r.Chosen {
		w.note(ctx, "waiting", "nothing is captured before it is chosen how long recordings are kept")
		return nil
	}
	if err := w.s.opt.Recordings.Admit(ctx, w.p); fault.Is(err, fault.Unavailable) {
		w.note(ctx, "waiting", fault.Of(err).Text)
		return nil
	} else if err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	// What could not be archived comes first: while it cannot be, no more is read, and memory stays bounded.
	calls := w.again
	if len(calls) == 0 {
		var batch Batch
		began := time.Now()
		err := w.p.View(ctx, func(tx *place.Tx) (err error) {
			w.tx = tx // for known
			batch, err = w.profile.Poll(ctx, w.s.opt.Now())
			return err
		})
		w.tx, w.polled = nil, time.Since(began)
		if err != nil {
			w.shut()
			return err
		}
		if err := w.report(ctx, batch.Problems); err != nil {
			return err
		}
		calls = batch.Calls
		w.gapsOf(batch)
	}
	if err := w.take(ctx, calls); err != nil {
		return err
	}
	if err := w.release(ctx); err != nil {
		return err
	}
	if err := w.sweep(ctx); err != nil {
		return err
	}
	if err := w.tidy(ctx); err != nil {
		return err
	}
	w.note(ctx, "active", w.remark())
	return nil
}

// remark is what a customer should know of a source that works.
func (w *watch) remark() string {
	switch {
	case w.drop != nil:
		return ""
	case w.src.After != recording.Keep && !w.s.opt.Recordings.TwoPlaces():
		return "source files are kept: objects and keys are not both kept in two places yet"
	case w.destroyed > 0:
		return "files whose recordings were destroyed are still in the folder; they are not captured again"
	default:
		return ""
	}
}

// open opens folder and profile, where an earlier look left off.
func (w *watch) open(ctx context.Context) error {
	if err := w.reach(ctx); err != nil || w.profile != nil {
		return err
	}
	zone, err := time.LoadLocation(w.src.TimeZone)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the time zone %s is not known to this server", w.src.TimeZone)
	}
	o := Options{
		Profile: w.src.Profile, Folder: w.src.Folder, Logs: w.src.Logs, Zone: zone, Country: w.src.Country, Pattern: w.src.Pattern,
		Sound: sound.Hint{Codec: sound.Codec(w.src.Raw.Codec), Rate: w.src.Raw.Rate, Channels: w.src.Raw.Channels},
		Known: w.known,
	}
	if w.drop != nil {
		o.Files, o.LogFiles = w.files, w.files
		if w.src.Logs != "" {
			if o.LogFiles, err = fs.Sub(w.files, path.Clean(strings.Trim(w.src.Logs, "/"))); err != nil {
				return fault.Wrap(err, fault.Invalid, "the logs of this source must be a folder among what is sent, such as logs")
			}
		}
	}
	profile, err := New(o)
	if err != nil {
		return err
	}
	state, err := w.s.opt.Recordings.ReadingState(ctx, w.p, w.src.ID)
	if err != nil {
		return err
	}
	if state != nil {
		if err := profile.Restore(state); err != nil {
			w.s.opt.Log.WarnContext(ctx, "a source is read from its start again", "source", w.src.ID, "error", err)
		}
	}
	w.profile = profile
	return nil
}

// known tells the profile which files need no further look.
func (w *watch) known(path string, size int64) bool {
	if was, ok := w.seen[path]; ok && was == size && w.drop == nil {
		return true
	}
	state, err := w.s.opt.Recordings.FileState(w.tx, w.src.ID, path)
	if err != nil {
		return false // it is archived a second time at worst, and found to be a duplicate
	}
	modified := time.Time{}
	if state.State == "erased" || w.drop != nil {
		if info, err := fs.Stat(w.files, path); err == nil {
			modified = info.ModTime()
		}
	}
	if !state.Settled(size, modified) {
		return false
	}
	// What is pushed again under a name that was archived is another file until its content has been compared.
	if w.drop != nil && (size != state.Size || !sameTime(modified, state.ModTime)) {
		return false
	}
	if state.State == "erased" {
		w.destroyed++
	}
	w.settle(path, size, state)
	return true
}

// settle remembers a file that is archived as it is.
func (w *watch) settle(path string, size int64, state recording.FileState) {
	if w.drop == nil {
		w.seen[path] = size
	}
	if w.leaves() && (state.State != "erased" || w.drop != nil) {
		w.leaving[path] = state
	}
}

// reach opens where the files are.
func (w *watch) reach(ctx context.Context) error {
	switch {
	case w.files != nil:
		return nil
	case w.src.Kind == recording.Folder:
		if err := w.s.opt.Given.Check(w.p.Customer(), w.src.Folder, w.src.Logs); err != nil {
			return err
		}
		root, err := os.OpenRoot(w.src.Folder)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the folder %s cannot be opened: make it, or let the server read it", w.src.Folder)
		}
		w.root, w.files = root, rootFS{root}
		return nil
	case w.s.opt.Drop == nil:
		return errNoDrop
	}
	drop, err := w.s.opt.Drop(ctx, w.p, w.src.ID)
	if err != nil {
		return err
	}
	w.drop, w.files = drop, drop.FS()
	return nil
}

// shut closes what reach has opened.
func (w *watch) shut() {
	if w.root != nil {
		w.root.Close()
	}
	w.root, w.drop, w.files = nil, nil, nil
}

// leaves reports whether files go away once their recordings are verified. A
// drop is the server's own room: what is archived makes place for what comes.
func (w *watch) leaves() bool { return w.drop != nil || w.src.After != recording.Keep }

// opener opens a file of the source, and nothing outside of it: the root
// refuses `../` and links that lead away.
func (w *watch) opener(path string) func() (io.ReadCloser, error) {
	files := w.files
	return func() (io.ReadCloser, error) {
		f, err := files.Open(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the file cannot be opened: let the server read it, or remove it")
		}
		return f, nil
	}
}
