package upgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/disk"
)

// Exchange puts a program that the system starts in the place of the one before
// it, and takes that back if the new one does not prove itself. Unlike a box, a
// server has no launcher: its program stands where a package puts it, and who
// judges the new one is the one before it, which is kept.
//
// What lies in the folder says where things stand; each step is one rename:
//
//	before    ran until now, and was well: the program in its place is on trial
//	tries     how often the one on trial was started
//	previous  the one before, after a trial that went well
//	refused   the one that was put out, after a trial that did not
//
// The data stay: a program works with what a newer one has added to them.
// Folder and program belong to root alone.
type Exchange struct {
	Program string // what the system starts
	Folder  string

	Check   func(ctx context.Context, program string) error // would it start? The old one still runs
	Running func(ctx context.Context) bool
	Restart func(ctx context.Context) error // until it is ready, or has failed
	Well    func(ctx context.Context, within time.Duration) error
	Say     func(format string, args ...any)
	Step    func(string) // tests end the process there
}

// maxStarts is how often a program on trial is started before the one before it
// is put back: whoever would judge it may be gone, with the power for example.
const maxStarts = 3

// How long it may take until a program is well, after it was ready.
const (
	wellIn      = 2 * time.Minute
	wellInStart = 45 * time.Second // while the system waits for its start to end
)

// Refused is an upgrade that was taken back.
type Refused struct {
	Why    error // what was wrong with the new program
	Before error // what is wrong with the one before now; nil: it is well
	Ran    bool  // the new one was started
}

func (r *Refused) Error() string {
	switch {
	case !r.Ran:
		return fmt.Sprintf("the new release would not start, and the one before goes on running: %v", r.Why)
	case r.Before != nil:
		return fmt.Sprintf("the new release was not well (%v); the one before was put back and started, and is not well either: %v", r.Why, r.Before)
	}
	return fmt.Sprintf("the new release was not well; the one before was put back, runs and is well: %v", r.Why)
}

func (r *Refused) Unwrap() error { return r.Why }

func (x *Exchange) at(name string) string { return filepath.Join(x.Folder, name) }

func (x *Exchange) step(name string) {
	if x.Step != nil {
		x.Step(name)
	}
}

