package intake

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Migrations make the table of who may push, in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 610, Name: "drops", SQL: `
		-- Who may push files for a source: login, and sealed the keys, the hash of a password and that of a token.
		CREATE TABLE drops (
		  source     {{id}}    PRIMARY KEY,
		  login      {{text}}  NOT NULL,
		  settings   {{bytes}} NOT NULL,
		  created_at {{int}}   NOT NULL
		);`}}
}

// RegistryMigrations make the table that leads from a login to its place: a
// telephone system gives no more than that.
func RegistryMigrations() place.Migrations {
	return place.Migrations{{Number: 610, Name: "logins of drops", SQL: `
		CREATE TABLE drop_logins (
		  login    {{text}} PRIMARY KEY,
		  customer {{id}}   NOT NULL,
		  source   {{id}}   NOT NULL
		);`}}
}

// Account is who may push files for a source, and with what.
type Account struct {
	Customer   id.Customer
	Source     id.Source
	Login      string
	Keys       []Key
	PasswordAt time.Time // when it was made; zero: there is none
	TokenAt    time.Time // for HTTPS; likewise
	password   []byte    // salt and argon2id
	token      []byte    // SHA-256
}

// Key is a public key that may sign in by SFTP.
type Key struct {
	Name        string    `json:"name"`
	Text        string    `json:"text"` // as in authorized_keys, without its comment
	Fingerprint string    `json:"fingerprint"`
	AddedAt     time.Time `json:"added_at"`
}

// sealedAccount is what is sealed of an account.
type sealedAccount struct {
	Keys       []Key     `json:"keys"`
	Password   []byte    `json:"password,omitempty"`
	PasswordAt time.Time `json:"password_at"`
	Token      []byte    `json:"token,omitempty"`
	TokenAt    time.Time `json:"token_at"`
}

type accountRow struct {
	Source   id.Source `db:"source"`
	Login    string    `db:"login"`
	Settings []byte    `db:"settings"`
}

const maxKeys = 20

// base gives secrets that can be read aloud.
var base = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func word(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return base.EncodeToString(b)
}

// Account gives who may push for a source; fault.NotFound until Provide was called.
func (s *Service) Account(ctx context.Context, p *place.Place, source id.Source) (a Account, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		a, err = account(tx, source)
		return err
	})
	return a, err
}

func account(tx *place.Tx, source id.Source) (Account, error) {
	r, err := place.Row[accountRow](tx, `SELECT source, login, settings FROM drops WHERE source = ?`, source)
	if err != nil {
		return Account{}, fault.Wrap(err, fault.KindOf(err), "nothing can be pushed for this source yet")
	}
	plain, err := tx.Unseal(place.FieldDropSettings, source, r.Settings)
	if err != nil {
		return Account{}, err
	}
	var set sealedAccount
	if err := json.Unmarshal(plain, &set); err != nil {
		return Account{}, err
	}
	return Account{
		Customer: tx.Place().Customer(), Source: source, Login: r.Login, Keys: set.Keys,
		PasswordAt: set.PasswordAt, TokenAt: set.TokenAt, password: set.Password, token: set.Token,
	}, nil
}

// Provide gives a source its login, once.
func (s *Service) Provide(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) (Account, error) {
	if a, err := s.Account(ctx, p, source); !fault.Is(err, fault.NotFound) {
		return a, err
	}
	a := Account{Customer: p.Customer(), Source: source, Login: "rf-" + word(5)}
	err := s.opt.Store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := tx.There(p.Customer()); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "drop.login-made", Subject: p.Customer().String()})
		_, err := tx.Exec(`INSERT INTO drop_logins (login, customer, source) VALUES (?, ?, ?)`, a.Login, a.Customer, a.Source)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "drop.opened", Subject: source.String(), Facts: map[string]string{"login": a.Login}})
		return a.write(tx)
	})
	return a, err
}

