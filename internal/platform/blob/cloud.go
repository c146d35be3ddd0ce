package blob

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ringfence/internal/base/fault"
)

const (
	// readAhead is how much one request to a cloud fetches at least: most calls
	// fit, and a player that moves through a long one asks twice a minute.
	readAhead = 512 << 10

	// uploadPart is the smallest part that S3 takes. At most 10,000 parts make
	// an object of 50 GB.
	uploadPart = 5 << 20
)

// cloud is a bucket behind gocloud.dev.
type cloud struct {
	b     *blob.Bucket
	where string // "the S3 bucket recordings"
}

// openCloud checks that the bucket is there.
func openCloud(ctx context.Context, b *blob.Bucket, where string) (Bucket, error) {
	c := &cloud{b, where}
	if err := c.present(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return c, nil
}

func (c *cloud) present(ctx context.Context) error {
	ok, err := c.b.IsAccessible(ctx)
	if err != nil {
		return c.explain(ctx, err)
	}
	if !ok {
		return fault.New(fault.Unavailable, "%s does not exist: create it, or correct its name; what was not stored yet is kept at its source", c.where)
	}
	return nil
}

// explain gives a failure of a cloud a text that says what to do.
func (c *cloud) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if gcerrors.Code(err) == gcerrors.PermissionDenied {
		return fault.Wrap(err, fault.Unavailable, "%s does not let us in: check its credentials and what they may do", c.where)
	}
	return fault.Wrap(err, fault.Unavailable, "%s does not answer as it should: look at the network and at the provider's status; it is tried again", c.where)
}

// absent tells an object that is not there from a bucket that is not.
func (c *cloud) absent(ctx context.Context, name string) error {
	if err := c.present(ctx); err != nil {
		return err
	}
	return notFound(name)
}

// sourceReader counts, and remembers the failure of the caller's reader, which
// is not the cloud's.
type sourceReader struct {
	r   io.Reader
	n   int64
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Put uses Upload, as gocloud's writer for Azure (v0.47.0) can panic when an
// upload fails while the writer is being closed.
func (c *cloud) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := check(name); err != nil {
		return 0, err
	}
	src := &sourceReader{r: r}
	err := c.b.Upload(ctx, name, src, &blob.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: uploadPart, MaxConcurrency: 1,
	})
	switch {
	case src.err != nil:
		return 0, src.err
	case gcerrors.Code(err) == gcerrors.NotFound:
		return 0, all(c.present(ctx), err)
	case err != nil:
		return 0, c.explain(ctx, err)
	}
	return src.n, nil
}

// cloudBatch needs no end: each object is durable once it is put.
type cloudBatch struct {
	c    *cloud
	made []string
}

func (c *cloud) Batch() Batch { return &cloudBatch{c: c} }

func (b *cloudBatch) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if slices.Contains(b.made, name) {
		return 0, putTwice(name)
	}
	n, err := b.c.Put(ctx, name, r)
	if err == nil {
		b.made = append(b.made, name)
	}
	return n, err
}

func (b *cloudBatch) Commit(ctx context.Context) error {
	b.made = nil
	return ctx.Err()
}

// Discard removes what was put, as nobody will name it. If that fails the
// object stays, as ciphertext without a key, until it is collected.
func (b *cloudBatch) Discard() {
	for _, name := range b.made {
		_ = b.c.Delete(context.Background(), name)
	}
	b.made = nil
}

func (c *cloud) Open(ctx context.Context, name string) (Object, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	o := &cloudObject{c: c, ctx: ctx, name: name, size: -1}
	if err := o.fetch(0, readAhead); err != nil {
		return nil, err
	}
	return o, nil
}

func (c *cloud) Delete(ctx context.Context, name string) error {
	if err := check(name); err != nil {
		return err
	}
	err := c.b.Delete(ctx, name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return c.present(ctx)
	}
	return c.explain(ctx, err)
}

func (c *cloud) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	it := c.b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if gcerrors.Code(err) == gcerrors.NotFound {
			return all(c.present(ctx), err)
		}
		if err != nil {
			return c.explain(ctx, err)
		}
		if check(o.Key) != nil {
			continue // somebody else's object in our bucket
		}
		if err := fn(o.Key, o.Size); err != nil {
			return err
		}
	}
}

func (c *cloud) Close() error { return c.b.Close() }

// cloudObject reads through requests for ranges. The two last ones are kept: a
// reader of the sealed format goes to the end of an object first and then
// forward from elsewhere.
type cloudObject struct {
	c    *cloud
	ctx  context.Context // of Open, as Bucket.Open says
	name string
	size int64 // -1 before the first answer

	mu      sync.Mutex
	windows [2]window // the newest first
}

type window struct {
	off  int64
	data []byte
}

func (w window) has(off int64) bool { return off >= w.off && off < w.off+int64(len(w.data)) }

func (o *cloudObject) Size() int64  { return o.size }
func (o *cloudObject) Close() error { return nil }

func (o *cloudObject) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.New(fault.Invalid, "an offset cannot be negative")
	}
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= o.size {
			return n, io.EOF
		}
		if o.windows[1].has(at) {
			o.windows[0], o.windows[1] = o.windows[1], o.windows[0]
		}
		if !o.windows[0].has(at) {
			if err := o.fetch(at, max(readAhead, int64(len(p)-n))); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], o.windows[0].data[at-o.windows[0].off:])
	}
	return n, nil
}

// errChanged is the fault of an object that is not the one that was opened.
var errChanged = errors.New("the object was replaced while it was read")

// fetch asks for a range and keeps it. The first answer tells the size.
func (o *cloudObject) fetch(off, length int64) error {
	r, err := o.c.b.NewRangeReader(o.ctx, o.name, off, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return o.c.absent(o.ctx, o.name)
	}
	if err != nil && o.empty() {
		return nil
	}
	if err != nil {
		return o.c.explain(o.ctx, err)
	}
	defer r.Close()
	if o.size >= 0 && r.Size() != o.size {
		return o.c.explain(o.ctx, errChanged)
	}
	data := make([]byte, min(length, r.Size()-off))
	if _, err := io.ReadFull(r, data); err != nil {
		return o.c.explain(o.ctx, err)
	}
	o.size = r.Size()
	o.windows[0], o.windows[1] = window{off, data}, o.windows[0]
	return nil
}

// empty asks whether the first range was refused because there is none: an
// object without a byte has no ranges (RFC 9110 §14.1.2).
func (o *cloudObject) empty() bool {
	if o.size >= 0 {
		return false
	}
	a, err := o.c.b.Attributes(o.ctx, o.name)
	if err != nil || a.Size != 0 {
		return false
	}
	o.size = 0
	return true
}
