// Package servertest runs a whole server in a test, on an installation that
// `ringfence init` made in a folder.
package servertest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ringfence/internal/app"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// Prepared is an installation that `ringfence init` made in a folder.
func Prepared(t testing.TB, dir string, args ...string) config.Config {
	t.Helper()
	c, _ := Initialised(t, dir, args...)
	return c
}

// Initialised gives the link for the first administrator, too.
func Initialised(t testing.TB, dir string, args ...string) (config.Config, string) {
	t.Helper()
	file := filepath.Join(dir, "etc", "ringfence.yaml")
	args = append([]string{
		"init", "--config", file, "--admin", "nora@example.com", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--root-key", filepath.Join(dir, "etc", "root.key"), "--keys", filepath.Join(dir, "keys", "a"), "--mirror", filepath.Join(dir, "keys", "b"),
		"--recovery", filepath.Join(dir, "copy.txt"), "--skip-mail-proof", "a test",
	}, args...)
	var out, errs bytes.Buffer
	if code := app.Main(t.Context(), args, cli.Process{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: os.Getenv}); code != 0 {
		t.Fatalf("init: exit code %d\n%s%s", code, out.String(), errs.String())
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c, out.String()
}

// Serving runs a server until the test ends.
func Serving(t testing.TB, c config.Config, x server.Extras) *server.Server {
	t.Helper()
	log := &apptest.Text{}
	s, err := server.New(t.Context(), c, slog.New(slog.NewTextHandler(log, nil)), x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	if err := s.Start(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return s
}

// NotServing gives the reason why a server does not start.
func NotServing(t *testing.T, c config.Config) error {
	t.Helper()
	s, err := server.New(t.Context(), c, slog.New(slog.DiscardHandler), server.Extras{})
	if err != nil {
		return err
	}
	defer s.Stop()
	if err = s.Start(context.Background(), server.Extras{}); err == nil {
		t.Error("the server starts")
	}
	return err
}

// Welcomed chooses a password with the link of an invitation, and signs in.
func Welcomed(t *testing.T, s *server.Server, text, email string) *apptest.Browser {
	t.Helper()
	const password = "violet tractor mends nine kites"
	link := apptest.WelcomeLink.FindStringSubmatch(text)
	if link == nil {
		t.Fatalf("no link in %q", text)
	}
	b := apptest.NewBrowser(t, s.URL())
	b.Must(204, "POST", "/api/v1/welcome", map[string]string{"token": link[1], "password": password}, nil)
	b.SignIn(email, password, b.Mailbox)
	return b
}

// Newest waits for a mail with a link to somebody, and gives its text.
func Newest(t *testing.T, box *mail.Mailbox, to string) (text string) {
	t.Helper()
	apptest.Eventually(t, 10*time.Second, "a mail to "+to, func() bool {
		for _, m := range box.Mails() {
			if m.To == to && apptest.WelcomeLink.MatchString(m.Text) {
				text = m.Text
				return true
			}
		}
		return false
	})
	return text
}

// Staffed makes a customer with an administrator who has a password.
func Staffed(t testing.TB, s *server.Server) string {
	t.Helper()
	ctx, who := t.Context(), actor.ForSystem("test")
	root, err := s.Tree.Root(ctx)
	apptest.No(t, err)
	n, err := s.Tree.Create(ctx, who, root.ID, org.Customer, "Oak & Ember")
	apptest.No(t, err)
	p, err := s.People.Add(ctx, who, "cora@example.com", "Cora", secret.NewText("violet tractor mends nine kites"))
	apptest.No(t, err)
	pl, err := s.Places.Place(ctx, n.ID)
	apptest.No(t, err)
	_, err = s.People.AddMember(ctx, pl, who, p.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
	apptest.No(t, err)
	return n.ID.String()
}

// RunMain is TestMain where the test's program is also the program `ringfence`:
// scripts, and tests that need a server they can kill, run it as that command,
// and as the commands in more.
func RunMain(m *testing.M, more map[string]func()) {
	programs := map[string]func(){"ringfence": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(app.Main(ctx, os.Args[1:], cli.Process{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}))
	}}
	maps.Copy(programs, more)
	testscript.Main(tests{m}, programs)
}

type tests struct{ *testing.M }

func (r tests) Run() int {
	defer placetest.Stop()
	return r.M.Run()
}
