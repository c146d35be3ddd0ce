package app

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ringfence/demo"
	"ringfence/internal/app/config"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place/placetest"
)

// prepared is an installation that `ringfence init` made in a folder.
func prepared(t testing.TB, dir string, args ...string) config.Config {
	t.Helper()
	c, _ := initialised(t, dir, args...)
	return c
}

// initialised gives the link for the first administrator, too.
func initialised(t testing.TB, dir string, args ...string) (config.Config, string) {
	t.Helper()
	file := filepath.Join(dir, "etc", "ringfence.yaml")
	args = append([]string{
		"init", "--config", file, "--admin", "nora@example.com", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--root-key", filepath.Join(dir, "etc", "root.key"), "--keys", filepath.Join(dir, "keys", "a"), "--mirror", filepath.Join(dir, "keys", "b"),
		"--recovery", filepath.Join(dir, "copy.txt"), "--skip-mail-proof", "a test",
	}, args...)
	var out, errs bytes.Buffer
	if code := Main(t.Context(), args, Process{strings.NewReader(""), &out, &errs, os.Getenv}); code != 0 {
		t.Fatalf("init: exit code %d\n%s%s", code, out.String(), errs.String())
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c, out.String()
}

// serving runs a server until the test ends.
func serving(t testing.TB, c config.Config, x extras) *server {
	t.Helper()
	log := &text{}
	s, err := newServer(t.Context(), c, slog.New(slog.NewTextHandler(log, nil)), x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	if err := s.start(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return s
}

// notServing gives the reason why a server does not start.
func notServing(t *testing.T, c config.Config) error {
	t.Helper()
	s, err := newServer(t.Context(), c, slog.New(slog.DiscardHandler), extras{})
	if err != nil {
		return err
	}
	defer s.stop()
	if err = s.start(context.Background(), extras{}); err == nil {
		t.Error("the server starts")
	}
	return err
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// TestFromInitToTheFirstRecording goes the whole way of an operator on
// PostgreSQL: init, the first link, a customer and its administrator, how long
// recordings are kept, a source, a SuperUser, and a call that is listed and heard.
func TestFromInitToTheFirstRecording(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "postgres.url")
	if err := os.WriteFile(file, []byte(placetest.Postgres(t).Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, told := initialised(t, dir, "--postgres-file", file)
	if _, err := os.Stat(filepath.Join(c.Data, "places")); err == nil {
		t.Error("there are SQLite files beside PostgreSQL")
	}
	calls := filepath.Join(dir, "calls")
	c.Watch = []string{filepath.Join(calls, "{customer}")}
	box := &mail.Mailbox{}
	s := serving(t, c, extras{mailbox: box})

	nora := welcomed(t, s, told, "nora@example.com")
	if got := nora.do("POST", "/api/v1/nodes/"+nora.places()[0].ID+"/children", map[string]string{"kind": "customer", "name": "Too soon"}, nil); got != 403 {
		t.Errorf("an administrator above customers does without a second factor: %d %s", got, nora.answer)
	}
	nora.enrol()
	var customer struct{ ID string }
	nora.must(201, "POST", "/api/v1/nodes/"+nora.places()[0].ID+"/children",
		map[string]string{"kind": "customer", "name": "Oak & Ember", "admin_email": "cora@example.com", "admin_name": "Cora"}, &customer)
	cora := welcomed(t, s, newest(t, box, "cora@example.com"), "cora@example.com")
	base := "/api/v1/customers/" + customer.ID
	folder := filepath.Join(calls, customer.ID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	source := map[string]string{"name": "Calls", "kind": "folder", "profile": "generic", "folder": folder, "time_zone": "Europe/London", "country": "GB", "pattern": "{direction}-{caller}-{extension}"}
	cora.must(201, "POST", base+"/sources", source, nil)
	source["folder"] = "/etc"
	if got := cora.do("POST", base+"/sources", source, nil); got != 422 && got != 403 {
		t.Errorf("a folder that the operator did not list: %d %s", got, cora.answer)
	}
	all, err := demo.Conversations()
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "in-01614960152-204.wav"), all[0].Sound, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if n := len(cora.list(customer.ID, "")); n != 0 {
		t.Error("something was captured before it was chosen how long it is kept")
	}
	cora.must(200, "PUT", base+"/retention", map[string]any{"days": 90}, nil)
	eventually(t, 20*time.Second, "the call is listed", func() bool { return len(cora.list(customer.ID, "number=01614960152")) == 1 })

	cora.must(201, "POST", base+"/members", map[string]any{"email": "sam@example.com", "name": "Sam", "roles": []string{"superuser"}}, nil)
	sam := welcomed(t, s, newest(t, box, "sam@example.com"), "sam@example.com")
	var opened struct {
		SoundURL string `json:"sound_url"`
	}
	sam.must(201, "POST", base+"/recordings/"+sam.list(customer.ID, "")[0].ID+"/openings", map[string]string{"what": "listen"}, &opened)
	sam.must(200, "GET", opened.SoundURL, nil, nil)
	if !strings.HasPrefix(sam.answer, "RIFF") || len(sam.answer) < 100_000 {
		t.Errorf("%d bytes of sound: %.20q", len(sam.answer), sam.answer)
	}
}

var token = regexp.MustCompile(`/welcome#token=(\S+)`)

// welcomed chooses a password with the link of an invitation, and signs in.
func welcomed(t *testing.T, s *server, text, email string) *browser {
	t.Helper()
	const password = "violet tractor mends nine kites"
	link := token.FindStringSubmatch(text)
	if link == nil {
		t.Fatalf("no link in %q", text)
	}
	b := newBrowser(t, s.url())
	b.must(204, "POST", "/api/v1/welcome", map[string]string{"token": link[1], "password": password}, nil)
	b.signIn(email, password, b.mailbox)
	return b
}

// enrol sets up an authenticator app.
func (b *browser) enrol() {
	b.Helper()
	var secret struct{ Key string }
	b.must(200, "POST", "/api/v1/me/totp", nil, &secret)
	code, err := totp.GenerateCode(strings.ReplaceAll(secret.Key, " ", ""), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.must(200, "POST", "/api/v1/me/totp/confirm", map[string]string{"code": code}, nil)
}

func newest(t *testing.T, box *mail.Mailbox, to string) (text string) {
	t.Helper()
	eventually(t, 10*time.Second, "a mail to "+to, func() bool {
		for _, m := range box.Mails() {
			if m.To == to && token.MatchString(m.Text) {
				text = m.Text
				return true
			}
		}
		return false
	})
	return text
}

// TestFilesThatDoNotFit: each fault of what the configuration names is refused
// with what to do about it, and nothing half-open stays behind.
func TestFilesThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	good := prepared(t, dir)
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
		"port in use":                 {func(c *config.Config) { c.Listen = taken(t) }, "is another program using the port?"},
	} {
		broken := good
		c.change(&broken)
		err := notServing(t, broken)
		t.Logf("%s: %v", name, err)
		if err == nil || !contains(err.Error(), c.says) || contains(err.Error(), "canary") {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	s := serving(t, good, extras{})
	if res, err := http.Get(s.url() + "/healthz"); err != nil || res.StatusCode != 200 {
		t.Error("after all the refusals:", res, err)
	}
}
