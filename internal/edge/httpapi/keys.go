package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/platform/transit"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/custody"
)

// KeyRotation is one rotation of a key and what became of it.
type KeyRotation struct {
	ID       string     `json:"id"`
	What     string     `json:"what" enum:"rotate,hand-over,take-back,root"`
	Holder   string     `json:"holder" doc:"Who holds the key after it; empty: this installation"`
	AskedBy  string     `json:"asked_by" doc:"Id of the person"`
	AskedAt  time.Time  `json:"asked_at"`
	EndedAt  *time.Time `json:"ended_at" doc:"null: it is on its way"`
	Version  int64      `json:"version" doc:"Of the customer key after it"`
	Done     int64      `json:"done" doc:"Keys, or key stores for a root key, that were put under the new key"`
	All      int64      `json:"all"`
	Problem  string     `json:"problem" doc:"Why it does not go on; it is tried again"`
	RootName string     `json:"root_name"`
}

// KeyServer is a customer's own key server, without the secret.
type KeyServer struct {
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	Namespace string    `json:"namespace"`
	Mount     string    `json:"mount"`
	Key       string    `json:"key"`
	CA        string    `json:"ca" doc:"PEM: the only authority that is believed; empty: the system's"`
	Auth      string    `json:"auth" enum:"token,approle,jwt"`
	AuthMount string    `json:"auth_mount"`
	Role      string    `json:"role"`
	Region    string    `json:"region"`
	SetAt     time.Time `json:"set_at"`
}

// KeyRhythm is how often a key is to be rotated.
type KeyRhythm struct {
	Months int `json:"months" minimum:"0" maximum:"60" doc:"0: nobody is reminded"`
}

// Keys is how a customer's key is.
type Keys struct {
	Version int64        `json:"version" doc:"Of the customer key"`
	MadeAt  time.Time    `json:"made_at"`
	AgeDays int          `json:"age_days"`
	Copies  int          `json:"copies" doc:"In how many places each key is kept"`
	Holder  string       `json:"holder" doc:"The key server without which nothing opens; empty: this installation"`
	Failing string       `json:"failing" doc:"Why the key server did not lend the key last; empty: it did, or was not asked"`
	Keys    int64        `json:"keys" doc:"Keys of recordings under the customer key"`
	Waiting int64        `json:"waiting" doc:"Of these, received while the key server was not asked: they open once it lends again"`
	Dead    int64        `json:"dead" doc:"Keys that were destroyed"`
	Months  int          `json:"months" doc:"How often it is to be rotated; 0: nobody is reminded"`
	DueAt   *time.Time   `json:"due_at"`
	Server  *KeyServer   `json:"server,omitempty" doc:"Settings of a key server, whether it is in force or not; none if it is not there"`
	Running *KeyRotation `json:"running,omitempty" doc:"Not there while no rotation is on its way"`
}

// KeyServerTrial is what arrived when a key server was tried.
type KeyServerTrial struct {
	Works      bool       `json:"works"`
	Problem    string     `json:"problem" doc:"Why it went no further"`
	SignedIn   bool       `json:"signed_in"`
	TokenUntil *time.Time `json:"token_until" doc:"null: it does not end, or that is not told"`
	KeyType    string     `json:"key_type" doc:"Empty: we may not look at the key, which is right"`
	KeyVersion int64      `json:"key_version"`
	Exportable bool       `json:"exportable" doc:"The key can leave the server, which defeats its purpose"`
	Encrypted  bool       `json:"encrypted"`
	Decrypted  bool       `json:"decrypted" doc:"To what was encrypted"`
	Millis     int64      `json:"millis"`
}

type (
	setKeyServerInput struct {
		CustomerPath
		Body struct {
			URL       string `json:"url" minLength:"1" maxLength:"300" example:"https://vault.example.com:8200"`
			Namespace string `json:"namespace,omitempty" maxLength:"200"`
			Mount     string `json:"mount,omitempty" maxLength:"200" doc:"Of the transit engine; empty: transit"`
			Key       string `json:"key" minLength:"1" maxLength:"100"`
			CA        string `json:"ca,omitempty" maxLength:"20000"`
			Auth      string `json:"auth" enum:"token,approle,jwt"`
			AuthMount string `json:"auth_mount,omitempty" maxLength:"200"`
			Role      string `json:"role,omitempty" maxLength:"200" doc:"The role id of an AppRole, or the role of a JWT"`
			Secret    string `json:"secret,omitempty" maxLength:"8000" doc:"The token, secret id or JWT; empty: the one that is kept"`
			Region    string `json:"region" minLength:"1" maxLength:"100" doc:"Where the server stands; recorded with each question"`
		}
	}
	rotateKeyInput struct {
		CustomerPath
		Body struct {
			What    string `json:"what" enum:"rotate,hand-over,take-back"`
			Confirm string `json:"confirm,omitempty" maxLength:"300" doc:"To hand over: the customer's name, exactly. From then on the loss of the customer's own key is the loss of every recording"`
		}
	}
	keyRhythmInput struct {
		CustomerPath
		Body KeyRhythm
	}
)

