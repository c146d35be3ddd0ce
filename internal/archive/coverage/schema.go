package coverage

import "ringfence/internal/platform/place"

// Migrations are the tables of a customer's place. The rule "not answered" is
// there from the start: where nobody spoke there is nothing to record.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 640, Name: "coverage", SQL: `
		CREATE TABLE expectations (
			id {{id}} PRIMARY KEY,
			source {{id}} NOT NULL,
			token {{bytes}} NOT NULL UNIQUE,
			day {{int}} NOT NULL,
			state {{text}} NOT NULL,
			named {{int}} NOT NULL,
			started_at {{int}} NOT NULL,
			ended_at {{int}} NOT NULL,
			due_at {{int}} NOT NULL,
			changed_at {{int}} NOT NULL,
			direction {{text}} NOT NULL,
			disposition {{text}} NOT NULL,
			talk {{int}} NOT NULL,
			recording {{id}},
			excuse {{id}},
			authority {{text}} NOT NULL,
			card {{bytes}}
		);
		CREATE INDEX expectations_due ON expectations (due_at) WHERE state = 'waiting';
		CREATE INDEX expectations_day ON expectations (day, source, state);
		CREATE INDEX expectations_odd ON expectations (state, started_at, id) WHERE state IN ('missing', 'unnamed');
		CREATE INDEX expectations_recording ON expectations (recording) WHERE recording IS NOT NULL;
		CREATE TABLE expectation_idents (
			token {{bytes}} PRIMARY KEY,
			expectation {{id}} NOT NULL
		);
		CREATE INDEX expectation_idents_of ON expectation_idents (expectation);
		CREATE TABLE coverage_sources (
			source {{id}} PRIMARY KEY,
			since {{int}} NOT NULL,
			named {{int}} NOT NULL,
			grace {{int}} NOT NULL,
			last_line {{int}} NOT NULL
		);
		CREATE TABLE coverage_base (
			source {{id}} NOT NULL,
			day {{int}} NOT NULL,
			state {{text}} NOT NULL,
			excuse {{bytes}} NOT NULL,
			n {{int}} NOT NULL,
			PRIMARY KEY (source, day, state, excuse)
		);
		CREATE TABLE coverage_hours (
			source {{id}} NOT NULL,
			hour {{int}} NOT NULL,
			named {{int}} NOT NULL,
			taken {{int}} NOT NULL,
			PRIMARY KEY (source, hour)
		);
		CREATE TABLE coverage_gaps (
			source {{id}} NOT NULL,
			day {{int}} NOT NULL,
			kind {{text}} NOT NULL,
			log {{text}} NOT NULL,
			from_at {{int}} NOT NULL,
			to_at {{int}} NOT NULL,
			n {{int}} NOT NULL,
			PRIMARY KEY (source, day, kind, log, from_at)
		);
		CREATE TABLE coverage_statements (
			id {{id}} PRIMARY KEY,
			day {{int}} NOT NULL,
			kind {{text}} NOT NULL,
			corrects {{id}},
			signed_at {{int}} NOT NULL,
			digest {{bytes}} NOT NULL,
			figures {{text}} NOT NULL,
			document {{bytes}} NOT NULL,
			pdf {{bytes}} NOT NULL
		);
		CREATE INDEX coverage_statements_day ON coverage_statements (day, signed_at, id);
		CREATE TABLE excuses (
			id {{id}} PRIMARY KEY,
			source {{id}},
			kind {{text}} NOT NULL,
			args {{text}} NOT NULL,
			active {{int}} NOT NULL,
			created_at {{int}} NOT NULL,
			card {{bytes}}
		);
		{{sqlite}}INSERT INTO excuses (id, kind, args, active, created_at) VALUES (x'00000000000070008000000000000001', 'unanswered', '{}', 1, 0);{{end}}
		{{postgres}}INSERT INTO excuses (id, kind, args, active, created_at) VALUES ('\x00000000000070008000000000000001', 'unanswered', '{}', 1, 0);{{end}}
		CREATE TABLE coverage_settings (
			one {{int}} PRIMARY KEY CHECK (one = 1),
			keep_days {{int}} NOT NULL
		);`}, {Number: 641, Name: "captured by another source", SQL: `
		ALTER TABLE expectations ADD COLUMN by_source {{id}};
		ALTER TABLE coverage_base ADD COLUMN elsewhere {{int}} NOT NULL DEFAULT 0;`}}
}

// Housekeeping are the tables that are written together with how far logs were
// read: a log line is no act of anybody. That calls are missing is journalled.
func Housekeeping() []string {
	return []string{"expectations", "expectation_idents", "coverage_sources", "coverage_base", "coverage_hours", "coverage_gaps"}
}
