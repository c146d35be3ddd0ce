package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/identity"
)

var here7 = from("192.0.2.7")

// app is an authenticator app: the library's own, which ours is checked against.
type app string

func (a app) code(w *world, shift time.Duration) string {
	w.Helper()
	code, err := totp.GenerateCodeCustom(string(a), w.clock().Add(shift), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	w.no(err)
	return code
}

func (w *world) session(signed identity.Signed) identity.Session {
	w.Helper()
	p, err := w.s.Session(w.Context(), signed.Token)
	w.no(err)
	return p.Session
}

// enrol gives somebody who is signed in an authenticator app.
func (w *world) enrol(signed identity.Signed) (app, identity.Signed, []string) {
	w.Helper()
	e, err := w.s.BeginTOTP(w.Context(), w.session(signed))
	w.no(err)
	a := app(strings.ReplaceAll(e.Key, " ", ""))
	again, codes, err := w.s.ConfirmTOTP(w.Context(), w.session(signed), a.code(w, 0), here7)
	w.no(err)
	w.pass(time.Minute)
	return a, again, codes
}

func (w *world) password(email string) identity.Step {
	w.Helper()
	step, err := w.s.SignIn(w.Context(), email, secret.NewText(good), here7)
	w.no(err)
	return step
}

func TestAnAuthenticatorApp(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		first := w.signIn("anna@example.com", good)
		other := w.signIn("anna@example.com", good)
		a, renewed, codes := w.enrol(first)
		if len(codes) != 10 || !renewed.Proof.Strong() {
			w.Errorf("%d recovery codes, proof %v", len(codes), renewed.Proof)
		}
		_, err := w.s.Session(w.Context(), first.Token)
		w.want(fault.Unauthenticated, err) // the weaker session's token
		_, err = w.s.Session(w.Context(), other.Token)
		w.want(fault.Unauthenticated, err) // any change of a factor ends the others

		mails := len(w.box.Mails())
		step := w.password("anna@example.com")
		if len(w.box.Mails()) != mails || step.Ways[0] != identity.ByTOTP {
			w.Errorf("a code was mailed around the app; ways %v", step.Ways)
		}
		for _, c := range []struct {
			shift time.Duration
			ok    bool
		}{{-90 * time.Second, false}, {90 * time.Second, false}, {-30 * time.Second, true}, {-30 * time.Second, false}, {0, true}, {0, false}, {30 * time.Second, true}, {0, false}} {
			step := w.password("anna@example.com")
			_, err := w.s.Second(w.Context(), step.Token, identity.ByTOTP, a.code(w, c.shift), here7)
			if (err == nil) != c.ok {
				w.Errorf("a code of %v: %v", c.shift, err)
			}
		}
		_, err = w.s.Code(w.Context(), w.password("anna@example.com").Token, "00000000", here7)
		w.want(fault.Unauthenticated, err) // no mailed code is waiting
		if f, _, err := w.s.Ways(w.Context(), p.ID); err != nil || f.Recovery != 10 || !f.TOTP {
			w.Errorf("%+v, %v", f, err)
		}
	})
}

func TestOneCodeMakesOneSession(t *testing.T) {
	everywhere(t, func(w *world) {
		w.add("anna@example.com")
		a, _, _ := w.enrol(w.signIn("anna@example.com", good))
		steps := []identity.Step{w.password("anna@example.com"), w.password("anna@example.com"), w.password("anna@example.com")}
		won := make(chan bool, len(steps))
		code := a.code(w, 0)
		for _, step := range steps {
			go func() {
				_, err := w.s.Second(w.Context(), step.Token, identity.ByTOTP, code, here7)
				won <- err == nil
			}()
		}
		n := 0
		for range steps {
			if <-won {
				n++
			}
		}
		if n != 1 {
			w.Errorf("one code made %d sessions", n)
		}
	})
}

func TestGuessingAnAppsCodeEnds(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		a, _, _ := w.enrol(w.signIn("anna@example.com", good))
		step := w.password("anna@example.com")
		for range 5 {
			_, err := w.s.Second(w.Context(), step.Token, identity.ByTOTP, "12345", here7)
			w.want(fault.Unauthenticated, err)
		}
		_, err := w.s.Second(w.Context(), step.Token, identity.ByTOTP, a.code(w, 0), here7)
		w.want(fault.Unauthenticated, err)
	})
}

