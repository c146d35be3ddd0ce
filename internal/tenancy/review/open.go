package review

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// SetRule stores how often and with which consequence. Provider and resellers
// review every month: only the consequence is theirs to choose.
func (s *Service) SetRule(ctx context.Context, w Where, who actor.Actor, months int, suspend bool) error {
	if w.customer() && months != 0 && months != 1 && months != 3 && months != 6 && months != 12 {
		return fault.Field("months", "want 0 (no reviews), 1, 3, 6 or 12")
	}
	if !w.customer() && months != 1 {
		return fault.Field("months", "provider and resellers review every month")
	}
	now := s.o.Now()
	return w.Place.Change(ctx, who, func(tx *place.Tx) error {
		before, err := readRule(tx, w, now)
		if err != nil {
			return err
		}
		next := before.NextAt
		if before.Months != months {
			next = now.AddDate(0, months, 0)
		}
		tx.Record(place.Event{Code: "review.rule-set", Subject: w.Node.String(), Facts: map[string]string{"months": strconv.Itoa(months), "suspend": strconv.FormatBool(suspend)}})
		tx.Notify("reviews")
		return storeRule(tx, w, Rule{months, suspend, next})
	})
}

func storeRule(tx *place.Tx, w Where, r Rule) error {
	_, err := tx.Exec(`INSERT INTO review_rules (node, months, suspend, next_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (node) DO UPDATE SET months = excluded.months, suspend = excluded.suspend, next_at = excluded.next_at`,
		w.Node, r.Months, r.Suspend, r.NextAt.UnixMilli())
	return err
}

// Open begins a review now; fault.Conflict while one is open.
func (s *Service) Open(ctx context.Context, w Where, who actor.Actor) (r Review, err error) {
	err = w.Place.Change(ctx, who, func(tx *place.Tx) error {
		r, err = s.open(tx, w)
		return err
	})
	if err == nil {
		s.tell(ctx, w, r, asked)
	}
	return r, err
}

// open writes down, in one transaction, who holds what at this instant.
func (s *Service) open(tx *place.Tx, w Where) (Review, error) {
	n, err := place.Row[int](tx, `SELECT count(*) FROM reviews WHERE node = ? AND closed_at = 0`, w.Node)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "a review is open already")
	}
	if err != nil {
		return Review{}, err
	}
	now := s.o.Now().UTC().Truncate(time.Millisecond)
	rule, err := readRule(tx, w, now)
	if err != nil {
		return Review{}, err
	}
	r := Review{ID: id.At[id.Review](tx.At()), Node: w.Node, OpenedAt: now, DueAt: now.Add(dueAfter), Suspend: rule.Suspend}
	if rule.Months > 0 {
		rule.NextAt = now.AddDate(0, rule.Months, 0)
	}
	if err := storeRule(tx, w, rule); err != nil {
		return r, err
	}
	if _, err := tx.Exec(`INSERT INTO reviews (id, node, opened_at, due_at, suspend) VALUES (?, ?, ?, ?, ?)`, r.ID, w.Node, r.OpenedAt.UnixMilli(), r.DueAt.UnixMilli(), r.Suspend); err != nil {
		return r, err
	}
	held, err := gather(tx, w)
	if err != nil {
		return r, err
	}
	used, err := lastUses(tx)
	if err != nil {
		return r, err
	}
	for _, h := range held {
		h.LastUsedAt = used[h.Person]
		// Whoever came lately has had no time to use anything.
		last := h.LastUsedAt
		if last.IsZero() {
			last = h.Since
		}
		h.Unused = !last.IsZero() && now.Sub(last) >= unusedAfter
		r.Total++
		if h.Unused {
			r.Unused++
		}
		if err := addLine(tx, r.ID, h); err != nil {
			return r, err
		}
	}
	tx.Record(place.Event{Code: "review.opened", Subject: r.ID.String(), Facts: map[string]string{
		"node": w.Node.String(), "lines": strconv.Itoa(r.Total), "unused": strconv.Itoa(r.Unused), "due": r.DueAt.Format(time.RFC3339),
	}})
	tx.Notify("reviews")
	return r, nil
}

