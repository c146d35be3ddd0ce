package identity_test

import (
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestLeavingEndsAllThatHangsOnTheMembership(t *testing.T) {
	everywhere(t, func(w *world) {
		boss, anna := w.add("ben@example.com"), w.add("anna@example.com")
		for p, r := range map[id.Person]access.Role{boss.ID: access.CustomerAdmin, anna.ID: access.User} {
			_, err := w.s.AddMember(w.Context(), w.p, system, p, roles(r))
			w.no(err)
		}
		signed := w.signIn("anna@example.com", good)
		var ended []id.Session
		w.s.OnEnd(func(i id.Session) { ended = append(ended, i) })
		if _, err := w.s.Leave(w.Context(), w.p, system, "leaver", anna.ID, id.New[id.Person]()); !fault.Is(err, fault.NotFound) {
			w.Fatalf("with a stranger among them: %v", err)
		}
		if held, _ := w.s.Held(w.Context(), w.p, anna.ID); len(held) != 1 {
			w.Fatal("a refused list of leavers took somebody out")
		}
		left, err := w.s.Leave(w.Context(), w.p, system, "leaver", anna.ID)
		w.no(err)
		if len(left) != 1 || left[0].Member.Roles[0] != access.User {
			w.Errorf("left: %+v", left)
		}
		if len(ended) != 1 || ended[0] != signed.Session {
			w.Errorf("ended %v, want the session of the person who belongs nowhere any more", ended)
		}
		_, err = w.s.Session(w.Context(), signed.Token)
		w.want(fault.Unauthenticated, err)
		places, err := w.s.Places(w.Context(), anna.ID)
		w.no(err)
		if len(places) != 0 {
			w.Errorf("still hinted at: %v", places)
		}
		_, err = w.s.Leave(w.Context(), w.p, system, "leaver", boss.ID)
		w.want(fault.Conflict, err) // the last administrator
	})
}

// A crash after the Change and before the registry: the start ends it.
func TestLeavingIsFinishedAfterACrash(t *testing.T) {
	everywhere(t, func(w *world) {
		anna := w.add("anna@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, anna.ID, roles(access.User))
		w.no(err)
		signed := w.signIn("anna@example.com", good)
		w.no(w.p.Change(w.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
			_, err := identity.EndIn(tx, "scim", anna.ID)
			return err
		}))
		for range 2 {
			w.no(w.s.FinishLeaving(w.Context(), w.p))
		}
		_, err = w.s.Session(w.Context(), signed.Token)
		w.want(fault.Unauthenticated, err)
		if pending, err := w.p.Pending(w.Context(), ""); err != nil || len(pending) != 0 {
			w.Errorf("pending: %v, %v", pending, err)
		}
	})
}

func TestSomebodyOfTwoCustomersStaysSignedIn(t *testing.T) {
	here(t, func(w *world) {
		anna := w.add("anna@example.com")
		other := placetest.Customer(w, w.store)
		for _, p := range []*place.Place{w.p, other} {
			_, err := w.s.AddMember(w.Context(), p, system, anna.ID, roles(access.User))
			w.no(err)
		}
		signed := w.signIn("anna@example.com", good)
		_, err := w.s.Leave(w.Context(), w.p, system, "leaver", anna.ID)
		w.no(err)
		if _, err := w.s.Session(w.Context(), signed.Token); err != nil {
			w.Errorf("signed out of the other customer too: %v", err)
		}
		// What only this customer's identity provider vouched for ends with it.
		_, err = w.s.AddMember(w.Context(), w.p, system, anna.ID, roles(access.User))
		w.no(err)
		vouched, err := w.s.Begin(w.Context(), anna.ID, identity.Proof{Methods: []identity.Method{identity.BySSO}, Customer: w.p.Customer(), Provider: "idp"}, from("192.0.2.7"))
		w.no(err)
		_, err = w.s.Leave(w.Context(), w.p, system, "leaver", anna.ID)
		w.no(err)
		_, err = w.s.Session(w.Context(), vouched.Token)
		w.want(fault.Unauthenticated, err)
	})
}

func TestMembershipsSetByAnIdentityProvider(t *testing.T) {
	everywhere(t, func(w *world) {
		known, err := w.s.Admit(w.Context(), w.p, system, []identity.Newcomer{{Email: "Anna@example.com", Name: "Anna"}, {Email: "ben@example.com", Name: "Ben"}})
		w.no(err)
		set := func(email string, r ...access.Role) (before, after identity.Member, err error) {
			err = w.p.Change(w.Context(), system, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "member.changed"})
				before, after, err = w.s.SetIn(tx, identity.Person{ID: known[email], Email: email, Name: "X"}, r)
				return err
			})
			return before, after, err
		}
		_, _, err = set("anna@example.com", access.CustomerAdmin)
		w.no(err)
		before, after, err := set("ben@example.com", access.SuperUser)
		w.no(err)
		w.s.Granted(w.Context(), w.p, before, after)
		if mails := w.box.Mails(); len(mails) != 1 || mails[0].To != "anna@example.com" {
			w.Errorf("told of the new superuser: %+v", mails)
		}
		_, _, err = set("anna@example.com", access.User)
		w.want(fault.Conflict, err)
		_, _, err = set("anna@example.com", "root")
		w.want(fault.Invalid, err)
	})
}

// What was under way while a customer left ends at the registry: nobody is added
// for them, and nobody is led to them.
func TestNobodyIsPlacedWithOneWhoHasLeft(t *testing.T) {
	everywhere(t, func(w *world) {
		helper, admin := w.helper("help@example.com"), w.add("admin@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, admin.ID, roles(access.CustomerAdmin))
		w.no(err)
		condemned, gone := make(chan struct{}), make(chan error, 1)
		w.store.OnCommit(func(c place.Commit) {
			for _, e := range c.Events {
				switch {
				case e.Code == "place.destroyed":
					close(condemned)
				case c.Customer == w.p.Customer(): // the customer's place has the grant, the registry not yet
					go func() { gone <- w.store.Destroy(w.Context(), c.Customer) }()
					<-condemned
				}
			}
		})
		if _, err = w.s.GrantSupport(w.Context(), w.p, person(admin.ID), ask("help@example.com")); !fault.Is(err, fault.NotFound) {
			w.Fatal(err)
		}
		w.no(<-gone)
		_, err = w.s.AddMember(w.Context(), w.p, system, helper.ID, roles(access.User))
		w.want(fault.NotFound, err)
		_, err = w.s.Invite(w.Context(), w.p, system, "Harbour Dental", "ben@example.com", "Ben", roles(access.User))
		w.want(fault.NotFound, err)
		_, err = w.s.Admit(w.Context(), w.p, system, []identity.Newcomer{{Email: "cleo@example.com", Name: "Cleo"}})
		w.want(fault.NotFound, err)
		var placed, persons int
		w.no(w.store.Registry().View(w.Context(), func(tx *place.Tx) (err error) {
			if placed, err = place.Row[int](tx, `SELECT count(*) FROM person_places`); err == nil {
				persons, err = place.Row[int](tx, `SELECT count(*) FROM persons`)
			}
			return err
		}))
		if placed != 1 || persons != 2 {
			w.Errorf("%d are placed with one who has left, as the administrator was before; %d persons, two of whom were there before", placed, persons)
		}
	})
}