// locked keeps two from changing what lies there; nobody restarts under it, as
// the start comes here, too.
func (x *Exchange) locked(do func() error) error {
	if err := os.MkdirAll(x.Folder, 0o755); err != nil {
		return err
	}
	for wait := 0; ; wait++ {
		held, err := disk.Lock(x.at("lock"))
		if errors.Is(err, disk.ErrHeld) && wait < 100 {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		return errors.Join(do(), held.Release())
	}
}

// Keep keeps the program that stands in its place, before another comes. One
// that is kept already stays: what stands in its place then has proven nothing.
func (x *Exchange) Keep() error {
	return x.locked(func() error {
		if there(x.at("before")) {
			return nil
		}
		if err := remove(x.at("tries")); err != nil {
			return err
		}
		return copied(x.Program, x.at("before"))
	})
}

// Place puts a program in its place; it is on trial from then on.
func (x *Exchange) Place(file string) error {
	if err := x.Keep(); err != nil {
		return err
	}
	x.step("kept")
	return x.locked(func() error {
		if err := remove(x.at("refused")); err != nil {
			return err
		}
		return copied(file, x.Program)
	})
}

// PlacePrevious puts the release before this one in its place.
func (x *Exchange) PlacePrevious() error {
	if !there(x.at("previous")) {
		return fmt.Errorf("no earlier program is kept in %s; install its package instead", x.Folder)
	}
	return x.Place(x.at("previous"))
}

// trial reports whether what stands in its place has to prove itself.
func (x *Exchange) trial() (bool, error) {
	before, err := sum(x.at("before"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	now, errNow := sum(x.Program)
	return !bytes.Equal(before, now), errors.Join(err, errNow)
}

// Starting is told of each start, before it: what was started too often is put
// out, and what stands in its place then is started.
func (x *Exchange) Starting() error {
	return x.locked(func() error {
		on, err := x.trial()
		if err != nil || !on {
			return err
		}
		text, err := os.ReadFile(x.at("tries"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(text))) // a damaged count begins again
		if n >= maxStarts {
			x.Say("The new release was started %d times and did not get well: the one before is put back.\n", n)
			return x.out()
		}
		return durably(x.at("tries"), []byte(strconv.Itoa(n+1)))
	})
}

// Started is told when a start has succeeded. One that is well has proven
// itself, also if whoever began the upgrade is gone.
func (x *Exchange) Started(ctx context.Context) error {
	if on, err := x.trial(); err != nil || !on {
		return err
	}
	if err := x.Well(ctx, wellInStart); err != nil {
		return err
	}
	return x.proven()
}

func (x *Exchange) proven() error {
	return x.locked(func() error {
		if on, err := x.trial(); err != nil || !on {
			return err
		}
		x.step("proven")
		if err := disk.Replace(x.at("before"), x.at("previous")); err != nil {
			return err
		}
		return remove(x.at("tries"), x.at("refused"))
	})
}

// back puts the kept program in its place again. It stays where it is kept, too:
// it may be the one that judges.
func (x *Exchange) back() error {
	if on, err := x.trial(); err != nil || !on {
		return err
	}
	x.step("back")
	if err := copied(x.Program, x.at("refused")); err != nil {
		return err
	}
	x.step("refused")
	if err := copied(x.at("before"), x.Program); err != nil {
		return err
	}
	x.step("put back")
	return nil
}

// out puts the program on trial out. What is kept stays when it could not be put
// back, as on a full disk: it is the only copy of a program that was well.
func (x *Exchange) out() error {
	if err := x.back(); err != nil {
		return err
	}
	return x.settled()
}

// settled ends a trial: nothing is kept that would be put back.
func (x *Exchange) settled() error { return remove(x.at("before"), x.at("tries")) }

// Settle judges what stands in its place and gives a *Refused if it was taken
// back. What was refused before is tried once more: somebody asks for it again.
// Where the service does not run, the judgement is left to its next start.
func (x *Exchange) Settle(ctx context.Context) error {
	on, err := x.trial()
	if err != nil {
		return err
	}
	if !on {
		if !there(x.at("refused")) {
			return x.locked(x.settled)
		}
		if err := x.again(); err != nil {
			return err
		}
	}
	x.step("check")
	if err := x.Check(ctx, x.Program); err != nil {
		return errors.Join(&Refused{Why: err}, x.locked(x.out))
	}
	if !x.Running(ctx) {
		x.Say("The service does not run; the new release is judged when it is started.\n")
		return nil
	}
	wasWell := x.Well(ctx, 0) == nil
	x.step("restart")
	why := x.Restart(ctx)
	if why == nil && !wasWell {
		x.Say("The server was not well before the upgrade, so only its start was judged.\n")
	} else if why == nil {
		why = x.Well(ctx, wellIn)
	}
	if why == nil {
		return x.proven()
	}
	return x.takeBack(ctx, why)
}

func (x *Exchange) again() error {
	if err := x.Keep(); err != nil {
		return err
	}
	return x.locked(func() error { return copied(x.at("refused"), x.Program) })
}

func (x *Exchange) takeBack(ctx context.Context, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Minute)
	defer cancel()
	x.Say("The new release is not well: %v\nThe one before is put back.\n", why)
	if err := x.locked(x.back); err != nil {
		return errors.Join(&Refused{Why: why, Ran: true, Before: errors.New("it could not be put back")}, err)
	}
	r := &Refused{Why: why, Ran: true}
	if r.Before = x.Restart(ctx); r.Before == nil {
		r.Before = x.Well(ctx, wellIn)
	}
	if err := x.locked(x.settled); err != nil {
		return errors.Join(r, err)
	}
	return r
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func remove(paths ...string) (err error) {
	for _, p := range paths {
		if e := os.Remove(p); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// copied copies a program beside its place and renames it into it: whoever
// starts it meanwhile gets the old one or the new one, whole.
func copied(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	unfinished := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".new")
	out, err := os.OpenFile(unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, remove(unfinished))
	}
	return disk.Replace(unfinished, to)
}

func sum(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}
