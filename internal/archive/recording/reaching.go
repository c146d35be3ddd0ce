package recording

import "ringfence/internal/platform/place"

// Condition is the scope as a condition on the table of recordings under an
// alias, a name from the program's own text.
func (sc Scope) Condition(tx *place.Tx, alias string) (text string, args []any, err error) {
	if sc.All {
		return "1 = 1", nil, nil
	}
	all := sc.onRows(alias)
	windows, err := sc.windows(tx)
	if err != nil {
		return "", nil, err
	}
	if len(windows) > 0 {
		c := inParties(windows, "w")
		all = append(all, condition{alias + `.n IN (SELECT w.n FROM parties w WHERE ` + c.text + `)`, c.args})
	}
	c := either(all)
	return "(" + c.text + ")", c.args, nil
}
