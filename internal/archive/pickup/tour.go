package pickup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// tour is one visit to where files are fetched from.
type tour struct {
	s       *Service
	p       *place.Place
	src     recording.Source
	set     Settings
	remote  remote
	found   int
	folders int   // listed
	files   int64 // fetched
	bytes   int64
	left    int64 // wanted, not fetched yet
}

// wanted is a file of the other side, by its name below the folder.
type wanted struct {
	name     string
	size     int64
	modified time.Time
}

// Bounds of what a visit looks at: a folder without end must not take the memory.
const (
	maxFound   = 200_000
	maxFolders = 20_000
	maxDepth   = 8
)

func (t *tour) run(ctx context.Context) error {
	r, err := connect(ctx, t.s.dial, t.set)
	if err != nil {
		return err
	}
	t.remote = r
	defer r.Close()
	stop := context.AfterFunc(ctx, func() { _ = r.Close() }) // a transfer that stands still ends with the program
	defer stop()
	all, err := t.look(ctx)
	if err != nil {
		return err
	}
	drop, err := t.s.opt.Drops.Drop(ctx, t.p, t.src.ID)
	if err != nil {
		return err
	}
	fresh, err := t.fresh(ctx, all)
	if err != nil {
		return err
	}
	t.left = int64(len(fresh))
	var bad error
	for _, w := range fresh {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !t.still(w) {
			continue
		}
		err := t.fetch(ctx, drop, w)
		if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.TooLarge) {
			return err // the connection or the drop: the next file will fare no better
		}
		if err != nil {
			bad = err // one file that cannot be read stops no other
			continue
		}
		t.left--
	}
	return errors.Join(bad, t.clear(ctx, all))
}

// still reports whether a file has stood still long enough: between two looks,
// or, when its own time says so, for ten minutes.
func (t *tour) still(w wanted) bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	now := t.s.opt.Now()
	was := t.s.seen[t.src.ID][w.name]
	return now.Sub(was.since) >= t.s.opt.Still || !w.modified.IsZero() && now.Sub(w.modified) >= 10*time.Minute
}

// fetch brings one file into the drop. It is there only if the other side says
// after it what it said before.
func (t *tour) fetch(ctx context.Context, drop *intake.Drop, w wanted) error {
	full := path.Join(t.set.Folder, w.name)
	up, err := t.writer(drop, w)
	if err != nil {
		return err
	}
	from, err := t.remote.open(full, up.Size())
	if err != nil {
		return errors.Join(unreadable(err), up.Cut())
	}
	began := up.Size()
	_, err = io.Copy(up, &slow{ctx: ctx, r: io.LimitReader(from, w.size-began+1), perSecond: int64(t.set.KBps) << 10})
	err = errors.Join(err, ignoreClosed(from.Close()))
	t.bytes += up.Size() - began
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return errors.Join(err, up.Abort())
	}
	if err != nil {
		return errors.Join(fault.Wrap(err, fault.Unavailable, "a transfer broke off; it goes on at the next look"), up.Cut())
	}
	after, err := t.remote.stat(full)
	if err != nil {
		return errors.Join(unreadable(err), up.Cut())
	}
	if up.Size() != w.size || after.size != w.size || !after.modified.IsZero() && !w.modified.IsZero() && after.modified.Sub(w.modified).Abs() >= time.Minute {
		return errors.Join(fault.New(fault.Conflict, "a file changed while it was fetched; it is fetched again when it stands still"), up.Abort())
	}
	if !w.modified.IsZero() {
		up.SetTime(w.modified)
	}
	if err := up.Close(); err != nil {
		return err
	}
	t.files++
	return t.mark(ctx, w, "fetched")
}

// writer goes on with what an earlier look has brought of the same file.
func (t *tour) writer(drop *intake.Drop, w wanted) (*intake.Writer, error) {
	if half, err := drop.Look(w.name); err == nil && half.Cut && half.Size() <= w.size {
		return drop.Resume(w.name, half.Size())
	}
	return drop.Create(w.name)
}

func unreadable(err error) error {
	return fault.Wrap(err, fault.Invalid, "a file cannot be read over there: %s", plain(err))
}

