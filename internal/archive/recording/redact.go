package recording

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Stretch is a part of the sound that is to be heard no more.
type Stretch struct {
	From, To time.Duration
	Channel  int // from 0; EveryChannel
}

// EveryChannel is a stretch of all that is heard.
const EveryChannel = -1

// Redaction says what a redacted copy leaves out.
type Redaction struct {
	Stretches []Stretch
	Tone      bool      // a low tone in their place; else silence
	Text      []byte    // the transcript that takes the place of the one there is; nil: there is none
	Until     time.Time // the original stays under its own right until then; zero: it goes now
}

// Redact makes a copy of the sound without the stretches, under a new content
// key, and has it take the recording's place for everyone. It is sealed as it
// is made, and read back, before any row names it. The original goes with its
// key, or stays apart until a stated time: a recording under a legal hold keeps
// it, and is ErrHeld otherwise. An intent names new key and objects first: after
// a crash the recording is what it was before, or redacted. then runs in the
// Change that commits. The opening ends with it.
func (o *Opening) Redact(ctx context.Context, how Redaction, then func(tx *place.Tx, n int64) error) error {
	if !ways[o.What] || o.What == "listen" {
		return fault.New(fault.Denied, "this opening is not for redacting")
	}
	if len(o.Forms) == 0 {
		return fault.New(fault.Conflict, "the sound of this recording was removed: there is nothing to redact")
	}
	keys, err := o.s.keys.Reserve(ctx, o.p.Customer(), 1)
	if err != nil {
		return err
	}
	r := &redacting{o: o, how: how, keys: keys[0], then: then}
	b := &batch{aside: leftovers{Keys: []id.Key{keys[0].Content.ID, keys[0].Card.ID}}}
	r.sound.Object = id.New[id.Object]()
	b.aside.Objects = []id.Object{r.sound.Object}
	if how.Text != nil {
		r.text = id.New[id.Object]()
		b.aside.Objects = append(b.aside.Objects, r.text)
	}
	o.s.step("redact: intend")
	if err := o.s.intendObject(ctx, o.p, o.who, b, o.Recording); err != nil {
		return err
	}
	defer o.s.end(b)
	if err = r.seal(ctx); err == nil {
		o.s.step("redact: read back")
		err = r.check(ctx)
	}
	if err == nil {
		o.s.step("redact: commit")
		err = r.commit(ctx, b)
	}
	if err != nil {
		o.s.abandon(ctx, o.p, b)
		return err
	}
	o.s.endOpenings([]id.Recording{o.Recording})
	if err := o.s.discard(context.WithoutCancel(ctx), o.p, r.discard, r.left); err != nil {
		o.s.log.WarnContext(ctx, "what was redacted is cleared away later", "recording", o.Recording, "error", err)
	}
	return nil
}

// redacting is one Redact on its way.
type redacting struct {
	o       *Opening
	how     Redaction
	keys    keyring.Reserved
	then    func(tx *place.Tx, n int64) error
	sound   Rendition // the redacted copy
	digest  string
	sum     [32]byte
	text    id.Object
	stored  int64 // of the text
	left    leftovers
	discard id.Intent
}

// seal writes the copy, and the text if there is one, under the new key.
func (r *redacting) seal(ctx context.Context) error {
	pcm, err := r.o.PCM(ctx)
	if err != nil {
		return err
	}
	wav := sound.NewWAV(&muted{PCM: pcm, how: r.how})
	defer wav.Close()
	hash, tags := sha256.New(), &tagDigest{h: sha256.New()}
	r.o.s.step("redact: put sound")
	stored, err := r.put(ctx, r.sound.Object, io.TeeReader(io.NewSectionReader(wav, 0, wav.Size()), hash), tags)
	if err != nil {
		return err
	}
	r.sound.ID, r.sound.Kind, r.sound.Plain, r.sound.Bytes = id.New[id.Rendition](), Original, wav.Size(), stored
	r.digest, r.sum = tags.String(), [32]byte(hash.Sum(nil))
	if r.how.Text == nil {
		return nil
	}
	r.o.s.step("redact: put text")
	r.stored, err = r.put(ctx, r.text, readerOf(r.how.Text), &tagDigest{h: sha256.New()})
	return err
}

