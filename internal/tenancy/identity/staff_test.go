package identity_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestWhoWorksAboveCustomers(t *testing.T) {
	everywhere(t, func(w *world) {
		node, ctx := id.New[id.Node](), w.Context()
		boss := w.add("boss@example.com")
		w.no(w.s.GiveNodeRole(ctx, system, node, access.ProviderAdmin, boss.ID))
		eve, err := w.s.InviteToNode(ctx, person(boss.ID), node, "Beacon", "eve@example.com", "Eve", access.ProviderAdmin, access.ProviderSupport)
		w.no(err)
		of := func(p id.Person) identity.Staff {
			w.Helper()
			list, err := w.s.StaffOf(ctx, node)
			w.no(err)
			for _, one := range list {
				if one.Person.ID == p {
					return one
				}
			}
			return identity.Staff{}
		}
		if one := of(eve); len(one.Roles) != 2 || !one.Invited || one.Strong || one.Person.Email != "eve@example.com" {
			w.Errorf("%+v", one)
		}
		w.no(w.s.Welcome(ctx, w.link(), secret.NewText(good), from("192.0.2.7")))
		if one := of(eve); one.Invited {
			w.Error("has come, and is still invited")
		}
		signed := w.signIn("eve@example.com", good)
		w.no(w.s.SetStaff(ctx, person(boss.ID), node, eve, []access.Role{access.ProviderSupport}))
		if got, err := w.s.Session(ctx, signed.Token); err != nil || len(got.Held) != 1 || got.Held[0].Role != access.ProviderSupport {
			w.Errorf("after the change: %+v, %v", got.Held, err)
		}
		w.want(fault.Conflict, w.s.SetStaff(ctx, person(boss.ID), node, boss.ID, nil))
		w.want(fault.Conflict, w.s.SetStaff(ctx, person(boss.ID), node, boss.ID, []access.Role{access.ProviderSupport}))
		if one := of(boss.ID); len(one.Roles) != 1 || one.Roles[0] != access.ProviderAdmin {
			w.Errorf("a refusal changed something: %+v", one)
		}
		w.want(fault.NotFound, w.s.SetStaff(ctx, person(boss.ID), id.New[id.Node](), eve, nil))
		w.no(w.s.SetStaff(ctx, person(boss.ID), node, eve, nil))
		w.want(fault.NotFound, w.s.SetStaff(ctx, person(boss.ID), node, eve, nil))
		if got, err := w.s.Session(ctx, signed.Token); err != nil || len(got.Held) != 0 {
			w.Errorf("after the end: %+v, %v", got.Held, err)
		}
	})
}

func TestSessionsOfStaff(t *testing.T) {
	everywhere(t, func(w *world) {
		node, ctx := id.New[id.Node](), w.Context()
		anna, other := w.add("anna@example.com"), w.add("other@example.com")
		w.no(w.s.GiveNodeRole(ctx, system, node, access.ProviderAdmin, anna.ID))
		hers, not := w.signIn("anna@example.com", good), w.signIn("other@example.com", good)
		list, names, err := w.s.StaffSessions(ctx, node)
		w.no(err)
		if len(list) != 1 || list[0].ID != hers.Session || list[0].Address != "" || names[anna.ID.String()] != "Anna Example" {
			w.Errorf("%+v %v", list, names)
		}
		w.want(fault.NotFound, w.s.EndStaffSession(ctx, person(anna.ID), node, not.Session))
		w.want(fault.NotFound, w.s.EndStaffSession(ctx, person(anna.ID), node, id.New[id.Session]()))
		w.no(w.s.EndStaffSession(ctx, person(anna.ID), node, hers.Session))
		_, err = w.s.Session(ctx, hers.Token)
		w.want(fault.Unauthenticated, err)
		if _, err := w.s.Session(ctx, not.Token); err != nil {
			w.Error("somebody else's ended:", other.Email, err)
		}
	})
}

// Who is dismissed above helps nobody below any more, whoever let them in.
func TestSupportAccessEndsWithTheRoleAbove(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		helper, admin := w.helper("help@example.com"), w.add("admin@example.com")
		_, err := w.s.AddMember(ctx, w.p, system, admin.ID, roles(access.CustomerAdmin))
		w.no(err)
		_, err = w.s.GrantSupport(ctx, w.p, person(admin.ID), ask("help@example.com"))
		w.no(err)
		above, err := w.s.HeldAbove(ctx, helper.ID)
		w.no(err)
		elsewhere := id.New[id.Node]()
		w.no(w.s.GiveNodeRole(ctx, system, elsewhere, access.ProviderSupport, helper.ID))
		w.no(w.s.SetStaff(ctx, system, elsewhere, helper.ID, nil))
		if held, err := w.s.Held(ctx, w.p, helper.ID); err != nil || len(held) != 1 {
			w.Fatalf("a role elsewhere took it: %+v, %v", held, err)
		}
		w.no(w.s.SetStaff(ctx, system, above[0].At, helper.ID, nil))
		if held, err := w.s.Held(ctx, w.p, helper.ID); err != nil || len(held) != 0 {
			w.Errorf("still let in: %+v, %v", held, err)
		}
		list, err := w.s.Supports(ctx, w.p)
		w.no(err)
		if len(list) != 1 || list[0].EndedAt.IsZero() {
			w.Errorf("%+v", list)
		}
	})
}
