package sso

import (
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Domain is one that a customer says its people's addresses end in. Anybody may
// say so; whoever shows it by a text record holds it, alone, and only then are
// addresses sent to the customer's provider.
type Domain struct {
	ID         id.Domain
	Provider   id.Provider
	Name       string
	Record     string // where the text record has to be
	Proof      string // and what it has to say
	ClaimedAt  time.Time
	VerifiedAt time.Time // zero: not yet
}

type domainRow struct {
	ID         id.Domain   `db:"id"`
	Provider   id.Provider `db:"provider"`
	Domain     []byte      `db:"domain"`
	Proof      string      `db:"proof"`
	ClaimedAt  int64       `db:"claimed_at"`
	VerifiedAt int64       `db:"verified_at"`
}

const domainColumns = `SELECT id, provider, domain, proof, claimed_at, verified_at FROM sso_domains`

func (r domainRow) open(tx *place.Tx) (Domain, error) {
	name, err := tx.Unseal(place.FieldDomain, r.ID, r.Domain)
	return Domain{r.ID, r.Provider, string(name), "_ringfence." + string(name), r.Proof, instant(r.ClaimedAt), instant(r.VerifiedAt)}, err
}

// host is a name of at least two labels, in the form in which it stands in the
// DNS: letters of other alphabets come as xn--.
var host = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$`)

func cleanDomain(name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "@"), "."))
	if len(name) > 253 || !host.MatchString(name) {
		return "", fault.Field("domain", "type what stands behind the @, as example.com")
	}
	return name, nil
}

// Domains lists what a customer claims.
func (s *Service) Domains(ctx context.Context, c id.Customer) (list []Domain, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		list, err = domainsIn(tx, c)
		return err
	})
	return list, err
}

func domainsIn(tx *place.Tx, c id.Customer) (list []Domain, err error) {
	rows, err := place.Rows[domainRow](tx, domainColumns+` WHERE customer = ? ORDER BY id`, c)
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

// Claim notes a domain for a provider. It says nothing of what others claim.
func (s *Service) Claim(ctx context.Context, p *place.Place, who actor.Actor, provider id.Provider, name string) (d Domain, err error) {
	if name, err = cleanDomain(name); err != nil {
		return d, err
	}
	if _, err := s.Provider(ctx, p, provider); err != nil {
		return d, err
	}
	return s.claim(ctx, p.Customer(), who, provider, name)
}

func (s *Service) claim(ctx context.Context, c id.Customer, who actor.Actor, provider id.Provider, name string) (d Domain, err error) {
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := tx.There(c); err != nil {
			return err
		}
		list, err := domainsIn(tx, c)
		if err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(list, func(d Domain) bool { return d.Name == name }):
			return fault.Field("domain", "you have this domain already")
		case len(list) >= mostDomains:
			return fault.New(fault.Conflict, "a customer has at most %d domains", mostDomains)
		}
		text, _ := newSecret()
		d = Domain{id.At[id.Domain](tx.At()), provider, name, "_ringfence." + name, "ringfence=" + strings.ToLower(text), tx.At(), time.Time{}}
		blind, err := tx.Blind(place.FieldDomain, name)
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldDomain, d.ID, []byte(name))
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "domain.claimed", Subject: d.ID.String(), Facts: map[string]string{"customer": c.String()}, Personal: map[string]string{"domain": name}})
		_, err = tx.Exec(`INSERT INTO sso_domains (id, customer, provider, blind, domain, proof, claimed_at, verified_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
			d.ID, c, provider, blind, sealed, d.Proof, tx.At().UnixMilli())
		return err
	})
	return d, err
}

func (s *Service) domain(ctx context.Context, c id.Customer, i id.Domain) (d Domain, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[domainRow](tx, domainColumns+` WHERE id = ? AND customer = ?`, i, c)
		if err != nil {
			return err
		}
		d, err = r.open(tx)
		return err
	})
	return d, err
}

