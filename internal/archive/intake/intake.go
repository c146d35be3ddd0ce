// Package intake is the room in which files wait that others brought: pushed by
// SFTP or HTTPS, or fetched from elsewhere. A *drop* is that room for one
// source. Nothing of it lies in the clear on disk: bytes are sealed as they
// arrive, and names, sizes and times are sealed too.
//
//	<dir>/<customer>/<source>/key      the drop's key, closed under the customer's field key
//	<dir>/<customer>/<source>/index    one sealed record for each thing that happened to a name
//	<dir>/<customer>/<source>/<part>   sealed bytes (platform/sealed)
//
// A file consists of parts, one for each time that somebody wrote to it: an
// upload that was cut goes on in another part with a key of its own, so no nonce
// is ever used twice. A file is there once its bytes and its record are durable;
// before, nobody sees it, and after a crash it is gone or, where an upload was
// cut in an orderly way, waits to be resumed.
//
// Limits: names are UTF-8 without control characters, at most 255 bytes each and
// 1,000 together. The index lives in memory: about 400 bytes for each file that
// waits. What is hidden is content and names, not how many files there are nor
// how large. One process owns the folder.
package intake

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Options are what a Service stands on.
type Options struct {
	Store *place.Store     // for accounts
	Dir   string           // folder of all drops
	Bytes int64            // that may wait in one drop; 0 is 20 GiB
	Files int              // that may wait in one drop; 0 is 200,000
	Spare int64            // bytes that stay free on the disk; 0 is 512 MiB, less than 0 none
	Log   *slog.Logger     // nil: silent
	Now   func() time.Time // nil: the clock of this machine
	// Step is told the name of each step before it is taken; tests end the
	// process there.
	Step func(name string)
	free func(dir string) (int64, error)
	sync func(*os.File) error // makes an index durable

	compact int // records, before an index is worth writing anew; 0 is 4,096
}

// Service opens drops. It is safe for use by several goroutines.
type Service struct {
	opt   Options
	mu    sync.Mutex
	drops map[id.Source]*Drop
}

// Open makes a service on a folder, which it makes if need be.
func Open(o Options) (*Service, error) {
	if o.Bytes == 0 {
		o.Bytes = 20 << 30
	}
	if o.Files == 0 {
		o.Files = 200_000
	}
	if o.Spare == 0 {
		o.Spare = 512 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.compact == 0 {
		o.compact = 4096
	}
	if o.sync == nil {
		o.sync = (*os.File).Sync
	}
	if o.free == nil {
		o.free = freeBytes
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder for files that are brought cannot be made")
	}
	return &Service{opt: o, drops: map[id.Source]*Drop{}}, nil
}

// Drop opens the drop of a source; it is made at its first use. All callers get
// the same one.
func (s *Service) Drop(ctx context.Context, p *place.Place, source id.Source) (*Drop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.drops[source]; d != nil {
		if d.customer != p.Customer() {
			return nil, fault.New(fault.NotFound, "there is no such source")
		}
		return d, nil
	}
	dir := s.dirOf(p.Customer(), source)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskFault(err)
	}
	key, err := s.key(ctx, p, source, dir)
	if err != nil {
		_, _ = os.Remove(dir), os.Remove(filepath.Dir(dir)) // of a customer who has left; else they are not empty, or made again
		return nil, err
	}
	d, err := openDrop(&s.opt, dir, p.Customer(), source, key)
	if err != nil {
		return nil, err
	}
	s.drops[source] = d
	return d, nil
}

// Discard ends a drop with all that waits in it, for a source that was removed.
// Without its key, what a disk may still hold of it opens nowhere.
func (s *Service) Discard(customer id.Customer, source id.Source) error {
	s.mu.Lock()
	d := s.drops[source]
	delete(s.drops, source)
	s.mu.Unlock()
	if d != nil {
		d.close()
	}
	dir := s.dirOf(customer, source)
	if err := os.Remove(filepath.Join(dir, keyName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

// Vacate ends all drops of a customer who has left, with whatever waits in them,
// whole or not. Uploads under way come to nothing.
func (s *Service) Vacate(customer id.Customer) error {
	var errs []error
	for _, i := range s.Known(customer) {
		errs = append(errs, s.Discard(customer, i))
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Join(s.opt.Dir, customer.String())))...)
}

// Known lists the sources of a customer that have a drop on this disk.
func (s *Service) Known(customer id.Customer) (all []id.Source) {
	entries, _ := os.ReadDir(filepath.Join(s.opt.Dir, customer.String())) // none: no drops
	for _, e := range entries {
		if i, err := id.Parse[id.Source](e.Name()); err == nil {
			all = append(all, i)
		}
	}
	return all
}

// Failing are the customers for whom nothing can be taken because the disk
// failed, each with the time since when. Drops that are due to be tried again are.
func (s *Service) Failing() map[id.Customer]time.Time {
	s.mu.Lock()
	drops := slices.Collect(maps.Values(s.drops))
	s.mu.Unlock()
	all := map[id.Customer]time.Time{}
	for _, d := range drops {
		if since, bad := d.failing(); bad && (all[d.customer].IsZero() || since.Before(all[d.customer])) {
			all[d.customer] = since
		}
	}
	return all
}

// Close closes all drops. What is being written is lost, as after a crash.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.drops {
		d.close()
		delete(s.drops, i)
	}
}

func (s *Service) dirOf(c id.Customer, source id.Source) string {
	return filepath.Join(s.opt.Dir, c.String(), source.String())
}

const keyName = "key"

// key reads the drop's key or makes it. It is closed under the customer's field
// key and bound to the source: with the customer's keys it is destroyed.
func (s *Service) key(ctx context.Context, p *place.Place, source id.Source, dir string) (secret.Key, error) {
	at := filepath.Join(dir, keyName)
	var key secret.Key
	closed, err := os.ReadFile(at)
	if err == nil {
		err = p.View(ctx, func(tx *place.Tx) error {
			b, err := tx.Unseal(place.FieldDropKey, source, closed)
			if err != nil {
				return err
			}
			key, err = secret.KeyFrom(b)
			return err
		})
		return key, fault.Wrap(err, fault.KindOf(err), "what waits for this source cannot be opened: its key does not belong to this customer")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, diskFault(err)
	}
	if err := emptied(dir); err != nil { // a key that a crash left half-made sealed nothing
		return key, diskFault(err)
	}
	key = secret.NewKey()
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		closed, err = tx.Seal(place.FieldDropKey, source, key.Reveal())
		return err
	}); err != nil {
		return key, err
	}
	if err := writeDurably(at, closed); err != nil {
		return key, diskFault(err)
	}
	// The two folders above are new too: their names must not be lost.
	return key, diskFault(errors.Join(syncDir(filepath.Dir(dir)), syncDir(s.opt.Dir)))
}