// put seals what is read into an object: a segment of it is in memory at a time.
func (r *redacting) put(ctx context.Context, object id.Object, from io.Reader, tags *tagDigest) (int64, error) {
	c := r.o.p.Customer()
	out, in := io.Pipe()
	w, err := sealed.NewWriter(tagged{tags, in}, r.keys.Content.Key, ObjectAAD(c, object))
	if err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(w, from, make([]byte, segment))
		if err == nil {
			err = w.Close()
		} else {
			w.Abandon()
		}
		in.CloseWithError(err)
		done <- err
	}()
	stored, err := r.o.s.objects.Put(ctx, ObjectName(c, object), out)
	out.CloseWithError(io.ErrClosedPipe)
	if made := <-done; made != nil && err == nil {
		err = made
	}
	return stored, err
}

// check reads the copy back: as long as the original, and nothing in what was to go.
func (r *redacting) check(ctx context.Context) error {
	c := r.o.p.Customer()
	obj, err := r.o.s.objects.Open(ctx, ObjectName(c, r.sound.Object))
	if err != nil {
		return err
	}
	defer obj.Close()
	in, err := sealed.NewReaderAt(obj, obj.Size(), r.keys.Content.Key, ObjectAAD(c, r.sound.Object))
	if err != nil {
		return err
	}
	if r.sound.Probed, err = sound.Probe(in, in.Size(), "redacted.wav", sound.Hint{Layout: sound.Layout(r.o.Layout)}); err != nil {
		return err
	}
	pcm, err := sound.OpenPCM(ctx, in, r.sound.Probed)
	if err != nil {
		return err
	}
	defer pcm.Close()
	for _, s := range r.how.Stretches {
		if !quiet(pcm, s) {
			return fault.New(fault.Internal, "the redacted copy still has what was to go; the original is kept")
		}
	}
	return nil
}

// commit makes the copy the recording's.
func (r *redacting) commit(ctx context.Context, b *batch) error {
	o := r.o
	return o.p.Change(ctx, o.who, func(tx *place.Tx) error {
		row, err := o.unchanged(tx)
		if err != nil {
			return err
		}
		if row.State == TranscriptWorking {
			return fault.New(fault.Conflict, "this recording is being transcribed: redact it when that is done")
		}
		under, err := o.s.HeldAmong(tx, row.N)
		if err != nil {
			return err
		}
		if under[row.N] && r.how.Until.IsZero() {
			return ErrHeld
		}
		r.left = leftovers{Keys: []id.Key{r.keys.Card.ID}, Reason: "redacted"}
		if err := o.s.setAsideOriginal(tx, row, r.how.Until, &r.left); err != nil {
			return err
		}
		if err := r.rows(tx, row); err != nil {
			return err
		}
		if err := tx.Done(b.intent); err != nil {
			return err
		}
		original := "destroyed"
		if !r.how.Until.IsZero() {
			original = "kept until " + r.how.Until.UTC().Format(time.DateOnly)
		}
		tx.Record(place.Event{Code: "recording.redacted", Subject: o.Recording.String(), Facts: map[string]string{
			"stretches": strconv.Itoa(len(r.how.Stretches)), "original": original,
		}})
		tx.Notify(Topic)
		if r.discard, err = tx.Intend(intentDiscard, r.left); err != nil || r.then == nil {
			return err
		}
		return r.then(tx, row.N)
	})
}

