package httpapi

import (
	"context"

	"ringfence/internal/archive/recording"
)

// How what the archive knows is shown.

func showRecording(r recording.Recording) Recording {
	call := r.Card.Call
	out := Recording{
		ID: r.ID.String(), StartedAt: r.StartedAt, EndedAt: r.EndedAt, Seconds: recording.Seconds(r.Length), Direction: string(r.Direction),
		Caller: showParty(call.Caller), Dialled: call.Dialled, Queue: r.Queue, Agents: showAgents(call.Agents),
		Disposition: string(r.Disposition), State: string(r.Sound), Layout: r.Layout, Bytes: r.Bytes, DueAt: r.DueAt,
		FileName:   r.Card.File,
		Transcript: TranscriptState{State: r.Transcript.State, Reason: r.Transcript.Reason, Language: r.Transcript.Language, Engine: r.Transcript.Engine, Quality: r.Transcript.Quality},
	}
	out.Caller.Withheld = r.Withheld
	if !r.Call.IsZero() {
		out.CallID = r.Call.String()
	}
	if !r.Source.IsZero() {
		out.SourceID = r.Source.String()
	}
	if r.Sentiment != nil {
		out.Sentiment = &Sentiment{Score: float64(r.Sentiment.Milli) / 1000, Label: r.Sentiment.Label}
	}
	return out
}

func showParty(p recording.Party) Party {
	return Party{Number: p.Number, Name: p.Name, Withheld: p.Withheld}
}

func showAgents(list []recording.Agent) []Agent {
	out := make([]Agent, len(list))
	for i, a := range list {
		out[i] = Agent{Extension: a.Extension, Name: a.Name, Outcome: a.Outcome}
	}
	return out
}

func showDetail(d recording.Detail, names map[string]string, may May) RecordingDetail {
	out := RecordingDetail{Recording: showRecording(d.Recording), Renditions: []Rendition{}, Openings: []PastOpening{}, May: may}
	for _, r := range d.Renditions {
		out.Renditions = append(out.Renditions, Rendition{
			ID: r.ID.String(), Kind: string(r.Kind), Layout: string(r.Probed.Layout), Seconds: recording.Seconds(r.Length), Bytes: r.Bytes, SHA256: r.SHA256,
		})
	}
	call := d.Card.Call
	out.AnsweredAt = call.AnsweredAt
	out.Call = CallTimeline{Legs: showLegs(call.Legs), Events: []CallEvent{}, Recordings: []string{}}
	for _, e := range call.Events {
		out.Call.Events = append(out.Call.Events, showHappening(e, recording.Seconds(e.At.Sub(d.StartedAt))))
	}
	for _, s := range d.Siblings {
		out.Call.Recordings = append(out.Call.Recordings, s.String())
	}
	for _, o := range d.Openings {
		out.Openings = append(out.Openings, PastOpening{At: o.At, Who: nameOf(names, o.Kind, o.Who), Purpose: o.Purpose, What: o.What})
	}
	return out
}

func showLegs(list []recording.Leg) []Leg {
	out := make([]Leg, len(list))
	for i, l := range list {
		out[i] = Leg{Party: l.Party, Extension: l.Extension, Number: l.Number, From: l.From, To: l.To, Role: l.Role}
	}
	return out
}

func showHappening(e recording.Happening, offset float64) CallEvent {
	out := CallEvent{At: e.At, OffsetSeconds: offset, What: e.What, Detail: e.Detail}
	for _, part := range []struct{ word, text string }{{"by", e.By}, {"to", e.To}} {
		if part.text == "" {
			continue
		}
		if out.Detail != "" {
			out.Detail += ", "
		}
		out.Detail += part.word + " " + part.text
	}
	return out
}

func showCall(c recording.Call) Call {
	out := Call{
		ID: c.ID.String(), StartedAt: c.StartedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt, Direction: string(c.Direction),
		Caller: showParty(c.Caller), Dialled: c.Dialled, Queue: c.Queue, Agents: showAgents(c.Agents), Disposition: string(c.Disposition),
		Legs: showLegs(c.Legs), Events: []CallEvent{}, Recordings: []string{},
	}
	for _, e := range c.Events {
		out.Events = append(out.Events, showHappening(e, recording.Seconds(e.At.Sub(c.StartedAt))))
	}
	for _, r := range c.Recordings {
		out.Recordings = append(out.Recordings, r.String())
	}
	return out
}

// names gives what people call those whose ids stand in the journal: members,
// machines and collectors of this customer.
func (s *Server) names(ctx context.Context, v *visit) (map[string]string, error) {
	names, err := s.deps.People.Names(ctx, v.place)
	if err != nil {
		return nil, err
	}
	tokens, err := s.deps.People.Tokens(ctx, v.place)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		names[t.ID.String()] = t.Name
	}
	helpers, err := s.deps.People.Supports(ctx, v.place)
	if err != nil {
		return nil, err
	}
	for _, g := range helpers {
		names[g.ID.String()] = "support access"
		if names[g.Person.String()] == "" {
			names[g.Person.String()] = g.Name + " (support)"
		}
	}
	devices, err := s.deps.Collect.Devices(ctx, v.place)
	for _, d := range devices {
		names[d.ID.String()] = d.Name
	}
	return names, err
}

// nameOf is a name for an actor; what has none goes by its id, and the program
// by its own name.
func nameOf(names map[string]string, kind, who string) string {
	switch {
	case names[who] != "":
		return names[who]
	case kind == "system":
		return "Ringfence (" + who + ")"
	}
	return who
}
