package destruction

import "ringfence/internal/platform/place"

// Migrations are the tables of a customer's place. They hold ids, counts, times
// and keyed hashes; the documents are sealed.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 954, Name: "answers of boxes", SQL: `
ALTER TABLE destroyed ADD COLUMN elsewhere {{text}} NOT NULL DEFAULT '';
ALTER TABLE destruction_certificates ADD COLUMN waiting {{int}} NOT NULL DEFAULT 0;
`}, {Number: 950, Name: "destructions", SQL: `
CREATE TABLE destructions (
	run         {{id}}   NOT NULL PRIMARY KEY,
	kind        {{text}} NOT NULL,
	rule        {{text}} NOT NULL,
	request     {{text}} NOT NULL,
	approval    {{text}} NOT NULL,
	ordered_by  {{text}} NOT NULL,
	ordered_at  {{int}}  NOT NULL,
	ended_at    {{int}}  NOT NULL,
	two_keys    {{int}}  NOT NULL,
	two_objects {{int}}  NOT NULL
);
CREATE TABLE destroyed (
	recording   {{id}}    NOT NULL PRIMARY KEY,
	run         {{id}}    NOT NULL,
	at          {{int}}   NOT NULL,
	source      {{id}}    NOT NULL,
	source_kind {{text}}  NOT NULL,
	at_source   {{text}}  NOT NULL,
	sounds      {{int}}   NOT NULL,
	texts       {{int}}   NOT NULL,
	bytes       {{int}}   NOT NULL,
	keys        {{bytes}} NOT NULL,
	paths       {{bytes}},
	certificate {{id}}
);
CREATE INDEX destroyed_run ON destroyed (run, recording);
CREATE INDEX destroyed_open ON destroyed (run) WHERE certificate IS NULL;
CREATE INDEX destroyed_unknown ON destroyed (at) WHERE at_source = 'unknown';
CREATE INDEX destroyed_certificate ON destroyed (certificate, recording);
CREATE TABLE destruction_certificates (
	id        {{id}}    NOT NULL PRIMARY KEY,
	run       {{id}}    NOT NULL,
	corrects  {{id}},
	replaced  {{id}},
	kind      {{text}}  NOT NULL,
	signed_at {{int}}   NOT NULL,
	items     {{int}}   NOT NULL,
	open      {{int}}   NOT NULL,
	until     {{int}}   NOT NULL,
	document  {{bytes}} NOT NULL,
	pdf       {{bytes}} NOT NULL
);
CREATE INDEX destruction_certificates_run ON destruction_certificates (run, id);
`}, {Number: 955, Name: "an index that nothing reads", SQL: `
DROP INDEX destroyed_unknown;
`}}
}

// Housekeeping are the tables that are written without an event: what a source's
// other side has said of its copies. What is signed comes with one.
var Housekeeping = []string{"destroyed"}
