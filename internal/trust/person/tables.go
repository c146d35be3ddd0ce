package person

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// Table is a table whose rows hold one sealed field each that may name somebody.
// Reading it needs no opening: it is what pages show to administrators anyway.
type Table struct {
	Table string
	Query string // SELECT id, at, sealed … WHERE id > ? ORDER BY id LIMIT ?
	Field place.Field
	Label func(plain []byte) string // nil: the name of the store
}

type tableRow struct {
	ID     [16]byte `db:"id"`
	At     int64    `db:"at"`
	Sealed []byte   `db:"sealed"`
}

const tableBatch = 1000 // rows of one snapshot

// Scan looks through the rows of tables.
func Scan(title string, tables ...Table) func(context.Context, *place.Place, actor.Actor, *Query) ([]Hit, error) {
	return func(ctx context.Context, p *place.Place, _ actor.Actor, q *Query) (all []Hit, err error) {
		for _, t := range tables {
			hits, err := t.scan(ctx, p, q, title)
			if err != nil {
				return nil, err
			}
			all = append(all, hits...)
		}
		return all, nil
	}
}

func (t Table) scan(ctx context.Context, p *place.Place, q *Query, title string) (hits []Hit, err error) {
	after := make([]byte, 16)
	for {
		var rows []tableRow
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			if rows, err = place.Rows[tableRow](tx, t.Query, after, tableBatch); err != nil {
				return err
			}
			for _, r := range rows {
				h, err := t.look(tx, q, r, title)
				if err != nil {
					return err
				}
				if h != nil {
					hits = append(hits, *h)
				}
			}
			return nil
		})
		if err != nil || len(rows) < tableBatch {
			return hits, err
		}
		after = slices.Clone(rows[len(rows)-1].ID[:])
	}
}

// look opens one row. One that does not open is passed over: its key is gone, and
// with it what it said.
func (t Table) look(tx *place.Tx, q *Query, r tableRow, title string) (*Hit, error) {
	if len(r.Sealed) == 0 {
		return nil, nil
	}
	plain, err := tx.Unseal(t.Field, r.ID, r.Sealed)
	if err != nil {
		if fault.Is(err, fault.Internal) && tx.Context().Err() != nil {
			return nil, err
		}
		q.note("a row of %s does not open; what it said cannot be read by anybody", title)
		return nil, nil
	}
	why := q.inAll(plain)
	if len(why) == 0 {
		return nil, nil
	}
	label := title
	if t.Label != nil {
		label = t.Label(plain)
	}
	return &Hit{Ref: t.Table + "/" + hex.EncodeToString(r.ID[:]), At: instant(r.At), Label: label, Why: why}, nil
}

// Row reads the reference of a row.
func Row(ref, table string) (row [16]byte, err error) {
	text, ok := strings.CutPrefix(ref, table+"/")
	b, err := hex.DecodeString(text)
	if !ok || err != nil || len(b) != 16 {
		return row, fault.New(fault.NotFound, "there is no such find")
	}
	return [16]byte(b), nil
}

// didThemselves begins the reference of a find in the change log that is about
// what somebody did, and not about what is said of them.
const didThemselves = "events/by/"

// journalStore is the change log: what it says of somebody in its sealed parts,
// and what somebody did themselves.
func (s *Service) journalStore() Store {
	st := Store{
		Name: "journal", Title: "Change log", Tables: []string{"events"}, Find: findEvents,
		Kept: "the change log proves who did what and when; article 17(3)(b) and (e). What it says of a person stays sealed and is shown to those who may read it",
	}
	if s.o.EraseEvents == nil {
		return st
	}
	st.Keep = func(_ context.Context, _ *place.Place, ref string) (string, error) {
		if strings.HasPrefix(ref, didThemselves) {
			return "who did what and when has to stay provable; article 17(3)(b) and (e). A name that stands beside it can be erased", nil
		}
		return "", nil
	}
	st.Erase = s.eraseEvent
	st.Usually = "the change log proves who did what and when; article 17(3)(b) and (e). Where nothing rests on what it says of the person, say that it is to be erased: " +
		"the names and numbers go, that something was done stays"
	return st
}

// eraseEvent takes what is personal out of one event; its place in the log stays.
func (s *Service) eraseEvent(ctx context.Context, p *place.Place, who actor.Actor, ref string, by By) error {
	row, err := Row(ref, "events")
	if err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		pos, err := place.Row[int64](tx, `SELECT pos FROM events WHERE id = ?`, row[:])
		if err == nil {
			subject := by.Case.String()
			if by.Case.IsZero() { // again, in a restored place
				subject = p.Customer().String()
			}
			_, err = s.o.EraseEvents(tx, subject, []int64{pos})
		}
		return err
	})
}

func findEvents(ctx context.Context, p *place.Place, _ actor.Actor, q *Query) (hits []Hit, err error) {
	type row struct {
		Pos    int64    `db:"pos"`
		ID     [16]byte `db:"id"`
		At     int64    `db:"at"`
		Code   string   `db:"code"`
		Actor  string   `db:"actor_id"`
		Sealed []byte   `db:"sealed"`
	}
	as := map[string]*Hit{}
	var order []string
	for after, more := int64(0), true; more; {
		err = p.View(ctx, func(tx *place.Tx) error {
			rows, err := place.Rows[row](tx, `SELECT pos, id, at, code, actor_id, sealed FROM events WHERE pos > ? ORDER BY pos LIMIT ?`, after, tableBatch)
			more = len(rows) == tableBatch
			for _, r := range rows {
				after = r.Pos
				if slices.Contains(q.IDs, r.Actor) {
					if as[r.Actor] == nil {
						as[r.Actor] = &Hit{Ref: didThemselves + r.Actor, Label: "what " + r.Actor + " did", Role: "actor"}
						order = append(order, r.Actor)
					}
					h := as[r.Actor]
					h.At, h.Why = instant(r.At), []string{"member " + r.Actor + " as who acted, until the time shown"}
				}
				if len(r.Sealed) == 0 || strings.HasPrefix(r.Code, "request.") {
					continue // a case's own events name its person by its id alone
				}
				plain, err := tx.Unseal(place.FieldEvent, r.ID, r.Sealed)
				if err != nil {
					continue // its key is gone, and with it what it said
				}
				if why := q.inAll(plain); len(why) > 0 {
					hits = append(hits, Hit{Ref: "events/" + hex.EncodeToString(r.ID[:]), At: instant(r.At), Label: r.Code, Why: why})
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, who := range order {
		hits = append(hits, *as[who])
	}
	return hits, nil
}

// casesStore is requests themselves, of which one person may have several.
func casesStore() Store {
	find := Scan("Requests of persons", Table{
		Table: "person_requests", Field: place.FieldPersonRequest,
		Query: `SELECT id, opened_at AS at, sealed FROM person_requests WHERE id > ? ORDER BY id LIMIT ?`,
	})
	return Store{
		Name: "requests", Title: "Requests of persons", Tables: []string{"person_requests", "person_items", "person_objections", "person_certificates"},
		Find: func(ctx context.Context, p *place.Place, who actor.Actor, q *Query) ([]Hit, error) {
			hits, err := find(ctx, p, who, q)
			return slices.DeleteFunc(hits, func(h Hit) bool { return h.Ref == "person_requests/"+hex.EncodeToString(q.own[:]) }), err
		},
		Kept: "that and how a person was answered has to be shown to the authority; article 5(2)",
	}
}
