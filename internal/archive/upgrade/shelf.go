package upgrade

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/release"
)

// Shelf is the folder of releases that a server offers: ringfence-0.4.1-linux-amd64
// (with .exe for Windows) and the signature beside it, with .minisig. A file
// whose signature does not fit is shown with the reason and offered to nobody.
type Shelf struct {
	dir  string
	keys Keys

	mu    sync.Mutex
	known map[string]Held // by name: a file that has not changed is not read again
}

// Held is one file on the shelf.
type Held struct {
	Offer
	Name    string
	At      time.Time
	Problem string // why it is not offered; "": it is

	signedAt time.Time
}

// NewShelf is the shelf in a folder, which need not be there.
func NewShelf(dir string, keys Keys) *Shelf {
	return &Shelf{dir: dir, keys: keys, known: map[string]Held{}}
}

// Keys are the keys that boxes pin when they are enrolled.
func (s *Shelf) Keys() Keys { return s.keys }

var fileName = regexp.MustCompile(`^ringfence-([0-9][0-9a-z.-]{0,38})-(linux|windows)-(amd64|arm64)(\.exe)?$`)

// maxHeld bounds how many files are looked at.
const maxHeld = 200

// List is what the shelf holds, newest release first.
func (s *Shelf) List() ([]Held, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var all []Held
	now := map[string]Held{}
	for _, e := range entries {
		m := fileName.FindStringSubmatch(e.Name())
		if m == nil || len(all) >= maxHeld || (m[2] == "windows") != (m[4] != "") {
			continue
		}
		h, ok := s.held(root, e.Name(), m)
		if ok {
			now[e.Name()] = h
			all = append(all, h)
		}
	}
	s.known = now
	slices.SortFunc(all, func(a, b Held) int {
		newer, _ := release.Compare(b.Release, a.Release)
		return cmp.Or(newer, strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

func (s *Shelf) held(root *os.Root, name string, m []string) (Held, bool) {
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return Held{}, false
	}
	h := Held{Offer: Offer{Release: m[1], OS: m[2], Arch: m[3], Size: info.Size()}, Name: name, At: info.ModTime().UTC()}
	if signed, err := root.Stat(name + ".minisig"); err == nil {
		h.signedAt = signed.ModTime().UTC()
	}
	if had, ok := s.known[name]; ok && had.Size == h.Size && had.At.Equal(h.At) && had.signedAt.Equal(h.signedAt) {
		return had, true
	}
	if err := s.read(root, &h); err != nil {
		h.Problem = err.Error()
	}
	return h, true
}

// read completes an offer with hash and signature, and checks both.
func (s *Shelf) read(root *os.Root, h *Held) error {
	sig, err := root.Open(h.Name + ".minisig")
	if err != nil {
		return fmt.Errorf("there is no %s.minisig beside it", h.Name)
	}
	h.Signature, err = io.ReadAll(io.LimitReader(sig, maxSignature+1))
	sig.Close()
	if err != nil {
		return err
	}
	f, err := root.Open(h.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, maxSize+1)); err != nil {
		return err
	}
	h.SHA256 = sum.Sum(nil)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if len(s.keys) == 0 {
		return errors.New("this server knows no key for releases: set releases.public_keys")
	}
	return Verify(f, h.Offer, s.keys)
}

// Newest is the newest release that is offered for a platform.
func (s *Shelf) Newest(os, arch string) (Offer, bool) {
	return s.find(func(o Offer) bool { return o.OS == os && o.Arch == arch })
}

// Exactly is one release for a platform.
func (s *Shelf) Exactly(number, os, arch string) (Offer, bool) {
	return s.find(func(o Offer) bool { return o.Release == number && o.OS == os && o.Arch == arch })
}

func (s *Shelf) find(fits func(Offer) bool) (Offer, bool) {
	all, err := s.List()
	if err != nil {
		return Offer{}, false
	}
	for _, h := range all {
		if h.Problem == "" && fits(h.Offer) {
			return h.Offer, true
		}
	}
	return Offer{}, false
}

// Open opens the file of an offer.
func (s *Shelf) Open(o Offer) (*os.File, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(FileName(o))
}

// FileName is what the file of a release is called.
func FileName(o Offer) string {
	name := "ringfence-" + o.Release + "-" + o.OS + "-" + o.Arch
	if o.OS == "windows" {
		name += ".exe"
	}
	return name
}
