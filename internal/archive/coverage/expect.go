package coverage

import (
	"encoding/json"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// row is an expectation as it is stored.
type row struct {
	ID          id.Expectation `db:"id"`
	Source      id.Source      `db:"source"`
	Token       []byte         `db:"token"`
	Day         int            `db:"day"`
	State       string         `db:"state"`
	Named       bool           `db:"named"`
	Started     int64          `db:"started_at"`
	Ended       int64          `db:"ended_at"`
	Due         int64          `db:"due_at"`
	Changed     int64          `db:"changed_at"`
	Direction   string         `db:"direction"`
	Disposition string         `db:"disposition"`
	Talk        int64          `db:"talk"`
	Recording   *id.Recording  `db:"recording"`
	By          *id.Source     `db:"by_source"` // whose recording it is, if another source's
	Excuse      *id.Excuse     `db:"excuse"`
	Authority   string         `db:"authority"`
	Card        []byte         `db:"card"`
}

const columns = `SELECT id, source, token, day, state, named, started_at, ended_at, due_at, changed_at, direction, disposition, talk, recording, by_source, excuse, authority, card FROM expectations`

// call opens what is known of a call; nil where it is not kept.
func (r row) call(tx *place.Tx) (*Call, error) {
	if r.Card == nil {
		return nil, nil
	}
	plain, err := tx.Unseal(place.FieldExpectation, r.ID, r.Card)
	if err != nil {
		return nil, err
	}
	var c Call
	return &c, json.Unmarshal(plain, &c)
}

func (r row) excused() id.Excuse {
	if r.Excuse == nil {
		return id.Excuse{}
	}
	return *r.Excuse
}

// about is what is known of a source's expectations.
type about struct {
	Since int64 `db:"since"`
	Named bool  `db:"named"` // it has logs
	Grace int64 `db:"grace"` // seconds; 0: the usual
	Last  int64 `db:"last_line"`
}

func (a about) grace() time.Duration {
	if a.Grace == 0 {
		return usualGrace
	}
	return time.Duration(a.Grace) * time.Second
}

func aboutSource(tx *place.Tx, s id.Source) (about, error) {
	a, err := place.Row[about](tx, `SELECT since, named, grace, last_line FROM coverage_sources WHERE source = ?`, s)
	if fault.Is(err, fault.NotFound) {
		return about{}, nil
	}
	return a, err
}

// batchCalls is how many calls are looked up by one statement.
const batchCalls = 500

// Expect takes in what was read of a source's logs. Call it in the Change or Keep
// that keeps how far they were read, with calls that have ended; what is told
// again changes nothing.
func (s *Service) Expect(tx *place.Tx, source id.Source, r Report) error {
	if r.Empty() {
		return nil
	}
	x := &expecting{
		s: s, tx: tx, source: source, news: bulk{head: `INSERT INTO expectations (id, source, token, day, state, named, started_at, ended_at, due_at, changed_at,
		direction, disposition, talk, recording, excuse, authority, card) VALUES`, tail: `ON CONFLICT DO NOTHING`},
		idents: bulk{head: `INSERT INTO expectation_idents (token, expectation) VALUES`, tail: `ON CONFLICT (token) DO UPDATE SET expectation = excluded.expectation`},
	}
	if err := x.prepare(r); err != nil {
		return err
	}
	for calls := range slices.Chunk(r.Calls, batchCalls) {
		if err := x.some(calls); err != nil {
			return err
		}
	}
	for hour, n := range x.hours {
		if _, err := tx.Exec(`INSERT INTO coverage_hours (source, hour, named, taken) VALUES (?, ?, ?, 0)
			ON CONFLICT (source, hour) DO UPDATE SET named = coverage_hours.named + excluded.named`, source, hour, n); err != nil {
			return err
		}
	}
	if err := x.gaps(r.Gaps); err != nil {
		return err
	}
	tx.Notify("coverage")
	return nil
}

// expecting is one Expect under way.
type expecting struct {
	s            *Service
	tx           *place.Tx
	source       id.Source
	zone         *time.Location
	about        about
	rules        []Excuse
	hours        map[int64]int64 // calls that a log names, by the hour of their end
	news, idents bulk
}

func (x *expecting) prepare(r Report) (err error) {
	if x.about, err = aboutSource(x.tx, x.source); err != nil {
		return err
	}
	if x.zone, err = zonesOf(x.tx)(x.source); err != nil {
		return err
	}
	if x.rules, err = excusesIn(x.tx); err != nil {
		return err
	}
	named := slices.ContainsFunc(r.Calls, func(c Call) bool { return c.Named })
	if x.about.Since == 0 {
		x.about.Since = millis(x.tx.At().Add(-before))
	}
	x.about.Named = x.about.Named || named
	var first, last int64
	for _, c := range r.Calls {
		if c.Named {
			last = max(last, millis(c.EndedAt))
			if at := millis(c.EndedAt); first == 0 || at < first {
				first = at
			}
		}
	}
	if err := x.silence(instant(x.about.Last), instant(first)); err != nil {
		return err
	}
	if _, err := x.tx.Exec(`INSERT INTO coverage_sources (source, since, named, grace, last_line) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (source) DO UPDATE SET named = excluded.named, last_line = CASE WHEN excluded.last_line > coverage_sources.last_line THEN excluded.last_line ELSE coverage_sources.last_line END`,
		x.source, x.about.Since, x.about.Named, last); err != nil {
		return err
	}
	x.hours = map[int64]int64{}
	return nil
}

// some takes in a batch of calls.
func (x *expecting) some(calls []Call) error {
	tokens := make([][][]byte, len(calls))
	var all [][]byte
	for i, c := range calls {
		var err error
		if tokens[i], err = recording.CallTokens(x.tx, x.source, c.Idents); err != nil {
			return err
		}
		all = append(all, tokens[i]...)
	}
	known, err := x.known(all)
	if err != nil {
		return err
	}
	sound, err := found(x.tx, all)
	if err != nil {
		return err
	}
	for i, c := range calls {
		if len(tokens[i]) == 0 {
			continue
		}
		rec := c.Recording
		var same []row
		for _, t := range tokens[i] {
			if r, ok := sound[string(t)]; ok {
				rec = r
			}
			if k, ok := known[string(t)]; ok && !slices.ContainsFunc(same, func(o row) bool { return o.ID == k.ID }) {
				same = append(same, k)
			}
		}
		if len(same) > 0 {
			err = x.again(c, tokens[i], rec, same)
		} else {
			err = x.fresh(c, tokens[i], rec, known)
		}
		if err != nil {
			return err
		}
	}
	if err := x.news.flush(x.tx); err != nil {
		return err
	}
	return x.idents.flush(x.tx)
}

// known finds the expectations under any of the names.
func (x *expecting) known(tokens [][]byte) (map[string]row, error) {
	type ident struct {
		Ident []byte `db:"ident"`
		row
	}
	out := map[string]row{}
	rows, err := place.Rows[row](x.tx, columns+` WHERE token IN (?)`, place.List(tokens))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		out[string(r.Token)] = r
	}
	others, err := place.Rows[ident](x.tx, `SELECT i.token AS ident, e.id, e.source, e.token, e.day, e.state, e.named, e.started_at, e.ended_at, e.due_at, e.changed_at, e.direction,
		e.disposition, e.talk, e.recording, e.by_source, e.excuse, e.authority, e.card FROM expectation_idents i JOIN expectations e ON e.id = i.expectation WHERE i.token IN (?)`, place.List(tokens))
	for _, o := range others {
		out[string(o.Ident)] = o.row
	}
	return out, err
}

