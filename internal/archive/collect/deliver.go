package collect

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Bounds of a chunk. It is halved when the server does not answer in time, so
// that a slow line gets through, and doubled again when it does.
const minChunk = 64 << 10

// deliver brings one entry to its end: uploaded, verified, its source dealt
// with. It goes on where the last attempt stopped, on either side of a crash:
// the server is asked, not the box's memory.
func (b *box) deliver(ctx context.Context, e *entry) error {
	r, err := b.send(ctx, e)
	if err != nil {
		return err
	}
	b.report(Event{What: string(r.State), Upload: e.Upload.String(), Recording: r.Recording.String(), Bytes: e.manifest.size(), Duplicate: r.Duplicate})
	return b.settle(e, r)
}

// send uploads an entry and gives the server's last word on it.
func (b *box) send(ctx context.Context, e *entry) (Receipt, error) {
	for wait := 200 * time.Millisecond; ; wait = min(wait*2, 10*time.Second) {
		r, err := b.sendOnce(ctx, e)
		if err != nil {
			return r, err
		}
		b.crash("answered")
		if r.State != Stored && r.State != Open {
			b.crash("receipt-" + string(r.State))
			return r, nil
		}
		if err := sleep(ctx, jitter(wait)); err != nil {
			return r, err
		}
	}
}

func (b *box) sendOnce(ctx context.Context, e *entry) (r Receipt, err error) {
	var s Signed
	if e.manifest.size() <= b.wholeMax {
		s, err = b.sendWhole(ctx, e)
	} else if err = b.upload(ctx, e); err == nil {
		s, err = b.up.complete(ctx, e.Upload)
	}
	if err != nil {
		return r, err
	}
	return b.openReceipt(e, s)
}

// sendWhole sends a small recording in one request.
func (b *box) sendWhole(ctx context.Context, e *entry) (Signed, error) {
	f, err := b.spool.data(e)
	if err != nil {
		return Signed{}, err
	}
	data := make([]byte, e.manifest.size())
	_, err = io.ReadFull(f, data)
	f.Close()
	if err != nil {
		return Signed{}, errDamaged
	}
	b.report(Event{What: "uploading", Upload: e.Upload.String(), Bytes: int64(len(data))})
	return b.up.whole(ctx, e.Upload, e.Signed, data)
}

// upload sends, chunk by chunk, what the server does not have yet.
func (b *box) upload(ctx context.Context, e *entry) error {
	// Chunks are large: few at a time, so that memory stays small.
	select {
	case b.large <- struct{}{}:
		defer func() { <-b.large }()
	case <-ctx.Done():
		return ctx.Err()
	}
	o, err := b.up.begin(ctx, e.Signed)
	if err != nil {
		return err
	}
	if o.State != Open {
		return nil
	}
	b.crash("begun")
	data, err := b.spool.data(e)
	if err != nil {
		return err
	}
	defer data.Close()
	size := e.manifest.size()
	for at := o.Offset; at < size; {
		if at < 0 || at > size {
			return fmt.Errorf("the server answers offset %d of %d", at, size)
		}
		if at, err = b.uploadChunk(ctx, e, data, at, size); err != nil {
			return err
		}
		b.report(Event{What: "uploading", Upload: e.Upload.String(), Bytes: size, Sent: at})
		b.crash("chunk")
	}
	return nil
}

func (b *box) uploadChunk(ctx context.Context, e *entry, data *os.File, at, size int64) (int64, error) {
	chunk := make([]byte, min(b.size.Load(), size-at))
	if _, err := data.ReadAt(chunk, at); err != nil && !errors.Is(err, io.EOF) {
		return at, err
	}
	next, err := b.up.patch(ctx, e.Upload, at, chunk)
	if err == nil {
		b.size.Store(min(b.size.Load()*2, b.sizeMax.Load()))
		return next, nil
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		if r.Status == http.StatusConflict && r.Offset >= 0 && r.Offset != at {
			return r.Offset, nil // an earlier attempt got further than its answer
		}
		return at, err
	}
	b.size.Store(max(b.size.Load()/2, minChunk))
	return at, err
}

// openReceipt believes a receipt only if the pinned server key signed it for
// this very manifest of this very box.
func (b *box) openReceipt(e *entry, s Signed) (Receipt, error) {
	var r Receipt
	if err := openDocument(receiptLabel, s, b.dev.ServerKey, &r); err != nil {
		return r, fmt.Errorf("the receipt is not the server's: %w; nothing was touched", err)
	}
	sum := sha256.Sum256(e.Signed.Body)
	if r.Version != version || r.Customer != b.dev.Customer || r.Device != b.dev.Device || r.Upload != e.Upload || !bytes.Equal(r.Manifest, sum[:]) {
		return r, errors.New("the receipt is for another upload; nothing was touched")
	}
	return r, nil
}

// settle acts on the server's last word. Every step can be repeated.
func (b *box) settle(e *entry, r Receipt) (err error) {
	after := b.permitted(e, r)
	if r.State == Verified || r.State == Erased {
		// Before a source is touched, and before the spool forgets it.
		rec := r.Recording
		if rec.IsZero() {
			rec = e.manifest.Recording
		}
		if err := b.ledger.had(rec, e.Sources, after == Delete); err != nil {
			return err
		}
		b.crash("remembered")
	}
	switch r.State {
	case Verified:
		if err := b.release(e, after); err != nil {
			return err
		}
		b.crash("released")
		err = b.done.remember(e.Sources, Verified)
	case Erased:
		// Destroyed on purpose, and its source is still there. It is not captured
		// again; whether it goes is asked for by itself: see remove.
		err = b.done.remember(e.Sources, Erased)
	case Refused:
		b.refuse(e, r.Reason)
	default:
		return fmt.Errorf("the receipt says %q", r.State)
	}
	if err != nil {
		return err
	}
	b.crash("noted")
	b.forget(e)
	return b.spool.remove(e)
}

// retryIn says how long to wait after an error: what the server asks for, else
// twice as long each time with jitter, so that a thousand boxes do not come
// back in the same second. No more than five minutes.
func (b *box) retryIn(err error, attempt int) time.Duration {
	if r, ok := errors.AsType[*refusal](err); ok && r.RetryAfter > 0 {
		return r.RetryAfter + jitter(r.RetryAfter/4)
	}
	return jitter(min(b.pause<<min(attempt, 9), 5*time.Minute))
}

// jitter draws between half of d and d.
func jitter(d time.Duration) time.Duration {
	if d < 2 {
		return d
	}
	var b [8]byte
	rand.Read(b[:])
	return d/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(d/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