func (s *Server) keyRoutes() {
	const base = "/api/v1/customers/{customer}/keys"
	read, manage := inCustomer(access.KeyRead), inCustomer(access.KeyManage)
	add(s, route{gate: read, method: get, path: base, id: "getKeys", summary: "How the customer's key is: age, copies, who holds it"}, s.getKeys)
	add(s, route{gate: read, method: get, path: base + "/history", id: "listKeyRotations", summary: "Rotations of the customer's key, newest first"}, s.listKeyRotations)
	add(s, route{gate: manage, fresh: true, method: post, path: base + "/rotation", id: "rotateKey", summary: "Rotate the customer's key, hand it over to the customer's own key server, or take it back", status: 202}, s.rotateKey)
	add(s, route{gate: manage, method: put, path: base + "/rhythm", id: "setKeyRhythm", summary: "Choose how often the key is to be rotated"}, s.setKeyRhythm)
	add(s, route{gate: manage, fresh: true, method: put, path: base + "/server", id: "setKeyServer", summary: "Say how the customer's own key server is reached; nothing changes hands by that"}, s.setKeyServer)
	add(s, route{gate: manage, method: post, path: base + "/server/test", id: "tryKeyServer", summary: "Try the key server that is set, and tell what arrived"}, s.tryKeyServer)
	s.rootKeyRoutes()
}

func showRotation(r custody.Rotation) KeyRotation {
	return KeyRotation{
		ID: r.ID.String(), What: r.What, Holder: r.Holder, AskedBy: r.AskedBy, AskedAt: r.AskedAt, EndedAt: when(r.EndedAt),
		Version: r.Version, Done: r.Done, All: r.All, Problem: r.Problem, RootName: r.RootName,
	}
}

func showRunning(r *custody.Rotation) *KeyRotation {
	if r == nil {
		return nil
	}
	out := showRotation(*r)
	return &out
}

func (s *Server) getKeys(ctx context.Context, v *visit, _ *CustomerPath) (*body[Keys], error) {
	st, err := s.deps.Custody.State(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := Keys{
		Version: st.Version, MadeAt: time.UnixMilli(st.MadeAt).UTC(), AgeDays: int(st.Age.Hours() / 24), Copies: st.Copies, Holder: st.Holder, Failing: st.Failing,
		Keys: st.Keys, Waiting: st.Waiting, Dead: st.Dead, Months: st.Rhythm.Months, DueAt: when(st.Rhythm.Due), Running: showRunning(st.Running),
	}
	if c := st.Asked; c != nil {
		out.Server = &KeyServer{c.Name, c.URL, c.Namespace, c.Mount, c.Key, c.CA, c.Auth, c.AuthMount, c.Role, c.Region, c.SetAt}
	}
	return answer(out), nil
}

func (s *Server) listKeyRotations(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[KeyRotation]], error) {
	return s.rotationsOf(ctx, v)
}

// rotationsOf lists the rotations of the place's key: the registry's are those of
// the root key.
func (s *Server) rotationsOf(ctx context.Context, v *visit) (*body[items[KeyRotation]], error) {
	all, err := s.deps.Custody.History(ctx, v.place)
	var out []KeyRotation
	for _, r := range all {
		out = append(out, showRotation(r))
	}
	return listed(out), err
}

func (s *Server) rotateKey(ctx context.Context, v *visit, in *rotateKeyInput) (*body[KeyRotation], error) {
	n, err := s.deps.Tree.Node(ctx, v.place.Customer())
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Custody.Ask(ctx, v.place, v.who, in.Body.What, n.Name, in.Body.Confirm)
	if err != nil {
		return nil, err
	}
	return answer(showRotation(r)), nil
}

func (s *Server) setKeyRhythm(ctx context.Context, v *visit, in *keyRhythmInput) (*body[Keys], error) {
	if err := s.deps.Custody.SetRhythm(ctx, v.place, v.who, in.Body.Months); err != nil {
		return nil, err
	}
	return s.getKeys(ctx, v, &in.CustomerPath)
}

func (s *Server) setKeyServer(ctx context.Context, v *visit, in *setKeyServerInput) (*body[Keys], error) {
	b := in.Body
	c := transit.Config{URL: b.URL, Namespace: b.Namespace, Mount: b.Mount, Key: b.Key, CA: b.CA, Auth: b.Auth, AuthMount: b.AuthMount, Role: b.Role, Region: b.Region}
	if err := s.deps.Custody.SetServer(ctx, v.place, v.who, c, secret.NewText(b.Secret)); err != nil {
		return nil, err
	}
	return s.getKeys(ctx, v, &in.CustomerPath)
}

func (s *Server) tryKeyServer(ctx context.Context, v *visit, _ *CustomerPath) (*body[KeyServerTrial], error) {
	t, err := s.deps.Custody.Try(ctx, v.place)
	if err != nil {
		return nil, err
	}
	return answer(KeyServerTrial{
		Works: t.Decrypted && t.Problem == "", Problem: t.Problem, SignedIn: t.SignedIn, TokenUntil: when(t.TokenUntil), KeyType: t.KeyType, KeyVersion: t.KeyLatest,
		Exportable: t.Exportable, Encrypted: t.Encrypted, Decrypted: t.Decrypted, Millis: t.Took.Milliseconds(),
	}), nil
}