// found is which of the names have a recording in the archive.
func found(tx *place.Tx, tokens [][]byte) (map[string]id.Recording, error) {
	type pair struct {
		Token     []byte       `db:"token"`
		Recording id.Recording `db:"id"`
	}
	rows, err := place.Rows[pair](tx, `SELECT i.token, r.id FROM call_idents i JOIN recordings r ON r.call_id = i.call_id WHERE i.token IN (?)`, place.List(tokens))
	out := map[string]id.Recording{}
	for _, r := range rows {
		out[string(r.Token)] = r.Recording
	}
	return out, err
}

// fresh is a call that was not told before.
func (x *expecting) fresh(c Call, tokens [][]byte, rec id.Recording, known map[string]row) error {
	if rec.IsZero() && (!c.Named || millis(c.EndedAt) < x.about.Since) {
		return nil // a file that is not in the archive is no expectation; neither is a call from before the source was known
	}
	if c.Named {
		x.hours[hourOf(c.EndedAt)]++
	}
	r := row{ID: id.At[id.Expectation](x.tx.At()), Source: x.source, Token: tokens[0], Named: c.Named}
	state, excuse := x.stateOf(c, rec)
	r.State, r.Day = string(state), int(DayOf(c.StartedAt, x.zone))
	grace := x.about.grace()
	if c.Held {
		grace = heldFor
	}
	due := max(millis(c.EndedAt)+grace.Milliseconds(), millis(x.tx.At().Add(shortest)))
	var card, by, recorded []byte
	var err error
	if state != Captured {
		if card, err = x.card(r.ID, c); err != nil {
			return err
		}
	}
	if state == Excused {
		by = excuse[:]
	}
	if !rec.IsZero() {
		recorded, r.Recording = rec[:], &rec
	}
	x.news.add(r.ID, r.Source, r.Token, r.Day, r.State, c.Named, millis(c.StartedAt), millis(c.EndedAt), due, millis(x.tx.At()), c.Direction, c.Disposition,
		int64(c.Talk*1000), recorded, by, "", card)
	known[string(tokens[0])] = r
	for _, t := range tokens[1:] {
		x.idents.add(t, r.ID)
		known[string(t)] = r
	}
	return nil
}

