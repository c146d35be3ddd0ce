package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
)

// TestCoverageByTheAPI goes through days, calls, rules and signed statements.
func TestCoverageByTheAPI(t *testing.T) {
	w := newWorld(t)
	th := w.odd(w.a)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/coverage"
	var over httpapi.CoverageOverview
	w.ok(admin, "GET", base, nil).into(t, &over)
	if len(over.Days) == 0 {
		t.Error("no day is known")
	}
	if _, _, err := w.coverage.Turn(t.Context(), w.a.p); err != nil {
		t.Fatal(err)
	}
	w.no(w.a.p.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE expectations SET due_at = 1 WHERE state = 'waiting'`)
		return err
	}))
	_, _, err := w.coverage.Turn(t.Context(), w.a.p)
	w.no(err)
	var page httpapi.CoverageCallPage
	w.ok(admin, "GET", base+"/calls?state=missing", nil).into(t, &page)
	if len(page.Items) != 1 || page.Items[0].Caller != w.a.canary {
		t.Fatalf("%+v", page)
	}
	rule := map[string]any{"kind": "queue", "queues": []string{"sales"}, "owner": "Data protection", "reason": "not agreed", "active": true}
	w.ok(admin, "POST", base+"/excuses-preview", rule)
	var done httpapi.ExcuseDone
	w.ok(admin, "POST", base+"/excuses", rule).into(t, &done)
	w.ok(admin, "PUT", base+"/excuses/"+done.Excuse.ID, rule)
	w.ok(admin, "GET", base+"/excuses", nil)
	if got := admin.do("DELETE", base+"/excuses/"+done.Excuse.ID, nil); got.status != 204 {
		t.Error(got)
	}
	if got := admin.do("POST", base+"/excuses", map[string]any{"kind": "shorter", "owner": "", "reason": "", "active": true}); got.status != 422 || strings.Count(got.body, "location") < 3 {
		t.Error("not every fault of a rule is named:", got)
	}
	w.ok(admin, "GET", base+"/calls/"+th["expectation"], nil)
	w.ok(admin, "POST", base+"/calls/"+th["expectation"]+"/excuse", map[string]string{"reason": "a test call"})
	w.ok(admin, "GET", base+"/statements", nil)
	if got := w.ok(admin, "GET", base+"/statements/"+th["statement"], nil); !strings.Contains(got.body, "ringfence coverage statement") {
		t.Error(got.body)
	}
	if got := w.ok(admin, "GET", base+"/statements/"+th["statement"]+"/paper", nil); !strings.HasPrefix(got.body, "%PDF-") {
		t.Error("no PDF")
	}
	w.ok(admin, "GET", base+"/settings", nil)
	w.ok(admin, "PUT", base+"/settings", map[string]any{"keep_days": 90, "grace_minutes": map[string]int{w.a.source.String(): 30}})
}

// ok asks for something that must be given.
func (w *world) ok(c *client, method, path string, body any) response {
	w.Helper()
	got := c.do(method, path, body)
	if got.status >= 300 {
		w.Fatal(method, path, got)
	}
	return got
}

// TestAlertsByTheAPI deals with alerts at a customer and at a reseller, who sees
// kinds and figures of those below.
func TestAlertsByTheAPI(t *testing.T) {
	w := newWorld(t)
	w.no(w.monitor.Report(t.Context(), monitor.In(w.a.p), monitor.Condition{
		Kind: monitor.SourceSilent, Subject: w.a.source.String(), Facts: map[string]string{"text": w.a.canary, "calls": "0"},
	}))
	w.no(w.monitor.Report(t.Context(), w.monitor.Node(w.reseller.ID), monitor.Condition{Kind: monitor.BackupFailed, Subject: "run"}))
	customer, node := "/api/v1/customers/"+w.a.id.String(), "/api/v1/nodes/"+w.reseller.ID.String()
	for email, base := range map[string]string{"customer_admin@a.example": customer, "reseller@example.com": node} {
		c := w.as(email)
		var page httpapi.AlertPage
		w.ok(c, "GET", base+"/alerts", nil).into(t, &page)
		if len(page.Items) != 1 || page.Open != 1 || page.Urgent != 1 {
			t.Fatalf("%s: %+v", email, page)
		}
		one := base + "/alerts/" + page.Items[0].ID
		w.ok(c, "GET", one, nil)
		w.ok(c, "POST", one+"/snooze", map[string]any{"until": time.Now().Add(time.Hour), "note": "later"})
		w.ok(c, "POST", one+"/assign", map[string]string{"owner_id": w.ids[email].String()})
		var detail httpapi.AlertDetail
		w.ok(c, "POST", one+"/acknowledge", map[string]string{"note": "on it"}).into(t, &detail)
		if detail.AcknowledgedAt == nil || detail.OwnerID == nil || len(detail.Story) != 4 {
			t.Errorf("%s: %+v", email, detail)
		}
		w.contacts(c, base)
	}
	got := w.ok(w.as("reseller@example.com"), "GET", node+"/alerts-below", nil)
	if !strings.Contains(got.body, "source_silent") || strings.Contains(got.body, w.a.canary) || strings.Contains(got.body, w.a.source.String()) {
		t.Error(got.body, w.log)
	}
}

func (w *world) contacts(c *client, base string) {
	w.Helper()
	draft := map[string]any{"name": "On call", "email": "oncall@example.com", "kinds": []string{"source_silent"}, "urgent_only": true, "after_minutes": 15, "quiet_from": "20:00", "quiet_to": "07:00", "time_zone": "Europe/London"}
	var contact httpapi.AlertContact
	w.ok(c, "POST", base+"/alert-contacts", draft).into(w, &contact)
	one := base + "/alert-contacts/" + contact.ID
	w.ok(c, "PUT", one, draft)
	before := len(w.box.Mails())
	w.ok(c, "POST", one+"/test", nil)
	if len(w.box.Mails()) != before+1 {
		w.Error("no test mail was sent")
	}
	var setup httpapi.AlertSetup
	w.ok(c, "GET", base+"/alert-setup", nil).into(w, &setup)
	if len(setup.Contacts) != 1 || setup.Contacts[0].QuietFrom != "20:00" || len(setup.Kinds) != len(monitor.Rules) {
		w.Errorf("%+v", setup)
	}
	w.ok(c, "PUT", base+"/alert-settings", map[string]any{"owners": map[string]string{}, "closed_days": []string{"2026-12-25"}})
	w.ok(c, "DELETE", one, nil)
	if got := c.do("POST", base+"/alert-contacts", map[string]any{"name": "", "email": "x", "kinds": []string{"y"}, "urgent_only": false, "after_minutes": 0}); got.status != 422 {
		w.Error(got)
	}
}
