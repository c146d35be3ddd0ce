package collect

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ringfence/internal/base/id"
)

// spool keeps sealed recordings on the box until the server has verified them:
// a folder per upload with data (ciphertext) and entry.json. The entry is
// written last, so a folder without one is what a crash left of a sealing that
// never ended; it holds nothing that is lost, as the source is still there.
//
// limit bounds the bytes of ciphertext. reserve is left free on the disk in any
// case: the telephone system records to the same one.
type spool struct {
	dir     string
	limit   int64
	reserve int64
	free    func(dir string) (int64, error)

	mu      sync.Mutex
	used    int64
	changed chan struct{} // closed and made anew when space becomes free
}

// entry is one sealed recording in the spool, without anything in the clear
// that tells of the call.
type entry struct {
	Upload  id.Upload `json:"upload"`
	Made    time.Time `json:"made"`
	Signed  Signed    `json:"manifest"`
	Sources []source  `json:"sources"`
	Receipt *Signed   `json:"receipt,omitempty"` // the last word of the server

	manifest Manifest
}

// source is a file that an entry was sealed from, known by its marks only.
type source struct {
	Path    mark16 `json:"path"`
	Size    int64  `json:"size"`
	ModTime int64  `json:"mod_time_ns"`
	Content mark16 `json:"content"`
}

const (
	entryName = "entry.json"
	dataName  = "data"
)

// errSpoolFull means that nothing more may be sealed until an upload has ended.
var errSpoolFull = errors.New("the spool is full")

// openSpool removes what unfinished sealings left and counts the rest.
func openSpool(dir string, limit, reserve int64) (*spool, []*entry, error) {
	s := &spool{dir: dir, limit: limit, reserve: reserve, free: freeBytes, changed: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var all []*entry
	for _, n := range names {
		e, err := s.read(n.Name())
		if errors.Is(err, fs.ErrNotExist) {
			err = os.RemoveAll(filepath.Join(dir, n.Name()))
		}
		if err != nil {
			return nil, nil, err
		}
		if e != nil {
			s.used += e.manifest.size()
			all = append(all, e)
		}
	}
	return s, all, nil
}

func (s *spool) read(name string) (*entry, error) {
	e := &entry{}
	if err := readJSON(filepath.Join(s.dir, name, entryName), e); err != nil {
		return nil, err
	}
	if err := decode(e.Signed.Body, &e.manifest); err != nil || e.Upload != e.manifest.Upload || e.Upload.String() != name {
		return nil, fmt.Errorf("%s is damaged; remove the folder, the recording is sealed anew from its source", filepath.Join(s.dir, name))
	}
	return e, nil
}

// reserveSpace takes n bytes of the limit, or errSpoolFull. The one exception
// is a recording alone in the spool: one larger than the limit must not wait
// for ever, as long as the disk holds it.
func (s *spool) reserveSpace(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used > 0 && s.used+n > s.limit {
		return errSpoolFull
	}
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free-n < s.reserve {
		return fmt.Errorf("%w: the disk of %s has %d MiB free and the collector leaves %d MiB to the telephone system", errSpoolFull, s.dir, free>>20, s.reserve>>20)
	}
	s.used += n
	return nil
}

func (s *spool) release(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	close(s.changed)
	s.changed = make(chan struct{})
}

// room gives a channel that is closed when space becomes free.
func (s *spool) room() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *spool) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// create makes the folder and the data file of a new upload.
func (s *spool) create(u id.Upload) (*os.File, error) {
	dir := filepath.Join(s.dir, u.String())
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, dataName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// commit makes the entry durable; data was synced before. From here on the
// recording is the spool's, and a crash resumes with these bytes.
func (s *spool) commit(e *entry) error {
	if err := s.save(e); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func (s *spool) save(e *entry) error {
	return writeJSON(filepath.Join(s.dir, e.Upload.String(), entryName), e)
}

// errDamaged means that the spool does not hold what was sealed. Nothing is
// lost: the source was not touched, and is sealed anew.
var errDamaged = errors.New("the sealed recording in the spool is damaged")

// data opens the ciphertext of an entry.
func (s *spool) data(e *entry) (*os.File, error) {
	f, err := os.Open(filepath.Join(s.dir, e.Upload.String(), dataName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errDamaged
	}
	return f, err
}

// whole reads the ciphertext and holds it against what the manifest says.
func (s *spool) whole(e *entry) error {
	f, err := s.data(e)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, o := range e.manifest.Objects {
		h := sha256.New()
		if _, err := io.CopyN(h, f, o.Bytes); err != nil || !bytes.Equal(h.Sum(nil), o.SHA256) {
			return errDamaged
		}
	}
	return nil
}

// dropData removes the ciphertext once the server has it for good; the entry
// stays until the source is dealt with.
func (s *spool) dropData(e *entry) error {
	return removeDurably(filepath.Join(s.dir, e.Upload.String(), dataName))
}

// remove forgets an entry. entry.json goes first: what is left then counts as
// an unfinished sealing and is swept.
func (s *spool) remove(e *entry) error {
	dir := filepath.Join(s.dir, e.Upload.String())
	if err := removeDurably(filepath.Join(dir, entryName)); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	s.release(e.manifest.size())
	return nil
}

// discard removes an upload whose sealing did not end.
func (s *spool) discard(u id.Upload, n int64) {
	os.RemoveAll(filepath.Join(s.dir, u.String()))
	s.release(n)
}