// Verify looks for the text record. A domain that another customer has shown
// first is fault.Conflict: they have to let it go, or the operator asks why two
// can write into one zone.
func (s *Service) Verify(ctx context.Context, c id.Customer, who actor.Actor, i id.Domain) (Domain, error) {
	d, err := s.domain(ctx, c, i)
	if err != nil || !d.VerifiedAt.IsZero() {
		return d, err
	}
	if err := s.lookUp(ctx, d); err != nil {
		return d, err
	}
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		blind, err := tx.Blind(place.FieldDomain, d.Name)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO sso_domain_holders (blind, domain) VALUES (?, ?) ON CONFLICT DO NOTHING`, blind, d.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "another customer of this installation has shown that it holds %s; the provider of this service can help", d.Name)
		}
		d.VerifiedAt = tx.At()
		tx.Record(place.Event{Code: "domain.verified", Subject: d.ID.String(), Facts: map[string]string{"customer": c.String()}, Personal: map[string]string{"domain": d.Name}})
		_, err = tx.Exec(`UPDATE sso_domains SET verified_at = ? WHERE id = ? AND customer = ?`, tx.At().UnixMilli(), d.ID, c)
		return err
	})
	return d, err
}

// lookUp asks the DNS, and says what it found instead.
func (s *Service) lookUp(ctx context.Context, d Domain) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	found, err := s.resolver.LookupTXT(ctx, d.Record)
	var missing *net.DNSError
	switch {
	case errors.As(err, &missing) && missing.IsNotFound:
		return fault.New(fault.Conflict, "there is no text record at %s yet; a new one may take an hour to be seen", d.Record)
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "the text record of %s cannot be looked up now", d.Record)
	case !slices.Contains(found, d.Proof):
		return fault.New(fault.Conflict, "the text records at %s do not hold %s", d.Record, d.Proof)
	}
	return nil
}

// Release gives a domain up; addresses in it are sent nowhere from then on.
func (s *Service) Release(ctx context.Context, c id.Customer, who actor.Actor, i id.Domain) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[domainRow](tx, domainColumns+` WHERE id = ? AND customer = ?`, i, c)
		if err != nil {
			return err
		}
		return release(tx, c, r)
	})
}

func release(tx *place.Tx, c id.Customer, r domainRow) error {
	d, err := r.open(tx)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "domain.released", Subject: d.ID.String(), Facts: map[string]string{"customer": c.String()}, Personal: map[string]string{"domain": d.Name}})
	if _, err := tx.Exec(`DELETE FROM sso_domain_holders WHERE domain = ?`, d.ID); err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM sso_domains WHERE id = ?`, d.ID)
	return err
}

func (s *Service) dropDomains(ctx context.Context, c id.Customer, who actor.Actor, p id.Provider) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		rows, err := place.Rows[domainRow](tx, domainColumns+` WHERE customer = ? AND provider = ?`, c, p)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "idp.domains-released", Subject: p.String(), Facts: map[string]string{"customer": c.String()}})
		for _, r := range rows {
			if err := release(tx, c, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForAddress is the provider that somebody with this address signs in at; none
// where nobody has shown to hold the domain. The answer depends on the domain
// alone, never on the person: it does not tell who has an account.
func (s *Service) ForAddress(ctx context.Context, email string) ([]Open, error) {
	_, name, _ := strings.Cut(email, "@")
	name, err := cleanDomain(name)
	if err != nil {
		return nil, nil
	}
	type row struct {
		Customer id.Customer `db:"customer"`
		Provider id.Provider `db:"provider"`
	}
	var found row
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		blind, err := tx.Blind(place.FieldDomain, name)
		if err != nil {
			return err
		}
		found, err = place.Row[row](tx, `SELECT d.customer, d.provider FROM sso_domain_holders h JOIN sso_domains d ON d.id = h.domain WHERE h.blind = ?`, blind)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := s.Choices(ctx, found.Customer)
	return slices.DeleteFunc(all, func(o Open) bool { return o.ID != found.Provider }), err
}
