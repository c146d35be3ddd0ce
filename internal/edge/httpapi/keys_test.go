package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/transit/transittest"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/custody"
)

// keep builds what looks after keys.
func (w *world) keep() {
	w.custody = custody.New(custody.Options{
		Store: w.store, Keys: w.keyring, Roots: keyringtest.Root(w, w.keyring).(*keyring.RootFiles), Monitor: w.monitor,
		Egress: egress.Options{Private: []string{"127.0.0.1"}}, Server: "one",
	})
}

// turnKeys runs the jobs that rotate keys.
func (w *world) turnKeys() {
	w.Helper()
	r := job.NewRunner(w.store, w.custody.Kinds(), job.Options{})
	must[int](w)(r.RunDue(w.Context(), time.Now().Add(time.Second)))
}

// A customer's key from its first rotation to their own key server and back, as
// its administrator goes through it.
func TestACustomersKey(t *testing.T) {
	w := newWorld(t)
	server := transittest.New(t)
	cora := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/keys"
	var keys httpapi.Keys
	cora.do("GET", base, nil).into(w, &keys)
	if keys.Version != 1 || keys.Holder != "" || keys.Copies != 2 {
		t.Fatalf("%+v", keys)
	}
	rotate := func(what, confirm string, want int) {
		t.Helper()
		if got := cora.do("POST", base+"/rotation", map[string]string{"what": what, "confirm": confirm}); got.status != want {
			t.Fatalf("%s: %d %s", what, got.status, got.body)
		}
		if want == 202 {
			w.turnKeys()
		}
		cora.do("GET", base, nil).into(w, &keys)
	}
	rotate("rotate", "", 202)
	if keys.Version != 2 || keys.Running != nil {
		t.Fatalf("%+v", keys)
	}
	rotate("take-back", "", 409)
	rotate("hand-over", "x", 422)
	cora.do("PUT", base+"/rhythm", map[string]int{"months": 12}).into(w, &keys)
	if keys.Months != 12 || keys.DueAt == nil {
		t.Fatalf("%+v", keys)
	}
	set := map[string]any{"url": server.URL, "namespace": "acme", "key": "ringfence", "auth": "approle", "role": transittest.Role, "secret": transittest.Secret, "ca": server.CA(), "region": "UK"}
	if got := cora.do("PUT", base+"/server", set); got.status != 200 || strings.Contains(got.body, transittest.Secret) {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var trial httpapi.KeyServerTrial
	cora.do("POST", base+"/server/test", nil).into(w, &trial)
	if !trial.Works || !trial.SignedIn || trial.KeyType == "" {
		t.Fatalf("%+v", trial)
	}
	name := must[org.Node](w)(w.tree.Node(w.Context(), w.a.id)).Name
	rotate("hand-over", strings.ToLower(name)+".", 422)
	server.Set(transittest.Sealed)
	rotate("hand-over", name, 503)
	server.Set(transittest.Well)
	rotate("hand-over", name, 202)
	if keys.Version != 3 || !strings.HasPrefix(keys.Holder, "transit ") || keys.Failing != "" {
		t.Fatalf("%+v", keys)
	}
	var past struct{ Items []httpapi.KeyRotation }
	cora.do("GET", base+"/history", nil).into(w, &past)
	if len(past.Items) != 2 || past.Items[0].What != "hand-over" || past.Items[0].EndedAt == nil {
		t.Fatalf("%+v", past)
	}
	rotate("take-back", "", 202)
	if keys.Version != 4 || keys.Holder != "" {
		t.Fatalf("%+v", keys)
	}
	events := cora.do("GET", "/api/v1/customers/"+w.a.id.String()+"/events?limit=100", nil).body
	for _, code := range []string{"key.rotated", "key.handed-over", "key.taken-back", "key.server-set", "key.rhythm-set", "egress.sent"} {
		if !strings.Contains(events, code) {
			t.Errorf("the log does not have %s", code)
		}
	}
}

// The root key as the provider's administrator goes through it, with a second
// server that has to have the next one too.
func TestTheRootKey(t *testing.T) {
	w := newWorld(t)
	roots := keyringtest.Root(w, w.keyring).(*keyring.RootFiles)
	paula := w.as("provider@example.com")
	node := "/api/v1/nodes/" + w.provider.ID.String()
	var root httpapi.RootKey
	paula.do("GET", node+"/root-key", nil).into(w, &root)
	if root.Name != roots.Name() || len(root.Needed) != 1 || root.Next != "" {
		t.Fatalf("%+v", root)
	}
	if got := paula.do("POST", node+"/root-key/rotation", nil); got.status != 409 {
		t.Fatalf("without a next root key: %d %s", got.status, got.body)
	}
	next, err := keyring.CreateRoot(t.TempDir() + "/next")
	w.no(err)
	w.no(roots.Offer(next))
	w.no(w.custody.Tick(w.Context(), true))
	if got := paula.do("POST", node+"/root-key/rotation", nil); got.status != 202 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := paula.do("POST", node+"/root-key/retire", nil); got.status != 409 {
		t.Fatalf("retired while it is needed: %d %s", got.status, got.body)
	}
	w.turnKeys()
	paula.do("PUT", node+"/root-key/rhythm", map[string]int{"months": 24}).into(w, &root)
	if root.Name != next.Name() || root.Next != "" || root.Former == "" || len(root.Needed) != 1 || root.Needed[0].Name != next.Name() || root.Months != 24 || len(root.Machines) != 1 {
		t.Fatalf("%+v", root)
	}
	if got := paula.do("POST", node+"/root-key/retire", nil); got.status != 204 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var asked httpapi.KeysAsked
	paula.do("POST", node+"/keys/rotation", nil).into(w, &asked)
	if asked.Customers == 0 {
		t.Fatal("no customer's key was to be rotated")
	}
	var past struct{ Items []httpapi.KeyRotation }
	paula.do("GET", node+"/root-key/history", nil).into(w, &past)
	if len(past.Items) != 1 || past.Items[0].RootName != next.Name() {
		t.Fatalf("%+v", past)
	}
}
