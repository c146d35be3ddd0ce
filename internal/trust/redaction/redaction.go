// Package redaction finds what is personal in recordings, and takes it out of
// them: by a person's choice, by a customer's rule after each transcription, or
// because a telephone system said that a payment was being taken.
//
// What was found is sealed under the recording's content key, like the
// transcript that it is about; rows hold counts. What is taken out of sound is
// taken out of the transcript and of the search words in the same Change:
// recording.Redact makes the copy and sees to the original.
//
// Limits. Detection finds what package pii finds, which is not everything. A
// pause keeps from being captured only what comes as a recording session, which
// asks Going; what comes as files is taken out once it is in the archive, and the
// scan says whether sound with card data is left all the same. The original of
// what is under a legal hold stays for as long as the hold.
package redaction

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/pii"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 961, Name: "redaction", SQL: `
-- What the customer chose; one row, or none.
CREATE TABLE redaction_settings (
	one       {{int}}  NOT NULL PRIMARY KEY CHECK (one = 1),
	mode      {{text}} NOT NULL,
	entities  {{text}} NOT NULL,
	days      {{int}}  NOT NULL,
	tone      {{int}}  NOT NULL,
	scan      {{int}}  NOT NULL,
	chosen_at {{int}}  NOT NULL,
	chosen_by {{text}} NOT NULL
);

-- How much of each kind was found in a recording: counts, nothing of what was said.
CREATE TABLE personal_counts (
	n      {{int}}  NOT NULL,
	entity {{text}} NOT NULL,
	found  {{int}}  NOT NULL,
	PRIMARY KEY (n, entity)
){{sqlite}} WITHOUT ROWID{{end}};

-- What was taken out of recordings.
CREATE TABLE redactions (
	id        {{id}}   NOT NULL PRIMARY KEY,
	n         {{int}}  NOT NULL,
	at        {{int}}  NOT NULL,
	by_who    {{text}} NOT NULL,
	way       {{text}} NOT NULL,
	stretches {{int}}  NOT NULL,
	millis    {{int}}  NOT NULL,
	undone_at {{int}}
);
CREATE INDEX redactions_n ON redactions (n);

-- Pauses that a telephone system or a payment page told of: whose call is blinded.
CREATE TABLE pauses (
	id       {{id}}    NOT NULL PRIMARY KEY,
	source   {{id}}    NOT NULL,
	kind     {{text}}  NOT NULL,
	token    {{bytes}} NOT NULL,
	from_at  {{int}}   NOT NULL,
	to_at    {{int}},
	noted_at {{int}}   NOT NULL,
	applied  {{int}}   NOT NULL
);
CREATE INDEX pauses_source ON pauses (source, from_at);

-- Which pauses were taken out of which recordings.
CREATE TABLE pauses_applied (
	pause {{id}}  NOT NULL,
	n     {{int}} NOT NULL,
	PRIMARY KEY (pause, n)
){{sqlite}} WITHOUT ROWID{{end}};

