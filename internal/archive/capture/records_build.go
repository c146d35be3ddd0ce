package capture

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
)

// build makes a Call of what is known of one call.
func (r *records) build(c *joined, now time.Time) Call {
	b := recordBuilder{r: r, c: c, rows: r.instants(c.rows), now: now, call: Call{
		ID: c.id, Absorbed: slices.Clone(c.absorbed), Agents: []Agent{}, Legs: []Leg{}, Events: []Event{}, Files: []File{},
		UniqueIDs: []string{}, LinkedIDs: slices.Clone(c.keys), Sources: []string{}, Disposition: Unanswered, Ended: true,
	}}
	if b.call.LinkedIDs == nil {
		b.call.LinkedIDs = []string{}
	}
	if len(c.rows) > 0 {
		b.call.Sources = append(b.call.Sources, "cdr")
		b.fromRows()
	} else if len(c.files) > 0 {
		b.fromName()
	}
	if len(c.files) > 0 {
		b.call.Sources = append(b.call.Sources, "file")
	}
	b.sounds()
	return b.call
}

type recordBuilder struct {
	r    *records
	c    *joined
	rows []row
	root *row
	now  time.Time
	call Call
}

// instants gives the rows with times in UTC, in the order in which they began.
func (r *records) instants(rows []row) []row {
	out := slices.Clone(rows)
	for i := range out {
		o := &out[i]
		if !o.wall {
			continue
		}
		o.events = slices.Clone(o.events)
		for j := range o.events {
			o.events[j].At = momentAt(r.zone.instant(o.events[j].At.UnixMilli(), 0))
		}
		o.start = r.zone.instant(o.start, 0)
		if o.answer != 0 {
			o.answer = r.zone.instant(o.answer, o.start)
		}
		if o.end != 0 {
			o.end = r.zone.instant(o.end, max(o.start, o.answer))
		}
	}
	slices.SortStableFunc(out, func(x, y row) int {
		if n := cmp.Compare(x.start, y.start); n != 0 {
			return n
		}
		if x.begins != y.begins {
			if x.begins {
				return -1
			}
			return 1
		}
		return strings.Compare(x.id, y.id)
	})
	return out
}

// fromRows joins what the records say.
func (b *recordBuilder) fromRows() {
	call := &b.call
	b.root = &b.rows[0]
	for i := range b.rows {
		if b.rows[i].begins {
			b.root = &b.rows[i]
			break
		}
	}
	if slices.ContainsFunc(b.rows, func(o row) bool { return !o.standsIn && !o.machine && !o.begins }) {
		for i := range b.rows {
			b.rows[i].machine = b.rows[i].machine || b.rows[i].standsIn
		}
	}
	start, end := b.rows[0].start, int64(0)
	for i := range b.rows {
		o := &b.rows[i]
		end = max(end, o.end)
		if !slices.Contains(call.UniqueIDs, o.id) {
			call.UniqueIDs = append(call.UniqueIDs, o.id)
		}
	}
	call.StartedAt, call.EndedAt = momentAt(start), momentAt(max(end, start))
	call.LastSeenAt = call.EndedAt
	b.direction()
	call.Caller, call.CallerName, call.Withheld = party(b.root.caller, b.root.callerName)
	if call.Direction != Inbound && b.root.callerExt != "" {
		call.Caller = b.root.callerExt
	}
	call.Dialled = cmp.Or(b.root.dialled, b.root.to)
	b.queue()
	b.telephones()
	b.story()
	b.ending()
}

// direction takes the system's word, else what is known of the two ends of the first row.
func (b *recordBuilder) direction() {
	o := b.root
	switch {
	case o.direction != "":
		b.call.Direction = o.direction
	case o.callerExt == "":
		b.call.Direction = Inbound
	case o.inside || o.machine || o.to == "" && extensionLike(o.dialled):
		b.call.Direction = Internal
	default:
		b.call.Direction = Outbound
	}
}

// queue is the one that an agent answered for, else the first.
func (b *recordBuilder) queue() {
	for i := range b.rows {
		o := &b.rows[i]
		if o.queue != "" && (b.call.Queue == "" || o.outcome == OutcomeAnswered && !o.machine) {
			b.call.Queue = Name(o.queue)
		}
	}
}

