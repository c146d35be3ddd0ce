package recording

import (
	"bytes"
	"context"
	"io"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// originalSchema keeps what was redacted, for as long as it stays.
const originalSchema = `
-- Recordings that were redacted and whose original stays, under its own right, until a time.
CREATE TABLE recording_originals (
	n           {{int}}  NOT NULL PRIMARY KEY,
	content_key {{id}}   NOT NULL,
	layout      {{text}} NOT NULL,
	bytes       {{int}}  NOT NULL,
	until_at    {{int}}  NOT NULL
);
CREATE INDEX recording_originals_until ON recording_originals (until_at);

-- Their stored forms, as they stood among the renditions.
CREATE TABLE original_renditions (
	id      {{id}}    NOT NULL PRIMARY KEY,
	n       {{int}}   NOT NULL,
	object  {{id}}    NOT NULL UNIQUE,
	ordinal {{int}}   NOT NULL,
	kind    {{text}}  NOT NULL,
	format  {{text}}  NOT NULL,
	millis  {{int}}   NOT NULL,
	plain   {{int}}   NOT NULL,
	bytes   {{int}}   NOT NULL,
	digest  {{text}}  NOT NULL,
	token   {{bytes}} NOT NULL
);
CREATE INDEX original_renditions_n ON original_renditions (n);

-- Recordings of which a redacted copy is heard: a longer file of the source never takes its place.
CREATE TABLE recording_redacted (
	n  {{int}} NOT NULL PRIMARY KEY,
	at {{int}} NOT NULL
);
`

// wholeSchema says of a kept original whether it is itself a redacted copy.
const wholeSchema = `
-- When what is kept was itself redacted last; 0: it is whole.
ALTER TABLE recording_originals ADD COLUMN redacted_at {{int}} NOT NULL DEFAULT 0;
`

const renditionColumns = `id, n, object, ordinal, kind, format, millis, plain, bytes, digest, token`

func readerOf(b []byte) io.Reader { return bytes.NewReader(b) }

// setAsideOriginal takes a recording's forms out of its rows: what was drawn of
// them goes, and so do they, unless they stay until a time. Where an original
// stays already, it is that which stays, and the redacted copy goes.
func (s *Service) setAsideOriginal(tx *place.Tx, row Row, until time.Time, left *leftovers) error {
	for _, fn := range s.onDestroy { // search words and whatever else was made of it
		if err := fn(tx, row.N); err != nil {
			return err
		}
	}
	kept, err := place.Row[int](tx, `SELECT count(*) FROM recording_originals WHERE n = ?`, row.N)
	if err != nil {
		return err
	}
	if until.IsZero() {
		if err := dropOriginal(tx, row.N, left); err != nil {
			return err
		}
	}
	if until.IsZero() || kept > 0 {
		objects, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ?`, row.N)
		if err != nil {
			return err
		}
		left.Objects, left.Keys = append(left.Objects, objects...), append(left.Keys, row.ContentKey)
		_, err = tx.Exec(`DELETE FROM renditions WHERE n = ?`, row.N)
		if err == nil && !until.IsZero() {
			_, err = tx.Exec(`UPDATE recording_originals SET until_at = ? WHERE n = ?`, millis(until), row.N)
		}
		return err
	}
	for _, st := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO recording_originals (n, content_key, layout, bytes, until_at, redacted_at) VALUES (?, ?, ?, ?, ?, coalesce((SELECT at FROM recording_redacted WHERE n = ?), 0))`, []any{row.N, row.ContentKey, row.Layout, row.Bytes, millis(until), row.N}},
		{`INSERT INTO original_renditions (` + renditionColumns + `) SELECT ` + renditionColumns + ` FROM renditions WHERE n = ?`, []any{row.N}},
		{`DELETE FROM renditions WHERE n = ?`, []any{row.N}},
	} {
		if _, err := tx.Exec(st.text, st.args...); err != nil {
			return err
		}
	}
	return nil
}

