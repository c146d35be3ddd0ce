package coverage

import (
	"fmt"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// verdictOn is what a change of rules makes of one expectation.
type verdictOn struct {
	row    row
	state  State
	excuse id.Excuse
}

// judge looks anew at what is waiting or missing, and at what one rule has
// excused.
func judge(tx *place.Tx, rules []Excuse, changed id.Excuse) (eff Effect, all []verdictOn, err error) {
	rows, err := place.Rows[row](tx, columns+` WHERE named = 1 AND recording IS NULL AND (state IN ('waiting', 'missing') OR state = 'excused' AND excuse = ?)`, changed)
	if err != nil {
		return eff, nil, err
	}
	zones := zonesOf(tx)
	for _, r := range rows {
		if State(r.State) != Excused {
			eff.Open++
		}
		c, err := r.call(tx)
		if err != nil {
			return eff, nil, err
		}
		if c == nil {
			continue // its names are not kept any more
		}
		zone, err := zones(r.Source)
		if err != nil {
			return eff, nil, err
		}
		e, ok := first(rules, r.Source, *c, zone)
		switch {
		case ok && State(r.State) != Excused:
			eff.Excused++
			all = append(all, verdictOn{r, Excused, e.ID})
		case ok && r.excused() != e.ID:
			all = append(all, verdictOn{r, Excused, e.ID})
		case !ok && State(r.State) == Excused:
			eff.Missing++
			all = append(all, verdictOn{r, Waiting, id.Excuse{}})
		}
	}
	return eff, all, nil
}

func (s *Service) apply(tx *place.Tx, rules []Excuse, changed id.Excuse) (Effect, error) {
	eff, all, err := judge(tx, rules, changed)
	if err != nil {
		return eff, err
	}
	for _, v := range all {
		var by []byte
		if v.state == Excused {
			by = v.excuse[:]
		}
		if _, err := tx.Exec(`UPDATE expectations SET state = ?, excuse = ?, authority = '', changed_at = ? WHERE id = ?`, string(v.state), by, millis(tx.At()), v.row.ID); err != nil {
			return eff, err
		}
	}
	if eff.Excused > 0 {
		tx.Record(place.Event{Code: "expectation.excused", Subject: changed.String(), Facts: map[string]string{"calls": fmt.Sprint(eff.Excused)}})
	}
	tx.Notify("coverage")
	return eff, nil
}
