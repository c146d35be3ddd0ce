package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// AccessRule lets a network in.
type AccessRule struct {
	ID        string     `json:"id"`
	Surface   string     `json:"surface" enum:"portal,api,scim,collectors,administration"`
	Network   string     `json:"network"`
	Owner     string     `json:"owner" doc:"Who answers for it"`
	Reason    string     `json:"reason"`
	Until     *time.Time `json:"until" doc:"Ends by itself then; null: stands until it is taken out"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	CoversYou bool       `json:"covers_you" doc:"Whether your address is in the network"`
}

// Surface is one way in, as the rules of this moment leave it.
type Surface struct {
	Surface  string     `json:"surface" enum:"portal,api,scim,collectors,administration"`
	Open     bool       `json:"open" doc:"No rule: open to all networks"`
	AdmitsIt bool       `json:"admits" doc:"Whether the address that was asked about is let in"`
	OutAt    *time.Time `json:"out_at" doc:"When that address will be refused, because a rule runs out; null: not by itself"`
	OpenAt   *time.Time `json:"open_at" doc:"When the last rule runs out and all networks are let in; null: not by itself"`
}

// AccessRules is every rule, and what they mean for one address.
type AccessRules struct {
	Address  string       `json:"address" doc:"The address that the surfaces are about: your own, or the one that was asked about"`
	Items    []AccessRule `json:"items"`
	Surfaces []Surface    `json:"surfaces"`
}

// AccessRuleDraft is a rule as somebody writes it.
type AccessRuleDraft struct {
	Surface string     `json:"surface" maxLength:"20" doc:"portal, api, scim, collectors or administration; above customers administration alone. A rule keeps its surface."`
	Network string     `json:"network" maxLength:"60" doc:"An address or a network, such as 203.0.113.0/24 or 2001:db8::/48"`
	Owner   string     `json:"owner" maxLength:"100" doc:"Who answers for it"`
	Reason  string     `json:"reason" maxLength:"300"`
	Until   *time.Time `json:"until,omitempty" doc:"Ends by itself then"`
}

// AccessRuleEffect is what a change of the rules does to the surface it is
// about, for whoever made it.
type AccessRuleEffect struct {
	Done    bool        `json:"done" doc:"False after a dry run"`
	Rule    *AccessRule `json:"rule,omitempty" doc:"Absent when one was taken out"`
	Surface Surface     `json:"surface"`
}

type (
	// Dry is a change that only shows its effect.
	Dry struct {
		DryRun bool `query:"dry_run" doc:"Check and show the effect; change nothing"`
	}
	// Asked is the address that rules are explained for.
	Asked struct {
		Address string `query:"address" maxLength:"60" doc:"Show what the rules mean for this address instead of your own"`
	}
	// RulePath names one rule.
	RulePath struct {
		Rule string `path:"rule"`
	}
	// DraftBody is a rule as a body.
	DraftBody struct{ Body AccessRuleDraft }

	customerRules struct {
		CustomerPath
		Asked
	}
	addCustomerRule struct {
		CustomerPath
		Dry
		DraftBody
	}
	setCustomerRule struct {
		CustomerPath
		RulePath
		Dry
		DraftBody
	}
	removeCustomerRule struct {
		CustomerPath
		RulePath
		Dry
	}
	nodeRules struct {
		NodePath
		Asked
	}
	addNodeRule struct {
		NodePath
		Dry
		DraftBody
	}
	setNodeRule struct {
		NodePath
		RulePath
		Dry
		DraftBody
	}
	removeNodeRule struct {
		NodePath
		RulePath
		Dry
	}
)

func (s *Server) accessRuleRoutes() {
	const at, above = "/api/v1/customers/{customer}/access-rules", "/api/v1/nodes/{node}/access-rules"
	may, mayAbove := inCustomer(access.AccesslistManage), onNode(access.AccesslistManage)
	add(s, route{gate: may, method: get, path: at, id: "listAccessRules", summary: "From which networks each way in is open, and what that means for an address"},
		func(ctx context.Context, v *visit, in *customerRules) (*body[AccessRules], error) {
			return s.rules(ctx, v, in.Address)
		})
	add(s, route{gate: may, fresh: true, method: post, path: at, id: "addAccessRule", summary: "Let a network in; what would lock you out is refused", status: 201},
		func(ctx context.Context, v *visit, in *addCustomerRule) (*body[AccessRuleEffect], error) {
			return s.addRule(ctx, v, in.Body, in.DryRun)
		})
	add(s, route{gate: may, fresh: true, method: put, path: at + "/{rule}", id: "setAccessRule", summary: "Change a rule"},
		func(ctx context.Context, v *visit, in *setCustomerRule) (*body[AccessRuleEffect], error) {
			return s.setRule(ctx, v, in.Rule, in.Body, in.DryRun)
		})
	add(s, route{gate: may, fresh: true, method: del, path: at + "/{rule}", id: "removeAccessRule", summary: "Take a rule out", status: 200},
		func(ctx context.Context, v *visit, in *removeCustomerRule) (*body[AccessRuleEffect], error) {
			return s.removeRule(ctx, v, in.Rule, in.DryRun)
		})
	add(s, route{gate: mayAbove, method: get, path: above, id: "listNodeAccessRules", summary: "From which networks administrators of this node come in"},
		func(ctx context.Context, v *visit, in *nodeRules) (*body[AccessRules], error) {
			return s.rules(ctx, v, in.Address)
		})
	add(s, route{gate: mayAbove, fresh: true, method: post, path: above, id: "addNodeAccessRule", summary: "Let a network in for this node's administrators", status: 201},
		func(ctx context.Context, v *visit, in *addNodeRule) (*body[AccessRuleEffect], error) {
			return s.addRule(ctx, v, in.Body, in.DryRun)
		})
	add(s, route{gate: mayAbove, fresh: true, method: put, path: above + "/{rule}", id: "setNodeAccessRule", summary: "Change a rule of this node"},
		func(ctx context.Context, v *visit, in *setNodeRule) (*body[AccessRuleEffect], error) {
			return s.setRule(ctx, v, in.Rule, in.Body, in.DryRun)
		})
	add(s, route{gate: mayAbove, fresh: true, method: del, path: above + "/{rule}", id: "removeNodeAccessRule", summary: "Take a rule of this node out", status: 200},
		func(ctx context.Context, v *visit, in *removeNodeRule) (*body[AccessRuleEffect], error) {
			return s.removeRule(ctx, v, in.Rule, in.DryRun)
		})
}

// ruled is whose rules a visit is about. A customer's own are in its place: at
// its node there are none to set from above.
func (s *Server) ruled(v *visit) (entry.Where, error) {
	if v.node.Kind == org.Customer {
		return entry.Where{}, fault.New(fault.Conflict, "a customer's access lists are its own: nobody above sets them")
	}
	return s.entryOf(v), nil
}

// saver is who changes rules. Somebody above a reseller is not bound by its list.
func (v *visit) saver() entry.Saver {
	free := !v.node.ID.IsZero()
	for _, m := range v.held {
		free = free && m.At != v.node.ID
	}
	return entry.Saver{Who: v.who, From: v.from.Address, Free: free}
}

func (s *Server) rules(ctx context.Context, v *visit, address string) (*body[AccessRules], error) {
	w, err := s.ruled(v)
	if err != nil {
		return nil, err
	}
	about := v.from.Address
	if address != "" {
		p, err := entry.Network(address)
		if err != nil || !p.IsSingleIP() {
			return nil, fault.Field("query.address", "this is no address")
		}
		about = p.Addr()
	}
	list, err := s.entry.Rules(ctx, w)
	if err != nil {
		return nil, err
	}
	names, err := s.makers(ctx, v)
	if err != nil {
		return nil, err
	}
	out := AccessRules{Items: []AccessRule{}}
	if about.IsValid() {
		out.Address = about.String()
	}
	for _, r := range list {
		out.Items = append(out.Items, showRule(r, names, v))
	}
	for _, sf := range entry.Surfaces(v.node.ID.IsZero()) {
		out.Surfaces = append(out.Surfaces, showSurface(sf, entry.Foresee(list, sf, about, v.at)))
	}
	return answer(out), nil
}

// makers is who may have made a rule, by id; above customers nobody is named.
func (s *Server) makers(ctx context.Context, v *visit) (map[string]string, error) {
	if !v.node.ID.IsZero() {
		return nil, nil
	}
	return s.deps.People.Names(ctx, v.place)
}

func showRule(r entry.Rule, names map[string]string, v *visit) AccessRule {
	return AccessRule{
		ID: r.ID.String(), Surface: string(r.Surface), Network: r.Network.String(), Owner: r.Owner, Reason: r.Reason,
		Until: when(r.Until), CreatedAt: r.CreatedAt, CreatedBy: nameOf(names, "", r.Maker),
		CoversYou: v.from.Address.IsValid() && r.Network.Contains(v.from.Address),
	}
}

func showSurface(s entry.Surface, f entry.Forecast) Surface {
	return Surface{Surface: string(s), Open: f.Open, AdmitsIt: f.Admitted, OutAt: when(f.OutAt), OpenAt: when(f.OpenAt)}
}

func (d AccessRuleDraft) draft() entry.Draft {
	out := entry.Draft{Surface: entry.Surface(d.Surface), Network: d.Network, Owner: d.Owner, Reason: d.Reason}
	if d.Until != nil {
		out.Until = *d.Until
	}
	return out
}

func (s *Server) addRule(ctx context.Context, v *visit, d AccessRuleDraft, dryRun bool) (*body[AccessRuleEffect], error) {
	w, err := s.ruled(v)
	if err != nil {
		return nil, err
	}
	r, f, err := s.entry.Add(ctx, w, v.saver(), d.draft(), dryRun)
	if err != nil {
		return nil, err
	}
	return s.effect(ctx, v, &r, r.Surface, f, !dryRun)
}

func (s *Server) setRule(ctx context.Context, v *visit, rule string, d AccessRuleDraft, dryRun bool) (*body[AccessRuleEffect], error) {
	which, w, err := s.oneRule(v, rule)
	if err != nil {
		return nil, err
	}
	r, f, err := s.entry.Set(ctx, w, v.saver(), which, d.draft(), dryRun)
	if err != nil {
		return nil, err
	}
	return s.effect(ctx, v, &r, r.Surface, f, !dryRun)
}

func (s *Server) removeRule(ctx context.Context, v *visit, rule string, dryRun bool) (*body[AccessRuleEffect], error) {
	which, w, err := s.oneRule(v, rule)
	if err != nil {
		return nil, err
	}
	surface, f, err := s.entry.Remove(ctx, w, v.saver(), which, dryRun)
	if err != nil {
		return nil, err
	}
	return s.effect(ctx, v, nil, surface, f, !dryRun)
}

func (s *Server) oneRule(v *visit, rule string) (which id.Rule, w entry.Where, err error) {
	if which, err = id.Parse[id.Rule](rule); err != nil {
		return which, w, errNothing
	}
	w, err = s.ruled(v)
	return which, w, err
}

func (s *Server) effect(ctx context.Context, v *visit, r *entry.Rule, surface entry.Surface, f entry.Forecast, done bool) (*body[AccessRuleEffect], error) {
	out := AccessRuleEffect{Done: done, Surface: showSurface(surface, f)}
	if r != nil {
		names, err := s.makers(ctx, v)
		if err != nil {
			return nil, err
		}
		shown := showRule(*r, names, v)
		out.Rule = &shown
	}
	return answer(out), nil
}
