package recording

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/platform/place"
)

// Correction puts a wrong value on the cards of one call right.
type Correction struct {
	Field   string           // number: wherever the old one stands; name: of a party or an agent
	Old     string           // as it stands there
	New     string           // empty: taken away
	Request id.PersonRequest // by which it was asked for
}

// check refuses what would make a card say less than nothing.
func (c Correction) check() error {
	switch {
	case c.Field != "number" && c.Field != "name":
		return fault.Field("field", "must be number or name")
	case c.Old == "":
		return fault.Field("old", "say which value is wrong, as it stands now")
	case c.Old == c.New:
		return fault.Field("new", "is what stands there already")
	case len([]rune(c.New)) > 200:
		return fault.Field("new", "has at most 200 characters")
	case c.Field == "number" && c.New != "" && !numeric(c.New):
		return fault.Field("new", "is no telephone number: a name is put right as a name; leave it empty to take the number away")
	}
	return nil
}

// numeric reports whether a text is written as numbers are: digits, at least
// three, and what stands between them.
func numeric(text string) bool {
	digits := 0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+ -()./*#", r):
			return false
		}
	}
	return digits >= 3
}

// apply gives a call with the value put right, and how often the old one stood in it.
func (c Correction) apply(call Call, country string) (Call, int) {
	found := 0
	one := func(at *string) {
		if *at == "" {
			return
		}
		if *at == c.Old || c.Field == "number" && phone.Read(*at, country).Text == phone.Read(c.Old, country).Text {
			*at = c.New
			found++
		}
	}
	call.Agents, call.Legs = slices.Clone(call.Agents), slices.Clone(call.Legs)
	if c.Field == "name" {
		one(&call.Caller.Name)
		for i := range call.Agents {
			one(&call.Agents[i].Name)
		}
		for i := range call.Legs {
			one(&call.Legs[i].Party)
		}
		return call, found
	}
	one(&call.Caller.Number)
	one(&call.Dialled)
	for i := range call.Legs {
		one(&call.Legs[i].Number)
		one(&call.Legs[i].Party)
	}
	return call, found
}

// Correct puts a value right on the cards of all recordings of a recording's
// call, and in the blind indexes by which they are found. The old value stays,
// sealed, in the event. It gives how many recordings were changed; none is
// fault.Conflict. Lines of the telephone system's logs that are read later and
// tell more of the call bring back what they say.
func (s *Service) Correct(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, c Correction) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	var row Row
	var rows []Row
	country := ""
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if row, err = s.Lookup(tx, rec); err != nil {
			return err
		}
		if country, err = countryOf(tx, row.Source); err != nil {
			return err
		}
		rows, err = place.Rows[Row](tx, `SELECT `+columns+` FROM recordings r WHERE r.call_id = ? OR r.id = ?`, row.Call, rec)
		return err
	})
	if err != nil {
		return 0, err
	}
	closed := make([]closedCard, len(rows))
	for i, r := range rows {
		closed[i] = closedCard{r.ID, r.CardKey, r.Card}
	}
	boxes, err := s.boxes(ctx, p, who, rec.String(), closed)
	if err != nil {
		return 0, err
	}
	cards, err := s.openCards(ctx, p, who, rec.String(), closed)
	if err != nil {
		return 0, err
	}
	changed := 0
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		changed = 0
		for i, card := range closed {
			call, found := c.apply(cards[i].Call, country)
			if found == 0 || boxes[card.key] == nil {
				continue
			}
			if err := rewriteCard(tx, boxes[card.key], card, rows[i], call); err != nil {
				return err
			}
			changed++
		}
		if changed == 0 {
			return fault.New(fault.Conflict, "this %s does not stand on the card of this recording", c.Field)
		}
		tx.Record(place.Event{
			Code: "call.corrected", Subject: rec.String(), Facts: map[string]string{"field": c.Field, "request": textOf(c.Request)},
			Personal: map[string]string{"old": c.Old, "new": c.New},
		})
		tx.Notify(Topic)
		return nil
	})
	return changed, err
}

func textOf(r id.PersonRequest) string {
	if r.IsZero() {
		return ""
	}
	return r.String()
}