// dropOriginal takes a kept original out of the rows, if there is one.
func dropOriginal(tx *place.Tx, n int64, left *leftovers) error {
	keys, objects, err := originalOf(tx, n)
	if err != nil || len(keys) == 0 {
		return err
	}
	left.Keys, left.Objects = append(left.Keys, keys...), append(left.Objects, objects...)
	for _, text := range []string{`DELETE FROM recording_originals WHERE n = ?`, `DELETE FROM original_renditions WHERE n = ?`} {
		if _, err := tx.Exec(text, n); err != nil {
			return err
		}
	}
	return nil
}

// originalOf names what a kept original consists of; destruction takes it along.
func originalOf(tx *place.Tx, n int64) (keys []id.Key, objects []id.Object, err error) {
	if keys, err = place.Rows[id.Key](tx, `SELECT content_key FROM recording_originals WHERE n = ?`, n); err != nil || len(keys) == 0 {
		return nil, nil, err
	}
	objects, err = place.Rows[id.Object](tx, `SELECT object FROM original_renditions WHERE n = ?`, n)
	return keys, objects, err
}

// OriginalUntil says until when the original of a redacted recording stays; zero: there is none.
func (s *Service) OriginalUntil(tx *place.Tx, n int64) (time.Time, error) {
	at, err := place.Row[int64](tx, `SELECT until_at FROM recording_originals WHERE n = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	return fromMillis(at), err
}

// Unredact puts the original back while it stays; the redacted copy goes with
// its key. then runs in the Change that does so.
func (s *Service) Unredact(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, then func(tx *place.Tx, n int64) error) error {
	var left leftovers
	var discard id.Intent
	s.step("unredact: commit")
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, rec)
		if err != nil {
			return err
		}
		keys, _, err := originalOf(tx, row.N)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return fault.New(fault.Conflict, "the original of this recording is gone, or it was never redacted")
		}
		for _, fn := range s.onDestroy {
			if err := fn(tx, row.N); err != nil {
				return err
			}
		}
		objects, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ?`, row.N)
		if err != nil {
			return err
		}
		left = leftovers{Objects: objects, Keys: []id.Key{row.ContentKey}, Reason: "the redaction was undone"}
		for _, text := range []string{
			`DELETE FROM renditions WHERE n = ?`,
			`INSERT INTO renditions (` + renditionColumns + `) SELECT ` + renditionColumns + ` FROM original_renditions WHERE n = ?`,
			`UPDATE recordings SET content_key = (SELECT content_key FROM recording_originals o WHERE o.n = recordings.n),
				layout = (SELECT layout FROM recording_originals o WHERE o.n = recordings.n), bytes = (SELECT bytes FROM recording_originals o WHERE o.n = recordings.n) WHERE n = ?`,
			// What was put back may be a redacted copy itself, of an original that went.
			`UPDATE recording_redacted SET at = (SELECT redacted_at FROM recording_originals o WHERE o.n = recording_redacted.n) WHERE n = ?`,
			`DELETE FROM recording_redacted WHERE at = 0 AND n = ?`,
			`DELETE FROM recording_originals WHERE n = ?`, `DELETE FROM original_renditions WHERE n = ?`,
		} {
			if _, err := tx.Exec(text, row.N); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "recording.redaction-undone", Subject: rec.String()})
		tx.Notify(Topic)
		if discard, err = tx.Intend(intentDiscard, left); err != nil || then == nil {
			return err
		}
		return then(tx, row.N)
	})
	if err != nil {
		return err
	}
	s.endOpenings([]id.Recording{rec})
	return s.discard(context.WithoutCancel(ctx), p, discard, left)
}

