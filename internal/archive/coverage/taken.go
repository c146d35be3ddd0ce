package coverage

import (
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Taken is told of recordings in the Change that takes them in: what was waited
// for, or missing, is captured now.
func (s *Service) Taken(tx *place.Tx, all []recording.Captured) error {
	taken := map[id.Source]int64{}
	elsewhere := others{tx: tx}
	byToken := map[string]id.Recording{}
	var tokens [][]byte
	for _, c := range all {
		if !c.Replaced {
			taken[c.Source]++
		}
		elsewhere.spans = append(elsewhere.spans, span{c.Source, millis(c.StartedAt), millis(c.StartedAt) + c.Length.Milliseconds()})
		for _, t := range c.CallTokens {
			byToken[string(t)] = c.Recording
			tokens = append(tokens, t)
		}
	}
	hour := hourOf(tx.At())
	for source, n := range taken {
		if _, err := tx.Exec(`INSERT INTO coverage_hours (source, hour, named, taken) VALUES (?, ?, 0, ?)
			ON CONFLICT (source, hour) DO UPDATE SET taken = coverage_hours.taken + excluded.taken`, source, hour, n); err != nil {
			return err
		}
	}
	type hit struct {
		ID    id.Expectation `db:"id"`
		Token []byte         `db:"token"`
		Named bool           `db:"named"`
	}
	for some := range slices.Chunk(tokens, 2*batchCalls) {
		rows, err := place.Rows[hit](tx, `SELECT id, token, named FROM expectations WHERE token IN (?) AND (recording IS NULL OR by_source IS NOT NULL)
			UNION ALL SELECT e.id, i.token, e.named FROM expectation_idents i JOIN expectations e ON e.id = i.expectation WHERE i.token IN (?) AND (e.recording IS NULL OR e.by_source IS NOT NULL)`,
			place.List(some), place.List(some))
		if err != nil {
			return err
		}
		for _, h := range rows {
			if _, err := tx.Exec(`UPDATE expectations SET state = 'captured', recording = ?, by_source = NULL, excuse = NULL, authority = '', card = NULL, changed_at = ? WHERE id = ?`,
				byToken[string(h.Token)], millis(tx.At()), h.ID); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			tx.Notify("coverage")
		}
	}
	return elsewhere.came()
}

// Destroyed is told in the Change that ends a recording: its call is erased,
// unless another recording of it is left.
func (s *Service) Destroyed(tx *place.Tx, rec id.Recording, authority string) error {
	rows, err := place.Rows[row](tx, columns+` WHERE recording = ?`, rec)
	for _, r := range rows {
		left, err := place.Rows[id.Recording](tx, `SELECT r.id FROM call_idents i JOIN recordings r ON r.call_id = i.call_id WHERE i.token = ? AND r.id <> ? LIMIT 1`, r.Token, rec)
		if r.By != nil {
			left, err = place.Rows[id.Recording](tx, `SELECT o.id FROM recordings r JOIN recordings o ON o.call_id = r.call_id WHERE r.id = ? AND o.id <> ? LIMIT 1`, rec, rec)
		}
		if err != nil {
			return err
		}
		if len(left) > 0 {
			_, err = tx.Exec(`UPDATE expectations SET recording = ? WHERE id = ?`, left[0], r.ID)
		} else {
			_, err = tx.Exec(`UPDATE expectations SET state = 'erased', authority = ?, recording = NULL, card = NULL, changed_at = ? WHERE id = ?`, authority, millis(tx.At()), r.ID)
			tx.Notify("coverage")
		}
		if err != nil {
			return err
		}
	}
	return err
}

// bulk writes many rows by few statements.
type bulk struct {
	head, tail string
	rows       [][]any
}

func (b *bulk) add(values ...any) { b.rows = append(b.rows, values) }

func (b *bulk) flush(tx *place.Tx) error {
	for rows := b.rows; len(rows) > 0; {
		n := 1
		for _, size := range []int{32, 8} {
			if len(rows) >= size {
				n = size
				break
			}
		}
		one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(rows[0])), ",") + "),"
		args := make([]any, 0, n*len(rows[0]))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if _, err := tx.Exec(b.head+" "+strings.TrimSuffix(strings.Repeat(one, n), ",")+" "+b.tail, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	b.rows = nil
	return nil
}

// asNamed lets stand what a log said of a call that only its file tells of now,
// as after a restart: a file that holds no sound would make it an unanswered
// call, which is excused, and nobody would hear that its recording is missing.
func (x *expecting) asNamed(c *Call, kept row) error {
	was, err := kept.call(x.tx)
	if err != nil {
		return err
	}
	idents, rec := c.Idents, c.Recording
	if was != nil {
		*c = *was
	} else {
		c.Direction, c.Disposition, c.Talk = kept.Direction, kept.Disposition, float64(kept.Talk)/1000
		c.StartedAt, c.EndedAt = instant(kept.Started), instant(kept.Ended)
	}
	c.Idents, c.Recording, c.Named = idents, rec, true
	return nil
}
