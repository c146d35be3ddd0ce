package blob

import (
	"context"
	"errors"
	"io"
	"iter"

	"ringfence/internal/base/fault"
)

// mirror keeps every object in two buckets.
type mirror struct{ first, second Bucket }

// Mirror joins two buckets: an object counts as stored once it is in both, and
// is read from the first, or from the second if the first lacks it or does not
// answer. A Put that failed in one is put again by its caller.
func Mirror(first, second Bucket) Bucket { return &mirror{first, second} }

// Replicas gives the buckets that a bucket consists of: one, or two for a
// mirror. A reader that finds an object damaged in one asks the other.
func Replicas(b Bucket) []Bucket {
	if m, ok := b.(*mirror); ok {
		return append(Replicas(m.first), Replicas(m.second)...)
	}
	return []Bucket{b}
}

func (m *mirror) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	return twice(ctx, name, r, m.first, m.second)
}

// putter is what buckets and batches share.
type putter interface {
	Put(ctx context.Context, name string, r io.Reader) (int64, error)
}

// twice reads r once and puts it into two places at the same time.
func twice(ctx context.Context, name string, r io.Reader, first, second putter) (int64, error) {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := second.Put(ctx, name, pr)
		if err != nil {
			pr.CloseWithError(err) // the first stops at its next read
		}
		done <- err
	}()
	n, err := first.Put(ctx, name, io.TeeReader(r, pw))
	pw.CloseWithError(err) // nil is the end of the object
	secondErr := <-done
	if err != nil || secondErr != nil {
		if secondErr != nil && !errors.Is(err, secondErr) {
			return 0, all(err, secondErr)
		}
		return 0, err
	}
	return n, nil
}

func (m *mirror) Batch() Batch { return &mirrorBatch{m.first.Batch(), m.second.Batch()} }

// mirrorBatch is a batch in each bucket.
type mirrorBatch struct{ first, second Batch }

func (b *mirrorBatch) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	return twice(ctx, name, r, b.first, b.second)
}

func (b *mirrorBatch) Commit(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- b.second.Commit(ctx) }()
	err := b.first.Commit(ctx)
	return all(err, <-done)
}

func (b *mirrorBatch) Discard() {
	b.first.Discard()
	b.second.Discard()
}

func (m *mirror) Open(ctx context.Context, name string) (Object, error) {
	o, err := m.first.Open(ctx, name)
	if err == nil {
		return &mirrorObject{Object: o, ctx: ctx, m: m, name: name}, nil
	}
	if !missing(err) {
		return nil, err
	}
	o, second := m.second.Open(ctx, name)
	if second == nil {
		return o, nil
	}
	if fault.Is(err, fault.NotFound) {
		return nil, second // not found in either, or not known
	}
	return nil, err
}

// mirrorObject reads from the first bucket until that fails, then from the
// second.
type mirrorObject struct {
	Object
	ctx  context.Context
	m    *mirror
	name string
}

func (o *mirrorObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	if err == nil || err == io.EOF || o.ctx.Err() != nil {
		return n, err
	}
	other, openErr := o.m.second.Open(o.ctx, o.name)
	if openErr != nil || other.Size() != o.Size() {
		return n, all(err, openErr)
	}
	defer other.Close()
	return other.ReadAt(p, off)
}

func (m *mirror) Delete(ctx context.Context, name string) error {
	return all(m.first.Delete(ctx, name), m.second.Delete(ctx, name))
}

// List merges both buckets: an object that only one of them has is listed.
func (m *mirror) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	return m.compare(ctx, prefix, func(name string, first, second int64) error {
		if first < 0 {
			return fn(name, second)
		}
		return fn(name, first)
	})
}

// compare calls fn for each object that is in either bucket, with its size in
// each; -1 where it is not.
func (m *mirror) compare(ctx context.Context, prefix string, fn func(name string, first, second int64) error) error {
	var firstErr, secondErr error
	next1, stop1 := iter.Pull2(listing(ctx, m.first, prefix, &firstErr))
	defer stop1()
	next2, stop2 := iter.Pull2(listing(ctx, m.second, prefix, &secondErr))
	defer stop2()
	name1, size1, ok1 := next1()
	name2, size2, ok2 := next2()
	for ok1 || ok2 {
		if err := all(firstErr, secondErr); err != nil {
			return err // a listing that was cut off would look like objects that are not there
		}
		name, first, second := name1, size1, int64(-1)
		take1 := ok1 && (!ok2 || name1 <= name2)
		take2 := ok2 && (!ok1 || name2 <= name1)
		if !take1 {
			name, first = name2, -1
		}
		if take2 {
			second = size2
		}
		if err := fn(name, first, second); err != nil {
			return err
		}
		if take1 {
			name1, size1, ok1 = next1()
		}
		if take2 {
			name2, size2, ok2 = next2()
		}
	}
	return all(firstErr, secondErr)
}

// Repair copies what only one bucket of a mirror has to the other, as after a
// disk was replaced, and says how many objects it copied. Objects of different
// sizes are left alone: which of them is whole only their key can tell, and
// they are counted as odd. On a bucket that is no mirror it does nothing.
func Repair(ctx context.Context, b Bucket, prefix string) (copied, odd int, err error) {
	m, ok := b.(*mirror)
	if !ok {
		return 0, 0, nil
	}
	err = m.compare(ctx, prefix, func(name string, first, second int64) error {
		switch {
		case first == second:
			return nil
		case first >= 0 && second >= 0:
			odd++
			return nil
		case first < 0:
			copied++
			return copyObject(ctx, name, m.second, m.first)
		}
		copied++
		return copyObject(ctx, name, m.first, m.second)
	})
	return copied, odd, err
}

func copyObject(ctx context.Context, name string, from, to Bucket) error {
	o, err := from.Open(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer o.Close()
	_, err = to.Put(ctx, name, io.NewSectionReader(o, 0, o.Size()))
	return err
}

// listing turns List into a sequence; its fault is in *err once it has ended.
func listing(ctx context.Context, b Bucket, prefix string, err *error) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		*err = b.List(ctx, prefix, func(name string, size int64) error {
			if !yield(name, size) {
				return io.EOF // ends the walk; nobody looks at it any more
			}
			return nil
		})
	}
}

func (m *mirror) Close() error { return all(m.first.Close(), m.second.Close()) }
