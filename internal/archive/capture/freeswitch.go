package capture

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// freeSwitch reads the recordings of a FreeSWITCH, with FusionPBX or without, and its CDRs: one file for each leg.
//
// Legs of one call name each other: the called one its originator, two that were connected each other's uuid. A recording is named by the
// uuid of its leg, or by a variable of it. Without CDRs of called legs (the default) the calling one says who answered.
type freeSwitch struct {
	opt Options
}

func newFreeSwitch(opt Options) dialect { return &freeSwitch{opt: opt} }

var uuidInName = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func (d *freeSwitch) name(p string) (n named) {
	base := strings.TrimSuffix(path.Base(p), path.Ext(p))
	for _, u := range uuidInName.FindAllString(base, 4) {
		n.keys = append(n.keys, "u:"+strings.ToLower(u))
	}
	return n
}

func (d *freeSwitch) form(p string) form {
	base := strings.ToLower(path.Base(p))
	switch path.Ext(base) {
	case ".xml", ".json":
		return atOnce
	}
	return noRecord
}

func (d *freeSwitch) line(*source, string) ([]row, error) { return nil, nil }

func (d *freeSwitch) near(named, *row) bool { return false }

func (d *freeSwitch) whole(_ string, b []byte) ([]row, error) {
	l, err := readLeg(b)
	if err != nil {
		return nil, err
	}
	o, err := d.leg(l)
	if err != nil {
		return nil, err
	}
	return []row{*o}, nil
}

// linked are the variables that name another leg of the call. What called comes first: it names the call.
var linked = []string{"originating_leg_uuid", "originator", "cc_member_session_uuid", "ent_originate_aleg_uuid"}

var joins = []string{"uuid", "bridge_uuid", "signal_bond", "last_bridge_to", "originate_signal_bond", "other_loopback_leg_uuid", "bleg_uuid"}

// leg makes a row of a CDR.
func (d *freeSwitch) leg(l *legRecord) (*row, error) {
	called := l.of("direction") == "outbound" && l.of(linked...) != "" || strings.EqualFold(l.of("call_leg", "leg"), "b")
	o := &row{id: strings.ToLower(l.of("uuid")), start: l.at("start"), answer: l.at("answer"), end: l.at("end"), begins: !called}
	if o.start == 0 {
		return nil, fmt.Errorf("the record has no start_epoch")
	}
	o.end = max(o.end, o.start)
	if called {
		o.key(l.of(linked...))
	}
	for _, name := range slices.Concat(joins, linked) {
		o.key(l.of(name))
	}
	o.files = l.recordings()
	o.queue, _, _ = strings.Cut(l.of("cc_queue"), "@")
	o.outcome = l.outcome(o.answer)
	if called {
		d.called(o, l)
	} else {
		d.calling(o, l)
	}
	o.events = append(o.events, l.held(cmp.Or(o.to, o.callerExt, o.caller))...)
	if o.outcome != OutcomeAnswered {
		o.answer = 0
	}
	return o, nil
}

func (o *row) key(uuid string) {
	if k := "u:" + strings.ToLower(uuid); uuid != "" && !slices.Contains(o.keys, k) {
		o.keys = append(o.keys, k)
	}
}

// calling reads the leg that began the call.
func (d *freeSwitch) calling(o *row, l *legRecord) {
	o.caller = cmp.Or(l.first("caller_id_number"), l.of("caller_id_number", "effective_caller_id_number", "sip_from_user"))
	o.callerName = cmp.Or(l.first("caller_id_name"), l.of("caller_id_name", "effective_caller_id_name"))
	if strings.EqualFold(l.of("sip_h_privacy", "privacy"), "id") || l.of("privacy_hide_number") == "true" {
		o.caller, o.callerName = "anonymous", ""
	}
	o.dialled = cmp.Or(l.of("caller_destination"), l.first("destination_number"), l.of("destination_number", "sip_req_user", "sip_to_user"))
	switch l.of("call_direction") {
	case "inbound":
		o.direction = Inbound
	case "outbound":
		o.direction = Outbound
	case "local":
		o.direction = Internal
	}
	if user := l.of("user_name", "sip_auth_username", "extension"); extensionLike(user) && o.direction != Inbound {
		o.callerExt = user
	} else if extensionLike(o.caller) && o.direction != Inbound {
		o.callerExt = o.caller
	}
	o.standsIn = true
	agent, _, _ := strings.Cut(l.of("cc_agent"), "@")
	o.to = cmp.Or(l.of("dialed_user"), agent, l.of("last_sent_callee_id_number"), o.dialled)
	o.toName = l.of("last_sent_callee_id_name", "cc_agent_name")
	o.inside = extensionLike(o.to) && o.direction != Outbound
	if l.of("bridge_uuid", "last_bridge_to", "cc_agent_bridged", "dialed_user") == "" && len(l.apps) > 0 && !l.ran("bridge") {
		o.outcome = OutcomeNoAnswer // a menu, an announcement or voicemail answered, no person
		o.machine = true
	}
	if l.of("cc_side") == "member" && l.of("cc_agent_bridged") != "true" && l.at("cc_queue_answered") == 0 {
		o.outcome, o.machine = OutcomeNoAnswer, true
	} else if at := l.at("cc_queue_answered"); at != 0 {
		o.answer = at // the queue answered before a person did
	}
	o.events = append(o.events, l.transfers()...)
}

