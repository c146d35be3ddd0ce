package httpapi

import (
	"context"
	"time"
)

// Me is the signed-in person and where they may go.
type Me struct {
	Person  MePerson `json:"person"`
	Places  []MyNode `json:"places"`
	Session Session  `json:"session"`
	Demo    bool     `json:"demo"`
}

// MePerson is who is signed in.
type MePerson struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// MyNode is a node at which the person has roles.
type MyNode struct {
	ID    string   `json:"id"`
	Kind  string   `json:"kind" enum:"provider,reseller,customer"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	Acts  []string `json:"acts" doc:"What pages may offer; each act is asked for again when it is done"`
}

// Session is one signed-in browser.
type Session struct {
	ID         string    `json:"id"`
	StartedAt  time.Time `json:"started_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Until      time.Time `json:"until" doc:"Ends then at the latest"`
	Address    string    `json:"address"`
	Agent      string    `json:"agent" doc:"What the browser calls itself"`
	Current    bool      `json:"current"`
}

type SessionPath struct {
	Session string `path:"session"`
}

type passwordInput struct {
	Body struct {
		Current string `json:"current" minLength:"1" maxLength:"256"`
		New     string `json:"new" minLength:"1" maxLength:"256"`
	}
}

func (s *Server) meRoutes() {
	add(s, route{gate: signedIn(), method: get, path: "/api/v1/me", id: "me", summary: "Who is signed in, and where they may go"}, s.me)
	add(s, route{gate: signedIn(), method: get, path: "/api/v1/me/sessions", id: "listSessions", summary: "Where the person is signed in"}, s.listSessions)
	add(s, route{gate: signedIn(), method: del, path: "/api/v1/me/sessions/{session}", id: "endSession", summary: "End one of the person's sessions", status: 204}, s.endSession)
	add(s, route{gate: signedIn(), method: post, path: "/api/v1/me/password", id: "changePassword", summary: "Change the password; ends all other sessions", status: 204}, s.changePassword)
}

func (s *Server) me(ctx context.Context, v *visit, in *none) (*body[Me], error) {
	return nil, errNoVisit
}

func (s *Server) listSessions(ctx context.Context, v *visit, in *none) (*body[items[Session]], error) {
	return nil, errNoVisit
}

func (s *Server) endSession(ctx context.Context, v *visit, in *SessionPath) (*none, error) {
	return nil, errNoVisit
}

func (s *Server) changePassword(ctx context.Context, v *visit, in *passwordInput) (*none, error) {
	return nil, errNoVisit
}
