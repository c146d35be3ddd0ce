package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/demo"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place/placetest"
)

// TestFromInitToTheFirstRecording goes the whole way of an operator on
// PostgreSQL: init, the first link, a customer and its administrator, how long
// recordings are kept, a source, a SuperUser, and a call that is listed and heard.
func TestFromInitToTheFirstRecording(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "postgres.url")
	if err := os.WriteFile(file, []byte(placetest.Postgres(t).Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, told := servertest.Initialised(t, dir, "--postgres-file", file)
	if _, err := os.Stat(filepath.Join(c.Data, "places")); err == nil {
		t.Error("there are SQLite files beside PostgreSQL")
	}
	calls := filepath.Join(dir, "calls")
	c.Watch = []string{filepath.Join(calls, "{customer}")}
	box := &mail.Mailbox{}
	s := servertest.Serving(t, c, server.Extras{Mailbox: box})

	nora := servertest.Welcomed(t, s, told, "nora@example.com")
	if got := nora.Do("POST", "/api/v1/nodes/"+nora.Places()[0].ID+"/children", map[string]string{"kind": "customer", "name": "Too soon"}, nil); got != 403 {
		t.Errorf("an administrator above customers does without a second factor: %d %s", got, nora.Answer)
	}
	nora.Enrol()
	var customer struct{ ID string }
	nora.Must(201, "POST", "/api/v1/nodes/"+nora.Places()[0].ID+"/children",
		map[string]string{"kind": "customer", "name": "Oak & Ember", "admin_email": "cora@example.com", "admin_name": "Cora"}, &customer)
	cora := servertest.Welcomed(t, s, servertest.Newest(t, box, "cora@example.com"), "cora@example.com")
	base := "/api/v1/customers/" + customer.ID
	folder := filepath.Join(calls, customer.ID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	source := map[string]string{"name": "Calls", "kind": "folder", "profile": "generic", "folder": folder, "time_zone": "Europe/London", "country": "GB", "pattern": "{direction}-{caller}-{extension}"}
	cora.Must(201, "POST", base+"/sources", source, nil)
	source["folder"] = "/etc"
	if got := cora.Do("POST", base+"/sources", source, nil); got != 422 && got != 403 {
		t.Errorf("a folder that the operator did not list: %d %s", got, cora.Answer)
	}
	all, err := demo.Conversations()
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "in-01614960152-204.wav"), all[0].Sound, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if n := len(cora.List(customer.ID, "")); n != 0 {
		t.Error("something was captured before it was chosen how long it is kept")
	}
	cora.Must(200, "PUT", base+"/retention", map[string]any{"days": 90}, nil)
	apptest.Eventually(t, 20*time.Second, "the call is listed", func() bool { return len(cora.List(customer.ID, "number=01614960152")) == 1 })

	cora.Must(201, "POST", base+"/members", map[string]any{"email": "sam@example.com", "name": "Sam", "roles": []string{"superuser"}}, nil)
	sam := servertest.Welcomed(t, s, servertest.Newest(t, box, "sam@example.com"), "sam@example.com")
	var opened struct {
		SoundURL string `json:"sound_url"`
	}
	sam.Must(201, "POST", base+"/recordings/"+sam.List(customer.ID, "")[0].ID+"/openings", map[string]string{"what": "listen"}, &opened)
	sam.Must(200, "GET", opened.SoundURL, nil, nil)
	if !strings.HasPrefix(sam.Answer, "RIFF") || len(sam.Answer) < 100_000 {
		t.Errorf("%d bytes of sound: %.20q", len(sam.Answer), sam.Answer)
	}
}

// TestFilesThatDoNotFit: each fault of what the configuration names is refused
// with what to do about it, and nothing half-open stays behind.
func TestFilesThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	good := servertest.Prepared(t, dir)
	readable := filepath.Join(dir, "readable.url")
	if err := os.WriteFile(readable, []byte("postgres://x"), 0o644); err != nil {
		t.Fatal(err)
	}
	distant := filepath.Join(dir, "distant.url")
	if err := os.WriteFile(distant, []byte("postgres://user:canary@db.example.com/x?sslmode=disable"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*config.Config)
		says   string
	}{
		"secret that others may read": {func(c *config.Config) { c.Database.PostgresFile = readable }, "chmod 600"},
		"secret that is not there":    {func(c *config.Config) { c.Database.PostgresFile = dir + "/nowhere" }, "database.postgres_file"},
		"database without TLS":        {func(c *config.Config) { c.Database.PostgresFile = distant }, "sslmode=verify-full"},
		"objects that are not there":  {func(c *config.Config) { c.Objects.First.Folder = dir + "/other" }, "ringfence init"},
		"keys that are not there":     {func(c *config.Config) { c.Keys.Store, c.Keys.Mirror = dir+"/none", "" }, "ringfence init"},
		"port in use":                 {func(c *config.Config) { c.Listen = apptest.Taken(t) }, "is another program using the port?"},
	} {
		broken := good
		c.change(&broken)
		err := servertest.NotServing(t, broken)
		t.Logf("%s: %v", name, err)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	s := servertest.Serving(t, good, server.Extras{})
	if res, err := http.Get(s.URL() + "/healthz"); err != nil || res.StatusCode != 200 {
		t.Error("after all the refusals:", res, err)
	}
}
