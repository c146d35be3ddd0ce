package httpapi

import (
	"context"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// Permissions is the whole policy: one line an act, one column a role.
type Permissions struct {
	Roles []string         `json:"roles"`
	Acts  []PermissionLine `json:"acts"`
}

// PermissionLine is one act and how far each role reaches with it.
type PermissionLine struct {
	Act     string            `json:"act"`
	Meaning string            `json:"meaning"`
	Content bool              `json:"content" doc:"Opens what was said"`
	Token   bool              `json:"token" doc:"May be given to a token"`
	Support bool              `json:"support" doc:"May be done under support access"`
	Roles   map[string]string `json:"roles" doc:"By role, how far it reaches; a missing role is denied"`
}

// Why is the answer to an administrator who asks.
type Why struct {
	Allowed  bool         `json:"allowed"`
	By       string       `json:"by" doc:"The role that gives it"`
	Person   string       `json:"person" doc:"Name"`
	Act      string       `json:"act"`
	Meaning  string       `json:"meaning"`
	Findings []WhyFinding `json:"findings"`
	Missing  []string     `json:"missing" doc:"Any of these roles here would allow it"`
}

// WhyFinding is what one role that the person holds says to it.
type WhyFinding struct {
	Role    string `json:"role"`
	Allowed bool   `json:"allowed"`
	Text    string `json:"text"`
}

type whyInput struct {
	CustomerPath
	Person    string `query:"person" required:"true" maxLength:"60" doc:"Id of a member, or of who has support access"`
	Act       string `query:"act" required:"true" maxLength:"60" example:"recording.listen"`
	Recording string `query:"recording" maxLength:"60" doc:"Id of a recording that the asker may see; missing: anything here"`
}

func (s *Server) permissionRoutes() {
	add(s, route{gate: signedIn(), method: get, path: "/api/v1/permissions", id: "permissions", summary: "Who may do what: the whole table"}, s.permissions)
	add(s, route{gate: inCustomer(access.MemberRead), method: get, path: "/api/v1/customers/{customer}/why", id: "why", summary: "Why somebody may, or may not, do an act"}, s.why)
}

func (s *Server) permissions(context.Context, *visit, *none) (*body[Permissions], error) {
	var out Permissions
	for _, r := range access.Roles() {
		out.Roles = append(out.Roles, string(r))
	}
	for _, a := range access.Acts() {
		line := PermissionLine{
			Act: string(a), Meaning: access.Meaning(a), Content: access.Content(a), Token: access.ForMachines(a), Support: !access.Outlasts(a),
			Roles: map[string]string{},
		}
		for _, r := range access.Roles() {
			if sc := access.ScopeOf(a, r); sc != access.Nothing {
				line.Roles[string(r)] = sc.String()
			}
		}
		out.Acts = append(out.Acts, line)
	}
	return answer(out), nil
}

// why explains a decision. What the asker may not see is not there: a recording
// outside their own list gives the same 404 as anywhere.
func (s *Server) why(ctx context.Context, v *visit, in *whyInput) (*body[Why], error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, fault.Field("query.person", "is no id of a person")
	}
	act := access.Act(in.Act)
	if !known(act) {
		return nil, fault.Field("query.act", "there is no such act")
	}
	names, err := s.names(ctx, v)
	if err != nil {
		return nil, err
	}
	if names[p.String()] == "" {
		return nil, errNothing
	}
	thing := v.thing
	if in.Recording != "" {
		if thing, err = s.thingOf(ctx, v, in.Recording); err != nil {
			return nil, err
		}
	}
	held, err := s.deps.People.Held(ctx, v.place, p)
	if err != nil {
		return nil, err
	}
	e := access.Explain(held, act, thing, access.RolesAt("customer"), v.at)
	if in.Recording == "" && !e.Allowed { // "anything here": a part is enough
		if x := access.ExtentOf(held, act, thing, v.at); !x.None() {
			e.Allowed, e.By, e.Missing = true, held[0].Role, nil
			partly(&e, held, act, thing, v)
		}
	}
	return answer(showWhy(e, names[p.String()], act)), nil
}

func showWhy(e access.Explanation, person string, act access.Act) Why {
	out := Why{Allowed: e.Allowed, By: string(e.By), Person: person, Act: string(act), Meaning: access.Meaning(act), Findings: []WhyFinding{}, Missing: []string{}}
	for _, f := range e.Findings {
		out.Findings = append(out.Findings, WhyFinding{string(f.Role), f.Allowed, f.Text})
	}
	for _, r := range e.Missing {
		out.Missing = append(out.Missing, string(r))
	}
	return out
}

// partly says of each role that reaches a part that it does.
func partly(e *access.Explanation, held []access.Membership, act access.Act, thing access.Thing, v *visit) {
	for i, m := range held {
		if !access.ExtentOf(held[i:i+1], act, thing, v.at).None() {
			e.By = m.Role
			e.Findings[i].Allowed, e.Findings[i].Text = true, "allows it for a part: "+access.ScopeOf(act, m.Role).String()
		}
	}
}

// thingOf is a recording as the policy sees it.
func (s *Server) thingOf(ctx context.Context, v *visit, text string) (access.Thing, error) {
	rec, err := id.Parse[id.Recording](strings.TrimSpace(text))
	if err != nil {
		return access.Thing{}, errNothing
	}
	d, err := s.deps.Recordings.Get(ctx, v.place, v.who, rec, v.scope(access.RecordingList))
	if err != nil {
		return access.Thing{}, err
	}
	thing := v.thing
	thing.Queue, thing.StartedAt, thing.Extensions = d.Queue, d.StartedAt, extensionsOf(d.Card.Call)
	return thing, nil
}

func extensionsOf(c recording.Call) (all []string) {
	for _, l := range c.Legs {
		all = append(all, l.Extension)
	}
	for _, a := range c.Agents {
		all = append(all, a.Extension)
	}
	return all
}
