package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Passkey is a key that a person's device or key ring keeps for this server
// alone. It signs only for our address, so a copy of our page on another one
// gets nothing (WebAuthn level 3 §13.4.8), and only after the device has checked
// who holds it.
type Passkey struct {
	ID        id.Factor
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time // zero: never since it was registered
	Synced    bool      // its maker may copy it to other devices of the person
}

const mostPasskeys = 20

var (
	errPasskey   = fault.New(fault.Unauthenticated, "this passkey was not accepted; use another way to sign in")
	errNoPasskey = fault.New(fault.Unavailable, "this server has no name that passkeys could be made for: they need https and a host name, or localhost")
)

// PasskeysPossible reports whether browsers can make passkeys for the address
// of this server: a bare IP address is no name that they could be bound to.
func (s *Service) PasskeysPossible() bool {
	_, err := s.relyingParty()
	return err == nil
}

// relyingParty reads our own name from the configured URL, never from a header
// of the request, which the caller writes.
func (s *Service) relyingParty() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(s.base())
	if err != nil || u.Hostname() == "" {
		return nil, errNoPasskey
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil, errNoPasskey
	}
	w, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "Ringfence", RPOrigins: []string{u.Scheme + "://" + u.Host}})
	return w, fault.Wrap(err, fault.Unavailable, "passkeys cannot be used under this server's address")
}

// keyHolder is a person as the library wants to see one.
type keyHolder struct {
	Person
	keys []passkeyRecord
}

func (h keyHolder) WebAuthnID() []byte          { return h.ID[:] }
func (h keyHolder) WebAuthnName() string        { return h.Email }
func (h keyHolder) WebAuthnDisplayName() string { return h.Name }
func (h keyHolder) WebAuthnCredentials() (cs []webauthn.Credential) {
	for _, k := range h.keys {
		cs = append(cs, k.credential)
	}
	return cs
}

type passkeyRecord struct {
	Passkey
	credential webauthn.Credential
}

type passkeyRow struct {
	ID         id.Factor `db:"id"`
	Name       []byte    `db:"name"`
	Credential []byte    `db:"credential"`
	CreatedAt  int64     `db:"created_at"`
	Counter    int64     `db:"counter"`
	UsedAt     int64     `db:"used_at"`
}

func passkeysOf(tx *place.Tx, p id.Person) (all []passkeyRecord, err error) {
	rows, err := place.Rows[passkeyRow](tx, `SELECT k.id, k.name, k.credential, k.created_at, coalesce(u.counter, 0) AS counter, coalesce(u.used_at, 0) AS used_at
		FROM passkeys k LEFT JOIN passkey_used u ON u.passkey = k.id WHERE k.person = ? ORDER BY k.id`, p)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		name, err := tx.Unseal(place.FieldPasskeyName, r.ID, r.Name)
		if err != nil {
			return nil, err
		}
		text, err := tx.Unseal(place.FieldPasskey, r.ID, r.Credential)
		if err != nil {
			return nil, err
		}
		k := passkeyRecord{Passkey: Passkey{ID: r.ID, Name: string(name), CreatedAt: instant(r.CreatedAt), UsedAt: instant(r.UsedAt)}}
		if err := json.Unmarshal(text, &k.credential); err != nil {
			return nil, err
		}
		k.credential.Authenticator.SignCount = uint32(max(r.Counter, int64(k.credential.Authenticator.SignCount)))
		k.Synced = k.credential.Flags.BackupEligible
		all = append(all, k)
	}
	return all, nil
}

func (s *Service) holder(ctx context.Context, p id.Person) (h keyHolder, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		if h.Person, err = personByID(tx, p); err != nil {
			return err
		}
		h.keys, err = passkeysOf(tx, p)
		return err
	})
	return h, err
}

// Passkeys lists a person's.
func (s *Service) Passkeys(ctx context.Context, p id.Person) (list []Passkey, err error) {
	h, err := s.holder(ctx, p)
	for _, k := range h.keys {
		list = append(list, k.Passkey)
	}
	return list, err
}

