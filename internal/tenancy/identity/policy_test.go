package identity

import (
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
)

// Every proof against every policy: which sessions enter.
func TestWhichSessionsMeetWhichPolicy(t *testing.T) {
	here, other, friend, boss := id.New[id.Customer](), id.New[id.Customer](), id.New[id.Customer](), id.New[id.Person]()
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	proofs := map[string]Proof{
		"mail": {Methods: []Method{ByPassword, ByMail}}, "app": {Methods: []Method{ByPassword, ByTOTP}}, "paper": {Methods: []Method{ByPassword, ByRecovery}},
		"passkey": {Methods: []Method{ByPasskey}}, "password": {Methods: []Method{ByPassword}}, "app alone": {Methods: []Method{ByTOTP}},
		"device mail": {Methods: []Method{ByDevice, ByPassword, ByMail}}, "device app": {Methods: []Method{ByDevice, ByPassword, ByTOTP}},
		"sso": {Methods: []Method{BySSO}, Customer: here}, "other sso": {Methods: []Method{BySSO}, Customer: other}, "friend sso": {Methods: []Method{BySSO}, Customer: friend},
		"other sso, then app": {Methods: []Method{ByPassword, BySSO, ByTOTP}, Customer: other}, "nothing": {},
	}
	for _, c := range []struct {
		name string
		pol  Policy
		in   []string
	}{
		{"any", DefaultPolicy(), []string{"mail", "app", "paper", "passkey", "device mail", "device app", "sso", "other sso, then app"}},
		{"strong", Policy{Factor: StrongFactor, DeviceDays: 30}, []string{"app", "paper", "passkey", "device app", "sso", "other sso, then app"}},
		{"passkey", Policy{Factor: PasskeyFactor, DeviceDays: 30}, []string{"passkey", "sso"}},
		{"no devices", Policy{Factor: AnyFactor}, []string{"mail", "app", "paper", "passkey", "sso", "other sso, then app"}},
		{"friends", Policy{Factor: StrongFactor, DeviceDays: 30, Elsewhere: []id.Customer{friend}}, []string{"app", "paper", "passkey", "device app", "sso", "friend sso", "other sso, then app"}},
		{"sso only", Policy{Factor: AnyFactor, DeviceDays: 30, SSOOnly: true, Recovery: []id.Person{id.New[id.Person]()}}, []string{"sso"}},
		{"sso only, way back", Policy{Factor: AnyFactor, DeviceDays: 30, SSOOnly: true, Recovery: []id.Person{boss}}, []string{"sso", "app", "paper", "passkey", "device app", "other sso, then app"}},
	} {
		for name, proof := range proofs {
			ses := Session{Person: boss, StartedAt: at.Add(-time.Hour), Proof: proof}
			if !proof.Has(ByDevice) && proof.own() {
				ses.ProvedAt = ses.StartedAt
			}
			err := c.pol.unmet(ses, here, nil, at)
			if want := slices.Contains(c.in, name); (err == nil) != want {
				t.Errorf("%s, session by %s: %v", c.name, name, err)
			}
			if err != nil && (!fault.Is(err, fault.StepUp) || len(fault.Of(err).Details) == 0) {
				t.Errorf("%s, session by %s: does not say what is needed: %v", c.name, name, err)
			}
		}
	}
}

