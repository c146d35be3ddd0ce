package recording

import (
	"maps"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// heldSchema says what may not be destroyed, what is about to be, and what
// people and detectors have said of a recording.
const heldSchema = `
-- Recordings under a legal hold. Every Change that destroys anything reads it.
CREATE TABLE recording_holds (
	n    {{int}} NOT NULL,
	hold {{id}}  NOT NULL,
	PRIMARY KEY (n, hold)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX recording_holds_hold ON recording_holds (hold, n);

-- Recordings whose destruction was ordered and has not ended: a hold comes too late for them.
CREATE TABLE recording_doomed (
	n {{int}} NOT NULL PRIMARY KEY
);

-- A customer's own labels, sealed, and found by their blind index.
CREATE TABLE tags (
	id    {{id}}    NOT NULL PRIMARY KEY,
	token {{bytes}} NOT NULL UNIQUE,
	name  {{bytes}} NOT NULL
);
CREATE TABLE recording_tags (
	tag {{id}}  NOT NULL,
	n   {{int}} NOT NULL,
	PRIMARY KEY (tag, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX recording_tags_n ON recording_tags (n);

-- What the program itself found out about a recording.
CREATE TABLE recording_marks (
	mark {{text}} NOT NULL,
	n    {{int}}  NOT NULL,
	at   {{int}}  NOT NULL,
	PRIMARY KEY (mark, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX recording_marks_n ON recording_marks (n);

-- What stays of recordings of which only figures are kept: nothing in it leads to a person.
CREATE TABLE recording_figures (
	id           {{id}}   NOT NULL PRIMARY KEY,
	source       {{id}}   NOT NULL,
	started_at   {{int}}  NOT NULL,
	millis       {{int}}  NOT NULL,
	direction    {{text}} NOT NULL,
	queue        {{text}} NOT NULL,
	disposition  {{text}} NOT NULL,
	language     {{text}} NOT NULL,
	sentiment    {{int}},
	destroyed_at {{int}}  NOT NULL
);
CREATE INDEX recording_figures_time ON recording_figures (started_at, id);
`

// ErrHeld refuses to destroy what is under a legal hold, whoever asks.
var ErrHeld = fault.New(fault.Conflict, "this recording is under a legal hold: nothing of it can be destroyed until the hold is lifted")

// OnDestroying registers who looks at recordings in the Change that would
// destroy them or a part of them, before it asks whether they are held: holds on
// what comes later put under hold what fits them by now. Register before the
// first use.
func (s *Service) OnDestroying(fn func(tx *place.Tx, ns []int64) error) {
	s.onDestroying = append(s.onDestroying, fn)
}

// HeldAmong says which of the recordings are under a hold. Asked within a Change, the
// answer stays true until it commits: holds are placed in Changes as well.
func (s *Service) HeldAmong(tx *place.Tx, ns ...int64) (map[int64]bool, error) {
	for _, fn := range s.onDestroying {
		if err := fn(tx, ns); err != nil {
			return nil, err
		}
	}
	under, err := place.Rows[int64](tx, `SELECT DISTINCT n FROM recording_holds WHERE n IN (?)`, place.List(ns))
	out := make(map[int64]bool, len(under))
	for _, n := range under {
		out[n] = true
	}
	return out, err
}

// Hold puts recordings under a hold, in this Change, and gives how many were not
// under it before. Recordings whose destruction was ordered are late: they are
// left out, and given. What the hold is about and who placed it is the caller's
// to record.
func (s *Service) Hold(tx *place.Tx, hold id.Hold, ns []int64) (placed int, late []int64, err error) {
	for part := range slices.Chunk(ns, 500) {
		doomed, err := place.Rows[int64](tx, `SELECT n FROM recording_doomed WHERE n IN (?)`, place.List(part))
		if err != nil {
			return placed, late, err
		}
		late = append(late, doomed...)
		for _, n := range part {
			if slices.Contains(doomed, n) {
				continue
			}
			k, err := tx.Exec(`INSERT INTO recording_holds (n, hold) SELECT n, ? FROM recordings WHERE n = ? ON CONFLICT (n, hold) DO NOTHING`, hold, n)
			if err != nil {
				return placed, late, err
			}
			placed += int(k)
		}
	}
	if placed > 0 {
		tx.Notify(Topic)
	}
	return placed, late, nil
}

// Release takes all recordings from under a hold and gives how many there were.
func (s *Service) Release(tx *place.Tx, hold id.Hold) (int, error) {
	n, err := tx.Exec(`DELETE FROM recording_holds WHERE hold = ?`, hold)
	tx.Notify(Topic)
	return int(n), err
}

// HeldCount is how many recordings of the place are under holds. Whoever would
// destroy the whole place asks it in the Change that decides so.
func (s *Service) HeldCount(tx *place.Tx) (int, error) {
	return place.Row[int](tx, `SELECT count(DISTINCT n) FROM recording_holds`)
}

// HoldsOf gives the holds that each of some recordings is under.
func (s *Service) HoldsOf(tx *place.Tx, ns []int64) (map[int64][]id.Hold, error) {
	type row struct {
		N    int64   `db:"n"`
		Hold id.Hold `db:"hold"`
	}
	rows, err := place.Rows[row](tx, `SELECT n, hold FROM recording_holds WHERE n IN (?) ORDER BY n, hold`, place.List(ns))
	out := map[int64][]id.Hold{}
	for _, r := range rows {
		out[r.N] = append(out[r.N], r.Hold)
	}
	return out, err
}

// doomed finds the rows whose destruction is ordered in this Change and notes
// them, so that a hold that comes later is refused. Without a choice everything
// goes that was named, or nothing: what is gone or held refuses the whole.
func (s *Service) doomed(tx *place.Tx, d *destruction, recs []id.Recording, choose Choice) ([]Row, error) {
	due := choose != nil || d.By.Kind == byRetention
	rows := make([]Row, 0, len(recs))
	ns := make([]int64, 0, len(recs))
	for _, rec := range recs {
		row, err := s.Lookup(tx, rec)
		if due && (fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, ns = append(rows, row), append(ns, row.N)
	}
	under, err := s.HeldAmong(tx, ns...)
	if err != nil {
		return nil, err
	}
	if len(under) > 0 && !due {
		return nil, ErrHeld
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return under[r.N] })
	if choose != nil && len(rows) > 0 {
		if rows, d.Figures, err = choose(tx, rows); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		return nil, errNothingDue
	}
	for _, r := range rows {
		if _, err := tx.Exec(`INSERT INTO recording_doomed (n) VALUES (?) ON CONFLICT (n) DO NOTHING`, r.N); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// byRetention is the authority of the nightly run, which leaves out what is held
// or gone by now.
const byRetention = "retention"

// Mark is something that the program found out about a recording.
type Mark string

// The marks.
const (
	CardData     Mark = "card-data"     // a payment card's number is heard or keyed in it
	SecurityCode Mark = "security-code" // a payment card's security code is
)

var marks = []Mark{CardData, SecurityCode}

// Marks are all marks there are.
func Marks() []Mark { return slices.Clone(marks) }

// Mark marks a recording, in this Change; twice is once. A destroyed one is
// fault.Gone.
func (s *Service) Mark(tx *place.Tx, rec id.Recording, m Mark) error {
	if !slices.Contains(marks, m) {
		return fault.Field("mark", "there is no mark %q", m)
	}
	r, err := s.Lookup(tx, rec)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`INSERT INTO recording_marks (mark, n, at) VALUES (?, ?, ?) ON CONFLICT (mark, n) DO NOTHING`, string(m), r.N, millis(tx.At()))
	tx.Record(place.Event{Code: "recording.marked", Subject: rec.String(), Facts: map[string]string{"mark": string(m), "new": yes(n > 0)}})
	tx.Notify(Topic)
	return err
}

// Unmark takes a mark away, as after what it was about was redacted.
func (s *Service) Unmark(tx *place.Tx, rec id.Recording, m Mark) error {
	r, err := s.Lookup(tx, rec)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "recording.unmarked", Subject: rec.String(), Facts: map[string]string{"mark": string(m)}})
	tx.Notify(Topic)
	_, err = tx.Exec(`DELETE FROM recording_marks WHERE mark = ? AND n = ?`, string(m), r.N)
	return err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// forgetLabels removes what was said of a recording that is no more.
func forgetLabels(tx *place.Tx, n int64) error {
	for _, text := range []string{
		`DELETE FROM recording_tags WHERE n = ?`, `DELETE FROM recording_marks WHERE n = ?`, `DELETE FROM recording_holds WHERE n = ?`,
		`DELETE FROM recording_doomed WHERE n = ?`, `DELETE FROM recording_redacted WHERE n = ?`, `DELETE FROM recording_restrictions WHERE n = ?`,
		`DELETE FROM recording_pseudonymised WHERE n = ?`,
	} {
		if _, err := tx.Exec(text, n); err != nil {
			return err
		}
	}
	return nil
}

// keepFigures writes down what stays of a recording when all that is personal goes.
func keepFigures(tx *place.Tx, r Row) error {
	_, err := tx.Exec(`INSERT INTO recording_figures (id, source, started_at, millis, direction, queue, disposition, language, sentiment, destroyed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, r.ID, r.Source, r.StartedAt, r.Millis, r.Direction, r.Queue,
		r.Disposition, r.Language, r.Sentiment, millis(tx.At()))
	return err
}

// Labels are the marks and tags of one recording.
type Labels struct {
	Marks []Mark
	Tags  []id.Tag
}

// LabelsOf gives the marks and tags of each of some recordings.
func (s *Service) LabelsOf(tx *place.Tx, ns []int64) (map[int64]Labels, error) {
	type mark struct {
		N    int64  `db:"n"`
		Mark string `db:"mark"`
	}
	type tag struct {
		N   int64  `db:"n"`
		Tag id.Tag `db:"tag"`
	}
	out := map[int64]Labels{}
	marked, err := place.Rows[mark](tx, `SELECT n, mark FROM recording_marks WHERE n IN (?) ORDER BY n, mark`, place.List(ns))
	if err != nil {
		return nil, err
	}
	for _, m := range marked {
		l := out[m.N]
		l.Marks = append(l.Marks, Mark(m.Mark))
		out[m.N] = l
	}
	tagged, err := place.Rows[tag](tx, `SELECT n, tag FROM recording_tags WHERE n IN (?) ORDER BY n, tag`, place.List(ns))
	for _, t := range tagged {
		l := out[t.N]
		l.Tags = append(l.Tags, t.Tag)
		out[t.N] = l
	}
	return maps.Clone(out), err
}
