package sso_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/vouch"
)

// A newcomer becomes a member with what the mapping gives, and roles follow the
// claims at every sign-in.
func TestRolesFollowClaims(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		came := w.in(alice(claims{"extension": "201, 202"}))
		who := came.Signed.Person
		if came.Next != "/next" || !slices.Equal(w.roles(who), []access.Role{access.Agent}) {
			t.Errorf("%+v %v", came, w.roles(who))
		}
		proof := came.Signed.Proof
		if !proof.Has(identity.BySSO) || proof.Customer != w.p.Customer() || proof.Provider != w.one.ID.String() {
			t.Errorf("%+v", proof)
		}
		w.no(w.p.View(t.Context(), func(tx *place.Tx) error {
			m, err := identity.MemberIn(tx, who)
			if m.Name != "Alice Example" || m.Email != "alice@calls.example" || !slices.Equal(m.Extensions, []string{"201", "202"}) || !m.Joined {
				t.Errorf("%+v", m)
			}
			return err
		}))
		again := w.in(alice(claims{"groups": []string{"chiefs", "agents"}, "extension": "202"}))
		if again.Signed.Person != who || !slices.Equal(w.roles(who), []access.Role{access.Agent, access.CustomerAdmin}) {
			t.Error(w.roles(who))
		}
		// An address is no name: the same person with another one stays who they are.
		if moved := w.in(alice(claims{"email": "alice.new@elsewhere.example"})); moved.Signed.Person != who {
			t.Error("another person for another address")
		}
		_, err := w.signIn(alice(claims{"groups": []string{"cooks"}}))
		w.refused(vouch.NoRole, err)
		if got := w.roles(who); len(got) != 0 {
			t.Error("after the groups were gone:", got)
		}
		if h := w.health(); h.Cause != vouch.NoRole || h.FailureAt.IsZero() || h.SuccessAt.IsZero() || !strings.Contains(h.Note, "rule") {
			t.Errorf("%+v", h)
		}
		if back := w.in(alice()); back.Signed.Person != who || len(w.roles(who)) != 1 {
			t.Error("who has a role again stays outside")
		}
	})
}

// One sign-in is one Change of the place: roles, extensions and the line that
// says who was let in stand together or not at all.
func TestASignInIsOneChange(t *testing.T) {
	here(t, func(w *world) {
		w.provide()
		w.in(alice())
		last := func() (list []journal.Entry) {
			w.no(w.p.View(t.Context(), func(tx *place.Tx) (err error) {
				list, err = journal.List(tx, journal.Filter{Limit: 500})
				return err
			}))
			return list
		}
		before := len(last())
		w.in(alice(claims{"groups": []string{"chiefs"}, "extension": "7"}))
		var vouched, changed time.Time
		for _, e := range last()[:len(last())-before] {
			switch e.Code {
			case "idp.vouched":
				vouched = e.At
			case "member.changed":
				changed = e.At
			}
		}
		if vouched.IsZero() || !vouched.Equal(changed) {
			t.Errorf("vouched at %v, roles changed at %v", vouched, changed)
		}
	})
}

// Whoever is a member already is not taken for who the provider says by an
// address: an administrator confirms it.
func TestMembersAreLinkedByAdministratorsOnly(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		bob := w.member("bob@calls.example", access.SuperUser)
		mine := alice(claims{"sub": "bob-1", "email": "BOB@calls.example"})
		for range 2 {
			_, err := w.signIn(mine)
			w.refused(vouch.Unlinked, err)
		}
		waiting := w.links(sso.Waiting)
		if len(waiting) != 1 || waiting[0].Person != bob || waiting[0].Subject != "bob-1" || waiting[0].Cause != vouch.Unlinked || waiting[0].Member != "Somebody Here" {
			t.Fatalf("%+v", waiting)
		}
		w.no(w.s.Confirm(t.Context(), w.p, w.who(), waiting[0].ID))
		w.want(fault.Conflict, w.s.Confirm(t.Context(), w.p, w.who(), waiting[0].ID))
		if came := w.in(mine); came.Signed.Person != bob {
			t.Error("somebody else came in")
		}
		if got := w.roles(bob); !slices.Equal(got, []access.Role{access.Agent}) {
			t.Error("roles are those of the mapping from now on:", got)
		}
		w.no(w.s.Unlink(t.Context(), w.p, w.who(), waiting[0].ID))
		_, err := w.signIn(mine)
		w.refused(vouch.Unlinked, err)
	})
}

// The same person under another subject is told apart: a provider that was set
// up anew, or somebody who was given another's address.
func TestAnotherSubjectIsToldApart(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		who := w.in(alice()).Signed.Person
		_, err := w.signIn(alice(claims{"sub": "alice-2"}))
		w.refused(vouch.Subject, err)
		if h := w.health(); h.Cause != vouch.Subject || !strings.Contains(h.Note, "another subject") {
			t.Errorf("%+v", h)
		}
		waiting := w.links(sso.Waiting)
		if len(waiting) != 1 || waiting[0].Cause != vouch.Subject || waiting[0].Person != who {
			t.Fatalf("%+v", waiting)
		}
		if w.in(alice()).Signed.Person != who {
			t.Error("the known subject is refused because of the other one")
		}
		w.no(w.s.Confirm(t.Context(), w.p, w.who(), waiting[0].ID))
		if w.in(alice(claims{"sub": "alice-2"})).Signed.Person != who {
			t.Error("the confirmed subject is somebody else")
		}
		_, err = w.signIn(alice())
		w.refused(vouch.Subject, err)
	})
}

