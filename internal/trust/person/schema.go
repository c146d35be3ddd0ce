package person

import "ringfence/internal/platform/place"

// Topic is the live topic of this package.
const Topic = "requests"

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 935, Name: "how long closed cases are kept", SQL: `
-- How many days requests of persons and breaches are kept once they are closed; one row, or none.
CREATE TABLE case_retention (
	one  {{int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	days {{int}} NOT NULL
);
`}, {Number: 936, Name: "certificates of requests", SQL: `
-- What was done about a request until it was ended: signed, as JSON and as PDF, sealed. It goes with the request.
CREATE TABLE person_certificates (
	request   {{id}} NOT NULL PRIMARY KEY,
	id        {{id}} NOT NULL,
	signed_at {{int}} NOT NULL,
	document  {{bytes}} NOT NULL,
	pdf       {{bytes}} NOT NULL
);
`}, {Number: 982, Name: "requests of persons", SQL: `
CREATE TABLE person_requests (
	id          {{id}} NOT NULL PRIMARY KEY,
	kind        {{text}} NOT NULL,
	state       {{text}} NOT NULL,
	received_at {{int}} NOT NULL,
	zone        {{text}} NOT NULL,
	due_at      {{int}} NOT NULL,
	opened_at   {{int}} NOT NULL,
	opened_by   {{text}} NOT NULL,
	ended_at    {{int}} NOT NULL,
	checked_at  {{int}} NOT NULL,
	run         {{id}},
	sealed      {{bytes}} NOT NULL
);
CREATE INDEX person_requests_due ON person_requests (ended_at, due_at);

-- What was found about the person of a request. Which thing it is stands blinded beside the sealed card.
CREATE TABLE person_items (
	id       {{id}} NOT NULL PRIMARY KEY,
	request  {{id}} NOT NULL,
	store    {{text}} NOT NULL,
	mark     {{bytes}} NOT NULL,
	verdict  {{text}} NOT NULL,
	outcome  {{text}} NOT NULL,
	at       {{int}} NOT NULL,
	done_at  {{int}} NOT NULL,
	sealed   {{bytes}} NOT NULL
);
CREATE UNIQUE INDEX person_items_mark ON person_items (request, store, mark);
CREATE INDEX person_items_page ON person_items (request, id);

-- Numbers whose owner objects to some processing, by the same blind index as those who took part in calls.
CREATE TABLE person_objections (
	token   {{bytes}} NOT NULL,
	request {{id}} NOT NULL,
	what    {{text}} NOT NULL,
	since   {{int}} NOT NULL,
	PRIMARY KEY (token, request, what)
);
`}}
}

// Housekeeping lists the tables that are written without an event: how far a
// search or an erasure has come. What was decided is an event.
func Housekeeping() []string { return []string{"person_items"} }
