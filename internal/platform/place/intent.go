package place

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"ringfence/internal/base/id"
)

// Intent is an act over several stores (places, registry, key store, objects)
// that was decided and may not have been finished. It is committed before the
// first step; the steps are idempotent; after a crash they are run again.
type Intent struct {
	ID   id.Intent
	Kind string
	Args json.RawMessage
	At   time.Time
}

// Intend commits, with this transaction, to an act. Args is kept as JSON and
// must hold nothing personal.
func (tx *Tx) Intend(kind string, args any) (id.Intent, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return id.Intent{}, fmt.Errorf("arguments of the intent %s: %w", kind, err)
	}
	// An intent is due at once: after a crash it is found like a job that is due.
	if err := tx.Due(tx.at); err != nil {
		return id.Intent{}, err
	}
	i := id.At[id.Intent](tx.at)
	return i, tx.core(`INSERT INTO intents (id, kind, args, at) VALUES (?, ?, ?, ?)`, i, kind, string(text), tx.at.UnixMilli())
}

// Done ends an intent, in a Change or in Keep. Twice is fine.
func (tx *Tx) Done(i id.Intent) error {
	return tx.core(`DELETE FROM intents WHERE id = ?`, i)
}

// Pending lists intents that were not ended, the oldest first; an empty kind
// stands for all. Intents under way in this process are among them.
func (p *Place) Pending(ctx context.Context, kind string) (all []Intent, err error) {
	type row struct {
		ID   id.Intent `db:"id"`
		Kind string    `db:"kind"`
		Args []byte    `db:"args"`
		At   int64     `db:"at"`
	}
	err = p.View(ctx, func(tx *Tx) error {
		rows, err := Rows[row](tx, `SELECT id, kind, args, at FROM intents WHERE kind = ? OR ? = '' ORDER BY id`, kind, kind)
		for _, r := range rows {
			all = append(all, Intent{r.ID, r.Kind, r.Args, time.UnixMilli(r.At).UTC()})
		}
		return err
	})
	return all, err
}
