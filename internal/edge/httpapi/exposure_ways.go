package httpapi

import (
	"context"
	"slices"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/scim"
)

// reaches is what each role could do, in the order of the page. A role that
// stands in the table and not here fails a test: nobody who could reach
// something is left out.
var reaches = []struct {
	role access.Role
	text Reach
}{
	{access.SuperUser, Reach{
		Party: "Superusers", Can: []string{"see, hear, read and download every recording"},
		Cannot: []string{"destroy recordings", "change settings or roles", "open anything without a line in the change log"},
	}},
	{access.Supervisor, Reach{
		Party: "Supervisors", Can: []string{"see, hear and read the recordings within the queues, teams, extensions and age they were given"},
		Cannot: []string{"find recordings outside of them", "download", "open anything without a line in the change log"},
	}},
	{access.User, Reach{
		Party: "Users", Can: []string{"see, hear and read the recordings of their own extensions, while those were theirs"},
		Cannot: []string{"find recordings of other extensions", "download"},
	}},
	{access.Agent, Reach{
		Party: "Agents", Can: []string{"see the list of the calls of their own extensions, while those were theirs"},
		Cannot: []string{"hear or read a recording"},
	}},
	{access.CustomerAdmin, Reach{
		Party:  "Administrators",
		Can:    []string{"see the list with numbers and names", "set what is captured and how long it is kept", "give and take roles; with User and an extension to themselves too, which stands in the change log", "destroy recordings", "read the change log"},
		Cannot: []string{"hear or read a recording by this role", "make themselves a superuser or a supervisor"},
	}},
	{access.Auditor, Reach{
		Party: "Auditors", Can: []string{"read the change log, the rules, who is a member and the access reviews"},
		Cannot: []string{"see the list of recordings", "hear or read a recording", "change anything"},
	}},
}

// ExposedRoles are the roles that the page of who could reach what knows.
func ExposedRoles() []access.Role {
	roles := make([]access.Role, 0, len(reaches))
	for _, r := range reaches {
		roles = append(roles, r.role)
	}
	return roles
}

// ofWays is who could come in by other ways than an account of this
// installation: helpers from above, and whoever runs what vouches for people.
func (s *Server) ofWays(ctx context.Context, v *visit) (out []Reach, err error) {
	if s.deps.People != nil {
		helpers, err := s.deps.People.Supports(ctx, v.place)
		if err != nil {
			return nil, err
		}
		for _, h := range helpers {
			if !h.EndedAt.IsZero() || !v.at.Before(h.Until) {
				continue
			}
			out = append(out, Reach{
				Party: h.Name + ", let in for support", Can: []string{"all that the role “" + string(h.Role) + "” can"},
				Cannot: []string{"anything that would outlast the access", "come in after its end"},
				How:    "let in by " + h.ByName + "; all they do stands in the change log under that access", Until: &h.Until,
			})
		}
	}
	if s.deps.SSO != nil {
		providers, err := s.deps.SSO.Providers(ctx, v.place)
		if err != nil {
			return nil, err
		}
		for _, p := range providers {
			if p.Enabled {
				out = append(out, Reach{
					Party: "Whoever administers the identity provider “" + p.Name + "”", Can: []string{"come in as any member who is linked to it", "give the roles that its rules name"},
					Cannot: []string{"come in at another customer", "come in without a line in the change log"},
					How:    "its word is taken for who somebody is",
				})
			}
		}
	}
	if s.deps.Scim == nil {
		return out, nil
	}
	tokens, err := s.deps.Scim.Tokens(ctx, v.place)
	if err != nil || !slices.ContainsFunc(tokens, func(t scim.Token) bool { return v.at.Before(t.Until) }) {
		return out, err
	}
	return append(out, Reach{
		Party: "Whoever administers the directory that pushes people (SCIM)", Can: []string{"add members with the roles that its mapping names", "take members out"},
		Cannot: []string{"see, hear or read a recording by that token", "take out the last administrator"},
		How:    "shows a token that is good for nothing else",
	}), nil
}
