package identity

import (
	"slices"

	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/directory"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// RegistryMigrations are the tables of persons and what they sign in with, with
// the access lists that the statements of every request read too.
func RegistryMigrations() place.Migrations {
	return append(append(entry.Migrations(), nodeTokenMigrations()...), place.Migrations{{Number: 300, Name: "persons", SQL: `
		CREATE TABLE persons (
			id {{id}} PRIMARY KEY,
			email_blind {{bytes}} NOT NULL UNIQUE,
			email {{bytes}} NOT NULL,
			name {{bytes}} NOT NULL,
			created_at {{int}} NOT NULL
		);
		CREATE TABLE credentials (
			person {{id}} PRIMARY KEY REFERENCES persons (id),
			password {{bytes}} NOT NULL,
			changed_at {{int}} NOT NULL
		);
		CREATE TABLE sessions (
			id {{id}} PRIMARY KEY,
			token {{bytes}} NOT NULL UNIQUE,
			person {{id}} NOT NULL REFERENCES persons (id),
			started_at {{int}} NOT NULL,
			ends_at {{int}} NOT NULL,
			origin {{bytes}} NOT NULL
		);
		CREATE INDEX sessions_person ON sessions (person);
		CREATE TABLE session_seen (
			session {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL
		);
		CREATE TABLE sign_ins (
			id {{id}} PRIMARY KEY,
			token {{bytes}} NOT NULL UNIQUE,
			person {{id}} NOT NULL,
			code {{bytes}} NOT NULL,
			until {{int}} NOT NULL,
			tries {{int}} NOT NULL
		);
		CREATE TABLE invitations (
			id {{id}} PRIMARY KEY,
			token {{bytes}} NOT NULL UNIQUE,
			person {{id}} NOT NULL REFERENCES persons (id),
			until {{int}} NOT NULL
		);
		CREATE TABLE node_roles (
			node {{id}} NOT NULL,
			person {{id}} NOT NULL REFERENCES persons (id),
			role {{text}} NOT NULL,
			PRIMARY KEY (person, node, role)
		);
		CREATE TABLE person_places (
			person {{id}} NOT NULL REFERENCES persons (id),
			customer {{id}} NOT NULL,
			PRIMARY KEY (person, customer)
		);`}, {Number: 310, Name: "what a session rests on", SQL: `
		ALTER TABLE sessions ADD COLUMN methods {{text}} NOT NULL DEFAULT 'password mail';
		ALTER TABLE sessions ADD COLUMN via_customer {{id}};
		ALTER TABLE sessions ADD COLUMN via_provider {{text}} NOT NULL DEFAULT '';
		ALTER TABLE sessions ADD COLUMN proved_at {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE sessions ADD COLUMN vouched_at {{int}} NOT NULL DEFAULT 0;
		ALTER TABLE session_seen ADD COLUMN idle {{int}} NOT NULL DEFAULT 0;`}, {Number: 312, Name: "second factors", SQL: `
		CREATE TABLE totp (
			person {{id}} PRIMARY KEY REFERENCES persons (id),
			secret {{bytes}} NOT NULL,
			since {{int}} NOT NULL
		);
		CREATE TABLE totp_used (
			person {{id}} PRIMARY KEY,
			step {{int}} NOT NULL
		);
		CREATE TABLE recovery_codes (
			id {{id}} PRIMARY KEY,
			person {{id}} NOT NULL REFERENCES persons (id),
			mac {{bytes}} NOT NULL,
			made_at {{int}} NOT NULL,
			UNIQUE (person, mac)
		);
		CREATE TABLE passkeys (
			id {{id}} PRIMARY KEY,
			person {{id}} NOT NULL REFERENCES persons (id),
			handle {{bytes}} NOT NULL UNIQUE,
			name {{bytes}} NOT NULL,
			credential {{bytes}} NOT NULL,
			created_at {{int}} NOT NULL
		);
		CREATE INDEX passkeys_person ON passkeys (person);
		CREATE TABLE passkey_used (
			passkey {{id}} PRIMARY KEY,
			counter {{int}} NOT NULL,
			used_at {{int}} NOT NULL
		);
		CREATE TABLE ceremonies (
			token {{bytes}} PRIMARY KEY,
			id {{id}} NOT NULL,
			person {{id}},
			data {{bytes}} NOT NULL,
			until {{int}} NOT NULL
		);
		CREATE TABLE trusted_browsers (
			id {{id}} PRIMARY KEY,
			token {{bytes}} NOT NULL UNIQUE,
			person {{id}} NOT NULL REFERENCES persons (id),
			methods {{text}} NOT NULL,
			created_at {{int}} NOT NULL,
			ends_at {{int}} NOT NULL,
			origin {{bytes}} NOT NULL
		);
		CREATE INDEX trusted_browsers_person ON trusted_browsers (person);
		CREATE TABLE browser_used (
			browser {{id}} PRIMARY KEY,
			used_at {{int}} NOT NULL
		);
		CREATE TABLE password_resets (
			id {{id}} PRIMARY KEY,
			token {{bytes}} NOT NULL UNIQUE,
			person {{id}} NOT NULL REFERENCES persons (id),
			until {{int}} NOT NULL
		);`}}...)
}

// PlaceMigrations are the tables of members and tokens of one customer, and its
// access lists.
func PlaceMigrations() place.Migrations {
	return slices.Concat(org.PlaceMigrations(), directory.Migrations(), supportMigrations(), entry.Migrations(), tokenMigrations(), place.Migrations{{Number: 301, Name: "members", SQL: `
		CREATE TABLE members (
			person {{id}} PRIMARY KEY,
			email_blind {{bytes}} NOT NULL UNIQUE,
			card {{bytes}} NOT NULL,
			roles {{text}} NOT NULL,
			joined {{int}} NOT NULL,
			since {{int}} NOT NULL
		);
		CREATE TABLE tokens (
			id {{id}} PRIMARY KEY,
			secret {{bytes}} NOT NULL UNIQUE,
			name {{text}} NOT NULL,
			acts {{text}} NOT NULL,
			maker {{id}} NOT NULL,
			created_at {{int}} NOT NULL,
			until {{int}} NOT NULL
		);
		CREATE TABLE token_seen (
			token {{id}} PRIMARY KEY,
			seen_at {{int}} NOT NULL
		);`}, {Number: 311, Name: "how people sign in", SQL: `
		CREATE TABLE sign_in_policy (
			one {{int}} PRIMARY KEY,
			settings {{text}} NOT NULL
		);`}})
}

// Housekeeping is the tables that need no event: when something was last seen or
// used, and what is under way between two requests.
func Housekeeping() []string {
	return []string{"session_seen", "sign_ins", "token_seen", "node_token_seen", "totp_used", "passkey_used", "browser_used", "ceremonies"}
}
