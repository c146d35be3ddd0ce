package httpapi_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/backup"
)

// rowsOnly looks into no recording: that is tested where restores are.
type rowsOnly struct{}

func (rowsOnly) Purge(context.Context, *place.Place, []keyring.Buried) (backup.Purged, error) {
	return backup.Purged{}, nil
}

func (rowsOnly) Sample(context.Context, *place.Place, *place.Place, *keyring.Keyring, blob.Bucket, int) (backup.Sampled, error) {
	return backup.Sampled{Opened: 1, Of: 1}, nil
}

// makeBackups makes the world's backups go to folders.
func (w *world) makeBackups() {
	w.Helper()
	dir := w.TempDir()
	key := must[backup.Key](w.T)(backup.CreateKey(filepath.Join(dir, "key")))
	repo := func(what string) *backup.Repo {
		b := must[blob.Bucket](w.T)(blob.OpenFolder(filepath.Join(dir, what)))
		return must[*backup.Repo](w.T)(backup.OpenRepo(w.Context(), b, key, what, 0, true))
	}
	w.backups = backup.New(backup.Options{
		Store: w.store, Keys: w.keyring, Objects: w.objects, Data: repo("data"), KeysTo: repo("keys"), Prove: rowsOnly{},
		Name: func(context.Context) (string, error) { return "Provider", nil }, Scratch: backup.Scratch{Key: key},
	})
}

func TestBackupsOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.as("provider@example.com")
	var r httpapi.BackupReport
	c.do("GET", w.at(w.provider, "/backups"), nil).into(t, &r)
	if r.State != "off" || len(r.Customers) == 0 {
		t.Errorf("without backups: %+v", r)
	}
	if got := c.do("POST", w.at(w.provider, "/backups"), nil); got.status != 503 {
		t.Error("asked for one where none are made:", got)
	}
	w.makeBackups()
	point := must[backup.Point](t)(w.backups.Run(t.Context()))
	c.do("GET", w.at(w.provider, "/backups?limit=1"), nil).into(t, &r)
	if r.State != "well" || len(r.Points) != 1 || r.Points[0].ID != point.ID.String() || len(r.Customers) != 1 || r.NextCursor == "" || r.Customers[0].LastAt == nil {
		t.Errorf("%+v", r)
	}
	if got := c.do("POST", w.at(w.provider, "/backups"), nil); got.status != 202 {
		t.Error(got)
	}
	if got := c.do("POST", w.at(w.provider, "/restore-drills"), nil); got.status != 409 { // one thing waits already
		t.Error(got)
	}

	// A reseller sees its customers and nothing of the installation.
	c = w.as("reseller@example.com")
	r = httpapi.BackupReport{}
	got := c.do("GET", w.at(w.reseller, "/backups"), nil)
	got.into(t, &r)
	if len(r.Points) != 0 || r.DataTo != "" || len(r.Customers) == 0 || r.Customers[0].LastAt == nil {
		t.Errorf("a reseller sees %s", got.body)
	}
	if got := c.do("POST", w.at(w.reseller, "/backups"), nil); got.status != 404 {
		t.Error("a reseller makes a backup:", got)
	}
	var line httpapi.BackupLine
	w.as(people[access.CustomerAdmin]).do("GET", "/api/v1/customers/"+w.a.id.String()+"/backup", nil).into(t, &line)
	if line.LastAt == nil || line.ID != w.a.id.String() {
		t.Errorf("the customer sees %+v", line)
	}
}

func TestRestoringACustomerOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.makeBackups()
	must[backup.Point](t)(w.backups.Run(t.Context()))
	c := w.as("provider@example.com")
	ask := func(change map[string]any) response {
		body := map[string]any{"customer": w.a.id.String()}
		for k, v := range change {
			body[k] = v
		}
		return c.do("POST", w.at(w.provider, "/restores"), body)
	}
	var plan httpapi.RestorePlan
	ask(map[string]any{"plan": true}).into(t, &plan)
	if plan.Done || plan.CopyOf == nil || plan.Name == "" {
		t.Fatalf("the plan: %+v", plan)
	}
	for what, change := range map[string]map[string]any{
		"no name": {}, "another name": {"confirm": strings.ToUpper(plan.Name)}, "no such customer": {"customer": id.New[id.Customer]().String(), "confirm": plan.Name},
		"no id": {"customer": "x"}, "no point": {"point": "x"},
	} {
		if got := ask(change); got.status != 422 {
			t.Errorf("%s: %v", what, got)
		}
	}
	ask(map[string]any{"confirm": plan.Name}).into(t, &plan)
	if !plan.Done || plan.Reached == nil {
		t.Errorf("the restore: %+v", plan)
	}
	var last []string
	w.no(w.a.p.View(t.Context(), func(tx *place.Tx) (err error) {
		last, err = place.Rows[string](tx, `SELECT code FROM events ORDER BY pos DESC LIMIT 1`)
		return err
	}))
	if len(last) != 1 || last[0] != "place.restored" {
		t.Errorf("the journal ends with %v", last)
	}
}
