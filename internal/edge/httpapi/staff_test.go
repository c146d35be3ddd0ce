package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

func (w *world) staff(as *client, n org.Node) []httpapi.Staff {
	w.Helper()
	var list struct{ Items []httpapi.Staff }
	got := as.do("GET", w.at(n, "/staff"), nil)
	if got.status != 200 {
		w.Fatal(got)
	}
	got.into(w, &list)
	return list.Items
}

func TestStaffOverHTTP(t *testing.T) {
	w := newWorld(t)
	provider, reseller := w.as("provider@example.com"), w.as("reseller@example.com")
	someone := map[string]any{"email": "helen@example.com", "name": "Helen", "roles": []string{"provider_support"}}
	got := provider.do("POST", w.at(w.provider, "/staff"), someone)
	if got.status != 201 {
		t.Fatal(got)
	}
	var helen httpapi.Staff
	got.into(t, &helen)
	if m := w.box.Mails()[0]; helen.State != "invited" || m.To != "helen@example.com" || !strings.Contains(m.Text, "/welcome#token=") {
		t.Errorf("%+v, %+v", helen, m)
	}
	for text, body := range map[string]map[string]any{
		"is no role at a provider": {"email": "x@example.com", "name": "X", "roles": []string{"reseller_admin"}},
		"no e-mail address":        {"email": "x at home", "name": "X", "roles": []string{"provider_support"}},
		"on one line":              {"email": "x@example.com", "name": " ", "roles": []string{"provider_support"}},
	} {
		if got := provider.do("POST", w.at(w.provider, "/staff"), body); got.status != 422 || !strings.Contains(got.body, text) {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := provider.do("POST", "/api/v1/nodes/"+w.a.id.String()+"/staff", someone); got.status != 409 {
		t.Error("somebody above names a customer's people:", got)
	}
	one := w.at(w.provider, "/staff/"+helen.PersonID)
	if got := provider.do("PUT", one, map[string]any{"roles": []string{"provider_admin", "provider_support"}}); got.status != 200 {
		t.Fatal(got)
	}
	if all := w.staff(provider, w.provider); len(all) != 2 || !slices.Equal(all[1].Roles, []string{"provider_admin", "provider_support"}) {
		t.Errorf("%+v", all)
	}
	if got := provider.do("DELETE", one, nil); got.status != 204 {
		t.Error(got)
	}
	if got := provider.do("DELETE", w.at(w.provider, "/staff/"+w.ids["provider@example.com"].String()), nil); got.status != 409 {
		t.Error("the last administrator removes themselves:", got)
	}
	if got := reseller.do("GET", w.at(w.provider, "/staff"), nil); got.status != 404 {
		t.Error("a reseller sees who works for the provider:", got)
	}
	if all := w.staff(provider, w.reseller); len(all) != 1 || all[0].Email != "reseller@example.com" || all[0].State != "active" {
		t.Errorf("%+v", all)
	}
}

func TestSessionsOfStaffOverHTTP(t *testing.T) {
	w := newWorld(t)
	provider, reseller := w.as("provider@example.com"), w.as("reseller@example.com")
	var list struct{ Items []httpapi.MemberSession }
	provider.do("GET", w.at(w.reseller, "/sessions"), nil).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].PersonID != w.ids["reseller@example.com"].String() || list.Items[0].Name != "Somebody" {
		t.Fatalf("%+v", list)
	}
	if got := reseller.do("GET", w.at(w.provider, "/sessions"), nil); got.status != 404 {
		t.Error("a reseller sees the provider's sessions:", got)
	}
	if got := provider.do("DELETE", w.at(w.provider, "/sessions/"+list.Items[0].ID), nil); got.status != 404 {
		t.Error("ended as that of somebody who works elsewhere:", got)
	}
	if got := provider.do("DELETE", w.at(w.reseller, "/sessions/"+list.Items[0].ID), nil); got.status != 204 {
		t.Error(got)
	}
	if got := reseller.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error("goes on:", got)
	}
}

