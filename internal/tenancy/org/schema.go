package org

import "ringfence/internal/platform/place"

// Migrations of the registry.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 100, Name: "nodes", SQL: `
		CREATE TABLE nodes (
			id {{id}} PRIMARY KEY,
			parent {{id}} REFERENCES nodes (id),
			kind {{text}} NOT NULL,
			name {{text}} NOT NULL,
			created_at {{int}} NOT NULL,
			ready {{int}} NOT NULL
		);
		CREATE INDEX nodes_parent ON nodes (parent);
		CREATE TABLE node_figures (
			node {{id}} PRIMARY KEY REFERENCES nodes (id),
			recordings {{int}} NOT NULL,
			bytes {{int}} NOT NULL,
			millis {{int}} NOT NULL,
			attention {{int}} NOT NULL,
			failed {{int}} NOT NULL,
			captured_at {{int}} NOT NULL,
			reported_at {{int}} NOT NULL
		);`}}
}

// Housekeeping is the tables that need no event: figures come every minute.
func Housekeeping() []string { return []string{"node_figures"} }
