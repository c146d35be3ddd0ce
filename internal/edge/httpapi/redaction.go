package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/pii"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/redaction"
)

// RedactionSettings is what happens to recordings once they are transcribed.
type RedactionSettings struct {
	Mode         string     `json:"mode" enum:"off,detect,redact" doc:"redact: what is of the chosen kinds is taken out without being asked"`
	Entities     []string   `json:"entities" doc:"Kinds that are taken out"`
	OriginalDays int        `json:"original_days" doc:"How long the original stays under its own right; 0: it is destroyed at once"`
	Tone         bool       `json:"tone" doc:"A tone takes the place; else silence"`
	Scan         bool       `json:"scan" doc:"Sound and transcripts are looked through for payments"`
	Known        []string   `json:"known" doc:"All kinds there are"`
	ChosenAt     *time.Time `json:"chosen_at"`
	ChosenBy     string     `json:"chosen_by,omitempty"`
}

// RecordingRedactions is how a recording stands.
type RecordingRedactions struct {
	Redacted      bool           `json:"redacted" doc:"What is heard is a redacted copy"`
	OriginalUntil *time.Time     `json:"original_until" doc:"Until when the original stays beside; null: there is none"`
	Found         map[string]int `json:"found" doc:"How much of each kind was found and is still there"`
	Items         []RedactionOf  `json:"items" doc:"What was taken out, the newest first"`
}

// RedactionOf is one redaction.
type RedactionOf struct {
	ID        string     `json:"id"`
	At        time.Time  `json:"at"`
	By        string     `json:"by"`
	Way       string     `json:"way" enum:"person,detection,pause"`
	Stretches int        `json:"stretches"`
	Seconds   float64    `json:"seconds"`
	UndoneAt  *time.Time `json:"undone_at"`
}

// FoundSpan is something that may be personal: of what kind, and when.
type FoundSpan struct {
	Entity  string  `json:"entity"`
	Start   float64 `json:"start" doc:"Seconds from the start of the recording"`
	End     float64 `json:"end"`
	Channel int     `json:"channel" doc:"From 0; -1: all"`
	Score   float64 `json:"score"`
	Why     string  `json:"why"`
	Group   int     `json:"group" doc:"Stretches of the same thing share it"`
}

// RedactStretch is a part that is to be taken out.
type RedactStretch struct {
	Start   float64 `json:"start" minimum:"0" maximum:"864000"`
	End     float64 `json:"end" minimum:"0" maximum:"864000"`
	Channel int     `json:"channel,omitempty" minimum:"-1" maximum:"15" default:"-1" doc:"From 0; -1: all"`
	Entity  string  `json:"entity,omitempty" maxLength:"40" doc:"What stands for its words in the transcript"`
}

type (
	redactionSettingsInput struct {
		CustomerPath
		Body struct {
			Mode         string   `json:"mode" enum:"off,detect,redact"`
			Entities     []string `json:"entities,omitempty" maxItems:"50"`
			OriginalDays *int     `json:"original_days,omitempty" minimum:"0" maximum:"366" doc:"Missing: 30"`
			Tone         bool     `json:"tone,omitempty"`
			Scan         bool     `json:"scan,omitempty"`
		}
	}
	redactInput struct {
		RecordingPath
		Body struct {
			Stretches    []RedactStretch `json:"stretches" maxItems:"500"`
			OriginalDays *int            `json:"original_days,omitempty" minimum:"0" maximum:"366" doc:"0: the original is destroyed at once, for good; missing: 30"`
			Confirm      int             `json:"confirm,omitempty" doc:"Where the original is destroyed at once: how many stretches are given, exactly"`
			Tone         bool            `json:"tone,omitempty"`
			Reason       string          `json:"reason" maxLength:"300" doc:"Stands in the journal"`
		}
	}
	unredactInput struct {
		RecordingPath
		Body struct {
			Reason string `json:"reason" maxLength:"300" doc:"Stands in the journal"`
		}
	}
)

func (s *Server) redactionRoutes() {
	const base = "/api/v1/customers/{customer}"
	set, change := inCustomer(access.RedactionSet), inCustomer(access.RecordingRedact)
	add(s, route{gate: set, method: get, path: base + "/redaction-settings", id: "getRedactionSettings", summary: "What is found in recordings, and what is taken out"}, s.getRedactionSettings)
	add(s, route{gate: set, fresh: true, method: put, path: base + "/redaction-settings", id: "setRedactionSettings", summary: "Choose what is found in recordings, and what is taken out"}, s.setRedactionSettings)
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base + "/recordings/{recording}/redactions", id: "listRedactions", summary: "What was taken out of a recording, and what was found in it"}, s.listRedactions)
	add(s, route{gate: change, fresh: true, method: post, path: base + "/recordings/{recording}/redactions", id: "redactRecording", summary: "Take stretches out of a recording, and their words out of its transcript"}, s.redactRecording)
	add(s, route{gate: change, fresh: true, method: post, path: base + "/recordings/{recording}/redactions-undo", id: "undoRedaction", summary: "Put the original back, while it stays"}, s.undoRedaction)
	add(s, route{gate: inCustomer(access.RecordingTranscript), method: get, path: base + "/openings/{opening}/findings", id: "findings", summary: "What was found in what was said: kinds and times"}, s.findings)
	s.pauseRoutes()
}