func (a Account) write(tx *place.Tx) error {
	plain, err := json.Marshal(sealedAccount{a.Keys, a.password, a.PasswordAt, a.token, a.TokenAt})
	if err != nil {
		return err
	}
	closed, err := tx.Seal(place.FieldDropSettings, a.Source, plain)
	if err != nil {
		return err
	}
	tx.Notify("sources")
	_, err = tx.Exec(`INSERT INTO drops (source, login, settings, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (source) DO UPDATE SET settings = excluded.settings`, a.Source, a.Login, closed, tx.At().UnixMilli())
	return err
}

// change does something to an account and records it.
func (s *Service) change(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, code string, facts map[string]string, do func(*Account, time.Time) error) (a Account, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if a, err = account(tx, source); err != nil {
			return err
		}
		if err := do(&a, tx.At()); err != nil {
			return err
		}
		tx.Record(place.Event{Code: code, Subject: source.String(), Facts: facts})
		return a.write(tx)
	})
	return a, err
}

// AddKey lets the holder of a key push. It takes a line of authorized_keys.
func (s *Service) AddKey(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, name, line string) (Account, error) {
	k, err := readKey(line)
	if err != nil {
		return Account{}, err
	}
	k.Name = strings.TrimSpace(name)
	return s.change(ctx, p, who, source, "drop.key-added", map[string]string{"key": k.Fingerprint}, func(a *Account, at time.Time) error {
		if a.key(k.Fingerprint) >= 0 {
			return fault.Field("key", "this key is listed already")
		}
		if len(a.Keys) >= maxKeys {
			return fault.Field("key", "a source has at most %d keys; remove one that is not used", maxKeys)
		}
		k.AddedAt = at
		a.Keys = append(a.Keys, k)
		return nil
	})
}

// RemoveKey ends a key by its fingerprint. Sessions that it opened end.
func (s *Service) RemoveKey(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, fingerprint string) (Account, error) {
	return s.change(ctx, p, who, source, "drop.key-removed", map[string]string{"key": fingerprint}, func(a *Account, _ time.Time) error {
		i := a.key(fingerprint)
		if i < 0 {
			return fault.New(fault.NotFound, "there is no such key")
		}
		a.Keys = slices.Delete(a.Keys, i, i+1)
		return nil
	})
}

func (a Account) key(fingerprint string) int {
	return slices.IndexFunc(a.Keys, func(k Key) bool { return k.Fingerprint == fingerprint })
}

// Holds reports whether a key, by its fingerprint, may push.
func (a Account) Holds(fingerprint string) bool { return a.key(fingerprint) >= 0 }

// readKey checks a public key. Old kinds are refused with what to do instead.
func readKey(line string) (Key, error) {
	if strings.Contains(line, "PRIVATE KEY") {
		return Key{}, fault.Field("key", "this is a private key: it must stay where it is and should be replaced now that it was shown. Paste the public one, from the file that ends in .pub")
	}
	k, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(strings.TrimSpace(string(rest))) > 0 {
		return Key{}, fault.Field("key", "paste one public key: a line that begins with ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa")
	}
	switch k.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
	case ssh.KeyAlgoRSA:
		pub, _ := k.(ssh.CryptoPublicKey)
		if key, ok := pub.CryptoPublicKey().(*rsa.PublicKey); !ok || key.N.BitLen() < 2048 {
			return Key{}, fault.Field("key", "this RSA key is shorter than 2,048 bits; make a new one with: ssh-keygen -t ed25519")
		}
	default:
		return Key{}, fault.Field("key", "keys of the kind %s are not accepted; make one with: ssh-keygen -t ed25519", k.Type())
	}
	return Key{Text: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))), Fingerprint: ssh.FingerprintSHA256(k)}, nil
}

// SetPassword makes a password for a system that cannot do keys. It is shown
// once. An older one ends.
func (s *Service) SetPassword(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) (secret.Text, Account, error) {
	text := word(20)
	hash := hashPassword(text, word(10))
	a, err := s.change(ctx, p, who, source, "drop.password-set", nil, func(a *Account, at time.Time) error {
		a.password, a.PasswordAt = hash, at
		return nil
	})
	return secret.NewText(text), a, err
}

// EndPassword ends it: keys alone open the door then.
func (s *Service) EndPassword(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) (Account, error) {
	return s.change(ctx, p, who, source, "drop.password-ended", nil, func(a *Account, _ time.Time) error {
		a.password, a.PasswordAt = nil, time.Time{}
		return nil
	})
}

