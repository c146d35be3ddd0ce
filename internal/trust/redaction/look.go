package redaction

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/insight/dtmf"
	"ringfence/internal/insight/pii"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Found is what was found in a recording, as it is sealed beside it.
type Found struct {
	Spans []Span `json:"spans"`
}

// whole gives seconds to the millisecond, without what floating point adds.
func whole(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// Span is one thing that was found: of what kind, when, and why. What was said
// is not repeated.
type Span struct {
	Entity  string  `json:"entity"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Channel int     `json:"channel"` // -1: all
	Score   float64 `json:"score"`
	Why     string  `json:"why"`
	Group   int     `json:"group"`
}

const (
	sure     = 0.5                   // score from which something is taken out without being asked
	margin   = 0.15                  // seconds on either side: words begin before engines say so
	keysOf   = 12                    // keys in a row that are a card number; fewer choose from menus
	keyPause = 4 * time.Second       // between two of them
	retry    = time.Minute           // while a recording is being transcribed
	keyed    = "KEYED_NUMBER"        // what was keyed in, among the spans
	keyWhy   = "keys of a telephone" // and why
	keyScore = 0.9
)

// Kind is the job's, for the runner.
func (s *Service) Kind() job.Kind { return job.Kind{Run: s.look, Parallel: 1, Attempts: 12} }

func system() actor.Actor { return actor.ForSystem("redaction").For("looking for personal data") }

// look looks at one recording: pauses that are about it, what was keyed in and
// what was said; then it is redacted as the customer chose, or what was found is
// kept with it.
func (s *Service) look(ctx context.Context, p *place.Place, j job.Job) error {
	var args lookArgs
	if err := j.Decode(&args); err != nil {
		return job.Permanent(err)
	}
	l := &looking{s: s, p: p, j: j}
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if l.row, err = s.recordings.Lookup(tx, args.Recording); err != nil {
			return err
		}
		if l.set, err = settings(tx); err != nil {
			return err
		}
		if l.pauses, err = s.pausesOf(tx, l.row); err != nil {
			return err
		}
		l.before, err = place.Row[int](tx, `SELECT count(*) FROM redactions WHERE n = ? AND way = ? AND undone_at IS NULL`, l.row.N, byDetection)
		return err
	})
	switch {
	case fault.Is(err, fault.Gone), fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case len(l.pauses) == 0 && l.set.Mode == Off && !l.set.Scan || l.row.Sound == string(recording.SoundRemoved):
		return nil
	case l.row.State == recording.TranscriptWorking:
		return fault.New(fault.Unavailable, "the recording is being transcribed").After(retry)
	}
	err = l.run(ctx)
	if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// looking is one look at one recording.
type looking struct {
	s      *Service
	p      *place.Place
	j      job.Job
	row    recording.Row
	set    Settings
	pauses []pause
	before int // times it was redacted by detection
	found  Found
	keyed  int
}

func (l *looking) run(ctx context.Context) error {
	op, err := l.s.recordings.Open(ctx, l.p, system(), l.row.ID, recording.Ask{What: "detect"})
	if err != nil {
		return err
	}
	defer op.Close()
	stretches, way := l.paused(), byPause
	if l.set.Mode != Off || l.set.Scan {
		if err := l.words(ctx, op); err != nil {
			return err
		}
		if err := l.keys(ctx, op); err != nil {
			return err
		}
	}
	if l.set.Mode == Redact && l.before == 0 {
		chosen := l.chosen()
		if len(chosen) > 0 {
			way = byDetection
		}
		stretches = append(stretches, chosen...)
	}
	if len(stretches) > 0 {
		return l.redact(ctx, op, stretches, way)
	}
	text, err := json.Marshal(l.found)
	if err != nil {
		return err
	}
	return l.s.recordings.SaveFindings(ctx, op, text, func(tx *place.Tx, n int64) error {
		if err := l.count(tx, n); err != nil {
			return err
		}
		return l.j.Finish(tx)
	})
}

// words looks through the transcript.
func (l *looking) words(ctx context.Context, op *recording.Opening) error {
	l.found.Spans = []Span{}
	text, err := op.Transcript(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := parse(text)
	if err != nil {
		return err
	}
	channel := func(turn int) int {
		if t.Speakers {
			return t.Turns[turn].Channel
		}
		return recording.EveryChannel
	}
	for _, x := range pii.Detect(Turns(t)) {
		l.found.Spans = append(l.found.Spans, Span{
			Entity: string(x.Entity), Start: whole(max(0, x.Start-margin)), End: whole(x.End + margin), Channel: channel(x.Turn), Score: x.Score, Why: x.Why, Group: x.Group,
		})
	}
	return nil
}

// keys looks through the sound for numbers that were keyed in.
func (l *looking) keys(ctx context.Context, op *recording.Opening) error {
	pcm, err := op.PCM(ctx)
	if err != nil {
		return err
	}
	defer pcm.Close()
	finders := make([]*dtmf.Finder, pcm.Channels())
	for i := range finders {
		finders[i] = dtmf.New(pcm.Rate())
	}
	buf := make([]int16, 8192*len(finders))
	for at := int64(0); at < pcm.Frames(); {
		n, err := pcm.ReadFrames(buf, at)
		if n == 0 || err != nil && err != io.EOF {
			if err == io.EOF {
				break
			}
			return err
		}
		for c, f := range finders {
			f.Write(buf[:n*len(finders)], c, len(finders))
		}
		at += int64(n)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for c, f := range finders {
		for _, k := range dtmf.Series(f.Keys(), keysOf, keyPause) {
			l.keyed++
			l.found.Spans = append(l.found.Spans, Span{Entity: keyed, Start: whole(k.From.Seconds()), End: whole(k.To.Seconds() + margin), Channel: c, Score: keyScore, Why: keyWhy, Group: -l.keyed})
		}
	}
	return nil
}

// chosen are the stretches that the customer has taken out by itself.
func (l *looking) chosen() (all []Stretch) {
	want := map[string]bool{}
	for _, e := range l.set.Entities {
		want[string(e)] = true
	}
	want[keyed] = want[string(pii.CreditCard)]
	for _, x := range l.found.Spans {
		if want[x.Entity] && x.Score >= sure {
			st := Stretch{From: seconds(x.Start), To: seconds(x.End), Channel: x.Channel, Entity: pii.Entity(x.Entity)}
			if x.Entity == keyed {
				st.Entity = pii.CreditCard
			}
			all = append(all, st)
		}
	}
	return all
}

// redact takes stretches out, and has the copy looked at once more: what was
// found and stays is then kept with it.
func (l *looking) redact(ctx context.Context, op *recording.Opening, stretches []Stretch, way string) error {
	o := Order{Stretches: stretches, Tone: l.set.Tone, Days: l.set.Days}
	if way == byPause {
		o.Days = 0 // what should never have been recorded stays nowhere
	}
	return l.s.apply(ctx, l.p, op, o, way, func(tx *place.Tx, n int64) error {
		for _, x := range l.pauses {
			if _, err := tx.Exec(`INSERT INTO pauses_applied (pause, n) VALUES (?, ?) ON CONFLICT (pause, n) DO NOTHING`, x.ID, n); err != nil {
				return err
			}
			if _, err := tx.Exec(`UPDATE pauses SET applied = applied + 1 WHERE id = ?`, x.ID); err != nil {
				return err
			}
		}
		if err := l.j.Finish(tx); err != nil {
			return err
		}
		if l.set.Mode == Off && !l.set.Scan {
			return nil
		}
		return Look(tx, l.row.ID)
	})
}

// count writes figures and marks. A payment that is heard is one that a pause
// did not keep out.
func (l *looking) count(tx *place.Tx, n int64) error {
	if _, err := tx.Exec(`DELETE FROM personal_counts WHERE n = ?`, n); err != nil {
		return err
	}
	groups, counts := map[int]bool{}, map[string]int{}
	for _, x := range l.found.Spans {
		if !groups[x.Group] {
			groups[x.Group] = true
			counts[x.Entity]++
		}
	}
	for e, c := range counts {
		if _, err := tx.Exec(`INSERT INTO personal_counts (n, entity, found) VALUES (?, ?, ?)`, n, e, c); err != nil {
			return err
		}
	}
	spoken := counts[string(pii.CreditCard)]
	for m, there := range map[recording.Mark]bool{recording.CardData: spoken > 0 || l.keyed > 0, recording.SecurityCode: counts[string(pii.SecurityCode)] > 0} {
		act := s2(there, l.s.recordings.Mark, l.s.recordings.Unmark)
		if err := act(tx, l.row.ID, m); err != nil {
			return err
		}
	}
	if !l.set.Scan {
		return nil
	}
	paused, err := place.Row[int](tx, `SELECT count(*) FROM pauses_applied WHERE n = ?`, n)
	if err != nil {
		return err
	}
	state := Clean
	if spoken > 0 || l.keyed > 0 || counts[string(pii.SecurityCode)] > 0 {
		state = Recorded
		tx.Record(place.Event{Code: "payment.recorded", Subject: l.row.ID.String(), Facts: map[string]string{"spoken": plural(spoken), "keyed": plural(l.keyed), "paused": plural(paused)}})
	}
	tx.Notify(Topic)
	_, err = tx.Exec(`INSERT INTO payment_scans (n, at, keyed, spoken, paused, state) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (n) DO UPDATE SET at = excluded.at, keyed = excluded.keyed, spoken = excluded.spoken, paused = excluded.paused, state = excluded.state`,
		n, tx.At().UnixMilli(), l.keyed, spoken, paused, state)
	return err
}

func s2[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Findings are what was found in the recording that is opened.
func Findings(ctx context.Context, op *recording.Opening) (Found, error) {
	text, err := op.Findings(ctx)
	if err != nil {
		return Found{}, err
	}
	var f Found
	return f, json.Unmarshal(text, &f)
}
