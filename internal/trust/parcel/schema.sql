CREATE TABLE parcels (
	id         {{id}} NOT NULL PRIMARY KEY,
	kind       {{text}} NOT NULL,
	state      {{text}} NOT NULL,
	actor_kind {{text}} NOT NULL,
	actor_id   {{text}} NOT NULL,
	sealed     {{bytes}},
	estimate   {{int}} NOT NULL,
	done       {{int}} NOT NULL DEFAULT 0,
	total      {{int}} NOT NULL DEFAULT 0,
	bytes      {{int}} NOT NULL DEFAULT 0,
	key_id     {{id}},
	object     {{id}},
	reason     {{text}} NOT NULL DEFAULT '',
	asked_at   {{int}} NOT NULL,
	ready_at   {{int}} NOT NULL DEFAULT 0,
	until_at   {{int}} NOT NULL DEFAULT 0,
	ended_at   {{int}} NOT NULL DEFAULT 0
);
CREATE INDEX parcels_of ON parcels (actor_id, id);
CREATE INDEX parcels_until ON parcels (until_at) WHERE state <> 'ended';
CREATE TABLE parcel_subjects (
	subject {{text}} NOT NULL,
	parcel  {{id}} NOT NULL,
	PRIMARY KEY (subject, parcel)
);
