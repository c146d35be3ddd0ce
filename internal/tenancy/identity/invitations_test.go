package identity_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
)

func TestAnInvitationIsMailedAgainAndTakenBack(t *testing.T) {
	everywhere(t, func(w *world) {
		m, err := w.s.Invite(w.Context(), w.p, system, "Oak & Ember", "new@example.com", "New", roles(access.User))
		w.no(err)
		first := w.link()
		w.no(w.s.Reinvite(w.Context(), w.p, system, "Oak & Ember", m.Person))
		second := w.link()
		w.want(fault.Unauthenticated, w.s.Welcome(w.Context(), first, secret.NewText(good), here7))
		w.want(fault.NotFound, w.s.Reinvite(w.Context(), w.p, system, "x", id.New[id.Person]()))
		w.no(w.s.Withdraw(w.Context(), w.p, system, m.Person))
		w.want(fault.Unauthenticated, w.s.Welcome(w.Context(), second, secret.NewText(good), here7))
		if list, err := w.s.Members(w.Context(), w.p); err != nil || len(list) != 0 {
			w.Errorf("%+v, %v", list, err)
		}
		w.want(fault.NotFound, w.s.Withdraw(w.Context(), w.p, system, m.Person))

		m, err = w.s.Invite(w.Context(), w.p, system, "Oak & Ember", "new@example.com", "New", roles(access.User))
		w.no(err)
		w.no(w.s.Welcome(w.Context(), w.link(), secret.NewText(good), here7))
		w.signIn("new@example.com", good)
		w.want(fault.Conflict, w.s.Withdraw(w.Context(), w.p, system, m.Person))
		w.want(fault.Conflict, w.s.Reinvite(w.Context(), w.p, system, "Oak & Ember", m.Person))
	})
}
