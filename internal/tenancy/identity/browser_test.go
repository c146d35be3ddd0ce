package identity_test

import (
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// trusted signs in with a mailed code and lets the browser be remembered.
func (w *world) trusted(email string) secret.Text {
	w.Helper()
	signed := w.signIn(email, good)
	token, _, err := w.s.Trust(w.Context(), signed.Session, signed.Person, signed.Proof, here7)
	w.no(err)
	return token
}

func remembered(t secret.Text) identity.Origin {
	o := here7
	o.Browser = t
	return o
}

func (w *world) asks(o identity.Origin, email string) bool {
	w.Helper()
	step, err := w.s.SignIn(w.Context(), email, secret.NewText(good), o)
	w.no(err)
	return len(step.Ways) > 0
}

func TestARememberedBrowser(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		w.add("ben@example.com")
		token := w.trusted("anna@example.com")
		if w.asks(remembered(token), "anna@example.com") {
			w.Error("the remembered browser was asked for a code")
		}
		for name, o := range map[string]identity.Origin{"another": here7, "an invented": remembered(secret.NewText("x"))} {
			if !w.asks(o, "anna@example.com") {
				w.Errorf("%s browser was not asked for a code", name)
			}
		}
		if !w.asks(remembered(token), "ben@example.com") {
			w.Error("the browser lets somebody else in")
		}
		step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), remembered(token))
		w.no(err)
		ses := w.session(step.Signed)
		if ses.Fresh(w.clock()) || ses.FreshAt(w.p.Customer(), w.clock()) {
			w.Error("a remembered browser is enough for a dangerous act")
		}
		if again, _, err := w.s.Trust(w.Context(), ses.ID, p.ID, ses.Proof, here7); err != nil || again.Reveal() != "" {
			w.Error("a remembered browser makes others remembered:", err)
		}
		list, err := w.s.Browsers(w.Context(), p.ID)
		w.no(err)
		if len(list) != 1 || list[0].Agent != "Browser/1" || list[0].Address != "192.0.2.7" {
			w.Errorf("%+v", list)
		}
		w.want(fault.NotFound, w.s.Forget(w.Context(), system, id.New[id.Person](), list[0].ID))
		w.no(w.s.Forget(w.Context(), person(p.ID), p.ID, list[0].ID))
		if !w.asks(remembered(token), "anna@example.com") {
			w.Error("a forgotten browser is remembered")
		}
	})
}

func TestWhatEndsARememberedBrowser(t *testing.T) {
	for name, change := range map[string]func(*world, identity.Signed){
		"thirty days": func(w *world, _ identity.Signed) { w.pass(30 * 24 * time.Hour) },
		"a new password": func(w *world, s identity.Signed) {
			w.no(w.s.ChangePassword(w.Context(), person(s.Person), s.Person, secret.NewText(good), secret.NewText(other), here7))
			w.no(w.s.ChangePassword(w.Context(), person(s.Person), s.Person, secret.NewText(other), secret.NewText(good), here7))
		},
		"a new app":     func(w *world, s identity.Signed) { w.enrol(s) },
		"a new passkey": func(w *world, s identity.Signed) { must3(w.register(newKey(s.Person), w.session(s), ourSite))(w) },
		"a stricter policy": func(w *world, _ identity.Signed) {
			w.choose(identity.Policy{Factor: identity.AnyFactor, DeviceDays: 0})
		},
		"a role above customers": func(w *world, s identity.Signed) {
			w.no(w.s.GiveNodeRole(w.Context(), system, id.New[id.Node](), access.ResellerAdmin, s.Person))
		},
		"everybody out": func(w *world, _ identity.Signed) {
			if _, err := w.s.EverybodyOutOf(w.Context(), w.p, system); err != nil {
				w.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			here(t, func(w *world) {
				p := w.add("anna@example.com")
				_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.CustomerAdmin))
				w.no(err)
				token := w.trusted("anna@example.com")
				signed := w.signIn("anna@example.com", good)
				if w.asks(remembered(token), "anna@example.com") {
					w.Fatal("not remembered to begin with")
				}
				change(w, signed)
				w.pass(time.Minute)
				if !w.asks(remembered(token), "anna@example.com") {
					w.Error("still remembered")
				}
			})
		})
	}
}

func must3(_ identity.Signed, _ []string, err error) func(*world) {
	return func(w *world) { w.Helper(); w.no(err) }
}

// choose sets a policy as the program itself does: nobody is locked out by it.
func (w *world) choose(pol identity.Policy) {
	w.Helper()
	w.no(w.s.SetPolicy(w.Context(), w.p, system, identity.Session{
		StartedAt: w.clock(), ProvedAt: w.clock(), Proof: identity.Proof{Methods: []identity.Method{identity.ByPasskey}, Customer: w.p.Customer()},
	}, pol))
}

func TestTheStrictestCustomerDecidesHowLongABrowserIsRemembered(t *testing.T) {
	here(t, func(w *world) {
		p := w.add("anna@example.com")
		days := func() int {
			n, err := w.s.BrowserDays(w.Context(), p.ID)
			w.no(err)
			return n
		}
		if n := days(); n != 30 {
			w.Errorf("%d days without any customer", n)
		}
		_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.User))
		w.no(err)
		if n := days(); n != 30 {
			w.Errorf("%d days by default", n)
		}
		for _, n := range []int{90, 7, 0} {
			w.choose(identity.Policy{Factor: identity.AnyFactor, DeviceDays: n})
			if got := days(); got != n {
				w.Errorf("%d days, want %d", got, n)
			}
		}
		for _, bad := range []int{-1, 91} {
			err := w.s.SetPolicy(w.Context(), w.p, system, identity.Session{}, identity.Policy{Factor: identity.AnyFactor, DeviceDays: bad})
			w.want(fault.Invalid, err)
		}
	})
}
