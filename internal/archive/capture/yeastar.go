package capture

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// yeastar reads the recordings of a Yeastar and what its CDR list says, as CSV or, beside a recording that was fetched by the API, as JSON.
type yeastar struct {
	opt Options
}

func newYeastar(opt Options) dialect { return &yeastar{opt: opt} }

// yeastarName is `date-uniqueid-caller-callee-Type`: 20250819095658-1755568612.24-2192-2193-Internal.
var yeastarName = regexp.MustCompile(`(?i)^(\d{14})-(\d{9,11}\.\d{1,10})-(.*)-(internal|inbound|outbound|callback|transfer|multisite call|conference)$`)

func (d *yeastar) name(p string) named {
	base := strings.TrimSuffix(path.Base(p), path.Ext(p))
	m := yeastarName.FindStringSubmatch(base)
	if m == nil {
		return named{}
	}
	n := named{keys: []string{"u:" + m[2]}}
	if i := strings.LastIndexByte(m[3], '-'); i >= 0 {
		n.first, n.second = m[3][:i], m[3][i+1:]
	} else {
		n.first = m[3]
	}
	if t, err := time.Parse("20060102150405", m[1]); err == nil {
		n.wall = t.UnixMilli()
	}
	n.direction = yeastarType(m[4])
	return n
}

func yeastarType(s string) Direction {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "internal":
		return Internal
	case "inbound":
		return Inbound
	case "outbound", "callback":
		return Outbound
	}
	return ""
}

func (d *yeastar) form(p string) form {
	switch strings.ToLower(path.Ext(p)) {
	case ".csv":
		return byLine
	case ".json":
		return atOnce
	}
	return noRecord
}

// yeastarColumns are the names that columns have in exports and in the API, and what they are here.
var yeastarColumns = map[string]string{
	"id": "row", "uid": "id", "call id": "id", "callid": "id", "unique id": "id", "uniqueid": "id", "time": "time", "datetime": "time", "timestart": "time", "call time": "time",
	"timestamp": "epoch", "call from": "from", "call_from": "from", "callfrom": "from", "caller": "from", "src": "from", "call to": "to", "call_to": "to", "callto": "to", "callee": "to", "dst": "to",
	"call_from_number": "from number", "call_from_name": "from name", "call_to_number": "to number", "call_to_name": "to name",
	"call duration": "duration", "duration": "duration", "call duration(s)": "duration", "callduraction": "duration", "callduration": "duration", "call_duration": "duration",
	"talk duration": "talk", "talk duration(s)": "talk", "talk_duration": "talk", "talkduraction": "talk", "billable": "talk",
	"ring duration": "ring", "ring duration(s)": "ring", "ring_duration": "ring",
	"status": "status", "disposition": "status", "last status": "status", "last_status": "status", "communication type": "type", "call type": "type", "call_type": "type", "calltype": "type", "type": "type",
	"recording file": "file", "recording": "file", "record_file": "file", "recordfile": "file", "recording_file": "file", "recordpath": "file", "record file": "file",
	"did/ddi": "did", "did number": "did", "did_number": "did", "didnumber": "did", "did": "did", "queue": "queue", "reason": "reason",
}

func (d *yeastar) line(f *source, text string) ([]row, error) {
	fields, err := splitRecord(text)
	if err != nil {
		return nil, err
	}
	if f.named == nil {
		c := columns{}
		for i, name := range fields {
			if to := yeastarColumns[strings.ToLower(strings.TrimSpace(name))]; to != "" {
				c[to] = i
			}
		}
		_, from := c["from"]
		_, at := c["time"]
		if !from || !at {
			return nil, errors.New("the first line must name the columns, as in Yeastar's export: Time, Call From, Call To …")
		}
		f.named = c
		return nil, nil
	}
	o, err := d.row(func(name string) string { return f.named.of(fields, name) }, f.path, f.line)
	if err != nil {
		return nil, err
	}
	return []row{*o}, nil
}

// whole reads what the API says of one call: the object itself, or several.
func (d *yeastar) whole(p string, b []byte) ([]row, error) {
	var many []map[string]any
	if err := json.Unmarshal(b, &many); err != nil {
		var one map[string]any
		if err := json.Unmarshal(b, &one); err != nil {
			return nil, fmt.Errorf("it is no JSON object: %w", err)
		}
		many = append(many, one)
	}
	var rows []row
	for i, m := range many {
		if i >= maxRows {
			break
		}
		said := map[string]string{}
		for k, v := range m {
			name := yeastarColumns[strings.ToLower(k)]
			switch v := v.(type) {
			case string:
				said[name] = cmp.Or(v, said[name])
			case float64:
				said[name] = strconv.FormatFloat(v, 'f', -1, 64)
			}
		}
		o, err := d.row(func(name string) string { return said[name] }, p, i+1)
		if err != nil {
			return rows, err
		}
		rows = append(rows, *o)
	}
	return rows, nil
}

