package coverage

import (
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// A call may be named by the logs of two sources, such as a telephone system's
// and those of the session border controller before it, and recorded by one of
// them. Its sound is in the archive then, and the other source's call is no
// missing one: it is captured by another source. Taking one call's sound for
// another's would hide that something is missing, so it has to agree by more
// than one thing:
//
//	by name    one of the telephone system's names of the call, and its time
//	           (two systems may have counted to the same name), and no other
//	           people where both know who took part
//	by people  who is outside (the caller of a call that came in, whom one that
//	           went out dialled) and one more, the same time for half of the
//	           shorter one, and no other extension
//
// A recording stands in for one call of a source and no more. Names of files are
// no names of calls: two recorders may both have written 0001.wav.
const (
	clockSlack = 2 * time.Minute // by which two systems' clocks may differ, where their names of a call agree
	apart      = 2 * time.Hour   // from when a recording began to when another source says that its call did
)

// others finds what other sources have captured. It is for one transaction.
type others struct {
	tx    *place.Tx
	of    map[id.Source][]id.Source // the other ones
	spans []span                    // with Taken: only calls of about these times are asked for
}

// span is when the sound of a recording was made.
type span struct {
	source   id.Source
	from, to int64 // milliseconds
}

// sound is a recording that may be of the call.
type sound struct {
	N       int64        `db:"n"`
	ID      id.Recording `db:"id"`
	Source  id.Source    `db:"source"`
	Started int64        `db:"started_at"`
	Millis  int64        `db:"millis"`
	Common  int64        `db:"common"` // names of people in common
}

// sources are all but one.
func (o *others) sources(but id.Source) ([]id.Source, error) {
	if o.of == nil {
		o.of = map[id.Source][]id.Source{}
	}
	all, known := o.of[but]
	if !known {
		var err error
		if all, err = place.Rows[id.Source](o.tx, `SELECT id FROM sources WHERE id <> ? ORDER BY id`, but); err != nil {
			return nil, err
		}
		o.of[but] = all
	}
	return all, nil
}

// captured is the recording that another source has of a call; its id is zero
// where there is none.
func (o *others) captured(r row) (sound, error) {
	sources, err := o.sources(r.Source)
	if err != nil || len(sources) == 0 {
		return sound{}, err
	}
	c, err := r.call(o.tx)
	if err != nil || c == nil {
		return sound{}, err // who took part is not kept any more
	}
	w, err := o.who(r.Source, *c)
	if err != nil {
		return sound{}, err
	}
	found, err := o.byName(r, c.Idents, sources, w)
	if err != nil || !found.ID.IsZero() {
		return found, err
	}
	return o.byPeople(r, w)
}

// people are those who took part in a call, blinded.
type people struct {
	numbers, extensions [][]byte
	outside             [][]byte // of the numbers: a colleague's extension and a line's number many calls have, this few
}

func (o *others) who(source id.Source, c Call) (w people, err error) {
	if _, w.numbers, err = recording.Tokens(o.tx, source, recording.Call{Caller: recording.Party{Number: c.Caller}, Dialled: c.Dialled}); err != nil {
		return w, err
	}
	outside := recording.Call{Caller: recording.Party{Number: c.Caller}, Dialled: c.Dialled}
	switch recording.Direction(c.Direction) {
	case recording.Inbound:
		outside.Dialled = ""
	case recording.Outbound:
		outside.Caller.Number = ""
	}
	if _, w.outside, err = recording.Tokens(o.tx, source, outside); err != nil {
		return w, err
	}
	var agents []recording.Agent
	for _, x := range c.Extensions {
		agents = append(agents, recording.Agent{Extension: x})
	}
	_, w.extensions, err = recording.Tokens(o.tx, source, recording.Call{Agents: agents})
	return w, err
}

func (w people) all() [][]byte { return slices.Concat(w.numbers, w.extensions) }

// byName looks for a name of the call among those that other sources captured.
func (o *others) byName(r row, idents []string, sources []id.Source, w people) (sound, error) {
	idents = slices.DeleteFunc(slices.Clone(idents), func(i string) bool { return strings.HasPrefix(i, "file:") })
	if len(idents) == 0 {
		return sound{}, nil
	}
	var tokens [][]byte
	for _, s := range sources {
		some, err := recording.CallTokens(o.tx, s, idents)
		if err != nil {
			return sound{}, err
		}
		tokens = append(tokens, some...)
	}
	for some := range slices.Chunk(tokens, batchCalls) {
		all, err := place.Rows[sound](o.tx, `SELECT r.n, r.id, r.source, r.started_at, r.millis, 0 AS common FROM call_idents i JOIN recordings r ON r.call_id = i.call_id
			WHERE i.token IN (?) AND r.source <> ? ORDER BY r.n`, place.List(some), r.Source)
		if err != nil {
			return sound{}, err
		}
		for _, s := range all {
			slack := clockSlack.Milliseconds()
			if s.Started-slack > r.Ended || s.Started+s.Millis+slack < r.Started {
				continue
			}
			theirs, err := o.theirs(s)
			if err != nil {
				return sound{}, err
			}
			if ours := w.all(); len(ours) > 0 && len(theirs) > 0 && inCommon(ours, theirs) == 0 {
				continue
			}
			if free, err := o.free(r, s); err != nil || free {
				return s, err
			}
		}
	}
	return sound{}, nil
}

// byPeople looks for a recording of the same people at the same time.
func (o *others) byPeople(r row, w people) (sound, error) {
	ours := w.all()
	if len(ours) < 2 {
		return sound{}, nil
	}
	all, err := place.Rows[sound](o.tx, `SELECT r.n, r.id, r.source, r.started_at, r.millis, q.common FROM
			(SELECT p.n, count(*) AS common FROM parties p WHERE p.token IN (?) AND p.started_at >= ? AND p.started_at <= ? GROUP BY p.n HAVING count(*) >= 2) q
		JOIN recordings r ON r.n = q.n WHERE r.source <> ? ORDER BY q.common DESC, r.n`, place.List(ours), r.Started-apart.Milliseconds(), r.Ended, r.Source)
	if err != nil {
		return sound{}, err
	}
	for _, s := range all {
		from, to := max(s.Started, r.Started), min(s.Started+s.Millis, r.Ended)
		if shorter := min(s.Millis, r.Ended-r.Started); to <= from || 2*(to-from) < shorter {
			continue
		}
		theirs, err := o.theirs(s)
		if err != nil {
			return sound{}, err
		}
		switch {
		case len(w.outside) == 0 && inCommon(ours, theirs) < len(theirs): // it is not known who is outside
			continue
		case inCommon(w.outside, theirs) < len(w.outside):
			continue
		case len(w.extensions) > 0 && inCommon(w.extensions, theirs) == 0 && inCommon(w.numbers, theirs) < len(theirs):
			continue // somebody else took part there
		}
		if free, err := o.free(r, s); err != nil || free {
			return s, err
		}
	}
	return sound{}, nil
}

// theirs are those who took part in what was recorded.
func (o *others) theirs(s sound) ([][]byte, error) {
	return place.Rows[[]byte](o.tx, `SELECT token FROM parties WHERE n = ?`, s.N)
}

// free reports whether a recording stands in for no other call of the source.
func (o *others) free(r row, s sound) (bool, error) {
	n, err := place.Row[int](o.tx, `SELECT count(*) FROM expectations WHERE recording = ? AND source = ? AND id <> ?`, s.ID, r.Source, r.ID)
	return n == 0, err
}

func inCommon(a, b [][]byte) (n int) {
	for _, x := range a {
		if slices.ContainsFunc(b, func(y []byte) bool { return string(x) == string(y) }) {
			n++
		}
	}
	return n
}

// settle writes that another source has captured a call.
func (o *others) settle(r row, s sound) error {
	_, err := o.tx.Exec(`UPDATE expectations SET state = 'captured', recording = ?, by_source = ?, excuse = NULL, authority = '', card = NULL, changed_at = ? WHERE id = ?`,
		s.ID, s.Source, millis(o.tx.At()), r.ID)
	return err
}

// missed bounds how many missing calls are looked at anew when recordings are
// taken in.
const missed = 5000

// came looks anew at what other sources miss of the time of recordings that were
// taken in. What is still waiting is looked at when it is due.
func (o *others) came() error {
	if len(o.spans) == 0 {
		return nil
	}
	slack := clockSlack.Milliseconds()
	first, last := o.spans[0].from, o.spans[0].to
	for _, s := range o.spans {
		first, last = min(first, s.from), max(last, s.to)
	}
	// Said twice, so that SQLite sees that the index of what is odd has all of it.
	rows, err := place.Rows[row](o.tx, columns+` WHERE state IN ('missing', 'unnamed') AND state = 'missing' AND started_at >= ? AND started_at <= ? AND ended_at >= ? ORDER BY started_at, id LIMIT ?`,
		first-apart.Milliseconds(), last+slack, first-slack, missed)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !slices.ContainsFunc(o.spans, func(s span) bool {
			return s.source != r.Source && s.from-slack <= r.Ended && s.to+slack >= r.Started
		}) {
			continue
		}
		found, err := o.captured(r)
		if err != nil {
			return err
		}
		if !found.ID.IsZero() {
			if err := o.settle(r, found); err != nil {
				return err
			}
			o.tx.Notify("coverage")
		}
	}
	return nil
}
