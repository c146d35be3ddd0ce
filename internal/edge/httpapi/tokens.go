package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

type TokenPath struct {
	CustomerPath
	Token string `path:"token"`
}

type createTokenInput struct {
	CustomerPath
	Creating
	Body struct {
		TokenDraft
	}
}

// TokenDraft is a token as somebody asks for it.
type TokenDraft struct {
	Name      string    `json:"name" minLength:"1" maxLength:"100"`
	Acts      []string  `json:"acts" minItems:"1" maxItems:"30"`
	Networks  []string  `json:"networks,omitempty" maxItems:"50" doc:"Addresses and networks it works from, such as 203.0.113.0/24; none: from everywhere"`
	ExpiresAt time.Time `json:"expires_at" doc:"At most 400 days ahead"`
}

func (d TokenDraft) draft() identity.TokenDraft {
	out := identity.TokenDraft{Name: d.Name, Networks: d.Networks, Until: d.ExpiresAt}
	for _, a := range d.Acts {
		out.Acts = append(out.Acts, access.Act(a))
	}
	return out
}

func (s *Server) tokenRoutes() {
	const base = "/api/v1/customers/{customer}/tokens"
	may := inCustomer(access.TokenManage)
	add(s, route{gate: may, method: get, path: base, id: "listTokens", summary: "Keys of machines, without their secrets"}, s.listTokens)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "createToken", summary: "Make a token; only acts that its maker may do", status: 201, creates: true}, s.createToken)
	add(s, route{gate: may, method: del, path: base + "/{token}", id: "removeToken", summary: "End a token", status: 204}, s.removeToken)
}

func (s *Server) listTokens(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Token]], error) {
	list, err := s.deps.People.Tokens(ctx, v.place)
	if err != nil {
		return nil, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	var out []Token
	for _, t := range list {
		out = append(out, showToken(t, names))
	}
	return listed(out), err
}

func showToken(t identity.Token, names map[string]string) Token {
	out := Token{
		ID: t.ID.String(), Name: t.Name, Acts: []string{}, ExpiresAt: t.Until, CreatedAt: t.CreatedAt,
		CreatedBy: nameOf(names, "", t.Maker.String()), LastUsedAt: when(t.LastUsedAt), LastNetwork: t.LastFrom, Networks: []string{},
	}
	for _, n := range t.Networks {
		out.Networks = append(out.Networks, n.String())
	}
	for _, a := range t.Acts {
		out.Acts = append(out.Acts, string(a))
	}
	return out
}

func (s *Server) createToken(ctx context.Context, v *visit, in *createTokenInput) (*body[NewToken], error) {
	t, text, err := s.deps.People.CreateToken(ctx, v.place, v.who, v.person, in.Body.draft())
	if err != nil {
		return nil, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	return answer(NewToken{Token: showToken(t, names), Secret: text.Reveal()}), err
}

func (s *Server) removeToken(ctx context.Context, v *visit, in *TokenPath) (*none, error) {
	t, err := id.Parse[id.Token](in.Token)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.RemoveToken(ctx, v.place, v.who, t)
}
