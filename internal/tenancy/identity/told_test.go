package identity_test

import (
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/identity"
)

// told checks that the newest mail tells somebody of something.
func (w *world) told(email, subject string) {
	w.Helper()
	if m := w.box.Mails()[0]; m.To != email || m.Subject != subject || !strings.Contains(m.Text, "If that was not you") || m.HTML == "" {
		w.Errorf("want a mail %q to %s, got %q to %s:\n%s", subject, email, m.Subject, m.To, m.Text)
	}
}

// Each change of what somebody signs in with is told to them by mail.
func TestChangesOfFactorsAreTold(t *testing.T) {
	here(t, func(w *world) {
		const anna = "anna@example.com"
		p := w.add(anna)
		_, signed, _ := w.enrol(w.signIn(anna, good))
		w.told(anna, "An authenticator app was set up")
		_, err := w.s.NewRecovery(w.Context(), w.session(signed), here7)
		w.no(err)
		w.told(anna, "New recovery codes were made")
		signed, _, err = w.register(newKey(p.ID), w.session(signed), ourSite)
		w.no(err)
		w.told(anna, "A passkey was added")
		list, err := w.s.Passkeys(w.Context(), p.ID)
		w.no(err)
		w.no(w.s.RemovePasskey(w.Context(), w.session(signed), list[0].ID, here7))
		w.told(anna, "A passkey was removed")
		w.no(w.s.RemoveTOTP(w.Context(), w.session(signed), here7))
		w.told(anna, "The authenticator app was removed")
		w.no(w.s.ChangePassword(w.Context(), person(p.ID), p.ID, secret.NewText(good), secret.NewText(other), here7))
		w.told(anna, "The password was changed")
		mails := len(w.box.Mails())
		w.want(fault.Invalid, w.s.ChangePassword(w.Context(), person(p.ID), p.ID, secret.NewText(good), secret.NewText(other), here7))
		if len(w.box.Mails()) != mails {
			w.Error("a change that was refused was told")
		}
	})
}

// Who has the password and guesses at the app is told of: once for each sign-in
// that was used up, and not so often that the mailbox is filled.
func TestAKnownPasswordIsTold(t *testing.T) {
	here(t, func(w *world) {
		const anna = "anna@example.com"
		w.add(anna)
		w.enrol(w.signIn(anna, good))
		mails := len(w.box.Mails())
		guess := func(n int) {
			w.Helper()
			step := w.password(anna)
			for range n {
				_, err := w.s.Second(w.Context(), step.Token, identity.ByTOTP, "000000", here7)
				w.want(fault.Unauthenticated, err)
			}
		}
		guess(4)
		if len(w.box.Mails()) != mails {
			w.Error("a slip of the hand was told")
		}
		guess(5)
		w.told(anna, "Somebody has tried to sign in as you")
		if n := len(w.box.Mails()) - mails; n != 1 {
			w.Errorf("%d mails", n)
		}
	})
}
