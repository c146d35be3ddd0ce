package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestAnInvitationLeadsToASignIn(t *testing.T) {
	everywhere(t, func(w *world) {
		m, err := w.s.Invite(w.Context(), w.p, system, "Harbour Dental", "Ben@example.com", "Ben", roles(access.CustomerAdmin))
		w.no(err)
		if m.Joined {
			w.Error("joined before signing in")
		}
		first := w.link()
		_, err = w.s.SignIn(w.Context(), "ben@example.com", secret.NewText(good), from("192.0.2.7"))
		w.want(fault.Unauthenticated, err) // no password yet

		_, err = w.s.Invite(w.Context(), w.p, system, "Harbour Dental", "ben@example.com", "Ben", roles(access.CustomerAdmin))
		w.no(err) // the mail was lost: once more
		w.want(fault.Invalid, w.s.Welcome(w.Context(), w.link(), secret.NewText("ben ben ben ben"), from("192.0.2.7")))
		w.no(w.s.Welcome(w.Context(), w.link(), secret.NewText(good), from("192.0.2.7")))
		w.want(fault.Unauthenticated, w.s.Welcome(w.Context(), w.link(), secret.NewText(other), from("192.0.2.7")))
		w.want(fault.Unauthenticated, w.s.Welcome(w.Context(), first, secret.NewText(other), from("192.0.2.7")))

		w.signIn("ben@example.com", good)
		list, err := w.s.Members(w.Context(), w.p)
		w.no(err)
		if len(list) != 1 || !list[0].Joined || list[0].Name != "Ben" {
			w.Errorf("members %+v", list)
		}
		_, err = w.s.Invite(w.Context(), w.p, system, "Harbour Dental", "ben@example.com", "Ben", roles(access.User))
		w.want(fault.Conflict, err)
	})
}

func TestAnInvitationEndsAfterAWeek(t *testing.T) {
	here(t, func(w *world) {
		_, err := w.s.Invite(w.Context(), w.p, system, "H", "ben@example.com", "Ben", roles(access.User))
		w.no(err)
		w.pass(7 * 24 * time.Hour)
		w.want(fault.Unauthenticated, w.s.Welcome(w.Context(), w.link(), secret.NewText(good), from("192.0.2.7")))
	})
}

func TestThoseAboveInviteOnlyTheFirst(t *testing.T) {
	here(t, func(w *world) {
		for range 2 {
			w.no(w.s.InviteFirst(w.Context(), w.p, system, "H", "ben@example.com", "Ben"))
		}
		w.no(w.s.Welcome(w.Context(), w.link(), secret.NewText(good), from("192.0.2.7")))
		w.signIn("ben@example.com", good)
		w.want(fault.Conflict, w.s.InviteFirst(w.Context(), w.p, system, "H", "crony@example.com", "Crony"))
		w.want(fault.Conflict, w.s.InviteFirst(w.Context(), w.p, system, "H", "ben@example.com", "Ben"))
	})
}

func TestCustomersKnowAPersonEachByTheirOwnName(t *testing.T) {
	here(t, func(w *world) {
		next := placetest.Customer(t, w.store)
		_, err := w.s.Invite(w.Context(), w.p, system, "A", "ben@example.com", "Canary One", roles(access.User))
		w.no(err)
		_, err = w.s.Invite(w.Context(), next, system, "B", "BEN@example.com", "Ben Two", roles(access.User))
		w.no(err)
		list, err := w.s.Members(w.Context(), next)
		w.no(err)
		if len(list) != 1 || list[0].Name != "Ben Two" || list[0].Email != "BEN@example.com" {
			w.Errorf("the second customer sees %+v", list)
		}
	})
}

