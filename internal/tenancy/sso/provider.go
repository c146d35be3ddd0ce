package sso

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// Kind is which protocol a provider speaks.
type Kind string

// The protocols.
const (
	OIDC Kind = "oidc"
	SAML Kind = "saml"
)

// Provider is one identity provider of a customer.
type Provider struct {
	ID      id.Provider
	Kind    Kind
	Name    string // as on the button
	Enabled bool

	Issuer   string // OpenID Connect
	ClientID string
	Secret   secret.Text // on the way in: zero keeps what is stored
	NoSecret bool        // on the way in: a public client, what is stored goes
	Scopes   []string

	Metadata    []byte // SAML, on the way in: the file
	MetadataURL string // or where it is
	Peer        saml.Peer

	Newcomers bool // whoever is given a role and is no member yet becomes one
	Mapping   Mapping

	CreatedAt time.Time
	ChangedAt time.Time
	Health    Health

	changedBy string // who a mapping must not make a superuser
}

// Health is how a provider has fared, by real sign-ins and by tests.
type Health struct {
	SuccessAt time.Time
	FailureAt time.Time
	Cause     vouch.Cause // of the last failure
	Note      string
}

// settings is what of a provider is sealed.
type settings struct {
	Name        string    `json:"name"`
	Issuer      string    `json:"issuer,omitempty"`
	ClientID    string    `json:"client_id,omitempty"`
	Secret      string    `json:"secret,omitempty"`
	Scopes      []string  `json:"scopes,omitempty"`
	MetadataURL string    `json:"metadata_url,omitempty"`
	Peer        saml.Peer `json:"peer"`
	Newcomers   bool      `json:"newcomers,omitempty"`
	Mapping     Mapping   `json:"mapping"`
}

type providerRow struct {
	ID        id.Provider `db:"id"`
	Kind      string      `db:"kind"`
	Enabled   bool        `db:"enabled"`
	Settings  []byte      `db:"settings"`
	ChangedBy string      `db:"changed_by"`
	CreatedAt int64       `db:"created_at"`
	ChangedAt int64       `db:"changed_at"`
	SuccessAt int64       `db:"success_at"`
	FailureAt int64       `db:"failure_at"`
	Cause     string      `db:"cause"`
	Note      []byte      `db:"note"`
}

const providerColumns = `SELECT p.id, p.kind, p.enabled, p.settings, p.changed_by, p.created_at, p.changed_at,
		coalesce(h.success_at, 0) AS success_at, coalesce(h.failure_at, 0) AS failure_at, coalesce(h.cause, '') AS cause, h.note
	FROM identity_providers p LEFT JOIN sso_health h ON h.provider = p.id`

func (r providerRow) open(tx *place.Tx) (Provider, error) {
	plain, err := tx.Unseal(place.FieldProvider, r.ID, r.Settings)
	if err != nil {
		return Provider{}, err
	}
	var s settings
	if err := json.Unmarshal(plain, &s); err != nil {
		return Provider{}, err
	}
	p := Provider{
		ID: r.ID, Kind: Kind(r.Kind), Name: s.Name, Enabled: r.Enabled, Issuer: s.Issuer, ClientID: s.ClientID, Secret: secret.NewText(s.Secret),
		Scopes: s.Scopes, MetadataURL: s.MetadataURL, Peer: s.Peer, Newcomers: s.Newcomers, Mapping: s.Mapping,
		CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), ChangedAt: time.UnixMilli(r.ChangedAt).UTC(), changedBy: r.ChangedBy,
		Health: Health{SuccessAt: instant(r.SuccessAt), FailureAt: instant(r.FailureAt), Cause: vouch.Cause(r.Cause)},
	}
	if r.Note == nil {
		return p, nil
	}
	note, err := tx.Unseal(place.FieldProviderNote, r.ID, r.Note)
	p.Health.Note = string(note)
	return p, err
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func providerIn(tx *place.Tx, i id.Provider) (Provider, error) {
	r, err := place.Row[providerRow](tx, providerColumns+` WHERE p.id = ?`, i)
	if err != nil {
		return Provider{}, err
	}
	return r.open(tx)
}

// Provider reads one; fault.NotFound if this customer has none of that id.
func (s *Service) Provider(ctx context.Context, p *place.Place, i id.Provider) (one Provider, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		one, err = providerIn(tx, i)
		return err
	})
	return one, err
}

// Providers lists a customer's, the oldest first.
func (s *Service) Providers(ctx context.Context, p *place.Place) (list []Provider, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		list, err = providersIn(tx)
		return err
	})
	return list, err
}

