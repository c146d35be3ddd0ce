package recording

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// commit is the one Change that takes a batch in.
type commit struct {
	s        *Service
	b        *batch
	drafts   []draft
	outcomes map[int]Outcome

	tx       *place.Tx
	seen     *lookup
	receipt  id.Receipt
	taken    []taken          // what was added or replaced
	captured []Captured       // the same, for others
	left     leftovers        // what this batch has set aside and not used
	discard  id.Intent        // of left
	same     map[int]standing // what duplicates are
	joined   []joinedCall     // calls of which more is known now than their earlier cards say
	rows     rows

	countries map[id.Source]string // of sources met so far
}

// taken is one recording that this Change added or replaced.
type taken struct {
	draft
	n     int64
	id    id.Recording
	call  id.Call
	begun int64 // start of the sound, Unix milliseconds
}

// rows are those to write, by table.
type rows struct{ calls, idents, recordings, renditions, parties, contents, files bulk }

func newRows() rows {
	return rows{
		calls:  bulk{head: `INSERT INTO calls (id, source, started_at, answered_at, ended_at, direction, queue, disposition, digest) VALUES`},
		idents: bulk{head: `INSERT INTO call_idents (token, call_id) VALUES`, tail: `ON CONFLICT (token) DO UPDATE SET call_id = excluded.call_id`},
		recordings: bulk{head: `INSERT INTO recordings (n, id, call_id, source, ident, content_key, card_key, card, started_at, ended_at, millis,
			direction, queue, disposition, sound, layout, withheld, transcript_state, transcript_reason, transcript_language,
			transcript_engine, transcript_quality, sentiment_label, bytes, captured_at, stored_receipt) VALUES`},
		renditions: bulk{head: `INSERT INTO renditions (id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token) VALUES`},
		parties:    bulk{head: `INSERT INTO parties (token, started_at, n) VALUES`, tail: `ON CONFLICT DO NOTHING`},
		contents:   bulk{head: `INSERT INTO contents (token, n) VALUES`, tail: `ON CONFLICT DO NOTHING`},
		files: bulk{
			head: `INSERT INTO files (id, source, path, n, size, modified_at, state, reason, todo, since) VALUES`,
			tail: `ON CONFLICT (source, path) DO UPDATE SET n = excluded.n, size = excluded.size, modified_at = excluded.modified_at,
				state = excluded.state, reason = excluded.reason, todo = excluded.todo, since = excluded.since, sealed = NULL`,
		},
	}
}

func newCommit(s *Service, b *batch, drafts []draft, out []Outcome) *commit {
	c := &commit{s: s, b: b, drafts: drafts, outcomes: map[int]Outcome{}, same: map[int]standing{}, receipt: id.New[id.Receipt](), rows: newRows(), countries: map[id.Source]string{}}
	for i, o := range out {
		if o.Result == Refused {
			c.outcomes[i] = o
		}
	}
	return c
}

// run is the transaction. It may be run once.
func (c *commit) run(tx *place.Tx) error {
	c.tx = tx
	if n, err := place.Row[int](tx, `SELECT count(*) FROM intents WHERE id = ?`, c.b.intent); err != nil || n == 0 {
		return fault.Wrap(err, fault.Unavailable, "another server has cleared this archiving away; try again")
	}
	var err error
	if c.seen, err = c.s.lookUp(tx, c.drafts); err != nil {
		return err
	}
	for _, d := range c.drafts {
		if err := c.take(d); err != nil {
			return err
		}
	}
	for _, b := range []*bulk{&c.rows.calls, &c.rows.idents, &c.rows.recordings, &c.rows.renditions, &c.rows.parties, &c.rows.contents, &c.rows.files} {
		if err := b.flush(tx); err != nil {
			return err
		}
	}
	for _, fn := range c.s.onTaken {
		if err := fn(tx, c.captured); err != nil {
			return err
		}
	}
	return c.finish()
}