func TestRolesWorkUntilTheyAreTaken(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		admin, err := w.s.Add(w.Context(), system, "ben@example.com", "Ben", secret.NewText(good))
		w.no(err)
		_, err = w.s.AddMember(w.Context(), w.p, system, admin.ID, roles(access.CustomerAdmin))
		w.no(err)
		_, err = w.s.AddMember(w.Context(), w.p, system, p.ID, identity.Grant{Roles: []access.Role{access.User}, Extensions: []string{"202", " 201", "202"}})
		w.no(err)
		held, err := w.s.Held(w.Context(), w.p, p.ID)
		w.no(err)
		if len(held) != 1 || held[0].At != w.p.Customer() || !slices.Equal(held[0].Part.Spans, []access.Span{{Extension: "201"}, {Extension: "202"}}) {
			w.Errorf("holds %+v", held)
		}
		places, err := w.s.Places(w.Context(), p.ID)
		w.no(err)
		if !slices.Equal(places, []id.Customer{w.p.Customer()}) {
			w.Errorf("places %v", places)
		}

		_, err = w.s.ChangeMember(w.Context(), w.p, person(admin.ID), p.ID, roles(access.SuperUser))
		w.no(err)
		if m := w.box.Mails(); len(m) != 1 || m[0].To != "ben@example.com" {
			w.Errorf("the administrator was not told: %+v", m)
		}
		w.no(w.s.RemoveMember(w.Context(), w.p, person(admin.ID), p.ID))
		held, err = w.s.Held(w.Context(), w.p, p.ID)
		w.no(err)
		if len(held) != 0 {
			w.Errorf("still holds %+v", held)
		}
		w.want(fault.NotFound, w.s.RemoveMember(w.Context(), w.p, person(admin.ID), p.ID))
		_, err = w.s.ChangeMember(w.Context(), w.p, person(admin.ID), p.ID, roles(access.User))
		w.want(fault.NotFound, err)
		names, err := w.s.Names(w.Context(), w.p)
		w.no(err)
		if names[p.ID.String()] != "Anna Example" {
			w.Error("the journal forgot the name of a former member")
		}
	})
}

func TestNobodyGivesThemselvesPlayback(t *testing.T) {
	here(t, func(w *world) {
		p := w.add("anna@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.CustomerAdmin))
		w.no(err)
		_, err = w.s.ChangeMember(w.Context(), w.p, person(p.ID), p.ID, roles(access.CustomerAdmin, access.SuperUser))
		w.want(fault.Invalid, err)
		held, err := w.s.Held(w.Context(), w.p, p.ID)
		w.no(err)
		if len(held) != 1 {
			w.Errorf("a refused change left %+v", held)
		}
	})
}

func TestACustomerKeepsAnAdministrator(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.CustomerAdmin))
		w.no(err)
		_, err = w.s.ChangeMember(w.Context(), w.p, person(p.ID), p.ID, roles(access.User))
		w.want(fault.Conflict, err)
		w.want(fault.Conflict, w.s.RemoveMember(w.Context(), w.p, person(p.ID), p.ID))
	})
}

func TestGrantsThatAreRefused(t *testing.T) {
	here(t, func(w *world) {
		for _, g := range []identity.Grant{
			{},
			roles(access.ProviderAdmin), roles("root"),
			{Roles: []access.Role{access.User}, Extensions: []string{""}},
			{Roles: []access.Role{access.User}, Extensions: []string{strings.Repeat("1", 41)}},
		} {
			_, err := w.s.Invite(w.Context(), w.p, system, "H", "ben@example.com", "Ben", g)
			w.want(fault.Invalid, err)
		}
		for _, who := range [][2]string{{"ben", "Ben"}, {"ben@example.com", ""}, {"ben@example.com", "Ben\r\nBcc: eve"}} {
			_, err := w.s.Invite(w.Context(), w.p, system, "H", who[0], who[1], roles(access.User))
			w.want(fault.Invalid, err)
		}
		w.want(fault.Invalid, w.s.GiveNodeRole(w.Context(), system, id.New[id.Node](), access.SuperUser, id.New[id.Person]()))
	})
}

