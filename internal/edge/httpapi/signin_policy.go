package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// SignInPolicy is how a customer wants people to have signed in.
type SignInPolicy struct {
	Factor     string       `json:"factor" enum:"mail,strong,passkey" doc:"The least beside the password: a mailed code, an authenticator app or a passkey, a passkey alone"`
	DeviceDays int          `json:"device_days" minimum:"0" maximum:"90" doc:"How long a browser may be remembered; 0: not at all"`
	Limits     []SignInTime `json:"limits" maxItems:"20" doc:"Roles without an entry: 12 hours without a sign of life, 7 days without showing a factor"`
	Elsewhere  []string     `json:"elsewhere" maxItems:"50" doc:"Ids of other customers whose identity providers' word is taken here"`
	SSOOnly    bool         `json:"sso_only" doc:"Only through this customer's own identity provider"`
	Recovery   []string     `json:"recovery" maxItems:"50" doc:"Ids of administrators who still come in with a strong factor when that provider fails"`
}

// SignInTime bounds how long a role stays in.
type SignInTime struct {
	Role            string `json:"role" maxLength:"40"`
	IdleMinutes     int    `json:"idle_minutes" minimum:"0" maximum:"720" doc:"Without a sign of life; 5 or more, 0: the default"`
	AbsoluteMinutes int    `json:"absolute_minutes" minimum:"0" maximum:"10080" doc:"Without showing a factor again; 15 or more, 0: the default"`
}

type signInPolicyInput struct {
	CustomerPath
	Body SignInPolicy
}

func (s *Server) signInPolicyRoutes() {
	const path = "/api/v1/customers/{customer}/sign-in-policy"
	add(s, route{gate: inCustomer(access.PolicyRead), method: get, path: path, id: "getSignInPolicy", summary: "How people must have signed in to enter"}, s.getSignInPolicy)
	add(s, route{gate: inCustomer(access.SigninSet), fresh: true, method: put, path: path, id: "setSignInPolicy", summary: "Choose how people must have signed in; works from their next request on"}, s.setSignInPolicy)
}

func (s *Server) getSignInPolicy(ctx context.Context, v *visit, _ *CustomerPath) (*body[SignInPolicy], error) {
	pol, err := s.deps.People.Policy(ctx, v.place)
	return answer(showSignInPolicy(pol)), err
}

func showSignInPolicy(pol identity.Policy) SignInPolicy {
	out := SignInPolicy{
		Factor: string(pol.Factor), DeviceDays: pol.DeviceDays, Limits: []SignInTime{}, Elsewhere: []string{}, SSOOnly: pol.SSOOnly, Recovery: []string{},
	}
	for _, r := range access.RolesAt("customer") {
		if l, ok := pol.Limits[r]; ok {
			out.Limits = append(out.Limits, SignInTime{string(r), int(l.Idle / time.Minute), int(l.Absolute / time.Minute)})
		}
	}
	for _, c := range pol.Elsewhere {
		out.Elsewhere = append(out.Elsewhere, c.String())
	}
	for _, p := range pol.Recovery {
		out.Recovery = append(out.Recovery, p.String())
	}
	return out
}

func (s *Server) setSignInPolicy(ctx context.Context, v *visit, in *signInPolicyInput) (*body[SignInPolicy], error) {
	b := in.Body
	pol := identity.Policy{Factor: identity.Factor(b.Factor), DeviceDays: b.DeviceDays, Limits: map[access.Role]identity.Limit{}, SSOOnly: b.SSOOnly}
	for _, l := range b.Limits {
		pol.Limits[access.Role(l.Role)] = identity.Limit{Idle: time.Duration(l.IdleMinutes) * time.Minute, Absolute: time.Duration(l.AbsoluteMinutes) * time.Minute}
	}
	for _, text := range b.Elsewhere {
		c, err := id.Parse[id.Customer](text)
		if err != nil {
			return nil, fault.Field("elsewhere", "this is no id of a customer")
		}
		pol.Elsewhere = append(pol.Elsewhere, c)
	}
	for _, text := range b.Recovery {
		p, err := id.Parse[id.Person](text)
		if err != nil {
			return nil, fault.Field("recovery", "this is no id of a person")
		}
		pol.Recovery = append(pol.Recovery, p)
	}
	if err := s.deps.People.SetPolicy(ctx, v.place, v.who, v.session, pol); err != nil {
		return nil, err
	}
	return answer(showSignInPolicy(pol)), nil
}
