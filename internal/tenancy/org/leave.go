package org

import (
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Remove takes a customer out of the tree, in a Change of the registry, after its
// keys and its place have gone. It gives the node above; zero if it was done before.
func Remove(tx *place.Tx, c id.Customer) (id.Node, error) {
	n, err := Read(tx, c)
	if fault.Is(err, fault.NotFound) {
		return id.Node{}, nil
	}
	if err != nil || n.Kind != Customer {
		return id.Node{}, err
	}
	for _, text := range []string{
		`DELETE FROM node_figures WHERE node = ?`, `DELETE FROM node_usage WHERE node = ?`, `DELETE FROM node_quotas WHERE node = ?`, `DELETE FROM node_brands WHERE node = ?`,
		`DELETE FROM mail_checks WHERE node = ?`, `DELETE FROM checklist_signatures WHERE node = ?`, `DELETE FROM nodes WHERE id = ?`,
	} {
		if _, err := tx.Exec(text, c); err != nil {
			return id.Node{}, err
		}
	}
	tx.Record(place.Event{Code: "customer.removed", Subject: c.String(), Facts: map[string]string{"parent": n.Parent.String()}})
	return n.Parent, nil
}

// Receive puts a customer into the tree who came from another installation, under
// the id that it has, in a Change of the registry. Keys and place are there. It
// is fault.Conflict if the id is known here.
func Receive(tx *place.Tx, parent id.Node, c id.Customer, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	if err := fits(tx, parent, Customer); err != nil {
		return err
	}
	n, err := tx.Exec(`INSERT INTO nodes (id, parent, kind, name, folded, created_at, ready) VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (id) DO NOTHING`,
		c, parent, string(Customer), name, fold(name), tx.At().UnixMilli())
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "this customer is here already")
	}
	tx.Record(place.Event{Code: "customer.received", Subject: c.String(), Facts: map[string]string{"name": name, "parent": parent.String()}})
	return err
}
