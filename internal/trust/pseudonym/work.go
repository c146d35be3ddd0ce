package pseudonym

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/redaction"
)

// atOnce is how many recordings are worked on under one opening of the pseudonym
// key, which is good for a quarter of an hour.
const atOnce = 50

// work carries out a run, one recording after another. Each is a Change of its
// own with its item: after a crash it goes on with the next.
func (s *Service) work(ctx context.Context, p *place.Place, j job.Job) error {
	var args runArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	r, err := s.Run(ctx, p, args.Run)
	if fault.Is(err, fault.NotFound) || err == nil && r.Ended {
		return nil
	}
	if err != nil {
		return err
	}
	w := working{s: s, p: p, run: r, who: system(actor.Actor{ID: r.AskedBy}, "replacing names: "+r.ID.String())}
	if w.aim, err = s.aimOf(ctx, p, r); err != nil {
		return err
	}
	for {
		left, err := w.some(ctx)
		if keyring.NotLent(err) { // the customer's own key server refuses: once it lends again
			return fault.New(fault.Unavailable, "the customer's key is not lent").After(time.Minute)
		}
		if err != nil {
			return err
		}
		if !left {
			return w.end(ctx)
		}
	}
}

// working is one run on its way.
type working struct {
	s    *Service
	p    *place.Place
	run  Run
	who  actor.Actor
	aim  aim
	book *book
}

// some works on the next recordings, and reports whether there were any.
func (w *working) some(ctx context.Context) (bool, error) {
	var recs []id.Recording
	err := w.p.View(ctx, func(tx *place.Tx) (err error) {
		recs, err = place.Rows[id.Recording](tx, `SELECT rec FROM pseudonym_items WHERE run = ? AND state = 'waiting' ORDER BY n LIMIT ?`, w.run.ID, atOnce)
		return err
	})
	if err != nil || len(recs) == 0 {
		return false, err
	}
	if w.book, err = w.s.open(ctx, w.p, w.who); err != nil {
		return false, err
	}
	for _, rec := range recs {
		if err := w.one(ctx, rec); err != nil {
			return false, err
		}
	}
	return true, nil
}

// one works on one recording, or notes why it stays as it is. Nothing that is
// wrong with one keeps the others waiting.
func (w *working) one(ctx context.Context, rec id.Recording) error {
	var err error
	for range 3 { // somebody else may have changed it since it was opened
		w.s.o.Step("pseudonym: recording")
		if err = w.replace(ctx, rec); err == recording.ErrHeld || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Gone) {
			break
		}
	}
	state := Failed
	switch {
	case err == nil:
		return nil // noted in the same Change
	case ctx.Err() != nil, keyring.NotLent(err):
		return err
	case err == recording.ErrHeld:
		state = Held
	case err == recording.ErrRestricted:
		state = Restricted
	case fault.Is(err, fault.Conflict):
		state = Later
	default:
		// Something of it that is gone does not make the recording gone.
		look := w.p.View(ctx, func(tx *place.Tx) error {
			_, err := w.s.o.Recordings.Lookup(tx, rec)
			return err
		})
		if fault.Is(look, fault.Gone) || fault.Is(look, fault.NotFound) {
			state = Missing
			break
		}
		if look != nil {
			return look
		}
		w.s.o.Log.ErrorContext(ctx, "names of a recording were not replaced", "recording", rec, "run", w.run.ID, "error", err)
	}
	return w.p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(Topic)
		_, err := tx.Exec(`UPDATE pseudonym_items SET state = ? WHERE run = ? AND rec = ?`, string(state), w.run.ID, rec)
		return err
	})
}

// replace puts pseudonyms into one recording: card, transcript, search words and
// sound in one Change.
func (w *working) replace(ctx context.Context, rec id.Recording) error {
	op, err := w.s.o.Recordings.Open(ctx, w.p, w.who, rec, recording.Ask{What: "pseudonymise"})
	if err != nil {
		return err
	}
	defer op.Close()
	sc, err := w.scene(ctx, op)
	if err != nil {
		return err
	}
	sc.unheard = sc.text == nil && len(op.Forms) > 0
	sc.look()
	found, err := w.book.find(ctx, w.wanted(sc), true)
	if err != nil {
		return err
	}
	call, text, stretches := sc.replaced(found)
	how := recording.Renaming{Call: call}
	if text != nil {
		if how.Text, err = json.Marshal(text); err != nil {
			return err
		}
	}
	if w.run.How.Silence && len(stretches) > 0 && len(op.Forms) > 0 {
		if how.Stretches, err = redaction.Within(ctx, op, stretches); err != nil {
			return err
		}
	}
	return op.Rename(ctx, how, func(tx *place.Tx, n int64) error {
		if text != nil {
			if err := search.Put(tx, n, redaction.Searchable(text)...); err != nil {
				return err
			}
		}
		return w.note(tx, rec, n, sc, found)
	})
}

