package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/scim"
)

// What an identity provider pushes. The routes take a token of their own kind
// and nothing else, and such a token opens no other route.

const scimBase = "/api/v1/customers/{customer}/scim/v2"

const scimType = "application/scim+json"

type scimInput struct {
	CustomerPath
	RawBody []byte `contentType:"application/scim+json"`
}

type scimOneInput struct {
	CustomerPath
	Resource string `path:"resource" maxLength:"200"`
	RawBody  []byte `contentType:"application/scim+json"`
}

// ScimQuery is what SCIM lets one ask of a list. Texts, because faults in them
// are answered in SCIM's own words.
type ScimQuery struct {
	Filter     string `query:"filter" maxLength:"4000" doc:"RFC 7644 §3.4.2.2: eq, ne, co, sw, ew, pr, and, or, not"`
	StartIndex string `query:"startIndex" maxLength:"20" doc:"Of the first resource, from 1"`
	Count      string `query:"count" maxLength:"20" doc:"At most 500"`
	SortBy     string `query:"sortBy" maxLength:"200" doc:"Not heeded"`
	SortOrder  string `query:"sortOrder" maxLength:"20" doc:"Not heeded"`
	Attributes string `query:"attributes" maxLength:"2000" doc:"Only these"`
	Excluded   string `query:"excludedAttributes" maxLength:"2000" doc:"All but these"`
}

type scimListInput struct {
	CustomerPath
	ScimQuery
}

type scimReadInput struct {
	CustomerPath
	Resource string `path:"resource" maxLength:"200"`
	ScimQuery
}

type scimGoneInput struct {
	CustomerPath
	Resource string `path:"resource" maxLength:"200"`
}

// scimAnswer is JSON as the service wrote it.
type scimAnswer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Location    string `header:"Location"`
	Body        []byte
}

func (q ScimQuery) query() scim.Query {
	return scim.Query{Filter: q.Filter, StartIndex: q.StartIndex, Count: q.Count, Attributes: q.Attributes, Excluded: q.Excluded}
}

func (s *Server) scimRoutes() {
	may := provisioning(access.ScimProvision)
	svc := s.deps.Scim
	for _, k := range []struct {
		name, one             string
		list, get             scimCall
		post, put, patch, del scimCall
	}{
		{"Users", "User", svc.ListUsers, svc.GetUser, svc.CreateUser, svc.ReplaceUser, svc.PatchUser, svc.DeleteUser},
		{"Groups", "Group", svc.ListGroups, svc.GetGroup, svc.CreateGroup, svc.ReplaceGroup, svc.PatchGroup, svc.DeleteGroup},
	} {
		base := scimBase + "/" + k.name
		add(s, scimRoute(may, get, base, "scimList"+k.name, "SCIM: pushed "+k.name), func(ctx context.Context, v *visit, in *scimListInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.list, scim.Request{Query: in.query()}, in.Customer)
		})
		add(s, scimRoute(may, post, base, "scimCreate"+k.one, "SCIM: push one"), func(ctx context.Context, v *visit, in *scimInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.post, scim.Request{Body: in.RawBody}, in.Customer)
		})
		add(s, scimRoute(may, get, base+"/{resource}", "scimGet"+k.one, "SCIM: one"), func(ctx context.Context, v *visit, in *scimReadInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.get, scim.Request{ID: in.Resource, Query: in.query()}, in.Customer)
		})
		add(s, scimRoute(may, put, base+"/{resource}", "scimReplace"+k.one, "SCIM: replace one"), func(ctx context.Context, v *visit, in *scimOneInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.put, scim.Request{ID: in.Resource, Body: in.RawBody}, in.Customer)
		})
		add(s, scimRoute(may, patch, base+"/{resource}", "scimPatch"+k.one, "SCIM: change parts of one"), func(ctx context.Context, v *visit, in *scimOneInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.patch, scim.Request{ID: in.Resource, Body: in.RawBody}, in.Customer)
		})
		add(s, scimRoute(may, del, base+"/{resource}", "scimDelete"+k.one, "SCIM: remove one"), func(ctx context.Context, v *visit, in *scimGoneInput) (*scimAnswer, error) {
			return s.scim(ctx, v, k.del, scim.Request{ID: in.Resource}, in.Customer)
		})
	}
	add(s, scimRoute(may, post, scimBase+"/Bulk", "scimBulk", "SCIM: a batch, done whole or not at all"), func(ctx context.Context, v *visit, in *scimInput) (*scimAnswer, error) {
		return s.scim(ctx, v, svc.Bulk, scim.Request{Body: in.RawBody}, in.Customer)
	})
	s.scimDiscovery(may)
}