func (x *expecting) card(e id.Expectation, c Call) ([]byte, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return x.tx.Seal(place.FieldExpectation, e, plain)
}

// stateOf is how a call stands when it is told.
func (x *expecting) stateOf(c Call, rec id.Recording) (State, id.Excuse) {
	switch {
	case !rec.IsZero() && c.Named:
		return Captured, id.Excuse{}
	case !rec.IsZero():
		return Waiting, id.Excuse{} // for the log to name it
	}
	if e, ok := first(x.rules, x.source, c, x.zone); ok {
		return Excused, e.ID
	}
	return Waiting, id.Excuse{}
}

// again is a call that was told before: a log names now what only a file had
// told, or several turned out to be one.
func (x *expecting) again(c Call, tokens [][]byte, rec id.Recording, same []row) error {
	if err := x.news.flush(x.tx); err != nil { // it may be among them
		return err
	}
	if i := slices.IndexFunc(same, func(r row) bool { return r.Named }); i > 0 {
		same[0], same[i] = same[i], same[0]
	}
	kept := same[0]
	if kept.Named && !c.Named {
		if err := x.asNamed(&c, kept); err != nil {
			return err
		}
	}
	for _, o := range same[1:] {
		for _, st := range []string{`DELETE FROM expectation_idents WHERE expectation = ?`, `DELETE FROM expectations WHERE id = ?`} {
			if _, err := x.tx.Exec(st, o.ID); err != nil {
				return err
			}
		}
		kept.Named = kept.Named || o.Named
		if kept.Recording == nil {
			kept.Recording, kept.By = o.Recording, o.By
		}
	}
	own := !rec.IsZero() && kept.By != nil
	if own {
		kept.By = nil
	}
	if rec.IsZero() && kept.Recording != nil {
		rec = *kept.Recording
	}
	named := kept.Named || c.Named
	if State(kept.State) == Erased || len(same) == 1 && !own && named == kept.Named && rec.IsZero() == (kept.Recording == nil) && kept.Ended == millis(c.EndedAt) {
		return nil
	}
	c.Named = named
	state, excuse := x.stateOf(c, rec)
	switch was := State(kept.State); {
	case rec.IsZero() && was == Excused && kept.Authority != "": // by a person, for this one call
		state, excuse = Excused, kept.excused()
	case state == Waiting && (was == Missing && rec.IsZero() || was == Unnamed && !rec.IsZero()):
		state = was
	}
	var card, by, from, recorded []byte
	if kept.By != nil {
		from = kept.By[:]
	}
	if state != Captured {
		var err error
		if card, err = x.card(kept.ID, c); err != nil {
			return err
		}
	}
	if state == Excused && !excuse.IsZero() {
		by = excuse[:]
	}
	if !rec.IsZero() {
		recorded = rec[:]
	}
	if _, err := x.tx.Exec(`UPDATE expectations SET state = ?, named = ?, ended_at = ?, changed_at = ?, direction = ?, disposition = ?, talk = ?, recording = ?, by_source = ?, excuse = ?, card = ? WHERE id = ?`,
		string(state), named, millis(c.EndedAt), millis(x.tx.At()), c.Direction, c.Disposition, int64(c.Talk*1000), recorded, from, by, card, kept.ID); err != nil {
		return err
	}
	for _, t := range tokens {
		if string(t) != string(kept.Token) {
			x.idents.add(t, kept.ID)
		}
	}
	return x.idents.flush(x.tx)
}
