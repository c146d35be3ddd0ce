package sso_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/vouch"
)

// What comes back is taken in the browser that began, once, in time, and at the
// provider it was begun with.
func TestAnAnswerIsForTheBrowserThatAsked(t *testing.T) {
	everywhere(t, func(w *world) {
		first := w.provide()
		second := w.provide()
		w.one = first
		begin := func() (sso.Started, error) {
			return w.s.Start(t.Context(), w.p, first.ID, sso.Wish{Aim: sso.SignIn}, from)
		}
		started, err := begin()
		w.no(err)
		back := w.idp.Return(t, started.URL, alice())
		for name, token := range map[string]secret.Text{"another browser": secret.NewText("other"), "no cookie": {}} {
			if _, err := w.s.Callback(t.Context(), w.p, first.ID, token, back, from); vouch.Of(err) == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = w.s.Callback(t.Context(), w.p, second.ID, started.Token, back, from)
		w.refused(vouch.Mismatch, err)
		elsewhere := placetest.Customer(t, w.store)
		if _, err := w.s.Callback(t.Context(), elsewhere, first.ID, started.Token, back, from); !fault.Is(err, fault.NotFound) {
			t.Error("at another customer:", err)
		}
		if _, err := w.s.Callback(t.Context(), w.p, first.ID, started.Token, back, from); err != nil {
			t.Error("strangers have ended the sign-in:", err)
		}
		_, err = w.s.Callback(t.Context(), w.p, first.ID, started.Token, back, from)
		w.refused(vouch.Mismatch, err)

		started, err = begin()
		w.no(err)
		w.pass(11 * time.Minute)
		_, err = w.s.Callback(t.Context(), w.p, first.ID, started.Token, w.idp.Return(t, started.URL, alice()), from)
		w.refused(vouch.Mismatch, err)
		_, err = w.s.Callback(t.Context(), w.p, first.ID, started.Token, nil, from)
		w.refused(vouch.Mismatch, err)
	})
}

// Switched off, a provider lets nobody in and those it let in are out.
func TestSwitchedOff(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		came := w.in(alice())
		ended := false
		w.people.OnEnd(func(i id.Session) { ended = ended || i == came.Signed.Session })
		started, err := w.s.Start(t.Context(), w.p, w.one.ID, sso.Wish{Aim: sso.SignIn}, from)
		w.no(err)
		back := w.idp.Return(t, started.URL, alice())
		w.one.Enabled = false
		w.one, err = w.s.Change(t.Context(), w.p, w.who(), w.one)
		w.no(err)
		_, err = w.s.Callback(t.Context(), w.p, w.one.ID, started.Token, back, from)
		w.refused(vouch.Off, err)
		_, err = w.signIn(alice())
		w.want(fault.NotFound, err)
		if ok, err := w.people.Alive(t.Context(), came.Signed.Session); ok || err != nil || !ended {
			t.Error("the session goes on", err)
		}
		if list, err := w.s.Choices(t.Context(), w.p.Customer()); len(list) != 0 || err != nil {
			t.Error(list, err)
		}
		if r := w.test(alice()); !r.Passed || !r.Admits {
			t.Errorf("what is off can be tested: %+v", r)
		}
	})
}

// A test shows what arrived and what it would be worth, signs nobody in and
// makes nobody a member.
func TestATestShowsAndSignsNobodyIn(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		r := w.test(alice(claims{"extension": "5"}))
		if !r.Passed || !r.Admits || r.Own || r.Subject != "alice-1" || r.Email != "alice@calls.example" || len(r.Roles) != 1 || len(r.Extensions) != 1 ||
			len(r.Checks) < 6 || r.Claims["groups"] == nil || r.By != w.boss.Person {
			t.Errorf("%+v", r)
		}
		if n := w.links(""); len(n) != 0 {
			t.Error("a test has linked somebody")
		}
		if r = w.test(alice(claims{"groups": "cooks"})); !r.Passed || r.Admits || r.Cause != vouch.NoRole {
			t.Errorf("%+v", r)
		}
		// Of an answer that is refused, the check that failed is named and its claims are shown.
		if r = w.test(alice(claims{"aud": "somebody else"})); r.Passed || r.Admits || r.Cause != vouch.Audience || r.Claims["email"] == nil || r.Checks[len(r.Checks)-1].OK {
			t.Errorf("%+v", r)
		}
		if h := w.health(); h.Cause != vouch.Audience {
			t.Errorf("%+v", h)
		}
		if _, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID); !fault.Is(err, fault.Conflict) {
			t.Error("linked by a test that failed:", err)
		}
	})
}

