package backup

import (
	"context"
	"errors"
	"io"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
)

// takeObject copies one sealed recording as it is.
func (r *Repo) takeObject(ctx context.Context, from blob.Bucket, name string) error {
	o, err := from.Open(ctx, name)
	if err != nil {
		return err
	}
	defer o.Close()
	if err := r.rate.wait(ctx, int(o.Size())); err != nil {
		return err
	}
	if err := copyObject(ctx, r.b, "objects/"+name, o); err != nil {
		return err
	}
	r.sent.Add(o.Size())
	return nil
}

// copyObject writes an object and compares what the bucket gives back.
func copyObject(ctx context.Context, to blob.Bucket, name string, o blob.Object) error {
	if _, err := to.Put(ctx, name, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return err
	}
	back, err := to.Open(ctx, name)
	if err != nil {
		return err
	}
	defer back.Close()
	same, err := equalObjects(o, back)
	if err == nil && !same {
		err = errReadBack
	}
	return err
}

// Verify reads every part of a point from the target and holds it against its
// name and size.
func (r *Repo) Verify(ctx context.Context, contents ...Content) (bytes int64, err error) {
	for _, c := range contents {
		in := r.open(ctx, c)
		n, err := io.Copy(io.Discard, in)
		in.Close()
		bytes += n
		if err != nil {
			return bytes, err
		}
	}
	return bytes, nil
}

// VerifyLog reads the log that a plan would replay, to its end.
func (s Source) VerifyLog(ctx context.Context, p Plan) error {
	for _, o := range p.origins {
		if !o.replay {
			continue
		}
		next := o.after() + 1
		for e, err := range s.entries(ctx, o.customer, o.branch, o.after()) {
			if err != nil {
				return err
			}
			if o.part != nil && e.Seq != next {
				return fault.New(fault.Conflict, "the log of %s has a gap: an entry is missing", placeLabel(o.customer))
			}
			next = e.Seq + 1
		}
	}
	return nil
}

// equalObjects compares two objects byte by byte.
func equalObjects(a, b blob.Object) (bool, error) {
	if a.Size() != b.Size() {
		return false, nil
	}
	x, y := make([]byte, 256<<10), make([]byte, 256<<10)
	for off := int64(0); off < a.Size(); off += int64(len(x)) {
		n := min(int64(len(x)), a.Size()-off)
		for _, one := range []struct {
			o blob.Object
			b []byte
		}{{a, x}, {b, y}} {
			if m, err := one.o.ReadAt(one.b[:n], off); err != nil && !(errors.Is(err, io.EOF) && int64(m) == n) {
				return false, err
			}
		}
		if string(x[:n]) != string(y[:n]) {
			return false, nil
		}
	}
	return true, nil
}
