package recording

import (
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// restrictSchema says which recordings are only stored, at a person's request.
const restrictSchema = `
CREATE TABLE recording_restrictions (
	n       {{int}} NOT NULL,
	request {{id}}  NOT NULL,
	since   {{int}} NOT NULL,
	PRIMARY KEY (n, request)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX recording_restrictions_request ON recording_restrictions (request, n);
`

// The purposes for which a restricted recording may still be opened (GDPR
// article 18(2)), and the one by which its person is answered.
const (
	ForConsent  = "consent of the person"
	ForClaim    = "legal claim"
	ForOthers   = "rights of another person"
	ForPublic   = "important public interest"
	ForAnswer   = "answering a request of the person"
	restrictedN = 500
)

// LawfulPurposes are what a purpose has to begin with before a restricted
// recording is opened.
func LawfulPurposes() []string {
	return []string{ForConsent, ForClaim, ForOthers, ForPublic, ForAnswer}
}

// Lawful reports whether a purpose is one for which a restricted recording may be opened.
func Lawful(purpose string) bool {
	purpose = strings.ToLower(strings.Join(strings.Fields(purpose), " "))
	return slices.ContainsFunc(LawfulPurposes(), func(p string) bool {
		rest, ok := strings.CutPrefix(purpose, p)
		return ok && (rest == "" || strings.ContainsRune(" :,;.-", rune(rest[0])))
	})
}

// ErrRestricted refuses to open what is only stored at a person's request.
var ErrRestricted = fault.New(fault.Denied, "this recording is restricted at the request of a person who is in it: it is opened only for a purpose that begins with one of: %s",
	strings.Join([]string{ForConsent, ForClaim, ForOthers, ForPublic, ForAnswer}, "; "))

// stored are the ways of opening that are part of storing: an attacker gains
// nothing by them, as what they make is sealed under the same key.
var stored = map[string]bool{"make-smaller": true}

// restricted refuses an opening that a restriction does not allow. It is asked
// before the receipt is written and the key used.
func (o *Opening) restricted(tx *place.Tx) error {
	if stored[o.What] || Lawful(o.who.Purpose) {
		return nil
	}
	n, err := place.Row[int](tx, `SELECT count(*) FROM recording_restrictions WHERE n = ?`, o.N)
	if err == nil && n > 0 {
		err = ErrRestricted
	}
	return err
}

// Restrict lets a recording be stored only, in this Change; twice is once.
// Openings that are under way end with the commit. A destroyed recording is
// fault.Gone. What is recorded in the journal is the caller's.
func (s *Service) Restrict(tx *place.Tx, rec id.Recording, request id.PersonRequest) error {
	r, err := s.Lookup(tx, rec)
	if err != nil {
		return err
	}
	tx.Notify(Topic)
	tx.After(func() { s.endOpenings([]id.Recording{rec}) })
	_, err = tx.Exec(`INSERT INTO recording_restrictions (n, request, since) VALUES (?, ?, ?) ON CONFLICT (n, request) DO NOTHING`, r.N, request, millis(tx.At()))
	return err
}

// Unrestrict lifts all restrictions of one request and gives how many there
// were. What another request restricts stays so.
func (s *Service) Unrestrict(tx *place.Tx, request id.PersonRequest) (int, error) {
	tx.Notify(Topic)
	n, err := tx.Exec(`DELETE FROM recording_restrictions WHERE request = ?`, request)
	return int(n), err
}

// Restricted says since when each of some recordings is restricted; those that
// are not are left out.
func (s *Service) Restricted(tx *place.Tx, ns []int64) (map[int64]time.Time, error) {
	type row struct {
		N     int64 `db:"n"`
		Since int64 `db:"since"`
	}
	out := map[int64]time.Time{}
	for part := range slices.Chunk(ns, restrictedN) {
		rows, err := place.Rows[row](tx, `SELECT n, min(since) AS since FROM recording_restrictions WHERE n IN (?) GROUP BY n`, place.List(part))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.N] = fromMillis(r.Since)
		}
	}
	return out, nil
}
