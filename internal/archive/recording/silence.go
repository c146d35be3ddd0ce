package recording

import (
	"bytes"
	"cmp"
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// SoundRemoved is a recording whose sound was destroyed on purpose, and whose
// transcript stays.
const SoundRemoved SoundState = "removed"

// errNotYet leaves the sound for another night: it is still being listened to.
var errNotYet = fault.New(fault.Conflict, "the transcript of this recording is not done: its sound stays until then")

// RemoveSound destroys a recording's sound, with all that was drawn of it, and
// keeps its transcript: the transcript is sealed anew under a new content key,
// one Change makes that the recording's, and the old key is destroyed, which
// ends the sound in every backup as well. An intent names the new key and object
// first: after a crash the recording has its sound and text from before, or the
// text alone. still is asked in that Change; what is held is ErrHeld.
func (s *Service) RemoveSound(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, still func(tx *place.Tx, r Row) (bool, error)) (bool, error) {
	o, err := s.Open(ctx, p, who, rec, Ask{What: "remove-sound"})
	if err != nil {
		return false, err
	}
	defer o.Close()
	text, err := o.attached(ctx, transcript)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	keys, err := s.keys.Reserve(ctx, p.Customer(), 1)
	if err != nil {
		return false, err
	}
	w := &silencing{o: o, keys: keys[0], text: text, still: still}
	b := &batch{aside: leftovers{Keys: []id.Key{keys[0].Content.ID, keys[0].Card.ID}}}
	if len(text) > 0 {
		w.object = id.New[id.Object]()
		b.aside.Objects = []id.Object{w.object}
	}
	s.step("silence: intend")
	if err := s.intendObject(ctx, p, who, b, rec); err != nil {
		return false, err
	}
	defer s.end(b)
	if err = w.seal(ctx); err == nil {
		s.step("silence: commit")
		err = w.commit(ctx, b)
	}
	if err != nil {
		s.abandon(ctx, p, b)
		if err == errNothingDue {
			err = nil
		}
		return false, err
	}
	s.endOpenings([]id.Recording{rec})
	if err := s.discard(context.WithoutCancel(ctx), p, w.discard, w.left); err != nil {
		s.log.WarnContext(ctx, "removed sound is cleared away later", "recording", rec, "error", err)
	}
	return true, nil
}

// silencing is one RemoveSound on its way.
type silencing struct {
	o       *Opening
	keys    keyring.Reserved
	text    []byte
	object  id.Object // of the text under its new key
	stored  int64
	still   func(tx *place.Tx, r Row) (bool, error)
	left    leftovers
	discard id.Intent
}

func (w *silencing) seal(ctx context.Context) error {
	if len(w.text) == 0 {
		return nil
	}
	s, c := w.o.s, w.o.p.Customer()
	var out bytes.Buffer
	sw, err := sealed.NewWriter(&out, w.keys.Content.Key, ObjectAAD(c, w.object))
	if err != nil {
		return err
	}
	if _, err := sw.Write(w.text); err != nil {
		return err
	}
	if err := sw.Close(); err != nil {
		return err
	}
	w.stored = int64(out.Len())
	s.step("silence: put")
	_, err = s.objects.Put(ctx, ObjectName(c, w.object), &out)
	return err
}

func (w *silencing) commit(ctx context.Context, b *batch) error {
	o := w.o
	return o.p.Change(ctx, o.who, func(tx *place.Tx) error {
		row, err := o.unchanged(tx)
		if err != nil {
			return err
		}
		if row.State == TranscriptWaiting || row.State == TranscriptWorking {
			return errNotYet
		}
		if under, err := o.s.HeldAmong(tx, row.N); err != nil || under[row.N] {
			return cmp.Or(err, error(ErrHeld))
		}
		if ok, err := w.still(tx, row); err != nil || !ok {
			return cmp.Or(err, error(errNothingDue))
		}
		old, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ?`, row.N)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM renditions WHERE n = ?`, row.N); err != nil {
			return err
		}
		if len(w.text) > 0 {
			if _, err := tx.Exec(`INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token)
				VALUES (?, ?, ?, 100, ?, '', 0, ?, ?, '', ?)`, id.New[id.Rendition](), row.N, w.object, string(transcript), len(w.text), w.stored, []byte{}); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`UPDATE recordings SET content_key = ?, sound = ?, bytes = ? WHERE n = ?`, w.keys.Content.ID, string(SoundRemoved), w.stored, row.N); err != nil {
			return err
		}
		if err := tx.Done(b.intent); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "recording.sound-removed", Subject: o.Recording.String(), Facts: map[string]string{"transcript": yes(len(w.text) > 0)}})
		tx.Notify(Topic)
		w.left = leftovers{Objects: old, Keys: []id.Key{o.content, w.keys.Card.ID}, Reason: "the sound's period has ended"}
		if err := dropOriginal(tx, row.N, &w.left); err != nil { // of what was redacted before
			return err
		}
		w.discard, err = tx.Intend(intentDiscard, w.left)
		return err
	})
}
