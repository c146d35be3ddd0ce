package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/release"
)

// ErrDown refuses an older release: whoever holds an old one that is signed,
// with a hole that is known, could else bring it back.
var ErrDown = errors.New("that release is not newer than what runs here; ask for it by its number with --down")

// Ask is what a box needs to take an offer.
type Ask struct {
	Offer Offer
	Keys  Keys
	Own   string // what runs now
	Down  bool   // an older release was asked for by a person on the box
	// Get gives the bytes of the offer.
	Get func(ctx context.Context) (io.ReadCloser, error)
	// Step is told the name of each step before it is taken; tests end the
	// process there.
	Step func(string)
	// Try starts the new program without a task; nil: "version" of it.
	Try func(ctx context.Context, program string) error
}

// Take downloads, checks, tries out and places a release, and puts it on trial.
// The caller restarts afterwards. Repeated after a crash it begins again, unless
// the file stands in its place already.
func (f Folder) Take(ctx context.Context, a Ask) error {
	if a.Step == nil {
		a.Step = func(string) {}
	}
	if a.Try == nil {
		a.Try = tryOut
	}
	if err := a.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.bin(), 0o700); err != nil {
		return err
	}
	if f.intact(a.Offer, a.Keys) != nil {
		if err := f.download(ctx, a); err != nil {
			os.Remove(f.unfinished(a.Offer))
			return err
		}
	}
	a.Step("placed")
	if err := f.Begin(a.Offer); err != nil {
		return err
	}
	a.Step("on trial")
	return nil
}

func (a Ask) check() error {
	if err := a.Offer.Check(); err != nil {
		return err
	}
	if a.Offer.OS != runtime.GOOS || a.Offer.Arch != runtime.GOARCH {
		return fmt.Errorf("the release is for %s/%s, and this box is %s/%s", a.Offer.OS, a.Offer.Arch, runtime.GOOS, runtime.GOARCH)
	}
	if c, err := release.Compare(a.Offer.Release, a.Own); err != nil || c <= 0 && !(a.Down && c < 0) {
		return ErrDown
	}
	if len(a.Keys) == 0 {
		return ErrNoKey
	}
	return nil
}

func (f Folder) download(ctx context.Context, a Ask) error {
	a.Step("download")
	path := f.unfinished(a.Offer)
	if free, err := disk.Free(f.bin()); err == nil && free < 2*a.Offer.Size {
		return fmt.Errorf("the disk of %s has %d MiB free, and the release needs %d", f.State, free>>20, 2*a.Offer.Size>>20)
	}
	in, err := a.Get(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, a.Offer.Size+1))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	a.Step("downloaded")
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	err = Verify(file, a.Offer, a.Keys)
	file.Close()
	if err != nil {
		return err
	}
	a.Step("checked")
	if err := a.Try(ctx, path); err != nil {
		return fmt.Errorf("the new program does not start on this machine: %w", err)
	}
	a.Step("tried")
	return disk.Replace(path, f.program(a.Offer))
}

// tryFor is how long a new program may take to say which release it is.
const tryFor = 30 * time.Second

// tryOut runs "version": a program for another processor or with a library
// missing is found out here, while the old one still works.
func tryOut(ctx context.Context, program string) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out[:min(len(out), 300)])))
	}
	return nil
}
