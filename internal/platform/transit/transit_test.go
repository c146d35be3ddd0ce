package transit_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/transit"
	"ringfence/internal/platform/transit/transittest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

func customer(t *testing.T) *place.Place {
	s := placetest.New(t, place.Schemas{Place: egress.Migrations(), Housekeeping: egress.Housekeeping()})
	return placetest.Customer(t, s)
}

type world struct {
	*transittest.Server
	p   *place.Place
	now time.Time
}

func newWorld(t *testing.T) *world {
	return &world{transittest.New(t), customer(t), time.Now()}
}

func (w *world) options(auth string) transit.Options {
	o := transit.Options{
		Config: transit.Config{URL: w.URL, Namespace: "acme", Key: "ringfence", Auth: auth, CA: w.CA(), Region: "UK"},
		Secret: secret.NewText(w.Token()), Place: w.p, Egress: egress.Options{Private: []string{"127.0.0.1"}},
		Now: func() time.Time { return w.now },
	}
	if auth != transit.ByToken {
		o.Config.Role, o.Secret = transittest.Role, secret.NewText(transittest.Secret)
	}
	return o
}

func client(t *testing.T, o transit.Options) *transit.Client {
	t.Helper()
	c, err := transit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachWayToSignIn(t *testing.T) {
	w := newWorld(t)
	for _, auth := range []string{transit.ByToken, transit.ByAppRole, transit.ByJWT} {
		c := client(t, w.options(auth))
		wrapped, err := c.Wrap(t.Context(), []byte("aad"), []byte("half"))
		if err != nil || !strings.HasPrefix(wrapped, "vault:v1:") {
			t.Fatal(auth, wrapped, err)
		}
		if got, err := c.Unwrap(t.Context(), []byte("aad"), wrapped); err != nil || string(got) != "half" {
			t.Fatal(auth, got, err)
		}
		if _, err := c.Unwrap(t.Context(), []byte("other"), wrapped); err == nil {
			t.Fatal(auth, "opened with other associated data")
		}
		w.Rotate() // at the customer's: the older version still opens
		if got, err := c.Unwrap(t.Context(), []byte("aad"), wrapped); err != nil || string(got) != "half" {
			t.Fatal(auth, got, err)
		}
		w.Reset()
		trial := c.Try(t.Context())
		if !trial.SignedIn || !trial.Encrypted || !trial.Decrypted || trial.Problem != "" || trial.KeyType != "aes256-gcm96" {
			t.Fatalf("%s: %+v", auth, trial)
		}
	}
	page, err := egress.List(t.Context(), w.p, "", 0)
	if err != nil || len(page.Items) == 0 || page.Items[0].Engine != "transit" || page.Items[0].Region != "UK" {
		t.Fatalf("the ledger has %+v, %v", page.Items, err)
	}
}

// Each mood of a key server has its own answer.
func TestWhatAServerCanSay(t *testing.T) {
	for mood, want := range map[transittest.Mood]fault.Kind{
		transittest.Sealed: fault.Unavailable, transittest.Refuses: fault.Denied, transittest.Lost: fault.Gone,
		transittest.Nonsense: fault.Unavailable, transittest.Redirects: fault.Unavailable, transittest.Huge: fault.TooLarge, transittest.Hangs: fault.Unavailable,
	} {
		t.Run(string(mood), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := w.options(transit.ByToken)
			o.Timeout = time.Second
			c := client(t, o)
			wrapped, err := c.Wrap(t.Context(), nil, []byte("half"))
			if err != nil {
				t.Fatal(err)
			}
			w.Set(mood)
			_, err = c.Unwrap(t.Context(), nil, wrapped)
			if !fault.Is(err, want) {
				t.Fatalf("%v", err)
			}
			if strings.Contains(err.Error(), w.Token()) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Fatalf("the fault says %q", err)
			}
			if trial := c.Try(t.Context()); trial.Problem == "" || trial.Decrypted {
				t.Fatalf("%+v", trial)
			}
			w.Set(transittest.Well)
			if got, err := c.Unwrap(t.Context(), nil, wrapped); err != nil || string(got) != "half" {
				t.Fatal("once it is well:", err)
			}
		})
	}
	w := newWorld(t)
	w.Set(transittest.Lies)
	if trial := client(t, w.options(transit.ByToken)).Try(t.Context()); !strings.Contains(trial.Problem, "something else") {
		t.Fatalf("a liar: %+v", trial)
	}
}

