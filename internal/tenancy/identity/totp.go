package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// TOTP as every authenticator app speaks it: RFC 6238 with SHA-1, six digits
// and steps of thirty seconds.
const (
	totpStep   = 30 // seconds
	totpDigits = otp.DigitsSix
	totpSkew   = 1 // steps that a clock may be off, either way
)

var errTOTP = fault.Field("code", "this code is not right, or was used already: wait for the next one")

// Enrolment is what an authenticator app must learn, by camera or by hand.
type Enrolment struct {
	Key string // in groups, to be typed
	URL string // otpauth://
	QR  QR
}

// QR is a picture made of squares: a path within a grid of Size by Size, as SVG
// draws it.
type QR struct {
	Size int
	Path string
}

// BeginTOTP makes a secret. It counts only after ConfirmTOTP has seen a code of
// it: somebody who scanned nothing must not be locked out.
func (s *Service) BeginTOTP(ctx context.Context, ses Session) (Enrolment, error) {
	who, err := s.Person(ctx, ses.Person)
	if err != nil {
		return Enrolment{}, err
	}
	key := make([]byte, 20) // RFC 4226 §4: 160 bits
	rand.Read(key)
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	if err := s.keepCeremony(ctx, ceremonyKey("totp", ses.ID), ses.Person, []byte(text)); err != nil {
		return Enrolment{}, err
	}
	q := url.Values{"secret": {text}, "issuer": {"Ringfence"}}
	uri := "otpauth://totp/" + url.PathEscape("Ringfence:"+who.Email) + "?" + q.Encode()
	code, err := drawn(uri)
	return Enrolment{grouped(text, 4), uri, code}, err
}

// drawn makes the squares of a QR code, with the quiet zone that scanners need.
func drawn(text string) (QR, error) {
	b, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, err
	}
	const quiet = 4
	n := b.Bounds().Dx()
	var path strings.Builder
	for y := range n {
		for x := range n {
			if r, _, _, _ := b.At(x, y).RGBA(); r == 0 {
				path.WriteString("M" + itoa(x+quiet) + " " + itoa(y+quiet) + "h1v1h-1z")
			}
		}
	}
	return QR{n + 2*quiet, path.String()}, nil
}

// ConfirmTOTP takes the first code and makes the app a factor, in place of an
// older one. Remembered browsers end, and so do the person's other sessions.
// Recovery codes are given if there are none yet.
func (s *Service) ConfirmTOTP(ctx context.Context, ses Session, code string, from Origin) (Signed, []string, error) {
	if err := s.guess(ses.Person, from); err != nil {
		return Signed{}, nil, err
	}
	key, err := s.seeCeremony(ctx, ceremonyKey("totp", ses.ID))
	if err != nil {
		return Signed{}, nil, err
	}
	step, ok := totpStepOf(string(key), code, s.now().Unix()/totpStep)
	if !ok {
		return Signed{}, nil, errTOTP
	}
	if _, err := s.takeCeremony(ctx, ceremonyKey("totp", ses.ID)); err != nil {
		return Signed{}, nil, err
	}
	var codes []string
	err = s.changeFactors(ctx, ses, from, "An authenticator app was set up", func(tx *place.Tx) error {
		sealed, err := tx.Seal(place.FieldTOTP, ses.Person, key)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "totp.set", Subject: ses.Person.String()})
		if _, err := tx.Exec(`INSERT INTO totp (person, secret, since) VALUES (?, ?, ?)
			ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, since = excluded.since`, ses.Person, sealed, tx.At().UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO totp_used (person, step) VALUES (?, ?)
			ON CONFLICT (person) DO UPDATE SET step = excluded.step`, ses.Person, step); err != nil {
			return err
		}
		codes, err = firstRecovery(tx, ses.Person)
		return err
	})
	if err != nil {
		return Signed{}, nil, err
	}
	signed, err := s.Renew(ctx, ses, Proof{Methods: []Method{ByTOTP}}, from)
	return signed, codes, err
}

// RemoveTOTP ends the app as a factor.
func (s *Service) RemoveTOTP(ctx context.Context, ses Session, from Origin) error {
	if err := s.mayLose(ctx, ses.Person, Factors{TOTP: true}); err != nil {
		return err
	}
	return s.changeFactors(ctx, ses, from, "The authenticator app was removed", func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM totp WHERE person = ?`, ses.Person)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "there is no authenticator app")
		}
		tx.Record(place.Event{Code: "totp.removed", Subject: ses.Person.String()})
		return lastFactorGone(tx, ses.Person)
	})
}

// totpStepOf finds the step whose code this is. All candidates are compared, in
// constant time each.
func totpStepOf(key, code string, now int64) (step int64, ok bool) {
	code = digits(code)
	for t := now - totpSkew; t <= now+totpSkew; t++ {
		if t < 0 {
			continue
		}
		want, err := hotp.GenerateCodeCustom(key, uint64(t), hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = t, true
		}
	}
	return step, ok
}

// useTOTP accepts each code once, and none older than the last that was used:
// who looked over a shoulder has nothing (RFC 6238 §5.2). The library would take
// the same code again and again.
func (s *Service) useTOTP(ctx context.Context, p id.Person, code string) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		sealed, err := place.Row[[]byte](tx, `SELECT secret FROM totp WHERE person = ?`, p)
		if fault.Is(err, fault.NotFound) {
			return errTOTP
		}
		if err != nil {
			return err
		}
		key, err := tx.Unseal(place.FieldTOTP, p, sealed)
		if err != nil {
			return err
		}
		step, ok := totpStepOf(string(key), code, s.now().Unix()/totpStep)
		if !ok {
			return errTOTP
		}
		n, err := tx.Exec(`INSERT INTO totp_used (person, step) VALUES (?, ?)
			ON CONFLICT (person) DO UPDATE SET step = excluded.step WHERE totp_used.step < excluded.step`, p, step)
		if err == nil && n != 1 {
			err = errTOTP
		}
		return err
	})
}

// changeFactors changes what a person signs in with. Whatever rested on the old
// state ends: other sessions, remembered browsers, sign-ins under way. The person
// is told by mail: it may have been somebody at a browser left open.
func (s *Service) changeFactors(ctx context.Context, ses Session, from Origin, what string, change func(*place.Tx) error) error {
	var gone []id.Session
	err := s.store.Registry().Change(ctx, actor.ForPerson(ses.Person, ses.ID, from.address()), func(tx *place.Tx) (err error) {
		if err := change(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM sign_ins WHERE person = ?`, ses.Person); err != nil {
			return err
		}
		if err := forgetBrowsers(tx, ses.Person); err != nil {
			return err
		}
		gone, err = endOthers(tx, ses.Person, ses.ID, "factor")
		return err
	})
	if err == nil {
		s.ended(gone...)
		s.tellChanged(ctx, ses.Person, what, "Every other browser was signed out.")
	}
	return err
}

// tellChanged tells a person by mail that what they sign in with has changed.
func (s *Service) tellChanged(ctx context.Context, person id.Person, what, then string) {
	s.tellOf(ctx, person, mail.Letter{
		Subject:    what,
		Paragraphs: []string{what + " for your account. " + then},
		Closing:    []string{"If that was not you, tell your administrator at once: somebody else may be in your account."},
	})
}

// lastFactorGone takes recovery codes away with the last thing that they could
// stand in for: alone they would be a second factor that nobody sees.
func lastFactorGone(tx *place.Tx, p id.Person) error {
	f, err := factorsOf(tx, p)
	if err != nil || f.strong() {
		return err
	}
	_, err = tx.Exec(`DELETE FROM recovery_codes WHERE person = ?`, p)
	return err
}
