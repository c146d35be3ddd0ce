package capture

import (
	"cmp"
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
)

// times says when the call began, was answered by a person and ended, and whether it has ended at all.
func (b *builder) times() {
	call := &b.call
	var start, end int64
	if b.s.root != nil {
		start = b.s.root.start
	}
	for i := range b.c.cdr {
		r := &b.c.cdr[i]
		if start == 0 || len(b.s.channels) == 0 && r.start < start {
			start = r.start
		}
		end = max(end, r.end)
	}
	if start == 0 && len(b.c.queue) > 0 {
		start = b.c.queue[0].at
	}
	u, known := parseUniqueID(b.c.id)
	if start == 0 && known {
		start = u.epoch * 1000
	}
	call.StartedAt = momentAt(start)
	hasCDR := slices.ContainsFunc(b.c.cdr, func(r cdrRow) bool { return r.linked == b.c.id || b.s.root != nil && r.uid == b.s.root.uid })
	switch {
	case b.s.ended():
		call.Ended, end = true, b.s.endedAt()
	case hasCDR:
		call.Ended = true
		end = max(end, b.s.endedAt())
	case len(b.c.cel) == 0 && !b.j.have[kindCEL] && !b.j.have[kindCDR]:
		end = b.endOfLesser()
		call.Ended = end != 0 || len(b.c.queue) == 0
	default:
		end = 0
	}
	if call.Ended {
		call.EndedAt = momentAt(end)
	}
	last := max(b.c.last, start)
	if call.Ended && end != 0 {
		last = end
	}
	call.LastSeenAt = momentAt(last)
	if !call.Ended {
		restart := b.j.restartedAfter(start)
		call.Cut = restart != 0 && restart > start || b.j.newest-last > lifetime.Milliseconds()
	}
}

// endOfLesser takes the end from queue_log when there is nothing better: it does not know what happens after a transfer.
func (b *builder) endOfLesser() int64 {
	for _, q := range b.c.queue {
		switch q.what {
		case "COMPLETECALLER", "COMPLETEAGENT", "ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY", "BLINDTRANSFER", "TRANSFER", "ATTENDEDTRANSFER":
			return q.at
		}
	}
	return 0
}

// outcome says whether a person answered, and for how long somebody waited and talked.
func (b *builder) outcome() {
	call := &b.call
	var answered int64
	for _, a := range b.list {
		if a.outcome != OutcomeAnswered || a.answered == 0 || a.outside != (call.Direction == Outbound) && call.Direction == Outbound {
			continue
		}
		if answered == 0 || a.answered < answered {
			answered = a.answered
		}
	}
	call.AnsweredAt = momentAt(answered)
	logs := len(b.s.channels)+len(b.c.cdr)+len(b.c.queue) > 0
	someone := slices.ContainsFunc(b.list, func(a attempt) bool { return a.outcome == OutcomeAnswered })
	switch {
	case answered != 0, someone, !logs && b.loudest() > 0:
		call.Disposition = Answered
	case call.Direction == Inbound && (b.abandoned() || b.callerHungUp()):
		call.Disposition = Abandoned
	default:
		call.Disposition = Unanswered
	}
	end := call.EndedAt
	if end.IsZero() {
		end = call.LastSeenAt
	}
	from := call.StartedAt
	if b.queued != 0 {
		from = momentAt(b.queued)
	}
	if answered != 0 {
		call.Waited = between(from, call.AnsweredAt)
		call.Talked = between(call.AnsweredAt, end)
	} else if call.Disposition != Answered {
		call.Waited = between(from, end)
	}
}

func between(from, to Moment) float64 {
	if from.IsZero() || to.IsZero() || to.Before(from.Time) {
		return 0
	}
	return recording.Seconds(to.Sub(from.Time))
}

func (b *builder) abandoned() bool {
	for _, q := range b.c.queue {
		if q.what == "ABANDON" {
			return true
		}
	}
	// A caller who is in a queue of which the log is missing, and whom nobody answered, left it.
	return len(b.c.queue) == 0 && b.call.Queue != "" && b.call.Ended
}

// callerHungUp reports that the outside caller ended the call, as CEL says.
func (b *builder) callerHungUp() bool {
	return b.s.root != nil && b.s.hungUpBy != "" && b.s.hungUpBy == b.s.root.name
}

