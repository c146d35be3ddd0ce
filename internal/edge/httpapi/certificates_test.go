package httpapi_test

import (
	"strings"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
)

// certify builds what signs destructions.
func (w *world) certify() {
	w.certs = destruction.New(destruction.Options{Store: w.store, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper})
	w.recordings.OnEnded(w.certs.Record)
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
