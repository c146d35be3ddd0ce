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
		);`}, {Number: 110, Name: "tree", SQL: `
		ALTER TABLE nodes ADD COLUMN folded {{text}} NOT NULL DEFAULT '';
		ALTER TABLE nodes ADD COLUMN suspended_at {{int}} NOT NULL DEFAULT 0;
		UPDATE nodes SET folded = lower(name);
		CREATE INDEX nodes_children ON nodes (parent, folded, id);
		ALTER TABLE node_figures ADD COLUMN seats {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE node_figures ADD COLUMN failing {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE node_figures ADD COLUMN quiet_since {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE node_figures ADD COLUMN period {{text}} NOT NULL DEFAULT '';
		ALTER TABLE node_figures ADD COLUMN captured {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE node_figures ADD COLUMN heard {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE node_figures ADD COLUMN signs {{text}} NOT NULL DEFAULT '';
		CREATE TABLE node_usage (
			node {{id}} NOT NULL REFERENCES nodes (id),
			period {{text}} NOT NULL,
			seats {{int}} NOT NULL,
			bytes {{int}} NOT NULL,
			recordings {{int}} NOT NULL,
			captured {{int}} NOT NULL,
			heard {{int}} NOT NULL,
			requests {{int}} NOT NULL,
			PRIMARY KEY (node, period)
		);
		CREATE TABLE node_quotas (
			node {{id}} NOT NULL REFERENCES nodes (id),
			measure {{text}} NOT NULL,
			most {{int}} NOT NULL,
			PRIMARY KEY (node, measure)
		);
		CREATE TABLE node_brands (
			node {{id}} PRIMARY KEY REFERENCES nodes (id),
			name {{text}} NOT NULL,
			accent {{text}} NOT NULL,
			on_accent {{text}} NOT NULL,
			host {{text}} NOT NULL,
			logo {{bytes}} NOT NULL,
			logo_hash {{text}} NOT NULL
		);
		CREATE UNIQUE INDEX node_brands_host ON node_brands (host) WHERE host <> '';
		CREATE TABLE mail_checks (
			node {{id}} PRIMARY KEY REFERENCES nodes (id),
			token {{bytes}} NOT NULL UNIQUE,
			sent_at {{int}} NOT NULL,
			confirmed_at {{int}} NOT NULL
		);
		CREATE TABLE checklist_signatures (
			node {{id}} PRIMARY KEY REFERENCES nodes (id),
			person {{text}} NOT NULL,
			signed_at {{int}} NOT NULL,
			items {{text}} NOT NULL
		);`}}
}

// PlaceMigrations are the tables of a customer's place: whether it is suspended,
// and what it has used in each month.
func PlaceMigrations() place.Migrations {
	return place.Migrations{{Number: 111, Name: "standing", SQL: `
		CREATE TABLE standing (
			one {{int}} PRIMARY KEY CHECK (one = 1),
			suspended_at {{int}} NOT NULL,
			why {{text}} NOT NULL
		);
		CREATE TABLE meters (
			period {{text}} PRIMARY KEY,
			captured {{int}} NOT NULL,
			heard {{int}} NOT NULL
		);`}}
}

// Housekeeping is the tables that need no event: figures come every minute, and
// what was used is counted together with what used it.
func Housekeeping() []string { return []string{"node_figures", "node_usage", "meters"} }
