package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// celEvent is one row of the channel event log.
type celEvent struct {
	at      int64 // ms UTC
	what    string
	cidName string
	cidNum  string
	exten   string
	context string
	channel string
	app     string
	data    string
	uid     string
	linked  string
	peer    string
	extra   string // JSON, only of events that need it
}

// cdrRow is one row of a call detail record, of cdr-csv or cdr-custom.
type cdrRow struct {
	start, answer, end int64 // ms UTC; 0 when there is none
	src, dst, clid     string
	context            string
	channel, dstChan   string
	app, data          string
	billed             int
	disposition        string
	uid, linked        string
	sequence           int64
	recording          string // base name from recordingfile or userfield
}

// queueEvent is one row of queue_log.
type queueEvent struct {
	at                int64
	uid, queue, agent string
	what              string
	data              [5]string
}

// columns maps the names of a log's columns to their places; -1 or absent: not there.
type columns map[string]int

func columnsOf(names string) columns {
	c := columns{}
	for i, n := range strings.Split(names, ",") {
		c[n] = i
	}
	return c
}

func (c columns) of(f []string, name string) string {
	if i, ok := c[name]; ok && i < len(f) {
		return f[i]
	}
	return ""
}

// The layouts of CDR files that exist: that of cdr-csv, which loses columns at its end with older settings; those that FreePBX-like
// systems write with cdr-custom; and the sample of cdr_custom.conf.
var cdrLayouts = []columns{
	columnsOf("accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,uniqueid,userfield,peeraccount,linkedid,sequence"),
	columnsOf("start,answer,end,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,uniqueid,linkedid,sequence,recordingfile"),
	columnsOf("clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,accountcode,uniqueid,userfield,sequence"),
	columnsOf("clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,accountcode,uniqueid,userfield,linkedid,sequence"),
	columnsOf("calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,amaflags,accountcode,uniqueid,userfield,did,recordingfile,cnum,cnam,outbound_cnum,outbound_cnam,dst_cnam,linkedid,peeraccount,sequence"),
}

// The layouts of CEL files: that of the README of the fixtures, and the samples of cel_custom.conf.
var celLayouts = []columns{
	columnsOf("eventtype,eventtime,cidname,cidnum,exten,context,channame,appname,appdata,uniqueid,linkedid,bridgepeer,extra"),
	columnsOf("eventtype,eventtime,cidname,cidnum,cidani,cidrdnis,ciddnid,exten,context,channame,appname,appdata,amaflags,accountcode,uniqueid,linkedid,bridgepeer,userfield,userdeftype,extra"),
	columnsOf("eventtype,eventtime,cidname,cidnum,cidani,cidrdnis,ciddnid,exten,context,channame,appname,appdata,amaflags,accountcode,uniqueid,linkedid,bridgepeer,userfield"),
}

var dispositions = map[string]bool{"ANSWERED": true, "NO ANSWER": true, "BUSY": true, "FAILED": true, "CONGESTION": true}

// parser reads the lines of one log file family. Layouts are recognised by what the line holds; a file with a heading line of column names
// is read by that.
type parser struct {
	clock  clock
	pool   pool
	fields []string
	named  columns // from a heading line
	inside bool    // past the first line, where no heading can be
}

// heading takes a first line that names the columns.
func (p *parser) heading(f []string) bool {
	if p.inside {
		return false
	}
	c := columns{}
	for i, n := range f {
		c[strings.ToLower(strings.TrimSpace(n))] = i
	}
	_, unique := c["uniqueid"]
	_, time := c["eventtime"]
	_, start := c["start"]
	_, date := c["calldate"]
	if unique && (time || start || date) {
		p.named = c
		return true
	}
	return false
}

// cdr reads one row. The warning is about the clock and does not spoil the row.
func (p *parser) cdr(line string) (row cdrRow, warning string, err error) {
	p.fields, err = splitCSV(line, p.fields)
	if err != nil {
		return row, "", err
	}
	if p.heading(p.fields) {
		return row, "", errHeading
	}
	c, err := p.cdrLayout()
	if err != nil {
		return row, "", err
	}
	f, t := p.fields, p.pool.text
	row = cdrRow{
		src: t(c.of(f, "src")), dst: t(c.of(f, "dst")), clid: t(Shown(c.of(f, "clid"))), context: t(c.of(f, "dcontext")),
		channel: t(c.of(f, "channel")), dstChan: t(c.of(f, "dstchannel")), app: t(c.of(f, "lastapp")), data: t(c.of(f, "lastdata")),
		disposition: t(c.of(f, "disposition")), uid: t(c.of(f, "uniqueid")), linked: t(c.of(f, "linkedid")), sequence: -1,
	}
	if row.uid == "" {
		return row, "", fmt.Errorf("the row has no uniqueid, so that it fits no call; set loguniqueid=yes in cdr.conf")
	}
	if row.linked == "" {
		row.linked = row.uid
	}
	if n, err := strconv.ParseInt(c.of(f, "sequence"), 10, 64); err == nil {
		row.sequence = n
	}
	row.recording = t(baseName(c.of(f, "recordingfile")))
	if u, ok := strings.CutPrefix(c.of(f, "userfield"), "audio:"); ok && row.recording == "" {
		row.recording = t(baseName(u))
	}
	row.billed, _ = strconv.Atoi(c.of(f, "billsec"))
	duration, durErr := strconv.ParseInt(c.of(f, "duration"), 10, 64)
	started := c.of(f, "start")
	if started == "" {
		started = c.of(f, "calldate")
	}
	wall, _, ok := parseWall(started)
	if !ok {
		return row, "", fmt.Errorf("the start time %q cannot be read", clipped(started))
	}
	born := int64(0)
	if u, ok := parseUniqueID(row.uid); ok {
		born = u.epoch
		warning = p.clock.learn(wall, born)
	}
	row.start = p.clock.instant(wall, born*1000)
	if wall, _, ok := parseWall(c.of(f, "answer")); ok {
		row.answer = p.clock.instant(wall, row.start)
	}
	if wall, _, ok := parseWall(c.of(f, "end")); ok {
		row.end = p.clock.instant(wall, row.start)
	}
	// The duration does not change its clock between start and end, as wall times do twice a year.
	if durErr == nil && duration >= 0 && (row.end == 0 || abs(row.start+duration*1000-row.end) > 2000) {
		row.end = row.start + duration*1000
	}
	p.clock.seen(row.end)
	return row, warning, nil
}