func TestRecoveryCodes(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		_, signed, codes := w.enrol(w.signIn("anna@example.com", good))
		for _, c := range codes {
			if len(strings.ReplaceAll(c, " ", "")) != 16 { // 80 bits
				w.Errorf("a code of %d letters", len(c))
			}
		}
		worn := strings.ToUpper(strings.ReplaceAll(codes[3], "0", "o"))
		for _, ok := range []bool{true, false} {
			_, err := w.s.Second(w.Context(), w.password("anna@example.com").Token, identity.ByRecovery, worn, here7)
			if (err == nil) != ok {
				w.Errorf("want %v, got %v", ok, err)
			}
		}
		if m := w.box.Mails()[0]; !strings.Contains(m.Subject, "recovery code") || !strings.Contains(m.Text, "9 are left") {
			w.Errorf("told %q", m.Subject)
		}
		fresh, err := w.s.NewRecovery(w.Context(), w.session(signed), here7)
		w.no(err)
		_, err = w.s.Second(w.Context(), w.password("anna@example.com").Token, identity.ByRecovery, codes[0], here7)
		w.want(fault.Unauthenticated, err)
		_, err = w.s.Second(w.Context(), w.password("anna@example.com").Token, identity.ByRecovery, fresh[0], here7)
		w.no(err)
		w.no(w.s.RemoveTOTP(w.Context(), w.session(signed), here7))
		if f, ways, err := w.s.Ways(w.Context(), p.ID); err != nil || f.Recovery != 0 || ways[0] != identity.ByMail {
			w.Errorf("after the last factor: %+v %v %v", f, ways, err)
		}
		_, err = w.s.NewRecovery(w.Context(), w.session(signed), here7)
		w.want(fault.Conflict, err)
	})
}

func TestSteppingUp(t *testing.T) {
	everywhere(t, func(w *world) {
		w.add("anna@example.com")
		signed := w.signIn("anna@example.com", good)
		fresh := func(s identity.Signed) bool { return w.session(s).Fresh(w.clock()) }
		if !fresh(signed) {
			w.Error("a session just begun is not fresh")
		}
		w.pass(identity.StepUpFor - time.Second)
		if !fresh(signed) {
			w.Error("not fresh a second before the end")
		}
		w.pass(time.Second)
		if fresh(signed) {
			w.Error("fresh after five minutes")
		}
		ses := w.session(signed)
		_, err := w.s.StepUpMail(w.Context(), ses, secret.NewText("wrong"), here7)
		w.want(fault.Invalid, err)
		_, err = w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByMail, Code: "00000000"}, here7)
		w.want(fault.Invalid, err) // nothing was mailed yet
		_, err = w.s.StepUpMail(w.Context(), ses, secret.NewText(good), here7)
		w.no(err)
		elsewhere := w.session(w.signIn("anna@example.com", good))
		mailed := w.box.Mails()[1] // the step-up's, before the sign-in's
		code := eight.FindString(mailed.Text)
		_, err = w.s.StepUp(w.Context(), elsewhere, identity.Shown{Method: identity.ByMail, Code: code}, here7)
		w.want(fault.Invalid, err) // the code is for another session
		renewed, err := w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByMail, Code: code}, here7)
		w.no(err)
		if !fresh(renewed) {
			w.Error("not fresh after stepping up")
		}
		_, err = w.s.Session(w.Context(), signed.Token)
		w.want(fault.Unauthenticated, err)
		_, err = w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByTOTP, Code: "123456"}, here7)
		w.want(fault.Invalid, err) // no app is set up
	})
}

func TestStepUpTakesTheStrongest(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		a, signed, _ := w.enrol(w.signIn("anna@example.com", good))
		w.pass(time.Hour)
		ses := w.session(signed)
		_, err := w.s.StepUpMail(w.Context(), ses, secret.NewText(good), here7)
		w.want(fault.Invalid, err)
		code := a.code(w, 0)
		_, err = w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByTOTP, Code: code}, here7)
		w.no(err)
		_, err = w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByTOTP, Code: code}, here7)
		w.want(fault.Invalid, err) // once
	})
}

func TestAnIdentityProvidersWordIsNoFactorOfOurs(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		w.no(w.s.GiveNodeRole(w.Context(), system, id.New[id.Node](), "provider_admin", p.ID))
		vouched, err := w.s.Begin(w.Context(), p.ID, identity.Proof{Methods: []identity.Method{identity.BySSO}, Customer: w.p.Customer(), Provider: "idp_1"}, here7)
		w.no(err)
		got, err := w.s.Session(w.Context(), vouched.Token)
		w.no(err)
		ses := got.Session
		if len(got.Held) != 0 {
			w.Error("a customer's identity provider made a provider's administrator")
		}
		if ses.Fresh(w.clock()) || !ses.FreshAt(w.p.Customer(), w.clock()) || ses.FreshAt(id.New[id.Customer](), w.clock()) {
			w.Error("its word counts where it should not, or not where it should")
		}
		_, err = w.s.StepUpMail(w.Context(), ses, secret.NewText(good), here7)
		w.no(err)
		renewed, err := w.s.StepUp(w.Context(), ses, identity.Shown{Method: identity.ByMail, Code: w.code()}, here7)
		w.no(err)
		got, err = w.s.Session(w.Context(), renewed.Token)
		w.no(err)
		if len(got.Held) != 1 || !got.Session.Fresh(w.clock()) {
			w.Error("after showing us both factors nothing is held")
		}
	})
}
