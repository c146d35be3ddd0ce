// Package blob keeps objects: sealed bytes under names that mean nothing. It
// knows neither what is in them nor whose they are.
//
// An object is written once under a name of its own (Name) and never altered;
// putting the same name again replaces the whole object, as a retry after a
// crash does. What Put or Batch.Commit acknowledged survives the loss of power.
// A reader that was opened before a replacement may fail, but never mixes the
// two: the sealed format would refuse that.
//
// Drivers: a folder (our own, as gocloud's does not fsync), Azure Blob and S3
// (gocloud.dev). Mirror joins two buckets so that one may be lost. All pass the
// suite in blobtest.
//
// Failures: fault.NotFound for an object that is not there, fault.Unavailable
// with a text that says what to do when the bucket itself is gone, full or does
// not answer, fault.Invalid for a name that no driver could keep.
package blob

import (
	"context"
	"errors"
	"io"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Bucket is a place for objects. It is safe for concurrent use.
type Bucket interface {
	// Put stores what r gives and returns once it would survive the loss of
	// power. If r or the bucket fails, nothing is stored under the name, or what
	// was there before remains.
	Put(ctx context.Context, name string, r io.Reader) (size int64, err error)

	// Batch begins a group of objects that become durable together, which costs
	// far less than one by one.
	Batch() Batch

	// Open gives an object for reading anywhere. The context is that of the
	// reading too: once it is done, reads fail.
	Open(ctx context.Context, name string) (Object, error)

	// Delete removes an object for good. Removing what is not there is no fault.
	Delete(ctx context.Context, name string) error

	// List calls fn for each object whose name begins with prefix, in the order
	// of their names, until fn returns an error, which List then returns.
	List(ctx context.Context, prefix string, fn func(name string, size int64) error) error

	// Close ends the use of the bucket; the objects stay.
	Close() error
}

// Batch is a group of objects on their way into a bucket. It is not safe for
// concurrent use. End each with Commit or Discard; Discard after Commit does
// nothing.
type Batch interface {
	// Put stores what r gives. It counts as stored only after Commit. A name can
	// be put once in a batch; a second time is fault.Invalid.
	Put(ctx context.Context, name string, r io.Reader) (size int64, err error)

	// Commit returns once all objects of the batch would survive the loss of
	// power. After a fault some may be stored and some not: put them again.
	Commit(ctx context.Context) error

	// Discard drops what was not committed.
	Discard()
}

// Object is an object opened for reading. Its ReadAt is safe for concurrent use.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// maxName is the longest name; Azure takes 1,024 bytes, a file system 255 per part.
const maxName = 200

// Name is the name of an object of a customer: two ids without their prefixes.
// They tell a thief of the bucket how many customers there are and when an
// object was made, as its size and date do anyway, and nothing else.
func Name(c id.Customer, o id.Object) string {
	return body(c.String()) + "/" + body(o.String())
}

// Prefix is what the names of all objects of a customer begin with.
func Prefix(c id.Customer) string { return body(c.String()) + "/" }

func body(text string) string {
	_, b, _ := strings.Cut(text, "_")
	return b
}

// check refuses names that could mean something to a file system or a URL.
func check(name string) error {
	if name == "" || len(name) > maxName {
		return fault.New(fault.Invalid, "the name of an object has 1 to %d characters", maxName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || !plain(part) {
			return fault.New(fault.Invalid, "the name of an object is made of a-z, 0-9, _, - and single slashes: %q is not", name)
		}
	}
	return nil
}

func plain(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// checkPrefix is check for the beginning of a name.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return check(strings.TrimSuffix(prefix, "/"))
}

func notFound(name string) error {
	return fault.New(fault.NotFound, "there is no object %s", name)
}

func putTwice(name string) error {
	return fault.New(fault.Invalid, "the object %s is in this batch already", name)
}

// missing reports whether a fault means that the object is not there, so that
// another bucket may be asked; a bucket that does not answer counts too.
func missing(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unavailable)
}

// all joins faults into one; the kind is that of the first.
func all(errs ...error) error { return errors.Join(errs...) }