// called reads a leg that somebody else began: a telephone that rang.
func (d *freeSwitch) called(o *row, l *legRecord) {
	agent, _, _ := strings.Cut(l.of("cc_agent"), "@")
	o.to = cmp.Or(l.of("dialed_user"), l.of("callee_id_number"), l.first("destination_number"), l.of("destination_number"), agent)
	o.to, _, _ = strings.Cut(o.to, "@")
	o.toName = cmp.Or(l.of("cc_agent_name"), l.of("callee_id_name"), l.first("callee_id_name"))
	if strings.EqualFold(o.toName, "outbound call") || o.toName == o.to {
		o.toName = ""
	}
	o.inside = extensionLike(o.to)
	o.machine = strings.HasPrefix(l.of("channel_name"), "loopback/")
	o.caller = cmp.Or(l.first("caller_id_number"), l.of("caller_id_number"))
	o.callerName = cmp.Or(l.first("caller_id_name"), l.of("caller_id_name"))
	o.transferred = l.of("transfer_source", "transfer_history") != "" || l.of("originate_disposition") == "ATTENDED_TRANSFER"
	o.dialled = o.to
	o.events = append(o.events, l.transfers()...)
}

// outcome reads how the ringing of a leg ended.
func (l *legRecord) outcome(answer int64) Outcome {
	switch cause := l.of("hangup_cause"); {
	case answer != 0:
		return OutcomeAnswered
	case cause == "USER_BUSY":
		return OutcomeBusy
	case cause == "CALL_REJECTED":
		return OutcomeRejected
	}
	return OutcomeNoAnswer
}

func (l *legRecord) ran(app string) bool {
	return slices.ContainsFunc(l.apps, func(a appRun) bool { return a.name == app })
}

// recordings are the files that a leg names, from wherever a dial plan may have started to record.
func (l *legRecord) recordings() []string {
	var out []string
	add := func(s string) {
		s, _, _ = strings.Cut(s, " ")
		if s = path.Base(strings.TrimSpace(s)); s != "." && s != "/" && strings.Contains(s, ".") && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, name := range []string{"record_name", "record_file", "sofia_record_file", "cc_record_filename", "record_filename", "recording_file"} {
		add(l.of(name))
	}
	if l.of("last_app") == "record_session" || l.of("last_app") == "record" {
		add(l.of("last_arg"))
	}
	for _, a := range l.apps {
		if a.name == "record_session" || a.name == "record" {
			add(a.data)
		}
	}
	for _, name := range []string{"api_on_answer", "execute_on_answer"} {
		if words := strings.Fields(l.of(name)); len(words) > 3 && words[0] == "uuid_record" {
			add(words[3])
		}
	}
	return out
}

// transfers are what transfer_history tells: `seconds:uuid:bl_xfer:1003/default/XML`, several after `ARRAY::` with `|:` between.
func (l *legRecord) transfers() (events []Event) {
	for _, entry := range strings.Split(strings.TrimPrefix(l.of("transfer_history"), "ARRAY::"), "|:") {
		parts := strings.SplitN(entry, ":", 4)
		if len(parts) != 4 {
			continue
		}
		seconds, err := strconv.ParseInt(parts[0], 10, 64)
		if err != nil || seconds < 100_000_000 || seconds > 1<<40 {
			continue
		}
		e := Event{At: Moment{time.Unix(seconds, 0).UTC()}}
		to, _, _ := strings.Cut(parts[3], "/")
		switch parts[2] {
		case "bl_xfer":
			e.What, e.To = "blind_transfer", to
		case "att_xfer":
			_, second, _ := strings.Cut(parts[3], "/")
			e.What = "attended_transfer"
			e.To, _, _ = strings.Cut(second, "@")
			e.By, _, _ = strings.Cut(to, "@")
		default:
			continue
		}
		if !slices.ContainsFunc(events, func(o Event) bool { return o == e }) {
			events = append(events, e)
		}
	}
	return events
}

var holdPair = regexp.MustCompile(`\{(\d{13,17}),(\d{13,17})\}`)

// held are the times on hold, in microseconds: `{{from,to},{from,to}}`.
func (l *legRecord) held(by string) (events []Event) {
	for _, m := range holdPair.FindAllStringSubmatch(l.of("hold_events"), 100) {
		from, err1 := strconv.ParseInt(m[1], 10, 64)
		to, err2 := strconv.ParseInt(m[2], 10, 64)
		if err1 == nil && err2 == nil && to >= from {
			events = append(events,
				Event{At: Moment{time.UnixMicro(from).UTC().Truncate(time.Millisecond)}, What: "hold", By: by},
				Event{At: Moment{time.UnixMicro(to).UTC().Truncate(time.Millisecond)}, What: "unhold", By: by})
		}
	}
	return events
}