// The tester may link themselves to what their test showed; nobody else to it.
func TestLinkingTheTester(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		other := w.member("other@calls.example", access.CustomerAdmin)
		r := w.test(alice(claims{"sub": "boss-1", "groups": []string{"chiefs"}}))
		if _, err := w.s.LinkTester(t.Context(), w.p, w.who(), other, w.one.ID, r.ID); !fault.Is(err, fault.Conflict) {
			t.Error("another person's test:", err)
		}
		got, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID)
		if err != nil || !got.Own || !got.Admits {
			t.Fatal(got, err)
		}
		if w.in(alice(claims{"sub": "boss-1", "groups": []string{"chiefs"}})).Signed.Person != w.boss.Person {
			t.Error("somebody else came in")
		}
		if again := w.test(alice(claims{"sub": "boss-1", "groups": []string{"chiefs"}})); !again.Own {
			t.Errorf("%+v", again)
		}
		w.in(alice()) // alice-1 is somebody else from now on
		r = w.test(alice())
		if _, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID); !fault.Is(err, fault.Conflict) {
			t.Error("linked to somebody else's subject:", err)
		}
		r = w.test(alice(claims{"sub": "boss-2"}))
		w.pass(61 * time.Minute)
		if _, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID); !fault.Is(err, fault.Conflict) {
			t.Error("an old test:", err)
		}
	})
}

// Showing again who one is renews the session that one has, for the same person
// only, and only where the provider asked anew.
func TestRenewing(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		came := w.in(alice())
		present, err := w.people.Session(t.Context(), came.Signed.Token)
		w.no(err)
		w.pass(time.Hour)
		if present.Session.FreshAt(w.p.Customer(), w.clock()) {
			t.Error("fresh after an hour")
		}
		renew := sso.Wish{Aim: sso.Renew, Session: present.Session, Next: "/x"}
		now := w.clock().Unix()
		_, err = w.come(renew, alice(claims{"iat": now, "exp": now + 300}))
		w.refused(vouch.Denied, err)
		anew := claims{"iat": now, "exp": now + 300, "auth_time": now}
		_, err = w.come(renew, alice(anew, claims{"sub": "bob-1", "email": "bob@calls.example"}))
		w.refused(vouch.Subject, err)
		again, err := w.come(renew, alice(anew))
		w.no(err)
		present, err = w.people.Session(t.Context(), again.Signed.Token)
		if err != nil || again.Signed.Session != came.Signed.Session || !present.Session.FreshAt(w.p.Customer(), w.clock()) {
			t.Error(err, again.Signed.Session)
		}
		if present.Session.FreshAt(id.New[id.Customer](), w.clock()) {
			t.Error("fresh at another customer")
		}
	})
}

// Nothing that a provider was given or has said lies in a database to be read.
func TestWhatIsStoredTellsNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		w.in(alice())
		w.test(alice())
		_, err := w.s.Claim(t.Context(), w.p, w.who(), w.one.ID, "calls.example")
		w.no(err)
		_, err = w.signIn(alice(claims{"sub": "alice-2"}))
		w.refused(vouch.Subject, err)
		var rows [][]byte
		w.no(w.p.View(t.Context(), func(tx *place.Tx) error {
			for _, q := range []string{
				`SELECT settings FROM identity_providers`, `SELECT card FROM sso_links`, `SELECT mark FROM sso_links`, `SELECT report FROM sso_tests`,
				`SELECT note FROM sso_health WHERE note IS NOT NULL`, `SELECT data FROM sso_under_way`,
			} {
				got, err := place.Rows[[]byte](tx, q)
				if err != nil {
					return err
				}
				rows = append(rows, got...)
			}
			return nil
		}))
		w.no(w.store.Registry().View(t.Context(), func(tx *place.Tx) error {
			got, err := place.Rows[[]byte](tx, `SELECT domain FROM sso_domains`)
			rows = append(rows, got...)
			return err
		}))
		if len(rows) < 6 {
			t.Fatal("the test looks in the wrong place:", len(rows))
		}
		for _, r := range rows {
			for _, word := range []string{"hush-hush", "alice", "Alice", "calls.example", "127.0.0.1"} {
				if strings.Contains(string(r), word) {
					t.Errorf("%q lies in the open", word)
				}
			}
		}
	})
}

