package scim_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/scim"
)

// What Entra ID and Okta send, in the shapes that they document.
func TestReplays(t *testing.T) {
	for _, file := range []string{"entra", "okta"} {
		t.Run(file, func(t *testing.T) {
			everywhere(t, func(w *world) { w.replay("testdata/" + file + ".json") })
		})
	}
}

// Every way in which an identity provider says that somebody is out.
func TestDeprovisioningEndsTheMembership(t *testing.T) {
	for name, off := range map[string]func(*world, string) reply{
		"Entra, text": func(w *world, u string) reply {
			return w.send("PATCH", "/Users/"+u, patch(m{"op": "Replace", "path": "active", "value": "False"}))
		},
		"Entra, no path": func(w *world, u string) reply {
			return w.send("PATCH", "/Users/"+u, patch(m{"op": "Replace", "value": m{"active": "False"}}))
		},
		"Entra, URN": func(w *world, u string) reply {
			return w.send("PATCH", "/Users/"+u, patch(m{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false}))
		},
		"Okta": func(w *world, u string) reply {
			return w.send("PATCH", "/Users/"+u, patch(m{"op": "replace", "value": m{"active": false}}))
		},
		"list of one": func(w *world, u string) reply {
			return w.send("PATCH", "/Users/"+u, patch(m{"op": "replace", "path": "active", "value": []any{"false"}}))
		},
		"put": func(w *world, u string) reply {
			return w.send("PUT", "/Users/"+u, m{"userName": "anna@example.com", "active": false})
		},
		"delete": func(w *world, u string) reply { return w.send("DELETE", "/Users/"+u, nil) },
		"out of the group": func(w *world, u string) reply {
			return w.send("PATCH", "/Groups/"+w.groupNamed("Agents"), patch(m{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", u)}))
		},
		"group deleted": func(w *world, _ string) reply { return w.send("DELETE", "/Groups/"+w.groupNamed("Agents"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				anna := w.push("anna@example.com", nil)
				g := w.group("Agents", anna)
				w.set(scim.Settings{Mapping: []scim.Mapping{{Group: groupID(w, g), Role: access.User}}})
				if !slices.Equal(w.roles("anna@example.com"), []access.Role{access.User}) {
					w.Fatalf("before: %v", w.roles("anna@example.com"))
				}
				// A role that was added by hand ends with the rest where the person is out.
				topics := w.topics(func() {
					if got := off(w, anna); got.status >= 300 {
						w.Fatal(got)
					}
				})
				if got := w.roles("anna@example.com"); len(got) != 0 {
					w.Errorf("after: %v", got)
				}
				if !slices.Contains(topics, "members") {
					w.Error("live connections were not told") // they close on this hint, at once
				}
				if pending, err := w.p.Pending(w.Context(), ""); err != nil || len(pending) > 0 {
					w.Errorf("left to do: %v %v", pending, err)
				}
			})
		})
	}
}

// topics gathers the live topics that commits of the place woke.
func (w *world) topics(fn func()) (topics []string) {
	w.store.OnCommit(func(c place.Commit) {
		if c.Customer == w.p.Customer() {
			topics = append(topics, c.Topics...)
		}
	})
	fn()
	return topics
}

func (w *world) groupNamed(name string) string {
	got := w.send("GET", "/Groups?filter=displayName+eq+%22"+name+"%22", nil)
	s, _ := at(got.body, "Resources.0.id").(string)
	return s
}

func TestTokensOfALeaverEndWithTheMembership(t *testing.T) {
	everywhere(t, func(w *world) {
		anna := w.push("anna@example.com", m{"roles": []m{{"value": "Admin"}}})
		w.set(scim.Settings{Mapping: []scim.Mapping{{Value: "Admin", Role: access.CustomerAdmin}}})
		var person id.Person
		members, err := w.people.Members(w.Context(), w.p)
		w.no(err)
		for _, one := range members {
			if one.Email == "anna@example.com" {
				person = one.Person
			}
		}
		_, text, err := w.people.CreateToken(w.Context(), w.p, system, person, identity.TokenDraft{Name: "reports", Acts: []access.Act{access.UsageRead}, Until: w.now.Add(time.Hour)})
		w.no(err)
		if got := w.send("PATCH", "/Users/"+anna, patch(m{"op": "replace", "path": "active", "value": "False"})); got.status != 200 {
			w.Fatal(got)
		}
		if _, err := w.machine(text); !fault.Is(err, fault.Unauthenticated) {
			w.Errorf("the token still works: %v", err)
		}
		// Back again: the role comes back, the token does not.
		w.send("PATCH", "/Users/"+anna, patch(m{"op": "replace", "path": "active", "value": true}))
		if _, err := w.machine(text); !fault.Is(err, fault.Unauthenticated) || len(w.roles("anna@example.com")) != 1 {
			w.Errorf("after coming back: %v, %v", err, w.roles("anna@example.com"))
		}
	})
}

// The last administrator stays, whatever is sent; it is said why, once a day.
func TestTheLastAdministratorStays(t *testing.T) {
	everywhere(t, func(w *world) {
		u := w.push("chief@example.com", nil)
		g := w.group("Admins", u)
		w.set(scim.Settings{Mapping: []scim.Mapping{{Group: groupID(w, g), Role: access.CustomerAdmin}}})
		w.no(w.people.RemoveMember(w.Context(), w.p, system, w.boss.ID))
		before := len(w.box.Mails())
		for _, try := range []func() reply{
			func() reply {
				return w.send("PATCH", "/Users/"+u, patch(m{"op": "Replace", "path": "active", "value": "False"}))
			},
			func() reply { return w.send("DELETE", "/Users/"+u, nil) },
			func() reply {
				return w.send("PATCH", "/Groups/"+g, patch(m{"op": "replace", "path": "members", "value": []any{}}))
			},
			func() reply { return w.send("DELETE", "/Groups/"+g, nil) },
		} {
			got := try()
			if got.status != 409 || at(got.body, "scimType") != "mutability" || !strings.Contains(at(got.body, "detail").(string), "last administrator") {
				w.Errorf("%v", got)
			}
			if !slices.Equal(w.roles("chief@example.com"), []access.Role{access.CustomerAdmin}) {
				w.Fatalf("the last administrator holds %v", w.roles("chief@example.com"))
			}
		}
		if got := w.send("GET", "/Users/"+u, nil); at(got.body, "active") != true {
			w.Errorf("half of a refused request was kept: %v", got)
		}
		told := w.box.Mails()[:len(w.box.Mails())-before]
		if len(told) != 1 || told[0].To != "chief@example.com" || !strings.Contains(told[0].Text, "last administrator") {
			w.Errorf("told: %+v", told)
		}
		if err := w.s.Set(w.Context(), w.p, system, scim.Settings{}); !fault.Is(err, fault.Conflict) {
			w.Errorf("a mapping that takes the last administrator's role: %v", err)
		}
		w.now = w.now.Add(25 * time.Hour)
		w.send("DELETE", "/Users/"+u, nil)
		if len(w.box.Mails()) != before+2 {
			w.Error("not told again after a day")
		}
		w.member("second@example.com", access.CustomerAdmin)
		if got := w.send("DELETE", "/Users/"+u, nil); got.status != 204 || len(w.roles("chief@example.com")) != 0 {
			w.Errorf("with another administrator: %v", got)
		}
	})
}

func TestWhatWasAddedByHandStaysUntilTheUserIsOut(t *testing.T) {
	everywhere(t, func(w *world) {
		w.member("anna@example.com", access.Auditor)
		anna := w.push("Anna@example.com", nil) // taken over: the same person
		if got := w.roles("anna@example.com"); !slices.Equal(got, []access.Role{access.Auditor}) {
			w.Fatalf("taken over: %v", got)
		}
		g := w.group("Agents", anna)
		w.set(scim.Settings{Mapping: []scim.Mapping{{Group: groupID(w, g), Role: access.User}}})
		if got := w.roles("anna@example.com"); len(got) != 2 {
			w.Fatalf("in the group: %v", got)
		}
		w.send("PATCH", "/Groups/"+g, patch(m{"op": "replace", "path": "members", "value": []any{}}))
		if got := w.roles("anna@example.com"); !slices.Equal(got, []access.Role{access.Auditor}) {
			w.Fatalf("out of the group: %v", got)
		}
		w.send("PATCH", "/Users/"+anna, patch(m{"op": "replace", "path": "active", "value": "False"}))
		w.send("PATCH", "/Users/"+anna, patch(m{"op": "replace", "path": "active", "value": "True"}))
		if got := w.roles("anna@example.com"); len(got) != 0 {
			w.Errorf("back again: %v", got)
		}
	})
}

func TestNobodyIsAMemberWithoutARole(t *testing.T) {
	everywhere(t, func(w *world) {
		w.push("anna@example.com", nil)
		o, err := w.s.Overview(w.Context(), w.p)
		w.no(err)
		if len(w.roles("anna@example.com")) != 0 || o.Users != 1 || o.Active != 1 || o.NoRole != 1 || len(w.box.Mails()) != 0 {
			w.Errorf("roles %v, overview %+v, %d mails", w.roles("anna@example.com"), o, len(w.box.Mails()))
		}
		w.set(scim.Settings{DefaultRole: access.Agent, Invite: true})
		if len(w.roles("anna@example.com")) != 1 || len(w.box.Mails()) != 1 || !strings.Contains(w.box.Mails()[0].Subject, "Harbour Dental") {
			w.Errorf("with a role for everybody: %v, %d mails", w.roles("anna@example.com"), len(w.box.Mails()))
		}
		w.push("ben@example.com", nil)
		if len(w.box.Mails()) != 2 {
			w.Error("no invitation")
		}
	})
}

func TestPlaybackByAGroupIsToldToTheAdministrators(t *testing.T) {
	here(t, func(w *world) {
		anna := w.push("anna@example.com", nil)
		g := w.group("Hearers", anna)
		w.set(scim.Settings{Mapping: []scim.Mapping{{Group: groupID(w, g), Role: access.SuperUser}}})
		if mails := w.box.Mails(); len(mails) != 1 || mails[0].To != "boss@example.com" {
			w.Errorf("told: %+v", mails)
		}
	})
}

func TestAddressesThatAreNotAllowed(t *testing.T) {
	everywhere(t, func(w *world) {
		w.set(scim.Settings{Domains: []string{"@Example.com"}, DefaultRole: access.User})
		w.push("anna@example.com", nil)
		for _, u := range []m{
			{"userName": "mallory@elsewhere.example"},
			{"userName": "mallory@example.com", "emails": []m{{"value": "mallory@elsewhere.example", "primary": true}}},
			{"userName": "mallory"},
			{"userName": ""},
			{},
			{"userName": "x@example.com", "active": "perhaps"},
			{"userName": []any{"a", "b"}},
		} {
			if got := w.send("POST", "/Users", u); got.status != 400 || at(got.body, "scimType") != "invalidValue" {
				w.Errorf("%v: %v", u, got)
			}
		}
		var persons int
		w.no(w.store.Registry().View(w.Context(), func(tx *place.Tx) (err error) {
			persons, err = place.Row[int](tx, `SELECT count(*) FROM persons`)
			return err
		}))
		if persons != 2 {
			w.Errorf("%d persons: somebody who was refused was added", persons)
		}
	})
}

// A customer's directory must not reach into what a person is elsewhere.
func TestTheSignInAddressIsNotTheProvidersToChange(t *testing.T) {
	everywhere(t, func(w *world) {
		w.set(scim.Settings{DefaultRole: access.User})
		anna := w.push("anna@example.com", nil)
		got := w.send("PATCH", "/Users/"+anna, patch(m{"op": "replace", "path": `emails[type eq "work"].value`, "value": "mallory@example.com"}, m{"op": "replace", "path": "userName", "value": "mallory@example.com"}))
		if got.status != 200 {
			w.Fatal(got)
		}
		members, err := w.people.Members(w.Context(), w.p)
		w.no(err)
		for _, one := range members {
			if p, err := w.people.Person(w.Context(), one.Person); err != nil || p.Email == "mallory@example.com" {
				w.Errorf("somebody signs in as %v now: %v", p.Email, err)
			}
		}
	})
}

func TestSettingsListEveryFault(t *testing.T) {
	here(t, func(w *world) {
		err := w.s.Set(w.Context(), w.p, system, scim.Settings{
			Mapping: []scim.Mapping{{Value: "A", Role: "root"}, {Role: access.User}, {Value: "B", Role: access.ProviderAdmin}}, DefaultRole: access.CustomerAdmin, Domains: []string{"x y", "nodot"},
		})
		if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 6 {
			w.Errorf("%+v", f)
		}
		if err := w.s.Set(w.Context(), w.p, system, scim.Settings{Mapping: []scim.Mapping{{Group: id.New[id.ScimGroup](), Role: access.User}}}); !fault.Is(err, fault.Invalid) {
			w.Errorf("a group that is not there: %v", err)
		}
	})
}

func TestTokensOfIdentityProviders(t *testing.T) {
	everywhere(t, func(w *world) {
		made, text, err := w.s.CreateToken(w.Context(), w.p, system, w.boss.ID, "Entra ID", w.now.Add(time.Hour))
		w.no(err)
		got, p, err := w.s.Provisioner(w.Context(), text, netip.Addr{})
		if err != nil || got.ID != made.ID || p != w.p {
			w.Fatal(got, p, err)
		}
		for _, bad := range []string{"", scim.Prefix, text.Reveal() + "x", text.Reveal()[:40], "rft_" + text.Reveal()[4:], scim.Prefix + strings.Repeat("0", 26) + "_x"} {
			if _, _, err := w.s.Provisioner(w.Context(), secret.NewText(bad), netip.Addr{}); !fault.Is(err, fault.Unauthenticated) {
				w.Errorf("%q: %v", bad, err)
			}
		}
		// It is the customer's: it works on when its maker has left.
		w.member("second@example.com", access.CustomerAdmin)
		w.no(w.people.RemoveMember(w.Context(), w.p, system, w.boss.ID))
		if _, _, err := w.s.Provisioner(w.Context(), text, netip.Addr{}); err != nil {
			w.Errorf("after its maker left: %v", err)
		}
		list, err := w.s.Tokens(w.Context(), w.p)
		if err != nil || len(list) != 1 || list[0].LastUsedAt.IsZero() {
			w.Errorf("%+v %v", list, err)
		}
		w.now = w.now.Add(time.Hour)
		if _, _, err := w.s.Provisioner(w.Context(), text, netip.Addr{}); !fault.Is(err, fault.Unauthenticated) {
			w.Errorf("after its end: %v", err)
		}
		w.no(w.s.RemoveToken(w.Context(), w.p, system, made.ID))
		if err := w.s.RemoveToken(w.Context(), w.p, system, made.ID); !fault.Is(err, fault.NotFound) {
			w.Error(err)
		}
	})
}

func TestABatchIsDoneWholeOrNotAtAll(t *testing.T) {
	everywhere(t, func(w *world) {
		w.set(scim.Settings{DefaultRole: access.User})
		good := []m{
			{"method": "POST", "path": "/Users", "bulkId": "a", "data": m{"userName": "anna@example.com"}},
			{"method": "POST", "path": "/Users", "bulkId": "b", "data": m{"userName": "ben@example.com"}},
			{"method": "POST", "path": "/Groups", "bulkId": "g", "data": m{"displayName": "Both", "members": []m{{"value": "bulkId:a"}, {"value": "bulkId:b"}}}},
			{"method": "PATCH", "path": "/Users/bulkId:b", "data": patch(m{"op": "replace", "path": "displayName", "value": "Benjamin"})},
		}
		bad := append(slices.Clone(good), m{"method": "POST", "path": "/Users", "data": m{"userName": "nobody"}}, m{"method": "DELETE", "path": "/Users/" + id.New[id.ScimUser]().String()}, m{"method": "TRACE", "path": "/Users"})
		got := w.send("POST", "/Bulk", m{"Operations": bad})
		if got.status != 400 || at(got.body, "Operations.0.status") != "412" || at(got.body, "Operations.4.response.scimType") != "invalidValue" || at(got.body, "Operations.5.status") != "404" || at(got.body, "Operations.6.status") != "400" {
			w.Errorf("%v", got)
		}
		if n := at(w.send("GET", "/Users", nil).body, "totalResults"); n != 0.0 || len(w.roles("anna@example.com")) != 0 {
			w.Errorf("half of a batch was done: %v users", n)
		}
		got = w.send("POST", "/Bulk", m{"Operations": good})
		if got.status != 200 || at(got.body, "Operations.2.status") != "201" || !strings.HasPrefix(fmt.Sprint(at(got.body, "Operations.0.location")), "https://calls.example/scim/v2/Users/scu_") {
			w.Fatalf("%v", got)
		}
		if len(w.roles("ben@example.com")) != 1 || at(w.send("GET", "/Groups", nil).body, "Resources.0.members.1.type") != "User" {
			w.Error("the batch was not done")
		}
	})
}

func TestPushedPeopleAreSealed(t *testing.T) {
	everywhere(t, func(w *world) {
		w.push("zebrawood@example.com", m{"externalId": "zebrawood-7"})
		w.group("Zebrawood people")
		type row struct {
			Card     []byte `db:"card"`
			Name     []byte `db:"name"`
			External []byte `db:"external"`
		}
		w.no(w.p.View(w.Context(), func(tx *place.Tx) error {
			users, err := place.Rows[row](tx, `SELECT card, user_name AS name, external FROM scim_users`)
			w.no(err)
			groups, err := place.Rows[row](tx, `SELECT card, name FROM scim_groups`)
			w.no(err)
			for _, r := range append(users, groups...) {
				if all := strings.ToLower(string(r.Card) + string(r.Name) + string(r.External)); strings.Contains(all, "zebra") {
					w.Errorf("readable in the database: %q", all)
				}
			}
			facts, err := place.Rows[string](tx, `SELECT facts FROM events`)
			if strings.Contains(strings.ToLower(strings.Join(facts, " ")), "zebra") {
				w.Error("readable in the journal")
			}
			return err
		}))
	})
}

func (w *world) machine(text secret.Text) (identity.Machine, error) {
	return w.people.Machine(w.Context(), text, identity.Origin{})
}
