package capture

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// threeCX reads the recordings of a 3CX and the lines of its CDR output (file or socket).
//
// A call is written as one line per stretch: a transfer or a queue that hands over begins another line with the same history id in older
// releases, and a line that refers to the same call by its chain in newer ones. Which fields a line has, and in which order, is the
// administrator's choice: a heading names them, else the order of the maker's template is taken, or what a line itself shows.
type threeCX struct {
	opt Options
}

func newThreeCX(opt Options) dialect { return &threeCX{opt: opt} }

// threeCXName is `[Name]_parties_date(id).wav`; the name may be missing, and parties stand as ext-number or number-ext. The number
// in parentheses counts recordings, not calls.
var threeCXName = regexp.MustCompile(`^(?:\[(.*)\]_|([^_\[\]]*)_)?([^_]+?)-([^_]+?)_(\d{14})(?:\((\d+)\))?$`)

func (d *threeCX) name(p string) named {
	base := strings.TrimSuffix(path.Base(p), path.Ext(p))
	n := named{}
	if owner := path.Base(path.Dir(p)); extensionLike(owner) {
		n.owner = owner
	}
	m := threeCXName.FindStringSubmatch(unescaped(base))
	if m == nil {
		return n
	}
	n.title, n.first, n.second = cmp.Or(m[1], m[2]), threeCXParty(m[3]), threeCXParty(m[4])
	if n.title == n.first || n.title == n.second {
		n.title = ""
	}
	if t, err := time.Parse("20060102150405", m[5]); err == nil {
		n.wall = t.UnixMilli()
	}
	return n
}

// threeCXParty is a number without what 3CX puts before it.
func threeCXParty(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := cutFold(s, "Ext."); ok {
		s = rest
	}
	return s
}

// cutFold takes off a beginning whatever its case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// unescaped reads a name whose brackets and blanks were written as in a URL, which 3CX does in newer releases.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (d *threeCX) form(p string) form {
	switch strings.ToLower(path.Ext(p)) {
	case ".log", ".csv", ".txt", ".cdr":
		return byLine
	case ".json":
		return atOnce
	}
	return noRecord
}

// threeCXFields is the order of the maker's template, with every field.
var threeCXFields = columnsOf("historyid,callid,duration,time-start,time-answered,time-end,reason-terminated,from-no,to-no,from-dn,to-dn,dial-no," +
	"reason-changed,final-number,final-dn,bill-code,bill-rate,bill-cost,bill-name,chain,from-type,to-type,final-type,from-dispname,to-dispname," +
	"final-dispname,missed-queue-calls")

func (d *threeCX) line(f *source, text string) ([]row, error) {
	fields, err := splitRecord(text)
	if err != nil {
		return nil, err
	}
	if c := threeCXHeading(fields); c != nil {
		f.named = c
		return nil, nil
	}
	c := f.named
	if c == nil {
		if c, err = threeCXLayout(fields); err != nil {
			return nil, err
		}
	}
	return threeCXRow(c, fields)
}

// splitRecord cuts a line at commas, or at the separator that an administrator chose instead.
func splitRecord(text string) ([]string, error) {
	sep := byte(',')
	for _, other := range []byte{';', '\t', '|'} {
		if strings.Count(text, string(other)) > strings.Count(text, ",") && !strings.Contains(text, "Chain:") {
			sep = other
		}
	}
	if sep != ',' {
		fields := strings.Split(text, string(sep))
		for i, f := range fields {
			fields[i] = strings.Trim(strings.TrimSpace(f), `"`)
		}
		return fields, nil
	}
	fields, err := splitCSV(text, nil)
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields, err
}

// threeCXHeading reads a line that names the fields, with dashes or underscores.
func threeCXHeading(fields []string) columns {
	c := columns{}
	known := 0
	for i, f := range fields {
		name := strings.ReplaceAll(strings.ToLower(f), "_", "-")
		c[name] = i
		if _, ok := threeCXFields[name]; ok {
			known++
		}
	}
	if known >= 4 && known*2 > len(fields) {
		return c
	}
	return nil
}

