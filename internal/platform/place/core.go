package place

// coreTables are written by this package alone.
var coreTables = map[string]bool{"events": true, "intents": true, "migrations": true, "placements": true, "place_work": true, "redo": true}

// coreMigrations make what every place and the registry have. Numbers below 10
// are this package's.
var coreMigrations = Migrations{
	{1, "journal and intents", `
CREATE TABLE events (
	pos        {{int}} NOT NULL PRIMARY KEY,
	id         {{id}} NOT NULL UNIQUE,
	at         {{int}} NOT NULL,
	code       {{text}} NOT NULL,
	actor_kind {{text}} NOT NULL,
	actor_id   {{text}} NOT NULL,
	on_behalf  {{text}} NOT NULL,
	subject    {{text}} NOT NULL,
	why        {{text}} NOT NULL,
	facts      {{text}} NOT NULL,
	sealed     {{bytes}}
);
CREATE INDEX events_by_code ON events (code, pos);
CREATE INDEX events_by_subject ON events (subject, pos);
CREATE INDEX events_by_actor ON events (actor_id, pos);
CREATE INDEX events_by_at ON events (at);
{{sqlite}}
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT raise(ABORT, 'events are only added'); END;
{{end}}
CREATE TABLE intents (
	id   {{id}} NOT NULL PRIMARY KEY,
	kind {{text}} NOT NULL,
	args {{text}} NOT NULL,
	at   {{int}} NOT NULL
);
`},
	redoMigration,
	needsMigration,
}

// registryMigrations make what the registry has besides.
var registryMigrations = Migrations{
	{2, "placements", `
CREATE TABLE placements (
	customer   {{id}} NOT NULL PRIMARY KEY,
	created_at {{int}} NOT NULL,
	destroying {{int}} NOT NULL DEFAULT 0
);
CREATE TABLE place_work (
	customer {{id}} NOT NULL PRIMARY KEY,
	due_at   {{int}} NOT NULL
);
CREATE INDEX place_work_by_due ON place_work (due_at);
`},
}
