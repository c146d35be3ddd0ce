// Package pseudonym puts lasting others in the place of people's names and
// numbers: the same number is the same pseudonym in every recording, transcript
// and export of one customer, and another one at the next customer's.
//
//	person's case or rule ──▶ run: one recording after another ──▶ recording.Rename
//	                            │ names and numbers of the card, and what was said
//	                            ▼
//	                 mark (keyed) ──▶ pseudonym        the way there
//	                 pseudonym ──▶ sealed original     the way back, a key for each
//
// A pseudonym is drawn at random and says nothing of whom it stands for. What
// leads to it is a mark: HMAC-SHA-256 of the name or number under a pseudonym key
// of the customer that is used for nothing else. What leads back is the original,
// sealed under a key of its own. Both sorts of key lie in the key store, are
// opened against a receipt, and can be destroyed: with its key the original is
// gone from every backup, and with its mark nobody can try numbers until one
// fits. Who calls anew after that is given another pseudonym.
//
// Limits. In speech only that is replaced what package pii finds, and the names
// and numbers of the card: what an engine misheard stays in the text. Sound that
// was never transcribed cannot be silenced; runs count it. An agent's extension
// stays: who may hear a call follows from it. E-mail addresses and account
// numbers are package redaction's.
package pseudonym

import (
	"context"
	"log/slog"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/person"
)

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 963, Name: "pseudonyms", SQL: `
-- The key under which marks are made; one row, or none.
CREATE TABLE pseudonym_keys (
	one     {{int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	key     {{id}}  NOT NULL,
	made_at {{int}} NOT NULL
);

CREATE TABLE pseudonyms (
	id       {{id}}   NOT NULL PRIMARY KEY,
	code     {{text}} NOT NULL UNIQUE,
	kind     {{text}} NOT NULL,
	made_at  {{int}}  NOT NULL,
	ended_at {{int}}  NOT NULL
);

-- The requests of persons by which it was given: each says in plain words to whom.
CREATE TABLE pseudonym_requests (
	pseudonym {{id}} NOT NULL,
	request   {{id}} NOT NULL,
	PRIMARY KEY (pseudonym, request)
);

-- What leads to a pseudonym, and back. Without a key there is no way back: the
-- pseudonym stands in an export only, and the archive itself has the name.
CREATE TABLE pseudonym_marks (
	mark      {{bytes}} NOT NULL PRIMARY KEY,
	pseudonym {{id}}    NOT NULL,
	key       {{id}},
	sealed    {{bytes}} NOT NULL
);
CREATE INDEX pseudonym_marks_of ON pseudonym_marks (pseudonym);

-- In which recordings a pseudonym stands.
CREATE TABLE pseudonym_in (
	pseudonym {{id}}  NOT NULL,
	n         {{int}} NOT NULL,
	PRIMARY KEY (pseudonym, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX pseudonym_in_n ON pseudonym_in (n);

-- Keys of ways back that are to be destroyed.
CREATE TABLE pseudonym_doomed (
	key {{id}} NOT NULL PRIMARY KEY,
	run {{id}} NOT NULL
);

CREATE TABLE pseudonym_runs (
	id       {{id}}   NOT NULL PRIMARY KEY,
	request  {{id}},
	state    {{text}} NOT NULL,
	asked_at {{int}}  NOT NULL,
	asked_by {{text}} NOT NULL,
	ended_at {{int}}  NOT NULL,
	silence  {{int}}  NOT NULL,
	agents   {{int}}  NOT NULL,
	log      {{int}}  NOT NULL,
	elsewhere {{int}} NOT NULL
);
CREATE INDEX pseudonym_runs_request ON pseudonym_runs (request, state);

CREATE TABLE pseudonym_items (
	run   {{id}}   NOT NULL,
	n     {{int}}  NOT NULL,
	rec   {{id}}   NOT NULL,
	state {{text}} NOT NULL,
	PRIMARY KEY (run, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX pseudonym_items_state ON pseudonym_items (run, state, n);
CREATE INDEX pseudonym_items_failed ON pseudonym_items (n) WHERE state = 'failed';

-- From which age on names and numbers are replaced; one row, or none.
CREATE TABLE pseudonym_rule (
	one       {{int}}  NOT NULL PRIMARY KEY CHECK (one = 1),
	days      {{int}}  NOT NULL,
	silence   {{int}}  NOT NULL,
	agents    {{int}}  NOT NULL,
	chosen_at {{int}}  NOT NULL,
	chosen_by {{text}} NOT NULL
);
`}}
}

// Housekeeping are the tables that are written without an event: how far a run
// has come, and which keys are still to be destroyed. What was ordered is an event.
var Housekeeping = []string{"pseudonym_items", "pseudonym_doomed"}

// Topic is the live topic that is woken when runs, rules or pseudonyms change.
const Topic = "pseudonyms"

// Options are what a Service stands on.
type Options struct {
	Recordings *recording.Service
	Keys       *keyring.Keyring
	Persons    *person.Service
	Approvals  *approval.Service
	// Certify signs that the keys of ways back were destroyed.
	Certify func(ctx context.Context, p *place.Place, gone Gone) error
	// Changed is told, in the Change that replaces names, which recording it was:
	// exports that hold the names end. nil: nobody is.
	Changed func(tx *place.Tx, rec id.Recording) error
	Log     *slog.Logger     // nil: silent
	Now     func() time.Time // nil: the clock of this machine
	// Step is told each step before it is taken. Only tests use it.
	Step func(name string)
}

// Gone is what one destruction of ways back came to.
type Gone struct {
	Run      id.Destruction
	Approval id.Approval
	AskedAt  time.Time
	Keys     int
}

// Service replaces names and numbers in any customer's place. It is safe for
// concurrent use.
type Service struct{ o Options }

// New makes a service and has it told of what is destroyed.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Changed == nil {
		o.Changed = func(*place.Tx, id.Recording) error { return nil }
	}
	s := &Service{o}
	o.Recordings.OnDestroyed(forgetRecording)
	if o.Approvals != nil {
		o.Approvals.Register(s.approved())
	}
	return s
}

// forgetRecording removes in which recording a pseudonym stood, with the recording.
func forgetRecording(tx *place.Tx, rec id.Recording, _ string) error {
	n, err := place.Row[int64](tx, `SELECT n FROM recordings WHERE id = ?`, rec)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM pseudonym_in WHERE n = ?`, n)
	}
	return err
}

func system(who actor.Actor, purpose string) actor.Actor {
	a := actor.ForSystem("pseudonyms").For(purpose)
	a.OnBehalf = who.ID
	return a
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
