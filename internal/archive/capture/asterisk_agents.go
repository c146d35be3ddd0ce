package capture

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// attempt is one telephone that rang, from whichever log.
type attempt struct {
	ext, name               string
	offered, answered, left int64
	outcome                 Outcome
	role                    string
	uid                     string
	outside                 bool
	number                  string // of an outside party
	consulted               bool
}

// attempts gives the telephones that rang, as CEL shows them: every channel that somebody else began.
func (s *scene) attempts() []attempt {
	var out []attempt
	for _, c := range s.channels {
		if c.local || c == s.root || c.uid == c.linked && c.dialledBy == "" && c.began {
			continue // the agent's second line in a consultation calls, it does not ring
		}
		a := attempt{
			ext: c.peer, name: c.cidName, offered: c.start, answered: c.answer, left: c.end, uid: c.uid,
			outcome: outcomeOf(c), outside: c.outside, number: c.cidNum, consulted: s.consultation(c),
		}
		if c.outside && a.number == "" {
			a.number = c.exten
		}
		a.role = s.roleOf(c)
		if !a.mergeInto(out) {
			out = append(out, a)
		}
	}
	return out
}

// outcomeOf reads how the ringing of a channel ended (Q.850 causes 17 and 21).
func outcomeOf(c *channel) Outcome {
	switch {
	case c.answer > 0:
		return OutcomeAnswered
	case c.cause == 17:
		return OutcomeBusy
	case c.cause == 21:
		return OutcomeRejected
	}
	return OutcomeNoAnswer
}

// roleOf says whether a channel rang because of a transfer.
func (s *scene) roleOf(c *channel) string {
	for _, t := range s.transfers {
		switch {
		case t.attended && (s.consultation(c) || t.second != "" && c.linked == t.second):
			return "transfer_target"
		case !t.attended && c.start >= t.at:
			return "transfer_target"
		}
	}
	return ""
}

// mergeInto takes several devices of one extension that ring together as one telephone.
func (a *attempt) mergeInto(list []attempt) bool {
	for i := range list {
		b := &list[i]
		if b.ext != a.ext || b.outside || a.outside || abs(b.offered-a.offered) > 1000 {
			continue
		}
		if b.answered == 0 && a.answered > 0 {
			*b = *a
		}
		return true
	}
	return false
}

// mergeQueue adds what only queue_log knows: names, and telephones of which CEL lost the rows.
func (j *joiner) mergeQueue(list []attempt, rows []queueEvent) []attempt {
	taken := make([]bool, len(list))
	for i := range rows {
		ev := &rows[i]
		var want attempt
		switch ev.what {
		case "CONNECT":
			want = attempt{outcome: OutcomeAnswered, answered: ev.at, uid: ev.data[1], offered: ev.at - number(ev.data[2])*1000}
		case "RINGNOANSWER", "RINGCANCELED":
			want = attempt{outcome: OutcomeNoAnswer, left: ev.at, offered: ev.at - number(ev.data[0])}
		default:
			continue
		}
		want.name, want.ext = ev.agent, j.extensionOfAgent(ev.agent)
		if k := match(list, taken, want); k >= 0 {
			taken[k] = true
			a := &list[k]
			if a.name == "" || a.ext == a.name {
				a.name = want.name
			}
			if want.ext == "" && extensionLike(a.ext) && len(j.names) < maxNames {
				j.names[want.name] = a.ext
			}
			if a.answered == 0 && want.answered != 0 && a.outcome == OutcomeNoAnswer {
				a.outcome, a.answered = OutcomeAnswered, want.answered // CEL lost the answer
			}
			continue
		}
		list, taken = append(list, want), append(taken, true)
	}
	slices.SortStableFunc(list, func(a, b attempt) int { return cmp.Compare(a.offered, b.offered) })
	return list
}

// match finds the telephone that a row of queue_log means: by channel, else by extension or name and time, else, because a queue may call an
// agent something else than his telephone does, the one that rang just then with the same result.
func match(list []attempt, taken []bool, want attempt) int {
	best, dist := -1, int64(5000)
	other, otherDist := -1, int64(1600)
	for i, a := range list {
		if taken[i] || a.outside || a.consulted {
			continue
		}
		if want.uid != "" && a.uid == want.uid {
			return i
		}
		d := abs(a.offered - want.offered)
		if want.ext != "" && a.ext == want.ext || want.name != "" && a.name == want.name {
			if d < dist {
				best, dist = i, d
			}
		} else if want.ext == "" && d < otherDist && (a.answered != 0) == (want.answered != 0) {
			other, otherDist = i, d
		}
	}
	if best < 0 {
		return other
	}
	return best
}

// attemptsOfCDR gives the telephones that rang, as CDRs show them. Members of a queue on Local channels leave two rows for one telephone:
// that of the Local channel's inner half names it.
func attemptsOfCDR(rows []cdrRow, root *cdrRow) []attempt {
	inner := map[string]bool{} // Local channels whose inner half has a row of its own
	for i := range rows {
		if name, ok := strings.CutSuffix(rows[i].channel, ";2"); ok {
			inner[name] = true
		}
	}
	var out []attempt
	for i := range rows {
		r := &rows[i]
		if r.dstChan == "" {
			continue
		}
		peer, local := endpoint(r.dstChan)
		if name, ok := strings.CutSuffix(r.dstChan, ";1"); ok && inner[name] {
			continue
		}
		a := attempt{ext: peer, offered: r.start, outside: !local && outside(r.dstChan, ""), number: r.dst, uid: ""}
		switch r.disposition {
		case "ANSWERED":
			a.outcome, a.answered, a.left = OutcomeAnswered, max(r.answer, r.start), r.end
		case "BUSY":
			a.outcome = OutcomeBusy
		default:
			a.outcome, a.left = OutcomeNoAnswer, r.end
		}
		if root != nil && transferContext(r.context) && r.start > root.start && r.app != "Queue" {
			a.role = "transfer_target"
		}
		if !a.mergeInto(out) {
			out = append(out, a)
		}
	}
	return out
}

// transferContext reports a part of the dial plan that only transfers reach.
func transferContext(c string) bool {
	return strings.Contains(c, "xfer") || strings.Contains(c, "transfer")
}

func momentAt(ms int64) Moment {
	if ms == 0 {
		return Moment{}
	}
	return Moment{time.UnixMilli(ms).UTC()}
}
