package identity_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// forget asks for a link and gives the one that was mailed, if any.
func (w *world) forget(email string) secret.Text {
	w.Helper()
	before := len(w.box.Mails())
	w.no(w.s.Forgotten(w.Context(), email, here7))
	w.s.Stop()
	if len(w.box.Mails()) == before {
		return secret.Text{}
	}
	_, token, _ := strings.Cut(w.box.Mails()[0].Text, "/reset#token=")
	return secret.NewText(strings.Fields(token)[0])
}

func TestAForgottenPassword(t *testing.T) {
	everywhere(t, func(w *world) {
		w.add("anna@example.com")
		old := w.signIn("anna@example.com", good)
		browser := w.trusted("anna@example.com")
		for _, nobody := range []string{"nobody@example.com", "no address", ""} {
			if w.forget(nobody).Reveal() != "" {
				w.Errorf("%q got a mail", nobody)
			}
		}
		first := w.forget("Anna@example.com")
		link := w.forget("anna@example.com")
		w.want(fault.Unauthenticated, w.s.ResetPassword(w.Context(), first, secret.NewText(other), here7)) // a newer one was asked for
		w.want(fault.Invalid, w.s.ResetPassword(w.Context(), link, secret.NewText("Password123!"), here7))
		_, err := w.s.Session(w.Context(), old.Token)
		w.no(err) // nothing has happened yet
		w.no(w.s.ResetPassword(w.Context(), link, secret.NewText(other), here7))
		w.want(fault.Unauthenticated, w.s.ResetPassword(w.Context(), link, secret.NewText(good), here7)) // once
		_, err = w.s.Session(w.Context(), old.Token)
		w.want(fault.Unauthenticated, err)
		if m := w.box.Mails()[0]; m.Subject != "Your password was changed" {
			w.Errorf("told %q", m.Subject)
		}
		step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(other), remembered(browser))
		w.no(err)
		if len(step.Ways) == 0 {
			w.Error("after the new password no second factor was asked")
		}
	})
}

func TestALinkForAPasswordEndsAfterHalfAnHour(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		for after, ok := range map[time.Duration]bool{30*time.Minute - time.Second: true, 30 * time.Minute: false} {
			link := w.forget("anna@example.com")
			w.pass(after)
			password := good
			if ok {
				password = other
			}
			if err := w.s.ResetPassword(w.Context(), link, secret.NewText(password), here7); (err == nil) != ok {
				w.Errorf("after %v: %v", after, err)
			}
			w.pass(time.Hour)
		}
	})
}

func TestAMailboxIsNotFilled(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		mailed := 0
		for range 20 {
			if w.forget("anna@example.com").Reveal() != "" {
				mailed++
			}
		}
		if mailed != 3 {
			w.Errorf("%d links mailed at once", mailed)
		}
		w.pass(10 * time.Minute)
		if w.forget("anna@example.com").Reveal() == "" {
			w.Error("none after ten minutes")
		}
	})
}
