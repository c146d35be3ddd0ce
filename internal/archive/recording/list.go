package recording

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/platform/place"
)

// Page is one page of a list.
type Page struct {
	Items []Recording
	Next  string // cursor of the next page; "" on the last
}

// List gives one page of what fits the filter and its scope. Sorted by
// sentiment, it shows what was rated. Opening the cards leaves a receipt, one
// for all cards of the page whose keys are not at hand.
func (s *Service) List(ctx context.Context, p *place.Place, who actor.Actor, f Filter, ask PageAsk) (Page, error) {
	ask, err := ask.check()
	if err != nil {
		return Page{}, err
	}
	from, err := readCursor(ask.Cursor, ask.Sort)
	if err != nil {
		return Page{}, err
	}
	var rows []Row
	var days *int64
	err = p.View(ctx, func(tx *place.Tx) error {
		if days, err = retentionDays(tx); err != nil {
			return err
		}
		rows, err = listRows(tx, f, ask, from)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	next := ""
	if len(rows) > ask.Limit {
		rows = rows[:ask.Limit]
		last := rows[ask.Limit-1]
		next = cursor{sort: ask.Sort, key: last.sortKey(ask.Sort), n: last.N}.String()
	}
	items, err := s.dress(ctx, p, who, "recordings", rows, days)
	return Page{items, next}, err
}

// dress opens the cards of rows.
func (s *Service) dress(ctx context.Context, p *place.Place, who actor.Actor, subject string, rows []Row, days *int64) ([]Recording, error) {
	closed := make([]closedCard, len(rows))
	for i, r := range rows {
		closed[i] = closedCard{r.ID, r.CardKey, r.Card}
	}
	cards, err := s.openCards(ctx, p, who, subject, closed)
	if err != nil {
		return nil, err
	}
	items := make([]Recording, len(rows))
	for i, r := range rows {
		items[i] = r.recording(cards[i], days)
	}
	return items, nil
}

// listRows reads one row more than the page holds. Row numbers are found first
// and rows read after, so that neither engine carries whole rows, cards and
// all, through a sort.
func listRows(tx *place.Tx, f Filter, ask PageAsk, from *cursor) ([]Row, error) {
	w, err := f.compile(tx, ask.Sort)
	if err != nil || w.impossible {
		return nil, err
	}
	column, beyond, direction := "r."+sortColumns[ask.Sort], ">", "ASC"
	if ask.Sort.descends() {
		beyond, direction = "<", "DESC"
	}
	number, table := "r.n", "recordings r"
	switch {
	case column == "r.sentiment":
		w.and(`r.sentiment IS NOT NULL`)
	case w.walk:
		column, number, table = "p.started_at", "p.n", "parties p CROSS JOIN recordings r"
	}
	if from != nil {
		// Written out, not as (a, b) < (?, ?): SQLite uses the index for the first part, and PostgreSQL for both.
		w.and(column+` `+beyond+`= ? AND (`+column+` `+beyond+` ? OR `+number+` `+beyond+` ?)`, from.key, from.key, from.n)
	}
	text, args := `WITH `, []any{}
	if w.hits != "" {
		text += `hits AS MATERIALIZED (` + w.hits + `), `
		args = append(args, w.hitArgs...)
		table = `hits CROSS JOIN recordings r`
		w.text = ` AND r.n = hits.n` + w.text
	}
	order := func(column, number string) string {
		return ` ORDER BY ` + column + ` ` + direction + `, ` + number + ` ` + direction
	}
	text += `page AS MATERIALIZED (SELECT r.n FROM ` + table + ` WHERE 1 = 1` + w.text + order(column, number) + ` LIMIT ?)
		SELECT ` + columns + ` FROM page CROSS JOIN recordings r WHERE r.n = page.n` + order("r."+sortColumns[ask.Sort], "r.n")
	args = append(append(args, w.args...), ask.Limit+1)
	return place.Rows[Row](tx, text, args...)
}