func TestRolesAboveCustomers(t *testing.T) {
	everywhere(t, func(w *world) {
		node := id.New[id.Node]()
		_, err := w.s.InviteToNode(w.Context(), system, node, "Northern Voice", "rob@example.com", "Rob", access.ResellerAdmin)
		w.no(err)
		w.no(w.s.Welcome(w.Context(), w.link(), secret.NewText(good), from("192.0.2.7")))
		signed := w.signIn("rob@example.com", good)
		got, err := w.s.Session(w.Context(), signed.Token)
		w.no(err)
		if len(got.Held) != 1 || got.Held[0].Role != access.ResellerAdmin || got.Held[0].At != node {
			w.Errorf("holds %+v", got.Held)
		}
	})
}

func TestTokens(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		boss, err := w.s.Add(w.Context(), system, "ben@example.com", "Ben", secret.NewText(good))
		w.no(err)
		_, err = w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.CustomerAdmin))
		w.no(err)
		_, err = w.s.AddMember(w.Context(), w.p, system, boss.ID, roles(access.CustomerAdmin))
		w.no(err)
		until := w.clock().Add(time.Hour)
		for _, a := range []access.Act{access.RecordingListen, access.MemberManage, access.TokenManage, access.SuperuserGrant, access.NodeManage, "nonsense"} {
			_, _, err := w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, identity.TokenDraft{Name: "reports", Acts: []access.Act{a}, Until: until})
			w.want(fault.Invalid, err) // more than the maker may, or never for a machine
		}
		for _, end := range []time.Time{w.clock(), w.clock().Add(401 * 24 * time.Hour)} {
			_, _, err := w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, identity.TokenDraft{Name: "reports", Acts: []access.Act{access.UsageRead}, Until: end})
			w.want(fault.Invalid, err)
		}
		_, _, err = w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, identity.TokenDraft{Acts: []access.Act{access.MemberManage, "nonsense"}, Networks: []string{"203.0.113.0/99"}, Until: w.clock()})
		if told := fault.Of(err).Details; len(told) != 5 {
			t.Errorf("five faults are told as %v", told)
		}
		made, text, err := w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, identity.TokenDraft{Name: "reports", Acts: []access.Act{access.UsageRead, access.JournalRead}, Until: until})
		w.no(err)
		m, err := w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.no(err)
		if m.Customer != w.p.Customer() || m.ID != made.ID || len(m.Held) != 1 || !slices.Equal(m.Acts, []access.Act{access.JournalRead, access.UsageRead}) {
			w.Errorf("the machine is %+v", m)
		}
		for _, bad := range []string{"", "rft_", text.Reveal() + "x", text.Reveal()[:40], "rft_" + strings.Repeat("0", 26) + "_x", text.Reveal()[4:]} {
			_, err := w.s.Machine(w.Context(), secret.NewText(bad), from("203.0.113.7"))
			w.want(fault.Unauthenticated, err)
		}
		// The maker leaves: the token is gone with them, and does not come back with them.
		w.no(w.s.RemoveMember(w.Context(), w.p, person(boss.ID), p.ID))
		_, err = w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.want(fault.Unauthenticated, err)
		made, text, err = w.s.CreateToken(w.Context(), w.p, person(boss.ID), boss.ID, identity.TokenDraft{Name: "reports", Acts: []access.Act{access.UsageRead}, Until: until})
		w.no(err)
		_, err = w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.no(err)
		list, err := w.s.Tokens(w.Context(), w.p)
		w.no(err)
		if len(list) != 1 || list[0].LastUsedAt.IsZero() {
			w.Errorf("listed %+v", list)
		}
		w.pass(time.Hour)
		_, err = w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.want(fault.Unauthenticated, err)
		w.no(w.s.RemoveToken(w.Context(), w.p, person(boss.ID), made.ID))
		w.want(fault.NotFound, w.s.RemoveToken(w.Context(), w.p, person(boss.ID), made.ID))
	})
}
