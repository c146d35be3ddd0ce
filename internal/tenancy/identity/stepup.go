package identity

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Renew adds to what a session rests on and marks it as just proved. It gives a
// new token and ends the old one (OWASP ASVS 5.0, 7.2.4): who had copied the
// weaker session does not get the stronger one.
func (s *Service) Renew(ctx context.Context, ses Session, proof Proof, from Origin) (Signed, error) {
	token, hash := newSecret()
	now := s.now().UTC()
	all := ses.Proof.with(proof)
	proved, vouched := ses.ProvedAt, ses.VouchedAt
	if len(proof.Methods) > 0 && !slices.Contains(proof.Methods, BySSO) {
		proved = now
	}
	if !proof.Customer.IsZero() {
		vouched = now
	}
	err := s.store.Registry().Change(ctx, actor.ForPerson(ses.Person, ses.ID, from.address()), func(tx *place.Tx) error {
		n, err := tx.Exec(`UPDATE sessions SET token = ?, methods = ?, via_customer = ?, via_provider = ?, proved_at = ?, vouched_at = ? WHERE id = ?`,
			hash, joinMethods(all.Methods), all.Customer, all.Provider, stored(proved), stored(vouched), ses.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errSession
		}
		tx.Record(place.Event{Code: "session.proved", Subject: ses.ID.String(), Facts: map[string]string{"methods": joinMethods(proof.Methods)}})
		return nil
	})
	return Signed{secret.NewText(token), ses.ID, ses.Person, ses.Until, all}, err
}

// Factors is what a person can show beside a password.
type Factors struct {
	Password bool
	TOTP     bool
	Passkeys int
	Recovery int // codes left
}

func factorsOf(tx *place.Tx, p id.Person) (f Factors, err error) {
	type row struct {
		Password int `db:"password"`
		TOTP     int `db:"totp"`
		Passkeys int `db:"passkeys"`
		Recovery int `db:"recovery"`
	}
	r, err := place.Row[row](tx, `SELECT (SELECT count(*) FROM credentials WHERE person = ?) AS password, (SELECT count(*) FROM totp WHERE person = ?) AS totp,
		(SELECT count(*) FROM passkeys WHERE person = ?) AS passkeys, (SELECT count(*) FROM recovery_codes WHERE person = ?) AS recovery`, p, p, p, p)
	return Factors{r.Password > 0, r.TOTP > 0, r.Passkeys, r.Recovery}, err
}

// strong reports whether there is a factor that the reader of a mailbox lacks.
func (f Factors) strong() bool { return f.TOTP || f.Passkeys > 0 }

// usable lists what a person can show, best first. The mailed code is left out
// as soon as there is anything stronger: a way around a lock is part of the lock.
func (f Factors) usable() (ms []Method) {
	if f.Passkeys > 0 {
		ms = append(ms, ByPasskey)
	}
	if f.TOTP {
		ms = append(ms, ByTOTP)
	}
	if f.strong() && f.Recovery > 0 {
		ms = append(ms, ByRecovery)
	}
	if !f.strong() {
		ms = append(ms, ByMail)
	}
	return ms
}

// Ways lists what the person of a session can show to renew its proof.
func (s *Service) Ways(ctx context.Context, p id.Person) (f Factors, ms []Method, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		f, err = factorsOf(tx, p)
		return err
	})
	return f, f.usable(), err
}

// Shown is what somebody puts forward to step up.
type Shown struct {
	Method   Method
	Password secret.Text // where the session has not seen it, and for a mailed code
	Code     string
}

// StepUpMail checks the password and mails a code that works for this session
// only. It is refused where the person has something stronger.
func (s *Service) StepUpMail(ctx context.Context, ses Session, password secret.Text, from Origin) (Step, error) {
	if err := s.offered(ctx, ses.Person, ByMail); err != nil {
		return Step{}, err
	}
	p, err := s.passwordOf(ctx, ses.Person, password, from)
	if err != nil {
		return Step{}, err
	}
	return s.mailCode(ctx, p, ceremonyKey("mail", ses.ID))
}

// StepUp checks what is shown and renews the session. Wrong tries are counted
// like wrong sign-ins, and end nothing.
func (s *Service) StepUp(ctx context.Context, ses Session, shown Shown, from Origin) (Signed, error) {
	if err := s.offered(ctx, ses.Person, shown.Method); err != nil {
		return Signed{}, err
	}
	proof := Proof{Methods: []Method{shown.Method}}
	// Who came through an identity provider has shown us nothing yet: a code alone
	// would be one factor.
	if !ses.Proof.Has(ByPassword) && shown.Method != ByMail {
		if _, err := s.passwordOf(ctx, ses.Person, shown.Password, from); err != nil {
			return Signed{}, err
		}
		proof.Methods = append(proof.Methods, ByPassword)
	} else if err := s.guess(ses.Person, from); err != nil {
		return Signed{}, err
	}
	var err error
	switch shown.Method {
	case ByTOTP:
		err = s.useTOTP(ctx, ses.Person, shown.Code)
	case ByRecovery:
		err = s.useRecovery(ctx, actor.ForPerson(ses.Person, ses.ID, from.address()), ses.Person, shown.Code)
	case ByMail:
		proof.Methods = append(proof.Methods, ByPassword) // StepUpMail has checked it
		if _, err = s.mailed(ctx, ceremonyKey("mail", ses.ID), shown.Code); fault.Is(err, fault.Unauthenticated) {
			err = fault.Field("code", "%s", fault.Of(err).Text)
		}
	default:
		err = fault.Field("method", "a passkey answers a challenge; ask for one")
	}
	if err != nil {
		return Signed{}, err
	}
	s.guesses.forget(ses.Person.String() + "\x00" + from.network())
	return s.Renew(ctx, ses, proof, from)
}

func (s *Service) offered(ctx context.Context, p id.Person, m Method) error {
	_, ways, err := s.Ways(ctx, p)
	if err == nil && !slices.Contains(ways, m) {
		err = fault.Field("method", "choose one of: %s", joinMethods(ways))
	}
	return err
}

// guess uses one try of a person from a network.
func (s *Service) guess(p id.Person, from Origin) error {
	if wait := s.guesses.take(p.String()+"\x00"+from.network(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	return nil
}

// passwordOf checks a signed-in person's password, at the price of a try.
func (s *Service) passwordOf(ctx context.Context, i id.Person, password secret.Text, from Origin) (Person, error) {
	wrong := fault.Field("password", "this is not your password")
	if len(password.Reveal()) > longestPassword {
		return Person{}, wrong
	}
	if err := s.guess(i, from); err != nil {
		return Person{}, err
	}
	p, hash, err := s.own(ctx, i)
	if fault.Is(err, fault.NotFound) {
		return Person{}, wrong
	}
	if err != nil {
		return Person{}, err
	}
	ok, err := s.hasher.matches(ctx, hash, password.Reveal())
	if err == nil && !ok {
		err = wrong
	}
	return p, err
}
