package httpapi

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

type nodeTokenPath struct {
	NodePath
	Token string `path:"token"`
}

type createNodeTokenInput struct {
	NodePath
	Creating
	Body struct{ TokenDraft }
}

func (s *Server) nodeTokenRoutes() {
	const base = "/api/v1/nodes/{node}/tokens"
	may := onNode(access.TokenManage)
	add(s, route{gate: may, method: get, path: base, id: "listNodeTokens", summary: "Keys of machines that act above customers, without their secrets"}, s.listNodeTokens)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "createNodeToken", summary: "Make a token of this node; it opens no customer's place", status: 201, creates: true}, s.createNodeToken)
	add(s, route{gate: may, fresh: true, method: del, path: base + "/{token}", id: "removeNodeToken", summary: "End a token of this node", status: 204}, s.removeNodeToken)
}

func (s *Server) listNodeTokens(ctx context.Context, v *visit, _ *NodePath) (*body[items[Token]], error) {
	list, err := s.deps.People.NodeTokens(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	var out []Token
	names := map[string]string{}
	for _, t := range list {
		maker := t.Maker.String()
		if _, known := names[maker]; !known {
			if p, err := s.deps.People.Person(ctx, t.Maker); err == nil {
				names[maker] = p.Name
			}
		}
		out = append(out, showToken(t, names))
	}
	return listed(out), nil
}

func (s *Server) createNodeToken(ctx context.Context, v *visit, in *createNodeTokenInput) (*body[NewToken], error) {
	t, text, err := s.deps.People.CreateNodeToken(ctx, v.node.ID, v.who, v.person, in.Body.draft())
	if err != nil {
		return nil, err
	}
	maker, err := s.deps.People.Person(ctx, v.person)
	return answer(NewToken{Token: showToken(t, map[string]string{maker.ID.String(): maker.Name}), Secret: text.Reveal()}), err
}

func (s *Server) removeNodeToken(ctx context.Context, v *visit, in *nodeTokenPath) (*none, error) {
	t, err := id.Parse[id.Token](in.Token)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.RemoveNodeToken(ctx, v.node.ID, v.who, t)
}
