package httpapi

import (
	"context"
	"time"

	"ringfence/internal/tenancy/access"
)

type TokenPath struct {
	CustomerPath
	Token string `path:"token"`
}

type createTokenInput struct {
	CustomerPath
	Creating
	Body struct {
		Name      string    `json:"name" minLength:"1" maxLength:"100"`
		Acts      []string  `json:"acts" minItems:"1" maxItems:"30"`
		ExpiresAt time.Time `json:"expires_at" doc:"At most 400 days ahead"`
	}
}

func (s *Server) tokenRoutes() {
	const base = "/api/v1/customers/{customer}/tokens"
	may := inCustomer(access.TokenManage)
	add(s, route{gate: may, method: get, path: base, id: "listTokens", summary: "Keys of machines, without their secrets"}, s.listTokens)
	add(s, route{gate: may, method: post, path: base, id: "createToken", summary: "Make a token; only acts that its maker may do", status: 201, creates: true}, s.createToken)
	add(s, route{gate: may, method: del, path: base + "/{token}", id: "removeToken", summary: "End a token", status: 204}, s.removeToken)
}

func (s *Server) listTokens(ctx context.Context, v *visit, in *CustomerPath) (*body[items[Token]], error) {
	return nil, errNoVisit
}

func (s *Server) createToken(ctx context.Context, v *visit, in *createTokenInput) (*body[NewToken], error) {
	return nil, errNoVisit
}

func (s *Server) removeToken(ctx context.Context, v *visit, in *TokenPath) (*none, error) {
	return nil, errNoVisit
}
