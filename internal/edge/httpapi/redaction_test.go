package httpapi_test

import (
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/trust/redaction"
)

// aPause is one that is open.
func (w *world) aPause(c *customer) id.Pause {
	n, err := w.redaction.NotePause(w.Context(), c.p, system, redaction.Pause{Source: c.source, Extension: "204", From: time.Now().Add(-time.Minute)})
	w.no(err)
	return n.ID
}

func TestRedactingByTheAPI(t *testing.T) {
	w := newWorld(t)
	super, admin := w.as("superuser@a.example"), w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	rec := base + "/recordings/" + w.a.mine.String()
	order := map[string]any{"stretches": []map[string]any{{"start": 0, "end": 0.05, "entity": "PERSON"}}, "original_days": 7, "reason": "asked for"}
	if got := admin.do("POST", rec+"/redactions", order); got.status != 404 {
		t.Errorf("who hears nothing redacts: %d", got.status)
	}
	var st httpapi.RecordingRedactions
	w.ok(super, "POST", rec+"/redactions", order).into(t, &st)
	if !st.Redacted || st.OriginalUntil == nil || len(st.Items) != 1 || st.Items[0].Way != "person" {
		t.Fatalf("%+v", st)
	}
	w.ok(admin, "GET", rec+"/redactions", nil).into(t, &st)
	var o httpapi.Opening
	w.ok(super, "POST", rec+"/openings", map[string]any{"what": "original"}).into(t, &o)
	if got := super.do("GET", o.SoundURL, nil); got.status != 200 {
		t.Errorf("the original: %d", got.status)
	}
	if got := admin.do("POST", rec+"/openings", map[string]any{"what": "original"}); got.status != 404 {
		t.Errorf("an original without its right: %d", got.status)
	}
	w.ok(super, "POST", rec+"/openings", map[string]any{"what": "transcript"}).into(t, &o)
	w.ok(super, "GET", base+"/openings/"+o.ID+"/findings", nil)
	w.ok(super, "POST", rec+"/redactions-undo", map[string]any{"reason": "a mistake"}).into(t, &st)
	if st.Redacted || st.Items[0].UndoneAt == nil {
		t.Errorf("undone: %+v", st)
	}
	for _, bad := range []map[string]any{
		{"stretches": []map[string]any{}, "reason": "x"},
		{"stretches": []map[string]any{{"start": 3, "end": 1}}, "reason": "x"},
		{"stretches": []map[string]any{{"start": 90000, "end": 90001}}, "reason": "x"},
		{"stretches": []map[string]any{{"start": 0, "end": 1}}, "reason": ""},
	} {
		if got := super.do("POST", rec+"/redactions", bad); got.status != 422 {
			t.Errorf("%v gives %d", bad, got.status)
		}
	}
}

func TestPausesAndPaymentsByTheAPI(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	var set httpapi.RedactionSettings
	w.ok(admin, "PUT", base+"/redaction-settings", map[string]any{"mode": "redact", "entities": []string{"CREDIT_CARD"}, "original_days": 0, "scan": true}).into(t, &set)
	w.ok(admin, "GET", base+"/redaction-settings", nil).into(t, &set)
	if set.Mode != "redact" || len(set.Entities) != 1 || !set.Scan || len(set.Known) < 15 || set.ChosenAt == nil {
		t.Errorf("%+v", set)
	}
	var p httpapi.PaymentPause
	w.ok(admin, "POST", base+"/pauses", map[string]any{"source_id": w.a.source.String(), "extension": "204", "from": time.Now().Add(-time.Minute)}).into(t, &p)
	if got := admin.do("PATCH", base+"/pauses/"+p.ID, map[string]any{"to": time.Now()}); got.status != 204 {
		t.Errorf("ending a pause: %d", got.status)
	}
	if got := admin.do("PATCH", base+"/pauses/"+p.ID, map[string]any{"to": time.Now()}); got.status != 409 {
		t.Errorf("ending it twice: %d", got.status)
	}
	var now httpapi.PaymentPause
	w.ok(admin, "POST", base+"/pauses", map[string]any{"source_id": w.a.source.String(), "call": "siprec/sps_06b3k0000000000000000000000"}).into(t, &now)
	if got := admin.do("PATCH", base+"/pauses/"+now.ID, map[string]any{}); got.status != 204 || time.Since(now.From).Abs() > time.Minute {
		t.Errorf("a pause by the server's clock: %d %+v", got.status, now)
	}
	var pauses httpapi.PaymentPauses
	w.ok(admin, "GET", base+"/pauses?limit=1", nil).into(t, &pauses)
	if len(pauses.Items) != 1 || pauses.Items[0].ID != now.ID || pauses.Next == nil {
		t.Fatalf("%+v", pauses)
	}
	w.ok(admin, "GET", base+"/pauses?cursor="+*pauses.Next, nil).into(t, &pauses)
	if len(pauses.Items) != 1 || pauses.Items[0].To == nil || pauses.Items[0].By != "extension" {
		t.Errorf("%+v", pauses)
	}
	var paid httpapi.RecordedPayments
	w.ok(admin, "GET", base+"/payments", nil).into(t, &paid)
	if got := admin.do("GET", base+"/payments?cursor=x", nil); got.status != 422 {
		t.Errorf("a cursor that is none: %d", got.status)
	}
}
