package collect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
)

// spool keeps sealed recordings on the box until the server has verified them,
// one file each: the ciphertext, the entry as JSON, and a tail that says how
// long the entry is. A file gets its name when it is whole and synced; one with
// the ending of an unfinished one holds nothing that is lost, as the source is
// still there.
//
// What the server answers is not kept: it is asked again. So a recording costs
// one fsync here, besides those that many share.
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
	unfinished = ".part"
	tailMagic  = "RFSPOOL1"
	tailSize   = 8 + len(tailMagic)
	maxEntry   = 4 << 20
)

// errSpoolFull means that nothing more may be sealed until an upload has ended.
var errSpoolFull = errors.New("the spool is full")

// openSpool removes what unfinished sealings left and counts the rest.
func openSpool(dir string, limit, reserve int64) (*spool, []*entry, error) {
	s := &spool{dir: dir, limit: limit, reserve: reserve, free: disk.Free, changed: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var all []*entry
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if strings.HasSuffix(n.Name(), unfinished) {
			if err := os.Remove(path); err != nil {
				return nil, nil, err
			}
			continue
		}
		e, err := readEntry(path)
		if errors.Is(err, errDamaged) {
			err = os.Remove(path) // sealed anew from its source
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

// readEntry reads the entry at the end of a spool file.
func readEntry(path string) (*entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, tailSize)
	at := info.Size() - int64(tailSize)
	if at < 0 {
		return nil, errDamaged
	}
	if _, err := f.ReadAt(tail, at); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint64(tail))
	if string(tail[8:]) != tailMagic || n < 0 || n > maxEntry || n > at {
		return nil, errDamaged
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, at-n); err != nil {
		return nil, err
	}
	e := &entry{}
	if decode(b, e) != nil || decode(e.Signed.Body, &e.manifest) != nil || e.Upload != e.manifest.Upload ||
		e.Upload.String() != filepath.Base(path) || e.manifest.size() != at-n || len(e.Sources) == 0 {
		return nil, errDamaged
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

// most is how much the spool could hold: its limit, or what it has and the disk
// has left beyond the reserve.
func (s *spool) most() int64 {
	used := s.bytes()
	free, err := s.free(s.dir)
	if err != nil {
		return s.limit
	}
	return min(s.limit, used+max(0, free-s.reserve))
}

// create makes the file of a new upload, unfinished.
func (s *spool) create(u id.Upload) (*os.File, error) {
	return os.OpenFile(s.path(u)+unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func (s *spool) path(u id.Upload) string { return filepath.Join(s.dir, u.String()) }

// commit ends the file with its entry and gives it its name. Its bytes are on
// the disk then; its name is after the next sync.
func (s *spool) commit(f *os.File, e *entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	n := len(b)
	b = append(binary.BigEndian.AppendUint64(b, uint64(n)), tailMagic...)
	if _, err := f.Write(b); err != nil {
		return err
	}
	// Closed first: on Windows a file that is open keeps its name.
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return disk.Move(s.path(e.Upload)+unfinished, s.path(e.Upload))
}

// sync makes the names of what was committed durable.
func (s *spool) sync() error { return disk.SyncDir(s.dir) }

// errDamaged means that the spool does not hold what was sealed. Nothing is
// lost: the source was not touched, and is sealed anew.
var errDamaged = errors.New("the sealed recording in the spool is damaged")

// data opens the ciphertext of an entry.
func (s *spool) data(e *entry) (*os.File, error) {
	f, err := os.Open(s.path(e.Upload))
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

// remove forgets an entry. Should its name come back after a power cut, the
// server is asked once more how it ended.
func (s *spool) remove(e *entry) error {
	if err := os.Remove(s.path(e.Upload)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.release(e.manifest.size())
	return nil
}

// discard removes an upload whose sealing did not end.
func (s *spool) discard(u id.Upload, n int64) {
	os.Remove(s.path(u) + unfinished)
	s.release(n)
}
