package recording

import (
	"slices"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// standing is what a commit needs of a recording that is there.
type standing struct {
	N        int64        `db:"n"`
	ID       id.Recording `db:"id"`
	Content  id.Key       `db:"content_key"`
	Card     id.Key       `db:"card_key"`
	Verified *int64       `db:"verified_at"`
}

// fileState is what is said of a further file with the same bytes.
func (s standing) fileState() string {
	if s.Verified != nil {
		return "verified"
	}
	return "captured"
}

// keyed finds a recording by its row number, also one that this Change has
// taken and not written yet.
func (s *Service) keyed(tx *place.Tx, n int64, fresh []taken) (standing, error) {
	if i := slices.IndexFunc(fresh, func(t taken) bool { return t.n == n }); i >= 0 {
		t := fresh[i]
		return standing{N: n, ID: t.id, Content: t.keys.Content.ID, Card: t.keys.Card.ID}, nil
	}
	return place.Row[standing](tx, `SELECT n, id, content_key, card_key, verified_at FROM recordings WHERE n = ?`, n)
}

// replace puts a longer capture in the place of an earlier one of the same
// recording: same id, new keys. What hung on the old keys (objects, transcript,
// search words) goes.
func (c *commit) replace(d draft, n int64) error {
	if slices.ContainsFunc(c.taken, func(t taken) bool { return t.n == n }) {
		// Twice in one batch: let the first be committed before it is replaced.
		c.outcomes[d.at] = Outcome{Result: Refused, Err: ErrChanged}
		return nil
	}
	old, err := c.s.keyed(c.tx, n, nil)
	if err != nil {
		return err
	}
	if sound, err := place.Row[string](c.tx, `SELECT sound FROM recordings WHERE n = ?`, n); err != nil || sound == string(SoundRemoved) {
		c.outcomes[d.at] = Outcome{Result: Erased, Err: errErased}
		return err
	}
	if redacted, err := c.s.Redacted(c.tx, n); err != nil || redacted {
		// What was cut out would be heard again.
		c.outcomes[d.at] = Outcome{Result: Refused, Err: errRedacted}
		return err
	}
	if renamed, err := c.s.Pseudonymised(c.tx, n); err != nil || renamed[n] {
		c.outcomes[d.at] = Outcome{Result: Refused, Err: errRenamed}
		return err
	}
	if under, err := c.s.HeldAmong(c.tx, n); err != nil || under[n] {
		// The longer file waits at its source, which is neither moved nor deleted.
		c.outcomes[d.at] = Outcome{Result: Refused, Err: ErrHeld}
		return err
	}
	objects, err := c.s.clear(c.tx, n)
	if err != nil {
		return err
	}
	c.left.Keys = append(c.left.Keys, old.Content, old.Card)
	c.left.Objects = append(c.left.Objects, objects...)
	call, err := c.call(d)
	if err != nil {
		return err
	}
	t := taken{draft: d, n: n, id: old.ID, call: call, begun: c.begun(d)}
	card, err := c.card(t)
	if err != nil {
		return err
	}
	it := d.item
	if _, err := c.tx.Exec(`UPDATE recordings SET call_id = ?, content_key = ?, card_key = ?, card = ?, started_at = ?, ended_at = ?, millis = ?,
		direction = ?, queue = ?, disposition = ?, sound = ?, layout = ?, withheld = ?, transcript_state = ?, transcript_reason = '',
		transcript_language = '', transcript_engine = '', transcript_quality = '', sentiment = NULL, sentiment_label = '', bytes = ?,
		captured_at = ?, verified_at = NULL, stored_receipt = ?, verified_receipt = NULL WHERE n = ?`,
		call, d.keys.Content.ID, d.keys.Card.ID, card, t.begun, t.begun+d.length(), d.length(),
		string(it.Call.Direction), it.Call.Queue, string(it.Call.Disposition), string(it.Sound), d.layout(),
		it.Call.Caller.Withheld, TranscriptWaiting, d.stored(), millis(c.tx.At()), c.receipt, n); err != nil {
		return err
	}
	c.seen.add(d, t)
	return c.stored(t, true)
}

// clear removes what hangs on a recording, gives the objects that no row names
// any more, and leaves its own row.
func (s *Service) clear(tx *place.Tx, n int64) ([]id.Object, error) {
	objects, err := place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE n = ?`, n)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{`DELETE FROM renditions WHERE n = ?`, `DELETE FROM parties WHERE n = ?`} {
		if _, err := tx.Exec(text, n); err != nil {
			return nil, err
		}
	}
	for _, fn := range s.onDestroy {
		if err := fn(tx, n); err != nil {
			return nil, err
		}
	}
	return objects, nil
}
