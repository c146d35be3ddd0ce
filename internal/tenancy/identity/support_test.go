package identity_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// tree puts the world's customer below a provider and gives a person of it.
func (w *world) helper(email string) identity.Person {
	w.Helper()
	provider := id.New[id.Node]()
	w.no(w.store.Registry().Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "provider.created"})
		for _, n := range []struct {
			id, parent id.Node
			kind       org.Kind
		}{{provider, id.Node{}, org.Provider}, {w.p.Customer(), provider, org.Customer}} {
			var parent any
			if !n.parent.IsZero() {
				parent = n.parent
			}
			if _, err := tx.Exec(`INSERT INTO nodes (id, parent, kind, name, created_at, ready) VALUES (?, ?, ?, ?, 1, 1)`, n.id, parent, string(n.kind), "N"); err != nil {
				return err
			}
		}
		return nil
	}))
	p := w.add(email)
	w.no(w.s.GiveNodeRole(w.Context(), system, provider, access.ProviderSupport, p.ID))
	return p
}

func ask(email string) identity.SupportAsk {
	return identity.SupportAsk{Email: email, Role: access.SuperUser, Reason: "no sound on line 4", For: time.Hour}
}

func TestSupportAccessBeginsAndEndsByItself(t *testing.T) {
	everywhere(t, func(w *world) {
		helper, admin := w.helper("help@example.com"), w.add("admin@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, admin.ID, roles(access.CustomerAdmin))
		w.no(err)
		held := func() []access.Membership {
			held, err := w.s.Held(w.Context(), w.p, helper.ID)
			w.no(err)
			return held
		}
		if held() != nil {
			w.Fatal("a helper holds something before being let in")
		}
		g, err := w.s.GrantSupport(w.Context(), w.p, person(admin.ID), ask("HELP@example.com"))
		w.no(err)
		m := w.box.Mails()[0]
		if m.To != "admin@example.com" || !strings.Contains(m.Text, "no sound on line 4") {
			w.Errorf("%+v", m)
		}
		got := held()
		if len(got) != 1 || got[0].Role != access.SuperUser || got[0].Grant != g.ID || got[0].Until.Sub(g.StartedAt) != time.Hour {
			w.Fatalf("%+v", got)
		}
		thing := access.Thing{Place: w.p.Customer()}
		if !access.Allow(got, access.RecordingListen, thing, w.clock()).Allowed || access.Allow(got, access.RecordingListen, thing, w.clock().Add(time.Hour)).Allowed {
			w.Error("does not begin or does not end")
		}
		_, err = w.s.GrantSupport(w.Context(), w.p, person(admin.ID), ask("help@example.com"))
		w.want(fault.Conflict, err)

		mails := len(w.box.Mails())
		for range 2 {
			w.no(w.s.UsedSupport(w.Context(), w.p, person(helper.ID), g.ID))
		}
		if n := len(w.box.Mails()) - mails; n != 1 || w.box.Mails()[0].Subject != "Support access is being used" {
			w.Errorf("%d mails about the first use", n)
		}
		w.no(w.s.EndSupport(w.Context(), w.p, person(admin.ID), g.ID))
		if held() != nil {
			w.Error("still holds something")
		}
		w.want(fault.Conflict, w.s.EndSupport(w.Context(), w.p, person(admin.ID), g.ID))
		w.want(fault.NotFound, w.s.EndSupport(w.Context(), w.p, person(admin.ID), id.New[id.Support]()))
		list, err := w.s.Supports(w.Context(), w.p)
		w.no(err)
		if len(list) != 1 || list[0].Open(w.clock()) || list[0].Reason != "no sound on line 4" || list[0].ByName != "Anna Example" || list[0].UsedAt.IsZero() {
			w.Errorf("%+v", list)
		}
	})
}

func TestOnlyWhoWorksAboveIsLetIn(t *testing.T) {
	here(t, func(w *world) {
		w.helper("help@example.com")
		w.add("stranger@example.com")
		rival := w.add("rival@example.com")
		w.no(w.s.GiveNodeRole(w.Context(), system, id.New[id.Node](), access.ResellerAdmin, rival.ID))
		var texts []string
		for _, email := range []string{"nobody@example.com", "stranger@example.com", "rival@example.com"} {
			_, err := w.s.GrantSupport(w.Context(), w.p, system, ask(email))
			w.want(fault.Invalid, err)
			texts = append(texts, err.Error())
		}
		if texts[0] != texts[1] || texts[1] != texts[2] {
			w.Errorf("the answer tells who is known: %q", texts)
		}
		for _, bad := range []identity.SupportAsk{
			{Email: "help@example.com", Role: access.User, Reason: "why not", For: time.Hour},
			{Email: "help@example.com", Role: access.Auditor, Reason: " ", For: time.Hour},
			{Email: "help@example.com", Role: access.Auditor, Reason: "why not", For: 4*time.Hour + 1},
			{Email: "help@example.com", Role: access.Auditor, Reason: "why not"},
			{Email: "help", Role: access.Auditor, Reason: "why not", For: time.Hour},
		} {
			_, err := w.s.GrantSupport(w.Context(), w.p, system, bad)
			w.want(fault.Invalid, err)
		}
		_, err := w.s.GrantSupport(w.Context(), w.p, system, identity.SupportAsk{})
		if n := len(fault.Of(err).Details); n != 4 {
			w.Errorf("%d faults listed: %v", n, err)
		}
		m, err := w.s.AddMember(w.Context(), w.p, system, rival.ID, roles(access.User))
		w.no(err)
		_ = m
	})
}
