package httpapi_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
)

// letIn gives the provider's person support access to the customer.
func (w *world) letIn(c *customer, role access.Role) httpapi.SupportAccess {
	w.Helper()
	var g httpapi.SupportAccess
	got := w.as("customer_admin@a.example").do("POST", "/api/v1/customers/"+c.id.String()+"/support",
		map[string]any{"email": "provider@example.com", "role": string(role), "reason": "no sound on line 4", "minutes": 60})
	if got.status != 201 {
		w.Fatal(got)
	}
	got.into(w, &g)
	return g
}

// place is what /me says of a customer, or nil.
func (c *client) place(of *customer) *httpapi.MyNode {
	var me httpapi.Me
	c.do("GET", "/api/v1/me", nil).into(c.w, &me)
	for _, p := range me.Places {
		if p.ID == of.id.String() {
			return &p
		}
	}
	return nil
}

func TestSupportAccessOverHTTP(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin, helper := w.as("customer_admin@a.example"), w.as("provider@example.com")
	if helper.place(w.a) != nil || helper.do("GET", base+"/recordings", nil).status != 404 {
		t.Fatal("the provider reaches a customer's place")
	}
	g := w.letIn(w.a, access.SuperUser)
	p := helper.place(w.a)
	if p == nil || p.Support == nil || p.Support.Reason != "no sound on line 4" || p.Support.By != "Somebody" || !p.Support.Until.Equal(g.Until) {
		t.Fatalf("%+v", p)
	}
	if slices.Contains(p.Acts, "support.grant") || slices.Contains(p.Acts, "member.manage") || !slices.Contains(p.Acts, "recording.listen") {
		t.Errorf("offers %v", p.Acts)
	}
	if got := helper.do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen"}); got.status != 201 {
		t.Error(got)
	}
	if got := helper.do("GET", "/api/v1/customers/"+w.b.id.String()+"/recordings", nil); got.status != 404 {
		t.Error("let in at one customer, and another opens:", got.status)
	}
	done := 0
	for _, e := range w.events(w.a.p) {
		if e.ActorID != g.PersonID {
			continue
		}
		if done++; e.OnBehalf != g.ID {
			t.Errorf("%s does not name the grant: %+v", e.Code, e)
		}
	}
	if done < 2 {
		t.Errorf("%d lines of what was done under it", done)
	}
	var list struct{ Items []httpapi.SupportAccess }
	admin.do("GET", base+"/support", nil).into(t, &list)
	if len(list.Items) != 1 || !list.Items[0].Open || list.Items[0].UsedAt == nil {
		t.Errorf("%+v", list)
	}
	// The customer ends it: the next request, and what is open, within a second.
	conn, _, err := helper.dial(w.a.id)
	w.no(err)
	begun := time.Now()
	if got := admin.do("DELETE", base+"/support/"+g.ID, nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := helper.do("GET", base+"/recordings", nil); got.status != 404 {
		t.Error("after the end:", got.status)
	}
	w.closes(conn, begun)
	if helper.place(w.a) != nil {
		t.Error("still listed")
	}
}

func TestSupportAccessIsLeftByTheHelper(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	w.letIn(w.a, access.Auditor)
	helper := w.as("provider@example.com")
	if got := helper.do("GET", base+"/members", nil); got.status != 200 {
		t.Error(got)
	}
	if got := helper.do("GET", base+"/recordings", nil); got.status != 404 {
		t.Error("an auditor sees the list:", got.status)
	}
	if got := helper.do("POST", base+"/support/leave", nil); got.status != 204 {
		t.Error(got)
	}
	if got := helper.do("GET", base+"/members", nil); got.status != 404 {
		t.Error("after leaving:", got.status)
	}
	if got := w.as("user@a.example").do("POST", base+"/support/leave", nil); got.status != 404 {
		t.Error("who has no support access leaves it:", got.status)
	}
}

// It ends by itself, and what hangs on it within a second.
func TestSupportAccessRunsOut(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	w.letIn(w.a, access.SuperUser)
	end := time.Now().Add(700 * time.Millisecond)
	w.no(w.a.p.Change(t.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "support.ended"})
		_, err := tx.Exec(`UPDATE support_grants SET until_at = ?`, end.UnixMilli())
		return err
	}))
	helper := w.as("provider@example.com")
	conn, _, err := helper.dial(w.a.id)
	w.no(err)
	w.closes(conn, end)
	if got := helper.do("GET", base+"/recordings", nil); got.status != 404 {
		t.Error("after the end:", got.status)
	}
}

// What holds a machine's connection up is looked at as soon as it goes: the token
// itself, whoever made it, and the network it comes from.
func TestMachinesAreHungUpOn(t *testing.T) {
	for name, end := range map[string]func(w *world, tok identity.Token, maker id.Person) error{
		"the token ends": func(w *world, tok identity.Token, _ id.Person) error {
			return w.people.RemoveToken(w.Context(), w.a.p, system, tok.ID)
		},
		"its maker leaves": func(w *world, _ identity.Token, maker id.Person) error {
			return w.people.RemoveMember(w.Context(), w.a.p, system, maker)
		},
		"its network is shut out": func(w *world, _ identity.Token, _ id.Person) error {
			_, _, err := entry.New(nil).Add(w.Context(), entry.Where{Place: w.a.p, Node: w.a.id}, entry.Saver{Who: system, Free: true},
				entry.Draft{Surface: entry.API, Network: "203.0.113.0/24", Owner: "test", Reason: "test"}, false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			maker := w.person("second@a.example")
			_, err := w.people.AddMember(t.Context(), w.a.p, system, maker, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
			w.no(err)
			tok, text, err := w.people.CreateToken(t.Context(), w.a.p, system, maker, identity.TokenDraft{Name: "t", Acts: []access.Act{access.ExposureRead}, Until: time.Now().Add(time.Hour)})
			w.no(err)
			conn, _, err := w.browser().dial(w.a.id, "Authorization", "Bearer "+text.Reveal())
			w.no(err)
			begun := time.Now()
			w.no(end(w, tok, maker))
			w.closes(conn, begun)
		})
	}
}

// closes waits until the connection is closed, at most a second after an instant.
func (w *world) closes(conn *websocket.Conn, from time.Time) {
	w.Helper()
	within := promised(w, time.Second)
	ctx, cancel := context.WithDeadline(w.Context(), from.Add(30*time.Second))
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || time.Since(from) > within() {
				w.Errorf("closed after %v: %v", time.Since(from), err)
			}
			return
		}
	}
}

func (w *world) events(p *place.Place) (all []journal.Entry) {
	w.Helper()
	w.no(p.View(w.Context(), func(tx *place.Tx) (err error) {
		all, err = journal.List(tx, journal.Filter{Limit: 10000})
		return err
	}))
	return all
}
