package journal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/place"
)

// Line is one event as a file that proves it holds it: all that its leaf in the
// log is made of. docs/verify.md describes it for those who write a verifier of
// their own.
//
// What is personal, and the reason in somebody's words, stand in the leaf as
// commitments: hashes over a salt and the text. The salt is a hash of the sealed
// bytes, which hold 96 random bits, and goes with them: once they are erased
// nobody can find the text by trying, not even who has the keys, and the leaf
// stays what it was.
type Line struct {
	Position  int64             `json:"position"` // the leaf's number in the tree is one less
	ID        string            `json:"id"`
	At        int64             `json:"at_ms"` // Unix milliseconds
	Code      string            `json:"code"`
	ActorKind string            `json:"actor_kind"`
	ActorID   string            `json:"actor_id"`
	OnBehalf  string            `json:"on_behalf"`
	Subject   string            `json:"subject"`
	Facts     map[string]string `json:"facts"`

	Salt     string            `json:"salt,omitempty"` // base64; empty: nothing is personal, or it was erased
	Why      string            `json:"why,omitempty"`
	Personal map[string]string `json:"personal,omitempty"`

	// Where the text is erased, or does not open, the commitments stand instead.
	Closed      bool   `json:"closed,omitempty"`
	WhySum      string `json:"why_sum,omitempty"`      // base64
	PersonalSum string `json:"personal_sum,omitempty"` // base64
}

const (
	leafDomain     = "ringfence leaf v1\n"
	saltDomain     = "ringfence salt v1\n"
	whyDomain      = "ringfence why v1\n"
	personalDomain = "ringfence personal v1\n"
	closedDomain   = "ringfence closed v1\n" // sealed bytes that do not open
)

// Leaf is the bytes that are hashed into the tree. Every field has its length
// before it: without, two events could read as one that was cut elsewhere.
func (l Line) Leaf() ([]byte, error) {
	why, personal, err := l.sums()
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 512), leafDomain...)
	for _, f := range []string{strconv.FormatInt(l.Position, 10), l.ID, strconv.FormatInt(l.At, 10), l.Code, l.ActorKind, l.ActorID, l.OnBehalf, l.Subject} {
		b = appendField(b, f)
	}
	b = appendMap(b, l.Facts)
	return append(append(b, why[:]...), personal[:]...), nil
}

// Hash is the leaf's hash in the tree (RFC 6962 §2.1).
func (l Line) Hash() (tlog.Hash, error) {
	b, err := l.Leaf()
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.RecordHash(b), nil
}

// sums are the two commitments, computed or as they stand.
func (l Line) sums() (why, personal [sha256.Size]byte, err error) {
	if l.Closed {
		return why, personal, firstError(exactly(why[:], l.WhySum), exactly(personal[:], l.PersonalSum))
	}
	salt, err := base64.StdEncoding.Strict().DecodeString(l.Salt)
	if err != nil {
		return why, personal, err
	}
	why = sha256.Sum256(append(appendField([]byte(whyDomain), string(salt)), l.Why...))
	return why, sha256.Sum256(appendMap(appendField([]byte(personalDomain), string(salt)), l.Personal)), nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func exactly(to []byte, text string) error {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && len(b) != len(to) {
		err = base64.CorruptInputError(len(b))
	}
	copy(to, b)
	return err
}

func appendField(b []byte, f string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
}

func appendMap(b []byte, m map[string]string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendField(appendField(b, k), m[k])
	}
	return b
}

// line is a row as its leaf sees it. erased are the commitments of rows whose
// personal part is gone.
func (r row) line(tx *place.Tx, erased map[int64]closed) Line {
	l := Line{
		Position: r.Pos, ID: r.ID.String(), At: r.At, Code: r.Code, ActorKind: r.ActorKind, ActorID: r.ActorID, OnBehalf: r.OnBehalf, Subject: r.Subject,
		Why: r.Why, Facts: map[string]string{}, Personal: map[string]string{},
	}
	if json.Unmarshal(r.Facts, &l.Facts) != nil {
		l.Facts = map[string]string{"": string(r.Facts)}
	}
	if c, gone := erased[r.Pos]; gone {
		return l.close(c.Why, c.Personal)
	}
	if len(r.Sealed) == 0 {
		return l
	}
	salt := sha256.Sum256(append([]byte(saltDomain), r.Sealed...))
	l.Salt = base64.StdEncoding.EncodeToString(salt[:])
	plain, err := tx.Unseal(place.FieldEvent, r.ID, r.Sealed)
	if err != nil || json.Unmarshal(plain, &l.Personal) != nil {
		// It must not stop the log: what is committed to is that these bytes were there.
		why := sha256.Sum256(append(appendField([]byte(whyDomain), string(salt[:])), r.Why...))
		sealed := sha256.Sum256(append([]byte(closedDomain), r.Sealed...))
		return l.close(why[:], sealed[:])
	}
	return l
}

func (l Line) close(why, personal []byte) Line {
	l.Closed, l.Why, l.Salt, l.Personal = true, "", "", nil
	l.WhySum, l.PersonalSum = base64.StdEncoding.EncodeToString(why), base64.StdEncoding.EncodeToString(personal)
	return l
}

// Lines gives the events after a position, the oldest first, as files that prove
// them hold them.
func Lines(tx *place.Tx, after int64, limit int) ([]Line, error) {
	return readLines(tx, columns+`pos > ? ORDER BY pos LIMIT ?`, after, limit)
}

// LinesAbout gives the events whose subject is one of these, up to a position.
func LinesAbout(tx *place.Tx, subjects []string, upTo int64) ([]Line, error) {
	return readLines(tx, columns+`subject IN (?) AND pos <= ? ORDER BY pos`, place.List(subjects), upTo)
}

// LinesAt gives the events at these positions.
func LinesAt(tx *place.Tx, at []int64) ([]Line, error) {
	return readLines(tx, columns+`pos IN (?) ORDER BY pos`, place.List(at))
}

func readLines(tx *place.Tx, text string, args ...any) ([]Line, error) {
	rows, err := place.Rows[row](tx, text, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	erased, err := closedBetween(tx, rows[0].Pos, rows[len(rows)-1].Pos)
	if err != nil {
		return nil, err
	}
	out := make([]Line, len(rows))
	for i, r := range rows {
		out[i] = r.line(tx, erased)
	}
	return out, nil
}