// note writes, in the Change that renames, which pseudonyms stand in the
// recording, and that it is done.
func (w *working) note(tx *place.Tx, rec id.Recording, n int64, sc *scene, found map[value]*entry) error {
	if err := w.book.put(tx, found, w.run.Request); err != nil {
		return err
	}
	for v := range sc.values {
		if _, err := tx.Exec(`INSERT INTO pseudonym_in (pseudonym, n) VALUES (?, ?) ON CONFLICT (pseudonym, n) DO NOTHING`, found[v].id, n); err != nil {
			return err
		}
	}
	state := Done
	if sc.unheard {
		state = Unheard
	}
	if _, err := tx.Exec(`UPDATE pseudonym_items SET state = ? WHERE run = ? AND n = ?`, string(state), w.run.ID, n); err != nil {
		return err
	}
	tx.Notify(Topic)
	return w.s.o.Changed(tx, rec)
}

// scene reads what is to be looked through.
func (w *working) scene(ctx context.Context, op *recording.Opening) (*scene, error) {
	card, err := op.CardOf(ctx)
	if err != nil {
		return nil, err
	}
	sc := &scene{aim: w.aim, call: card.Call}
	err = w.p.View(ctx, func(tx *place.Tx) error {
		sc.country, err = place.Row[string](tx, `SELECT s.country FROM sources s JOIN recordings r ON r.source = s.id WHERE r.id = ?`, op.Recording)
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := op.Transcript(ctx)
	if fault.Is(err, fault.NotFound) {
		return sc, nil
	}
	if err != nil {
		return nil, err
	}
	sc.text = &speech.Transcript{}
	return sc, json.Unmarshal(text, sc.text)
}

// wanted groups what was found: all ways of writing the one person's name get one
// pseudonym.
func (w *working) wanted(sc *scene) (all []wanted) {
	var one wanted
	for i, v := range w.aim.names {
		one.values, one.written = append(one.values, v), append(one.written, w.aim.written[i])
	}
	for v, written := range sc.values {
		switch {
		case !w.aim.one || v.kind == Number:
			all = append(all, wanted{[]value{v}, []string{written}})
		case !slices.Contains(one.values, v):
			one.values, one.written = append(one.values, v), append(one.written, written)
		}
	}
	if len(one.values) > 0 {
		all = append(all, one)
	}
	return all
}

// end takes the person out of what is kept beside recordings, and ends the run.
func (w *working) end(ctx context.Context) error {
	elsewhere := 0
	w.s.o.Step("pseudonym: take out")
	if !w.run.Request.IsZero() {
		var err error
		if elsewhere, err = w.s.o.Persons.TakeOut(ctx, w.p, w.who, w.run.Request, w.run.How.Log); err != nil {
			return err
		}
	}
	w.s.o.Step("pseudonym: end")
	return w.p.Change(ctx, w.who, func(tx *place.Tx) error {
		n, err := tx.Exec(`UPDATE pseudonym_runs SET state = 'done', ended_at = ?, elsewhere = ? WHERE id = ? AND state = 'waiting'`, tx.At().UnixMilli(), elsewhere, w.run.ID)
		if err != nil {
			return err
		}
		r, err := place.Row[runRow](tx, runColumns+` WHERE id = ?`, w.run.ID)
		if err != nil {
			return err
		}
		now, err := r.show(tx)
		facts := map[string]string{"elsewhere": strconv.Itoa(elsewhere)}
		for st, k := range now.Figures {
			facts[string(st)] = strconv.FormatInt(k, 10)
		}
		if n > 0 {
			tx.Record(place.Event{Code: "pseudonym.run-ended", Subject: w.run.ID.String(), Facts: facts})
			tx.Notify(Topic)
		}
		return err
	})
}
