package identity_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/identity"
)

var ourSite = virtualwebauthn.RelyingParty{ID: "calls.example", Name: "Ringfence", Origin: "https://calls.example"}

// key is an authenticator with one passkey.
type key struct {
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

// coseKey is how long a public key of P-256 is in COSE (RFC 9053 §7.1.1). The
// authenticator leaves out the zeros with which a coordinate begins, which no real
// one may: one key in 128 is refused for that.
const coseKey = 77

func newKey(p id.Person) *key {
	cred := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(cred.Key.AttestationData()) != coseKey {
		cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return &key{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: p[:]}), cred}
}

func (w *world) text(v any) string {
	w.Helper()
	text, err := json.Marshal(v)
	w.no(err)
	return string(text)
}

func (w *world) register(k *key, ses identity.Session, site virtualwebauthn.RelyingParty) (identity.Signed, []string, error) {
	w.Helper()
	asked, err := w.s.BeginPasskey(w.Context(), ses)
	w.no(err)
	options, err := virtualwebauthn.ParseAttestationOptions(w.text(asked))
	w.no(err)
	return w.s.AddPasskey(w.Context(), ses, "Key ring", []byte(virtualwebauthn.CreateAttestationResponse(site, k.auth, k.cred, *options)), here7)
}

func (w *world) ask() (secret.Text, virtualwebauthn.AssertionOptions) {
	w.Helper()
	asked, token, err := w.s.AskPasskey(w.Context(), here7)
	w.no(err)
	options, err := virtualwebauthn.ParseAssertionOptions(w.text(asked))
	w.no(err)
	return token, *options
}

func (k *key) answer(site virtualwebauthn.RelyingParty, o virtualwebauthn.AssertionOptions) []byte {
	return []byte(virtualwebauthn.CreateAssertionResponse(site, k.auth, k.cred, o))
}

func TestAPasskeySignsInAlone(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		first, other := w.signIn("anna@example.com", good), w.signIn("anna@example.com", good)
		k := newKey(p.ID)
		renewed, codes, err := w.register(k, w.session(first), ourSite)
		w.no(err)
		if len(codes) != 10 || !renewed.Proof.Has(identity.ByPasskey) {
			w.Errorf("%d codes, %v", len(codes), renewed.Proof)
		}
		_, err = w.s.Session(w.Context(), other.Token)
		w.want(fault.Unauthenticated, err)
		if step := w.password("anna@example.com"); step.MailedTo != "" || step.Ways[0] != identity.ByPasskey {
			w.Errorf("beside a passkey a code was mailed: %v", step.Ways)
		}

		k.cred.Counter = 1
		token, options := w.ask()
		answer := k.answer(ourSite, options)
		signed, err := w.s.SignInPasskey(w.Context(), token, answer, here7)
		w.no(err)
		if ses := w.session(signed); ses.Person != p.ID || !ses.Proof.Strong() || !ses.Fresh(w.clock()) {
			w.Errorf("%+v", ses)
		}
		_, err = w.s.SignInPasskey(w.Context(), token, answer, here7)
		w.want(fault.Unauthenticated, err) // the challenge is used up

		list, err := w.s.Passkeys(w.Context(), p.ID)
		w.no(err)
		if len(list) != 1 || list[0].Name != "Key ring" || list[0].UsedAt.IsZero() {
			w.Errorf("%+v", list)
		}
		w.no(w.s.RemovePasskey(w.Context(), w.session(signed), list[0].ID, here7))
		k.cred.Counter = 2
		token, options = w.ask()
		_, err = w.s.SignInPasskey(w.Context(), token, k.answer(ourSite, options), here7)
		w.want(fault.Unauthenticated, err)
	})
}

