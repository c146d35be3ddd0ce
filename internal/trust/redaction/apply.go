package redaction

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
)

// Ways in which recordings are redacted.
const (
	byPerson    = "person"
	byDetection = "detection"
	byPause     = "pause"
)

// Order is what somebody wants taken out.
type Order struct {
	Stretches []Stretch
	Tone      bool
	Days      int // that the original stays; 0: it goes at once
	Confirm   int // with Days 0: how many stretches go for good, exactly
	Reason    string
}

// Done is one redaction of a recording.
type Done struct {
	ID        id.Redaction
	At        time.Time
	By        string
	Way       string
	Stretches int
	Length    time.Duration
	UndoneAt  *time.Time
}

// Standing is how a recording stands.
type Standing struct {
	Redacted      bool
	OriginalUntil time.Time      // zero: there is no original beside
	Counts        map[string]int // found, by entity
	Done          []Done         // the newest first
}

// Apply takes out of a recording what somebody chose. Whether they may was
// decided before.
func (s *Service) Apply(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, o Order) error {
	if o.Reason == "" {
		return fault.Field("reason", "say why; the reason is kept in the change log")
	}
	if o.Days < 0 || o.Days > maxDays {
		return fault.Field("original_days", "must be 0 to %d", maxDays)
	}
	if n := len(o.Stretches); o.Days == 0 && n > 0 && o.Confirm != n {
		return fault.Field("confirm", "stretches that go for good, as the original is destroyed at once: %d; confirm with exactly this number", n)
	}
	op, err := s.recordings.Open(ctx, p, who.For(o.Reason), rec, recording.Ask{What: "redact"})
	if err != nil {
		return err
	}
	defer op.Close()
	return s.apply(ctx, p, op, o, byPerson, nil)
}

// apply redacts sound, transcript and search words in one Change. then runs in it.
func (s *Service) apply(ctx context.Context, p *place.Place, op *recording.Opening, o Order, way string, then func(tx *place.Tx, n int64) error) error {
	stretches, err := Within(ctx, op, o.Stretches)
	if err != nil {
		return err
	}
	how := recording.Redaction{Stretches: stretches, Tone: o.Tone}
	if o.Days > 0 {
		how.Until = s.now().Add(time.Duration(o.Days) * 24 * time.Hour)
	}
	text, err := op.Transcript(ctx)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	var t *speech.Transcript
	if len(text) > 0 {
		if t, err = parse(text); err != nil {
			return err
		}
		cut(t, o.Stretches)
		if how.Text, err = json.Marshal(t); err != nil {
			return err
		}
	}
	commit := func(tx *place.Tx, n int64) error {
		if t != nil {
			if err := search.Put(tx, n, Searchable(t)...); err != nil {
				return err
			}
		}
		if err := note(tx, n, way, stretches); err != nil {
			return err
		}
		if err := s.changed(tx, op.Recording); err != nil {
			return err
		}
		tx.Notify(Topic)
		if then != nil {
			return then(tx, n)
		}
		return nil
	}
	err = op.Redact(ctx, how, commit)
	if err == recording.ErrHeld && how.Until.IsZero() {
		// Under a hold the original stays, and goes with the first night after it.
		how.Until = s.now()
		err = op.Redact(ctx, how, commit)
	}
	return err
}

// Within holds stretches against the sound.
func Within(ctx context.Context, op *recording.Opening, all []Stretch) ([]recording.Stretch, error) {
	pcm, err := op.PCM(ctx)
	if err != nil {
		return nil, err
	}
	defer pcm.Close()
	length := time.Duration(pcm.Frames()) * time.Second / time.Duration(pcm.Rate())
	out := make([]recording.Stretch, len(all))
	for i, x := range all {
		out[i] = recording.Stretch{From: x.From, To: x.To, Channel: x.Channel}
	}
	return recording.Redactable(out, length, pcm.Channels())
}

func note(tx *place.Tx, n int64, way string, stretches []recording.Stretch) error {
	var length time.Duration
	for _, x := range stretches {
		length += x.To - x.From
	}
	_, err := tx.Exec(`INSERT INTO redactions (id, n, at, by_who, way, stretches, millis) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id.At[id.Redaction](tx.At()), n, tx.At().UnixMilli(), tx.Who().ID, way, len(stretches), length.Milliseconds())
	return err
}

// Undo puts the original back while it stays.
func (s *Service) Undo(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, reason string) error {
	if reason == "" {
		return fault.Field("reason", "say why; the reason is kept in the change log")
	}
	op, err := s.recordings.Open(ctx, p, who.For(reason), rec, recording.Ask{What: "original"})
	if fault.Is(err, fault.NotFound) {
		return s.recordings.Unredact(ctx, p, who, rec, nil) // says what there is not
	}
	if err != nil {
		return err
	}
	defer op.Close()
	text, err := op.Transcript(ctx)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return s.recordings.Unredact(ctx, p, who.For(reason), rec, func(tx *place.Tx, n int64) error {
		if len(text) > 0 {
			t, err := parse(text)
			if err != nil {
				return err
			}
			if err := search.Put(tx, n, Searchable(t)...); err != nil {
				return err
			}
		}
		tx.Notify(Topic)
		before, err := s.recordings.RedactedAt(tx, n) // what had gone for good by then is not back
		if err != nil {
			return err
		}
		since := int64(0)
		if !before.IsZero() {
			since = before.UnixMilli()
		}
		_, err = tx.Exec(`UPDATE redactions SET undone_at = ? WHERE n = ? AND undone_at IS NULL AND at > ?`, tx.At().UnixMilli(), n, since)
		return err
	})
}

// Standing tells how a recording stands. Nothing in it is personal.
func (s *Service) Standing(ctx context.Context, p *place.Place, rec id.Recording) (st Standing, err error) {
	type row struct {
		ID        id.Redaction `db:"id"`
		At        int64        `db:"at"`
		By        string       `db:"by_who"`
		Way       string       `db:"way"`
		Stretches int          `db:"stretches"`
		Millis    int64        `db:"millis"`
		Undone    *int64       `db:"undone_at"`
	}
	type count struct {
		Entity string `db:"entity"`
		Found  int    `db:"found"`
	}
	st.Counts = map[string]int{}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := s.recordings.Lookup(tx, rec)
		if err != nil {
			return err
		}
		if st.Redacted, err = s.recordings.Redacted(tx, r.N); err != nil {
			return err
		}
		if st.OriginalUntil, err = s.recordings.OriginalUntil(tx, r.N); err != nil {
			return err
		}
		rows, err := place.Rows[row](tx, `SELECT id, at, by_who, way, stretches, millis, undone_at FROM redactions WHERE n = ? ORDER BY at DESC, id DESC LIMIT 100`, r.N)
		if err != nil {
			return err
		}
		for _, x := range rows {
			d := Done{ID: x.ID, At: time.UnixMilli(x.At).UTC(), By: x.By, Way: x.Way, Stretches: x.Stretches, Length: time.Duration(x.Millis) * time.Millisecond}
			if x.Undone != nil {
				at := time.UnixMilli(*x.Undone).UTC()
				d.UndoneAt = &at
			}
			st.Done = append(st.Done, d)
		}
		counts, err := place.Rows[count](tx, `SELECT entity, found FROM personal_counts WHERE n = ?`, r.N)
		for _, c := range counts {
			st.Counts[c.Entity] = c.Found
		}
		return err
	})
	return st, err
}

func plural(n int) string { return strconv.Itoa(n) }
