package siprec

import (
	"maps"
	"slices"
	"strings"
)

// metadata reads the children of a recording element.
func (e *element) metadata() Metadata {
	m := Metadata{Partial: strings.EqualFold(e.child("datamode"), "partial")}
	for _, k := range e.kids {
		switch k.name {
		case "session", "callsession":
			m.Sessions = append(m.Sessions, k.conversation())
		case "participant":
			m.participant(k)
		case "stream":
			m.Streams = append(m.Streams, Stream{
				ID: k.ident("stream_id", "id"), Label: k.child("label"),
				Mixed: strings.EqualFold(k.child("mode"), "mixed"), To: k.at("disassociate-time", "stop-time"),
			})
		case "participantstreamassoc":
			m.streamsOf(k)
		case "participantsessionassoc":
			p := m.who(k.ident("participant_id", "participant", "id"))
			p.From, p.To = k.at("associate-time"), k.at("disassociate-time")
		case "sessionrecordingassoc":
			c := m.conversation(k.ident("session_id", "session", "id"))
			if at := k.at("associate-time"); c.From.IsZero() {
				c.From = at
			}
			c.To = k.at("disassociate-time")
		}
	}
	return m
}

// names of a call, as systems add them: Cisco's, Avaya's, Oracle's, AudioCodes'.
var callNames = map[string]bool{
	"sipsessionid": true, "ucid": true, "avayaucid": true, "gcid": true, "ciscoguid": true, "cisco-guid": true, "callid": true,
	"call-id": true, "origcallid": true, "egresscallid": true, "ingresscallid": true, "guid": true, "globalcallid": true, "xcallid": true, "x-call-id": true,
}

func (e *element) conversation() Conversation {
	c := Conversation{
		ID: e.ident("session_id", "id"), Group: strings.Map(dropSpace, e.child("group-ref", "group")),
		From: e.at("start-time", "associate-time"), To: e.at("stop-time", "disassociate-time"), Extra: e.extras(nil, 0),
	}
	for _, k := range e.kids {
		if k.name == "sipsessionid" && k.text != "" {
			// RFC 7989: the ids of both ends and, after a transfer, others.
			local, _, _ := strings.Cut(k.text, ";")
			c.SIP = append(c.SIP, local)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		if callNames[name] && name != "sipsessionid" {
			value, _, _ := strings.Cut(c.Extra[name], ";") // Oracle: ;encoding=hex
			c.SIP = append(c.SIP, value)
		}
	}
	delete(c.Extra, "sipsessionid")
	return c
}

// participant reads one with its name, in the RFC's form and that of its drafts.
func (m *Metadata) participant(e *element) {
	p := m.who(e.ident("participant_id", "id"))
	for _, k := range e.kids {
		switch k.name {
		case "nameid":
			if p.AOR == "" {
				p.AOR, p.Name = strings.TrimSpace(k.attr["aor"]), k.child("name")
				p.AOR = p.AOR[:min(len(p.AOR), maxText)]
			}
		case "aor": // first drafts
			if p.AOR == "" {
				p.AOR = k.text
			}
		case "name":
			if p.Name == "" {
				p.Name = k.text
			}
		}
	}
	if from := e.at("associate-time"); !from.IsZero() {
		p.From = from
	}
	if to := e.at("disassociate-time"); !to.IsZero() {
		p.To = to
	}
	m.links(p, e)
	for _, k := range e.kids {
		if strings.HasPrefix(k.name, "extension") {
			p.Extra = k.extras(p.Extra, 0)
		}
	}
	p.Calling = p.Calling || strings.EqualFold(p.Extra["callingparty"], "true") || strings.EqualFold(p.Extra["role"], "caller")
}

func (m *Metadata) streamsOf(e *element) {
	p := m.who(e.ident("participant_id", "participant", "id"))
	p.Linked = true
	m.links(p, e)
}

// links reads which streams somebody sends and receives.
func (m *Metadata) links(p *Participant, e *element) {
	for _, k := range e.kids {
		id := strings.Map(dropSpace, k.text)
		switch {
		case id == "":
		case k.name == "send":
			p.Sends, p.Linked = append(p.Sends, id), true
		case k.name == "recv" || k.name == "receive":
			p.Receives, p.Linked = append(p.Receives, id), true
		}
	}
}

// who finds a participant by its id, or adds it.
func (m *Metadata) who(id string) *Participant {
	for i := range m.Participants {
		if m.Participants[i].ID == id {
			return &m.Participants[i]
		}
	}
	m.Participants = append(m.Participants, Participant{ID: id})
	return &m.Participants[len(m.Participants)-1]
}

func (m *Metadata) conversation(id string) *Conversation {
	for i := range m.Sessions {
		if m.Sessions[i].ID == id {
			return &m.Sessions[i]
		}
	}
	m.Sessions = append(m.Sessions, Conversation{ID: id})
	return &m.Sessions[len(m.Sessions)-1]
}
