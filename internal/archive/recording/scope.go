package recording

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"ringfence/internal/platform/place"
)

// Scope is which recordings the reader may see at all: all of them, or those
// that any of the parts covers. The zero value is none.
type Scope struct {
	All   bool
	Parts []Part
}

// Part is recordings of any of the spans or queues that did not start before an
// instant.
type Part struct {
	Any       bool // of whatever queue and whoever took part
	Spans     []Span
	Queues    []string
	NotBefore time.Time // zero: from any time
}

// Span is an extension while it was somebody's: calls that started within.
type Span struct {
	Extension string
	From, To  time.Time // From counts, To does not; zero: no end on that side
}

// Everything is the scope of who may see all recordings of a customer.
var Everything = Scope{All: true}

// OfExtensions is the scope of who may see all recordings in which one of the
// extensions took part, whenever that was.
func OfExtensions(extensions ...string) Scope {
	var p Part
	for _, x := range extensions {
		p.Spans = append(p.Spans, Span{Extension: x})
	}
	return Scope{Parts: []Part{p}}
}

// maxTime is later than any recording, and exact on both engines.
const maxTime = 1 << 53

// interval is when the span's calls started, in the columns' milliseconds.
func (s Span) interval(notBefore time.Time) (from, to int64) {
	from, to = -maxTime, maxTime
	if !s.From.IsZero() {
		from = millis(s.From)
	}
	if !notBefore.IsZero() {
		from = max(from, millis(notBefore))
	}
	if !s.To.IsZero() {
		to = millis(s.To)
	}
	return from, to
}

// sees is fault.NotFound for a recording out of scope.
func (sc Scope) sees(tx *place.Tx, row Row) error {
	if sc.All {
		return nil
	}
	var took [][]byte // tokens of who took part; nil: not read yet
	for _, p := range sc.Parts {
		if !p.NotBefore.IsZero() && row.StartedAt < millis(p.NotBefore) {
			continue
		}
		if p.Any || row.Queue != "" && slices.Contains(p.Queues, row.Queue) {
			return nil
		}
		if took == nil && len(p.Spans) > 0 {
			var err error
			if took, err = place.Rows[[]byte](tx, `SELECT token FROM parties WHERE n = ?`, row.N); err != nil {
				return err
			}
		}
		for _, s := range p.Spans {
			if from, to := s.interval(p.NotBefore); row.StartedAt < from || row.StartedAt >= to {
				continue
			}
			token, err := tx.Blind(place.FieldExtension, s.Extension)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(took, func(t []byte) bool { return bytes.Equal(t, token) }) {
				return nil
			}
		}
	}
	return errMissing
}

// window is tokens whose calls are in scope within one interval.
type window struct {
	from, to int64
	tokens   [][]byte
}

// windows gathers the spans of all parts by their interval: most of a team's
// have the same.
func (sc Scope) windows(tx *place.Tx) (all []window, err error) {
	at := map[[2]int64]int{}
	for _, p := range sc.Parts {
		for _, s := range p.Spans {
			from, to := s.interval(p.NotBefore)
			if from >= to || s.Extension == "" {
				continue
			}
			token, err := tx.Blind(place.FieldExtension, s.Extension)
			if err != nil {
				return nil, err
			}
			i, ok := at[[2]int64{from, to}]
			if !ok {
				i = len(all)
				at[[2]int64{from, to}] = i
				all = append(all, window{from: from, to: to})
			}
			all[i].tokens = append(all[i].tokens, token)
		}
	}
	return all, nil
}

// condition is SQL with what it binds.
type condition struct {
	text string
	args []any
}

// either joins conditions by OR as a balanced tree: SQLite refuses an expression
// more than a thousand deep, and a large team has as many spans.
func either(all []condition) condition {
	switch len(all) {
	case 0:
		return condition{text: "1 = 0"}
	case 1:
		return all[0]
	}
	left, right := either(all[:len(all)/2]), either(all[len(all)/2:])
	return condition{"(" + left.text + " OR " + right.text + ")", slices.Concat(left.args, right.args)}
}

