package person

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// How long closed requests and breaches are kept, in days: whether a request was
// answered rightly can be asked for years (in the United Kingdom six, by the
// Limitation Act 1980), and what proves the answer names the person.
const (
	DefaultKept = 3 * 366
	LeastKept   = 30
	MostKept    = 10 * 366
)

const purgeAtOnce = 200

// KeptFor is how many days closed requests and breaches are kept here.
func KeptFor(tx *place.Tx) (int, error) {
	days, err := place.Row[int](tx, `SELECT days FROM case_retention WHERE one = 1`)
	if fault.Is(err, fault.NotFound) {
		return DefaultKept, nil
	}
	return days, err
}

// Kept is KeptFor, in a View of its own.
func (s *Service) Kept(ctx context.Context, p *place.Place) (days int, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		days, err = KeptFor(tx)
		return err
	})
	return days, err
}

// Over counts, in one kind of cases, those that were closed before a time and go in the night.
type Over func(tx *place.Tx, before time.Time) (int64, error)

// SetKept chooses how long closed requests and breaches are kept. What goes tonight
// by that, of requests and of what also counts, has to be confirmed by its exact
// count.
func (s *Service) SetKept(ctx context.Context, p *place.Place, who actor.Actor, days int, confirm int64, also ...Over) error {
	if err := keepable(days); err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := s.over(tx, days, also)
		if err != nil {
			return err
		}
		if n != 0 && n != confirm {
			return fault.Field("confirm", "closed cases that would be deleted tonight: %d; confirm with exactly this number", n)
		}
		tx.Record(place.Event{Code: "request.kept-for", Subject: p.Customer().String(), Facts: map[string]string{"days": text(int64(days)), "go tonight": text(n)}})
		tx.Notify(Topic)
		_, err = tx.Exec(`INSERT INTO case_retention (one, days) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET days = excluded.days`, days)
		return err
	})
}

// GoTonight counts what SetKept would have confirmed.
func (s *Service) GoTonight(ctx context.Context, p *place.Place, days int, also ...Over) (n int64, err error) {
	if err := keepable(days); err != nil {
		return 0, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = s.over(tx, days, also)
		return err
	})
	return n, err
}

func keepable(days int) error {
	if days < LeastKept || days > MostKept {
		return fault.Field("days", "want %d to %d days", LeastKept, MostKept)
	}
	return nil
}

// ended are the requests whose time is over: one that still does something (a
// restriction, an objection) stays until that was lifted, as without it nobody could.
const ended = ` FROM person_requests r WHERE ended_at > 0 AND ended_at < ?
	AND NOT EXISTS (SELECT 1 FROM person_objections o WHERE o.request = r.id) AND NOT EXISTS (SELECT 1 FROM recording_restrictions x WHERE x.request = r.id)`

func (s *Service) before(days int) time.Time {
	return s.o.Now().Add(-time.Duration(days) * 24 * time.Hour)
}

func (s *Service) over(tx *place.Tx, days int, also []Over) (int64, error) {
	n, err := place.Row[int64](tx, `SELECT count(*)`+ended, s.before(days).UnixMilli())
	for _, count := range also {
		if err != nil {
			break
		}
		var more int64
		more, err = count(tx, s.before(days))
		n += more
	}
	return n, err
}

// Purge takes away the requests whose time is over since they were closed, with
// their finds, their certificates and what the change log says of them in words; and gives how many.
func (s *Service) Purge(ctx context.Context, p *place.Place) (n int, err error) {
	var due []id.PersonRequest
	err = p.View(ctx, func(tx *place.Tx) error {
		days, err := KeptFor(tx)
		if err != nil {
			return err
		}
		due, err = place.Rows[id.PersonRequest](tx, `SELECT id`+ended+` ORDER BY ended_at LIMIT ?`, s.before(days).UnixMilli(), purgeAtOnce)
		return err
	})
	// Buried before it goes: cut off in between, the next night takes it away.
	if err == nil {
		var rows [][16]byte
		for _, i := range due {
			rows = append(rows, i)
		}
		err = s.bury(ctx, p, buriedCase, rows...)
	}
	for _, i := range due {
		if err == nil {
			err = s.purgeOne(ctx, p, i)
		}
		if err == nil {
			n++
		}
	}
	return n, err
}

func (s *Service) purgeOne(ctx context.Context, p *place.Place, i id.PersonRequest) error {
	return p.Change(ctx, actor.ForSystem("person"), func(tx *place.Tx) error { return s.takeAway(tx, i) })
}

// takeAway removes a request with its finds, its certificate and what the change log says of it in
// words.
func (s *Service) takeAway(tx *place.Tx, i id.PersonRequest) error {
	if s.o.EraseEvents != nil {
		positions, err := place.Rows[int64](tx, `SELECT pos FROM events WHERE subject = ? ORDER BY pos`, i.String())
		if err == nil && len(positions) > 0 {
			_, err = s.o.EraseEvents(tx, i.String(), positions)
		}
		if err != nil {
			return err
		}
	}
	for _, text := range []string{`DELETE FROM person_items WHERE request = ?`, `DELETE FROM person_certificates WHERE request = ?`, `DELETE FROM person_requests WHERE id = ?`} {
		if _, err := tx.Exec(text, i); err != nil {
			return err
		}
	}
	tx.Record(place.Event{Code: "request.purged", Subject: i.String()})
	tx.Notify(Topic)
	return nil
}