func addLine(tx *place.Tx, r id.Review, l Line) error {
	l.ID = id.At[id.ReviewLine](tx.At())
	c := card{Name: l.Name, Email: l.Email, Extensions: l.Extensions, Since: millis(l.Since), LastUsed: millis(l.LastUsedAt)}
	sealed, err := c.seal(tx, l.ID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO review_lines (id, review, person, card, roles, unused) VALUES (?, ?, ?, ?, ?, ?)`, l.ID, r, l.Person, sealed, joinRoles(l.Roles), l.Unused)
	return err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// gather lists who holds roles at a node.
func gather(tx *place.Tx, w Where) (out []Line, err error) {
	if !w.customer() {
		people, err := identity.NodeMembersIn(tx, w.Node)
		for _, m := range people {
			out = append(out, Line{Person: m.Person.ID, Name: m.Person.Name, Email: m.Person.Email, Roles: m.Roles, Since: m.Person.ID.Time()})
		}
		return out, err
	}
	members, err := identity.MembersIn(tx)
	for _, m := range members {
		out = append(out, Line{Person: m.Person, Name: m.Name, Email: m.Email, Roles: m.Roles, Extensions: m.Extensions, Since: m.Since})
	}
	return out, err
}

// administrators are those who decide at a node itself.
func administrators(tx *place.Tx, w Where) (out []Line, err error) {
	all, err := gather(tx, w)
	for _, l := range all {
		for _, r := range l.Roles {
			if r == access.CustomerAdmin || r == access.ProviderAdmin || r == access.ResellerAdmin {
				out = append(out, l)
				break
			}
		}
	}
	return out, err
}

// Turn does what is due at a node: it opens, reminds, suspends, escalates and
// closes. It is run every night and at the start of the program, and may be run
// at any time.
func (s *Service) Turn(ctx context.Context, w Where) error {
	now := s.o.Now()
	var rule Rule
	var open []reviewRow
	stored := false
	err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
		if rule, err = readRule(tx, w, now); err != nil {
			return err
		}
		n, err := place.Row[int](tx, `SELECT count(*) FROM review_rules WHERE node = ?`, w.Node)
		if err != nil {
			return err
		}
		stored = n > 0
		open, err = place.Rows[reviewRow](tx, reviewColumns+` WHERE r.node = ? AND r.closed_at = 0`, w.Node)
		return err
	})
	who := actor.ForSystem("review")
	switch {
	case err != nil:
		return err
	case !stored: // the first look: the clock begins to run
		return w.Place.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "review.rule-set", Subject: w.Node.String(), Facts: map[string]string{"months": strconv.Itoa(rule.Months), "suspend": strconv.FormatBool(rule.Suspend)}})
			return storeRule(tx, w, rule)
		})
	case len(open) > 0:
		if err := s.press(ctx, w, open[0], now); err != nil {
			return err
		}
		if now.Before(rule.NextAt) || rule.Months == 0 {
			return nil
		}
		// The next round begins: the old one ends as it is, and its result says so.
		if err := s.close(ctx, w, who, open[0].ID, true); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	case rule.Months == 0 || now.Before(rule.NextAt):
		return nil
	}
	_, err = s.Open(ctx, w, who)
	return err
}

// Sweep is Turn for every node above customers.
func (s *Service) Sweep(ctx context.Context) error {
	registry := s.o.Store.Registry()
	var nodes []id.Node
	err := registry.View(ctx, func(tx *place.Tx) (err error) {
		nodes, err = identity.NodesWithRoles(tx)
		return err
	})
	for _, n := range nodes {
		if err == nil {
			err = s.Turn(ctx, Where{registry, n})
		}
	}
	return err
}
