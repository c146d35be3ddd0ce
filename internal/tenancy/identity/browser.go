package identity

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Browser is one that a person lets be remembered: there, the password is
// enough to sign in. It stands for the factor that was shown when it was
// trusted, never for a fresh one: a dangerous act asks again. Any change of
// password or factor ends it.
type Browser struct {
	ID        id.Browser
	Address   string
	Agent     string
	CreatedAt time.Time
	UsedAt    time.Time
	Until     time.Time
}

type browserRow struct {
	ID        id.Browser `db:"id"`
	Person    id.Person  `db:"person"`
	Methods   string     `db:"methods"`
	CreatedAt int64      `db:"created_at"`
	EndsAt    int64      `db:"ends_at"`
	Origin    []byte     `db:"origin"`
	UsedAt    int64      `db:"used_at"`
}

const browserColumns = `SELECT b.id, b.person, b.methods, b.created_at, b.ends_at, b.origin, coalesce(u.used_at, b.created_at) AS used_at
	FROM trusted_browsers b LEFT JOIN browser_used u ON u.browser = b.id`

// BrowserDays is how long a person's browser may be remembered: the strictest
// of the customers', and not at all for who holds a role above customers.
func (s *Service) BrowserDays(ctx context.Context, p id.Person) (int, error) {
	var held int
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		held, err = place.Row[int](tx, `SELECT count(*) FROM node_roles WHERE person = ?`, p)
		return err
	})
	if err != nil || held > 0 {
		return 0, err
	}
	customers, err := s.Places(ctx, p)
	if err != nil {
		return 0, err
	}
	days := defaultDeviceDays
	if len(customers) > 0 {
		days = mostDeviceDays
	}
	for _, c := range customers {
		at, err := s.store.Place(ctx, c)
		if err != nil {
			continue // a closed place is entered by nobody
		}
		pol, err := s.Policy(ctx, at)
		if err != nil {
			return 0, err
		}
		days = min(days, pol.DeviceDays)
	}
	return days, nil
}

// Trust lets the browser of a session be remembered and gives the secret for
// its cookie; no secret where a policy does not let it.
func (s *Service) Trust(ctx context.Context, ses id.Session, p id.Person, proof Proof, from Origin) (secret.Text, time.Time, error) {
	days, err := s.BrowserDays(ctx, p)
	if err != nil || days == 0 || !proof.own() || proof.Has(ByDevice) {
		return secret.Text{}, time.Time{}, err
	}
	token, hash := newSecret()
	now := s.now().UTC()
	until := now.AddDate(0, 0, days)
	err = s.store.Registry().Change(ctx, actor.ForPerson(p, ses, from.address()), func(tx *place.Tx) error {
		i := id.At[id.Browser](now)
		origin, err := tx.Seal(place.FieldBrowserFrom, i, packOrigin(from))
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "browser.trusted", Subject: p.String(), Facts: map[string]string{"browser": i.String(), "until": until.Format(time.RFC3339)}})
		_, err = tx.Exec(`INSERT INTO trusted_browsers (id, token, person, methods, created_at, ends_at, origin) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			i, hash, p, joinMethods(proof.Methods), now.UnixMilli(), until.UnixMilli(), origin)
		return err
	})
	return secret.NewText(token), until, err
}

// remembered reports what a browser was trusted with; nothing where it was not,
// by this person, or where a policy has become stricter since.
func (s *Service) remembered(ctx context.Context, token secret.Text, p id.Person) (Proof, error) {
	if token.Reveal() == "" {
		return Proof{}, nil
	}
	now := s.now()
	var r browserRow
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		r, err = place.Row[browserRow](tx, browserColumns+` WHERE b.token = ?`, hashOf(token.Reveal()))
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && (r.Person != p || now.UnixMilli() >= r.EndsAt) {
		return Proof{}, nil
	}
	if err != nil {
		return Proof{}, err
	}
	days, err := s.BrowserDays(ctx, p)
	if err != nil || !now.Before(instant(r.CreatedAt).AddDate(0, 0, days)) {
		return Proof{}, err
	}
	err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO browser_used (browser, used_at) VALUES (?, ?)
			ON CONFLICT (browser) DO UPDATE SET used_at = excluded.used_at`, r.ID, now.UnixMilli())
		return err
	})
	ms := append(splitMethods(r.Methods), ByPassword, ByDevice)
	slices.Sort(ms)
	return Proof{Methods: slices.Compact(ms)}, err
}

// Browsers lists which browsers a person lets be remembered, newest first.
func (s *Service) Browsers(ctx context.Context, p id.Person) (list []Browser, err error) {
	now := s.now().UnixMilli()
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[browserRow](tx, browserColumns+` WHERE b.person = ? AND b.ends_at > ? ORDER BY b.id DESC`, p, now)
		if err != nil {
			return err
		}
		for _, r := range rows {
			origin, err := tx.Unseal(place.FieldBrowserFrom, r.ID, r.Origin)
			if err != nil {
				return err
			}
			b := Browser{ID: r.ID, CreatedAt: instant(r.CreatedAt), UsedAt: instant(r.UsedAt), Until: instant(r.EndsAt)}
			b.Address, b.Agent = unpackOrigin(origin)
			list = append(list, b)
		}
		return nil
	})
	return list, err
}

// Forget ends the remembering of one browser.
func (s *Service) Forget(ctx context.Context, who actor.Actor, p id.Person, b id.Browser) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM trusted_browsers WHERE id = ? AND person = ?`, b, p)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such browser")
		}
		tx.Record(place.Event{Code: "browser.forgotten", Subject: p.String(), Facts: map[string]string{"browser": b.String()}})
		_, err = tx.Exec(`DELETE FROM browser_used WHERE browser = ?`, b)
		return err
	})
}

// forgetBrowsers ends all remembered browsers of a person, within a Change.
func forgetBrowsers(tx *place.Tx, p id.Person) error {
	gone, err := place.Rows[id.Browser](tx, `SELECT id FROM trusted_browsers WHERE person = ?`, p)
	if err != nil {
		return err
	}
	for _, b := range gone {
		tx.Record(place.Event{Code: "browser.forgotten", Subject: p.String(), Facts: map[string]string{"browser": b.String()}})
		if _, err := tx.Exec(`DELETE FROM trusted_browsers WHERE id = ?`, b); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM browser_used WHERE browser = ?`, b); err != nil {
			return err
		}
	}
	return nil
}
