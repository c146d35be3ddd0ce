package siprec

import (
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/phone"
)

// Rule is how a source's parties are told apart.
type Rule struct {
	Country string   // ISO 3166, for numbers in national form
	Ours    []string // patterns of our side: 2??, +4416149600*, *@pbx.example.com; none: extensions are ours
}

// party is somebody of a story, with the number read.
type party struct {
	Person
	number phone.Number
	ours   bool
}

// Call says what a session was, as a call like those of other sources, and on
// which side of the recording each stream belongs: 0 the caller's, 1 the other.
func (s Session) Call(r Rule) (recording.Call, []int) {
	people := s.parties(r)
	caller := slices.IndexFunc(people, func(p party) bool { return p.Calling })
	if caller < 0 && len(people) > 0 {
		caller = 0
	}
	c := recording.Call{
		Idents: s.idents(), Direction: recording.UnknownDirection, StartedAt: s.Begun, EndedAt: s.End,
		Disposition: recording.Answered, Talk: max(0, recording.Seconds(s.End.Sub(s.Begun))),
	}
	answered := s.Begun
	c.AnsweredAt = &answered
	if caller >= 0 {
		s.tell(&c, people, caller)
	}
	s.happenings(&c, people)
	return c, s.sides(people, caller)
}

// parties reads the numbers of everybody who was in the call.
func (s Session) parties(r Rule) (all []party) {
	for _, p := range s.Story.People {
		n := phone.Read(userOf(p.AOR), r.Country)
		all = append(all, party{p, n, r.ours(p.AOR, n)})
	}
	return all
}

// userOf is who an address names: the user of a SIP URI, the number of a tel
// URI, without parameters. A user may carry parameters of its own before the @.
func userOf(aor string) string {
	aor = strings.Trim(strings.TrimSpace(aor), "<>")
	if scheme, rest, ok := strings.Cut(aor, ":"); ok {
		switch strings.ToLower(scheme) {
		case "sip", "sips", "tel":
			aor = rest
		}
	}
	user, _, _ := strings.Cut(aor, "@")
	user, _, _ = strings.Cut(user, ";")
	return strings.ReplaceAll(user, "%2B", "+")
}

func (r Rule) ours(aor string, n phone.Number) bool {
	if len(r.Ours) == 0 {
		return n.Kind == phone.Extension
	}
	user := userOf(aor)
	host := ""
	if _, rest, ok := strings.Cut(aor, "@"); ok {
		host, _, _ = strings.Cut(rest, ";")
		host, _, _ = strings.Cut(host, ":")
	}
	for _, pattern := range r.Ours {
		for _, text := range []string{n.Text, user, user + "@" + host} {
			if ok, err := path.Match(pattern, text); err == nil && ok && text != "" {
				return true
			}
		}
	}
	return false
}

// tell fills in who called whom.
func (s Session) tell(c *recording.Call, people []party, caller int) {
	from := people[caller]
	c.Caller = recording.Party{Number: from.number.Text, Name: from.Name, Withheld: from.number.Kind == phone.Withheld}
	called := slices.IndexFunc(people, func(p party) bool { return p.ID != from.ID })
	switch {
	case called < 0:
	case from.ours && people[called].ours:
		c.Direction = recording.Internal
	case from.ours:
		c.Direction = recording.Outbound
	case slices.ContainsFunc(people, func(p party) bool { return p.ours }):
		c.Direction = recording.Inbound
	}
	if called >= 0 {
		c.Dialled = people[called].number.Text
	}
	for i, p := range people {
		if p.ours {
			c.Agents = append(c.Agents, recording.Agent{Extension: extensionOf(p), Name: p.Name, Outcome: "answered"})
		}
		leg := recording.Leg{Party: p.Name, Role: "called", From: p.Came}
		switch {
		case i == caller:
			leg.Role = "caller"
		case i != called:
			leg.Role = "transfer_target"
		}
		if p.number.Kind == phone.Extension {
			leg.Extension = p.number.Text
		} else {
			leg.Number = p.number.Text
		}
		if !p.Gone.IsZero() {
			gone := p.Gone
			leg.To = &gone
		}
		c.Legs = append(c.Legs, leg)
	}
}

// extensionOf is what an agent is known by: the extension, else the number or
// the user's name.
func extensionOf(p party) string {
	if p.number.Text != "" {
		return p.number.Text
	}
	return userOf(p.AOR)
}

// happenings lists pauses and who came and went while the call was going on.
func (s Session) happenings(c *recording.Call, people []party) {
	add := func(at time.Time, what, by, detail string) {
		c.Events = append(c.Events, recording.Happening{At: at, What: what, By: by, Detail: detail})
	}
	for _, p := range s.Story.Pauses {
		what, again := "hold", "resumed"
		if p.Label == "" {
			what, again = "recording_paused", "recording_resumed"
		}
		add(p.From, what, "", "")
		if !p.To.IsZero() {
			add(p.To, again, "", "")
		}
	}
	for _, p := range people {
		if p.Came.Sub(s.Begun) > time.Second {
			add(p.Came, "joined", extensionOf(p), "")
		}
		if !p.Gone.IsZero() && s.End.Sub(p.Gone) > time.Second {
			add(p.Gone, "left", extensionOf(p), "")
		}
	}
	if s.Why != Left && s.Why != "" {
		add(s.End, "recording_ended", "", string(s.Why))
	}
	slices.SortStableFunc(c.Events, func(a, b recording.Happening) int { return a.At.Compare(b.At) })
}

// idents are the system's own names of the call.
func (s Session) idents() (all []string) {
	for _, c := range s.Story.Calls {
		for _, one := range append(slices.Clone(c.SIP), c.ID) {
			one = strings.TrimSpace(one)
			if one != "" && len(one) <= 300 && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	if len(all) > 16 {
		all = all[:16]
	}
	return all
}

// sides says for each stream whether it is the caller's. Who joins later is laid
// on the side of the party whose colleague they are, where our side and the
// other can be told apart. Of two streams that nothing tells apart, the first
// is the caller's: RFC 7866 leaves the order to the client, and those that were
// looked at send the caller first.
func (s Session) sides(people []party, caller int) []int {
	apart := false
	for i := range people {
		apart = apart || i < 2 && people[i].ours != people[caller].ours
	}
	out := make([]int, len(s.Streams))
	for i, m := range s.Streams {
		who := s.Story.sender(m.Label, i)
		switch {
		case who < 0:
			out[i] = min(i, 1)
		case apart && people[who].ours != people[caller].ours, !apart && who != caller:
			out[i] = 1
		}
	}
	return out
}