func (t *tour) mark(ctx context.Context, w wanted, state string) error {
	return t.p.Keep(ctx, func(tx *place.Tx) error {
		token, _, err := t.row(tx, w.name)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO pickup_files (source, path, size, modified_at, state) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (source, path) DO UPDATE SET size = excluded.size, modified_at = excluded.modified_at, state = excluded.state`,
			t.src.ID, token, w.size, w.modified.UnixMilli(), state)
		return err
	})
}

// clear deletes or moves over there what is archived and verified, in two
// places, and still is what was fetched.
func (t *tour) clear(ctx context.Context, all []wanted) error {
	if t.src.After == recording.Keep || !t.s.opt.Recordings.TwoPlaces() {
		return nil
	}
	var bad error
	for _, w := range all {
		var kept recording.FileState
		var r fileRow
		err := t.p.View(ctx, func(tx *place.Tx) (err error) {
			if _, r, err = t.row(tx, w.name); err == nil {
				kept, err = t.s.opt.Recordings.FileState(tx, t.src.ID, w.name)
			}
			return err
		})
		if err != nil {
			return err
		}
		if r.State != "fetched" || r.Size != w.size || r.Modified != w.modified.UnixMilli() || kept.State != "verified" || kept.Size != w.size {
			continue
		}
		if err := t.away(w); err != nil {
			bad = fault.Wrap(err, fault.Invalid, "a file that is archived could not be moved or deleted over there: %s", plain(err))
			continue
		}
		if err := t.mark(ctx, w, "left"); err != nil {
			return err
		}
	}
	return bad
}

func (t *tour) away(w wanted) error {
	full := path.Join(t.set.Folder, w.name)
	now, err := t.remote.stat(full)
	if err != nil || now.size != w.size {
		return err // changed since: it is fetched again
	}
	if t.src.After == recording.Delete {
		return t.remote.remove(full)
	}
	top := t.set.MoveTo
	if top == "" {
		top = path.Join(t.set.Folder, ".ringfence-done")
	}
	to := path.Join(top, w.name)
	return errors.Join(t.remote.mkdir(path.Dir(to)), t.remote.rename(full, to))
}

// account writes how the visit went, and whom it has contacted.
func (t *tour) account(ctx context.Context, went error) error {
	text, shown := "", ""
	if went != nil {
		text = fault.Of(went).Text
		if d := fault.Of(went).Details; len(d) > 0 {
			text = d[0].Text
		}
		if u, ok := errors.AsType[*unknownHost](went); ok {
			shown = u.shown
		}
	}
	failed := 0
	if went != nil {
		failed = 1
	}
	return t.p.Keep(context.WithoutCancel(ctx), func(tx *place.Tx) error {
		tx.Notify(place.Conditions) // another key, a refused sign-in, a host that is away, or their end
		if _, err := tx.Exec(`UPDATE pickups SET looked_at = ?, fault = ?, shown = ?, found = ?, fetched = fetched + ?, bytes = bytes + ?, waiting = ?,
				failing_since = CASE WHEN ? = 0 THEN 0 WHEN failing_since = 0 THEN ? ELSE failing_since END WHERE source = ?`,
			tx.At().UnixMilli(), text, shown, t.found, t.files, t.bytes, t.left, failed, tx.At().UnixMilli(), t.src.ID); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO pickup_contacts (source, day, host, times, failed, files, bytes) VALUES (?, ?, ?, 1, ?, ?, ?)
			ON CONFLICT (source, day, host) DO UPDATE SET times = pickup_contacts.times + 1, failed = pickup_contacts.failed + excluded.failed,
				files = pickup_contacts.files + excluded.files, bytes = pickup_contacts.bytes + excluded.bytes`,
			t.src.ID, tx.At().Format("2006-01-02"), t.set.Host, failed, t.files, t.bytes)
		return err
	})
}

// slow reads no faster than is allowed, and ends with its context.
type slow struct {
	ctx       context.Context
	r         io.Reader
	perSecond int64
	began     time.Time
	n         int64
}

func (s *slow) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.perSecond > 0 {
		if s.began.IsZero() {
			s.began = time.Now()
		}
		p = p[:min(len(p), int(max(1, s.perSecond/4)))]
		if wait := time.Duration(float64(s.n)/float64(s.perSecond)*float64(time.Second)) - time.Since(s.began); wait > 0 {
			t := time.NewTimer(wait)
			defer t.Stop()
			select {
			case <-t.C:
			case <-s.ctx.Done():
				return 0, s.ctx.Err()
			}
		}
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	return n, err
}

// String keeps names out of logs, should a tour ever be printed.
func (t *tour) String() string { return fmt.Sprintf("tour of %s", t.src.ID) }