// threeCXLayout finds the order of a line's fields: the template's as far as the line goes, when times stand where it has them.
func threeCXLayout(fields []string) (columns, error) {
	isTime := func(i int) bool {
		if i >= len(fields) {
			return false
		}
		_, ok := threeCXTime(fields[i])
		return ok
	}
	if len(fields) > len(threeCXFields) {
		return nil, fmt.Errorf("the line has %d fields; 3CX's template has %d", len(fields), len(threeCXFields))
	}
	if len(fields) >= 9 && isTime(3) && isTime(5) {
		return threeCXFields, nil
	}
	return nil, errors.New("the fields are in an order of your own: put a line with their names first (historyid,callid,…), or choose the template's order")
}

// threeCXTime reads a time; layouts differ by release.
func threeCXTime(s string) (ms int64, ok bool) {
	s = strings.TrimSpace(s)
	for _, l := range []string{"2006/01/02 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "02/01/06 15:04:05", "02.01.2006 15:04:05", "20060102150405"} {
		if t, err := time.Parse(l, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// threeCXRow makes a row of a line's fields.
func threeCXRow(c columns, f []string) ([]row, error) {
	history, _ := cutFold(c.of(f, "historyid"), "Call ")
	callid := c.of(f, "callid")
	if history == "" && callid == "" {
		return nil, errors.New("the line has neither historyid nor callid, so that it fits no call")
	}
	o := &row{id: cmp.Or(callid, history), wall: true, outcome: OutcomeNoAnswer}
	if t, err := time.Parse(time.RFC3339, c.of(f, "time-start")); err == nil {
		o.wall, o.start = false, t.UnixMilli()
		o.answer, o.end = rfcMillis(c.of(f, "time-answered")), rfcMillis(c.of(f, "time-end"))
	} else {
		var ok bool
		if o.start, ok = threeCXTime(c.of(f, "time-start")); !ok {
			return nil, fmt.Errorf("the start time %q cannot be read", clipped(c.of(f, "time-start")))
		}
		o.answer, _ = threeCXTime(c.of(f, "time-answered"))
		o.end, _ = threeCXTime(c.of(f, "time-end"))
	}
	if o.end == 0 {
		o.end = max(o.start, o.answer) + clockSeconds(c.of(f, "duration"))*1000
	}
	if history != "" {
		o.keys = append(o.keys, "h:"+history)
	}
	if main, _, _ := strings.Cut(callid, "_"); callid != "" && main != "" {
		o.keys = append(o.keys, "c:"+callid)
	}
	return threeCXParties(o, c, f), nil
}

func rfcMillis(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

// clockSeconds reads a length such as 00:05:36, with days before it in some releases.
func clockSeconds(s string) (n int64) {
	s, _, _ = strings.Cut(strings.ReplaceAll(s, " ", ""), ".")
	for _, part := range strings.Split(s, ":") {
		n = n*60 + number(part)
	}
	return n
}

// machines are the types of ends that ring nobody themselves.
var machines = []string{"queue", "ivr", "ringgroup", "ring group", "voicemail", "conference", "confplace", "parking", "script", "routepoint"}

// threeCXParties reads who called, who rang and what came of it. A call that was handed over gives another row: when that was does not
// stand in the line.
func threeCXParties(o *row, c columns, f []string) []row {
	var next *row
	from, to, final := c.of(f, "from-no"), c.of(f, "to-no"), c.of(f, "final-number")
	o.begins = true
	if ext, ok := cutFold(from, "Ext."); ok {
		o.callerExt, o.caller = ext, ext
	} else {
		o.caller = from
		if strings.EqualFold(c.of(f, "from-type"), "extension") {
			o.callerExt = cmp.Or(c.of(f, "from-dn"), from)
		}
	}
	o.callerName, o.dialled = c.of(f, "from-dispname"), c.of(f, "dial-no")
	toExt, toInside := cutFold(to, "Ext.")
	finalExt, finalInside := cutFold(final, "Ext.")
	toType, finalType := strings.ToLower(c.of(f, "to-type")), strings.ToLower(c.of(f, "final-type"))
	chain := chainOf(c.of(f, "chain"))
	changed := strings.ToLower(c.of(f, "reason-changed"))
	o.to, o.inside, o.toName = toExt, toInside || toType == "extension", c.of(f, "to-dispname")
	o.machine = slices.Contains(machines, toType)
	if strings.Contains(toType, "queue") || toType == "" && (strings.HasPrefix(changed, "qfwd") || strings.Contains(changed, "queue")) {
		o.queue, o.machine = cmp.Or(c.of(f, "to-dispname"), toExt), true
	}
	if final != "" && finalExt != toExt && !slices.Contains(machines, finalType) {
		went := row{
			id: o.id + "/final", keys: o.keys, wall: o.wall, start: cmp.Or(o.answer, o.start), answer: o.answer, end: o.end, to: finalExt,
			inside: finalInside || finalType == "extension", toName: c.of(f, "final-dispname"), outcome: OutcomeNoAnswer,
		}
		if o.answer != 0 {
			went.outcome = OutcomeAnswered
		}
		went.transferred = !o.machine
		if went.transferred {
			went.events = append(went.events, Event{At: Moment{time.UnixMilli(went.start).UTC()}, What: "transfer", By: toExt, To: finalExt})
		}
		went.queue, next = o.queue, &went
	}
	for _, ext := range append(splitList(c.of(f, "missed-queue-calls")), middle(chain, o)...) {
		if ext != o.to && (next == nil || ext != next.to) && extensionLike(ext) && !slices.Contains(o.rang, ext) {
			o.rang = append(o.rang, ext)
		}
	}
	if o.answer != 0 && !o.machine {
		o.outcome = OutcomeAnswered
	} else if strings.Contains(strings.ToLower(c.of(f, "reason-terminated")), "busy") {
		o.outcome = OutcomeBusy
	}
	if !o.inside && !extensionLike(o.to) && o.callerExt != "" && o.dialled == "" {
		o.dialled = o.to
	}
	if o.dialled == "" {
		o.dialled = toExt
	}
	if next != nil {
		return []row{*o, *next}
	}
	return []row{*o}
}

// chainOf are the ends that a call went through, as `Chain: +4420…;Ext.960;Ext.504;` tells.
func chainOf(s string) []string {
	s, _ = cutFold(strings.TrimSpace(s), "Chain:")
	var out []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '\'' }) {
		if part = threeCXParty(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// middle are the telephones of a chain between the queue and the one that answered: they rang in vain.
func middle(chain []string, o *row) []string {
	if o.queue == "" || len(chain) < 4 {
		return nil
	}
	return chain[2 : len(chain)-1]
}

func splitList(s string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ' ' || r == '|' }) {
		out = append(out, threeCXParty(part))
	}
	return out
}

// near implements dialect: both parties of the name are those of the row, or the extension whose folder it is and one of them.
func (d *threeCX) near(n named, r *row) bool {
	ends := append(r.parties(), r.rang...)
	has := func(s string) bool {
		return s != "" && slices.ContainsFunc(ends, func(e string) bool { return sameNumber(e, s) })
	}
	return has(n.first) && has(n.second) || n.owner != "" && has(n.owner) && (has(n.first) || has(n.second))
}

// sameNumber compares numbers as two parts of one system write them: with or without the country or trunk's prefix.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	bare := func(s string) string {
		return strings.TrimLeft(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s), "0")
	}
	x, y := bare(a), bare(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	return len(x) >= 7 && strings.HasSuffix(y, x)
}
