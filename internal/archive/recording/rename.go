package recording

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"math"
	"path"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// pseudonymSchema says of which recordings names and numbers were replaced.
const pseudonymSchema = `
-- A longer file of the source never takes the place of such a recording, what the
-- telephone system's logs say later does not come back onto its card, and it is not
-- transcribed anew.
CREATE TABLE recording_pseudonymised (
	n  {{int}} NOT NULL PRIMARY KEY,
	at {{int}} NOT NULL
);
`

// Renaming says what takes the place of names and numbers in one recording.
type Renaming struct {
	Call      func(Call) Call // with names and numbers replaced
	Stretches []Stretch       // of the sound that fall silent; none: every stored form stays as it sounds
	Tone      bool            // a low tone in their place
	Text      []byte          // the transcript that takes the place of the one there is; nil: there is none
}

// errRenamed is a recording whose names and numbers were replaced.
var errRenamed = fault.New(fault.Conflict, "names and numbers of this recording were replaced by pseudonyms: what would bring them back is not taken in")

// Rename puts others in the place of names and numbers: on the card, among the
// blind indexes, in the transcript and, where stretches are named, in the sound.
// All of it is sealed anew under two new keys, read back, and made the
// recording's in one Change; then the old keys are destroyed, which ends what
// stood there before in every backup as well. An original that a redaction had
// set aside goes too. An intent names the new keys and objects first: after a
// crash the recording is what it was before, or renamed. What is under a legal
// hold is ErrHeld. then runs in the Change that commits; the opening ends with it.
func (o *Opening) Rename(ctx context.Context, how Renaming, then func(tx *place.Tx, n int64) error) error {
	if o.What != "pseudonymise" {
		return fault.New(fault.Denied, "this opening is not for replacing names")
	}
	r, err := o.renaming(ctx, how, then)
	if err != nil {
		return err
	}
	b := &batch{aside: leftovers{Keys: []id.Key{r.keys.Content.ID, r.keys.Card.ID}, Objects: r.objects()}}
	o.s.step("rename: intend")
	if err := o.s.intendObject(ctx, o.p, o.who, b, o.Recording); err != nil {
		return err
	}
	defer o.s.end(b)
	if err = r.seal(ctx); err == nil {
		o.s.step("rename: commit")
		err = r.commit(ctx, b)
	}
	if err != nil {
		o.s.abandon(ctx, o.p, b)
		return err
	}
	o.s.endOpenings([]id.Recording{o.Recording})
	o.s.cards.forget(r.row.CardKey)
	if err := o.s.discard(context.WithoutCancel(ctx), o.p, r.discard, r.left); err != nil {
		o.s.log.WarnContext(ctx, "what was replaced is cleared away later", "recording", o.Recording, "error", err)
	}
	return nil
}

// CardOf gives the card of the recording that is opened: who took part, as it stands now.
func (o *Opening) CardOf(ctx context.Context) (Card, error) {
	_, card, err := o.card(ctx)
	return card, err
}

func (o *Opening) card(ctx context.Context) (Row, Card, error) {
	var row Row
	err := o.p.View(ctx, func(tx *place.Tx) (err error) {
		row, err = o.s.Lookup(tx, o.Recording)
		return err
	})
	if err != nil {
		return row, Card{}, err
	}
	boxes, err := o.s.boxes(ctx, o.p, o.who, o.Recording.String(), []closedCard{{row.ID, row.CardKey, row.Card}})
	if err != nil {
		return row, Card{}, err
	}
	box := boxes[row.CardKey]
	if box == nil { // an empty card would be written over what cannot be read now
		return row, Card{}, fault.New(fault.Unavailable, "the card of this recording does not open now: its key is not lent, or it is being destroyed")
	}
	plain, err := box.Open(cardAAD(o.p.Customer(), row.ID), row.Card)
	if err != nil {
		return row, Card{}, err
	}
	var card Card
	return row, card, json.Unmarshal(plain, &card)
}

// renaming is one Rename on its way. The sound is one redacted copy, or a copy of
// each stored form.
type renaming struct {
	redacting
	how  Renaming
	row  Row
	old  Card
	same []copied
}

// copied is a stored form of the sound, the same under another key.
type copied struct {
	Rendition
	was    id.Rendition
	digest string
	sum    [32]byte
}