// row makes a row of what a line or object says.
func (d *yeastar) row(of func(string) string, file string, n int) (*row, error) {
	o := &row{wall: true, begins: true, outcome: OutcomeNoAnswer}
	if epoch, err := strconv.ParseInt(of("epoch"), 10, 64); err == nil && epoch > 100_000_000 {
		o.wall, o.start = false, epoch*1000
	} else {
		var ok bool
		if o.start, ok = yeastarTime(of("time")); !ok {
			return nil, fmt.Errorf("the time %q cannot be read", clipped(of("time")))
		}
	}
	o.end = o.start + clockSeconds(of("duration"))*1000
	if talk := clockSeconds(of("talk")); talk > 0 || strings.EqualFold(of("status"), "ANSWERED") {
		o.answer = max(o.start, o.end-talk*1000)
		o.outcome = OutcomeAnswered
	}
	for _, name := range strings.FieldsFunc(of("file"), func(r rune) bool { return r == ';' || r == ',' || r == '@' }) {
		name = strings.TrimSpace(name)
		o.files = append(o.files, name)
		if said := d.name(name); len(said.keys) > 0 {
			o.keys = append(o.keys, said.keys[0])
		}
	}
	// Several legs share an id; a line without one and without a recording stands for itself.
	id := of("id")
	if id == "" && strings.Contains(of("row"), ".") {
		id = of("row") // an export calls the unique id ID, the API calls the line's number id
	}
	if id != "" {
		o.keys = append([]string{"u:" + id}, o.keys...)
	}
	if len(o.keys) == 0 {
		o.keys = []string{fmt.Sprintf("row:%s:%d", cmp.Or(of("row"), path.Base(file)+":"+strconv.Itoa(n)), o.start)}
	}
	o.id = fmt.Sprintf("%s/%s/%d/%s", o.keys[0], of("row"), o.start, of("to"))
	d.parties(o, of)
	return o, nil
}

// parties reads who called whom: `Name<number>` or a number alone.
func (d *yeastar) parties(o *row, of func(string) string) {
	o.callerName, o.caller = nameAndNumber(of("from"))
	o.toName, o.to = nameAndNumber(of("to"))
	o.caller, o.to = cmp.Or(of("from number"), o.caller), cmp.Or(of("to number"), o.to)
	o.callerName, o.toName = cmp.Or(of("from name"), o.callerName), cmp.Or(of("to name"), o.toName)
	o.direction = yeastarType(of("type"))
	if extensionLike(o.caller) && o.direction != Inbound {
		o.callerExt = o.caller
	}
	o.inside = extensionLike(o.to) && o.direction != Outbound
	kind, _, _ := strings.Cut(strings.ToLower(o.to+" "+o.toName), " ")
	for _, what := range []string{"queue", "ivr", "ringgroup", "ring_group", "voicemail", "conference"} {
		if strings.HasPrefix(kind, what) || strings.HasPrefix(strings.ToLower(o.toName), what) {
			o.machine = true
			if what == "queue" {
				o.queue = cmp.Or(strings.TrimSpace(strings.TrimPrefix(o.toName, "Queue")), o.to)
			}
		}
	}
	o.queue = cmp.Or(of("queue"), o.queue)
	o.dialled = cmp.Or(of("did"), o.to)
	switch status := strings.ToUpper(of("status")); {
	case o.machine:
		if o.outcome == OutcomeAnswered {
			o.outcome = OutcomeNoAnswer // the queue answered, no person
		}
	case strings.Contains(status, "BUSY"):
		o.outcome, o.answer = OutcomeBusy, 0
	}
}

// nameAndNumber takes `Ada Okafor<2192>` apart.
func nameAndNumber(s string) (name, num string) {
	s = strings.TrimSpace(s)
	open := strings.LastIndexByte(s, '<')
	if open < 0 || !strings.HasSuffix(s, ">") {
		return "", s
	}
	return strings.Trim(strings.TrimSpace(s[:open]), `"`), strings.TrimSpace(s[open+1 : len(s)-1])
}

// yeastarTime reads a time in any of the formats that the system can be set to.
func yeastarTime(s string) (ms int64, ok bool) {
	s = strings.TrimSpace(s)
	for _, date := range []string{"2006-01-02", "2006/01/02", "01/02/2006", "02/01/2006", "01-02-2006", "02.01.2006"} {
		for _, clock := range []string{" 15:04:05", " 03:04:05 PM", " 15:04"} {
			if t, err := time.Parse(date+clock, s); err == nil {
				return t.UnixMilli(), true
			}
		}
	}
	return 0, false
}

// near implements dialect: a name without the id that the list knows still has its parties.
func (d *yeastar) near(n named, r *row) bool {
	return n.first != "" && n.second != "" && sameNumber(n.first, r.caller) && (sameNumber(n.second, r.to) || sameNumber(n.second, r.dialled))
}
