package sso

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// Came is where a sign-in ends.
type Came struct {
	Aim    Aim
	Next   string
	Signed identity.Signed // zero for a test
	Test   id.Test         // of a test: its report is stored
}

// Callback is an OpenID provider's answer, in the browser whose cookie holds the
// token. Its failure is a *vouch.Failure.
func (s *Service) Callback(ctx context.Context, p *place.Place, i id.Provider, token secret.Text, back url.Values, from identity.Origin) (Came, error) {
	one, err := s.Provider(ctx, p, i)
	if err != nil {
		return Came{}, err
	}
	if one.Kind != OIDC {
		return Came{}, errLost
	}
	_, u, err := s.take(ctx, p, i, back.Get("state"), token)
	if err != nil {
		return Came{}, err
	}
	out, err := s.at(p, one, u.Aim == Tested).Finish(ctx, u.OIDC, back)
	return s.conclude(ctx, p, one, u, out, err, from)
}

// arrival is what a SAML response came to, kept until its browser asks for it.
type arrival struct {
	Outcome vouch.Outcome `json:"outcome"`
	Cause   vouch.Cause   `json:"cause,omitempty"`
	Text    string        `json:"text,omitempty"`
}

// Arrive takes a SAML response. The form comes from another site, so no cookie
// says whose browser it is, and nothing is done but to check the response and to
// keep what it says; the browser that began collects it. It gives the state to
// collect by.
func (s *Service) Arrive(ctx context.Context, p *place.Place, i id.Provider, form url.Values) (state string, err error) {
	one, err := s.Provider(ctx, p, i)
	if err != nil {
		return "", err
	}
	state = form.Get("RelayState")
	var r underWayRow
	var u underWay
	err = p.View(ctx, func(tx *place.Tx) error {
		r, u, err = s.find(tx, i, state)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case one.Kind != SAML:
		return "", errLost
	case r.Arrived != nil:
		return "", errReplayed
	}
	out, err := s.judge(ctx, p, one, u, form.Get("SAMLResponse"))
	f := vouch.Of(err)
	if err != nil && f == nil {
		return "", err
	}
	return state, s.keepArrival(ctx, p, i, state, out, f)
}

var errReplayed = vouch.Fail(vouch.Replayed, "this response was used before")

// judge checks a response, and once more with metadata read anew where a key is
// not known: providers change keys.
func (s *Service) judge(ctx context.Context, p *place.Place, one Provider, u underWay, field string) (vouch.Outcome, error) {
	raw, err := saml.Decode(field)
	if err != nil {
		return vouch.Outcome{}, err
	}
	party, err := s.saml(p, one)
	if err != nil {
		return vouch.Outcome{}, err
	}
	out, err := party.Finish(u.SAML, raw)
	if f := vouch.Of(err); f == nil || f.Cause != vouch.Keys || one.MetadataURL == "" {
		return out, err
	}
	changed, rerr := s.reread(ctx, p, &one)
	if rerr != nil || !changed {
		return out, err // the first judgement stands; the metadata brought nothing new
	}
	if party, err = s.saml(p, one); err != nil {
		return out, err
	}
	return party.Finish(u.SAML, raw)
}

// keepArrival keeps an arrival, once for each request; a statement that was used
// before is refused, whatever request it claims to answer.
func (s *Service) keepArrival(ctx context.Context, p *place.Place, i id.Provider, state string, out vouch.Outcome, f *vouch.Failure) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		r, _, err := s.find(tx, i, state)
		if err != nil {
			return err
		}
		if r.Arrived != nil {
			return errReplayed
		}
		a := arrival{Outcome: out}
		if f == nil {
			mark, err := tx.Blind(place.FieldStatement, i.String()+out.Statement.Mark)
			if err != nil {
				return err
			}
			n, err := tx.Exec(`INSERT INTO sso_used (mark, until) VALUES (?, ?) ON CONFLICT DO NOTHING`, mark, out.Statement.Until.UnixMilli())
			if err != nil {
				return err
			}
			if n == 0 {
				f = a.Outcome.Refuse("Used once", errReplayed)
			} else {
				a.Outcome.Pass("Used once", "this response was not seen before")
			}
		}
		if f != nil {
			a.Cause, a.Text, a.Outcome.Statement = f.Cause, f.Text, nil
		}
		plain, err := json.Marshal(a)
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldSignOn, r.ID, plain)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE sso_under_way SET arrived = ? WHERE state = ?`, sealed, hashOf(state))
		return err
	})
}

// Collect ends a sign-in by SAML in the browser that began it.
func (s *Service) Collect(ctx context.Context, p *place.Place, i id.Provider, token secret.Text, state string, from identity.Origin) (Came, error) {
	one, err := s.Provider(ctx, p, i)
	if err != nil {
		return Came{}, err
	}
	r, u, err := s.take(ctx, p, i, state, token)
	if err != nil {
		return Came{}, err
	}
	if r.Arrived == nil {
		return Came{}, errLost
	}
	var a arrival
	err = p.View(ctx, func(tx *place.Tx) error {
		plain, err := tx.Unseal(place.FieldSignOn, r.ID, r.Arrived)
		if err == nil {
			err = json.Unmarshal(plain, &a)
		}
		return err
	})
	if err != nil {
		return Came{}, err
	}
	if a.Cause != "" {
		err = vouch.Fail(a.Cause, "%s", a.Text)
	}
	return s.conclude(ctx, p, one, u, a.Outcome, err, from)
}

// conclude makes of a statement, or a failure, what the sign-in was begun for.
func (s *Service) conclude(ctx context.Context, p *place.Place, one Provider, u underWay, out vouch.Outcome, err error, from identity.Origin) (Came, error) {
	came := Came{Aim: u.Aim, Next: u.Next, Test: u.Test}
	if err != nil && vouch.Of(err) == nil {
		return came, err
	}
	if u.Aim == Tested {
		return came, s.report(ctx, p, one, u, out, vouch.Of(err))
	}
	if err == nil && !one.Enabled {
		err = vouch.Fail(vouch.Off, "the provider was switched off meanwhile")
	}
	if err != nil {
		return came, s.failed(ctx, p, one, err)
	}
	person, err := s.admit(ctx, p, one, *out.Statement)
	if err == nil && u.Aim == Renew && person != u.Person {
		err = vouch.Fail(vouch.Subject, "somebody else signed in at the provider than is signed in here")
	}
	if err != nil {
		return came, s.failed(ctx, p, one, err)
	}
	proof := identity.Proof{Methods: []identity.Method{identity.BySSO}, Customer: p.Customer(), Provider: one.ID.String()}
	if u.Aim == Renew {
		present, err := s.people.Still(ctx, u.Session)
		if err != nil {
			return came, err
		}
		if came.Signed, err = s.people.Renew(ctx, present.Session, proof, from); err != nil {
			return came, err
		}
	} else if came.Signed, err = s.people.Begin(ctx, person, proof, from); err != nil {
		return came, err
	}
	return came, s.healthy(ctx, p, one.ID)
}

// failed notes a provider's failure for the administrator, and for the log
// without anything personal. It gives the failure back.
func (s *Service) failed(ctx context.Context, p *place.Place, one Provider, err error) error {
	f := vouch.Of(err)
	if f == nil {
		return err
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "sign-in by an identity provider failed", slog.String("customer", p.Customer().String()),
		slog.String("provider", one.ID.String()), slog.String("kind", string(one.Kind)), slog.String("cause", string(f.Cause)))
	kerr := p.Keep(context.WithoutCancel(ctx), func(tx *place.Tx) error {
		note, err := tx.Seal(place.FieldProviderNote, one.ID, []byte(f.Text))
		if err != nil {
			return err
		}
		tx.Notify(topic)
		_, err = tx.Exec(`INSERT INTO sso_health (provider, success_at, failure_at, cause, note) VALUES (?, 0, ?, ?, ?)
			ON CONFLICT (provider) DO UPDATE SET failure_at = excluded.failure_at, cause = excluded.cause, note = excluded.note`,
			one.ID, s.now().UnixMilli(), string(f.Cause), note)
		return err
	})
	if kerr != nil {
		return kerr
	}
	return err
}

func (s *Service) healthy(ctx context.Context, p *place.Place, i id.Provider) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(topic)
		_, err := tx.Exec(`INSERT INTO sso_health (provider, success_at, failure_at, cause) VALUES (?, ?, 0, '')
			ON CONFLICT (provider) DO UPDATE SET success_at = excluded.success_at`, i, s.now().UnixMilli())
		return err
	})
}
