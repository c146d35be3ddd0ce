package privacy

import (
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place"
)

// condition is a part of a statement on a row r of recordings.
type condition struct {
	text string
	args []any
}

func (c *condition) and(text string, args ...any) {
	if c.text != "" {
		c.text += " AND "
	}
	c.text += text
	c.args = append(c.args, args...)
}

func (c *condition) or(text string, args ...any) {
	if c.text != "" {
		c.text += " OR "
	}
	c.text += text
	c.args = append(c.args, args...)
}

// blinded is a policy as the database can be asked: extensions stand as their
// blind index, as they do in the facts that are read from rows.
func (p Policy) blinded(tx *place.Tx) (Policy, error) {
	blind := func(w *When) error {
		out := make([]string, len(w.Extensions))
		for i, x := range w.Extensions {
			token, err := tx.Blind(place.FieldExtension, x)
			if err != nil {
				return err
			}
			out[i] = string(token)
		}
		w.Extensions = out
		return nil
	}
	p.Rules, p.Sets = append([]Rule(nil), p.Rules...), append([]Applied(nil), p.Sets...)
	for i := range p.Rules {
		if err := blind(&p.Rules[i].When); err != nil {
			return p, err
		}
	}
	for i := range p.Sets {
		if err := blind(&p.Sets[i].When); err != nil {
			return p, err
		}
	}
	return p, nil
}

// What a recording bears and who took part stand in tables of their own.
const (
	marked = `EXISTS (SELECT 1 FROM recording_marks m WHERE m.n = r.n AND m.mark IN (?))`
	tagged = `EXISTS (SELECT 1 FROM recording_tags t WHERE t.n = r.n AND t.tag IN (?))`
	joined = `EXISTS (SELECT 1 FROM parties q WHERE q.n = r.n AND q.token IN (?))`
)

// tokens are extensions of a policy that was blinded, as they are stored.
func tokens(extensions []string) [][]byte {
	out := make([][]byte, len(extensions))
	for i, x := range extensions {
		out[i] = []byte(x)
	}
	return out
}

// fit is the condition that a rule fits for certain or, with it, that it may.
// What stands in the row itself is asked first. What stands elsewhere is looked up
// for the row: a list of all that bear a label can be too long to be hashed, and
// PostgreSQL then reads through it for each recording.
func (w When) fit(maybe bool) condition {
	var c condition
	or := func(text, unknown string, args ...any) {
		if maybe && unknown != "" {
			text = "(" + text + " OR " + unknown + ")"
		}
		c.and(text, args...)
	}
	if len(w.Queues) > 0 {
		or(`r.queue IN (?)`, ``, place.List(w.Queues))
	}
	if len(w.Outcomes) > 0 {
		or(`r.disposition IN (?)`, `r.disposition NOT IN ('answered', 'abandoned', 'unanswered')`, place.List(w.Outcomes))
	}
	if len(w.Directions) > 0 {
		or(`r.direction IN (?)`, `r.direction NOT IN ('inbound', 'outbound', 'internal')`, place.List(w.Directions))
	}
	if len(w.Languages) > 0 {
		text, args := `(r.transcript_language IN (?)`, []any{place.List(w.Languages)}
		for _, l := range w.Languages {
			text, args = text+` OR r.transcript_language LIKE ?`, append(args, l+"-%")
		}
		or(text+`)`, `r.transcript_language = ''`, args...)
	}
	if l := w.Length; l != nil {
		or(`r.millis >= ?`, ``, int64(l.From)*1000)
		if l.To > 0 {
			or(`r.millis < ?`, ``, int64(l.To)*1000)
		}
	}
	if len(w.Marks) > 0 {
		or(marked, `r.transcript_state IN ('waiting', 'working')`, place.List(texts(w.Marks)))
	}
	if len(w.Tags) > 0 {
		or(tagged, ``, place.List(w.Tags))
	}
	if len(w.Extensions) > 0 {
		or(joined, `NOT EXISTS (SELECT 1 FROM parties q WHERE q.n = r.n)`, place.List(tokens(w.Extensions)))
	}
	if c.text == "" {
		c.text = "1 = 1"
	}
	return c
}

// ended is the condition that, by all rules together, the period of a part has
// ended at a time: of the sound, or of everything. It asks the rules in their
// order, as Due does: one that fits for certain decides; one that may fit and has
// not ended holds back what comes after it.
func (p Policy) ended(at time.Time, days func(Rule) int) condition {
	var b strings.Builder
	var args []any
	when := func(text string, limit []any, c condition, then int) {
		b.WriteString(" WHEN " + text + c.text)
		args = append(append(args, limit...), c.args...)
		if then == 1 {
			b.WriteString(" THEN 1")
		} else {
			b.WriteString(" THEN 0")
		}
	}
	b.WriteString("CASE")
	for _, a := range p.Sets {
		if least := least(a.Set); least > 0 {
			when(`r.started_at > ? AND `, []any{before(at, least)}, a.When.fit(true), 0)
		}
	}
	for _, r := range p.ranked() {
		d := days(r)
		if d >= forever {
			when(``, nil, r.When.fit(true), 0)
			continue
		}
		when(`r.started_at <= ? AND `, []any{before(at, d)}, r.When.fit(false), 1)
		when(`r.started_at > ? AND `, []any{before(at, d)}, r.When.fit(true), 0)
	}
	b.WriteString(" ELSE 0 END = 1")
	return condition{b.String(), args}
}

