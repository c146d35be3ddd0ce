package recording

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Smaller says how a recording's sound is to be kept in fewer bytes.
type Smaller struct {
	Kbit int  // of Opus, for each channel
	Drop bool // the forms it was made from go, once the new one was read back and sounds alike
}

// Saving is what became of it. Before counts the sealed bytes of the forms that
// the recording came with, After those of the Opus form, 0 if there is none.
type Saving struct {
	Before, After int64
	Made          bool // there is an Opus form now
	Dropped       bool // and it is the only one
}

// worth is how much smaller Opus must be to be kept beside or instead: what is
// MP3, GSM or Opus already gains little and would be encoded twice.
const worth = 0.8

// errUnlike keeps the original: what was made of it is not what it was.
var errUnlike = fault.New(fault.Conflict, "the smaller form does not sound like the original; the original is kept")

// Shrink makes the Opus form of a recording, if it has none and it is worth it,
// and drops what it was made from where that is asked for. The new form is
// sealed under the recording's key as it leaves the encoder, read back from the
// archive, decoded and held against the original before any row names it. then
// runs in the Change that commits, or alone when there is nothing to commit. An
// intent names object and forms first: after a crash the recording has the
// forms from before or from after.
func (o *Opening) Shrink(ctx context.Context, how Smaller, then func(tx *place.Tx, s Saving) error) (Saving, error) {
	if !ways[o.What] {
		return Saving{}, fault.New(fault.Denied, "this opening is for the transcript, not for the sound")
	}
	s := &shrinking{o: o, how: how, then: then}
	for _, r := range o.Forms {
		if r.Kind == Opus {
			s.made = r
		} else {
			s.came, s.out.Before = append(s.came, r), s.out.Before+r.Bytes
		}
	}
	switch {
	case len(s.came) == 0:
		s.out = Saving{Before: s.made.Bytes, After: s.made.Bytes, Made: true, Dropped: true}
		return s.out, s.nothing(ctx)
	case !s.made.ID.IsZero() && !how.Drop:
		s.out.After, s.out.Made = s.made.Bytes, true
		return s.out, s.nothing(ctx)
	case !s.made.ID.IsZero():
		return s.out, s.drop(ctx)
	}
	return s.out, s.make(ctx)
}

// shrinking is one Shrink on its way.
type shrinking struct {
	o    *Opening
	how  Smaller
	then func(tx *place.Tx, s Saving) error
	came []Rendition // the forms that the recording came with
	made Rendition   // the Opus form; zero until there is one
	out  Saving
}

// nothing notes that all is as it is to be.
func (s *shrinking) nothing(ctx context.Context) error {
	return s.o.p.Keep(ctx, func(tx *place.Tx) error { return s.then(tx, s.out) })
}

// drop removes the original forms beside an Opus form that was made before,
// after that has been read again.
func (s *shrinking) drop(ctx context.Context) error {
	if err := s.compare(ctx, s.made); err != nil {
		return err
	}
	return s.commit(ctx, nil, "", nil)
}

func (s *shrinking) make(ctx context.Context) error {
	object := id.New[id.Object]()
	b := &batch{aside: leftovers{Objects: []id.Object{object}}}
	if err := s.o.s.intendObject(ctx, s.o.p, s.o.who, b, s.o.Recording); err != nil {
		return err
	}
	defer s.o.s.end(b)
	s.o.s.step("smaller: seal")
	digest, sum, err := s.seal(ctx, object)
	if err == nil && float64(s.made.Bytes) > worth*float64(s.out.Before) {
		s.o.s.abandon(ctx, s.o.p, b)
		return s.nothing(ctx)
	}
	if err == nil {
		s.o.s.step("smaller: read back")
		err = s.probe(ctx)
	}
	if err == nil {
		err = s.compare(ctx, s.made)
	}
	if err == nil {
		s.o.s.step("smaller: commit")
		err = s.commit(ctx, b, digest, sum)
	}
	if err != nil {
		s.o.s.abandon(ctx, s.o.p, b)
	}
	return err
}

// seal encodes the sound and seals it on its way: no byte of it lies in the
// clear, and no more than a segment in memory.
func (s *shrinking) seal(ctx context.Context, object id.Object) (digest string, sum []byte, err error) {
	key, err := s.o.current()
	if err != nil {
		return "", nil, err
	}
	pcm, err := s.o.PCM(ctx)
	if err != nil {
		return "", nil, err
	}
	defer pcm.Close()
	hash, tags := sha256.New(), &tagDigest{h: sha256.New()}
	from, to := io.Pipe()
	w, err := sealed.NewWriter(tagged{tags, to}, key, ObjectAAD(s.o.p.Customer(), object))
	if err != nil {
		return "", nil, err
	}
	var plain counter
	encoded := make(chan error, 1)
	go func() {
		err := sound.EncodeOpus(ctx, io.MultiWriter(w, hash, &plain), pcm, s.how.Kbit)
		if err == nil {
			err = w.Close()
		} else {
			w.Abandon()
		}
		to.CloseWithError(err)
		encoded <- err
	}()
	stored, err := s.o.s.objects.Put(ctx, ObjectName(s.o.p.Customer(), object), from)
	from.CloseWithError(err) // the encoder stops if the archive took no more
	if err := errors.Join(<-encoded, err); err != nil {
		return "", nil, err
	}
	s.made = Rendition{ID: id.New[id.Rendition](), Object: object, Kind: Opus, Plain: int64(plain), Bytes: stored}
	return tags.String(), hash.Sum(nil), nil
}