func (s *Server) getRedactionSettings(ctx context.Context, v *visit, _ *CustomerPath) (*body[RedactionSettings], error) {
	st, err := s.deps.Redaction.Settings(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := RedactionSettings{Mode: string(st.Mode), Entities: []string{}, OriginalDays: st.Days, Tone: st.Tone, Scan: st.Scan, Known: []string{}}
	for _, e := range st.Entities {
		out.Entities = append(out.Entities, string(e))
	}
	for _, e := range pii.Entities() {
		out.Known = append(out.Known, string(e))
	}
	if st.ChosenAt.IsZero() {
		return answer(out), nil
	}
	names, err := s.names(ctx, v)
	out.ChosenAt, out.ChosenBy = when(st.ChosenAt), nameOf(names, "", st.ChosenBy)
	return answer(out), err
}

func (s *Server) setRedactionSettings(ctx context.Context, v *visit, in *redactionSettingsInput) (*body[RedactionSettings], error) {
	c := redaction.Settings{Mode: redaction.Mode(in.Body.Mode), Days: stays(in.Body.OriginalDays), Tone: in.Body.Tone, Scan: in.Body.Scan}
	for _, e := range in.Body.Entities {
		c.Entities = append(c.Entities, pii.Entity(e))
	}
	if err := s.deps.Redaction.Set(ctx, v.place, v.who, c); err != nil {
		return nil, err
	}
	return s.getRedactionSettings(ctx, v, &in.CustomerPath)
}

// reachable is the recording of a path, if the visitor may do the act to it.
func (s *Server) reachable(ctx context.Context, v *visit, text string, a access.Act) (id.Recording, error) {
	rec, err := id.Parse[id.Recording](text)
	if err != nil {
		return rec, errNothing
	}
	return rec, s.deps.Recordings.May(ctx, v.place, rec, v.scope(a))
}

func (s *Server) listRedactions(ctx context.Context, v *visit, in *RecordingPath) (*body[RecordingRedactions], error) {
	rec, err := s.reachable(ctx, v, in.Recording, access.RecordingList)
	if err != nil {
		return nil, err
	}
	st, err := s.deps.Redaction.Standing(ctx, v.place, rec)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	out := RecordingRedactions{Redacted: st.Redacted, OriginalUntil: when(st.OriginalUntil), Found: st.Counts, Items: []RedactionOf{}}
	for _, d := range st.Done {
		kind := ""
		if d.Way != "person" {
			kind = "system"
		}
		out.Items = append(out.Items, RedactionOf{ID: d.ID.String(), At: d.At, By: nameOf(names, kind, d.By), Way: d.Way, Stretches: d.Stretches, Seconds: recording.Seconds(d.Length), UndoneAt: d.UndoneAt})
	}
	return answer(out), err
}

func (s *Server) redactRecording(ctx context.Context, v *visit, in *redactInput) (*body[RecordingRedactions], error) {
	rec, err := s.reachable(ctx, v, in.Recording, access.RecordingRedact)
	if err != nil {
		return nil, err
	}
	o := redaction.Order{Tone: in.Body.Tone, Days: stays(in.Body.OriginalDays), Confirm: in.Body.Confirm, Reason: in.Body.Reason}
	for _, x := range in.Body.Stretches {
		o.Stretches = append(o.Stretches, redaction.Stretch{From: secondsOf(x.Start), To: secondsOf(x.End), Channel: x.Channel, Entity: pii.Entity(x.Entity)})
	}
	if err := s.deps.Redaction.Apply(ctx, v.place, v.who, rec, o); err != nil {
		return nil, err
	}
	return s.listRedactions(ctx, v, &in.RecordingPath)
}

// stays is how many days an original stays: nobody destroys one by leaving a word out.
func stays(days *int) int {
	if days == nil {
		return redaction.UsualDays
	}
	return *days
}

func secondsOf(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

func (s *Server) undoRedaction(ctx context.Context, v *visit, in *unredactInput) (*body[RecordingRedactions], error) {
	rec, err := s.reachable(ctx, v, in.Recording, access.RecordingRedact)
	if err == nil && !v.may(access.RecordingOriginal) {
		err = errNothing
	}
	if err != nil {
		return nil, err
	}
	if err := s.deps.Redaction.Undo(ctx, v.place, v.who, rec, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.listRedactions(ctx, v, &in.RecordingPath)
}

func (s *Server) findings(ctx context.Context, v *visit, in *OpeningPath) (*body[items[FoundSpan]], error) {
	o, err := s.opened(ctx, v, in, "transcript")
	if err != nil {
		return nil, err
	}
	f, err := redaction.Findings(ctx, o)
	if fault.Is(err, fault.NotFound) {
		return listed[FoundSpan](nil), nil // nothing was looked for
	}
	var out []FoundSpan
	for _, x := range f.Spans {
		out = append(out, FoundSpan(x))
	}
	return listed(out), err
}

// originalWay lets who may hear originals open one; its sound and transcript are
// had from the same addresses.
func originalWay(o *recording.Opening, what string) bool {
	return o.What == "original" && (what == "listen" || what == "transcript")
}