func TestPasskeysThatAreRefused(t *testing.T) {
	here(t, func(w *world) {
		p, eve := w.add("anna@example.com"), id.New[id.Person]()
		k := newKey(p.ID)
		ses := w.session(w.signIn("anna@example.com", good))
		evil := virtualwebauthn.RelyingParty{ID: "calls.example", Origin: "https://calls.example.evil.example"}
		foreign := virtualwebauthn.RelyingParty{ID: "evil.example", Origin: "https://calls.example"}
		unverified := *k
		unverified.auth.Options.UserNotVerified = true
		for name, try := range map[string]func() error{
			"another origin":    func() error { _, _, err := w.register(k, ses, evil); return err },
			"another party":     func() error { _, _, err := w.register(k, ses, foreign); return err },
			"holder unverified": func() error { _, _, err := w.register(&unverified, ses, ourSite); return err },
		} {
			if err := try(); !fault.Is(err, fault.Invalid) {
				w.Errorf("registering, %s: %v", name, err)
			}
		}
		renewed, _, err := w.register(k, ses, ourSite)
		w.no(err)
		_, _, err = w.register(k, w.session(renewed), ourSite)
		w.want(fault.Conflict, err) // the same key again

		asEve := *k
		asEve.auth.Options.UserHandle = eve[:]
		stranger := newKey(p.ID)
		for name, try := range map[string]func(virtualwebauthn.AssertionOptions) []byte{
			"another origin":     func(o virtualwebauthn.AssertionOptions) []byte { return k.answer(evil, o) },
			"another party":      func(o virtualwebauthn.AssertionOptions) []byte { return k.answer(foreign, o) },
			"holder unverified":  func(o virtualwebauthn.AssertionOptions) []byte { return unverified.answer(ourSite, o) },
			"as somebody else":   func(o virtualwebauthn.AssertionOptions) []byte { return asEve.answer(ourSite, o) },
			"a key nobody knows": func(o virtualwebauthn.AssertionOptions) []byte { return stranger.answer(ourSite, o) },
			"another challenge": func(o virtualwebauthn.AssertionOptions) []byte {
				_, other := w.ask()
				return k.answer(ourSite, other)
			},
			"no answer at all": func(virtualwebauthn.AssertionOptions) []byte { return []byte(`{"id":"x"}`) },
		} {
			k.cred.Counter++
			token, options := w.ask()
			if _, err := w.s.SignInPasskey(w.Context(), token, try(options), here7); !fault.Is(err, fault.Unauthenticated) {
				w.Errorf("signing in, %s: %v", name, err)
			}
			// The right answer comes too late: the challenge was answered.
			if _, err := w.s.SignInPasskey(w.Context(), token, k.answer(ourSite, options), here7); err == nil {
				w.Errorf("after %s the challenge still works", name)
			}
		}
		token, options := w.ask()
		w.pass(5 * time.Minute)
		_, err = w.s.SignInPasskey(w.Context(), token, k.answer(ourSite, options), here7)
		w.want(fault.Unauthenticated, err)
	})
}

func TestACopiedPasskeyIsRefused(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		k := newKey(p.ID)
		_, _, err := w.register(k, w.session(w.signIn("anna@example.com", good)), ourSite)
		w.no(err)
		for _, c := range []struct {
			counter uint32
			ok      bool
		}{{5, true}, {6, true}, {6, false}, {3, false}, {7, true}} {
			k.cred.Counter = c.counter
			token, options := w.ask()
			_, err := w.s.SignInPasskey(w.Context(), token, k.answer(ourSite, options), here7)
			if (err == nil) != c.ok {
				w.Errorf("count %d: %v", c.counter, err)
			}
		}
	})
}

func TestSteppingUpWithAPasskey(t *testing.T) {
	here(t, func(w *world) {
		anna, ben := w.add("anna@example.com"), w.add("ben@example.com")
		ka, kb := newKey(anna.ID), newKey(ben.ID)
		signed, _, err := w.register(ka, w.session(w.signIn("anna@example.com", good)), ourSite)
		w.no(err)
		_, _, err = w.register(kb, w.session(w.signIn("ben@example.com", good)), ourSite)
		w.no(err)
		w.pass(identity.StepUpFor)
		ses := w.session(signed)
		for _, c := range []struct {
			k  *key
			ok bool
		}{{kb, false}, {ka, true}} {
			asked, err := w.s.AskPasskeyOf(w.Context(), ses)
			w.no(err)
			options, err := virtualwebauthn.ParseAssertionOptions(w.text(asked))
			w.no(err)
			renewed, err := w.s.StepUpPasskey(w.Context(), ses, c.k.answer(ourSite, *options), here7)
			if (err == nil) != c.ok {
				w.Fatalf("ok %v: %v", c.ok, err)
			}
			if c.ok && !w.session(renewed).Fresh(w.clock()) {
				w.Error("not fresh")
			}
		}
	})
}
