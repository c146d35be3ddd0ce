package siprec

import (
	"maps"
	"slices"
	"time"
)

// Story is what the metadata of a session has said so far: who was in the call,
// from when to when, and who is heard in which stream.
type Story struct {
	Unread  int // documents that could not be read
	Calls   []Conversation
	People  []Person
	Streams []Stream
	Pauses  []Pause
}

// Person is a participant over time.
type Person struct {
	Participant
	Came time.Time
	Gone time.Time // zero: still there
}

// Pause is a time in which nothing was to be heard, of one stream or of all.
type Pause struct {
	Label string // "" all of them
	From  time.Time
	To    time.Time // zero: not resumed
	Told  bool      // by somebody else than the client
}

func (st Story) unread() Story {
	st.Unread++
	return st
}

// with takes one document in. A complete one says who is there now: whoever it
// does not name has gone. A partial one says what has changed.
func (st Story) with(m Metadata, at time.Time) Story {
	st.Calls, st.People, st.Streams = slices.Clone(st.Calls), slices.Clone(st.People), slices.Clone(st.Streams)
	for _, c := range m.Sessions {
		st.Calls = joinCall(st.Calls, c)
	}
	named := map[string]bool{}
	for _, p := range m.Participants {
		named[p.ID] = true
		st.person(p, at)
	}
	if !m.Partial && len(m.Participants) > 0 {
		for i := range st.People {
			if p := &st.People[i]; !named[p.ID] && p.Gone.IsZero() {
				p.Gone = at
			}
		}
	}
	for _, s := range m.Streams {
		i := slices.IndexFunc(st.Streams, func(k Stream) bool { return k.ID == s.ID })
		if i < 0 {
			st.Streams = append(st.Streams, s)
			continue
		}
		if s.Label != "" {
			st.Streams[i].Label = s.Label
		}
		st.Streams[i].Mixed = st.Streams[i].Mixed || s.Mixed
	}
	return st
}

// person brings one participant up to date.
func (st *Story) person(p Participant, at time.Time) {
	i := slices.IndexFunc(st.People, func(k Person) bool { return k.ID == p.ID })
	if i < 0 {
		came := p.From
		if came.IsZero() || came.After(at.Add(time.Minute)) {
			came = at
		}
		st.People = append(st.People, Person{Participant: p, Came: came, Gone: p.To})
		return
	}
	k := &st.People[i]
	if p.AOR != "" {
		k.AOR = p.AOR
	}
	if p.Name != "" {
		k.Name = p.Name
	}
	if p.Linked { // what somebody sends no more was theirs all the same
		for _, s := range p.Sends {
			if !slices.Contains(k.Sends, s) {
				k.Sends = append(slices.Clone(k.Sends), s)
			}
		}
		k.Receives = p.Receives
	}
	k.Calling = k.Calling || p.Calling
	if len(p.Extra) > 0 {
		k.Extra = maps.Clone(k.Extra)
		if k.Extra == nil {
			k.Extra = map[string]string{}
		}
		maps.Copy(k.Extra, p.Extra)
	}
	switch {
	case !p.To.IsZero():
		k.Gone = p.To
	case !k.Gone.IsZero() && (!p.From.IsZero() || p.Linked):
		k.Gone = time.Time{} // came back
	}
}

func joinCall(all []Conversation, c Conversation) []Conversation {
	i := slices.IndexFunc(all, func(k Conversation) bool { return k.ID == c.ID })
	if i < 0 {
		return append(all, c)
	}
	k := &all[i]
	for _, s := range c.SIP {
		if !slices.Contains(k.SIP, s) {
			k.SIP = append(slices.Clone(k.SIP), s)
		}
	}
	if k.From.IsZero() {
		k.From = c.From
	}
	if !c.To.IsZero() {
		k.To = c.To
	}
	if c.Group != "" {
		k.Group = c.Group
	}
	if len(c.Extra) > 0 {
		k.Extra = c.Extra
	}
	return all
}

// holding notes streams that pause or go on between two descriptions.
func (st Story) holding(before, after []Media, at time.Time) Story {
	st.Pauses = slices.Clone(st.Pauses)
	held := func(ms []Media) bool { return !(Session{Streams: ms}).Sounding() }
	if len(before) > 0 && held(before) != held(after) {
		if held(after) {
			st.Pauses = append(st.Pauses, Pause{From: at})
		} else {
			st.resume("", at)
		}
		return st
	}
	for i, m := range after {
		was := i < len(before) && before[i].Held
		label := m.Label
		if label == "" {
			label = "stream"
		}
		switch {
		case i >= len(before) || !m.Taken:
		case m.Held && !was && !held(after):
			st.Pauses = append(st.Pauses, Pause{Label: label, From: at})
		case !m.Held && was:
			st.resume(label, at)
		}
	}
	return st
}

// hushed notes a pause that somebody told of, or its end.
func (st Story) hushed(from, to time.Time) Story {
	st.Pauses = slices.Clone(st.Pauses)
	for i := range st.Pauses {
		if p := &st.Pauses[i]; p.Told && p.From.Equal(from) {
			p.To = to
			return st
		}
	}
	st.Pauses = append(st.Pauses, Pause{From: from, To: to, Told: true})
	return st
}

func (st *Story) resume(label string, at time.Time) {
	for i := range st.Pauses {
		if p := &st.Pauses[i]; p.To.IsZero() && !p.Told && (p.Label == label || label == "") {
			p.To = at
		}
	}
}

// sender is who is heard in the stream of a label, by its position among the
// streams; -1 if nothing says so. Where the stream objects are missing, ids of
// streams are taken for labels, and in the end the order decides.
func (st Story) sender(label string, position int) int {
	for _, s := range st.Streams {
		if s.Label == label && label != "" {
			if i := st.sends(s.ID); i >= 0 {
				return i
			}
		}
	}
	if i := st.sends(label); i >= 0 && label != "" {
		return i
	}
	if linked := slices.ContainsFunc(st.People, func(p Person) bool { return len(p.Sends) > 0 }); linked && len(st.Streams) > 0 {
		return -1
	}
	if position < len(st.People) {
		return position
	}
	return -1
}

func (st Story) sends(stream string) int {
	return slices.IndexFunc(st.People, func(p Person) bool { return slices.Contains(p.Sends, stream) })
}

// mixed reports whether a stream holds both parties.
func (st Story) mixed(label string) bool {
	for _, s := range st.Streams {
		if s.Label == label {
			n := 0
			for _, p := range st.People {
				if slices.Contains(p.Sends, s.ID) {
					n++
				}
			}
			return s.Mixed || n > 1
		}
	}
	return false
}
