package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Idempotency-Key on POSTs that create: the same actor, key and request within
// a day get the same answer, and the thing is made once. Answers are sealed, as
// they may hold a token's secret.
//
// Limit: a crash in the middle of the first request leaves the key taken for a
// minute; a retry after that makes the thing again if the crash came after it
// was made. Who retries then sees both in the list.

const (
	answerKeptFor = 24 * time.Hour
	askStaleAfter = time.Minute
)

// Migrations are tables of the registry and of places alike.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 900, Name: "idempotency", SQL: `
		CREATE TABLE repeated (
			mark {{bytes}} PRIMARY KEY,
			id {{id}} NOT NULL,
			ask {{bytes}} NOT NULL,
			answer {{bytes}},
			begun_at {{int}} NOT NULL
		);
		CREATE INDEX repeated_begun ON repeated (begun_at);`}}
}

// Housekeeping is the tables that need no event.
func Housekeeping() []string { return []string{"repeated"} }

// key is promoted to the inputs of routes that create.
func (c Creating) key() string { return c.IdempotencyKey }

type repeatedRow struct {
	ID      id.Event `db:"id"`
	Ask     []byte   `db:"ask"`
	Answer  []byte   `db:"answer"`
	BegunAt int64    `db:"begun_at"`
}

var errKeyUsed = fault.Field("header.Idempotency-Key", "this key was used for another request")

// once runs the handler of a visit, or answers with what it answered before;
// empty makes a place for that.
func (s *Server) once(ctx context.Context, rt route, in any, handle func(*visit) (any, error), empty func() any) (any, error) {
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil {
		return nil, s.faulty(ctx, errNoVisit)
	}
	out, err := s.firstTime(ctx, v, rt, in, handle, empty)
	if err != nil {
		return nil, s.faulty(ctx, err)
	}
	return out, nil
}

func (s *Server) firstTime(ctx context.Context, v *visit, rt route, in any, handle func(*visit) (any, error), empty func() any) (any, error) {
	keyed, _ := in.(interface{ key() string })
	if !rt.creates || keyed == nil || keyed.key() == "" || v.place == nil {
		return handle(v)
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	key := v.who.ID + "\x00" + rt.id + "\x00" + keyed.key()
	row, err := s.claim(ctx, v.place, key, string(asked))
	if err != nil {
		return nil, err
	}
	if row.Answer != nil {
		out := empty()
		return out, json.Unmarshal(row.Answer, out)
	}
	out, err := handle(v)
	if err != nil {
		// The caller may have gone away; the key must be free again all the same.
		return nil, errors.Join(err, s.release(context.WithoutCancel(ctx), v.place, row.ID))
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return out, s.settle(context.WithoutCancel(ctx), v.place, row.ID, text)
}

// claim takes the key for this request, or finds what it was answered.
func (s *Server) claim(ctx context.Context, p *place.Place, key, asked string) (row repeatedRow, err error) {
	err = p.Keep(ctx, func(tx *place.Tx) error {
		now := s.now()
		if _, err := tx.Exec(`DELETE FROM repeated WHERE begun_at < ?`, now.Add(-answerKeptFor).UnixMilli()); err != nil {
			return err
		}
		mark, err := tx.Blind(place.FieldIdempotentAsk, key)
		if err != nil {
			return err
		}
		ask, err := tx.Blind(place.FieldIdempotentAsk, asked)
		if err != nil {
			return err
		}
		row, err = place.Row[repeatedRow](tx, `SELECT id, ask, answer, begun_at FROM repeated WHERE mark = ?`, mark)
		if fault.Is(err, fault.NotFound) {
			row = repeatedRow{ID: id.At[id.Event](now)}
			_, err = tx.Exec(`INSERT INTO repeated (mark, id, ask, begun_at) VALUES (?, ?, ?, ?)`, mark, row.ID, ask, now.UnixMilli())
			return err
		}
		if err != nil {
			return err
		}
		if string(row.Ask) != string(ask) {
			return errKeyUsed
		}
		if row.Answer != nil {
			row.Answer, err = tx.Unseal(place.FieldIdempotentAnswer, row.ID, row.Answer)
			return err
		}
		if now.UnixMilli()-row.BegunAt < askStaleAfter.Milliseconds() {
			return fault.New(fault.Conflict, "the first request with this key is still being worked on").After(time.Second)
		}
		_, err = tx.Exec(`UPDATE repeated SET begun_at = ? WHERE mark = ?`, now.UnixMilli(), mark)
		return err
	})
	return row, err
}

func (s *Server) release(ctx context.Context, p *place.Place, i id.Event) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM repeated WHERE id = ?`, i)
		return err
	})
}

func (s *Server) settle(ctx context.Context, p *place.Place, i id.Event, answer []byte) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		sealed, err := tx.Seal(place.FieldIdempotentAnswer, i, answer)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE repeated SET answer = ? WHERE id = ?`, sealed, i)
		return err
	})
}
