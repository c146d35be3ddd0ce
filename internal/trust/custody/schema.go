package custody

import "ringfence/internal/platform/place"

const rotations = `
	CREATE TABLE key_rotations (
		id       {{id}} PRIMARY KEY,
		what     {{text}} NOT NULL,
		holder   {{text}} NOT NULL,
		asked_by {{text}} NOT NULL,
		asked_at {{int}} NOT NULL,
		ended_at {{int}} NOT NULL,
		version  {{int}} NOT NULL,
		done     {{int}} NOT NULL,
		total    {{int}} NOT NULL,
		problem  {{text}} NOT NULL,
		root     {{text}} NOT NULL
	);
	CREATE UNIQUE INDEX key_rotations_one ON key_rotations (ended_at) WHERE ended_at = 0;`

// PlaceMigrations are the tables of a customer's place.
func PlaceMigrations() place.Migrations {
	return place.Migrations{{Number: 990, Name: "custody of keys", SQL: rotations + `
		CREATE TABLE key_servers_set (
			name    {{text}} PRIMARY KEY,
			version {{int}} NOT NULL,
			set_at  {{int}} NOT NULL,
			row_id  {{id}} NOT NULL,
			sealed  {{bytes}} NOT NULL
		);`}}
}

// RegistryMigrations are the tables of the registry.
func RegistryMigrations() place.Migrations {
	return place.Migrations{{Number: 991, Name: "custody of root keys", SQL: rotations + `
		CREATE TABLE key_machines (
			name  {{text}} PRIMARY KEY,
			at    {{int}} NOT NULL,
			roots {{text}} NOT NULL
		);
		CREATE TABLE key_rhythms (
			customer {{text}} PRIMARY KEY,
			months   {{int}} NOT NULL
		);
		CREATE TABLE keys_held (
			customer {{id}} PRIMARY KEY
		);`}}
}

// Housekeeping are the tables whose rows say how far something is.
func Housekeeping() []string {
	return []string{"key_rotations", "key_machines", "key_rhythms", "keys_held"}
}
