package identity_test

import (
	"context"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestTokensWorkFromTheirNetworks(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, roles(access.CustomerAdmin))
		w.no(err)
		draft := identity.TokenDraft{Name: "reports", Acts: []access.Act{access.UsageRead}, Until: w.clock().Add(time.Hour), Networks: []string{"203.0.113.7/24", "x"}}
		_, _, err = w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, draft)
		if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 2 || f.Details[0].Path != "networks[0]" {
			w.Fatal(err)
		}
		draft.Networks = []string{"203.0.113.0/24", "2001:db8::1"}
		_, text, err := w.s.CreateToken(w.Context(), w.p, person(p.ID), p.ID, draft)
		w.no(err)
		for _, address := range []string{"198.51.100.1", "2001:db8::2"} {
			_, err = w.s.Machine(w.Context(), text, from(address))
			w.want(fault.Unauthenticated, err)
		}
		_, err = w.s.Machine(w.Context(), text, identity.Origin{})
		w.want(fault.Unauthenticated, err)
		if list, err := w.s.Tokens(w.Context(), w.p); err != nil || !list[0].LastUsedAt.IsZero() {
			w.Fatal("a refused use counts as a use:", list, err)
		}
		for _, address := range []string{"2001:db8::1", "::ffff:203.0.113.9"} {
			_, err = w.s.Machine(w.Context(), text, from(address))
			w.no(err)
		}
		list, err := w.s.Tokens(w.Context(), w.p)
		w.no(err)
		if len(list) != 1 || list[0].LastFrom != "2001:db8::/64" || len(list[0].Networks) != 2 || list[0].LastUsedAt.IsZero() {
			w.Errorf("listed %+v", list)
		}
	})
}

func TestTokensAboveCustomers(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("nora@example.com")
		node, foreign := id.New[id.Node](), id.New[id.Node]()
		w.no(w.s.GiveNodeRole(w.Context(), system, node, access.ProviderAdmin, p.ID))
		draft := identity.TokenDraft{Name: "billing", Acts: []access.Act{access.UsageRead}, Until: w.clock().Add(time.Hour), Networks: []string{"203.0.113.0/24"}}
		_, _, err := w.s.CreateNodeToken(w.Context(), foreign, person(p.ID), p.ID, draft)
		w.want(fault.Invalid, err) // nothing is held there
		for _, a := range []access.Act{access.RecordingListen, access.TokenManage} {
			bad := draft
			bad.Acts = []access.Act{a}
			_, _, err = w.s.CreateNodeToken(w.Context(), node, person(p.ID), p.ID, bad)
			w.want(fault.Invalid, err)
		}
		made, text, err := w.s.CreateNodeToken(w.Context(), node, person(p.ID), p.ID, draft)
		w.no(err)
		m, err := w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.no(err)
		if m.Node != node || !m.Customer.IsZero() || m.ID != made.ID || len(m.Held) != 1 || m.Held[0].At != node || m.Held[0].Role != access.ProviderAdmin {
			w.Errorf("the machine is %+v", m)
		}
		_, err = w.s.Machine(w.Context(), text, from("198.51.100.1"))
		w.want(fault.Unauthenticated, err)
		_, err = w.s.Machine(w.Context(), secret.NewText(text.Reveal()+"x"), from("203.0.113.7"))
		w.want(fault.Unauthenticated, err)
		list, err := w.s.NodeTokens(w.Context(), node)
		w.no(err)
		if len(list) != 1 || list[0].LastFrom != "203.0.113.0/24" || list[0].Maker != p.ID {
			w.Errorf("listed %+v", list)
		}
		if list, err := w.s.NodeTokens(w.Context(), foreign); err != nil || len(list) != 0 {
			w.Error("another node lists it:", list, err)
		}
		w.want(fault.NotFound, w.s.RemoveNodeToken(w.Context(), foreign, person(p.ID), made.ID))
		w.no(w.s.RemoveNodeToken(w.Context(), node, person(p.ID), made.ID))
		_, err = w.s.Machine(w.Context(), text, from("203.0.113.7"))
		w.want(fault.Unauthenticated, err)
	})
}

// FuzzTokenText: whatever a machine shows is the token, or is nobody's.
func FuzzTokenText(f *testing.F) {
	schemas := place.Schemas{Registry: identity.RegistryMigrations(), Place: identity.PlaceMigrations(), Housekeeping: identity.Housekeeping()}
	store := placetest.New(f, schemas)
	s := identity.New(identity.Options{Store: store, Mail: &mail.Mailbox{}})
	p := placetest.Customer(f, store)
	maker, err := s.Add(f.Context(), system, "anna@example.com", "Anna", secret.NewText(good))
	if err == nil {
		_, err = s.AddMember(f.Context(), p, system, maker.ID, roles(access.CustomerAdmin))
	}
	draft := identity.TokenDraft{Name: "t", Acts: []access.Act{access.UsageRead}, Until: time.Now().Add(time.Hour)}
	_, text, cerr := s.CreateToken(f.Context(), p, person(maker.ID), maker.ID, draft)
	if err != nil || cerr != nil {
		f.Fatal(err, cerr)
	}
	whole := text.Reveal()
	for _, seed := range []string{"", "rft_", "rfn_", "rft__", "bearer", whole, whole[:len(whole)-1], whole + "=", "rfn_" + whole[4:], whole[:31]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, shown string) {
		m, err := s.Machine(context.Background(), secret.NewText(shown), from("203.0.113.7"))
		if shown == whole && (err != nil || m.Customer != p.Customer()) {
			t.Fatal("the token is refused:", err)
		}
		if shown != whole && !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("%q: %v", shown, err)
		}
	})
}
