package journal

import (
	"crypto/sha256"
	"strconv"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// closed are the commitments that stay of an event whose personal part is gone.
type closed struct {
	Pos      int64  `db:"pos"`
	Why      []byte `db:"why"`
	Personal []byte `db:"personal"`
}

func closedBetween(tx *place.Tx, from, to int64) (map[int64]closed, error) {
	rows, err := place.Rows[closed](tx, `SELECT pos, why, personal FROM event_sums WHERE pos BETWEEN ? AND ?`, from, to)
	if err != nil {
		return nil, err
	}
	all := make(map[int64]closed, len(rows))
	for _, r := range rows {
		all[r.Pos] = r
	}
	return all, nil
}

// Erase takes what is personal out of events: names, addresses, and the reason in
// somebody's words. Who did what to which thing, and when, stays, and so does the
// leaf in the tree: its commitments are kept without the salt, so that nobody can
// find the text by trying. It says how many events had anything to erase. That it
// was done is an event; the ids of the erased are its subject's.
func Erase(tx *place.Tx, subject string, positions []int64) (n int, err error) {
	rows, err := place.Rows[row](tx, columns+`pos IN (?) ORDER BY pos`, place.List(positions))
	if err != nil {
		return 0, err
	}
	if len(rows) != len(positions) {
		return 0, fault.New(fault.NotFound, "%d of these events are not in the change log", len(positions)-len(rows))
	}
	for _, r := range rows {
		if len(r.Sealed) == 0 && r.Why == "" {
			continue
		}
		why, personal, err := r.line(tx, nil).sums()
		if err != nil {
			return n, err
		}
		if err := keepSums(tx, r.Pos, why, personal); err != nil {
			return n, err
		}
		n++
	}
	tx.Record(place.Event{Code: "events.erased", Subject: subject, Facts: map[string]string{"events": strconv.Itoa(n)}})
	return n, nil
}

// keepSums keeps the commitments; by that, the database itself takes out what
// they stand for. Nobody has a right to change an event, not even to erase it
// without leaving these.
func keepSums(tx *place.Tx, pos int64, why, personal [sha256.Size]byte) error {
	_, err := tx.Exec(`INSERT INTO event_sums (pos, why, personal) VALUES (?, ?, ?) ON CONFLICT (pos) DO NOTHING`, pos, why[:], personal[:])
	return err
}