// scimDiscovery are the routes that say what is understood here.
func (s *Server) scimDiscovery(may gate) {
	type about func(base, name string) (scim.Answer, error)
	config := func(base, _ string) (scim.Answer, error) { return scim.ServiceProviderConfig(base) }
	add(s, scimRoute(may, get, scimBase+"/ServiceProviderConfig", "scimConfig", "SCIM: what is supported"), func(_ context.Context, v *visit, in *CustomerPath) (*scimAnswer, error) {
		return scimOf(config(s.scimURL(in.Customer), ""))
	})
	for _, k := range []struct {
		name string
		call about
	}{{"ResourceTypes", scim.ResourceTypes}, {"Schemas", scim.Schemas}} {
		add(s, scimRoute(may, get, scimBase+"/"+k.name, "scim"+k.name, "SCIM: "+k.name), func(_ context.Context, v *visit, in *scimListInput) (*scimAnswer, error) {
			return scimOf(k.call(s.scimURL(in.Customer), ""))
		})
		add(s, scimRoute(may, get, scimBase+"/"+k.name+"/{resource}", "scimOneOf"+k.name, "SCIM: one of "+k.name), func(_ context.Context, v *visit, in *scimReadInput) (*scimAnswer, error) {
			return scimOf(k.call(s.scimURL(in.Customer), in.Resource))
		})
	}
}

func scimRoute(may gate, method, path, id, summary string) route {
	return route{gate: may, method: method, path: path, id: id, summary: summary, limit: scim.MostBytes}
}

type scimCall func(context.Context, scim.Request) (scim.Answer, error)

// scim runs one request. What is refused past the gate is told in SCIM's words,
// which identity providers show to their administrators.
func (s *Server) scim(ctx context.Context, v *visit, call scimCall, r scim.Request, customer string) (*scimAnswer, error) {
	r.Place, r.Who, r.Base = v.place, v.who, s.scimURL(customer)
	a, err := call(ctx, r)
	if err != nil && scim.ErrorOf(err).Status >= http.StatusInternalServerError {
		s.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request", requestID(ctx)), slog.String("error", err.Error()))
	}
	return scimOf(a, err)
}

func scimOf(a scim.Answer, err error) (*scimAnswer, error) {
	if err != nil {
		a = scim.Failed(err)
	}
	out := &scimAnswer{Status: a.Status, Location: a.Location, Body: a.Body}
	if a.Body != nil {
		out.ContentType = scimType
	}
	return out, nil
}

// scimURL is the address that an administrator gives to the identity provider.
func (s *Server) scimURL(customer string) string {
	return s.deps.URL() + "/api/v1/customers/" + customer + "/scim/v2"
}

// enterScim is the gate of these routes. A person, or a machine with another
// sort of token, meets what is not there.
func (s *Server) enterScim(r *http.Request, v *visit) error {
	text, ok := bearer(r)
	if !ok {
		if err := s.signedIn(r, v); err != nil {
			return err
		}
		return errNothing
	}
	c, malformed := id.Parse[id.Customer](r.PathValue("customer"))
	t, p, err := s.deps.Scim.Provisioner(r.Context(), text, v.from.Address)
	if err != nil {
		return err
	}
	if malformed != nil || p.Customer() != c {
		return errNothing
	}
	v.place, v.thing.Place, v.who = p, c, actor.ForProvisioner(t.ID, v.address())
	v.acts = []access.Act{access.ScimProvision}
	return nil
}
