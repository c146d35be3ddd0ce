package collect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// doneFolder is where moved sources go, beside what is still to be captured;
// profiles do not look into it.
const doneFolder = ".ringfence-done"

// permitted is what may be done to the sources of an entry: what the administrator
// has asked for, if the recording was verified and lies in two places.
func (b *box) permitted(e *entry, r Receipt) After {
	after := b.after()
	if r.State != Verified {
		return Keep
	}
	if after != Keep && r.Copies < 2 {
		b.report(Event{What: "kept", Upload: e.Upload.String(), Text: "the server keeps keys or objects in one place only; sources stay until there are two"})
		return Keep
	}
	return after
}

// release moves or deletes the sources of a verified entry. It opens them within
// the source's folder only (a link out of it leads nowhere).
func (b *box) release(e *entry, after After) error {
	if after == Keep {
		return nil
	}
	for _, s := range e.Sources {
		name, err := b.locate(s)
		if err != nil {
			return err
		}
		if name == "" {
			continue // gone already: an earlier attempt did it, or a person
		}
		same, err := b.unchanged(name, s)
		if err != nil {
			return err
		}
		if !same {
			continue // another file by now: it will be captured for itself
		}
		if err := b.take(name, after); err != nil {
			return fmt.Errorf("the recording is safe, but its source cannot be touched (%w); let the collector write to the folder, or set the source to keep", err)
		}
	}
	return nil
}

// unchanged reports whether the file still holds exactly the bytes that were
// sealed: a file that was written over keeps its name, and sometimes its size.
func (b *box) unchanged(name string, s source) (bool, error) {
	f, err := b.root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != s.Size {
		return false, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	if b.dev.contentMark([32]byte(h.Sum(nil))) != s.Content {
		return false, nil
	}
	now, err := b.root.Stat(filepath.FromSlash(name))
	return err == nil && os.SameFile(info, now) && now.Size() == s.Size, nil
}

// take moves or deletes one file, durably.
func (b *box) take(name string, after After) error {
	file := filepath.FromSlash(name)
	if after == Move {
		to := filepath.Join(doneFolder, file)
		if err := b.root.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		// Never over another file: an earlier one of the same name stays.
		for i := 1; ; i++ {
			if _, err := b.root.Lstat(to); errors.Is(err, fs.ErrNotExist) {
				break
			} else if err != nil {
				return err
			}
			to = filepath.Join(doneFolder, fmt.Sprintf("%s.%d", file, i))
		}
		if err := b.root.Rename(file, to); err != nil {
			return err
		}
		if err := b.syncFolder(filepath.Dir(to)); err != nil {
			return err
		}
	} else if err := b.root.Remove(file); err != nil {
		return err
	}
	return b.syncFolder(filepath.Dir(file))
}

func (b *box) syncFolder(dir string) error {
	d, err := b.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// locate finds the name of a source by its mark. After a restart the names are
// learned by walking the folder once, as the spool does not keep them.
func (b *box) locate(s source) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name, ok := b.names[s.Path]; ok {
		return name, nil
	}
	if b.walked {
		return "", nil
	}
	err := fs.WalkDir(b.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return nil // unreadable: the profile reports it
		case d.IsDir() && path.Base(name) == doneFolder:
			return fs.SkipDir
		case d.Type().IsRegular():
			if m := b.dev.pathMark(name); b.taken[m] != nil {
				b.names[m] = name
			}
		}
		return nil
	})
	b.walked = err == nil
	return b.names[s.Path], err
}
