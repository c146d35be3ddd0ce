package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
)

// nodeTokenPrefix starts the tokens of the provider and of resellers. They open
// no place: what they can do is what a page above customers can.
const nodeTokenPrefix = "rfn_"

const nodeTokenColumns = `SELECT t.id, t.name, t.acts, t.networks, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at, v.seen_from
	FROM node_tokens t LEFT JOIN node_token_seen v ON v.token = t.id`

// CreateNodeToken makes a token of a provider or a reseller, for acts that its
// maker may do at that node; they reach as far down as the maker does.
func (s *Service) CreateNodeToken(ctx context.Context, node id.Node, who actor.Actor, maker id.Person, d TokenDraft) (Token, secret.Text, error) {
	now := s.now()
	name, networks, wrong := d.check(now)
	text, hash := newSecret()
	var t Token
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		held, err := rolesAt(tx, maker, node)
		if err != nil {
			return err
		}
		acts, err := scope(held, d.Acts, access.Thing{Place: node}, now)
		if err := fault.Together(wrong, err); err != nil {
			return err
		}
		t = Token{ID: id.At[id.Token](tx.At()), Name: name, Acts: acts, Networks: networks, Maker: maker, CreatedAt: tx.At(), Until: d.Until.UTC()}
		recordToken(tx, t, map[string]string{"node": node.String()})
		sealed, err := sealNetworks(tx, t)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO node_tokens (id, secret, node, name, acts, networks, maker, created_at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, hash, node, name, joinActs(acts), sealed, maker, tx.At().UnixMilli(), d.Until.UnixMilli())
		return err
	})
	return t, secret.NewText(nodeTokenPrefix + text), err
}

// rolesAt is what a person holds at one node above customers.
func rolesAt(tx *place.Tx, p id.Person, node id.Node) (held []access.Membership, err error) {
	all, err := place.Rows[string](tx, `SELECT role FROM node_roles WHERE person = ? AND node = ? ORDER BY role`, p, node)
	for _, r := range all {
		held = append(held, access.Membership{Role: access.Role(r), At: node})
	}
	return held, err
}

// NodeTokens lists the tokens of a provider or a reseller, the ended ones too,
// newest first.
func (s *Service) NodeTokens(ctx context.Context, node id.Node) (list []Token, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		list, err = openTokens(tx, nodeTokenColumns+` WHERE t.node = ? ORDER BY t.id DESC`, node)
		return err
	})
	return list, err
}

// RemoveNodeToken ends a token, from the next request on.
func (s *Service) RemoveNodeToken(ctx context.Context, node id.Node, who actor.Actor, t id.Token) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM node_tokens WHERE id = ? AND node = ?`, t, node)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such token")
		}
		tx.Record(place.Event{Code: "token.removed", Subject: t.String(), Facts: map[string]string{"node": node.String()}})
		_, err = tx.Exec(`DELETE FROM node_token_seen WHERE token = ?`, t)
		return err
	})
}

type nodeMachineRow struct {
	tokenRow
	Node  id.Node `db:"node"`
	Entry []byte  `db:"entry"`
}

func (s *Service) nodeMachine(ctx context.Context, key string, from Origin) (Machine, error) {
	var m Machine
	err := s.store.Registry().View(ctx, func(tx *place.Tx) error {
		r, err := place.Often[nodeMachineRow](tx, `SELECT t.id, t.name, t.acts, t.networks, t.maker, t.created_at, t.until,
				coalesce(v.seen_at, 0) AS seen_at, v.seen_from, t.node, l.list AS entry
			FROM node_tokens t LEFT JOIN node_token_seen v ON v.token = t.id LEFT JOIN entry_lists l ON l.node = t.node
			WHERE t.secret = ?`, hashOf(key))
		if err != nil {
			return err
		}
		m.Node = r.Node
		if m.Token, err = r.open(tx); err != nil {
			return err
		}
		if m.Entry, err = entry.Sealed(tx, r.Node, r.Entry); err != nil {
			return err
		}
		m.Held, err = rolesAt(tx, r.Maker, r.Node)
		return err
	})
	if err = s.usable(m.Token, from, err); err != nil || s.now().Sub(m.LastUsedAt) < seenEvery {
		return m, err
	}
	return m, s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		return seenToken(tx, `INSERT INTO node_token_seen (token, seen_at, seen_from) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET seen_at = excluded.seen_at, seen_from = excluded.seen_from`, m.ID, s.now(), from)
	})
}

// EndNodeTokens ends the tokens that a person made at a node, within a Change of
// the registry that takes the person's role there away.
func EndNodeTokens(tx *place.Tx, node id.Node, maker id.Person) error {
	all, err := place.Rows[id.Token](tx, `SELECT id FROM node_tokens WHERE node = ? AND maker = ?`, node, maker)
	if err != nil {
		return err
	}
	for _, t := range all {
		tx.Record(place.Event{Code: "token.removed", Subject: t.String(), Facts: map[string]string{"node": node.String(), "cause": "maker"}})
		if _, err := tx.Exec(`DELETE FROM node_tokens WHERE id = ?`, t); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM node_token_seen WHERE token = ?`, t); err != nil {
			return err
		}
	}
	return nil
}

// nodeTokenMigrations are the registry's: tokens above customers.
func nodeTokenMigrations() place.Migrations {
	return place.Migrations{{Number: 330, Name: "tokens of nodes", SQL: `
		CREATE TABLE node_tokens (
			id {{id}} PRIMARY KEY,
			secret {{bytes}} NOT NULL UNIQUE,
			node {{id}} NOT NULL,
			name {{text}} NOT NULL,
			acts {{text}} NOT NULL,
			networks {{bytes}},
			maker {{id}} NOT NULL,
			created_at {{int}} NOT NULL,
			until {{int}} NOT NULL
		);
		CREATE INDEX node_tokens_node ON node_tokens (node);
		CREATE TABLE node_token_seen (
			token {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL,
			seen_from {{bytes}}
		);`}}
}

// tokenMigrations are a place's: from where a token works and was used.
func tokenMigrations() place.Migrations {
	return place.Migrations{{Number: 331, Name: "networks of tokens", SQL: `
		ALTER TABLE tokens ADD COLUMN networks {{bytes}};
		ALTER TABLE token_seen ADD COLUMN seen_from {{bytes}};`}}
}