func (o *Opening) renaming(ctx context.Context, how Renaming, then func(tx *place.Tx, n int64) error) (*renaming, error) {
	row, card, err := o.card(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := o.s.keys.Reserve(ctx, o.p.Customer(), 1)
	if err != nil {
		return nil, err
	}
	r := &renaming{redacting: redacting{o: o, how: Redaction{Stretches: how.Stretches, Tone: how.Tone, Text: how.Text}, keys: keys[0], then: then}, how: how, row: row, old: card}
	switch {
	case len(o.Forms) == 0:
	case len(how.Stretches) > 0:
		r.sound.Object = id.New[id.Object]()
	default:
		for _, f := range o.Forms {
			c := copied{Rendition: f, was: f.ID}
			c.ID, c.Object = id.New[id.Rendition](), id.New[id.Object]()
			r.same = append(r.same, c)
		}
	}
	if how.Text != nil {
		r.text = id.New[id.Object]()
	}
	return r, nil
}

func (r *renaming) muted() bool { return !r.sound.Object.IsZero() }

func (r *renaming) objects() (all []id.Object) {
	for _, o := range append([]id.Object{r.sound.Object, r.text}, objectsOf(r.same)...) {
		if !o.IsZero() {
			all = append(all, o)
		}
	}
	return all
}

func objectsOf(all []copied) (out []id.Object) {
	for _, c := range all {
		out = append(out, c.Object)
	}
	return out
}

// seal writes sound and text under the new key, and reads the sound back.
func (r *renaming) seal(ctx context.Context) error {
	if r.muted() {
		if err := r.redacting.seal(ctx); err != nil {
			return err
		}
		return r.check(ctx)
	}
	for i := range r.same {
		r.o.s.step("rename: put sound")
		if err := r.copy(ctx, i); err != nil {
			return err
		}
	}
	if r.how.Text == nil {
		return nil
	}
	r.o.s.step("rename: put text")
	var err error
	r.stored, err = r.put(ctx, r.text, bytes.NewReader(r.how.Text), &tagDigest{h: sha256.New()})
	return err
}

// copy seals one form as it is under the new key, and holds what can be read of
// the copy against what was read of the form.
func (r *renaming) copy(ctx context.Context, i int) error {
	c := &r.same[i]
	form := r.o.Forms[i]
	from, err := r.o.reader(ctx, form.Object)
	if err != nil {
		return err
	}
	defer from.Close()
	hash, tags := sha256.New(), &tagDigest{h: sha256.New()}
	c.Bytes, err = r.put(ctx, c.Object, io.TeeReader(io.NewSectionReader(from, 0, from.Size()), hash), tags)
	if err != nil {
		return err
	}
	c.digest, c.sum = tags.String(), [32]byte(hash.Sum(nil))
	obj, err := r.o.s.objects.Open(ctx, ObjectName(r.o.p.Customer(), c.Object))
	if err != nil {
		return err
	}
	defer obj.Close()
	in, err := sealed.NewReaderAt(obj, obj.Size(), r.keys.Content.Key, ObjectAAD(r.o.p.Customer(), c.Object))
	if err != nil {
		return err
	}
	again := sha256.New()
	if _, err := io.Copy(again, io.NewSectionReader(in, 0, in.Size())); err != nil {
		return err
	}
	if [32]byte(again.Sum(nil)) != c.sum {
		return fault.New(fault.Internal, "the copy of the sound is not what was copied; the recording is kept as it is")
	}
	return nil
}

// commit makes the copies and the new card the recording's.
func (r *renaming) commit(ctx context.Context, b *batch) error {
	o := r.o
	return o.p.Change(ctx, o.who, func(tx *place.Tx) error {
		row, err := o.unchanged(tx)
		if err != nil {
			return err
		}
		if row.CardKey != r.row.CardKey || !bytes.Equal(row.Card, r.row.Card) || row.State != r.row.State {
			return fault.New(fault.Conflict, "more became known of this call meanwhile: try again")
		}
		if row.State == TranscriptWorking || row.State == TranscriptWaiting {
			return fault.New(fault.Conflict, "this recording is not transcribed yet: its names are replaced when that is done")
		}
		if under, err := o.s.HeldAmong(tx, row.N); err != nil || under[row.N] {
			return cmp.Or(err, error(ErrHeld))
		}
		restricted, err := o.s.Restricted(tx, []int64{row.N})
		if err != nil || len(restricted) > 0 {
			return cmp.Or(err, error(ErrRestricted))
		}
		r.left = leftovers{Keys: []id.Key{row.CardKey}, Reason: "pseudonymised"}
		if err := o.s.setAsideOriginal(tx, row, time.Time{}, &r.left); err != nil {
			return err
		}
		if err := r.write(tx, row); err != nil {
			return err
		}
		if err := tx.Done(b.intent); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "recording.pseudonymised", Subject: o.Recording.String(), Facts: map[string]string{
			"stretches": strconv.Itoa(len(r.how.Stretches)), "transcript": yes(r.how.Text != nil),
		}})
		tx.Notify(Topic)
		if r.discard, err = tx.Intend(intentDiscard, r.left); err != nil || r.then == nil {
			return err
		}
		return r.then(tx, row.N)
	})
}