// BeginPasskey gives the browser what navigator.credentials.create wants.
func (s *Service) BeginPasskey(ctx context.Context, ses Session) (any, error) {
	w, err := s.relyingParty()
	if err != nil {
		return nil, err
	}
	h, err := s.holder(ctx, ses.Person)
	if err != nil {
		return nil, err
	}
	if len(h.keys) >= mostPasskeys {
		return nil, fault.New(fault.Conflict, "you have %d passkeys; remove one first", mostPasskeys)
	}
	options, data, err := w.BeginRegistration(h,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()),
	)
	if err != nil {
		return nil, err
	}
	return options.Response, s.keepChallenge(ctx, ceremonyKey("register", ses.ID), ses.Person, data)
}

func (s *Service) keepChallenge(ctx context.Context, key []byte, p id.Person, data *webauthn.SessionData) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return s.keepCeremony(ctx, key, p, text)
}

func (s *Service) challenge(ctx context.Context, key []byte) (data webauthn.SessionData, err error) {
	text, err := s.takeCeremony(ctx, key)
	if err == nil {
		err = json.Unmarshal(text, &data)
	}
	return data, err
}

// AddPasskey registers the key that the browser answered with. Recovery codes
// are given if there are none yet.
func (s *Service) AddPasskey(ctx context.Context, ses Session, name string, answer []byte, from Origin) (Signed, []string, error) {
	name, err := checkName(name)
	if err != nil {
		return Signed{}, nil, err
	}
	w, err := s.relyingParty()
	if err != nil {
		return Signed{}, nil, err
	}
	data, err := s.challenge(ctx, ceremonyKey("register", ses.ID))
	if err != nil {
		return Signed{}, nil, err
	}
	h, err := s.holder(ctx, ses.Person)
	if err != nil {
		return Signed{}, nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Signed{}, nil, fault.Wrap(err, fault.Invalid, "this is no answer of a browser to a request for a passkey")
	}
	c, err := w.CreateCredential(h, data, parsed)
	if err != nil {
		return Signed{}, nil, fault.Wrap(err, fault.Invalid, "this passkey was not accepted: it must be made on this site, and check who holds it")
	}
	var codes []string
	err = s.changeFactors(ctx, ses, from, "A passkey was added", func(tx *place.Tx) error {
		if err := storePasskey(tx, ses.Person, name, c); err != nil {
			return err
		}
		codes, err = firstRecovery(tx, ses.Person)
		return err
	})
	if err != nil {
		return Signed{}, nil, err
	}
	signed, err := s.Renew(ctx, ses, Proof{Methods: []Method{ByPasskey}}, from)
	return signed, codes, err
}

func storePasskey(tx *place.Tx, p id.Person, name string, c *webauthn.Credential) error {
	i := id.At[id.Factor](tx.At())
	c.Attestation = webauthn.CredentialAttestation{} // not asked for, and it would name the device's maker
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	handle, err := passkeyHandle(tx, c.ID)
	if err != nil {
		return err
	}
	credential, err := tx.Seal(place.FieldPasskey, i, text)
	if err != nil {
		return err
	}
	sealedName, err := tx.Seal(place.FieldPasskeyName, i, []byte(name))
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "passkey.added", Subject: p.String(), Facts: map[string]string{"passkey": i.String()}, Personal: map[string]string{"name": name}})
	n, err := tx.Exec(`INSERT INTO passkeys (id, person, handle, name, credential, created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (handle) DO NOTHING`,
		i, p, handle, sealedName, credential, tx.At().UnixMilli())
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "this passkey is registered already")
	}
	return err
}

func passkeyHandle(tx *place.Tx, credential []byte) ([]byte, error) {
	return tx.Blind(place.FieldPasskeyHandle, base64.RawURLEncoding.EncodeToString(credential))
}

// RemovePasskey ends one of a person's.
func (s *Service) RemovePasskey(ctx context.Context, ses Session, i id.Factor, from Origin) error {
	if err := s.mayLose(ctx, ses.Person, Factors{Passkeys: 1}); err != nil {
		return err
	}
	return s.changeFactors(ctx, ses, from, "A passkey was removed", func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM passkeys WHERE id = ? AND person = ?`, i, ses.Person)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such passkey")
		}
		tx.Record(place.Event{Code: "passkey.removed", Subject: ses.Person.String(), Facts: map[string]string{"passkey": i.String()}})
		if _, err := tx.Exec(`DELETE FROM passkey_used WHERE passkey = ?`, i); err != nil {
			return err
		}
		return lastFactorGone(tx, ses.Person)
	})
}
