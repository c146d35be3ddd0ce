package sso_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/sso"
)

// Anybody may say that a domain is theirs; addresses are sent to who has shown
// it, and to one customer alone.
func TestADomainBelongsToWhoShowsIt(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		claim := func(name string) sso.Domain {
			t.Helper()
			d, err := w.s.Claim(t.Context(), w.p, w.who(), w.one.ID, name)
			w.no(err)
			return d
		}
		routed := func(email string) int {
			t.Helper()
			list, err := w.s.ForAddress(t.Context(), email)
			w.no(err)
			return len(list)
		}
		mine := claim(" @Calls.Example. ")
		if mine.Name != "calls.example" || mine.Record != "_ringfence.calls.example" || len(mine.Proof) < 20 {
			t.Errorf("%+v", mine)
		}
		_, err := w.s.Claim(t.Context(), w.p, w.who(), w.one.ID, "calls.example")
		w.want(fault.Invalid, err)
		for _, bad := range []string{"", "x", "x.1", "ex ample.com", "example..com", "-x.example", "http://example.com", "1.2.3.4"} {
			_, err := w.s.Claim(t.Context(), w.p, w.who(), w.one.ID, bad)
			w.want(fault.Invalid, err)
		}
		if routed("anybody@calls.example") != 0 {
			t.Error("a domain that was only named routes")
		}
		_, err = w.s.Verify(t.Context(), w.p.Customer(), w.who(), mine.ID)
		w.want(fault.Conflict, err)
		w.zone.texts[mine.Record] = []string{"v=spf1 -all", "ringfence=another"}
		_, err = w.s.Verify(t.Context(), w.p.Customer(), w.who(), mine.ID)
		w.want(fault.Conflict, err)
		w.zone.ill = true
		_, err = w.s.Verify(t.Context(), w.p.Customer(), w.who(), mine.ID)
		w.want(fault.Unavailable, err)
		w.zone.ill = false
		w.zone.texts[mine.Record] = []string{"v=spf1 -all", mine.Proof}

		// Another customer has claimed it too, and finds our record there.
		other := placetest.Customer(t, w.store)
		here, was := w.p, w.one
		w.p = other
		w.provide()
		theirs := claim("calls.example")
		_, err = w.s.Verify(t.Context(), other.Customer(), w.who(), theirs.ID)
		w.want(fault.Conflict, err)
		_, err = w.s.Verify(t.Context(), other.Customer(), w.who(), mine.ID)
		w.want(fault.NotFound, err)
		_, err = w.s.Verify(t.Context(), here.Customer(), w.who(), mine.ID)
		w.no(err)
		w.zone.texts[theirs.Record] = append(w.zone.texts[theirs.Record], theirs.Proof)
		_, err = w.s.Verify(t.Context(), other.Customer(), w.who(), theirs.ID)
		w.want(fault.Conflict, err)
		w.p, w.one = here, was

		for email, want := range map[string]int{
			"boss@calls.example": 1, "nobody.at.all@CALLS.example": 1, "x@sub.calls.example": 0, "x@evil-calls.example": 0, "x": 0, "": 0, "x@": 0, "x@calls.example@elsewhere.example": 0,
		} {
			if got := routed(email); got != want {
				t.Errorf("%q is sent to %d providers", email, got)
			}
		}
		w.want(fault.NotFound, w.s.Release(t.Context(), other.Customer(), w.who(), mine.ID))
		w.no(w.s.Remove(t.Context(), w.p, w.who(), w.one.ID))
		if routed("boss@calls.example") != 0 {
			t.Error("a provider that is gone is still sent to")
		}
		_, err = w.s.Verify(t.Context(), other.Customer(), w.who(), theirs.ID)
		w.no(err)
		w.no(w.s.Release(t.Context(), other.Customer(), w.who(), theirs.ID))
		if list, err := w.s.Domains(t.Context(), other.Customer()); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
	})
}

// Who is asked for by address learns of the domain, never of the person.
func TestChoicesTellNothingOfPeople(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		d, err := w.s.Claim(t.Context(), w.p, w.who(), w.one.ID, "calls.example")
		w.no(err)
		w.zone.texts[d.Record] = []string{d.Proof}
		_, err = w.s.Verify(t.Context(), w.p.Customer(), w.who(), d.ID)
		w.no(err)
		known, err := w.s.ForAddress(t.Context(), "boss@calls.example")
		w.no(err)
		unknown, err := w.s.ForAddress(t.Context(), "never.heard.of@calls.example")
		w.no(err)
		if len(known) != 1 || len(unknown) != 1 || known[0] != unknown[0] {
			t.Errorf("%+v %+v", known, unknown)
		}
		w.one.Enabled = false
		w.one, err = w.s.Change(t.Context(), w.p, w.who(), w.one)
		w.no(err)
		if list, err := w.s.ForAddress(t.Context(), "boss@calls.example"); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
	})
}

// A claim that was under way while its customer left is not noted: nobody could
// let the domain go again.
func TestNoDomainForOneWhoHasLeft(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		c := w.p.Customer()
		if _, err := w.s.ClaimFor(t.Context(), c, w.who(), w.one.ID, "calls.example"); err != nil {
			t.Fatal(err)
		}
		w.no(w.store.Destroy(t.Context(), c))
		_, err := w.s.ClaimFor(t.Context(), c, w.who(), w.one.ID, "other.example")
		w.want(fault.NotFound, err)
		if list, err := w.s.Domains(t.Context(), c); err != nil || len(list) != 1 {
			t.Errorf("%d domains, of which one was claimed before; %v", len(list), err)
		}
	})
}
