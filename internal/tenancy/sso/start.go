package sso

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/oidc"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// Aim is what a sign-in at a provider is for.
type Aim string

// The aims.
const (
	SignIn Aim = "sign-in"
	Renew  Aim = "renew" // somebody who is signed in shows again who they are
	Tested Aim = "test"  // an administrator looks at what arrives; nobody is signed in
)

// Wish is a sign-in that somebody wants to begin.
type Wish struct {
	Aim     Aim
	Next    string           // path in the portal to go to afterwards
	Session identity.Session // of who renews or tests
}

// Started is a sign-in under way.
type Started struct {
	URL   string      // where the browser has to go
	Token secret.Text // for the browser's cookie: what comes back is taken only beside it
	Until time.Time
	Test  id.Test // of a test: its report will have this id
}

// underWay is what is kept of a sign-in until the browser comes back.
type underWay struct {
	Aim     Aim        `json:"aim"`
	Next    string     `json:"next,omitempty"`
	Session id.Session `json:"session"`
	Person  id.Person  `json:"person"`
	Test    id.Test    `json:"test"`
	OIDC    oidc.Begun `json:"oidc"`
	SAML    saml.Begun `json:"saml"`
}

// Start begins a sign-in at a provider. A provider that is switched off can be
// tested and nothing else. Its failure is a *vouch.Failure.
func (s *Service) Start(ctx context.Context, p *place.Place, i id.Provider, w Wish, from identity.Origin) (Started, error) {
	if err := s.people.Knock(from); err != nil {
		return Started{}, err
	}
	one, err := s.Provider(ctx, p, i)
	if err == nil && !one.Enabled && w.Aim != Tested {
		err = errProvider
	}
	if err != nil {
		return Started{}, err
	}
	state, stateHash := newSecret()
	token, tokenHash := newSecret()
	u := underWay{Aim: w.Aim, Next: w.Next}
	if w.Aim != SignIn {
		u.Session, u.Person = w.Session.ID, w.Session.Person
	}
	out := Started{Token: secret.NewText(token), Until: s.now().Add(underWayFor)}
	if w.Aim == Tested {
		u.Test = id.New[id.Test]()
		out.Test = u.Test
	}
	if out.URL, err = s.begin(ctx, p, one, state, &u); err != nil {
		return Started{}, s.failed(ctx, p, one, err)
	}
	return out, s.keep(ctx, p, i, stateHash, tokenHash, u, out.Until)
}

func (s *Service) begin(ctx context.Context, p *place.Place, one Provider, state string, u *underWay) (to string, err error) {
	if one.Kind == OIDC {
		to, u.OIDC, err = s.at(p, one, u.Aim == Tested).Begin(ctx, state, u.Aim == Renew)
		return to, err
	}
	party, err := s.saml(p, one)
	if err != nil {
		return "", err
	}
	to, u.SAML, err = party.Begin(state, u.Aim == Renew)
	return to, err
}

func (s *Service) keep(ctx context.Context, p *place.Place, i id.Provider, state, token []byte, u underWay, until time.Time) error {
	plain, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		now := s.now().UnixMilli()
		for _, text := range []string{`DELETE FROM sso_under_way WHERE until < ?`, `DELETE FROM sso_used WHERE until < ?`} {
			if _, err := tx.Exec(text, now); err != nil {
				return err
			}
		}
		n, err := place.Row[int](tx, `SELECT count(*) FROM sso_under_way`)
		if err != nil {
			return err
		}
		if n >= mostUnderWay {
			return fault.New(fault.Limited, "too many sign-ins are under way; wait a little").After(time.Minute)
		}
		row := id.New[id.Session]()
		sealed, err := tx.Seal(place.FieldSignOn, row, plain)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO sso_under_way (state, id, browser, provider, data, until) VALUES (?, ?, ?, ?, ?, ?)`, state, row, token, i, sealed, until.UnixMilli())
		return err
	})
}

type underWayRow struct {
	ID       id.Session  `db:"id"`
	Browser  []byte      `db:"browser"`
	Provider id.Provider `db:"provider"`
	Data     []byte      `db:"data"`
	Arrived  []byte      `db:"arrived"`
	Until    int64       `db:"until"`
}

// errLost is what a browser is told that brings back what it did not begin, or
// too late, or twice.
var errLost = vouch.Fail(vouch.Mismatch, "this browser has not begun a sign-in, or it is over; begin again")

// find reads what is under way for a state, at this provider.
func (s *Service) find(tx *place.Tx, i id.Provider, state string) (r underWayRow, u underWay, err error) {
	r, err = place.Row[underWayRow](tx, `SELECT id, browser, provider, data, arrived, until FROM sso_under_way WHERE state = ?`, hashOf(state))
	if fault.Is(err, fault.NotFound) || err == nil && (r.Provider != i || s.now().UnixMilli() >= r.Until) {
		return r, u, errLost
	}
	if err != nil {
		return r, u, err
	}
	plain, err := tx.Unseal(place.FieldSignOn, r.ID, r.Data)
	if err == nil {
		err = json.Unmarshal(plain, &u)
	}
	return r, u, err
}

// take ends what is under way, for the browser that began it and no other. What
// another browser asks for stays: it must not be able to end a stranger's.
func (s *Service) take(ctx context.Context, p *place.Place, i id.Provider, state string, token secret.Text) (r underWayRow, u underWay, err error) {
	err = p.Keep(ctx, func(tx *place.Tx) error {
		if r, u, err = s.find(tx, i, state); err != nil {
			return err
		}
		if token.IsZero() || !same(hashOf(token.Reveal()), r.Browser) {
			return errLost
		}
		_, err := tx.Exec(`DELETE FROM sso_under_way WHERE state = ?`, hashOf(state))
		return err
	})
	return r, u, err
}
