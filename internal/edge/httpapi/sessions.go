package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// MemberSession is one browser in which a member is signed in, as far as one
// customer may know.
type MemberSession struct {
	ID         string    `json:"id"`
	PersonID   string    `json:"person_id"`
	Name       string    `json:"name"`
	StartedAt  time.Time `json:"started_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Until      time.Time `json:"until" doc:"Ends then at the latest"`
	Agent      string    `json:"agent" doc:"What the browser calls itself"`
	Methods    []string  `json:"methods"`
	Current    bool      `json:"current"`
}

// SessionPage is a page of members' sessions.
type SessionPage struct {
	Items      []MemberSession `json:"items"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

type memberSessionsInput struct {
	CustomerPath
	Cursor string `query:"cursor" maxLength:"60"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type memberSessionPath struct {
	CustomerPath
	Session string `path:"session"`
}

// EverybodyOut says how many sessions ended.
type EverybodyOut struct {
	Ended int `json:"ended" doc:"Sessions; your own stays"`
}

type nodeOnlyPath struct {
	Node string `path:"node"`
}

func (s *Server) sessionRoutes() {
	const base = "/api/v1/customers/{customer}/sessions"
	may := inCustomer(access.SessionManage)
	add(s, route{gate: may, method: get, path: base, id: "listMemberSessions", summary: "Where members are signed in, newest first"}, s.listMemberSessions)
	add(s, route{gate: may, method: del, path: base + "/{session}", id: "endMemberSession", summary: "End a member's session, wholly: also for other customers", status: 204}, s.endMemberSession)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/end", id: "everybodyOut", summary: "Sign everybody out: all sessions and remembered browsers of all members, but this session"}, s.everybodyOut)
	add(s, route{gate: onNode(access.SessionManage), fresh: true, method: post, path: "/api/v1/nodes/{node}/sessions/end", id: "everybodyOutBelow", summary: "Sign everybody out at a node and at all below it, but this session"}, s.everybodyOutBelow)
}

func (s *Server) listMemberSessions(ctx context.Context, v *visit, in *memberSessionsInput) (*linked[SessionPage], error) {
	var before id.Session
	if in.Cursor != "" {
		var err error
		if before, err = id.Parse[id.Session](in.Cursor); err != nil {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of sessions")
		}
	}
	list, next, err := s.deps.People.SessionsAt(ctx, v.place, before, in.Limit)
	if err != nil {
		return nil, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := &linked[SessionPage]{Body: SessionPage{Items: []MemberSession{}}}
	for _, one := range list {
		out.Body.Items = append(out.Body.Items, showMemberSession(one, names, v.session.ID))
	}
	if !next.IsZero() {
		out.Body.NextCursor = next.String()
		out.Link = nextLink(v, out.Body.NextCursor)
	}
	return out, nil
}

func showMemberSession(one identity.Session, names map[string]string, current id.Session) MemberSession {
	return MemberSession{
		ID: one.ID.String(), PersonID: one.Person.String(), Name: names[one.Person.String()], StartedAt: one.StartedAt,
		LastSeenAt: one.LastSeenAt, Until: one.Until, Agent: one.Agent, Methods: methods(one.Proof.Methods), Current: one.ID == current,
	}
}

func (s *Server) endMemberSession(ctx context.Context, v *visit, in *memberSessionPath) (*none, error) {
	i, err := id.Parse[id.Session](in.Session)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.EndAt(ctx, v.place, v.who, i)
}

func (s *Server) everybodyOut(ctx context.Context, v *visit, _ *CustomerPath) (*body[EverybodyOut], error) {
	n, err := s.deps.People.EverybodyOutOf(ctx, v.place, v.who)
	return answer(EverybodyOut{n}), err
}

func (s *Server) everybodyOutBelow(ctx context.Context, v *visit, _ *nodeOnlyPath) (*body[EverybodyOut], error) {
	var nodes []id.Node
	err := v.place.View(ctx, func(tx *place.Tx) error {
		below, err := org.Below(tx, v.node.ID)
		for text := range below {
			if n, err := id.Parse[id.Node](text); err == nil && n != v.node.ID {
				nodes = append(nodes, n)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	n, err := s.deps.People.EverybodyOut(ctx, v.who, append([]id.Node{v.node.ID}, nodes...))
	return answer(EverybodyOut{n}), err
}
