package identity_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestLostFactorsAreReset(t *testing.T) {
	everywhere(t, func(w *world) {
		anna, boss := w.add("anna@example.com"), w.add("boss@example.com")
		for p, r := range map[id.Person]access.Role{anna.ID: access.User, boss.ID: access.CustomerAdmin} {
			_, err := w.s.AddMember(w.Context(), w.p, system, p, roles(r))
			w.no(err)
		}
		_, signed, _ := w.enrol(w.signIn("anna@example.com", good))
		signed, _, err := w.register(newKey(anna.ID), w.session(signed), ourSite)
		w.no(err)
		w.want(fault.NotFound, w.s.ResetFactors(w.Context(), w.p, person(boss.ID), id.New[id.Person]()))
		w.want(fault.Conflict, w.s.ResetFactors(w.Context(), w.p, person(anna.ID), anna.ID)) // themselves
		w.no(w.s.ResetFactors(w.Context(), w.p, person(boss.ID), anna.ID))
		_, err = w.s.Session(w.Context(), signed.Token)
		w.want(fault.Unauthenticated, err)
		if f, ways, err := w.s.Ways(w.Context(), anna.ID); err != nil || f.TOTP || f.Passkeys+f.Recovery > 0 || ways[0] != identity.ByMail {
			w.Errorf("%+v %v %v", f, ways, err)
		}
		if m := w.box.Mails()[0]; m.Subject != "Your second factors were reset" || m.To != "anna@example.com" {
			w.Errorf("told %q", m.Subject)
		}
		w.enrol(w.signIn("anna@example.com", good))
		w.no(w.s.GiveNodeRole(w.Context(), system, id.New[id.Node](), access.ResellerAdmin, anna.ID))
		w.want(fault.Conflict, w.s.ResetFactors(w.Context(), w.p, person(boss.ID), anna.ID)) // guards more than this customer's
		w.no(w.s.ResetFactorsOf(w.Context(), system, "Anna@example.com"))
		w.want(fault.NotFound, w.s.ResetFactorsOf(w.Context(), system, "nobody@example.com"))
	})
}
