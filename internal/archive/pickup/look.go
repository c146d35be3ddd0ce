package pickup

import (
	"context"
	"errors"
	"io/fs"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// look lists what is wanted, the oldest first.
func (t *tour) look(ctx context.Context) (all []wanted, err error) {
	tops := []string{""}
	if t.set.Dated != "" {
		tops = nil
		since, now := t.set.Since, t.s.opt.Now()
		if week := now.AddDate(0, 0, -7); since.Before(week) {
			since = week // folders by date are looked at a week back: nothing is written into older ones
		}
		for day := since; !day.After(now.Add(24 * time.Hour)); day = day.Add(24 * time.Hour) {
			if d := day.Format(t.set.Dated); !slices.Contains(tops, d) {
				tops = append(tops, d)
			}
		}
	}
	for _, top := range tops {
		err := t.walk(ctx, top, 0, &all)
		if err != nil && t.set.Dated != "" && replied(err) {
			continue // no folder for a day without calls
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the folder %s cannot be listed over there: %s", t.set.Folder, plain(err))
		}
	}
	slices.SortFunc(all, func(a, b wanted) int {
		if c := a.modified.Compare(b.modified); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	t.found = len(all)
	return all, nil
}

// replied reports whether an error is what the other side says to a request: not
// there, or not for us. A connection that has ended is none, nor too many folders.
func replied(err error) bool {
	_, byFTP := errors.AsType[*textproto.Error](err)
	_, bySFTP := errors.AsType[*sftp.StatusError](err)
	return byFTP || bySFTP || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

func (t *tour) walk(ctx context.Context, dir string, depth int, all *[]wanted) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.folders++; t.folders > maxFolders {
		return fault.New(fault.TooLarge, "there are more than %d folders; narrow the folder, or name folders by date", maxFolders)
	}
	entries, err := t.remote.list(path.Join(t.set.Folder, dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.name)
		full := path.Join(t.set.Folder, name)
		switch {
		case e.name == "" || strings.HasPrefix(e.name, ".") || intake.Valid(name) != nil || full == t.set.MoveTo:
		case e.dir:
			if depth < maxDepth {
				err := t.walk(ctx, name, depth+1, all)
				if err != nil && (depth == 0 || ctx.Err() != nil || fault.Is(err, fault.TooLarge)) {
					return err // deeper down, a folder that cannot be read stops no other
				}
			}
		case len(*all) >= maxFound:
			return fault.New(fault.TooLarge, "there are more than %d files; narrow the folder, the patterns or the time", maxFound)
		case t.matches(e.name) && (t.set.Since.IsZero() || !e.modified.Before(t.set.Since)):
			*all = append(*all, wanted{name, e.size, e.modified})
		}
	}
	return nil
}

func (t *tour) matches(base string) bool {
	if len(t.set.Patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(t.set.Patterns, func(p string) bool {
		ok, err := path.Match(strings.ToLower(p), strings.ToLower(base))
		return ok && err == nil
	})
}

// fileRow is what is known of a file that was fetched.
type fileRow struct {
	Size     int64  `db:"size"`
	Modified int64  `db:"modified_at"`
	State    string `db:"state"`
}

func (t *tour) row(tx *place.Tx, name string) (token []byte, r fileRow, err error) {
	if token, err = tx.Blind(place.FieldPickedUp, t.src.ID.String()+"/"+name); err != nil {
		return nil, r, err
	}
	r, err = place.Row[fileRow](tx, `SELECT size, modified_at, state FROM pickup_files WHERE source = ? AND path = ?`, t.src.ID, token)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return token, r, err
}

// fresh are the files that were not fetched as they are.
func (t *tour) fresh(ctx context.Context, all []wanted) (out []wanted, err error) {
	err = t.p.View(ctx, func(tx *place.Tx) error {
		for _, w := range all {
			_, r, err := t.row(tx, w.name)
			if err != nil {
				return err
			}
			if r.State == "" || r.Size != w.size || r.Modified != w.modified.UnixMilli() {
				out = append(out, w)
			}
		}
		return nil
	})
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	old := t.s.seen[t.src.ID]
	now := map[string]sighting{}
	for _, w := range out {
		s := sighting{w.size, w.modified, t.s.opt.Now()}
		if was, ok := old[w.name]; ok && was.size == w.size && was.modified.Equal(w.modified) {
			s.since = was.since
		}
		now[w.name] = s
	}
	t.s.seen[t.src.ID] = now
	return out, err
}
