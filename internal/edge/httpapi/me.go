package httpapi

import (
	"context"
	"errors"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
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
	Needs []string `json:"needs" doc:"What this session has to show before it may enter, by the customer's policy; empty: nothing"`

	Suspended bool       `json:"suspended" doc:"Nobody comes in, and nothing is captured"`
	Brand     Brand      `json:"brand" doc:"How pages of this node look"`
	Support   *MySupport `json:"support,omitempty" doc:"Where the person is here by support access"`
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
	Methods    []string  `json:"methods" doc:"What was shown: password, mail, totp, passkey, recovery, device (a remembered browser), sso"`
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
	add(s, route{gate: signedIn(), fresh: true, method: post, path: "/api/v1/me/password", id: "changePassword", summary: "Change the password; ends all other sessions", status: 204}, s.changePassword)
}

func (s *Server) me(ctx context.Context, v *visit, _ *none) (*body[Me], error) {
	p, err := s.deps.People.Person(ctx, v.person)
	if err != nil {
		return nil, err
	}
	out := Me{
		Person: MePerson{ID: p.ID.String(), Name: p.Name, Email: p.Email}, Places: []MyNode{},
		Session: showSession(v.session, v.session.ID), Demo: s.deps.Demo,
	}
	for _, m := range v.held {
		if err := s.addNode(ctx, &out, v, m.At, identity.Entered{Held: v.held, Unmet: s.deps.People.NodeReady(v.session)}); err != nil {
			return nil, err
		}
	}
	customers, err := s.deps.People.Places(ctx, v.person)
	if err != nil {
		return nil, err
	}
	for _, c := range customers {
		place, err := s.deps.Store.Place(ctx, c)
		if err != nil {
			// One customer's place may be closed; the person's others are not.
			continue
		}
		e, err := s.deps.People.Enter(ctx, place, v.session)
		if err != nil && !errors.Is(err, org.ErrSuspended) {
			return nil, err
		}
		if _, ok := e.Entry.AdmitsAll(portal, v.from.Address, v.at); !ok {
			continue // from here there is no such place
		}
		if err != nil {
			if err := s.addSuspended(ctx, &out, c); err != nil {
				return nil, err
			}
			continue
		}
		if err := s.addNode(ctx, &out, v, c, e); err != nil {
			return nil, err
		}
		if n := len(out.Places); n > 0 && out.Places[n-1].ID == c.String() {
			if out.Places[n-1].Support, err = s.mySupport(ctx, place, e.Held); err != nil {
				return nil, err
			}
		}
	}
	return answer(out), nil
}

// addNode adds a node with what the memberships allow there, once.
func (s *Server) addNode(ctx context.Context, out *Me, v *visit, at id.Node, e identity.Entered) error {
	node, err := s.deps.Tree.Node(ctx, at)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n := MyNode{ID: at.String(), Kind: string(node.Kind), Name: node.Name, Roles: []string{}, Acts: []string{}, Needs: []string{}}
	if e.Unmet != nil {
		for _, d := range fault.Of(e.Unmet).Details {
			n.Needs = append(n.Needs, d.Text)
		}
	}
	for _, have := range out.Places {
		if have.ID == n.ID {
			return nil
		}
	}
	for _, m := range e.Held {
		if m.At == at {
			n.Roles = append(n.Roles, string(m.Role))
		}
	}
	for _, a := range access.ActsAt(e.Held, access.Thing{Place: at}, v.at) {
		if _, ok := e.Entry.AdmitsAll(entry.ForPerson(a), v.from.Address, v.at); ok && (a != access.NodeManage || node.Kind != org.Customer) {
			n.Acts = append(n.Acts, string(a))
		}
	}
	if len(n.Roles) == 0 {
		return nil
	}
	n.Brand, err = s.brandOf(ctx, at)
	out.Places = append(out.Places, n)
	return err
}

// addSuspended adds a customer into which nobody comes: its members learn why.
func (s *Server) addSuspended(ctx context.Context, out *Me, c id.Customer) error {
	node, err := s.deps.Tree.Node(ctx, c)
	if err != nil {
		return err
	}
	n := MyNode{ID: c.String(), Kind: string(node.Kind), Name: node.Name, Roles: []string{}, Acts: []string{}, Needs: []string{}, Suspended: true}
	n.Brand, err = s.brandOf(ctx, c)
	out.Places = append(out.Places, n)
	return err
}

func (s *Server) brandOf(ctx context.Context, n id.Node) (Brand, error) {
	b, err := s.deps.Tree.BrandOf(ctx, n)
	return showBrand(b), err
}

func showSession(one identity.Session, current id.Session) Session {
	return Session{
		ID: one.ID.String(), StartedAt: one.StartedAt, LastSeenAt: one.LastSeenAt, Until: one.Until,
		Address: one.Address, Agent: one.Agent, Current: one.ID == current, Methods: methods(one.Proof.Methods),
	}
}

func (s *Server) listSessions(ctx context.Context, v *visit, _ *none) (*body[items[Session]], error) {
	list, err := s.deps.People.Sessions(ctx, v.person)
	var out []Session
	for _, one := range list {
		out = append(out, showSession(one, v.session.ID))
	}
	return listed(out), err
}

func (s *Server) endSession(ctx context.Context, v *visit, in *SessionPath) (*none, error) {
	i, err := id.Parse[id.Session](in.Session)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.End(ctx, v.who, v.person, i)
}

func (s *Server) changePassword(ctx context.Context, v *visit, in *passwordInput) (*none, error) {
	return nil, s.deps.People.ChangePassword(ctx, v.who, v.person, secret.NewText(in.Body.Current), secret.NewText(in.Body.New), v.from)
}