func providersIn(tx *place.Tx) (list []Provider, err error) {
	rows, err := place.Rows[providerRow](tx, providerColumns+` ORDER BY p.id`)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		one, err := r.open(tx)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// Add sets a provider up. It is off until Enabled is set, which a test sign-in
// should come before.
func (s *Service) Add(ctx context.Context, p *place.Place, who actor.Actor, one Provider) (Provider, error) {
	one.ID = id.New[id.Provider]()
	if err := s.complete(ctx, p, &one, Provider{}); err != nil {
		return Provider{}, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM identity_providers`)
		if err != nil {
			return err
		}
		if n >= mostProviders {
			return fault.New(fault.Conflict, "a customer has at most %d identity providers", mostProviders)
		}
		one.CreatedAt = tx.At()
		return write(tx, "idp.added", &one, who.ID)
	})
	return one, err
}

// Change sets a provider up anew. The kind stays; an empty secret stays what it
// was. Sessions that it vouched for end when it is switched off.
func (s *Service) Change(ctx context.Context, p *place.Place, who actor.Actor, one Provider) (Provider, error) {
	before, err := s.Provider(ctx, p, one.ID)
	if err != nil {
		return Provider{}, err
	}
	if one.Kind != before.Kind {
		return Provider{}, fault.Field("kind", "a provider stays what it is; add another one")
	}
	if err := s.complete(ctx, p, &one, before); err != nil {
		return Provider{}, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		now, err := providerIn(tx, one.ID)
		if err != nil {
			return err
		}
		if now.ChangedAt != before.ChangedAt {
			return fault.New(fault.Conflict, "somebody else has changed this provider meanwhile; look at it again")
		}
		if now.Enabled && !one.Enabled {
			if err := notTheLast(tx, one.ID); err != nil {
				return err
			}
		}
		one.CreatedAt, one.Health = now.CreatedAt, now.Health
		return write(tx, "idp.changed", &one, who.ID)
	})
	if err != nil {
		return Provider{}, err
	}
	s.forget(one.ID)
	if before.Enabled && !one.Enabled {
		err = s.people.EndVouched(ctx, who, p.Customer(), one.ID.String())
	}
	return one, err
}

// write writes a provider and the event.
func write(tx *place.Tx, code string, one *Provider, by string) error {
	one.ChangedAt, one.changedBy = tx.At(), by
	plain, err := json.Marshal(settings{
		one.Name, one.Issuer, one.ClientID, one.Secret.Reveal(), one.Scopes, one.MetadataURL, one.Peer, one.Newcomers, one.Mapping,
	})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldProvider, one.ID, plain)
	if err != nil {
		return err
	}
	facts := map[string]string{"kind": string(one.Kind), "enabled": yes(one.Enabled), "newcomers": yes(one.Newcomers)}
	rules, err := json.Marshal(one.Mapping)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: code, Subject: one.ID.String(), Facts: facts, Personal: map[string]string{
		"name": one.Name, "issuer": one.Issuer + one.Peer.EntityID, "mapping": string(rules),
	}})
	tx.Notify(topic)
	_, err = tx.Exec(`INSERT INTO identity_providers (id, kind, enabled, settings, changed_by, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, settings = excluded.settings, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
		one.ID, string(one.Kind), one.Enabled, sealed, one.changedBy, one.CreatedAt.UnixMilli(), one.ChangedAt.UnixMilli())
	return err
}

// topic is what screens that show providers listen to.
const topic = "identity-providers"

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// notTheLast refuses to close the only door where there is no other.
func notTheLast(tx *place.Tx, i id.Provider) error {
	pol, err := identity.PolicyIn(tx)
	if err != nil || !pol.SSOOnly {
		return err
	}
	n, err := place.Row[int](tx, `SELECT count(*) FROM identity_providers WHERE enabled = 1 AND id <> ?`, i)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "people sign in through this provider only; allow other ways first, or switch another provider on")
	}
	return err
}

// Remove takes a provider away, its links and its domains with it. Sessions
// that it vouched for end.
func (s *Service) Remove(ctx context.Context, p *place.Place, who actor.Actor, i id.Provider) error {
	if _, err := s.Provider(ctx, p, i); err != nil {
		return err
	}
	if err := s.dropDomains(ctx, p.Customer(), who, i); err != nil {
		return err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		one, err := providerIn(tx, i)
		if err != nil {
			return err
		}
		if err := notTheLast(tx, i); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "idp.removed", Subject: i.String(), Personal: map[string]string{"name": one.Name}})
		tx.Notify(topic)
		for _, text := range []string{
			`DELETE FROM sso_link_seen WHERE link IN (SELECT id FROM sso_links WHERE provider = ?)`,
			`DELETE FROM sso_links WHERE provider = ?`, `DELETE FROM sso_tests WHERE provider = ?`, `DELETE FROM sso_under_way WHERE provider = ?`,
			`DELETE FROM sso_health WHERE provider = ?`, `DELETE FROM identity_providers WHERE id = ?`,
		} {
			if _, err := tx.Exec(text, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.forget(i)
	return s.people.EndVouched(ctx, who, p.Customer(), i.String())
}

// Open is what somebody who is not signed in may know of a provider.
type Open struct {
	Customer id.Customer
	ID       id.Provider
	Kind     Kind
	Name     string
}

// Choices lists the providers of a customer that are switched on; none for a
// customer that there is not.
func (s *Service) Choices(ctx context.Context, c id.Customer) (list []Open, err error) {
	p, err := s.store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := s.Providers(ctx, p)
	for _, one := range all {
		if one.Enabled {
			list = append(list, Open{c, one.ID, one.Kind, one.Name})
		}
	}
	slices.SortFunc(list, func(a, b Open) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return list, err
}
