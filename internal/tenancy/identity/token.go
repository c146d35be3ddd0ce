package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Token lets a machine do what its scope names, at one customer, until its end,
// and only as long as the person who made it may do it too.
type Token struct {
	ID         id.Token
	Name       string
	Acts       []access.Act
	Maker      id.Person
	CreatedAt  time.Time
	Until      time.Time
	LastUsedAt time.Time // to the minute; zero: never
}

// Machine is who a token's text belongs to.
type Machine struct {
	Token
	Customer id.Customer
	Held     []access.Membership // of the maker; what the token may is within Acts too
}

// Longest life of a token: a year and a month to renew it in.
const longestToken = 400 * 24 * time.Hour

// tokenPrefix lets programs that search texts for lost secrets find ours.
const tokenPrefix = "rft_"

type tokenRow struct {
	ID        id.Token  `db:"id"`
	Name      string    `db:"name"`
	Acts      string    `db:"acts"`
	Maker     id.Person `db:"maker"`
	CreatedAt int64     `db:"created_at"`
	Until     int64     `db:"until"`
	SeenAt    int64     `db:"seen_at"`
}

const tokenColumns = `SELECT t.id, t.name, t.acts, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at
	FROM tokens t LEFT JOIN token_seen v ON v.token = t.id`

// machineRow is a token with what its maker holds: every request of a machine
// reads it, so it is one statement.
type machineRow struct {
	tokenRow
	memberRow
}

const machineColumns = `SELECT t.id, t.name, t.acts, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at,
		m.person, m.card, m.roles, m.joined, m.since
	FROM tokens t LEFT JOIN token_seen v ON v.token = t.id LEFT JOIN members m ON m.person = t.maker
	WHERE t.secret = ?`

func (r tokenRow) token() Token {
	t := Token{ID: r.ID, Name: r.Name, Maker: r.Maker, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), Until: time.UnixMilli(r.Until).UTC()}
	for _, a := range strings.Fields(r.Acts) {
		t.Acts = append(t.Acts, access.Act(a))
	}
	if r.SeenAt > 0 {
		t.LastUsedAt = time.UnixMilli(r.SeenAt).UTC()
	}
	return t
}

// CreateToken makes a token and gives its text, which is not stored. A scope
// beyond what the maker may do is fault.Invalid: a token is no way up.
func (s *Service) CreateToken(ctx context.Context, p *place.Place, who actor.Actor, maker id.Person, name string, acts []access.Act, until time.Time) (Token, secret.Text, error) {
	name, err := checkName(name)
	if err != nil {
		return Token{}, secret.Text{}, err
	}
	now := s.now()
	if !until.After(now) || until.Sub(now) > longestToken {
		return Token{}, secret.Text{}, fault.Field("expires_at", "a token ends in the future, at most 400 days ahead")
	}
	text, hash := newSecret()
	_, body, _ := strings.Cut(p.Customer().String(), "_")
	var t Token
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		held, err := heldBy(tx, maker)
		if err != nil {
			return err
		}
		if acts, err = scope(held, acts, access.Thing{Place: p.Customer()}, now); err != nil {
			return err
		}
		t = Token{ID: id.At[id.Token](tx.At()), Name: name, Acts: acts, Maker: maker, CreatedAt: tx.At(), Until: until.UTC()}
		tx.Record(place.Event{Code: "token.created", Subject: t.ID.String(), Facts: map[string]string{"name": name, "acts": joinActs(acts), "until": until.UTC().Format(time.RFC3339)}})
		_, err = tx.Exec(`INSERT INTO tokens (id, secret, name, acts, maker, created_at, until) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			t.ID, hash, name, joinActs(acts), maker, tx.At().UnixMilli(), until.UnixMilli())
		return err
	})
	return t, secret.NewText(tokenPrefix + body + "_" + text), err
}

func scope(held []access.Membership, acts []access.Act, at access.Thing, now time.Time) ([]access.Act, error) {
	acts = slices.Clone(acts)
	slices.Sort(acts)
	acts = slices.Compact(acts)
	if len(acts) == 0 {
		return nil, fault.Field("acts", "choose at least one act")
	}
	for _, a := range acts {
		if !access.ForMachines(a) {
			return nil, fault.Field("acts", "a token cannot carry %q", a)
		}
		if access.ExtentOf(held, a, at, now).None() {
			return nil, fault.Field("acts", "you may not do %q yourself", a)
		}
	}
	return acts, nil
}

func joinActs(acts []access.Act) string {
	var b strings.Builder
	for i, a := range acts {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(a))
	}
	return b.String()
}

// Tokens lists the tokens of a customer, the ended ones too, newest first.
func (s *Service) Tokens(ctx context.Context, p *place.Place) (list []Token, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[tokenRow](tx, tokenColumns+` ORDER BY t.id DESC`)
		for _, r := range rows {
			list = append(list, r.token())
		}
		return err
	})
	return list, err
}

// RemoveToken ends a token, from the next request on.
func (s *Service) RemoveToken(ctx context.Context, p *place.Place, who actor.Actor, t id.Token) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM tokens WHERE id = ?`, t)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such token")
		}
		tx.Record(place.Event{Code: "token.removed", Subject: t.String()})
		_, err = tx.Exec(`DELETE FROM token_seen WHERE token = ?`, t)
		return err
	})
}

// Machine finds who a token's text belongs to; fault.Unauthenticated if it is
// none, or has ended.
func (s *Service) Machine(ctx context.Context, text secret.Text) (Machine, error) {
	body, ok := strings.CutPrefix(text.Reveal(), tokenPrefix)
	customer, key, _ := strings.Cut(body, "_")
	c, err := id.Parse[id.Customer]("org_" + customer)
	if !ok || err != nil {
		return Machine{}, errSession
	}
	p, err := s.store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return Machine{}, errSession
	}
	if err != nil {
		return Machine{}, err
	}
	now := s.now()
	m := Machine{Customer: c}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[machineRow](tx, machineColumns, hashOf(key))
		if err != nil {
			return err
		}
		m.Token = r.token()
		if r.Person.IsZero() {
			return nil // its maker was never a member here: nothing is held
		}
		maker, err := r.open(tx)
		m.Held = held(tx, maker)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && !now.Before(m.Until) {
		return Machine{}, errSession
	}
	if err != nil || now.Sub(m.LastUsedAt) < seenEvery {
		return m, err
	}
	return m, p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO token_seen (token, seen_at) VALUES (?, ?)
			ON CONFLICT (token) DO UPDATE SET seen_at = excluded.seen_at`, m.ID, now.UnixMilli())
		return err
	})
}