-- Recordings in which a payment was recorded, or was not, as the scan found.
CREATE TABLE payment_scans (
	n      {{int}}  NOT NULL PRIMARY KEY,
	at     {{int}}  NOT NULL,
	keyed  {{int}}  NOT NULL,
	spoken {{int}}  NOT NULL,
	paused {{int}}  NOT NULL,
	state  {{text}} NOT NULL
);
CREATE INDEX payment_scans_state ON payment_scans (state, at);
`}}
}

// Housekeeping are the tables that are written without an event.
var Housekeeping = []string{"pauses_applied", "payment_scans"}

// Topic is the live topic that is woken when settings, pauses or findings change.
const Topic = "redaction"

// Mode is what happens after a recording was transcribed.
type Mode string

// The modes.
const (
	Off    Mode = "off"
	Detect Mode = "detect" // what is personal is found and counted
	Redact Mode = "redact" // and what is of the chosen kinds is taken out
)

// Settings are what a customer chose.
type Settings struct {
	Mode     Mode
	Entities []pii.Entity // that are taken out; in mode Redact only
	Days     int          // that an original stays; 0: it goes at once
	Tone     bool         // a tone takes the place; else silence
	Scan     bool         // sound and transcripts are looked through for payments

	ChosenAt time.Time // zero: nothing was chosen
	ChosenBy string
}

// UsualDays is how long an original stays where nothing was said.
const UsualDays = 30

// maxDays bounds how long an original may stay: what is redacted is redacted for a reason.
const maxDays = 366

// Options are what a Service stands on.
type Options struct {
	Recordings *recording.Service
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
	// Changed is told, in the Change that redacts, which recording it was: exports
	// that hold what was taken out end. nil: nobody is.
	Changed func(tx *place.Tx, rec id.Recording) error
}

// Service finds and redacts in any customer's place. It is safe for concurrent use.
type Service struct {
	recordings *recording.Service
	log        *slog.Logger
	now        func() time.Time
	changed    func(*place.Tx, id.Recording) error
}

// New makes a service and has it told of what is captured and destroyed.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(*place.Tx, id.Recording) error { return nil }
	}
	s := &Service{o.Recordings, o.Log, o.Now, o.Changed}
	s.recordings.OnCapture(s.captured)
	s.recordings.OnDestroy(forget)
	return s
}

// forget removes what is noted of a recording that is destroyed or captured again.
func forget(tx *place.Tx, n int64) error {
	for _, text := range []string{`DELETE FROM personal_counts WHERE n = ?`, `DELETE FROM payment_scans WHERE n = ?`} {
		if _, err := tx.Exec(text, n); err != nil {
			return err
		}
	}
	return nil
}

// Settings tells what was chosen.
func (s *Service) Settings(ctx context.Context, p *place.Place) (out Settings, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		out, err = settings(tx)
		return err
	})
	return out, err
}

func settings(tx *place.Tx) (Settings, error) {
	type row struct {
		Mode     string `db:"mode"`
		Entities string `db:"entities"`
		Days     int    `db:"days"`
		Tone     int    `db:"tone"`
		Scan     int    `db:"scan"`
		At       int64  `db:"chosen_at"`
		By       string `db:"chosen_by"`
	}
	r, err := place.Often[row](tx, `SELECT mode, entities, days, tone, scan, chosen_at, chosen_by FROM redaction_settings`)
	if fault.Is(err, fault.NotFound) {
		return Settings{Mode: Off, Entities: []pii.Entity{}, Days: UsualDays}, nil
	}
	out := Settings{Mode: Mode(r.Mode), Days: r.Days, Tone: r.Tone == 1, Scan: r.Scan == 1, ChosenAt: time.UnixMilli(r.At).UTC(), ChosenBy: r.By}
	if err == nil {
		err = json.Unmarshal([]byte(r.Entities), &out.Entities)
	}
	return out, err
}

// Set chooses what happens to what comes in from now on.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, c Settings) error {
	if c.Mode != Off && c.Mode != Detect && c.Mode != Redact {
		return fault.Field("mode", "must be off, detect or redact")
	}
	if c.Days < 0 || c.Days > maxDays {
		return fault.Field("original_days", "must be 0 to %d", maxDays)
	}
	for i, e := range c.Entities {
		if !slices.Contains(pii.Entities(), e) {
			return fault.Field("entities["+strconv.Itoa(i)+"]", "there is no such kind of personal data")
		}
	}
	if c.Mode == Redact && len(c.Entities) == 0 {
		return fault.Field("entities", "name at least one kind that is taken out, or choose detect")
	}
	if c.Entities == nil {
		c.Entities = []pii.Entity{}
	}
	slices.Sort(c.Entities)
	c.Entities = slices.Compact(c.Entities)
	text, err := json.Marshal(c.Entities)
	if err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		old, err := settings(tx)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "redaction.set", Subject: p.Customer().String(), Facts: map[string]string{
			"mode": string(c.Mode), "mode before": string(old.Mode), "entities": strconv.Itoa(len(c.Entities)), "original days": strconv.Itoa(c.Days), "scan": strconv.FormatBool(c.Scan),
		}})
		tx.Notify(Topic)
		_, err = tx.Exec(`INSERT INTO redaction_settings (one, mode, entities, days, tone, scan, chosen_at, chosen_by) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (one) DO UPDATE SET mode = excluded.mode, entities = excluded.entities, days = excluded.days, tone = excluded.tone, scan = excluded.scan,
			chosen_at = excluded.chosen_at, chosen_by = excluded.chosen_by`, string(c.Mode), string(text), c.Days, c.Tone, c.Scan, tx.At().UnixMilli(), who.ID)
		return err
	})
}

// Job is the kind of the job that looks at one recording.
const Job = "look-for-personal-data"

type lookArgs struct {
	Recording id.Recording `json:"recording"`
}

// captured has a recording looked at, in the Change that takes it in, where the
// customer wants it or a pause may be about it.
func (s *Service) captured(tx *place.Tx, c recording.Captured) error {
	set, err := settings(tx)
	if err != nil {
		return err
	}
	if !set.Scan {
		n, err := place.Row[int](tx, `SELECT count(*) FROM (SELECT 1 AS one FROM pauses WHERE source = ? AND from_at <= ? AND (to_at IS NULL OR to_at >= ?) LIMIT 1) AS few`,
			c.Source, c.StartedAt.Add(c.Length).UnixMilli(), c.StartedAt.UnixMilli())
		if err != nil || n == 0 {
			return err
		}
	}
	return Look(tx, c.Recording)
}

// Look has a recording looked at, as when it was transcribed.
func Look(tx *place.Tx, rec id.Recording) error {
	_, err := job.Enqueue(tx, Job, lookArgs{rec}, job.Once(rec.String()))
	return err
}

// Heard is for whoever transcribes: it runs in the Change that keeps a transcript.
func Heard(tx *place.Tx, rec id.Recording) error {
	set, err := settings(tx)
	if err != nil || set.Mode == Off && !set.Scan {
		return err
	}
	return Look(tx, rec)
}
