package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
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

// sweep removes what was moved aside of recordings that were destroyed since, and
// says what became of each file. A folder in which nothing lies proves nothing: a
// share may not be connected.
func (w *watch) sweep(ctx context.Context) error {
	if w.root == nil {
		return nil
	}
	type found struct {
		recording.Moved
		path string
	}
	var wanted map[string]recording.Moved
	var files []found
	some, blind := false, false
	err := w.p.View(ctx, func(tx *place.Tx) (err error) {
		if wanted, err = w.s.opt.Recordings.MovedFiles(tx, w.src.ID); err != nil || len(wanted) == 0 {
			return err
		}
		return fs.WalkDir(w.files, ".", func(at string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil && at == ".":
				return err
			case err != nil:
				blind = true
				return nil
			case d.IsDir():
				return nil
			}
			some = true
			name, _ := strings.CutPrefix(at, movedTo+"/")
			token, err := w.s.opt.Recordings.BlindPath(tx, w.src.ID, name)
			if m, ok := wanted[string(token)]; ok && err == nil {
				files = append(files, found{m, at})
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("what was moved aside cannot be looked through: %w", err)
	}
	if !some || len(wanted) == 0 {
		return nil
	}
	fates := map[string]recording.Fate{}
	for _, f := range files {
		fate, err := w.end(f.path, f.Moved)
		if err != nil {
			return err
		}
		if fate != "" && fates[string(f.Path)] != recording.FateRemains {
			fates[string(f.Path)] = fate
		}
	}
	said := map[recording.Fate][]recording.Moved{}
	for token, m := range wanted {
		fate := fates[token]
		switch {
		case fate != "":
		case blind, m.Captured < w.src.FolderSince.UnixMilli(): // or in the folder of then
			fate = recording.FateUnknown
		default:
			fate = recording.FateGone
		}
		said[fate] = append(said[fate], m)
	}
	return w.s.opt.Recordings.Swept(ctx, w.p, w.src.ID, said)
}

// end removes one file that was moved aside, if it is still what was captured; ""
// means that another file lies under its name, in its place.
func (w *watch) end(at string, m recording.Moved) (recording.Fate, error) {
	info, err := fs.Stat(w.files, at)
	if errors.Is(err, fs.ErrNotExist) {
		return recording.FateGone, nil
	}
	if err != nil {
		return "", err
	}
	aside := strings.HasPrefix(at, movedTo+"/")
	switch same := m.Is(info.Size(), info.ModTime()); {
	case same && aside:
		err := w.root.Remove(at)
		if errors.Is(err, fs.ErrPermission) {
			return recording.FateRemains, nil
		}
		if err != nil {
			return "", fmt.Errorf("the moved file of a recording that was destroyed could not be removed: %w", err)
		}
		return recording.FateGone, nil
	case same || aside:
		return recording.FateRemains, nil
	}
	return "", nil // where it was captured lies another file since
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
		if info, err := fs.Lstat(w.files, pr.Path); err == nil && pr.Line == 0 {
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
	all, err := w.s.opt.Recordings.Attention(ctx, w.p, w.src.ID)
	if err != nil {
		return err
	}
	var gone []string
	for _, a := range all {
		if a.Size == 0 && a.ModTime.IsZero() {
			continue
		}
		if _, err := fs.Lstat(w.files, a.Path); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, a.Path)
		}
	}
	return w.s.opt.Recordings.Settle(ctx, w.p, w.src.ID, gone...)
}
