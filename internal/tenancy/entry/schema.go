package entry

import "ringfence/internal/platform/place"

// Migrations are the same in the registry, for the nodes above customers, and
// in each place, where every row carries the customer's own id. Networks, owners
// and reasons are sealed: an administrator's home is among them.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 390, Name: "access lists", SQL: `
		CREATE TABLE entry_rules (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			surface {{text}} NOT NULL,
			card {{bytes}} NOT NULL,
			until {{int}} NOT NULL,
			created_at {{int}} NOT NULL
		);
		CREATE INDEX entry_rules_node ON entry_rules (node);
		CREATE TABLE entry_lists (
			node {{id}} PRIMARY KEY,
			list {{bytes}} NOT NULL
		);`}}
}
