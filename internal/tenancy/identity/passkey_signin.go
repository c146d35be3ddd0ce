package identity

import (
	"bytes"
	"context"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// AskPasskey gives the browser what navigator.credentials.get wants, for
// whoever it may be: the answer says who. The token is for the browser's cookie.
func (s *Service) AskPasskey(ctx context.Context, from Origin) (options any, token secret.Text, err error) {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return nil, token, fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	w, err := s.relyingParty()
	if err != nil {
		return nil, token, err
	}
	asked, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, token, err
	}
	text, hash := newSecret()
	return asked.Response, secret.NewText(text), s.keepChallenge(ctx, hash, id.Person{}, data)
}

// SignInPasskey ends what AskPasskey began: a passkey that has checked its
// holder is two factors, so no password is asked.
func (s *Service) SignInPasskey(ctx context.Context, token secret.Text, answer []byte, from Origin) (Signed, error) {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return Signed{}, fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	p, err := s.checkPasskey(ctx, hashOf(token.Reveal()), answer, from)
	if err != nil {
		return Signed{}, err
	}
	return s.Begin(ctx, p, Proof{Methods: []Method{ByPasskey}}, from)
}

// AskPasskeyOf is AskPasskey for a step-up: only the session's person answers.
func (s *Service) AskPasskeyOf(ctx context.Context, ses Session) (any, error) {
	w, err := s.relyingParty()
	if err != nil {
		return nil, err
	}
	asked, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return asked.Response, s.keepChallenge(ctx, ceremonyKey("step up", ses.ID), ses.Person, data)
}

// StepUpPasskey renews a session by a passkey of its person.
func (s *Service) StepUpPasskey(ctx context.Context, ses Session, answer []byte, from Origin) (Signed, error) {
	if err := s.guess(ses.Person, from); err != nil {
		return Signed{}, err
	}
	p, err := s.checkPasskey(ctx, ceremonyKey("step up", ses.ID), answer, from)
	if fault.Is(err, fault.Unauthenticated) || err == nil && p != ses.Person {
		return Signed{}, fault.Field("credential", "this passkey was not accepted")
	}
	if err != nil {
		return Signed{}, err
	}
	return s.Renew(ctx, ses, Proof{Methods: []Method{ByPasskey}}, from)
}

// checkPasskey says whose passkey answered the challenge under the key. The
// challenge is gone after the first answer, right or wrong.
func (s *Service) checkPasskey(ctx context.Context, key, answer []byte, from Origin) (id.Person, error) {
	w, err := s.relyingParty()
	if err != nil {
		return id.Person{}, err
	}
	data, err := s.challenge(ctx, key)
	if err != nil {
		return id.Person{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return id.Person{}, fault.Wrap(err, fault.Unauthenticated, "%s", errPasskey.Text)
	}
	var h keyHolder
	var broken error // of the store, which the library would take for a wrong answer
	_, c, err := w.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		var p id.Person
		if len(handle) != len(p) {
			return nil, errPasskey
		}
		copy(p[:], handle)
		if h, broken = s.holder(ctx, p); fault.Is(broken, fault.NotFound) {
			broken = nil
			return nil, errPasskey
		}
		return h, broken
	}, data, parsed)
	if broken != nil {
		return id.Person{}, broken
	}
	if err != nil {
		return id.Person{}, fault.Wrap(err, fault.Unauthenticated, "%s", errPasskey.Text)
	}
	for _, k := range h.keys {
		if bytes.Equal(k.credential.ID, c.ID) {
			return h.ID, s.countPasskey(ctx, h.ID, k.ID, c, from)
		}
	}
	return id.Person{}, errPasskey
}

// countPasskey takes note of the key's own count. One that does not grow means
// that there are two of a key that cannot be copied: both are refused.
func (s *Service) countPasskey(ctx context.Context, p id.Person, k id.Factor, c *webauthn.Credential, from Origin) error {
	copied := c.Authenticator.CloneWarning
	if !copied {
		err := s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
			n, err := tx.Exec(`INSERT INTO passkey_used (passkey, counter, used_at) VALUES (?, ?, ?)
				ON CONFLICT (passkey) DO UPDATE SET counter = excluded.counter, used_at = excluded.used_at
				WHERE passkey_used.counter < excluded.counter OR passkey_used.counter = 0 AND excluded.counter = 0`,
				k, int64(c.Authenticator.SignCount), s.now().UnixMilli())
			copied = n == 0
			return err
		})
		if err != nil || !copied {
			return err
		}
	}
	err := s.store.Registry().Change(ctx, actor.ForSystem("sign-in"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "passkey.copied", Subject: p.String(), Facts: map[string]string{"passkey": k.String()}, Personal: map[string]string{"from": from.address()}})
		return nil
	})
	if err != nil {
		return err
	}
	return errPasskey
}
