package backup

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/sealed"
)

// formatVersion is of what lies in a target. A later program reads earlier
// versions; an earlier one refuses a later target instead of guessing.
const formatVersion = 1

// Repo is one target: sealed objects in a bucket.
//
//	format/v1              which version, and whether the key is the right one
//	chunks/ab/abcdef…      content, named by its HMAC
//	points/<id>            manifests
//	log/<place>/…          what was written since
//	tombs/<place>/…        what was destroyed
//	objects/<name>         recordings, sealed by their own keys
//	drills/<id>            what drills found
//	locks/<id>             who is writing
type Repo struct {
	b    blob.Bucket
	box  *sealed.Box
	name secret.Key
	rate *throttle

	mu   sync.Mutex
	have map[ref]bool // chunks that are there; nil: not looked yet
	sent atomic.Int64
}

// ref names a chunk.
type ref [32]byte

func (r ref) path() string {
	h := hex.EncodeToString(r[:])
	return "chunks/" + h[:2] + "/" + h
}

// OpenRepo opens a target, or begins it if it is empty. What is the name of the
// use ("data", "keys"): two targets share no key. Another key than the target
// was begun with is fault.Denied. Rate bounds the bytes written in a second; 0
// does not.
func OpenRepo(ctx context.Context, b blob.Bucket, k Key, what string, rate int64, begin bool) (*Repo, error) {
	r := &Repo{b: b, box: sealed.NewBox(k.derive(what + " content")), name: k.derive(what + " names"), rate: newThrottle(rate)}
	text, err := r.raw(ctx, "format/v1")
	if fault.Is(err, fault.NotFound) {
		if !begin {
			return nil, fault.New(fault.NotFound, "there is no backup in this target")
		}
		return r, r.begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	plain, err := r.box.Open([]byte("format/v1"), text)
	if err != nil {
		return nil, fault.New(fault.Denied, "the backups in this target were made with another backup key (or it is damaged): put the right key, or its recovery copy, in its file; nothing was changed")
	}
	var f format
	if err := json.Unmarshal(plain, &f); err != nil || f.Version > formatVersion {
		return nil, fault.New(fault.Unavailable, "the backups in this target were written by a newer version of the program: use that one")
	}
	return r, nil
}

type format struct {
	Version int       `json:"version"`
	Begun   time.Time `json:"begun"`
}

func (r *Repo) begin(ctx context.Context) error {
	var some bool
	err := r.b.List(ctx, "", func(string, int64) error { some = true; return errEnough })
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if some {
		return fault.New(fault.Conflict, "the target holds something that is no backup of ours: give backups a folder or bucket of their own")
	}
	text, err := json.Marshal(format{formatVersion, time.Now().UTC()})
	if err != nil {
		return err
	}
	return r.put(ctx, "format/v1", r.box.Seal([]byte("format/v1"), text))
}

var errEnough = errors.New("enough")

// Close closes the bucket.
func (r *Repo) Close() error { return r.b.Close() }

// put writes an object and reads it back: a disk or a provider that lost or
// altered it is noticed now, not on the day of need.
func (r *Repo) put(ctx context.Context, name string, text []byte) error {
	if err := r.rate.wait(ctx, len(text)); err != nil {
		return err
	}
	if _, err := r.b.Put(ctx, name, bytes.NewReader(text)); err != nil {
		return err
	}
	r.sent.Add(int64(len(text)))
	return r.readBack(ctx, name, text)
}

var errReadBack = fault.New(fault.Unavailable, "the target gave back something else than was written: it loses or alters data; look at it before you rely on it")

func (r *Repo) readBack(ctx context.Context, name string, want []byte) error {
	got, err := r.raw(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errReadBack
	}
	return nil
}

// maxObject bounds what is read into memory at once.
const maxObject = 64 << 20

func (r *Repo) raw(ctx context.Context, name string) ([]byte, error) {
	o, err := r.b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size() > maxObject {
		return nil, sealed.ErrAltered
	}
	text := make([]byte, o.Size())
	n, err := o.ReadAt(text, 0)
	if err != nil && !(errors.Is(err, io.EOF) && n == len(text)) {
		return nil, err
	}
	return text, nil
}

// Put seals a value under a name of its own.
func (r *Repo) Put(ctx context.Context, name string, plain []byte) error {
	return r.put(ctx, name, r.box.Seal([]byte(name), pack(plain)))
}

// Get opens what Put sealed. An object that was altered, or moved from another
// name, is sealed.ErrAltered.
func (r *Repo) Get(ctx context.Context, name string) ([]byte, error) {
	text, err := r.raw(ctx, name)
	if err != nil {
		return nil, err
	}
	plain, err := r.box.Open([]byte(name), text)
	if err != nil {
		return nil, err
	}
	return unpack(plain)
}

// Delete removes an object. Twice is fine.
func (r *Repo) Delete(ctx context.Context, name string) error { return r.b.Delete(ctx, name) }

// List gives the names below a prefix, in their order.
func (r *Repo) List(ctx context.Context, prefix string) (names []string, err error) {
	err = r.b.List(ctx, prefix, func(name string, _ int64) error {
		names = append(names, name)
		return nil
	})
	return names, err
}

// refOf names a chunk by its content under a key: who holds the target cannot
// ask whether it has a certain content.
func (r *Repo) refOf(plain []byte) ref {
	h := hmac.New(sha256.New, r.name.Reveal())
	h.Write(plain)
	return ref(h.Sum(nil))
}

// known looks at what the target has, once.
func (r *Repo) known(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.have != nil {
		return nil
	}
	have := map[ref]bool{}
	err := r.b.List(ctx, "chunks/", func(name string, _ int64) error {
		if one, ok := refFrom(name); ok {
			have[one] = true
		}
		return nil
	})
	if err == nil {
		r.have = have
	}
	return err
}

func refFrom(name string) (one ref, ok bool) {
	n, err := hex.Decode(one[:], []byte(name[strings.LastIndexByte(name, '/')+1:]))
	return one, err == nil && n == len(one)
}

// putChunk writes a chunk unless it is there.
func (r *Repo) putChunk(ctx context.Context, plain []byte) (ref, error) {
	one := r.refOf(plain)
	r.mu.Lock()
	there := r.have[one]
	r.mu.Unlock()
	if there {
		return one, nil
	}
	name := one.path()
	if err := r.put(ctx, name, r.box.Seal([]byte(name), pack(plain))); err != nil {
		return one, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.have != nil {
		r.have[one] = true
	}
	return one, nil
}

// getChunk reads a chunk and holds it against its name: a chunk under another's
// name would be noticed twice, by its seal and by its content.
func (r *Repo) getChunk(ctx context.Context, one ref) ([]byte, error) {
	plain, err := r.Get(ctx, one.path())
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(err, fault.NotFound, "a part of this backup is missing in the target (%s): choose another point", one.path())
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.KindOf(err), "a part of this backup is damaged in the target (%s): choose another point", one.path())
	}
	sum := r.refOf(plain)
	if subtle.ConstantTimeCompare(sum[:], one[:]) != 1 {
		return nil, sealed.ErrAltered
	}
	return plain, nil
}

