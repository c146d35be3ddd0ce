package app

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// TestAPICommand asks a running server at the command line, as a person and as
// a machine.
func TestAPICommand(t *testing.T) {
	box := &mail.Mailbox{}
	s := serving(t, prepared(t, t.TempDir()), extras{mailbox: box})
	customer := staffed(t, s)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/api", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("URL", s.url())
			e.Setenv("CUSTOMER", customer)
			e.Setenv("SOON", time.Now().Add(48*time.Hour).UTC().Format(time.RFC3339))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// code FILE: the body that holds the code of the newest mail
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				code := regexp.MustCompile(`\b\d{8}\b`).FindString(box.Mails()[0].Text)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(`{"code": "`+code+`"}`), 0o600))
			},
			// secret JSON FILE: what only the first answer shows, as its file
			"secret": func(ts *testscript.TestScript, _ bool, args []string) {
				var token struct{ Secret string }
				ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &token))
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(token.Secret+"\n"), 0o600))
			},
		},
	})
}

// staffed makes a customer with an administrator who has a password.
func staffed(t testing.TB, s *server) string {
	t.Helper()
	ctx, who := t.Context(), actor.ForSystem("test")
	root, err := s.tree.Root(ctx)
	no(t, err)
	n, err := s.tree.Create(ctx, who, root.ID, org.Customer, "Oak & Ember")
	no(t, err)
	p, err := s.people.Add(ctx, who, "cora@example.com", "Cora", secret.NewText("violet tractor mends nine kites"))
	no(t, err)
	pl, err := s.places.Place(ctx, n.ID)
	no(t, err)
	_, err = s.people.AddMember(ctx, pl, who, p.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
	no(t, err)
	return n.ID.String()
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