// Whoever was removed by people does not come back by a mapping.
func TestWhoWasRemovedStaysOutside(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		who := w.in(alice()).Signed.Person
		w.no(w.people.RemoveMember(t.Context(), w.p, w.who(), who))
		_, err := w.signIn(alice())
		w.refused(vouch.Stranger, err)
		if got := w.roles(who); len(got) != 0 {
			t.Error(got)
		}
		_, err = w.people.AddMember(t.Context(), w.p, system, who, identity.Grant{Roles: []access.Role{access.User}})
		w.no(err)
		w.in(alice())
	})
}

func TestNewcomersOnlyWhereTheyAreWanted(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide(func(p *sso.Provider) { p.Newcomers = false })
		_, err := w.signIn(alice())
		w.refused(vouch.Stranger, err)
		w.one.Newcomers = true
		w.one, err = w.s.Change(t.Context(), w.p, w.who(), w.one)
		w.no(err)
		_, err = w.signIn(alice(claims{"email": "no address"}))
		w.refused(vouch.Incomplete, err)
		_, err = w.signIn(alice(claims{"groups": "cooks"}))
		w.refused(vouch.NoRole, err)
		w.in(alice())
	})
}

// A mapping that forgets administrators must not close the door for ever.
func TestTheLastAdministratorStays(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		r := w.test(alice(claims{"sub": "boss-1", "email": "boss@calls.example"}))
		if _, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID); err != nil {
			t.Fatal(err)
		}
		w.in(alice(claims{"sub": "boss-1", "groups": []string{"agents"}}))
		if got := w.roles(w.boss.Person); !slices.Equal(got, []access.Role{access.Agent, access.CustomerAdmin}) {
			t.Error(got)
		}
		w.in(alice(claims{"sub": "boss-1", "groups": []string{}}))
		if got := w.roles(w.boss.Person); !slices.Equal(got, []access.Role{access.CustomerAdmin}) {
			t.Error(got)
		}
		w.member("second@calls.example", access.CustomerAdmin)
		w.in(alice(claims{"sub": "boss-1", "groups": []string{"agents"}}))
		if got := w.roles(w.boss.Person); !slices.Equal(got, []access.Role{access.Agent}) {
			t.Error("with another administrator there, the mapping holds:", got)
		}
	})
}

// Whoever writes the mapping could write themselves playback: another
// administrator has to, as with roles that are given by hand.
func TestNobodyMapsThemselvesToPlayback(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		r := w.test(alice(claims{"sub": "boss-1"}))
		_, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID)
		w.no(err)
		all := alice(claims{"sub": "boss-1", "groups": []string{"chiefs", "ears"}})
		w.in(all)
		if got := w.roles(w.boss.Person); slices.Contains(got, access.SuperUser) {
			t.Error("they hear everything now:", got)
		}
		other := w.member("second@calls.example", access.CustomerAdmin)
		w.boss.Person = other
		w.one, err = w.s.Change(t.Context(), w.p, w.who(), w.one)
		w.no(err)
		came := w.in(all)
		if got := w.roles(came.Signed.Person); !slices.Contains(got, access.SuperUser) {
			t.Error("another administrator has saved it:", got)
		}
	})
}

// Without rules, people who are members by hand sign in and keep what they have.
func TestWithoutRulesRolesStay(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide(func(p *sso.Provider) { p.Mapping, p.Newcomers = sso.Mapping{Extensions: "extension"}, false })
		bob := w.member("bob@calls.example", access.User, access.Auditor)
		mine := alice(claims{"sub": "bob-1", "email": "bob@calls.example", "extension": "33"})
		_, err := w.signIn(mine)
		w.refused(vouch.Unlinked, err)
		w.no(w.s.Confirm(t.Context(), w.p, w.who(), w.links(sso.Waiting)[0].ID))
		w.in(mine)
		if got := w.roles(bob); !slices.Equal(got, []access.Role{access.Auditor, access.User}) {
			t.Error(got)
		}
	})
}

func TestMapping(t *testing.T) {
	t.Parallel()
	m := sso.Mapping{Rules: []sso.Rule{{"g", "a", access.Agent}, {"g", "A", access.Supervisor}, {"h", "*", access.Auditor}, {"g", "b", access.Agent}}, Extensions: "x"}
	for _, c := range []struct {
		claims map[string][]string
		want   []access.Role
		ext    []string
	}{
		{nil, nil, nil},
		{map[string][]string{"g": {"a", "b"}}, []access.Role{access.Agent}, nil},
		{map[string][]string{"g": {"A"}, "h": {"whatever"}, "x": {"1;2", "2 3"}}, []access.Role{access.Auditor, access.Supervisor}, []string{"1", "2", "3"}},
		{map[string][]string{"h": {}}, nil, nil},
		{map[string][]string{"g": {"*"}}, nil, nil},
		{map[string][]string{"x": {strings.Repeat("9", 41)}}, nil, nil},
	} {
		g := m.Apply(c.claims)
		if !slices.Equal(g.Roles, c.want) || !slices.Equal(g.Extensions, c.ext) || !g.Claimed {
			t.Errorf("%v: %+v", c.claims, g)
		}
	}
	if g := (sso.Mapping{}).Apply(map[string][]string{"x": {"1"}}); g.Claimed || g.Roles != nil {
		t.Errorf("%+v", g)
	}
}
