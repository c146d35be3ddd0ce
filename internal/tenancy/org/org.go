// Package org keeps the tree of organisations: one provider, its resellers and
// their customers. A customer's node has the same id as its place.
//
// Pages above a customer never open its place: they show figures without
// content that the place pushed up here. A node's name is not personal data and
// is stored as it is.
package org

import (
	"context"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Kind is what a node is.
type Kind string

const (
	Provider Kind = "provider" // runs this installation; there is one
	Reseller Kind = "reseller"
	Customer Kind = "customer" // has a place
)

// mayHold is which kinds stand below which.
var mayHold = map[Kind]map[Kind]bool{
	Provider: {Reseller: true, Customer: true},
	Reseller: {Customer: true},
}

// made is what the journal calls the making of a node.
var made = map[Kind]string{Provider: "provider.created", Reseller: "reseller.created", Customer: "customer.created"}

// Node is one organisation.
type Node struct {
	ID        id.Node
	Parent    id.Node // zero for the provider
	Kind      Kind
	Name      string
	CreatedAt time.Time
}

// Keys is what making a customer needs of the key store.
type Keys interface {
	CreateCustomer(ctx context.Context, c id.Customer) error
}

// Service is the tree.
type Service struct {
	store *place.Store
	keys  Keys
}

// New makes the service; the store must have been opened with Migrations.
func New(store *place.Store, keys Keys) *Service { return &Service{store, keys} }

// intentCustomer is the act of making a customer: node, keys, place.
const intentCustomer = "org.customer"

type customerArgs struct {
	Node id.Node `json:"node"`
}

const nodeColumns = `SELECT id, parent, kind, name, created_at FROM nodes`

type nodeRow struct {
	ID        id.Node `db:"id"`
	Parent    id.Node `db:"parent"`
	Kind      string  `db:"kind"`
	Name      string  `db:"name"`
	CreatedAt int64   `db:"created_at"`
}

func (r nodeRow) node() Node {
	return Node{r.ID, r.Parent, Kind(r.Kind), r.Name, time.UnixMilli(r.CreatedAt).UTC()}
}

// Root is the provider; fault.NotFound before it was made.
func (s *Service) Root(ctx context.Context) (n Node, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[nodeRow](tx, nodeColumns+` WHERE kind = 'provider'`)
		n = r.node()
		return err
	})
	return n, err
}

// Node reads one node; fault.NotFound if there is none or it is not finished.
func (s *Service) Node(ctx context.Context, i id.Node) (n Node, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		n, err = Read(tx, i)
		return err
	})
	return n, err
}

// Read reads one node within a transaction of the registry.
func Read(tx *place.Tx, i id.Node) (Node, error) {
	r, err := place.Row[nodeRow](tx, nodeColumns+` WHERE id = ? AND ready = 1`, i)
	return r.node(), err
}

// Above lists the nodes above one, nearest first.
func Above(tx *place.Tx, i id.Node) ([]id.Node, error) {
	return place.Rows[id.Node](tx, `WITH RECURSIVE up(id, parent, depth) AS (
			SELECT id, parent, 0 FROM nodes WHERE id = ?
			UNION ALL SELECT n.id, n.parent, up.depth + 1 FROM nodes n JOIN up ON n.id = up.parent)
		SELECT id FROM up WHERE depth > 0 ORDER BY depth`, i)
}

// CreateProvider makes the root of the tree; fault.Conflict if there is one.
func (s *Service) CreateProvider(ctx context.Context, who actor.Actor, name string) (Node, error) {
	return s.insert(ctx, who, id.Node{}, Provider, name)
}

// Create makes a reseller or a customer below a node. A customer has its keys
// and its place when Create returns; after a crash in between, Recover ends it.
func (s *Service) Create(ctx context.Context, who actor.Actor, parent id.Node, kind Kind, name string) (Node, error) {
	if kind != Reseller && kind != Customer {
		return Node{}, fault.Field("kind", "want reseller or customer")
	}
	n, err := s.insert(ctx, who, parent, kind, name)
	if err != nil || kind != Customer {
		return n, err
	}
	return n, s.Recover(ctx)
}

func (s *Service) insert(ctx context.Context, who actor.Actor, parent id.Node, kind Kind, name string) (Node, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 400 {
		return Node{}, fault.Field("name", "a name has 1 to 100 letters")
	}
	var n Node
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := fits(tx, parent, kind); err != nil {
			return err
		}
		n = Node{id.At[id.Node](tx.At()), parent, kind, name, tx.At()}
		if _, err := tx.Exec(`INSERT INTO nodes (id, parent, kind, name, created_at, ready) VALUES (?, ?, ?, ?, ?, ?)`,
			n.ID, n.Parent, string(kind), name, tx.At().UnixMilli(), kind != Customer); err != nil {
			return err
		}
		tx.Record(place.Event{
			Code: made[kind], Subject: n.ID.String(),
			Facts: map[string]string{"name": name, "parent": parent.String()},
		})
		if kind != Customer {
			return nil
		}
		_, err := tx.Intend(intentCustomer, customerArgs{n.ID})
		return err
	})
	return n, err
}

func fits(tx *place.Tx, parent id.Node, kind Kind) error {
	if kind == Provider {
		n, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE kind = 'provider'`)
		if err == nil && n > 0 {
			err = fault.New(fault.Conflict, "there is a provider already")
		}
		return err
	}
	above, err := Read(tx, parent)
	if err != nil {
		return err
	}
	if !mayHold[above.Kind][kind] {
		return fault.Field("kind", "a %s cannot have a %s", above.Kind, kind)
	}
	return nil
}

// Recover ends what a crash left between node, keys and place. It runs at the
// start and after each making of a customer; every step may be run twice. Keys
// come first: the place seals from its first row on.
func (s *Service) Recover(ctx context.Context) error {
	pending, err := s.store.Registry().Pending(ctx, intentCustomer)
	if err != nil {
		return err
	}
	for _, in := range pending {
		var args customerArgs
		if err := unmarshal(in.Args, &args); err != nil {
			return err
		}
		if err := s.keys.CreateCustomer(ctx, args.Node); err != nil {
			return err
		}
		if err := s.store.Create(ctx, args.Node); err != nil {
			return err
		}
		if err := s.finish(ctx, in.ID, args.Node); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) finish(ctx context.Context, in id.Intent, n id.Node) error {
	return s.store.Registry().Change(ctx, actor.ForSystem("org"), func(tx *place.Tx) error {
		if _, err := tx.Exec(`UPDATE nodes SET ready = 1 WHERE id = ?`, n); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "customer.opened", Subject: n.String()})
		return tx.Done(in)
	})
}
