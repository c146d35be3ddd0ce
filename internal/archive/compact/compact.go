// Package compact keeps a customer's sound in fewer bytes, where the customer
// wants it: a second form of each recording in Opus, for playing over slow
// lines, and, if so chosen, instead of the form that was captured.
//
// What is to be made smaller stands in a queue of the place. One job works it
// off, a few recordings at a time, behind everything else that waits: a call
// that comes in never waits for this. Each recording is opened against a receipt
// like for anybody else; what the Opus form must show before it may stand for
// the original is in recording.Opening.Shrink.
package compact

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 440, Name: "smaller sound", SQL: `
-- What the customer chose; one row, or none.
CREATE TABLE sound_storage (
	one       {{int}}  NOT NULL PRIMARY KEY CHECK (one = 1),
	opus      {{int}}  NOT NULL,
	drops     {{int}}  NOT NULL,
	kbit      {{int}}  NOT NULL,
	chosen_at {{int}}  NOT NULL,
	chosen_by {{text}} NOT NULL
);

-- Up to which row recordings have been queued; one row, or none.
CREATE TABLE compact_mark (
	one  {{int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	high {{int}} NOT NULL
);

-- Recordings whose turn comes, and how often each failed.
CREATE TABLE compact_queue (
	n      {{int}} NOT NULL PRIMARY KEY,
	due_at {{int}} NOT NULL,
	tries  {{int}} NOT NULL
);
CREATE INDEX compact_queue_due ON compact_queue (due_at, n);

-- What became of each recording that had its turn: made, dropped, same (not worth it), failed.
CREATE TABLE compacted (
	n            {{int}}  NOT NULL PRIMARY KEY,
	state        {{text}} NOT NULL,
	before_bytes {{int}}  NOT NULL,
	after_bytes  {{int}}  NOT NULL
);
CREATE INDEX compacted_state ON compacted (state);
`}}
}

// Housekeeping are the tables that are written without an event.
var Housekeeping = []string{"compact_mark", "compact_queue", "compacted"}

// Job is the kind of the job that works the queue off.
const Job = "make-smaller"

// Topic is the live topic that is woken when settings or figures change.
const Topic = "storage"

// Choice is how a customer's sound is stored.
type Choice struct {
	Opus bool // a form in Opus is made of each recording
	Drop bool // and the form that was captured goes, once the other was checked
	Kbit int  // of Opus, for each channel

	ChosenAt time.Time // zero: nothing was chosen, only what was captured is kept
	ChosenBy string    // text form of the actor's id
}

// Standing is what has been made smaller so far.
type Standing struct {
	Choice
	Waiting int64 // recordings whose turn comes
	Made    int64 // that have an Opus form
	Dropped int64 // of them, that have no other
	Same    int64 // that would have gained too little
	Failed  int64 // that could not be made smaller; their original is kept
	Before  int64 // sealed bytes that those with an Opus form came with
	After   int64 // sealed bytes of their Opus forms
	Saved   int64 // bytes that are stored less than without: negative where both forms are kept
}

// Options are what a Service stands on.
type Options struct {
	Recordings *recording.Service
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
}

// Service makes sound smaller in any customer's place. It is safe for concurrent use.
type Service struct {
	recordings *recording.Service
	log        *slog.Logger
	now        func() time.Time
}

// New makes a service and has it told of what is captured and destroyed.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{o.Recordings, o.Log, o.Now}
	s.recordings.OnCapture(func(tx *place.Tx, _ recording.Captured) error { return captured(tx) })
	s.recordings.OnDestroy(forget)
	return s
}

// Standing tells what was chosen and how far it has come.
func (s *Service) Standing(ctx context.Context, p *place.Place) (st Standing, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if st.Choice, err = choice(tx); err != nil {
			return err
		}
		type sums struct {
			State  string `db:"state"`
			Number int64  `db:"number"`
			Before int64  `db:"before"`
			After  int64  `db:"after"`
		}
		rows, err := place.Rows[sums](tx, `SELECT state, count(*) AS number, CAST(sum(before_bytes) AS BIGINT) AS before, CAST(sum(after_bytes) AS BIGINT) AS after
			FROM compacted GROUP BY state`)
		if err != nil {
			return err
		}
		for _, r := range rows {
			switch r.State {
			case "same":
				st.Same = r.Number
			case "failed":
				st.Failed = r.Number
			case "made":
				st.Made, st.Before, st.After, st.Saved = st.Made+r.Number, st.Before+r.Before, st.After+r.After, st.Saved-r.After
			case "dropped":
				st.Made, st.Before, st.After, st.Saved = st.Made+r.Number, st.Before+r.Before, st.After+r.After, st.Saved+r.Before-r.After
				st.Dropped = r.Number
			}
		}
		if !st.Opus {
			return nil
		}
		high, err := mark(tx)
		if err != nil {
			return err
		}
		st.Waiting, err = place.Row[int64](tx, `SELECT (SELECT count(*) FROM compact_queue) + (SELECT count(*) FROM recordings WHERE n > ?)`, high)
		return err
	})
	return st, err
}