// rows writes what the recording is now.
func (r *redacting) rows(tx *place.Tx, row Row) error {
	format, err := json.Marshal(r.sound.Probed)
	if err != nil {
		return err
	}
	token, err := contentToken(tx, r.sum)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token)
		VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`, r.sound.ID, row.N, r.sound.Object, string(Original), string(format),
		int64(math.Round(r.sound.Probed.Seconds*1000)), r.sound.Plain, r.sound.Bytes, r.digest, token); err != nil {
		return err
	}
	if r.how.Text != nil {
		if _, err := tx.Exec(`INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token)
			VALUES (?, ?, ?, 100, ?, '', 0, ?, ?, '', ?)`, id.New[id.Rendition](), row.N, r.text, string(transcript), len(r.how.Text), r.stored, []byte{}); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`INSERT INTO recording_redacted (n, at) VALUES (?, ?) ON CONFLICT (n) DO UPDATE SET at = excluded.at`, row.N, millis(tx.At())); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE recordings SET content_key = ?, layout = ?, bytes = ? WHERE n = ?`, r.keys.Content.ID, r.o.Layout, r.sound.Bytes+r.stored, row.N)
	return err
}

// quiet looks into the middle of a stretch: nothing louder than the tone may be there.
func quiet(pcm sound.PCM, s Stretch) bool {
	rate, channels := time.Duration(pcm.Rate()), pcm.Channels()
	from, to := int64(s.From*rate/time.Second), min(int64(s.To*rate/time.Second), pcm.Frames())
	buf := make([]int16, 4096/channels*channels)
	for at := from; at < to; {
		n, err := pcm.ReadFrames(buf[:min(int64(len(buf)), (to-at)*int64(channels))], at)
		if n == 0 || err != nil && err != io.EOF {
			return n == 0 && err == io.EOF
		}
		for i, v := range buf[:n*channels] {
			if (s.Channel == EveryChannel || s.Channel == i%channels) && (v > toneLevel+64 || v < -toneLevel-64) {
				return false
			}
		}
		at += int64(n)
	}
	return true
}

const toneLevel = 2000 // of 32768: audible, and not unpleasant

// muted is sound in which stretches are silent, or a tone of 440 Hz.
type muted struct {
	sound.PCM
	how Redaction
}

// ReadFrames implements sound.PCM.
func (m *muted) ReadFrames(p []int16, at int64) (int, error) {
	n, err := m.PCM.ReadFrames(p, at)
	rate, channels := time.Duration(m.Rate()), m.Channels()
	for _, s := range m.how.Stretches {
		from := max(int64(s.From*rate/time.Second)-at, 0)
		to := min(int64((s.To*rate+time.Second-1)/time.Second)-at, int64(n))
		for f := from; f < to; f++ {
			v := int16(0)
			if m.how.Tone {
				v = int16(toneLevel * math.Sin(2*math.Pi*440*float64(at+f)/float64(m.Rate())))
			}
			for c := range channels {
				if s.Channel == EveryChannel || s.Channel == c {
					p[f*int64(channels)+int64(c)] = v
				}
			}
		}
	}
	return n, err
}

// Redactable orders stretches, joins those that touch, and refuses what is not
// within the sound.
func Redactable(stretches []Stretch, length time.Duration, channels int) ([]Stretch, error) {
	if len(stretches) == 0 {
		return nil, fault.Field("stretches", "name at least one stretch")
	}
	all := slices.Clone(stretches)
	for i, s := range all {
		path := "stretches[" + strconv.Itoa(i) + "]"
		switch {
		case s.From < 0 || s.To <= s.From:
			return nil, fault.Field(path, "must end after it begins")
		case s.From >= length:
			return nil, fault.Field(path, "begins after the end of the sound")
		case s.Channel < EveryChannel || s.Channel >= channels:
			return nil, fault.Field(path, "there is no such channel")
		}
		all[i].To = min(s.To, length)
	}
	slices.SortFunc(all, func(a, b Stretch) int {
		if a.Channel != b.Channel {
			return a.Channel - b.Channel
		}
		return int(min(max(a.From-b.From, -1), 1))
	})
	out := all[:1]
	for _, s := range all[1:] {
		if last := &out[len(out)-1]; s.Channel == last.Channel && s.From <= last.To {
			last.To = max(last.To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out, nil
}