// Every request to a provider stands in the ledger of what left the host.
func TestRequestsStandInTheLedger(t *testing.T) {
	here(t, func(w *world) {
		w.provide()
		w.in(alice())
		page, err := egress.List(t.Context(), w.p, "", 50)
		w.no(err)
		if len(page.Items) != 3 { // description, token, keys
			t.Errorf("%+v", page.Items)
		}
		for _, l := range page.Items {
			if l.Engine != "sso" || l.Purpose == "" || l.Subject != w.one.ID.String() || l.Status != 200 {
				t.Errorf("%+v", l)
			}
		}
	})
}

// Strangers can begin sign-ins; they can fill nothing with them.
func TestStrangersAreBounded(t *testing.T) {
	here(t, func(w *world) {
		w.provide()
		limited := 0
		for range 80 {
			_, err := w.s.Start(t.Context(), w.p, w.one.ID, sso.Wish{Aim: sso.SignIn}, from)
			if fault.Is(err, fault.Limited) {
				limited++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if limited == 0 {
			t.Error("nobody was slowed down")
		}
		w.pass(11 * time.Minute)
		w.in(alice(w.today()))
		w.no(w.p.View(t.Context(), func(tx *place.Tx) error {
			n, err := place.Row[int](tx, `SELECT count(*) FROM sso_under_way`)
			if n != 0 {
				t.Errorf("%d sign-ins are kept that are over", n)
			}
			return err
		}))
	})
}

// Only by the provider: not before the saver has come in by it, and never
// without a way back.
func TestSSOOnlyHasAWayBack(t *testing.T) {
	everywhere(t, func(w *world) {
		w.provide()
		strong := identity.Session{ID: w.boss.ID, Person: w.boss.Person, StartedAt: w.clock(), ProvedAt: w.clock(), Proof: identity.Proof{Methods: []identity.Method{identity.ByPasskey}}}
		only := identity.DefaultPolicy()
		only.SSOOnly = true
		set := func(pol identity.Policy) error { return w.people.SetPolicy(t.Context(), w.p, w.who(), strong, pol) }
		w.want(fault.Invalid, set(only)) // nobody is named
		only.Recovery = append(only.Recovery, w.boss.Person)
		if err := set(only); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "authenticator app") {
			t.Error("somebody without a strong factor:", err)
		}
		w.equip(w.boss.Person)
		if err := set(only); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "test the identity provider") {
			t.Error("without a test:", err)
		}
		w.test(alice()) // lets in somebody else
		if err := set(only); !fault.Is(err, fault.Invalid) {
			t.Error("a test that lets in somebody else:", err)
		}
		r := w.test(alice(claims{"sub": "boss-1", "groups": []string{"chiefs"}}))
		_, err := w.s.LinkTester(t.Context(), w.p, w.who(), w.boss.Person, w.one.ID, r.ID)
		w.no(err)
		w.pass(61 * time.Minute)
		w.want(fault.Invalid, set(only))
		w.test(alice(claims{"sub": "boss-1", "groups": []string{"chiefs"}}, w.today()))
		w.no(set(only))

		second := w.member("second@calls.example", access.CustomerAdmin)
		w.want(fault.Conflict, w.people.RemoveMember(t.Context(), w.p, w.who(), w.boss.Person))
		w.want(fault.Conflict, w.people.RemoveTOTP(t.Context(), strong, from))
		w.want(fault.Conflict, w.s.Remove(t.Context(), w.p, w.who(), w.one.ID))
		off := w.one
		off.Enabled = false
		_, err = w.s.Change(t.Context(), w.p, w.who(), off)
		w.want(fault.Conflict, err)

		w.equip(second)
		only.Recovery = append(only.Recovery, second)
		w.no(set(only))
		w.no(w.people.RemoveTOTP(t.Context(), strong, from))
		w.no(w.people.RemoveMember(t.Context(), w.p, w.who(), w.boss.Person))
		w.want(fault.Conflict, w.people.RemoveMember(t.Context(), w.p, w.who(), second))
	})
}

// today are the times of a token that is made now, by the clock of the test.
func (w *world) today() claims {
	return claims{"iat": w.clock().Unix(), "exp": w.clock().Unix() + 300}
}

// equip gives somebody an authenticator app, as its set-up does.
func (w *world) equip(p id.Person) {
	w.Helper()
	w.no(w.store.Registry().Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "test.equipped", Subject: p.String()})
		_, err := tx.Exec(`INSERT INTO totp (person, secret, since) VALUES (?, ?, 0)`, p, []byte("x"))
		return err
	}))
}
