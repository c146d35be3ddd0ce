package httpapi

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/egress"
	"ringfence/internal/tenancy/access"
)

type speechInput struct {
	CustomerPath
	Body struct {
		Engine   string `json:"engine" enum:"none,builtin,openai,azure"`
		URL      string `json:"url,omitempty" maxLength:"500"`
		Model    string `json:"model,omitempty" maxLength:"100"`
		Language string `json:"language,omitempty" maxLength:"35"`
		Key      string `json:"key,omitempty" maxLength:"500" writeOnly:"true" doc:"Empty keeps the key that is stored"`
		Purpose  string `json:"purpose,omitempty" maxLength:"500"`
		Region   string `json:"region,omitempty" maxLength:"100"`
	}
}

type egressInput struct {
	CustomerPath
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) speechRoutes() {
	const base = "/api/v1/customers/{customer}"
	may := inCustomer(access.SpeechSet)
	add(s, route{gate: may, method: get, path: base + "/speech", id: "getSpeech", summary: "Which engine turns sound into text"}, s.getSpeech)
	add(s, route{gate: may, fresh: true, method: put, path: base + "/speech", id: "setSpeech", summary: "Choose the engine"}, s.setSpeech)
	add(s, route{gate: may, method: get, path: base + "/egress", id: "listEgress", summary: "What left the host for this customer, newest first"}, s.listEgress)
	add(s, route{gate: may, method: post, path: base + "/recordings/{recording}/transcriptions", id: "transcribeAgain", summary: "Transcribe a recording anew, for example after the engine was changed", status: 202}, s.transcribeAgain)
}

func (s *Server) getSpeech(ctx context.Context, v *visit, _ *CustomerPath) (*body[Speech], error) {
	set, err := s.deps.Speech.Settings(ctx, v.place)
	if err != nil {
		return nil, err
	}
	return s.showSpeech(ctx, v, set)
}

func (s *Server) showSpeech(ctx context.Context, v *visit, set speech.Settings) (*body[Speech], error) {
	ok, text, err := s.deps.Speech.Check(ctx, v.place)
	return answer(Speech{
		Engine: set.Engine, URL: set.URL, Model: set.Model, Language: set.Language, KeySet: set.KeySet, Purpose: set.Purpose,
		Region: set.Region, OffHost: set.OffHost, Check: SpeechCheck{OK: ok, Text: text},
	}), err
}

func (s *Server) setSpeech(ctx context.Context, v *visit, in *speechInput) (*body[Speech], error) {
	set, err := s.deps.Speech.Set(ctx, v.place, v.who, speech.Change{
		Engine: in.Body.Engine, URL: in.Body.URL, Model: in.Body.Model, Language: in.Body.Language,
		Key: secret.NewText(in.Body.Key), Purpose: in.Body.Purpose, Region: in.Body.Region,
	})
	if err != nil {
		return nil, err
	}
	return s.showSpeech(ctx, v, set)
}

func (s *Server) listEgress(ctx context.Context, v *visit, in *egressInput) (*linked[EgressPage], error) {
	page, err := egress.List(ctx, v.place, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &linked[EgressPage]{Link: nextLink(v, page.Next), Body: EgressPage{Items: []Egress{}, NextCursor: page.Next}}
	for _, l := range page.Items {
		out.Body.Items = append(out.Body.Items, Egress{
			ID: l.ID.String(), At: l.At, Engine: l.Engine, Host: l.Host, Purpose: l.Purpose, Region: l.Region, Subject: l.Subject,
			Bytes: l.Sent, SHA256: l.SHA256, Answer: l.Answer,
		})
	}
	return out, nil
}

func (s *Server) transcribeAgain(ctx context.Context, v *visit, in *RecordingPath) (*none, error) {
	rec, err := id.Parse[id.Recording](in.Recording)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Speech.Again(ctx, v.place, v.who, rec)
}

// ofEngine is the operator of a speech engine elsewhere, while one is chosen.
func (s *Server) ofEngine(ctx context.Context, v *visit) ([]Reach, error) {
	set, err := s.deps.Speech.Settings(ctx, v.place)
	if err != nil || !set.OffHost {
		return nil, err
	}
	return []Reach{{
		Party:  "Whoever runs the speech engine at " + set.URL + in(set.Region),
		Can:    []string{"hear every recording that is sent there to be transcribed"},
		Cannot: []string{"see numbers or names: only sound is sent", "ask for recordings"},
		How:    "you chose it, for this purpose: " + set.Purpose + "; each request stands in the ledger",
	}}, nil
}