// tagged writes ciphertext on, and digests it.
type tagged struct {
	tags *tagDigest
	to   io.Writer
}

func (t tagged) Write(p []byte) (int, error) {
	t.tags.Write(p)
	return t.to.Write(p)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// probe reads the head of what was stored.
func (s *shrinking) probe(ctx context.Context) error {
	obj, err := s.o.reader(ctx, s.made.Object)
	if err != nil {
		return err
	}
	defer obj.Close()
	if s.made.Probed, err = sound.Probe(obj, obj.Size(), "sound.opus", sound.Hint{Layout: sound.Layout(s.o.Layout)}); err != nil {
		return err
	}
	if obj.Size() != s.made.Plain || s.made.Probed.Header != sound.Agrees {
		return errUnlike
	}
	return nil
}

// compare decodes the stored Opus form and what it was made from.
func (s *shrinking) compare(ctx context.Context, made Rendition) error {
	was, err := s.o.PCM(ctx)
	if err != nil {
		return err
	}
	defer was.Close()
	is, err := s.o.PCMOf(ctx, made)
	if err != nil {
		return err
	}
	defer is.Close()
	same, err := sound.Alike(ctx, was, is)
	if err == nil && !same {
		err = errUnlike
	}
	return err
}

// commit makes the Opus form the recording's, alone or beside the others. b is
// nil when the form is there already.
func (s *shrinking) commit(ctx context.Context, b *batch, digest string, sum []byte) error {
	o := s.o
	s.out.After, s.out.Made, s.out.Dropped = s.made.Bytes, true, s.how.Drop
	var left leftovers
	var discard id.Intent
	err := o.p.Change(ctx, o.who, func(tx *place.Tx) error {
		if _, err := o.unchanged(tx); err != nil {
			return err
		}
		under, err := o.s.HeldAmong(tx, o.N)
		if err != nil {
			return err
		}
		kept := s.how.Drop && under[o.N]
		if kept {
			s.how.Drop, s.out.Dropped = false, false
		}
		if b != nil {
			if err := s.insert(tx, digest, sum); err != nil {
				return err
			}
			if err := tx.Done(b.intent); err != nil {
				return err
			}
		}
		facts := map[string]string{"before": strconv.FormatInt(s.out.Before, 10), "after": strconv.FormatInt(s.out.After, 10)}
		if kept {
			facts["originals"] = "kept: legal hold"
		}
		if s.how.Drop {
			if err := s.remove(tx, &left); err != nil {
				return err
			}
			facts["originals"] = "dropped"
			if discard, err = tx.Intend(intentDiscard, left); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`UPDATE recordings SET bytes = (SELECT sum(bytes) FROM renditions WHERE renditions.n = recordings.n) WHERE n = ?`, o.N); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "recording.made-smaller", Subject: o.Recording.String(), Facts: facts})
		tx.Notify(Topic)
		return s.then(tx, s.out)
	})
	if err != nil || left.empty() {
		return err
	}
	if err := o.s.discard(ctx, o.p, discard, left); err != nil {
		o.s.log.WarnContext(ctx, "dropped forms are cleared away later", "recording", o.Recording, "error", err)
	}
	return nil
}

// opusOrdinal puts the Opus form behind those that came and before the texts.
const opusOrdinal = 50

func (s *shrinking) insert(tx *place.Tx, digest string, sum []byte) error {
	format, err := json.Marshal(s.made.Probed)
	if err != nil {
		return err
	}
	token, err := contentToken(tx, [32]byte(sum))
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, s.made.ID, s.o.N, s.made.Object, opusOrdinal, string(Opus), string(format),
		lengthOf(part{file: File{Probed: s.made.Probed}}), s.made.Plain, s.made.Bytes, digest, token)
	return err
}

// remove takes the forms that the recording came with out of the rows. Their
// hashes stay among what was captured: the source's file is known, and is not
// captured again.
func (s *shrinking) remove(tx *place.Tx, left *leftovers) error {
	kinds := []string{string(Opus), string(transcript), string(outline), string(findings)}
	rows, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ? AND kind NOT IN (?)`, s.o.N, place.List(kinds))
	if err != nil {
		return err
	}
	*left = leftovers{Objects: rows, Reason: "a smaller form is kept"}
	if _, err := tx.Exec(`DELETE FROM renditions WHERE n = ? AND kind NOT IN (?)`, s.o.N, place.List(kinds)); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE recordings SET layout = ? WHERE n = ?`, s.o.Layout, s.o.N)
	return err
}

// Sound is stored sound as it is, for players that know its format.
type Sound struct {
	io.ReaderAt
	io.Closer
	Size int64
	Type string // media type
}

// Small gives the Opus form as it is stored, any part of which can be read;
// fault.NotFound if there is none, or if another form was asked for.
func (o *Opening) Small(ctx context.Context) (Sound, error) {
	i := slices.IndexFunc(o.Forms, func(r Rendition) bool { return r.Kind == Opus })
	if !ways[o.What] || i < 0 || !o.wanted.IsZero() && o.wanted != o.Forms[i].ID {
		return Sound{}, fault.New(fault.NotFound, "this recording has no Opus form")
	}
	obj, err := o.reader(ctx, o.Forms[i].Object)
	if err != nil {
		return Sound{}, err
	}
	return Sound{obj, obj, obj.Size(), "audio/ogg"}, nil
}

// HasSmall reports whether Small gives anything.
func (o *Opening) HasSmall() bool {
	return slices.ContainsFunc(o.Forms, func(r Rendition) bool {
		return r.Kind == Opus && (o.wanted.IsZero() || o.wanted == r.ID)
	})
}
