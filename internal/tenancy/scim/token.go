package scim

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/entry"
)

// Token is what an identity provider shows. It is of a kind of its own: it
// reaches the routes of SCIM at one customer and nothing else, and it belongs to
// the customer, not to its maker. Did it end with its maker's membership, then
// taking out the administrator who set it up would silently end the taking out
// of everybody else.
type Token struct {
	ID         id.Provisioner
	Name       string
	Maker      id.Person // zero: not a person
	CreatedAt  time.Time
	Until      time.Time
	LastUsedAt time.Time // to the minute; zero: never
}

// Longest life of a token: a year and a month to renew it in.
const longestToken = 400 * 24 * time.Hour

const seenEvery = time.Minute

// Prefix tells these tokens from those of people, and lets programs that search
// texts for lost secrets find them.
const Prefix = "rfs_"

var errToken = fault.New(fault.Unauthenticated, "this token is not known here, or has ended")

type tokenRow struct {
	ID        id.Provisioner `db:"id"`
	Name      string         `db:"name"`
	Maker     id.Person      `db:"maker"`
	CreatedAt int64          `db:"created_at"`
	Until     int64          `db:"until"`
	SeenAt    int64          `db:"seen_at"`
}

const tokenColumns = `SELECT t.id, t.name, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at
	FROM scim_tokens t LEFT JOIN scim_token_seen v ON v.token = t.id`

func (r tokenRow) token() Token {
	t := Token{ID: r.ID, Name: r.Name, Maker: r.Maker, CreatedAt: instant(r.CreatedAt), Until: instant(r.Until)}
	if r.SeenAt > 0 {
		t.LastUsedAt = instant(r.SeenAt)
	}
	return t
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// CreateToken makes a token and gives its text, which is not stored.
func (s *Service) CreateToken(ctx context.Context, p *place.Place, who actor.Actor, maker id.Person, name string, until time.Time) (Token, secret.Text, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 || strings.ContainsAny(name, "\r\n\x00") {
		return Token{}, secret.Text{}, fault.Field("name", "a name has 1 to 100 letters, on one line")
	}
	now := s.now()
	if !until.After(now) || until.Sub(now) > longestToken {
		return Token{}, secret.Text{}, fault.Field("expires_at", "a token ends in the future, at most 400 days ahead")
	}
	b := make([]byte, 32)
	rand.Read(b)
	text := base64.RawURLEncoding.EncodeToString(b)
	_, body, _ := strings.Cut(p.Customer().String(), "_")
	t := Token{Name: name, Maker: maker, Until: until.UTC()}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		t.ID, t.CreatedAt = id.At[id.Provisioner](tx.At()), tx.At()
		tx.Record(place.Event{Code: "provisioner.created", Subject: t.ID.String(), Facts: map[string]string{"name": name, "until": t.Until.Format(time.RFC3339)}})
		_, err := tx.Exec(`INSERT INTO scim_tokens (id, secret, name, maker, created_at, until) VALUES (?, ?, ?, ?, ?, ?)`,
			t.ID, hashOf(text), name, maker, tx.At().UnixMilli(), until.UnixMilli())
		return err
	})
	return t, secret.NewText(Prefix + body + "_" + text), err
}

// hashOf needs no salt and no stretching: what it hashes has 256 random bits.
func hashOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
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
func (s *Service) RemoveToken(ctx context.Context, p *place.Place, who actor.Actor, t id.Provisioner) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM scim_tokens WHERE id = ?`, t)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "no such token")
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "provisioner.removed", Subject: t.String()})
		_, err = tx.Exec(`DELETE FROM scim_token_seen WHERE token = ?`, t)
		return err
	})
}

// Provisioner finds whose token a text is and the place it is for;
// fault.Unauthenticated if it is none of this kind, has ended, or comes from an
// address that the customer's list for SCIM does not name: whoever found a token
// learns nothing of where it would work. A suspended customer's people can still
// be taken out.
func (s *Service) Provisioner(ctx context.Context, text secret.Text, from netip.Addr) (Token, *place.Place, error) {
	body, ok := strings.CutPrefix(text.Reveal(), Prefix)
	customer, key, _ := strings.Cut(body, "_")
	c, err := id.Parse[id.Customer]("org_" + customer)
	if !ok || err != nil {
		return Token{}, nil, errToken
	}
	p, err := s.store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return Token{}, nil, errToken
	}
	if err != nil {
		return Token{}, nil, err
	}
	var t Token
	var list entry.List
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[tokenRow](tx, tokenColumns+` WHERE t.secret = ?`, hashOf(key))
		if err != nil {
			return err
		}
		t = r.token()
		list, err = entry.ReadList(tx, c)
		return err
	})
	now := s.now()
	if fault.Is(err, fault.NotFound) || err == nil && (!now.Before(t.Until) || !list.Admits(entry.SCIM, from, now)) {
		return Token{}, nil, errToken
	}
	if err != nil || now.Sub(t.LastUsedAt) < seenEvery {
		return t, p, err
	}
	return t, p, p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO scim_token_seen (token, seen_at) VALUES (?, ?)
			ON CONFLICT (token) DO UPDATE SET seen_at = excluded.seen_at`, t.ID, now.UnixMilli())
		return err
	})
}
