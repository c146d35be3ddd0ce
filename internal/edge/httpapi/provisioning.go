package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/scim"
)

// Where an administrator says what pushed groups are worth, and makes the token
// that the identity provider shows.

// Provisioning is what an identity provider has pushed, and what it is worth.
type Provisioning struct {
	BaseURL     string                `json:"base_url" doc:"For the identity provider: its SCIM or tenant URL"`
	Mapping     []ProvisioningMapping `json:"mapping"`
	DefaultRole string                `json:"default_role" doc:"Of active users whom the mapping gives nothing; empty: they are no members"`
	Invite      bool                  `json:"invite" doc:"Mail an invitation to new members"`
	Domains     []string              `json:"domains" doc:"Of addresses that may be pushed; none: all"`
	Groups      []PushedGroup         `json:"groups"`
	Users       int                   `json:"users"`
	Active      int                   `json:"active"`
	NoRole      int                   `json:"without_role" doc:"Active, and no members, because the mapping gives them nothing"`
	LastAt      *time.Time            `json:"last_change_at"`
}

// ProvisioningMapping says that a group, or a value of the attribute roles, is
// worth a role.
type ProvisioningMapping struct {
	GroupID string `json:"group_id,omitempty" doc:"A pushed group"`
	Value   string `json:"value,omitempty" maxLength:"200" doc:"Or a value of the attribute roles"`
	Role    string `json:"role"`
}

// PushedGroup is a group that an identity provider pushed.
type PushedGroup struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Members int    `json:"members"`
}

// Provisioner is a token of an identity provider, without its secret.
type Provisioner struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// NewProvisioner is shown once.
type NewProvisioner struct {
	Provisioner
	Secret string `json:"secret" doc:"Not stored, and never shown again"`
}

type setProvisioningInput struct {
	CustomerPath
	Body struct {
		Mapping     []ProvisioningMapping `json:"mapping" maxItems:"500"`
		DefaultRole string                `json:"default_role,omitempty"`
		Invite      bool                  `json:"invite,omitempty"`
		Domains     []string              `json:"domains,omitempty" maxItems:"50"`
	}
}

type createProvisionerInput struct {
	CustomerPath
	Creating
	Body struct {
		Name      string    `json:"name" minLength:"1" maxLength:"100"`
		ExpiresAt time.Time `json:"expires_at" doc:"At most 400 days ahead"`
	}
}

type ProvisionerPath struct {
	CustomerPath
	Provisioner string `path:"provisioner"`
}

func (s *Server) provisioningRoutes() {
	const base = "/api/v1/customers/{customer}/provisioning"
	may := inCustomer(access.ScimManage)
	add(s, route{gate: may, method: get, path: base, id: "provisioning", summary: "What an identity provider pushes, and what it is worth"}, s.provisioning)
	add(s, route{gate: may, method: put, path: base, id: "setProvisioning", summary: "Say which pushed groups are worth which roles; every member is brought into line at once", fresh: true}, s.setProvisioning)
	add(s, route{gate: may, method: get, path: base + "/tokens", id: "listProvisioners", summary: "Tokens of identity providers, without their secrets"}, s.listProvisioners)
	add(s, route{gate: may, method: post, path: base + "/tokens", id: "createProvisioner", summary: "Make a token that reaches SCIM here and nothing else", status: 201, creates: true, fresh: true}, s.createProvisioner)
	add(s, route{gate: may, method: del, path: base + "/tokens/{provisioner}", id: "removeProvisioner", summary: "End a token of an identity provider", status: 204, fresh: true}, s.removeProvisioner)
}

func (s *Server) provisioning(ctx context.Context, v *visit, in *CustomerPath) (*body[Provisioning], error) {
	o, err := s.deps.Scim.Overview(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := Provisioning{
		BaseURL: s.scimURL(in.Customer), Mapping: []ProvisioningMapping{}, DefaultRole: string(o.Settings.DefaultRole), Invite: o.Settings.Invite,
		Domains: append([]string{}, o.Settings.Domains...), Groups: []PushedGroup{}, Users: o.Users, Active: o.Active, NoRole: o.NoRole, LastAt: when(o.LastAt),
	}
	for _, m := range o.Settings.Mapping {
		one := ProvisioningMapping{Value: m.Value, Role: string(m.Role)}
		if !m.Group.IsZero() {
			one.GroupID = m.Group.String()
		}
		out.Mapping = append(out.Mapping, one)
	}
	for _, g := range o.Groups {
		out.Groups = append(out.Groups, PushedGroup{g.ID.String(), g.Name, g.Members})
	}
	return answer(out), nil
}

func (s *Server) setProvisioning(ctx context.Context, v *visit, in *setProvisioningInput) (*body[Provisioning], error) {
	want := scim.Settings{DefaultRole: access.Role(in.Body.DefaultRole), Invite: in.Body.Invite, Domains: in.Body.Domains}
	for _, m := range in.Body.Mapping {
		if access.Role(m.Role) == access.SuperUser && !v.may(access.SuperuserGrant) {
			return nil, errNothing
		}
		one := scim.Mapping{Value: m.Value, Role: access.Role(m.Role)}
		if m.GroupID != "" {
			g, err := id.Parse[id.ScimGroup](m.GroupID)
			if err != nil {
				g = id.New[id.ScimGroup]() // nobody's: refused with the field's place in the list
			}
			one.Group = g
		}
		want.Mapping = append(want.Mapping, one)
	}
	if err := s.deps.Scim.Set(ctx, v.place, v.who, want); err != nil {
		return nil, err
	}
	return s.provisioning(ctx, v, &in.CustomerPath)
}

func (s *Server) listProvisioners(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Provisioner]], error) {
	list, err := s.deps.Scim.Tokens(ctx, v.place)
	if err != nil {
		return nil, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	var out []Provisioner
	for _, t := range list {
		out = append(out, showProvisioner(t, names))
	}
	return listed(out), err
}

func showProvisioner(t scim.Token, names map[string]string) Provisioner {
	return Provisioner{
		ID: t.ID.String(), Name: t.Name, CreatedBy: nameOf(names, "", t.Maker.String()), CreatedAt: t.CreatedAt, ExpiresAt: t.Until, LastUsedAt: when(t.LastUsedAt),
	}
}

func (s *Server) createProvisioner(ctx context.Context, v *visit, in *createProvisionerInput) (*body[NewProvisioner], error) {
	t, text, err := s.deps.Scim.CreateToken(ctx, v.place, v.who, v.person, in.Body.Name, in.Body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	return answer(NewProvisioner{Provisioner: showProvisioner(t, names), Secret: text.Reveal()}), err
}

func (s *Server) removeProvisioner(ctx context.Context, v *visit, in *ProvisionerPath) (*none, error) {
	t, err := id.Parse[id.Provisioner](in.Provisioner)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Scim.RemoveToken(ctx, v.place, v.who, t)
}
