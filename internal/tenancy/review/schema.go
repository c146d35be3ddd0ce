package review

import "ringfence/internal/platform/place"

// Migrations are the tables of a place and of the registry alike: in a place
// the one node is the customer, in the registry there are provider and resellers.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 380, Name: "access reviews", SQL: `
		CREATE TABLE member_seen (
			person {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL
		);
		CREATE TABLE review_rules (
			node {{id}} PRIMARY KEY,
			months {{int}} NOT NULL,
			suspend {{int}} NOT NULL,
			next_at {{int}} NOT NULL
		);
		CREATE TABLE reviews (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			opened_at {{int}} NOT NULL,
			due_at {{int}} NOT NULL,
			suspend {{int}} NOT NULL,
			reminded {{int}} NOT NULL DEFAULT 0,
			escalated_at {{int}} NOT NULL DEFAULT 0,
			closed_at {{int}} NOT NULL DEFAULT 0
		);
		CREATE INDEX reviews_node ON reviews (node, opened_at);
		CREATE TABLE review_lines (
			id {{id}} PRIMARY KEY,
			review {{id}} NOT NULL REFERENCES reviews (id),
			person {{id}} NOT NULL,
			card {{bytes}} NOT NULL,
			roles {{text}} NOT NULL,
			unused {{int}} NOT NULL,
			decision {{text}} NOT NULL DEFAULT '',
			wanted {{text}} NOT NULL DEFAULT '',
			alone {{int}} NOT NULL DEFAULT 0,
			decider {{id}},
			decided_at {{int}} NOT NULL DEFAULT 0
		);
		CREATE INDEX review_lines_review ON review_lines (review, id);
		CREATE TABLE review_papers (
			review {{id}} PRIMARY KEY,
			pdf {{bytes}} NOT NULL
		);`}}
}

// RegistryMigrations are Migrations and the key that signs results.
func RegistryMigrations() place.Migrations {
	return append(Migrations(), place.Migration{Number: 381, Name: "key of documents", SQL: `
		CREATE TABLE paper_keys (
			id {{id}} PRIMARY KEY,
			certificate {{bytes}} NOT NULL,
			private {{bytes}} NOT NULL,
			created_at {{int}} NOT NULL
		);`})
}

// Housekeeping is the tables that need no event: when a membership was last used.
func Housekeeping() []string { return []string{"member_seen"} }
