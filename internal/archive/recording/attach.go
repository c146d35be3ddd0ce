package recording

import (
	"bytes"
	"cmp"
	"context"
	"io"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// maxAttached bounds what is read into memory: a transcript of a day's talk is
// far below it.
const maxAttached = 64 << 20

// attached reads a text that was attached to the recording; fault.NotFound if
// there is none.
func (o *Opening) attached(ctx context.Context, kind Kind) ([]byte, error) {
	for _, r := range o.sealedIn {
		if r.Kind != kind {
			continue
		}
		obj, err := o.reader(ctx, r.Object)
		if err != nil {
			return nil, err
		}
		defer obj.Close()
		if obj.Size() > maxAttached {
			return nil, fault.New(fault.TooLarge, "this transcript is too large to show")
		}
		return io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
	}
	return nil, fault.New(fault.NotFound, "this recording has no %s", kind)
}

// attach seals a text under the content key, as an object of its own, and makes
// it the recording's one text of its kind, in one Change together with then. An
// intent names the object first, so that a crash leaves nothing behind.
func (o *Opening) attach(ctx context.Context, kind Kind, text []byte, then func(tx *place.Tx) error) error {
	key, err := o.current()
	if err != nil {
		return err
	}
	object := id.New[id.Object]()
	var sealedText bytes.Buffer
	w, err := sealed.NewWriter(&sealedText, key, ObjectAAD(o.p.Customer(), object))
	if err != nil {
		return err
	}
	w.Write(text)
	if err := w.Close(); err != nil {
		return err
	}
	bytesStored := int64(sealedText.Len())
	b := &batch{aside: leftovers{Objects: []id.Object{object}}}
	if err := o.s.intendObject(ctx, o.p, o.who, b, o.Recording); err != nil {
		return err
	}
	defer o.s.end(b)
	o.s.step("attach: put")
	if _, err = o.s.objects.Put(ctx, ObjectName(o.p.Customer(), object), &sealedText); err == nil {
		o.s.step("attach: commit")
		err = o.commitAttached(ctx, b, kind, object, int64(len(text)), bytesStored, then)
	}
	if err != nil {
		o.s.abandon(ctx, o.p, b)
	}
	return err
}

// intendObject commits that an object may be left over.
func (s *Service) intendObject(ctx context.Context, p *place.Place, who actor.Actor, b *batch, rec id.Recording) error {
	return p.Change(ctx, who, func(tx *place.Tx) (err error) {
		tx.Record(place.Event{Code: "text.begun", Subject: rec.String()})
		b.intent, err = tx.Intend(intentCapture, b.aside)
		s.mark(b.intent, true)
		return err
	})
}

func (o *Opening) commitAttached(ctx context.Context, b *batch, kind Kind, object id.Object, plain, stored int64, then func(tx *place.Tx) error) error {
	var left leftovers
	var discard id.Intent
	err := o.p.Change(ctx, o.who, func(tx *place.Tx) error {
		if _, err := o.unchanged(tx); err != nil {
			return err
		}
		old, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ? AND kind = ?`, o.N, string(kind))
		if err != nil {
			return err
		}
		if under, err := o.s.HeldAmong(tx, o.N); err != nil || len(old) > 0 && under[o.N] && kind == transcript {
			return cmp.Or(err, error(ErrHeld)) // what was read before would be gone
		}
		if _, err := tx.Exec(`DELETE FROM renditions WHERE n = ? AND kind = ?`, o.N, string(kind)); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token)
			VALUES (?, ?, ?, 100, ?, '', 0, ?, ?, '', ?)`, id.New[id.Rendition](), o.N, object, string(kind), plain, stored, []byte{}); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE recordings SET bytes = (SELECT sum(bytes) FROM renditions WHERE renditions.n = recordings.n) WHERE n = ?`, o.N); err != nil {
			return err
		}
		tx.Record(place.Event{Code: string(kind) + ".stored", Subject: o.Recording.String()})
		if err := tx.Done(b.intent); err != nil {
			return err
		}
		if len(old) > 0 {
			left = leftovers{Objects: old, Reason: "replaced"}
			if discard, err = tx.Intend(intentDiscard, left); err != nil {
				return err
			}
		}
		if then != nil {
			return then(tx)
		}
		return nil
	})
	if err != nil || left.empty() {
		return err
	}
	if err := o.s.discard(ctx, o.p, discard, left); err != nil {
		o.s.log.WarnContext(ctx, "an earlier text is cleared away later", "recording", o.Recording, "error", err)
	}
	return nil
}
