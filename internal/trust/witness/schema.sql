CREATE TABLE log_checkpoints (
	size     {{int}} NOT NULL PRIMARY KEY,
	at       {{int}} NOT NULL,
	openings {{int}} NOT NULL,
	root     {{bytes}} NOT NULL,
	note     {{text}} NOT NULL
);
CREATE TABLE log_cosignatures (
	size {{int}} NOT NULL,
	name {{text}} NOT NULL,
	at   {{int}} NOT NULL,
	line {{text}} NOT NULL,
	vkey {{text}} NOT NULL,
	PRIMARY KEY (size, name)
);
CREATE TABLE log_witnesses (
	id        {{id}} NOT NULL PRIMARY KEY,
	sealed    {{bytes}} NOT NULL,
	every_ms  {{int}} NOT NULL,
	added_at  {{int}} NOT NULL,
	sent_at   {{int}} NOT NULL DEFAULT 0,
	sent_size {{int}} NOT NULL DEFAULT 0,
	trouble   {{text}} NOT NULL DEFAULT ''
);
