package httpapi

import (
	"context"
	"maps"
	"slices"
	"time"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/custody"
)

// RootKey is how the root key is. Root keys are told by fingerprints, which are
// of no use without the key.
type RootKey struct {
	Name     string        `json:"name" doc:"Fingerprint of the root key that everything new is put under"`
	MadeAt   time.Time     `json:"made_at" doc:"Since when it is in use"`
	AgeDays  int           `json:"age_days"`
	Copies   int           `json:"copies" doc:"In how many places wrapped keys are kept"`
	Next     string        `json:"next" doc:"That waits to be taken up; empty: none"`
	Former   string        `json:"former" doc:"That is kept on this server; empty: none"`
	Needed   []RootKeyUse  `json:"needed" doc:"Root keys that key stores need now"`
	Machines []RootKeySeen `json:"machines" doc:"Servers that run now, and which root keys each has"`
	Months   int           `json:"months"`
	DueAt    *time.Time    `json:"due_at"`
	Running  *KeyRotation  `json:"running,omitempty" doc:"Not there while no rotation is on its way"`
}

// RootKeyUse counts the key stores that need a root key.
type RootKeyUse struct {
	Name   string `json:"name"`
	Stores int    `json:"stores"`
}

// RootKeySeen is a server and the root keys that it has.
type RootKeySeen struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Current bool      `json:"current" doc:"It has the root key in use"`
	Next    bool      `json:"next" doc:"It has the next one, or none waits"`
}

type rootRhythmInput struct {
	NodePath
	Body KeyRhythm
}

func (s *Server) rootKeyRoutes() {
	const base = "/api/v1/nodes/{node}/root-key"
	may := onNode(access.RootManage)
	add(s, route{gate: may, method: get, path: base, id: "getRootKey", summary: "How the root key is, and which servers have it"}, provider(s.getRootKey))
	add(s, route{gate: may, method: get, path: base + "/history", id: "listRootKeyRotations", summary: "Rotations of the root key, newest first"}, provider(func(ctx context.Context, v *visit, _ *NodePath) (*body[items[KeyRotation]], error) {
		return s.rotationsOf(ctx, v)
	}))
	add(s, route{gate: may, fresh: true, method: post, path: base + "/rotation", id: "rotateRootKey", summary: "Put everything under the next root key, whose recovery copy was read back on the server", status: 202}, provider(s.rotateRootKey))
	add(s, route{gate: may, fresh: true, method: post, path: base + "/retire", id: "retireRootKey", summary: "Remove the file of the former root key from this server; nothing may need it", status: 204}, provider(s.retireRootKey))
	add(s, route{gate: may, method: put, path: base + "/rhythm", id: "setRootKeyRhythm", summary: "Choose how often the root key is to be rotated"}, func(ctx context.Context, v *visit, in *rootRhythmInput) (*body[RootKey], error) {
		if v.node.Kind != org.Provider {
			return nil, errProvidersOnly
		}
		if err := s.deps.Custody.SetRhythm(ctx, v.place, v.who, in.Body.Months); err != nil {
			return nil, err
		}
		return s.getRootKey(ctx, v, &in.NodePath)
	})
	add(s, route{gate: may, fresh: true, method: post, path: "/api/v1/nodes/{node}/keys/rotation", id: "rotateAllKeys", summary: "Rotate the key of every customer; those of key servers are asked for theirs", status: 202}, provider(s.rotateAllKeys))
}

// provider lets a route run at the provider's node only.
func provider[O any](do func(context.Context, *visit, *NodePath) (*O, error)) func(context.Context, *visit, *NodePath) (*O, error) {
	return func(ctx context.Context, v *visit, in *NodePath) (*O, error) {
		if v.node.Kind != org.Provider {
			return nil, errProvidersOnly
		}
		return do(ctx, v, in)
	}
}

func (s *Server) getRootKey(ctx context.Context, v *visit, _ *NodePath) (*body[RootKey], error) {
	st, err := s.deps.Custody.Root(ctx)
	if err != nil {
		return nil, err
	}
	return answer(showRoot(st, v.at)), nil
}

func showRoot(st custody.RootState, at time.Time) RootKey {
	out := RootKey{
		Name: st.Name, MadeAt: st.MadeAt, AgeDays: int(at.Sub(st.MadeAt).Hours() / 24), Copies: st.Copies, Next: st.Next, Former: st.Former,
		Needed: []RootKeyUse{}, Machines: []RootKeySeen{}, Months: st.Rhythm.Months, DueAt: when(st.Rhythm.Due), Running: showRunning(st.Running),
	}
	for _, name := range slices.Sorted(maps.Keys(st.Needs)) {
		out.Needed = append(out.Needed, RootKeyUse{name, st.Needs[name]})
	}
	for _, m := range st.Machines {
		out.Machines = append(out.Machines, RootKeySeen{m.Name, m.At, slices.Contains(m.Roots, st.Name), st.Next == "" || slices.Contains(m.Roots, st.Next)})
	}
	return out
}

func (s *Server) rotateRootKey(ctx context.Context, v *visit, _ *NodePath) (*body[KeyRotation], error) {
	r, err := s.deps.Custody.AskRoot(ctx, v.who)
	if err != nil {
		return nil, err
	}
	return answer(showRotation(r)), nil
}

func (s *Server) retireRootKey(ctx context.Context, v *visit, _ *NodePath) (*none, error) {
	return nil, s.deps.Custody.RetireRoot(ctx, v.who)
}

// KeysAsked says for how many customers a rotation was noted.
type KeysAsked struct {
	Customers int `json:"customers"`
}

func (s *Server) rotateAllKeys(ctx context.Context, v *visit, _ *NodePath) (*body[KeysAsked], error) {
	n, err := s.deps.Custody.RotateAll(ctx, v.who)
	if err != nil {
		return nil, err
	}
	return answer(KeysAsked{n}), nil
}