// Choose sets how sound is stored from now on. What is there already follows,
// recording by recording; a form that was dropped does not come back.
func (s *Service) Choose(ctx context.Context, p *place.Place, who actor.Actor, c Choice) error {
	switch {
	case c.Opus && (c.Kbit < sound.LeastOpus || c.Kbit > sound.MostOpus):
		return fault.Field("kbit", "must be between %d and %d kbit/s for each channel", sound.LeastOpus, sound.MostOpus)
	case c.Drop && !c.Opus:
		return fault.Field("originals", "can only be dropped where an Opus form takes their place")
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		old, err := choice(tx)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "storage.set", Subject: p.Customer().String(), Facts: map[string]string{
			"opus": strconv.FormatBool(c.Opus), "originals": originals(c.Drop), "kbit": strconv.Itoa(c.Kbit), "originals before": originals(old.Drop),
		}})
		tx.Notify(Topic)
		if _, err := tx.Exec(`INSERT INTO sound_storage (one, opus, drops, kbit, chosen_at, chosen_by) VALUES (1, ?, ?, ?, ?, ?)
			ON CONFLICT (one) DO UPDATE SET opus = excluded.opus, drops = excluded.drops, kbit = excluded.kbit, chosen_at = excluded.chosen_at,
			chosen_by = excluded.chosen_by`, number(c.Opus), number(c.Drop), c.Kbit, tx.At().UnixMilli(), who.ID); err != nil {
			return err
		}
		if !c.Opus {
			return nil
		}
		if c.Drop && !old.Drop { // those with both forms have their turn again
			if _, err := tx.Exec(`INSERT INTO compact_queue (n, due_at, tries) SELECT n, ?, 0 FROM compacted WHERE state = 'made' ON CONFLICT (n) DO NOTHING`, tx.At().UnixMilli()); err != nil {
				return err
			}
		}
		_, err = job.Enqueue(tx, Job, struct{}{}, job.Once("all"))
		return err
	})
}

func originals(drop bool) string {
	if drop {
		return "dropped"
	}
	return "kept"
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func choice(tx *place.Tx) (Choice, error) {
	type row struct {
		Opus  int    `db:"opus"`
		Drops int    `db:"drops"`
		Kbit  int    `db:"kbit"`
		At    int64  `db:"chosen_at"`
		By    string `db:"chosen_by"`
	}
	r, err := place.Often[row](tx, `SELECT opus, drops, kbit, chosen_at, chosen_by FROM sound_storage`)
	if fault.Is(err, fault.NotFound) {
		return Choice{Kbit: sound.UsualOpus}, nil
	}
	return Choice{Opus: r.Opus == 1, Drop: r.Drops == 1, Kbit: r.Kbit, ChosenAt: time.UnixMilli(r.At).UTC(), ChosenBy: r.By}, err
}

func mark(tx *place.Tx) (int64, error) {
	high, err := place.Row[int64](tx, `SELECT high FROM compact_mark`)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return high, err
}

// soon lets a batch be captured, checked and perhaps transcribed first.
const soon = time.Minute

// captured has the queue looked at, in the Change that takes a recording in.
func captured(tx *place.Tx) error {
	c, err := choice(tx)
	if err != nil || !c.Opus {
		return err
	}
	_, err = job.Enqueue(tx, Job, struct{}{}, job.Once("all"), job.At(tx.At().Add(soon)))
	return err
}

// forget removes what is noted of a recording that is destroyed, or captured
// again under its row number; then it has its turn again.
func forget(tx *place.Tx, n int64) error {
	if _, err := tx.Exec(`DELETE FROM compacted WHERE n = ?`, n); err != nil {
		return err
	}
	c, err := choice(tx)
	if err != nil || !c.Opus {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO compact_queue (n, due_at, tries) VALUES (?, ?, 0)
		ON CONFLICT (n) DO UPDATE SET due_at = excluded.due_at, tries = 0`, n, tx.At().Add(soon).UnixMilli()); err != nil {
		return err
	}
	return captured(tx)
}

// Kind is the job's, for the runner.
func (s *Service) Kind() job.Kind {
	return job.Kind{Run: s.run, Parallel: 1, Attempts: 1 << 20}
}

var system = actor.ForSystem("storage")

// turn is one recording whose turn it is.
type turn struct {
	N        int64        `db:"n"`
	Tries    int          `db:"tries"`
	ID       id.Recording `db:"id"`
	Verified *int64       `db:"verified_at"`
	Text     string       `db:"transcript_state"`
	Captured int64        `db:"captured_at"`
}