// take decides what one draft is and gathers its rows.
func (c *commit) take(d draft) error {
	k := c.seen.known(d)
	var err error
	if k.contents, err = c.copies(d, k.contents); err != nil {
		return err
	}
	v := judge(k, d.bytes())
	switch v.act {
	case same:
		earlier, err := c.s.keyed(c.tx, v.n, c.taken)
		if err != nil {
			return err
		}
		c.same[d.at] = earlier
		c.outcomes[d.at] = Outcome{Recording: earlier.ID, Result: Duplicate}
		return c.files(d, v.n, earlier.fileState())
	case erased:
		c.outcomes[d.at] = Outcome{Result: Erased, Err: errErased}
		return c.files(d, 0, "erased")
	case shorter:
		c.outcomes[d.at] = Outcome{Result: Refused, Err: errShorter}
		return nil
	case replace:
		return c.replace(d, v.n)
	default:
		return c.add(d)
	}
}

var (
	errErased   = fault.New(fault.Gone, "this recording was destroyed in the archive and is not captured again; its file may be removed")
	errRedacted = fault.New(fault.Conflict, "this recording was redacted; a longer file of it does not take its place")

	errShorter = fault.New(fault.Conflict, "the file is shorter than what was archived of it; the archived recording is kept")
)

// add makes a new recording.
func (c *commit) add(d draft) error {
	call, err := c.call(d)
	if err != nil {
		return err
	}
	t := taken{draft: d, n: c.seen.next, id: d.recording, call: call, begun: c.begun(d)}
	c.seen.next++
	card, err := c.card(t)
	if err != nil {
		return err
	}
	it, end := d.item, t.begun+d.length()
	state, why := TranscriptWaiting, ""
	if it.Unheard {
		state, why = TranscriptNotTranscribed, "it was imported without transcription"
	}
	c.rows.recordings.add(t.n, t.id, call, it.Source, c.seen.idents[d.at], d.keys.Content.ID, d.keys.Card.ID, card, t.begun, end, d.length(),
		string(it.Call.Direction), it.Call.Queue, string(it.Call.Disposition), string(it.Sound), d.layout(),
		it.Call.Caller.Withheld, state, why, "", "", "", "", d.stored(), millis(c.tx.At()), c.receipt)
	c.seen.add(d, t)
	return c.stored(t, false)
}

// stored gathers what add and replace have in common.
func (c *commit) stored(t taken, replaced bool) error {
	for i, p := range t.parts {
		format, err := json.Marshal(p.file.Probed)
		if err != nil {
			return err
		}
		c.rows.renditions.add(p.rendition, t.n, p.object, i, string(p.file.Kind), string(format), lengthOf(p), p.plain, p.bytes, p.digest, c.seen.tokens[t.at][i])
		c.rows.contents.add(c.seen.tokens[t.at][i], t.n)
	}
	if err := c.parties(t); err != nil {
		return err
	}
	if !t.item.Unheard || replaced {
		if _, err := job.Enqueue(c.tx, JobTranscribe, TranscribeArgs{t.id}, job.Once(t.id.String())); err != nil {
			return err
		}
	}
	one := Captured{t.id, t.item.Source, fromMillis(t.begun), time.Duration(t.length()) * time.Millisecond, replaced, c.seen.callTokens[t.at]}
	for _, fn := range c.s.onCapture {
		if err := fn(c.tx, one); err != nil {
			return err
		}
	}
	c.captured = append(c.captured, one)
	c.taken = append(c.taken, t)
	c.outcomes[t.at] = Outcome{Recording: t.id, Result: Stored, Replaced: replaced}
	return c.files(t.draft, t.n, "captured")
}

