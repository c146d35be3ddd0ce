package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place"
)

// movedTo is where files of verified recordings go, within their source. Its
// name begins with a dot: profiles do not look into it.
const movedTo = ".ringfence-done"

// release moves or deletes source files, each only when the archive says that
// its recording is verified, and when the file is still what was archived.
func (w *watch) release(ctx context.Context) error {
	if len(w.leaving) == 0 || w.drop == nil && !w.s.opt.Recordings.TwoPlaces() {
		return nil
	}
	for p, archived := range w.leaving {
		var now recording.FileState
		err := w.p.View(ctx, func(tx *place.Tx) (err error) {
			now, err = w.s.opt.Recordings.FileState(tx, w.src.ID, p)
			return err
		})
		if err != nil {
			return err
		}
		switch now.State {
		case "captured": // not read back yet
			continue
		case "verified", "erased":
			if err := w.remove(p, archived); err != nil {
				return err
			}
		}
		delete(w.leaving, p)
	}
	return nil
}

func (w *watch) remove(p string, archived recording.FileState) error {
	info, err := fs.Stat(w.files, p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() != archived.Size || !sameTime(info.ModTime(), archived.ModTime) {
		return nil // written to since; it is looked at again
	}
	if w.drop != nil {
		return w.drop.Remove(p, info)
	}
	if w.src.After == recording.Delete {
		err = w.root.Remove(p)
	} else {
		to := path.Join(movedTo, p)
		if err = w.root.MkdirAll(path.Dir(to), 0o700); err == nil {
			err = w.root.Rename(p, to)
		}
	}
	if err != nil {
		return fmt.Errorf("a source file could not be moved or deleted after its recording was verified: %w", err)
	}
	return nil
}

// sameTime compares to the millisecond, as times are stored.
func sameTime(a, b time.Time) bool { return a.UnixMilli() == b.UnixMilli() }

// report lists what the profile could not read.
func (w *watch) report(ctx context.Context, problems []Problem) error {
	var all []recording.Report
	for _, pr := range problems {
		p := pr.Path
		if pr.Line > 0 {
			p = fmt.Sprintf("%s, line %d", p, pr.Line)
		}
		r := recording.Report{Source: w.src.ID, Path: p, Reason: pr.Reason, Todo: pr.Advice}
		if info, err := fs.Stat(w.files, pr.Path); err == nil && pr.Line == 0 {
			r.Size, r.ModTime = info.Size(), info.ModTime()
		}
		all = append(all, r)
	}
	return w.s.opt.Recordings.Report(ctx, w.p, w.who, all...)
}

// tidyEvery is how often files that needed attention are looked for.
const tidyEvery = 10 * time.Second

// tidy takes files off the list that are no longer in the folder.
func (w *watch) tidy(ctx context.Context) error {
	if now := w.s.opt.Now(); now.Sub(w.settled) < tidyEvery {
		return nil
	} else {
		w.settled = now
	}
	all, err := w.s.opt.Recordings.Attention(ctx, w.p)
	if err != nil {
		return err
	}
	var gone []string
	for _, a := range all {
		if a.Source != w.src.ID || a.Size == 0 && a.ModTime.IsZero() {
			continue
		}
		if _, err := fs.Stat(w.files, a.Path); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, a.Path)
		}
	}
	return w.s.opt.Recordings.Settle(ctx, w.p, w.src.ID, gone...)
}
