package httpapi_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"ringfence/internal/edge/httpapi"
)

// The customer sees every opening; of whom they ask a purpose, nothing is
// opened without one; and taking the receipts away leaves a receipt.
func TestReceiptsAndPurposes(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin, ear := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	open := func(purpose string) response {
		return ear.do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen", "purpose": purpose})
	}
	if got := open(""); got.status != 201 {
		t.Fatal("nobody has asked for a purpose yet:", got)
	}
	if got := ear.do("PUT", base+"/receipts/settings", map[string]any{"roles": []string{}, "support": false, "ready": []string{}, "free": true, "remember": true}); got.status != 404 {
		t.Error("who listens chooses whether they have to say why:", got.status)
	}
	set := map[string]any{"roles": []string{"superuser"}, "support": true, "ready": []string{"Complaint"}, "free": false, "remember": false}
	if got := admin.do("PUT", base+"/receipts/settings", set); got.status != 200 {
		t.Fatal(got)
	}
	var settings httpapi.PurposeSettings
	admin.do("GET", base+"/receipts/settings", nil).into(t, &settings)
	if len(settings.Roles) != 1 || !settings.Support || settings.Free {
		t.Error(settings)
	}
	var asked httpapi.Purposes
	ear.do("GET", base+"/receipts/purposes", nil).into(t, &asked)
	if !asked.Asked || len(asked.Ready) != 1 || asked.Remember {
		t.Error(asked)
	}
	for _, bad := range []string{"", "  ", "because"} {
		if got := open(bad); got.status != 422 && got.status != 400 || !strings.Contains(got.body, "purpose") {
			t.Errorf("%q: %d %s", bad, got.status, got.body)
		}
	}
	if got := ear.do("POST", base+"/evidence", map[string]any{"recordings": []string{w.a.mine.String()}, "purpose": "because"}); got.status != 422 || !strings.Contains(got.body, "purpose") {
		t.Errorf("evidence for a purpose that is not taken: %d %s", got.status, got.body)
	}
	if got := open("Complaint"); got.status != 201 {
		t.Fatal(got)
	}
	if got := w.as("user@a.example").do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen"}); got.status != 201 {
		t.Error("a purpose is asked of a role that the customer did not choose:", got)
	}

	var page httpapi.OpeningReceiptPage
	got := admin.do("GET", base+"/receipts?what=listen&subject="+w.a.mine.String(), nil)
	got.into(t, &page)
	if len(page.Items) != 3 || page.Items[1].Purpose != "Complaint" || page.Items[1].Who.Name == "" || page.Items[1].From == "" || page.Items[1].SessionID == nil {
		t.Fatalf("%d %s", got.status, got.body)
	}
	admin.do("GET", base+"/receipts?purpose=complaint", nil).into(t, &page)
	if len(page.Items) != 1 {
		t.Errorf("%+v", page.Items)
	}
	first := admin.do("GET", base+"/receipts?limit=1", nil)
	first.into(t, &page)
	if len(page.Items) != 1 || page.NextCursor == "" || !strings.Contains(first.header.Get("Link"), "next") {
		t.Errorf("%+v %v", page, first.header)
	}
	newest := page.Items[0].Position
	admin.do("GET", base+"/receipts?limit=1&cursor="+page.NextCursor, nil).into(t, &page)
	if page.Items[0].Position >= newest {
		t.Error("the next page is not older")
	}
	if got := admin.do("GET", base+"/receipts?cursor=x", nil); got.status != 422 && got.status != 400 {
		t.Error(got)
	}

	file := admin.do("POST", base+"/receipts/exports", map[string]any{"format": "csv", "what": "listen"})
	rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	if file.status != 200 || err != nil || len(rows) != 4 {
		t.Errorf("%d %d rows, %v", file.status, len(rows), err)
	}
	admin.do("GET", base+"/receipts?what=export", nil).into(t, &page)
	if len(page.Items) != 1 || page.Items[0].Subject != "receipts" {
		t.Errorf("the export left no receipt: %+v", page.Items)
	}
}