// EndOriginals destroys the originals whose time has come, but those under a
// legal hold, and gives how many. It runs every night.
func (s *Service) EndOriginals(ctx context.Context, p *place.Place) (ended int, err error) {
	type due struct {
		N   int64        `db:"n"`
		Rec id.Recording `db:"id"`
	}
	var left leftovers
	var discard id.Intent
	s.step("originals: commit")
	var all []due
	err = p.View(ctx, func(tx *place.Tx) (err error) {
		all, err = place.Rows[due](tx, `SELECT o.n, r.id FROM recording_originals o JOIN recordings r ON r.n = o.n 
			WHERE o.until_at <= ? AND NOT EXISTS (SELECT 1 FROM recording_holds h WHERE h.n = o.n) LIMIT 1000`, millis(s.now()))
		return err
	})
	if err != nil || len(all) == 0 {
		return 0, err
	}
	err = p.Change(ctx, actor.ForSystem("redaction"), func(tx *place.Tx) error {
		ns := make([]int64, len(all))
		for i, d := range all {
			ns[i] = d.N
		}
		under, err := s.HeldAmong(tx, ns...)
		if err != nil {
			return err
		}
		left = leftovers{Reason: "the original's time has ended"}
		for _, d := range all {
			if under[d.N] {
				continue
			}
			if err := dropOriginal(tx, d.N, &left); err != nil {
				return err
			}
			ended++
			tx.Record(place.Event{Code: "recording.original-ended", Subject: d.Rec.String()})
		}
		if ended == 0 {
			return errNothingDue
		}
		discard, err = tx.Intend(intentDiscard, left)
		return err
	})
	if err == errNothingDue {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return ended, s.discard(ctx, p, discard, left)
}

// Redacted reports whether what is heard of a recording is a redacted copy.
func (s *Service) Redacted(tx *place.Tx, n int64) (bool, error) {
	c, err := place.Row[int](tx, `SELECT count(*) FROM recording_redacted WHERE n = ?`, n)
	return c > 0, err
}

// RedactedAt is when what is heard of a recording was redacted last; zero: it is whole.
func (s *Service) RedactedAt(tx *place.Tx, n int64) (time.Time, error) {
	at, err := place.Row[int64](tx, `SELECT at FROM recording_redacted WHERE n = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	return fromMillis(at), err
}

// findOriginal makes the opening one of the original that was kept.
func (o *Opening) findOriginal(tx *place.Tx) error {
	key, layout, all, err := originalForms(tx, o.N)
	if err != nil {
		return err
	}
	o.content, o.Layout = key, layout
	o.sort(all)
	if _, _, two := o.sides(); two {
		o.Layout = string(sound.Sides)
	}
	return nil
}

// sort tells sound from what was attached to it.
func (o *Opening) sort(all []Rendition) {
	for _, r := range all {
		if r.Kind == transcript || r.Kind == outline || r.Kind == findings {
			o.sealedIn = append(o.sealedIn, r)
		} else {
			o.Forms = append(o.Forms, r)
		}
	}
}

// Findings gives what a detector found in the transcript, as it was saved;
// fault.NotFound if nothing was looked for.
func (o *Opening) Findings(ctx context.Context) ([]byte, error) { return o.attached(ctx, findings) }

// SaveFindings seals what a detector found under the content key, in the place
// of what was found before. then runs in the same Change.
func (s *Service) SaveFindings(ctx context.Context, o *Opening, text []byte, then func(tx *place.Tx, n int64) error) error {
	return o.attach(ctx, findings, text, func(tx *place.Tx) error { return then(tx, o.N) })
}

// originalForms are the stored forms of a kept original and the key they lie under.
func originalForms(tx *place.Tx, n int64) (key id.Key, layout string, all []Rendition, err error) {
	type row struct {
		Key    id.Key `db:"content_key"`
		Layout string `db:"layout"`
	}
	r, err := place.Row[row](tx, `SELECT content_key, layout FROM recording_originals WHERE n = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return key, "", nil, fault.New(fault.NotFound, "this recording has no original beside what is heard of it")
	}
	if err != nil {
		return key, "", nil, err
	}
	all, err = renditionsIn(tx, "original_renditions", n)
	return r.Key, r.Layout, all, err
}
