package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strconv"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Recovery codes are for who has lost the app or the passkey: ten of eighty
// random bits each, shown once, stored as keyed hashes, each good once.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

var errRecovery = fault.Field("code", "this is none of your recovery codes, or it was used already")

// recoveryText has no letters that are mistaken for digits.
var recoveryText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRecovery makes ten codes; older ones end. Whoever has nothing to recover
// gets fault.Conflict.
func (s *Service) NewRecovery(ctx context.Context, ses Session, from Origin) (codes []string, err error) {
	err = s.store.Registry().Change(ctx, actor.ForPerson(ses.Person, ses.ID, from.address()), func(tx *place.Tx) error {
		f, err := factorsOf(tx, ses.Person)
		if err != nil {
			return err
		}
		if !f.strong() {
			return fault.New(fault.Conflict, "set up an authenticator app or a passkey first: recovery codes stand in for those")
		}
		codes, err = makeRecovery(tx, ses.Person)
		return err
	})
	if err == nil {
		s.tellChanged(ctx, ses.Person, "New recovery codes were made", "Older ones do not work any more.")
	}
	return codes, err
}

// firstRecovery makes codes with the first strong factor, and only then.
func firstRecovery(tx *place.Tx, p id.Person) ([]string, error) {
	f, err := factorsOf(tx, p)
	if err != nil || f.Recovery > 0 {
		return nil, err
	}
	return makeRecovery(tx, p)
}

func makeRecovery(tx *place.Tx, p id.Person) (codes []string, err error) {
	if _, err := tx.Exec(`DELETE FROM recovery_codes WHERE person = ?`, p); err != nil {
		return nil, err
	}
	for range recoveryCodes {
		b := make([]byte, recoveryBytes)
		rand.Read(b)
		code := recoveryText.EncodeToString(b)
		mac, err := recoveryMAC(tx, p, code)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(`INSERT INTO recovery_codes (id, person, mac, made_at) VALUES (?, ?, ?, ?)`,
			id.At[id.Factor](tx.At()), p, mac, tx.At().UnixMilli()); err != nil {
			return nil, err
		}
		codes = append(codes, grouped(code, 4))
	}
	tx.Record(place.Event{Code: "recovery.made", Subject: p.String()})
	return codes, nil
}

func recoveryMAC(tx *place.Tx, p id.Person, code string) ([]byte, error) {
	return tx.Blind(place.FieldRecovery, p.String()+code)
}

// useRecovery takes a code, which is gone with it, and writes to its person.
func (s *Service) useRecovery(ctx context.Context, who actor.Actor, p id.Person, code string) error {
	code = readRecovery(code)
	left := 0
	var owner Person
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		mac, err := recoveryMAC(tx, p, code)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM recovery_codes WHERE person = ? AND mac = ?`, p, mac)
		if err != nil {
			return err
		}
		if n == 0 {
			return errRecovery
		}
		if left, err = place.Row[int](tx, `SELECT count(*) FROM recovery_codes WHERE person = ?`, p); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "recovery.used", Subject: p.String(), Facts: map[string]string{"left": strconv.Itoa(left)}})
		owner, err = personByID(tx, p)
		return err
	})
	if err != nil {
		return err
	}
	s.tell(ctx, owner, mail.Letter{
		Subject:    "A recovery code was used to sign in",
		Paragraphs: []string{"Somebody signed in to your account with one of your recovery codes. " + strconv.Itoa(left) + " are left."},
		Closing:    []string{"If that was not you, change your password and make new codes at once."},
	})
	return nil
}

// readRecovery forgives what people do when they copy: capitals, dashes, blanks,
// O for 0, I and L for 1.
func readRecovery(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\u00a0':
			return -1
		case r == 'o' || r == 'O':
			return '0'
		case r == 'i' || r == 'I' || r == 'l' || r == 'L':
			return '1'
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, firstRunes(code, 64))
}

// grouped puts a blank after each n letters, for who copies by eye.
func grouped(text string, n int) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%n == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// digits drops the blanks and dashes that people put into codes.
func digits(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, firstRunes(code, 64))
}

func itoa(n int) string { return strconv.Itoa(n) }
