package server

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

// elsewhere are tables of the registry with such a column that hold nothing of a
// customer who has left, and why.
var elsewhere = map[string]string{
	"node_figures": "org.Remove", "node_usage": "org.Remove", "node_quotas": "org.Remove", "node_brands": "org.Remove", "mail_checks": "org.Remove", "checklist_signatures": "org.Remove",
	"reviews": "a customer's lie in its place", "review_rules": "a customer's lie in its place", "entry_rules": "a customer's lie in its place", "entry_lists": "a customer's lie in its place",
	"alerts": "a customer's lie in its place", "alert_contacts": "a customer's lie in its place", "alert_mails": "a customer's lie in its place", "alert_settings": "a customer's lie in its place",
	"departed": "the record that they left",
}

var (
	tableMade = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\s*\)`)
	namesOne  = regexp.MustCompile(`(?m)^\s*(customer|node)\s+\{\{`)
)

// Whoever adds a table to the registry that names customers says here what
// becomes of its rows when one leaves.
func TestTheRegistryForgetsCustomers(t *testing.T) {
	seen := 0
	for _, m := range storage.Schemas().Registry {
		for _, made := range tableMade.FindAllStringSubmatch(m.SQL, -1) {
			column := namesOne.FindStringSubmatch(made[2])
			if column == nil {
				continue
			}
			seen++
			if !slices.Contains(ofCustomer, [2]string{made[1], column[1]}) && elsewhere[made[1]] == "" {
				t.Errorf("the table %q of the registry names customers, and forgetCustomer does not empty it", made[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d tables were seen", seen)
	}
}

// noKeys makes none: what becomes of keys is not asked here.
type noKeys struct{}

func (noKeys) CreateCustomer(context.Context, id.Customer) error { return nil }

// A customer who was set up by a blueprint, holds a domain and pushes files can
// leave: foreign keys would hold the node, and the domain would never be free.
func TestACustomerIsForgotten(t *testing.T) {
	placetest.Run(t, storage.Schemas(), func(t *testing.T, store *place.Store) {
		no := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx, who := t.Context(), actor.ForSystem("test")
		tree := org.New(store, noKeys{})
		root, err := tree.CreateProvider(ctx, who, "Provider")
		no(err)
		n, err := tree.Create(ctx, who, root.ID, org.Customer, "Oak & Ember")
		no(err)
		domain := id.New[id.Domain]()
		no(store.Registry().Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "customer.created", Subject: n.ID.String()})
			for _, row := range []struct {
				text string
				args []any
			}{
				{`INSERT INTO blueprints (node, doc, state, note, applied_at) VALUES (?, ?, 'done', '', 1)`, []any{n.ID, []byte("x")}},
				{`INSERT INTO sso_domains (id, customer, provider, blind, domain, proof, claimed_at, verified_at) VALUES (?, ?, ?, ?, ?, '', 1, 1)`, []any{domain, n.ID, id.New[id.Provider](), []byte("b"), []byte("d")}},
				{`INSERT INTO sso_domain_holders (blind, domain) VALUES (?, ?)`, []any{[]byte("b"), domain}},
				{`INSERT INTO drop_logins (login, customer, source) VALUES ('rf-1', ?, ?)`, []any{n.ID, id.New[id.Source]()}},
				{`INSERT INTO key_rhythms (customer, months) VALUES (?, 12)`, []any{n.ID.String()}},
				{`INSERT INTO keys_held (customer) VALUES (?)`, []any{n.ID}},
			} {
				if _, err := tx.Exec(row.text, row.args...); err != nil {
					return err
				}
			}
			return nil
		}))
		no(store.Registry().Change(ctx, who, func(tx *place.Tx) error {
			above, err := forgetCustomer(tx, n.ID)
			if err == nil && above != root.ID {
				t.Errorf("it stood below %v", above)
			}
			return err
		}))
		no(store.Registry().View(ctx, func(tx *place.Tx) error {
			for _, table := range append([][2]string{{"nodes", "id"}}, ofCustomer...) {
				var of any = n.ID
				if table[0] == "key_rhythms" {
					of = n.ID.String()
				}
				left, err := place.Row[int](tx, `SELECT count(*) FROM `+table[0]+` WHERE `+table[1]+` = ?`, of)
				if err != nil || left > 0 {
					t.Errorf("%s: %d rows are left, %v", table[0], left, err)
				}
			}
			held, err := place.Row[int](tx, `SELECT count(*) FROM sso_domain_holders`)
			if held > 0 {
				t.Error("the domain is held by nobody who is there")
			}
			return err
		}))
	})
}