// A lease is renewed or signed in for anew before it ends; one that was revoked
// is signed in for again, once.
func TestLeases(t *testing.T) {
	w := newWorld(t)
	c := client(t, w.options(transit.ByAppRole))
	use := func() error {
		_, err := c.Wrap(t.Context(), nil, []byte("half"))
		return err
	}
	if err := errors.Join(use(), use()); err != nil || w.Count("login") != 1 {
		t.Fatal(w.Count("login"), err)
	}
	w.now = w.now.Add(transittest.Lease/2 + time.Second)
	if err := use(); err != nil || w.Count("login") != 2 {
		t.Fatal(w.Count("login"), err)
	}
	w.Revoke()
	if err := use(); err != nil || w.Count("login") != 3 {
		t.Fatal(w.Count("login"), err)
	}
	w.Set(transittest.Refuses)
	if err := use(); !fault.Is(err, fault.Denied) || w.Count("login") != 4 {
		t.Fatal(w.Count("login"), err)
	}
	w.Set(transittest.Well)
	own := client(t, w.options(transit.ByToken))
	for range 2 {
		if _, err := own.Wrap(t.Context(), nil, []byte("half")); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(transittest.Lease/2 + time.Second)
	}
	if w.Count("renew-self") != 1 {
		t.Fatal("the token was not renewed:", w.Count("renew-self"))
	}
}

// Only the pinned authority is believed, and inner addresses only where the
// operator allows them.
func TestWhereItMayGo(t *testing.T) {
	w := newWorld(t)
	o := w.options(transit.ByToken)
	o.Config.CA = ""
	if _, err := client(t, o).Wrap(t.Context(), nil, []byte("x")); !fault.Is(err, fault.Unavailable) || w.Count("encrypt") != 0 {
		t.Fatal("an authority that nobody named was believed:", err)
	}
	o.Config.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: transittest.Other(t)}))
	if _, err := client(t, o).Wrap(t.Context(), nil, []byte("x")); !fault.Is(err, fault.Unavailable) {
		t.Fatal("another authority was believed:", err)
	}
	o = w.options(transit.ByToken)
	o.Egress.Private = nil
	if _, err := transit.New(o); !fault.Is(err, fault.Invalid) {
		t.Fatal("an inner address that the operator does not allow:", err)
	}
}

func TestSettings(t *testing.T) {
	good := transit.Config{URL: "https://vault.example:8200/", Key: "ringfence", Auth: transit.ByAppRole, Role: "r", Region: "UK"}
	got, err := good.Settle()
	if err != nil || got.Mount != "transit" || got.AuthMount != "approle" || got.Name() != "transit vault.example:8200 transit/ringfence" {
		t.Fatalf("%+v, %v", got, err)
	}
	for field, spoil := range map[string]func(*transit.Config){
		"url": func(c *transit.Config) { c.URL = "https://vault.example/v1/sys" }, "key": func(c *transit.Config) { c.Key = "../../sys/seal" },
		"mount": func(c *transit.Config) { c.Mount = "a/../b" }, "namespace": func(c *transit.Config) { c.Namespace = "a b" },
		"auth": func(c *transit.Config) { c.Auth = "ldap" }, "role": func(c *transit.Config) { c.Role = "" },
		"auth_mount": func(c *transit.Config) { c.AuthMount = "x?y" }, "region": func(c *transit.Config) { c.Region = " " }, "ca": func(c *transit.Config) { c.CA = "none" },
	} {
		c := good
		spoil(&c)
		_, err := c.Settle()
		if f := fault.Of(err); err == nil || len(f.Details) == 0 || f.Details[0].Path != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

var _ http.Handler = (*transittest.Server)(nil)
