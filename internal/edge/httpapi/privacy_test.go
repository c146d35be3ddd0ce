package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// another makes somebody else an administrator of a customer.
func (w *world) another(c *customer, email string) *client {
	p, err := w.people.Add(w.Context(), system, email, "Second", secret.NewText(password))
	w.no(err)
	w.ids[email] = p.ID
	_, err = w.people.AddMember(w.Context(), c.p, system, p.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
	w.no(err)
	return w.as(email)
}

func decode[T any](t *testing.T, r response) (out T) {
	t.Helper()
	if r.status > 299 {
		t.Fatal(r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Rules are looked at, listed, confirmed, asked for, agreed to by somebody else,
// and shown with each recording.
func TestRetentionRulesAreAgreedToByTwo(t *testing.T) {
	w := newWorld(t)
	admin, second := w.as("customer_admin@a.example"), w.another(w.a, "second@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	rules := decode[httpapi.RetentionRules](t, admin.do("GET", base+"/retention/rules", nil))
	if len(rules.Sets) != 3 || rules.Pending != nil || rules.Policy.Default.Days != 0 {
		t.Fatalf("%+v", rules)
	}
	policy := httpapi.RetentionPolicy{
		Rules:   []httpapi.RetentionRule{{Name: "Short calls", When: httpapi.RetentionWhen{Length: &httpapi.RetentionLength{To: 10}, Extensions: []string{"201"}}, Days: 1, Then: "delete-all"}},
		Default: httpapi.RetentionDefault{Days: 365, Then: "delete-all"}, Sets: []httpapi.AppliedSet{},
	}
	p := decode[httpapi.RetentionPreview](t, admin.do("POST", base+"/retention/rules-preview", policy))
	if !p.Shortens {
		t.Errorf("%+v", p)
	}
	admin.do("POST", base+"/retention/rules-going", policy)
	bad := policy
	bad.Rules = append(bad.Rules[:1:1], httpapi.RetentionRule{Name: "x", When: bad.Rules[0].When, Days: 365_000, Then: "delete-all"})
	if got := admin.do("POST", base+"/retention/rules-preview", bad); got.status != 422 && got.status != 400 {
		t.Errorf("a thousand years: %d %s", got.status, got.body)
	}
	save := map[string]any{"version": rules.Version, "policy": policy, "confirm": p.Confirm, "reason": "we promised it"}
	saved := decode[httpapi.RetentionSaved](t, admin.do("PUT", base+"/retention/rules", save))
	if !saved.Pending || saved.Rules.Pending == nil {
		t.Fatalf("%+v", saved)
	}
	type list struct{ Items []httpapi.Approval }
	waits := decode[list](t, second.do("GET", base+"/approvals", nil)).Items
	if len(waits) != 1 || waits[0].Own || waits[0].Reason != "we promised it" {
		t.Fatalf("%+v", waits)
	}
	say := base + "/approvals/" + waits[0].ID
	if got := admin.do("POST", say+"/approve", map[string]any{"confirm": p.Confirm}); got.status != 403 {
		t.Errorf("who asked agreed: %d %s", got.status, got.body)
	}
	if done := decode[httpapi.Approval](t, second.do("POST", say+"/approve", map[string]any{"confirm": p.Confirm})); done.State != "taken" {
		t.Errorf("%+v", done)
	}
	rec := decode[httpapi.RecordingDetail](t, admin.do("GET", base+"/recordings/"+w.a.mine.String(), nil))
	if rec.DueAt == nil || rec.DueReason != `the rule "Short calls"` {
		t.Errorf("due at %v: %s", rec.DueAt, rec.DueReason)
	}
	if all := decode[httpapi.RecordingPage](t, admin.do("GET", base+"/recordings?due_before=2999-01-01T00:00:00Z", nil)); len(all.Items) != 2 {
		t.Errorf("%d are due at last", len(all.Items))
	}
	// Shorter again, and taken back.
	policy.Default.Days = 30
	p = decode[httpapi.RetentionPreview](t, admin.do("POST", base+"/retention/rules-preview", policy))
	decode[httpapi.RetentionSaved](t, admin.do("PUT", base+"/retention/rules", map[string]any{"version": saved.Rules.Version + 1, "policy": policy, "confirm": p.Confirm, "reason": "shorter still"}))
	if got := admin.do("DELETE", base+"/retention/rules/pending", nil); got.status != 204 {
		t.Error(got.status, got.body)
	}
}

func TestHoldsThroughTheAPI(t *testing.T) {
	w := newWorld(t)
	admin, second := w.as("customer_admin@a.example"), w.another(w.a, "second@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	heldCalls := func() int {
		return len(decode[httpapi.CallPage](t, admin.do("GET", base+"/calls?held=true", nil)).Items)
	}
	if n := heldCalls(); n != 0 {
		t.Errorf("%d calls are held before any hold", n)
	}
	found := decode[map[string]int](t, admin.do("POST", base+"/holds-preview", map[string]any{"source_id": w.a.source.String()}))
	if found["count"] != 2 {
		t.Fatal(found)
	}
	h := decode[httpapi.Hold](t, admin.do("POST", base+"/holds", map[string]any{"matter": "Oak v Smith", "reason": "a claim", "search": map[string]any{"source_id": w.a.source.String()}, "confirm": 2}))
	if heldCalls() == 0 {
		t.Error("no call is held")
	}
	if h.Count != 2 || h.Search == nil {
		t.Fatalf("%+v", h)
	}
	if got := admin.do("DELETE", base+"/recordings/"+w.a.mine.String(), map[string]any{"reason": "a test"}); got.status != 409 {
		t.Errorf("what is held was destroyed: %d %s", got.status, got.body)
	}
	if all := decode[httpapi.RecordingPage](t, admin.do("GET", base+"/recordings?held=true&hold="+h.ID, nil)); len(all.Items) != 2 || !all.Items[0].Held {
		t.Errorf("%+v", all)
	}
	decode[httpapi.Hold](t, admin.do("POST", base+"/holds/"+h.ID+"/lift", map[string]any{"reason": "settled", "confirm": 2}))
	type list struct{ Items []httpapi.Approval }
	apr := decode[list](t, second.do("GET", base+"/approvals", nil)).Items[0].ID
	if got := second.do("POST", base+"/approvals/"+apr+"/refuse", map[string]any{"note": "not yet"}); got.status != 204 {
		t.Error(got.status, got.body)
	}
	type holds struct{ Items []httpapi.Hold }
	if all := decode[holds](t, admin.do("GET", base+"/holds", nil)).Items; len(all) != 1 || all[0].Count != 2 || all[0].Approval != "" {
		t.Errorf("%+v", all)
	}
}

// Who may label and not set rules cannot put on a label that a rule names.
func TestLabelsThatRulesName(t *testing.T) {
	w := newWorld(t)
	admin, super := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	tag := decode[httpapi.Tag](t, admin.do("POST", base+"/tags", map[string]any{"name": "Complaint"}))
	label := base + "/recordings/" + w.a.mine.String() + "/tags/" + tag.ID
	if got := super.do("PUT", label, nil); got.status != 204 {
		t.Fatal(got.status, got.body)
	}
	if all := decode[httpapi.RecordingPage](t, super.do("GET", base+"/recordings?tag="+tag.ID, nil)).Items; len(all) != 1 || all[0].ID != w.a.mine.String() || len(all[0].Tags) != 1 {
		t.Errorf("with the label: %+v", all)
	}
	if got := super.do("GET", base+"/recordings?tag=tag_x", nil); got.status != 422 {
		t.Errorf("a label that is none: %d", got.status)
	}
	policy := httpapi.RetentionPolicy{
		Rules:   []httpapi.RetentionRule{{Name: "Complaints", When: httpapi.RetentionWhen{Tags: []string{tag.ID}}, Days: 0, Then: "delete-all"}},
		Default: httpapi.RetentionDefault{Days: 0, Then: "delete-all"}, Sets: []httpapi.AppliedSet{},
	}
	decode[httpapi.RetentionSaved](t, admin.do("PUT", base+"/retention/rules", map[string]any{"version": 0, "policy": policy}))
	if got := super.do("DELETE", label, nil); got.status != 403 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := admin.do("DELETE", base+"/tags/"+tag.ID, nil); got.status != 409 {
		t.Errorf("a label that a rule names was removed: %d", got.status)
	}
	if got := admin.do("DELETE", label, nil); got.status != 204 {
		t.Error(got.status, got.body)
	}
	type list struct{ Items []httpapi.Tag }
	if all := decode[list](t, admin.do("GET", base+"/tags", nil)).Items; len(all) != 1 || all[0].Count != 0 {
		t.Errorf("%+v", all)
	}
	decode[httpapi.RetentionSaved](t, admin.do("PUT", base+"/retention/rules", map[string]any{"version": 1, "policy": httpapi.RetentionPolicy{Rules: []httpapi.RetentionRule{}, Default: policy.Default, Sets: policy.Sets}, "reason": "no more"}))
	other := decode[httpapi.Tag](t, admin.do("POST", base+"/tags", map[string]any{"name": "Other"}))
	if got := admin.do("DELETE", base+"/tags/"+other.ID, nil); got.status != 204 {
		t.Error(got.status, got.body)
	}
}

// Labelling several at once asks for the count of those that would go by it; so does one alone.
func TestLabellingAsksForTheCount(t *testing.T) {
	w := newWorld(t)
	admin, super, second := w.as("customer_admin@a.example"), w.as("superuser@a.example"), w.another(w.a, "second@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	tag := decode[httpapi.Tag](t, admin.do("POST", base+"/tags", map[string]any{"name": "Done with"}))
	policy := httpapi.RetentionPolicy{
		Rules:   []httpapi.RetentionRule{{Name: "Done", When: httpapi.RetentionWhen{Tags: []string{tag.ID}}, Days: 1, Then: "delete-all"}},
		Default: httpapi.RetentionDefault{Days: 0, Then: "delete-all"}, Sets: []httpapi.AppliedSet{},
	}
	decode[httpapi.RetentionSaved](t, admin.do("PUT", base+"/retention/rules", map[string]any{"version": 0, "policy": policy, "reason": "a test"}))
	type list struct{ Items []httpapi.Approval }
	apr := decode[list](t, second.do("GET", base+"/approvals", nil)).Items[0].ID
	if done := decode[httpapi.Approval](t, second.do("POST", base+"/approvals/"+apr+"/approve", map[string]any{"confirm": 0})); done.State != "taken" {
		t.Fatalf("%+v", done)
	}
	both := map[string]any{"recordings": []string{w.a.mine.String(), w.a.others.String()}}
	if got := decode[httpapi.LabelEffect](t, admin.do("POST", base+"/tags/"+tag.ID+"/recordings-preview", both)); got.Tonight != 2 {
		t.Fatalf("%+v", got)
	}
	for _, confirm := range []any{nil, 1, 3} {
		both["confirm"] = confirm
		if confirm == nil {
			delete(both, "confirm")
		}
		if got := admin.do("POST", base+"/tags/"+tag.ID+"/recordings", both); got.status != 422 || !strings.Contains(got.body, `"location":"body.confirm"`) {
			t.Errorf("%v: %d %s", confirm, got.status, got.body)
		}
	}
	one := base + "/recordings/" + w.a.mine.String() + "/tags/" + tag.ID
	if got := admin.do("PUT", one, nil); got.status != 422 || !strings.Contains(got.body, `"location":"query.confirm"`) {
		t.Errorf("one alone: %d %s", got.status, got.body)
	}
	both["confirm"] = 2
	for path, body := range map[string]any{"/recordings": both, "/recordings-preview": map[string]any{"recordings": both["recordings"]}} {
		if got := super.do("POST", base+"/tags/"+tag.ID+path, body); got.status != 403 {
			t.Errorf("who may not set rules: %d %s", got.status, got.body)
		}
	}
	foreign := map[string]any{"recordings": []string{w.a.mine.String(), w.b.mine.String()}, "confirm": 1}
	if got := admin.do("POST", base+"/tags/"+tag.ID+"/recordings", foreign); got.status != 404 {
		t.Errorf("with another customer's: %d %s", got.status, got.body)
	}
	if got := admin.do("POST", base+"/tags/"+tag.ID+"/recordings", both); got.status != 204 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := admin.do("DELETE", one, nil); got.status != 204 {
		t.Errorf("what keeps it asks for nothing: %d %s", got.status, got.body)
	}
	if got := admin.do("PUT", one+"?confirm=1", nil); got.status != 204 {
		t.Errorf("one alone, confirmed: %d %s", got.status, got.body)
	}
}
