package capture

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place"
)

// portion is how many files are compared in one look at the rows.
const portion = 500

// parting does for a customer who leaves what this source can: whatever it has
// brought to the archive and may remove goes, wherever it was moved to, and what
// was found is told once. true: nothing else is to be done here any more.
func (w *watch) parting(ctx context.Context) (leaves bool, err error) {
	asked := false
	err = w.p.View(ctx, func(tx *place.Tx) error {
		if leaves, err = w.s.opt.Recordings.Leaves(tx); err != nil || !leaves {
			return err
		}
		all, err := w.s.opt.Recordings.Folders(tx)
		for _, f := range all {
			asked = asked || f.Source == w.src.ID && f.Answered == 0
		}
		return err
	})
	if err != nil || !leaves {
		return leaves, err
	}
	w.note(ctx, "waiting", "the customer leaves: nothing is captured any more")
	if !asked {
		return true, nil
	}
	if err := w.reach(ctx); err != nil {
		return true, err
	}
	found, some, err := w.farewell(ctx)
	// A folder in which nothing lies proves nothing: a share may not be connected.
	// Of files that this server deletes or holds itself, an empty one is the rule.
	if err != nil || !some && w.drop == nil && w.src.After != recording.Delete {
		return true, err
	}
	return true, w.s.opt.Recordings.Parted(ctx, w.p, found)
}

// farewell removes what there is; some tells that there was anything at all.
func (w *watch) farewell(ctx context.Context) (found recording.Leftover, some bool, err error) {
	found.Source = w.src.ID
	var names []string
	flush := func() error {
		err := w.endAll(ctx, names, &found)
		names = names[:0]
		return err
	}
	err = fs.WalkDir(w.files, ".", func(at string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && at == ".":
			return err
		case err != nil:
			found.Blind = true
			return nil
		case d.IsDir():
			return nil
		}
		some = true
		if names = append(names, at); len(names) < portion {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return found, some, err
}

// endAll removes those of some files that still are what was archived, where
// that is allowed, and counts. Whatever lies in a drop is this server's own.
func (w *watch) endAll(ctx context.Context, names []string, found *recording.Leftover) error {
	states := make([]recording.FileState, len(names))
	err := w.p.View(ctx, func(tx *place.Tx) (err error) {
		for i, at := range names {
			name, _ := strings.CutPrefix(at, movedTo+"/")
			if states[i], err = w.s.opt.Recordings.FileState(tx, w.src.ID, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, at := range names {
		s := states[i]
		ours := s.State == "captured" || s.State == "verified" || s.State == "erased"
		if !ours && w.drop == nil {
			continue
		}
		info, err := fs.Stat(w.files, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		same := err == nil && info.Size() == s.Size && sameTime(info.ModTime(), s.ModTime)
		aside := strings.HasPrefix(at, movedTo+"/")
		mine := aside || w.src.After == recording.Delete && w.s.opt.Recordings.TwoPlaces()
		gone := false
		switch {
		case err != nil:
		case w.drop != nil:
			gone = w.drop.Remove(at, info) == nil
		case same && mine && s.State != "captured":
			gone = w.root.Remove(at) == nil
		case !same && !aside: // another file lies where it was captured
			continue
		}
		switch {
		case !ours:
		case gone:
			found.Removed++
		default:
			found.Remaining++
		}
	}
	return nil
}