// write puts the recording's rows right.
func (r *renaming) write(tx *place.Tx, row Row) error {
	card := Card{File: nameless(r.old.File), Call: r.how.Call(r.old.Call).discreet(), Sums: map[string]Plain{}}
	layout, stored := row.Layout, r.stored
	if r.muted() {
		if err := r.redacting.rows(tx, row); err != nil {
			return err
		}
		layout, stored = r.o.Layout, r.stored+r.sound.Bytes
	} else if err := r.rows(tx, row, card); err != nil {
		return err
	}
	for _, c := range r.same {
		stored += c.Bytes
	}
	text, err := json.Marshal(card)
	if err != nil {
		return err
	}
	closed := sealed.Field(r.keys.Card.Key, cardAAD(tx.Place().Customer(), row.ID), text)
	if _, err := tx.Exec(`UPDATE recordings SET content_key = ?, card_key = ?, card = ?, layout = ?, bytes = ? WHERE n = ?`,
		r.keys.Content.ID, r.keys.Card.ID, closed, layout, stored, row.N); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO recording_pseudonymised (n, at) VALUES (?, ?) ON CONFLICT (n) DO UPDATE SET at = excluded.at`, row.N, millis(tx.At())); err != nil {
		return err
	}
	return reindex(tx, row, card.Call)
}

// rows writes the copied forms and the text.
func (r *renaming) rows(tx *place.Tx, row Row, card Card) error {
	const insert = `INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	for i, c := range r.same {
		format, err := json.Marshal(c.Probed)
		if err != nil {
			return err
		}
		token, err := contentToken(tx, c.sum)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(insert, c.ID, row.N, c.Object, i, string(c.Kind), string(format), int64(math.Round(c.Probed.Seconds*1000)), c.Plain, c.Bytes, c.digest, token); err != nil {
			return err
		}
		if was, ok := r.old.Sums[c.was.String()]; ok {
			card.Sums[c.ID.String()] = Plain{File: nameless(was.File), SHA256: was.SHA256}
		}
	}
	if r.how.Text == nil {
		return nil
	}
	_, err := tx.Exec(insert, id.New[id.Rendition](), row.N, r.text, 100, string(transcript), "", 0, len(r.how.Text), r.stored, "", []byte{})
	return err
}

// nameless is a file's name without what telephone systems write into it.
func nameless(file string) string {
	if file == "" {
		return ""
	}
	return "recording" + path.Ext(file)
}

// reindex writes the blind indexes of those who took part.
func reindex(tx *place.Tx, r Row, call Call) error {
	if _, err := tx.Exec(`DELETE FROM parties WHERE n = ?`, r.N); err != nil {
		return err
	}
	country, err := countryOf(tx, r.Source)
	if err != nil {
		return err
	}
	tokens, err := partyTokens(tx, country, call)
	if err != nil {
		return err
	}
	parties := newRows().parties
	for _, t := range tokens {
		parties.add(t, r.StartedAt, r.N)
	}
	return parties.flush(tx)
}

// Pseudonymised says which of the recordings had their names and numbers replaced.
func (s *Service) Pseudonymised(tx *place.Tx, ns ...int64) (map[int64]bool, error) {
	found, err := place.Rows[int64](tx, `SELECT n FROM recording_pseudonymised WHERE n IN (?)`, place.List(ns))
	out := make(map[int64]bool, len(found))
	for _, n := range found {
		out[n] = true
	}
	return out, err
}