// before is the start of the latest recording that is so many days old at a time,
// in milliseconds.
func before(at time.Time, days int) int64 {
	return at.Add(-time.Duration(days) * 24 * time.Hour).UnixMilli()
}

// any is the condition that a rule fits for certain and its period has ended:
// without one nothing is due, whatever the others say. It has fewer to ask than
// ended, as what remains of the old is what the rules that have ended do not fit;
// and rules that ask for labels or people are left out together when a recording
// has none of those that any of them names.
func (p Policy) any(at time.Time, days func(Rule) int) condition {
	var plain, marks, tags, people condition
	var named When
	for _, r := range p.ranked() {
		d := days(r)
		if d >= forever {
			continue
		}
		of := &plain
		switch w := r.When; {
		case len(w.Extensions) > 0:
			of, named.Extensions = &people, append(named.Extensions, w.Extensions...)
		case len(w.Tags) > 0:
			of, named.Tags = &tags, append(named.Tags, w.Tags...)
		case len(w.Marks) > 0:
			of, named.Marks = &marks, append(named.Marks, w.Marks...)
		}
		fit := r.When.fit(false)
		of.or(`r.started_at <= ? AND `+fit.text, append([]any{before(at, d)}, fit.args...)...)
	}
	all := plain
	together := func(rules condition, names string, list any) {
		if rules.text != "" {
			all.or(names+` AND (`+rules.text+`)`, append([]any{list}, rules.args...)...)
		}
	}
	together(marks, marked, place.List(texts(named.Marks)))
	together(tags, tagged, place.List(named.Tags))
	together(people, joined, place.List(tokens(named.Extensions)))
	return all
}

// shortest is the shortest period of all, and whether anything ever ends.
func (p Policy) shortest(days func(Rule) int) (int, bool) {
	short := forever
	for _, r := range p.ranked() {
		short = min(short, days(r))
	}
	return short, short < forever
}

// goes is the condition that all of a recording goes at a time.
func (p Policy) goes(at time.Time) condition { return p.past(at, Rule.text) }

// silenced is the condition that its sound goes, and the text stays.
func (p Policy) silenced(at time.Time) condition {
	c := p.past(at, Rule.sound)
	all := p.past(at, Rule.text)
	c.and(`r.sound <> ?`, string(recording.SoundRemoved))
	c.and(`NOT (`+all.text+`)`, all.args...)
	return c
}

// past narrows ended to what is old enough for the shortest period, which an
// index finds.
func (p Policy) past(at time.Time, days func(Rule) int) condition {
	short, ends := p.shortest(days)
	if !ends {
		return condition{text: "1 = 0"}
	}
	c := condition{text: `r.started_at <= ?`, args: []any{before(at, short)}}
	some := p.any(at, days)
	c.and("("+some.text+")", some.args...)
	end := p.ended(at, days)
	c.and(end.text, end.args...)
	return c
}

// silences reports whether any rule removes the sound before the text.
func (p Policy) silences() bool {
	for _, r := range p.ranked() {
		if r.Then == DeleteSound {
			return true
		}
	}
	return false
}

// factsOf reads what rules ask of recordings. Extensions are blind indexes.
func (s *Service) factsOf(tx *place.Tx, rows []recording.Row) (map[int64]Facts, error) {
	ns := make([]int64, len(rows))
	for i, r := range rows {
		ns[i] = r.N
	}
	labels, err := s.o.Recordings.LabelsOf(tx, ns)
	if err != nil {
		return nil, err
	}
	type party struct {
		N     int64  `db:"n"`
		Token []byte `db:"token"`
	}
	parties, err := place.Rows[party](tx, `SELECT n, token FROM parties WHERE n IN (?)`, place.List(ns))
	if err != nil {
		return nil, err
	}
	tokens := map[int64][]string{}
	for _, p := range parties {
		tokens[p.N] = append(tokens[p.N], string(p.Token))
	}
	out := make(map[int64]Facts, len(rows))
	for _, r := range rows {
		l := labels[r.N]
		out[r.N] = Facts{
			StartedAt: time.UnixMilli(r.StartedAt).UTC(), Length: time.Duration(r.Millis) * time.Millisecond, Queue: r.Queue, Direction: r.Direction,
			Outcome: r.Disposition, Language: r.Language, Extensions: tokens[r.N], Joined: len(tokens[r.N]) > 0, Tags: l.Tags, Marks: l.Marks,
			Scanned:   r.State != recording.TranscriptWaiting && r.State != recording.TranscriptWorking,
			SoundGone: r.Sound == string(recording.SoundRemoved),
		}
	}
	return out, nil
}
