package sso

import "ringfence/internal/platform/place"

// RegistryMigrations are the domains of e-mail addresses: many customers may
// claim one, a customer that proved it holds it.
func RegistryMigrations() place.Migrations {
	return place.Migrations{{Number: 360, Name: "domains of identity providers", SQL: `
		CREATE TABLE sso_domains (
			id {{id}} PRIMARY KEY,
			customer {{id}} NOT NULL,
			provider {{id}} NOT NULL,
			blind {{bytes}} NOT NULL,
			domain {{bytes}} NOT NULL,
			proof {{text}} NOT NULL,
			claimed_at {{int}} NOT NULL,
			verified_at {{int}} NOT NULL,
			UNIQUE (customer, blind)
		);
		CREATE TABLE sso_domain_holders (
			blind {{bytes}} PRIMARY KEY,
			domain {{id}} NOT NULL UNIQUE REFERENCES sso_domains (id)
		);`}}
}

// PlaceMigrations are a customer's providers, whom they know, and what is under
// way.
func PlaceMigrations() place.Migrations {
	return place.Migrations{{Number: 361, Name: "identity providers", SQL: `
		CREATE TABLE identity_providers (
			id {{id}} PRIMARY KEY,
			kind {{text}} NOT NULL,
			enabled {{int}} NOT NULL,
			settings {{bytes}} NOT NULL,
			changed_by {{text}} NOT NULL,
			created_at {{int}} NOT NULL,
			changed_at {{int}} NOT NULL
		);
		CREATE TABLE sso_links (
			id {{id}} PRIMARY KEY,
			provider {{id}} NOT NULL REFERENCES identity_providers (id),
			mark {{bytes}} NOT NULL,
			person {{id}} NOT NULL,
			state {{text}} NOT NULL,
			card {{bytes}} NOT NULL,
			since {{int}} NOT NULL,
			UNIQUE (provider, mark)
		);
		CREATE INDEX sso_links_person ON sso_links (person);
		CREATE TABLE sso_link_seen (
			link {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL
		);
		CREATE TABLE sso_under_way (
			state {{bytes}} PRIMARY KEY,
			id {{id}} NOT NULL,
			browser {{bytes}} NOT NULL,
			provider {{id}} NOT NULL,
			data {{bytes}} NOT NULL,
			arrived {{bytes}},
			until {{int}} NOT NULL
		);
		CREATE INDEX sso_under_way_until ON sso_under_way (until);
		CREATE TABLE sso_used (
			mark {{bytes}} PRIMARY KEY,
			until {{int}} NOT NULL
		);
		CREATE TABLE sso_health (
			provider {{id}} PRIMARY KEY,
			success_at {{int}} NOT NULL,
			failure_at {{int}} NOT NULL,
			cause {{text}} NOT NULL,
			note {{bytes}}
		);
		CREATE TABLE sso_tests (
			id {{id}} PRIMARY KEY,
			provider {{id}} NOT NULL REFERENCES identity_providers (id),
			person {{id}} NOT NULL,
			at {{int}} NOT NULL,
			own {{int}} NOT NULL,
			report {{bytes}} NOT NULL
		);
		CREATE INDEX sso_tests_provider ON sso_tests (provider, id);`}}
}

// Housekeeping is the tables that need no event: what is under way, what was
// used, and how providers fare.
func Housekeeping() []string {
	return []string{"sso_link_seen", "sso_under_way", "sso_used", "sso_health"}
}
