package recording

import (
	"context"

	"ringfence/internal/platform/place"
)

// InReach counts the recordings within a scope: what somebody could list or hear.
func (s *Service) InReach(ctx context.Context, p *place.Place, sc Scope) (n int64, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if sc.All {
			n, err = place.Row[int64](tx, `SELECT count(*) FROM recordings`)
			return err
		}
		conditions := sc.onRows("r")
		windows, err := sc.windows(tx)
		if err != nil {
			return err
		}
		if len(windows) > 0 {
			c := inParties(windows, "p")
			conditions = append(conditions, condition{`r.n IN (SELECT p.n FROM parties p WHERE ` + c.text + `)`, c.args})
		}
		c := either(conditions)
		n, err = place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+c.text, c.args...)
		return err
	})
	return n, err
}