// pack compresses what gets smaller by it. Sealed fields do not, indexes and
// text do.
func pack(plain []byte) []byte {
	var b bytes.Buffer
	b.WriteByte(1)
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(plain)
		err = errors.Join(err, w.Close())
	}
	if err != nil || b.Len() > len(plain) {
		return append([]byte{0}, plain...)
	}
	return b.Bytes()
}

func unpack(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, sealed.ErrAltered
	}
	switch b[0] {
	case 0:
		return b[1:], nil
	case 1:
		plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[1:])), maxObject))
		if err != nil {
			return nil, sealed.ErrAltered
		}
		return plain, nil
	}
	return nil, sealed.ErrAltered
}

// throttle spaces writes out, so that backups leave room on the line.
type throttle struct {
	mu   sync.Mutex
	rate int64
	free time.Time // when the line is free again
}

func newThrottle(rate int64) *throttle { return &throttle{rate: rate} }

func (t *throttle) wait(ctx context.Context, n int) error {
	if t.rate <= 0 {
		return ctx.Err()
	}
	t.mu.Lock()
	now := time.Now()
	if t.free.Before(now) {
		t.free = now
	}
	until := t.free.Sub(now)
	t.free = t.free.Add(time.Duration(float64(n) / float64(t.rate) * float64(time.Second)))
	t.mu.Unlock()
	if until <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(until)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
