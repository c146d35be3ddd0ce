package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// RootFiles are the root key of a machine and, beside its file, while it is
// rotated or was not long ago, the next and the former one:
//
//	root.key          wraps what is new
//	root.key.next     its recovery copy was read back; the next rotation takes it up
//	root.key.former   what was root.key before; still opens
//
// The files are read again when a key is asked for that is not known, so that a
// running server finds what was put there meanwhile.
type RootFiles struct {
	path string

	mu    sync.Mutex
	main  Root
	other []Root
}

var _ Rooms = (*RootFiles)(nil)

// The endings of the files beside a root key.
const (
	nextEnd   = ".next"
	formerEnd = ".former"
)

// LoadRoots reads the root key at a path, and those beside it.
func LoadRoots(path string) (*RootFiles, error) {
	f := &RootFiles{path: path}
	return f, f.read()
}

func (f *RootFiles) read() error {
	main, err := LoadRoot(f.path)
	if err != nil {
		return err
	}
	var other []Root
	for _, end := range []string{nextEnd, formerEnd} {
		r, err := loadIf(f.path + end)
		if err != nil {
			return err
		}
		if !r.key.IsZero() && !r.Equal(main) {
			other = append(other, r)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.main, f.other = main, other
	return nil
}

// loadIf reads a root key if there is one.
func loadIf(path string) (Root, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return Root{}, nil
	}
	return LoadRoot(path)
}

// Find implements Rooms.
func (f *RootFiles) Find(name string) (Provider, bool) {
	for range 2 {
		f.mu.Lock()
		all := append([]Root{f.main}, f.other...)
		f.mu.Unlock()
		for _, r := range all {
			if r.Name() == name {
				return r, true
			}
		}
		if f.read() != nil {
			break
		}
	}
	return nil, false
}

func (f *RootFiles) root() Root {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.main
}

// Equal compares the root key that wraps.
func (f *RootFiles) Equal(o Root) bool { return f.root().Equal(o) }

// Name implements Provider.
func (f *RootFiles) Name() string { return f.root().Name() }

// Wrap implements Provider.
func (f *RootFiles) Wrap(ctx context.Context, aad []byte, k secret.Key) ([]byte, error) {
	return f.root().Wrap(ctx, aad, k)
}

// Unwrap implements Provider.
func (f *RootFiles) Unwrap(ctx context.Context, aad, wrapped []byte) (secret.Key, error) {
	return f.root().Unwrap(ctx, aad, wrapped)
}

// Names are the names of the root key, and of the next and the former one, empty
// where there is none, as the files are now.
func (f *RootFiles) Names() (main, next, former string, err error) {
	if err := f.read(); err != nil {
		return "", "", "", err
	}
	name := func(end string) (string, error) {
		r, err := loadIf(f.path + end)
		if err != nil || r.key.IsZero() {
			return "", err
		}
		return r.Name(), nil
	}
	if next, err = name(nextEnd); err == nil {
		former, err = name(formerEnd)
	}
	return f.Name(), next, former, err
}

// Offer puts a root key beside this one, as the next. Its recovery copy must
// have been read back: from here on a server may take it up.
func (f *RootFiles) Offer(r Root) error {
	next, err := loadIf(f.path + nextEnd)
	if err != nil {
		return err
	}
	if !next.key.IsZero() {
		if next.Equal(r) {
			return nil
		}
		return fault.New(fault.Conflict, "there is a next root key already (%s): let it be taken up first", next.Name())
	}
	if err := r.Save(f.path + nextEnd); err != nil {
		return err
	}
	return f.read()
}

// TakeUp makes the next root key the one of this machine, and keeps the old one
// as the former. At no moment is there no root key: a crash leaves the old or the
// new one in its place. If there is no next one of this name nothing is done.
func (f *RootFiles) TakeUp(name string) error {
	next, err := loadIf(f.path + nextEnd)
	if err != nil || next.key.IsZero() || next.Name() != name {
		return err
	}
	main, err := LoadRoot(f.path)
	if err != nil {
		return err
	}
	if !main.Equal(next) {
		if err := f.keepFormer(main); err != nil {
			return err
		}
	}
	if err := os.Rename(f.path+nextEnd, f.path); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the root key file %s cannot be written", f.path)
	}
	if err := syncDir(filepath.Dir(f.path)); err != nil {
		return err
	}
	return f.read()
}

// keepFormer writes the former root key, in place of one that nothing needs any
// more: whoever rotates has asked Rooted before.
func (f *RootFiles) keepFormer(main Root) error {
	old, err := loadIf(f.path + formerEnd)
	if err != nil || old.Equal(main) {
		return err
	}
	part := f.path + formerEnd + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := main.Save(part); err != nil {
		return err
	}
	if err := os.Rename(part, f.path+formerEnd); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the former root key cannot be kept beside %s", f.path)
	}
	return syncDir(filepath.Dir(f.path)) // it lasts before the next one takes its place
}

// Retire removes the file of the former root key, which nothing may need: see
// Rooted. Its printed copy is needed as long as there are backups of keys from
// its time.
func (f *RootFiles) Retire() error {
	err := os.Remove(f.path + formerEnd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the former root key beside %s cannot be removed", f.path)
	}
	return errors.Join(syncDir(filepath.Dir(f.path)), f.read())
}