func TestHowLongRolesStayIn(t *testing.T) {
	here := id.New[id.Customer]()
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	pol := DefaultPolicy()
	pol.Limits = map[access.Role]Limit{access.CustomerAdmin: {Idle: 10 * time.Minute, Absolute: time.Hour}, access.User: {Absolute: 8 * time.Hour}}
	held := func(roles ...access.Role) (all []access.Membership) {
		for _, r := range roles {
			all = append(all, access.Membership{Role: r, At: here})
		}
		return all
	}
	if l := pol.limit(held(access.User, access.CustomerAdmin)); l != (Limit{10 * time.Minute, time.Hour}) {
		t.Errorf("with two roles: %+v", l)
	}
	if l := pol.limit(held(access.SuperUser)); l != (Limit{sessionIdle, sessionFor}) {
		t.Errorf("by default: %+v", l)
	}
	proof := Proof{Methods: []Method{ByPassword, ByMail}}
	for _, c := range []struct {
		role  access.Role
		began time.Duration
		shown time.Duration
		ok    bool
	}{
		{access.CustomerAdmin, time.Hour - time.Second, time.Hour - time.Second, true},
		{access.CustomerAdmin, time.Hour, time.Hour, false},
		{access.CustomerAdmin, 3 * time.Hour, time.Minute, true},
		{access.User, 3 * time.Hour, 3 * time.Hour, true},
		{access.User, 8 * time.Hour, 8 * time.Hour, false},
	} {
		ses := Session{StartedAt: at.Add(-c.began), ProvedAt: at.Add(-c.shown), Proof: proof}
		if err := pol.unmet(ses, here, held(c.role), at); (err == nil) != c.ok {
			t.Errorf("%s after %v, shown %v ago: %v", c.role, c.began, c.shown, err)
		}
	}
}

// A customer's shorter idleness follows the session: it ends, wherever it is
// used next.
func TestAStricterCustomerShortensTheSession(t *testing.T) {
	s, _ := quick(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	p := placetest.Customer(t, s.store)
	who, _, err := s.credential(t.Context(), "anna@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddMember(t.Context(), p, system, who.ID, Grant{Roles: []access.Role{access.CustomerAdmin}}); err != nil {
		t.Fatal(err)
	}
	signed, err := s.Begin(t.Context(), who.ID, Proof{Methods: []Method{ByPasskey}}, address(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	enter := func() error {
		present, err := s.Session(t.Context(), signed.Token)
		if err == nil {
			_, err = s.Enter(t.Context(), p, present.Session)
		}
		return err
	}
	pol := DefaultPolicy()
	pol.Limits = map[access.Role]Limit{access.CustomerAdmin: {Idle: 10 * time.Minute}}
	present, err := s.Session(t.Context(), signed.Token)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetPolicy(t.Context(), p, system, present.Session, pol); err != nil {
		t.Fatal(err)
	}
	if err := enter(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10*time.Minute - time.Second)
	if err := enter(); err != nil {
		t.Error("a second before the end:", err)
	}
	now = now.Add(10 * time.Minute)
	if err := enter(); !fault.Is(err, fault.Unauthenticated) {
		t.Error("after ten idle minutes:", err)
	}
}

// Roles above customers reach many of them: their sessions are short.
func TestSessionsAboveCustomersAreShort(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age, idle time.Duration
		over      bool
	}{{11 * time.Hour, time.Hour, false}, {12 * time.Hour, time.Hour, true}, {3 * time.Hour, 2 * time.Hour, true}} {
		begun := at.Add(-c.age)
		r := sessionRow{StartedAt: begun.UnixMilli(), SeenAt: at.Add(-c.idle).UnixMilli(), EndsAt: begun.Add(sessionFor).UnixMilli(), Methods: joinMethods([]Method{ByPassword, ByMail}), Above: true}
		if one := r.session(); one.over(at) != c.over || !one.Until.Equal(begun.Add(nodeFor)) {
			t.Errorf("after %v, idle %v: over %v, until %v", c.age, c.idle, one.over(at), one.Until)
		}
		r.Above = false
		if one := r.session(); one.over(at) || !one.Until.Equal(begun.Add(sessionFor)) {
			t.Errorf("without a role above: over after %v, until %v", c.age, one.Until)
		}
	}
}

// No text that a browser may send as a cookie breaks the lookup or finds
// anything.
func FuzzCookies(f *testing.F) {
	for _, text := range []string{"", "x", "\x00", string(make([]byte, 5000)), "' OR 1=1 --", "ä\xff"} {
		f.Add(text)
	}
	s, _ := quick(f)
	f.Fuzz(func(t *testing.T, text string) {
		token := secret.NewText(text)
		if _, err := s.Session(t.Context(), token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", text, err)
		}
		from := address(9, 9)
		from.Browser = token
		if proof, err := s.remembered(t.Context(), token, id.New[id.Person]()); err != nil || len(proof.Methods) > 0 {
			t.Errorf("%q: %v, %v", text, proof, err)
		}
		if _, err := s.mailed(t.Context(), hashOf(text), text); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
