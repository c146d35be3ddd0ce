package recording

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Ask says what is to be opened.
type Ask struct {
	What      string       // listen, transcript, download, transcribe
	Rendition id.Rendition // zero: the preferred one, both sides together where there are two
}

// ways are the ways of opening, and whether they give sound.
var ways = map[string]bool{"listen": true, "download": true, "transcribe": true, "export": true, "make-smaller": true, "evidence": true, "redact": true, "detect": true, "pseudonymise": true, "original": true, "transcript": false, "remove-sound": false}

// Opening is one recording opened by one actor for at most 15 minutes: one line
// in the journal, and any number of reads. It holds the content key, and gives
// it to nobody.
type Opening struct {
	ID        id.Receipt
	Recording id.Recording
	N         int64
	What      string
	Until     time.Time
	Length    time.Duration
	Layout    string      // of what PCM gives
	Forms     []Rendition // sound only, preferred first; without hashes

	s        *Service
	p        *place.Place
	who      actor.Actor
	wanted   id.Rendition
	content  id.Key
	sealedIn []Rendition // transcript and outline

	mu     sync.Mutex
	key    secret.Key // zero once closed
	closed bool
}

// Open opens a recording. Whether the actor may was decided before. The receipt
// is durable before the key is unwrapped: a crash between the two leaves the
// record of an opening that did not happen. A destroyed recording is fault.Gone.
func (s *Service) Open(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, ask Ask) (*Opening, error) {
	if _, known := ways[ask.What]; !known {
		return nil, fault.Field("what", "must be listen, transcript or download")
	}
	o := &Opening{Recording: rec, What: ask.What, s: s, p: p, who: who, wanted: ask.Rendition}
	if err := p.View(ctx, o.find); err != nil {
		return nil, err
	}
	s.step("open: receipt")
	r, err := p.Receipt(ctx, who, place.Opening{Subject: rec.String(), Keys: []id.Key{o.content}, What: ask.What, For: place.MaxOpening})
	if err != nil {
		return nil, err
	}
	s.step("open: unwrap")
	if o.key, err = s.keys.Use(ctx, r, o.content); err != nil {
		return nil, err
	}
	s.step("open: opened")
	o.ID, o.Until = r.ID(), r.Until()
	s.keep(o)
	return o, nil
}

// find reads what is to be opened, before anything is recorded.
func (o *Opening) find(tx *place.Tx) error {
	if err := o.s.stays(tx); err != nil {
		return err
	}
	row, err := o.s.Lookup(tx, o.Recording)
	if err != nil {
		return err
	}
	o.N, o.content, o.Layout = row.N, row.ContentKey, row.Layout
	if err := o.restricted(tx); err != nil {
		return err
	}
	if o.What == "transcribe" {
		// Names that were taken out of the text can still be heard in the sound.
		if renamed, err := o.s.Pseudonymised(tx, row.N); err != nil || renamed[row.N] {
			return cmp.Or(err, error(errRenamed))
		}
	}
	o.Length = time.Duration(row.Millis) * time.Millisecond
	if o.What == "original" {
		return o.findOriginal(tx)
	}
	all, err := renditions(tx, row.N)
	if err != nil {
		return err
	}
	o.sort(all)
	if !o.wanted.IsZero() && !slices.ContainsFunc(o.Forms, func(r Rendition) bool { return r.ID == o.wanted }) {
		return fault.Field("rendition", "this recording has no such rendition")
	}
	if _, _, two := o.sides(); two {
		o.Layout = string(sound.Sides)
	}
	return nil
}

// renditions are the stored forms of a recording, the preferred first.
func renditions(tx *place.Tx, n int64) ([]Rendition, error) { return renditionsIn(tx, "renditions", n) }

// renditionsIn reads them from the table of what is heard, or that of originals.
func renditionsIn(tx *place.Tx, table string, n int64) ([]Rendition, error) {
	type row struct {
		ID     id.Rendition `db:"id"`
		Object id.Object    `db:"object"`
		Kind   string       `db:"kind"`
		Format string       `db:"format"`
		Millis int64        `db:"millis"`
		Plain  int64        `db:"plain"`
		Bytes  int64        `db:"bytes"`
	}
	rows, err := place.Rows[row](tx, `SELECT id, object, kind, format, millis, plain, bytes FROM `+table+` WHERE n = ? ORDER BY ordinal`, n)
	if err != nil {
		return nil, err
	}
	all := make([]Rendition, len(rows))
	for i, r := range rows {
		all[i] = Rendition{ID: r.ID, Object: r.Object, Kind: Kind(r.Kind), Length: time.Duration(r.Millis) * time.Millisecond, Plain: r.Plain, Bytes: r.Bytes}
		if r.Format == "" {
			continue
		}
		if err := json.Unmarshal([]byte(r.Format), &all[i].Probed); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keep holds an opening for the requests that follow, and lets go of ended ones.
func (s *Service) keep(o *Opening) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, old := range s.openings {
		if now.After(old.Until) {
			old.shut()
			delete(s.openings, i)
		}
	}
	s.openings[o.ID] = o
}

// Opening finds an opening again. It belongs to the actor that asked for it, in
// the same place: for anybody else there is none. One that has ended is
// fault.Gone, as is every one after a restart; open again.
func (s *Service) Opening(p *place.Place, who actor.Actor, receipt id.Receipt) (*Opening, error) {
	s.mu.Lock()
	o := s.openings[receipt]
	s.mu.Unlock()
	if o == nil || o.p.Customer() != p.Customer() || o.who.Kind != who.Kind || o.who.ID != who.ID || o.who.Session != who.Session {
		return nil, fault.New(fault.NotFound, "there is no such opening; open the recording again")
	}
	if _, err := o.current(); err != nil {
		return nil, err
	}
	return o, nil
}

// current gives the key while the opening lasts.
func (o *Opening) current() (secret.Key, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.s.now().After(o.Until) {
		o.key = secret.Key{}
		return secret.Key{}, fault.New(fault.Gone, "this opening has ended; open the recording again")
	}
	return o.key, nil
}

// unchanged gives the recording's row, and is fault.Gone where its content key was
// destroyed or replaced since it was opened.
func (o *Opening) unchanged(tx *place.Tx) (Row, error) {
	row, err := o.s.Lookup(tx, o.Recording)
	if err == nil && row.ContentKey != o.content {
		err = fault.New(fault.Gone, "the recording was captured again or its sound replaced meanwhile")
	}
	return row, err
}

// Close ends the opening before its time.
func (o *Opening) Close() {
	o.shut()
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	delete(o.s.openings, o.ID)
}

func (o *Opening) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.key = true, secret.Key{}
}

// endOpenings ends the openings of recordings that are being destroyed.
func (s *Service) endOpenings(recs []id.Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.openings {
		if slices.Contains(recs, o.Recording) {
			o.shut()
			delete(s.openings, i)
		}
	}
}