// hashPassword is the salt and the argon2id hash. What is hashed has 160 random
// bits, so that the cost is the least of its protections.
func hashPassword(text, salt string) []byte {
	return append([]byte(salt), argon2.IDKey([]byte(text), []byte(salt), 2, 19<<10, 1, 32)...)
}

const saltChars = 16 // of word(10)

// hashing bounds how many hashes are computed at once: each takes 19 MiB.
var hashing = make(chan struct{}, 2)

// PasswordIs compares, in constant time and always at the same cost.
func (a Account) PasswordIs(text string) bool {
	stored := a.password
	if len(stored) != saltChars+32 {
		stored = make([]byte, saltChars+32)
	}
	hashing <- struct{}{}
	defer func() { <-hashing }()
	got := hashPassword(text, string(stored[:saltChars]))
	return subtle.ConstantTimeCompare(got, stored) == 1 && len(a.password) > 0
}

const tokenPrefix = "rfd_"

// SetToken makes the token with which files are pushed by HTTPS. It is shown
// once. An older one ends.
func (s *Service) SetToken(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) (secret.Text, Account, error) {
	tail := word(25)
	sum := sha256.Sum256([]byte(tail))
	a, err := s.change(ctx, p, who, source, "drop.token-set", nil, func(a *Account, at time.Time) error {
		a.token, a.TokenAt = sum[:], at
		return nil
	})
	return secret.NewText(tokenPrefix + strings.TrimPrefix(a.Login, "rf-") + "_" + tail), a, err
}

// EndToken ends it.
func (s *Service) EndToken(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) (Account, error) {
	return s.change(ctx, p, who, source, "drop.token-ended", nil, func(a *Account, _ time.Time) error {
		a.token, a.TokenAt = nil, time.Time{}
		return nil
	})
}

// Find leads from a login to its place and account. It is fault.NotFound for a
// login that nobody has, or whose source was removed.
func (s *Service) Find(ctx context.Context, login string) (*place.Place, Account, error) {
	type row struct {
		Customer id.Customer `db:"customer"`
		Source   id.Source   `db:"source"`
	}
	var r row
	err := s.opt.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		r, err = place.Row[row](tx, `SELECT customer, source FROM drop_logins WHERE login = ?`, login)
		return err
	})
	if err != nil {
		return nil, Account{}, err
	}
	p, err := s.opt.Store.Place(ctx, r.Customer)
	if err != nil {
		return nil, Account{}, err
	}
	a, err := s.Account(ctx, p, r.Source)
	return p, a, err
}

// ByToken is Find for a token of HTTPS: fault.Unauthenticated for one that is none.
func (s *Service) ByToken(ctx context.Context, text secret.Text) (*place.Place, Account, error) {
	none := fault.New(fault.Unauthenticated, "this token is not valid, or no longer")
	rest, ok := strings.CutPrefix(text.Reveal(), tokenPrefix)
	login, tail, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 {
		return nil, Account{}, none
	}
	p, a, err := s.Find(ctx, "rf-"+login)
	if fault.Is(err, fault.NotFound) {
		return nil, Account{}, none
	}
	sum := sha256.Sum256([]byte(tail))
	if err == nil && (len(a.token) != len(sum) || subtle.ConstantTimeCompare(sum[:], a.token) != 1) {
		err = none
	}
	return p, a, err
}

// Withdraw ends a source's login with all that waits for it.
func (s *Service) Withdraw(ctx context.Context, p *place.Place, who actor.Actor, source id.Source) error {
	a, err := s.Account(ctx, p, source)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil {
		err = p.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "drop.ended", Subject: source.String()})
			_, err := tx.Exec(`DELETE FROM drops WHERE source = ?`, source)
			return err
		})
		if err != nil {
			return err
		}
		err = s.opt.Store.Registry().Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "drop.login-ended", Subject: p.Customer().String()})
			_, err := tx.Exec(`DELETE FROM drop_logins WHERE login = ?`, a.Login)
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.Discard(p.Customer(), source)
}