// story lists what happened, in order.
func (b *builder) story() {
	call := &b.call
	add := func(at int64, what, by, to, detail string) {
		call.Events = append(call.Events, Event{At: momentAt(at), What: what, By: by, To: to, Detail: detail})
	}
	for _, q := range b.c.queue {
		switch q.what {
		case "ENTERQUEUE":
			add(q.at, "queue_entered", "", "", q.queue)
		case "RINGNOANSWER":
			if q.data[0] != "0" {
				add(q.at, "ring_no_answer", b.j.extensionOfAgent(q.agent), "", q.agent)
			}
		case "ABANDON":
			add(q.at, "abandoned", "", "", q.queue)
		case "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY":
			add(q.at, "queue_left", "", "", q.queue)
		}
	}
	for _, t := range b.s.transfers {
		if !t.attended {
			add(t.at, "blind_transfer", t.by.peer, t.to, "")
			continue
		}
		to := ""
		for _, c := range b.s.channels {
			if c.linked == t.second && c.uid != t.second && !c.local {
				to = c.peer
			}
		}
		add(t.at, "attended_transfer", t.by.peer, to, "")
	}
	for _, c := range b.s.channels {
		if b.s.consultation(c) && c.uid == c.linked {
			add(c.start, "hold", c.peer, "", "")
			add(c.start, "consultation", c.peer, c.exten, "")
		}
	}
	for _, r := range b.s.recorders {
		file, _, _ := strings.Cut(r.data, ",")
		add(r.at, "recording_started", "", "", b.titleOf(baseName(file)))
	}
	slices.SortStableFunc(call.Events, func(x, y Event) int { return x.At.Compare(y.At.Time) })
}

// legs gives who talked when, and lists the agents.
func (b *builder) legs() {
	call := &b.call
	if call.Direction == Outbound && call.Caller != "" {
		a := Agent{Extension: call.Caller, Name: call.CallerName, Outcome: OutcomeCaller}
		call.Agents = append(call.Agents, a)
	}
	customer := Leg{Party: "customer", Number: call.Caller, Name: call.CallerName, From: call.StartedAt, To: call.EndedAt, Role: "caller"}
	switch call.Direction {
	case Inbound:
		call.Legs = append(call.Legs, customer)
	case Outbound, Internal:
		own := Leg{Party: "agent", Extension: call.Caller, Name: call.CallerName, From: call.StartedAt, To: call.EndedAt, Role: "caller"}
		if b.s.root != nil && b.s.root.end != 0 {
			own.To = momentAt(b.s.root.end)
		}
		call.Legs = append(call.Legs, own)
	}
	for _, a := range b.list {
		role := "called"
		if a.role != "" {
			role = a.role
		}
		if a.outside {
			if a.outcome == OutcomeAnswered {
				call.Legs = append(call.Legs, Leg{Party: "customer", Number: a.number, From: momentAt(a.answered), To: momentAt(a.left), Role: role})
			}
			continue
		}
		call.Agents = append(call.Agents, Agent{
			Extension: a.ext, Name: a.name, Outcome: a.outcome, Role: a.role,
			OfferedAt: momentAt(a.offered), AnsweredAt: momentAt(a.answered), LeftAt: momentAt(a.left),
		})
		if a.outcome == OutcomeAnswered {
			b.talk(a, role)
		}
	}
	slices.SortStableFunc(call.Legs, func(x, y Leg) int { return cmp.Compare(x.From.UnixMilli(), y.From.UnixMilli()) })
}

// talk adds an agent's leg. One that was first consulted has two: with the colleague, and then with the customer.
func (b *builder) talk(a attempt, role string) {
	leg := Leg{Party: "agent", Extension: a.ext, Name: a.name, From: momentAt(a.answered), To: momentAt(a.left), Role: role}
	if a.consulted {
		for _, t := range b.s.transfers {
			if t.attended && t.at >= a.answered && (a.left == 0 || t.at <= a.left) {
				first := leg
				first.Role, first.To = "consultation", momentAt(t.at)
				b.call.Legs = append(b.call.Legs, first)
				leg.From = momentAt(t.at)
				break
			}
		}
	}
	b.call.Legs = append(b.call.Legs, leg)
}
