// Package org keeps the tree of organisations: one provider, below it resellers
// to any depth, and their customers. A customer's node has the same id as its
// place.
//
// Pages above a customer never open its place: they show figures without
// content that the place pushed up here. What has to be done within a place is
// committed here as an intent and finished by the place's own part of the
// server. A node's name is not personal data and is stored as it is.
package org

import (
	"context"
	"strings"
	"sync"
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
	Reseller: {Reseller: true, Customer: true},
}

// deepest bounds how far below the provider a node may stand: every request at
// a node walks the way up.
const deepest = 32

// made is what the journal calls the making of a node.
var made = map[Kind]string{Provider: "provider.created", Reseller: "reseller.created", Customer: "customer.created"}

// Node is one organisation.
type Node struct {
	ID          id.Node
	Parent      id.Node // zero for the provider
	Kind        Kind
	Name        string
	CreatedAt   time.Time
	SuspendedAt time.Time // zero: is not suspended
}

// Keys is what making a customer needs of the key store.
type Keys interface {
	CreateCustomer(ctx context.Context, c id.Customer) error
}

// Service is the tree.
type Service struct {
	store *place.Store
	keys  Keys
	now   func() time.Time

	standing sync.Mutex // one carries standings into places at a time, in their order

	mu    sync.Mutex
	rooms map[id.Customer]room // what was found of quotas a moment ago
}

// New makes the service; the store must have been opened with Migrations.
func New(store *place.Store, keys Keys) *Service {
	s := &Service{store: store, keys: keys, now: time.Now, rooms: map[id.Customer]room{}}
	store.OnCommit(s.forget)
	return s
}

// intentCustomer is the act of making a customer: node, keys, place.
const intentCustomer = "org.customer"

type nodeArgs struct {
	Node id.Node `json:"node"`
}

const nodeColumns = `SELECT id, parent, kind, name, created_at, suspended_at FROM nodes`

type nodeRow struct {
	ID          id.Node `db:"id"`
	Parent      id.Node `db:"parent"`
	Kind        string  `db:"kind"`
	Name        string  `db:"name"`
	CreatedAt   int64   `db:"created_at"`
	SuspendedAt int64   `db:"suspended_at"`
}

func (r nodeRow) node() Node {
	return Node{r.ID, r.Parent, Kind(r.Kind), r.Name, time.UnixMilli(r.CreatedAt).UTC(), instant(r.SuspendedAt)}
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

func (s *Service) insert(ctx context.Context, who actor.Actor, parent id.Node, kind Kind, name string) (n Node, err error) {
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		n, err = Add(tx, parent, kind, name)
		return err
	})
	return n, err
}

// Add makes a node in a Change of the registry; that of a customer is not ready
// before Recover has made its keys and its place.
func Add(tx *place.Tx, parent id.Node, kind Kind, name string) (Node, error) {
	name, err := checkName(name)
	if err != nil {
		return Node{}, err
	}
	if err := fits(tx, parent, kind); err != nil {
		return Node{}, err
	}
	n := Node{ID: id.At[id.Node](tx.At()), Parent: parent, Kind: kind, Name: name, CreatedAt: tx.At()}
	if _, err := tx.Exec(`INSERT INTO nodes (id, parent, kind, name, folded, created_at, ready) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		n.ID, n.Parent, string(kind), name, fold(name), tx.At().UnixMilli(), kind != Customer); err != nil {
		return n, err
	}
	tx.Record(place.Event{
		Code: made[kind], Subject: n.ID.String(),
		Facts: map[string]string{"name": name, "parent": parent.String()},
	})
	if kind != Customer {
		return n, nil
	}
	_, err = tx.Intend(intentCustomer, nodeArgs{n.ID})
	return n, err
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 400 {
		return "", fault.Field("name", "a name has 1 to 100 letters")
	}
	return name, nil
}

// fold is a name as it is sorted and searched.
func fold(name string) string { return strings.ToLower(name) }

// Rename gives a node another name. Unchanged, it writes nothing.
func (s *Service) Rename(ctx context.Context, who actor.Actor, i id.Node, name string) (n Node, err error) {
	if n, err = s.Node(ctx, i); err != nil || n.Name == strings.TrimSpace(name) {
		return n, err
	}
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		n, err = PutName(tx, i, name)
		return err
	})
	return n, err
}

// PutName is Rename within a Change of the registry; it writes in any case.
func PutName(tx *place.Tx, i id.Node, name string) (Node, error) {
	name, err := checkName(name)
	if err != nil {
		return Node{}, err
	}
	n, err := Read(tx, i)
	if err != nil {
		return n, err
	}
	tx.Record(place.Event{Code: "node.renamed", Subject: i.String(), Facts: map[string]string{"name": name, "before": n.Name}})
	n.Name = name
	_, err = tx.Exec(`UPDATE nodes SET name = ?, folded = ? WHERE id = ?`, name, fold(name), i)
	return n, err
}

// Named lists the nodes just below one that have a name.
func Named(tx *place.Tx, parent id.Node, name string) (list []Node, err error) {
	rows, err := place.Rows[nodeRow](tx, nodeColumns+` WHERE parent = ? AND folded = ? ORDER BY id`, parent, fold(strings.TrimSpace(name)))
	for _, r := range rows {
		list = append(list, r.node())
	}
	return list, err
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
	up, err := Above(tx, parent)
	if err == nil && len(up)+2 > deepest {
		err = fault.New(fault.Conflict, "the tree is %d levels deep here; no more are possible", deepest)
	}
	return err
}
