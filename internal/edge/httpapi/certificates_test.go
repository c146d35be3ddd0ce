package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/parcel"
)

// certify builds what signs destructions.
func (w *world) certify() {
	w.certs = destruction.New(destruction.Options{Store: w.store, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper})
	w.recordings.OnEnded(w.certs.Record)
}

// departing builds what lets customers leave; after what it stands on.
func (w *world) departing() *departure.Service {
	s := departure.New(departure.Options{
		Store: w.store, Keys: w.keyring, Objects: w.objects, Recordings: w.recordings, Approvals: w.approvals, Certificates: w.certs,
		Name: func(context.Context, id.Node) string { return "test" }, Forget: org.Remove,
	})
	w.parcels.Register(departure.Export, parcel.Maker{
		Act:      string(access.CustomerLeave),
		Estimate: func(context.Context, *place.Place, json.RawMessage) (int64, error) { return 1, nil },
		Make:     func(_ context.Context, _ *place.Place, b *parcel.Box) error { return b.Add("x", nil) },
	})
	return s
}

// Leaving is asked for with the exact count, waits, and can be stopped.
func TestLeavingByTheAPI(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/departure"
	var d httpapi.Departure
	w.ok(admin, "GET", base, nil).into(t, &d)
	if d.State != "none" || d.Recordings == 0 {
		t.Fatalf("%+v", d)
	}
	if got := admin.do("POST", base, map[string]any{"confirm": d.Recordings + 1, "reason": "we leave"}); got.status != 422 {
		t.Error("a wrong count:", got)
	}
	if got := admin.do("POST", base, map[string]any{"confirm": d.Recordings, "reason": "we leave"}); got.status != 201 {
		t.Fatal(got)
	}
	w.ok(admin, "GET", base, nil).into(t, &d)
	if d.State != "waiting" || d.NotBefore == nil || d.NotBefore.Sub(*d.AskedAt) < departure.Wait {
		t.Errorf("%+v", d)
	}
	if got := admin.do("DELETE", base, nil); got.status != 204 {
		t.Error(got)
	}
	if got := admin.do("POST", base+"/exports", map[string]any{"receive_key": strings.Repeat("k", 100), "purpose": "we move"}); got.status != 201 {
		t.Error(got)
	}
	w.ok(w.as("provider@example.com"), "GET", w.at(w.reseller, "/departed"), nil)
	w.ok(admin, "GET", base, nil).into(t, &d)
	if d.State != "none" {
		t.Errorf("%+v", d)
	}
}

// Once it is final, whoever has files is asked, and nobody stops it any more.
func TestAskingByTheAPI(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/departure"
	w.no(w.a.p.Change(t.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.parting", Subject: w.a.id.String()})
		_, err := tx.Exec(`INSERT INTO departing (approval, asked_at, since) VALUES (?, ?, ?)`, id.New[id.Approval](), tx.At().UnixMilli(), tx.At().UnixMilli())
		return err
	}))
	var d httpapi.Departure
	w.ok(admin, "GET", base, nil).into(t, &d)
	if d.State != "asking" || d.AskingUntil == nil || time.Until(*d.AskingUntil) < departure.AskFor-time.Hour || d.FoldersAnswered != 0 {
		t.Errorf("%+v", d)
	}
	for method, want := range map[string]int{"DELETE": 409, "POST": 409} {
		if got := admin.do(method, base, map[string]any{"confirm": d.Recordings, "reason": "again"}); got.status != want {
			t.Errorf("%s: %v", method, got)
		}
	}
}

// certified makes a certificate of something that was destroyed.
func (w *world) certified(c *customer) string {
	list := func() []destruction.Issued {
		all, _, err := w.certs.List(w.Context(), c.p, id.Certificate{}, 1)
		w.no(err)
		return all
	}
	if all := list(); len(all) > 0 {
		return all[0].ID.String()
	}
	w.no(c.p.Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "recording.destroyed"})
		return w.certs.Record(tx, recording.Ending{
			Run: id.New[id.Destruction](), By: recording.Authority{Kind: "person"}, Who: "person", OrderedAt: tx.At().UnixMilli(), TwoKeys: true,
			Items: []recording.Destroyed{{Recording: id.New[id.Recording](), Source: c.source, Kind: recording.Folder, After: recording.Keep, Verified: true, Keys: []id.Key{id.New[id.Key]()}, Sounds: 1}},
		})
	}))
	must[int](w)(w.certs.IssueNow(w.Context(), c.p))
	return list()[0].ID.String()
}

// What is destroyed by the API can be had as a certificate, which verifies.
func TestCertificatesByTheAPI(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	if got := admin.do("DELETE", base+"/recordings/"+w.a.mine.String(), map[string]any{"reason": "asked for"}); got.status != 204 {
		t.Fatal(got)
	}
	var page httpapi.DestructionCertificates
	w.ok(admin, "GET", base+"/certificates", nil).into(t, &page)
	if page.Waiting != 1 || len(page.Items) != 0 {
		t.Fatalf("before: %+v", page)
	}
	w.ok(admin, "POST", base+"/certificates/sign", map[string]any{}).into(t, &page)
	if page.Waiting != 0 || len(page.Items) != 1 || page.Items[0].By != "person" || page.Items[0].Recordings != 1 {
		t.Fatalf("after: %+v", page)
	}
	one := base + "/certificates/" + page.Items[0].ID
	c, _, err := destruction.Verify([]byte(w.ok(admin, "GET", one, nil).body))
	if err != nil || c.Items[0].Recording != w.a.mine.String() {
		t.Errorf("the certificate: %+v, %v", c, err)
	}
	if got := w.ok(admin, "GET", one+"/paper", nil); !strings.HasPrefix(got.body, "%PDF-") {
		t.Error("the paper is no PDF")
	}
}