// begun is when the sound starts.
func (c *commit) begun(d draft) int64 {
	switch it := d.item; {
	case !it.StartedAt.IsZero():
		return millis(it.StartedAt)
	case !it.Call.StartedAt.IsZero():
		return millis(it.Call.StartedAt)
	case !it.Files[0].ModTime.IsZero():
		return millis(it.Files[0].ModTime) - d.length()
	default:
		return millis(c.tx.At()) - d.length()
	}
}

// length of the preferred rendition, in milliseconds.
func (d draft) length() int64 { return lengthOf(d.parts[0]) }

func lengthOf(p part) int64 { return int64(p.file.Probed.Seconds*1000 + 0.5) }

// layout is what the recording holds: two files with one party each are both apart.
func (d draft) layout() string {
	has := func(k Kind) bool { return slices.ContainsFunc(d.parts, func(p part) bool { return p.file.Kind == k }) }
	if has(Caller) && has(AgentSide) {
		return string(sound.Sides)
	}
	return string(d.parts[0].file.Probed.Layout)
}

// stored is the number of bytes in the bucket.
func (d draft) stored() (n int64) {
	for _, p := range d.parts {
		n += p.bytes
	}
	return n
}

// files says what became of each source file.
func (c *commit) files(d draft, n int64, state string) error {
	var holder *int64
	if n != 0 {
		holder = &n
	}
	for i, f := range d.item.Files {
		c.rows.files.add(id.New[id.File](), d.item.Source, c.seen.paths[d.at][i], holder, f.Size, millis(f.ModTime), state, "", "", millis(c.tx.At()))
	}
	return nil
}

// finish writes receipt, events and what is to be discarded, and ends the intent.
func (c *commit) finish() error {
	if err := c.setAside(); err != nil {
		return err
	}
	if err := c.tx.Done(c.b.intent); err != nil {
		return err
	}
	sources := map[id.Source]bool{}
	for _, t := range c.taken {
		sources[t.item.Source] = true
	}
	for source := range sources {
		if _, err := c.tx.Exec(`UPDATE sources SET last_captured_at = ? WHERE id = ?`, millis(c.tx.At()), source); err != nil {
			return err
		}
	}
	if len(c.taken) > 0 {
		if err := c.signStored(); err != nil {
			return err
		}
		c.tx.Notify(Topic)
	}
	for _, t := range c.taken {
		code := "recording.captured"
		if c.outcomes[t.at].Replaced {
			code = "recording.replaced"
		}
		c.tx.Record(place.Event{Code: code, Subject: t.id.String(), Facts: map[string]string{
			"source": t.item.Source.String(), "receipt": c.receipt.String(), "bytes": strconv.FormatInt(t.stored(), 10),
		}})
	}
	if len(c.taken) == 0 {
		c.tx.Record(place.Event{Code: "capture.ended", Facts: map[string]string{"recordings": "0"}})
	}
	return nil
}

// setAside turns what is left over into an intent of its own.
func (c *commit) setAside() error {
	keys, objects := map[id.Key]bool{}, map[id.Object]bool{}
	for _, t := range c.taken {
		keys[t.keys.Content.ID], keys[t.keys.Card.ID] = true, true
		for _, p := range t.parts {
			objects[p.object] = true
		}
	}
	for _, d := range c.drafts {
		// A collector that comes again brings the keys of the recording that it is: they are in use.
		if k := c.same[d.at]; k.Content == d.keys.Content.ID {
			keys[k.Content], keys[k.Card] = true, true
		}
	}
	for _, k := range c.b.keys {
		for _, one := range []id.Key{k.Content.ID, k.Card.ID} {
			if !keys[one] {
				c.left.Keys = append(c.left.Keys, one)
			}
		}
	}
	for _, o := range c.b.aside.Objects {
		if !objects[o] {
			c.left.Objects = append(c.left.Objects, o)
		}
	}
	if c.left.empty() {
		return nil
	}
	c.left.Reason = "not needed"
	var err error
	c.discard, err = c.tx.Intend(intentDiscard, c.left)
	return err
}