var errHeading = errors.New("a heading line")

// cdrLayout finds the layout that the line fits: dates, a disposition and a duration are where they must be.
func (p *parser) cdrLayout() (columns, error) {
	if p.named != nil {
		return p.named, nil
	}
	for _, c := range cdrLayouts {
		if len(p.fields) > len(c) || len(p.fields) < c["disposition"]+2 {
			continue
		}
		start := c.of(p.fields, "start")
		if _, ok := c["start"]; !ok {
			start = c.of(p.fields, "calldate")
		}
		if _, _, ok := parseWall(start); !ok || !dispositions[c.of(p.fields, "disposition")] {
			continue
		}
		if _, err := strconv.Atoi(c.of(p.fields, "duration")); err != nil {
			continue
		}
		return c, nil
	}
	return nil, fmt.Errorf("the row has %d columns that fit no known layout of a CDR", len(p.fields))
}

// cel reads one row.
func (p *parser) cel(line string) (ev celEvent, warning string, err error) {
	p.fields, err = splitCSV(line, p.fields)
	if err != nil {
		return ev, "", err
	}
	if p.heading(p.fields) {
		return ev, "", errHeading
	}
	c := p.named
	if c == nil {
		for _, l := range celLayouts {
			if len(p.fields) == len(l) {
				c = l
			}
		}
	}
	if c == nil {
		return ev, "", fmt.Errorf("the row has %d columns that fit no known layout of a CEL", len(p.fields))
	}
	f, t := p.fields, p.pool.text
	ev = celEvent{
		what: t(c.of(f, "eventtype")), cidName: t(Shown(c.of(f, "cidname"))), cidNum: t(c.of(f, "cidnum")), exten: t(c.of(f, "exten")),
		context: t(c.of(f, "context")), channel: t(c.of(f, "channame")), app: t(c.of(f, "appname")), data: t(c.of(f, "appdata")),
		uid: t(c.of(f, "uniqueid")), linked: t(c.of(f, "linkedid")), peer: t(c.of(f, "bridgepeer")),
	}
	switch ev.what {
	case "HANGUP", "ATTENDEDTRANSFER", "BLINDTRANSFER", "PICKUP", "FORWARD":
		ev.extra = t(c.of(f, "extra"))
	}
	u, ok := parseUniqueID(ev.uid)
	if !ok {
		return ev, "", fmt.Errorf("%q is no uniqueid", clipped(ev.uid))
	}
	wall, absolute, ok := parseWall(c.of(f, "eventtime"))
	if !ok {
		return ev, "", fmt.Errorf("the time %q cannot be read", clipped(c.of(f, "eventtime")))
	}
	ev.at = wall
	if !absolute {
		if ev.what == "CHAN_START" {
			warning = p.clock.learn(wall, u.epoch)
		}
		ev.at = p.clock.instant(wall, max(u.epoch*1000, p.clock.floor-near))
	}
	p.clock.seen(ev.at)
	return ev, warning, nil
}

// queue reads one row of queue_log: its time is absolute.
func (p *parser) queue(line string) (ev queueEvent, err error) {
	f := strings.Split(line, "|")
	if len(f) < 5 {
		return ev, fmt.Errorf("the row has %d columns; queue_log has at least 5", len(f))
	}
	ms, absolute, ok := parseWall(f[0])
	if !ok {
		return ev, fmt.Errorf("the time %q cannot be read", clipped(f[0]))
	}
	if !absolute { // written by a realtime backend
		ms = p.clock.instant(ms, 0)
	}
	t := p.pool.text
	ev = queueEvent{at: ms, uid: t(f[1]), queue: t(Shown(f[2])), agent: t(Shown(f[3])), what: t(f[4])}
	for i, d := range f[5:min(len(f), 10)] {
		ev.data[i] = t(d)
	}
	p.clock.seen(ms)
	return ev, nil
}

// extraOf reads the JSON of an event's last column; what is not JSON is nothing.
func extraOf(s string) map[string]any {
	var m map[string]any
	if s == "" || json.Unmarshal([]byte(s), &m) != nil {
		return nil
	}
	return m
}

func baseName(s string) string { return s[strings.LastIndexAny(s, `/\`)+1:] }

// clipped shortens a value for a message.
func clipped(s string) string {
	if len(s) > 40 {
		return Shown(s[:40]) + "…"
	}
	return Shown(s)
}

func abs(n int64) int64 { return max(n, -n) }