// telephones lists who rang and who spoke.
func (b *recordBuilder) telephones() {
	call := &b.call
	if call.Direction == Outbound && b.root.callerExt != "" {
		call.Agents = append(call.Agents, Agent{
			Extension: b.root.callerExt, Name: b.root.callerName, Outcome: OutcomeCaller, OfferedAt: momentAt(b.root.start),
			AnsweredAt: momentAt(b.root.answer), LeftAt: momentAt(b.root.end),
		})
	}
	for i := range b.rows {
		o := &b.rows[i]
		for _, ext := range o.rang {
			b.agent(Agent{Extension: ext, Outcome: OutcomeNoAnswer, OfferedAt: momentAt(o.start), LeftAt: momentAt(cmp.Or(o.answer, o.end))})
		}
		if !o.inside || o.machine || o.to == "" {
			continue
		}
		a := Agent{Extension: o.to, Name: o.toName, Outcome: cmp.Or(o.outcome, OutcomeNoAnswer), OfferedAt: momentAt(o.start), AnsweredAt: momentAt(o.answer), LeftAt: momentAt(o.end)}
		if o.transferred {
			a.Role = "transfer_target"
		}
		if a.Outcome != OutcomeAnswered {
			a.AnsweredAt = Moment{}
		}
		b.agent(a)
	}
}

// agent adds a telephone, unless a row has told of this ringing before.
func (b *recordBuilder) agent(a Agent) {
	for i := range b.call.Agents {
		o := &b.call.Agents[i]
		if o.Extension != a.Extension || abs(o.OfferedAt.UnixMilli()-a.OfferedAt.UnixMilli()) > 1500 || o.Outcome == OutcomeCaller {
			continue
		}
		if o.Outcome != OutcomeAnswered && a.Outcome == OutcomeAnswered {
			a.Name = cmp.Or(a.Name, o.Name)
			*o = a
		}
		return
	}
	b.call.Agents = append(b.call.Agents, a)
}

// story gathers events and the parties' times in talk.
func (b *recordBuilder) story() {
	call := &b.call
	answered := int64(0)
	for i := range b.rows {
		o := &b.rows[i]
		call.Events = append(call.Events, o.events...)
		if o.answer == 0 || o.machine || o.outcome != OutcomeAnswered {
			continue
		}
		answered = earlier(answered, o.answer)
		leg := Leg{Party: "agent", Extension: o.to, Name: o.toName, From: momentAt(o.answer), To: momentAt(o.end), Role: "called"}
		if !o.inside {
			leg = Leg{Party: "customer", Number: cmp.Or(o.to, o.dialled), Name: o.toName, From: momentAt(o.answer), To: momentAt(o.end), Role: "called"}
		}
		if o.transferred {
			leg.Role = "transfer_target"
		}
		call.Legs = append(call.Legs, leg)
	}
	if answered != 0 {
		call.AnsweredAt, call.Disposition = momentAt(answered), Answered
		first := Leg{Party: "customer", Number: call.Caller, Name: call.CallerName, From: momentAt(answered), To: call.EndedAt, Role: "caller"}
		if call.Direction != Inbound {
			first.Party, first.Extension, first.Number = "agent", call.Caller, ""
		}
		call.Legs = append([]Leg{first}, call.Legs...)
	}
	if call.Queue != "" {
		at := call.StartedAt
		for i := range b.rows {
			if b.rows[i].queue != "" {
				at = momentAt(b.rows[i].start)
				break
			}
		}
		call.Events = append(call.Events, Event{At: at, What: "queue_entered", To: string(call.Queue)})
	}
	for _, a := range call.Agents {
		if a.Outcome == OutcomeNoAnswer {
			call.Events = append(call.Events, Event{At: a.LeftAt, What: "ring_no_answer", By: a.Extension})
		}
	}
}

// ending says how the call ended and how long what took.
func (b *recordBuilder) ending() {
	call := &b.call
	switch {
	case call.Disposition == Answered:
		call.Waited, call.Talked = between(call.StartedAt, call.AnsweredAt), between(call.AnsweredAt, call.EndedAt)
	case call.Direction == Inbound:
		call.Disposition = Abandoned
		call.Waited = between(call.StartedAt, call.EndedAt)
		call.Events = append(call.Events, Event{At: call.EndedAt, What: "abandoned"})
	}
	slices.SortStableFunc(call.Events, func(x, y Event) int { return x.At.Compare(y.At.Time) })
}

