package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

type speechInput struct {
	CustomerPath
	Body struct {
		Engine   string `json:"engine" enum:"none,builtin,openai,azure"`
		URL      string `json:"url,omitempty" maxLength:"500"`
		Model    string `json:"model,omitempty" maxLength:"100"`
		Language string `json:"language,omitempty" maxLength:"35"`
		Key      string `json:"key,omitempty" maxLength:"500" doc:"Write only; empty keeps the key that is stored"`
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
	add(s, route{gate: may, method: put, path: base + "/speech", id: "setSpeech", summary: "Choose the engine"}, s.setSpeech)
	add(s, route{gate: may, method: get, path: base + "/egress", id: "listEgress", summary: "What left the host for this customer, newest first"}, s.listEgress)
}

func (s *Server) getSpeech(ctx context.Context, v *visit, in *CustomerPath) (*body[Speech], error) {
	return nil, errNoVisit
}

func (s *Server) setSpeech(ctx context.Context, v *visit, in *speechInput) (*body[Speech], error) {
	return nil, errNoVisit
}

func (s *Server) listEgress(ctx context.Context, v *visit, in *egressInput) (*linked[EgressPage], error) {
	return nil, errNoVisit
}

func (s *Server) ofEngine(ctx context.Context, v *visit) ([]Reach, error) { return nil, nil }
