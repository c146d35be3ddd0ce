package scim

import "ringfence/internal/platform/place"

// Migrations are the tables of one customer.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 370, Name: "pushed people", SQL: `
		CREATE TABLE scim_users (
			id {{id}} PRIMARY KEY,
			person {{id}} NOT NULL UNIQUE,
			user_name {{bytes}} NOT NULL UNIQUE,
			external {{bytes}},
			card {{bytes}} NOT NULL,
			active {{int}} NOT NULL,
			given {{text}} NOT NULL,
			refused_at {{int}} NOT NULL DEFAULT 0,
			created_at {{int}} NOT NULL,
			modified_at {{int}} NOT NULL
		);
		CREATE INDEX scim_users_external ON scim_users (external);
		CREATE TABLE scim_emails (
			email {{bytes}} NOT NULL,
			usr {{id}} NOT NULL,
			PRIMARY KEY (email, usr)
		);
		CREATE INDEX scim_emails_usr ON scim_emails (usr);
		CREATE TABLE scim_groups (
			id {{id}} PRIMARY KEY,
			name {{bytes}} NOT NULL UNIQUE,
			external {{bytes}},
			card {{bytes}} NOT NULL,
			created_at {{int}} NOT NULL,
			modified_at {{int}} NOT NULL
		);
		CREATE TABLE scim_members (
			grp {{id}} NOT NULL,
			usr {{id}} NOT NULL,
			PRIMARY KEY (grp, usr)
		);
		CREATE INDEX scim_members_usr ON scim_members (usr);
		CREATE TABLE scim_mapping (
			kind {{text}} NOT NULL,
			value {{text}} NOT NULL,
			role {{text}} NOT NULL,
			PRIMARY KEY (kind, value, role)
		);
		CREATE TABLE scim_settings (
			one {{int}} PRIMARY KEY,
			default_role {{text}} NOT NULL,
			invite {{int}} NOT NULL,
			domains {{text}} NOT NULL
		);
		CREATE TABLE scim_tokens (
			id {{id}} PRIMARY KEY,
			secret {{bytes}} NOT NULL UNIQUE,
			name {{text}} NOT NULL,
			maker {{id}},
			created_at {{int}} NOT NULL,
			until {{int}} NOT NULL
		);
		CREATE TABLE scim_token_seen (
			token {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL
		);`}}
}

// Housekeeping is the tables that need no event: when a token was last seen.
func Housekeeping() []string { return []string{"scim_token_seen"} }