// inParties is the windows as a condition on the table of parties.
func inParties(all []window, alias string) condition {
	var out []condition
	for _, w := range all {
		text := alias + `.token IN (?)`
		args := []any{place.List(w.tokens)}
		if w.from > -maxTime {
			text += ` AND ` + alias + `.started_at >= ?`
			args = append(args, w.from)
		}
		if w.to < maxTime {
			text += ` AND ` + alias + `.started_at < ?`
			args = append(args, w.to)
		}
		out = append(out, condition{"(" + text + ")", args})
	}
	return either(out)
}

// onRows is the parts that need no look at who took part, as a condition on the
// table of recordings.
func (sc Scope) onRows(alias string) []condition {
	var out []condition
	for _, p := range sc.Parts {
		from := int64(-maxTime)
		if !p.NotBefore.IsZero() {
			from = millis(p.NotBefore)
		}
		if p.Any {
			out = append(out, condition{`(` + alias + `.started_at >= ?)`, []any{from}})
		}
		if queues := slices.DeleteFunc(slices.Clone(p.Queues), func(q string) bool { return q == "" }); len(queues) > 0 {
			out = append(out, condition{`(` + alias + `.queue IN (?) AND ` + alias + `.started_at >= ?)`, []any{place.List(queues), from}})
		}
	}
	return out
}

// restrict lets through only what is in scope. One extension's calls are walked
// in their order; few calls are found first and read after; else the list is
// walked in its own order and each row tested.
func (w *where) restrict(sc Scope) error {
	if sc.All {
		return nil
	}
	spans, err := sc.windows(w.tx)
	if err != nil {
		return err
	}
	rows := sc.onRows("r")
	if len(spans) == 0 && len(rows) == 0 {
		w.impossible = true
		return nil
	}
	few, err := w.fewIn(sc, spans)
	if err != nil {
		return err
	}
	var hits []string
	var args []any
	if len(spans) > 0 {
		c := inParties(spans, "q")
		hits, args = append(hits, `SELECT q.n FROM parties q WHERE `+c.text), append(args, c.args...)
	}
	if len(rows) > 0 {
		c := either(sc.onRows("x"))
		hits, args = append(hits, `SELECT x.n FROM recordings x WHERE `+c.text), append(args, c.args...)
	}
	if few && w.narrow(strings.Join(hits, " UNION ")+distinct(hits), args...) {
		return nil
	}
	if len(rows) == 0 && len(spans) == 1 && len(spans[0].tokens) == 1 && w.inTime && w.hits == "" && !w.walk {
		w.walk = true
		c := inParties(spans, "p")
		w.and(`r.n = p.n AND `+c.text, c.args...)
		return nil
	}
	if len(spans) > 0 {
		c := inParties(spans, "q")
		rows = append(rows, condition{`EXISTS (SELECT 1 FROM parties q WHERE q.n = r.n AND q.started_at = r.started_at AND ` + c.text + `)`, c.args})
	}
	c := either(rows)
	w.and(c.text, c.args...)
	return nil
}

// distinct lets one query of hits give each row once, as UNION does for two.
func distinct(hits []string) string {
	if len(hits) == 1 {
		return " GROUP BY 1"
	}
	return ""
}

// fewIn reports whether the scope holds so few recordings that they are best
// found first.
func (w *where) fewIn(sc Scope, spans []window) (bool, error) {
	total := 0
	count := func(table, alias string, c condition) error {
		n, err := place.Row[int](w.tx, `SELECT count(*) FROM (SELECT 1 FROM `+table+` `+alias+` WHERE `+c.text+` LIMIT ?) AS found`, append(slices.Clone(c.args), few+1)...)
		total += n
		return err
	}
	if len(spans) > 0 {
		if err := count("parties", "q", inParties(spans, "q")); err != nil {
			return false, err
		}
	}
	if rows := sc.onRows("x"); len(rows) > 0 && total <= few {
		if err := count("recordings", "x", either(rows)); err != nil {
			return false, err
		}
	}
	return total <= few, nil
}