// fromName is for recordings that no record knows.
func (b *recordBuilder) fromName() {
	call, f := &b.call, b.c.files[0]
	n := b.r.d.name(f.path)
	longest := 0.0
	for _, f := range b.c.files {
		longest = max(longest, f.sound.Seconds)
	}
	length := time.Duration(longest * float64(time.Second))
	end := f.modified.UTC().Truncate(time.Millisecond)
	start := end.Add(-length)
	if n.wall != 0 {
		start = b.wallOf(n)
		end = start.Add(length)
	}
	call.StartedAt, call.EndedAt, call.LastSeenAt = Moment{start}, Moment{end}, Moment{end}
	call.Caller, call.CallerName, call.Withheld = party(n.first, n.title)
	call.Dialled = n.second
	call.Direction = n.direction
	switch {
	case call.Direction != "":
	case n.first == "" && n.second == "":
		call.Direction = Unknown
	case extensionLike(n.first) && extensionLike(n.second):
		call.Direction = Internal
	case extensionLike(n.first):
		call.Direction = Outbound
	default:
		call.Direction = Inbound
	}
	ext := n.owner
	if ext == "" && call.Direction == Outbound {
		ext = n.first
	} else if ext == "" && extensionLike(n.second) {
		ext = n.second
	}
	if ext != "" {
		a := Agent{Extension: ext, Outcome: OutcomeAnswered, OfferedAt: call.StartedAt, AnsweredAt: call.StartedAt, LeftAt: call.EndedAt}
		if call.Direction == Outbound {
			a.Outcome = OutcomeCaller
		}
		call.Agents = append(call.Agents, a)
		call.Legs = append(call.Legs, Leg{Party: "agent", Extension: ext, From: call.StartedAt, To: call.EndedAt, Role: "called"})
	}
	if longest > 0 {
		call.Disposition, call.AnsweredAt, call.Talked = Answered, call.StartedAt, between(call.StartedAt, call.EndedAt)
	}
}

// wallOf is when a recording began, as its name says: names are in the source's zone even where records are in UTC.
func (b *recordBuilder) wallOf(n named) time.Time {
	c := clock{zone: b.r.opt.Zone}
	return time.UnixMilli(c.instant(n.wall, 0)).UTC()
}

// sounds lists the call's files.
func (b *recordBuilder) sounds() {
	for _, f := range b.c.files {
		file := b.file(f)
		if file.State == Partial {
			b.call.Ended = false
		}
		b.call.Files = append(b.call.Files, file)
	}
	slices.SortStableFunc(b.call.Files, func(x, y File) int {
		if n := x.StartedAt.Compare(y.StartedAt); n != 0 && x.Group != y.Group {
			return n
		}
		return cmp.Compare(x.Path, y.Path)
	})
}

func (b *recordBuilder) file(f *soundFile) File {
	n := b.r.d.name(f.path)
	v := builder{call: b.call, s: &scene{}, c: &cluster{}}
	out := File{
		Path: f.path, Size: f.size, ModifiedAt: f.modified, Sound: f.sound, Group: f.name.group, StartedAt: b.call.StartedAt.Time,
		Heard: b.call.Direction != Internal, Parties: v.voices(f.sound, false), TitleHidden: b.titleOf(f, n),
	}
	if len(n.keys) > 0 {
		out.UniqueID = n.keys[0]
	}
	if n.wall != 0 {
		out.StartedAt = b.wallOf(n)
	} else if !b.call.AnsweredAt.IsZero() && len(b.c.rows) > 0 {
		out.StartedAt = b.call.AnsweredAt.Time
	}
	out.State, out.Reason = stateByStanding(b.r.opt, f, b.now)
	if out.State == Partial && len(b.c.rows) > 0 && f.problem == "" && !f.sound.Empty() && f.sound.Header != sound.Open {
		out.State, out.Reason = Complete, "" // its record is written when the call is over
	}
	return out
}

// titleOf is a file's name for showing, without a number that the caller withheld.
func (b *recordBuilder) titleOf(f *soundFile, n named) string {
	base := Shown(path.Base(f.path))
	if !b.call.Withheld {
		return base
	}
	for _, hide := range []string{n.first, n.second} {
		if len(hide) > 4 && !anonymous[strings.ToLower(hide)] {
			base = strings.ReplaceAll(base, Shown(hide), "withheld")
		}
	}
	return base
}
