package app_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/platform/mail"
)

// TestAPICommand asks a running server at the command line, as a person and as
// a machine.
func TestAPICommand(t *testing.T) {
	box := &mail.Mailbox{}
	s := servertest.Serving(t, servertest.Prepared(t, t.TempDir()), server.Extras{Mailbox: box})
	customer := servertest.Staffed(t, s)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/api", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("URL", s.URL())
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
