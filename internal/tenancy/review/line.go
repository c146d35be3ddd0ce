package review

import (
	"encoding/json"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

func (r lineRow) open(tx *place.Tx) (Line, card, error) {
	var c card
	plain, err := tx.Unseal(place.FieldReviewLine, r.ID, r.Card)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	return Line{
		ID: r.ID, Person: r.Person, Name: c.Name, Email: c.Email, Extensions: c.Extensions, Roles: splitRoles(r.Roles),
		Since: instant(c.Since), LastUsedAt: instant(c.LastUsed), Unused: r.Unused, Decision: Decision(r.Decision), Wanted: splitRoles(r.Wanted),
		Note: c.Note, DecidedBy: c.DecidedBy, DecidedAt: instant(r.DecidedAt), Alone: r.Alone,
	}, c, err
}

func (c card) seal(tx *place.Tx, l id.ReviewLine) ([]byte, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return tx.Seal(place.FieldReviewLine, l, plain)
}