// A machine's token that makes customers cannot make itself a successor.
func TestNoTokenInvitesWhoAdministersAReseller(t *testing.T) {
	w := newWorld(t)
	_, text, err := w.people.CreateNodeToken(t.Context(), w.reseller.ID, system, w.ids["reseller@example.com"], identity.TokenDraft{Name: "t", Acts: []access.Act{access.NodeManage}, Until: time.Now().Add(time.Hour)})
	w.no(err)
	machine := w.browser()
	machine.token = text.Reveal()
	who := map[string]any{"admin_email": "thief@example.com", "admin_name": "Thief"}
	if got := machine.do("POST", w.at(w.reseller, "/invitations"), who); got.status != 403 {
		t.Error(got)
	}
	if got := machine.do("GET", w.at(w.reseller, "/staff"), nil); got.status != 404 {
		t.Error(got)
	}
	if got := machine.do("POST", w.at(w.reseller, "/children"), map[string]any{"kind": "customer", "name": "New", "admin_email": "new@new.example", "admin_name": "N"}); got.status != 201 {
		t.Error("what the token is for:", got)
	}
	if got := w.stale("reseller@example.com").do("POST", w.at(w.reseller, "/invitations"), who); got.status != 403 || !strings.Contains(got.body, "step-up") {
		t.Error("without a recent factor:", got)
	}
	if got := w.as("reseller@example.com").do("POST", w.at(w.reseller, "/invitations"), who); got.status != 204 {
		t.Error(got)
	}
}

func TestWhyAboveCustomers(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	ask := func(as string, n org.Node, email string, a access.Act) (out httpapi.Why, status int) {
		t.Helper()
		got := w.as(as).do("GET", w.at(n, "/why?person="+w.ids[email].String()+"&act="+string(a)), nil)
		if got.status == 200 {
			got.into(t, &out)
		}
		return out, got.status
	}
	if y, _ := ask("provider@example.com", w.reseller, "provider@example.com", access.QuotaSet); !y.Allowed || y.By != "provider_admin" {
		t.Errorf("%+v", y)
	}
	y, _ := ask("provider@example.com", w.reseller, "reseller@example.com", access.QuotaSet)
	if y.Allowed || len(y.Findings) != 1 || !slices.Contains(y.Missing, "provider_admin") {
		t.Errorf("nobody lifts their own limit: %+v", y)
	}
	y, _ = ask("provider@example.com", w.provider, "support@example.com", access.NodeManage)
	if y.Allowed || y.Findings[0].Text != "does not include this act" || !slices.Equal(y.Missing, []string{"provider_admin"}) {
		t.Errorf("%+v", y)
	}
	if y, _ := ask("provider@example.com", w.provider, "provider@example.com", access.RecordingListen); y.Allowed || len(y.Missing) != 0 {
		t.Errorf("a role above customers opens content: %+v", y)
	}
	for _, c := range []struct{ as, about string }{
		{"reseller@example.com", "provider@example.com"},         // works above: not the reseller's to ask about
		{"provider@example.com", "superuser@a.example"},          // a customer's own
		{"support@example.com", "support@example.com"},           // may not ask at all
		{"customer_admin@a.example", "customer_admin@a.example"}, // not above
	} {
		if _, status := ask(c.as, w.reseller, c.about, access.QuotaSet); status != 404 {
			t.Errorf("%s asks about %s: %d", c.as, c.about, status)
		}
	}
	if got := w.as("provider@example.com").do("GET", w.at(w.provider, "/why?act=quota.set&person="+id.New[id.Person]().String()), nil); got.status != 404 {
		t.Error("nobody:", got)
	}
	if _, status := ask("provider@example.com", w.provider, "provider@example.com", "nonsense"); status != 422 {
		t.Error(status)
	}
}
