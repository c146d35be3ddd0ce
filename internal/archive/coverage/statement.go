package coverage

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
)

// Statement is what is said of one day, and signed. Its JSON is the document.
type Statement struct {
	Version   int           `json:"version"`
	ID        string        `json:"id"`
	Kind      StatementKind `json:"kind"`
	Corrects  string        `json:"corrects,omitempty"` // id of the statement that this one takes the place of
	Customer  string        `json:"customer"`
	Name      string        `json:"customer_name"`
	Day       string        `json:"day"`
	SignedAt  time.Time     `json:"signed_at"`
	FinalFrom time.Time     `json:"final_from"` // from then on, changes are stated as corrections
	Sources   []SourceDay   `json:"sources"`
	Total     Counts        `json:"total"`
	Leaves    int64         `json:"expectations"` // under the root
	Root      string        `json:"root"`         // RFC 6962 tree over the ids and states, in hexadecimal
}

// StatementKind is how settled a statement is.
type StatementKind string

// The kinds of statement.
const (
	Provisional StatementKind = "provisional" // of a day that ended less than 48 hours ago
	Final       StatementKind = "final"
	Correction  StatementKind = "correction" // of a final one
)

// Counts are figures of a day.
type Counts struct {
	Named     int64 `json:"named"`
	Captured  int64 `json:"captured"`
	Elsewhere int64 `json:"captured_elsewhere,omitempty"` // of the captured: by another source that names the call, too
	Excused   int64 `json:"excused"`
	Missing   int64 `json:"missing"`
	Erased    int64 `json:"erased"`
	Unnamed   int64 `json:"unnamed"`
	Waiting   int64 `json:"waiting"`
}

// SourceDay is one source within a statement.
type SourceDay struct {
	Source  string        `json:"source"`
	Zone    string        `json:"time_zone"`
	Logs    bool          `json:"logs"` // it has logs that name calls
	Counts  Counts        `json:"counts"`
	Excuses []ExcusedBy   `json:"excused_by"`
	Missing []NamedCall   `json:"missing_calls"`
	Unnamed []NamedCall   `json:"unnamed_recordings"`
	Erased  []ErasedCalls `json:"erased_by"`
	Gaps    []Gap         `json:"gaps"`
}

// ExcusedBy is how many calls a rule excused; without a rule, a person did, one
// by one.
type ExcusedBy struct {
	Excuse string `json:"rule,omitempty"`
	Text   string `json:"text"`
	Calls  int64  `json:"calls"`
}

// NamedCall is a discrepancy by its id: who took part is not in a statement.
type NamedCall struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Recording string    `json:"recording,omitempty"`
}

// ErasedCalls is how many recordings an authority had destroyed.
type ErasedCalls struct {
	Authority string `json:"authority"`
	Calls     int64  `json:"calls"`
}

// Stated is a statement as it is listed.
type Stated struct {
	ID       id.Statement
	Day      Day
	Kind     StatementKind
	Corrects id.Statement
	SignedAt time.Time
	Total    Counts
}

type statedRow struct {
	ID       id.Statement  `db:"id"`
	Day      int           `db:"day"`
	Kind     string        `db:"kind"`
	Corrects *id.Statement `db:"corrects"`
	Signed   int64         `db:"signed_at"`
	Digest   []byte        `db:"digest"`
	Figures  string        `db:"figures"`
}

const statedColumns = `SELECT id, day, kind, corrects, signed_at, digest, figures FROM coverage_statements`

func (r statedRow) stated() (Stated, error) {
	out := Stated{ID: r.ID, Day: Day(r.Day), Kind: StatementKind(r.Kind), SignedAt: instant(r.Signed)}
	if r.Corrects != nil {
		out.Corrects = *r.Corrects
	}
	return out, json.Unmarshal([]byte(r.Figures), &out.Total)
}

// Statements lists those of some days, the latest day first and of each day the
// latest statement first.
func (s *Service) Statements(ctx context.Context, p *place.Place, from, to Day) (all []Stated, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[statedRow](tx, statedColumns+` WHERE day BETWEEN ? AND ? ORDER BY day DESC, signed_at DESC, id DESC LIMIT 1000`, int(from), int(to))
		for _, r := range rows {
			st, err := r.stated()
			if err != nil {
				return err
			}
			all = append(all, st)
		}
		return err
	})
	return all, err
}

// Document is a statement as a file: JSON with its signature, or the signed PDF.
func (s *Service) Document(ctx context.Context, p *place.Place, i id.Statement, pdf bool) (out []byte, day Day, err error) {
	type row struct {
		Day      int    `db:"day"`
		Document []byte `db:"document"`
		PDF      []byte `db:"pdf"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT day, document, pdf FROM coverage_statements WHERE id = ?`, i)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such statement")
		}
		day = Day(r.Day)
		sealed := r.Document
		if pdf {
			sealed = r.PDF
		}
		out, err = tx.Unseal(place.FieldCoverage, bound(i, pdf), sealed)
		return err
	})
	return out, day, err
}

// bound tells the two forms of a statement apart where they are sealed.
func bound(i id.Statement, pdf bool) [16]byte {
	if pdf {
		i[15] ^= 1
	}
	return i
}

// Envelope is the file of a signed statement. The signature is over exactly the
// bytes of Statement.
type Envelope struct {
	What      string `json:"what"` // "ringfence coverage statement"
	Statement string `json:"statement"`
	Signature []byte `json:"signature"` // PKCS #7, detached, DER
}

const whatItIs = "ringfence coverage statement"

// Verify checks the file of a statement, JSON or PDF, without asking anybody:
// fault.Denied if it was changed. The statement is nil for a PDF.
func Verify(file []byte) (*Statement, paper.Signature, error) {
	if bytes.HasPrefix(file, []byte("%PDF-")) {
		sig, err := paper.Verify(file)
		return nil, sig, err
	}
	var e Envelope
	if err := json.Unmarshal(file, &e); err != nil || e.What != whatItIs {
		return nil, paper.Signature{}, fault.New(fault.Invalid, "this is no statement of coverage: neither the JSON nor the PDF that Ringfence writes")
	}
	sig, err := paper.VerifyText([]byte(e.Statement), e.Signature)
	if err != nil {
		return nil, sig, err
	}
	var st Statement
	if err := json.Unmarshal([]byte(e.Statement), &st); err != nil {
		return nil, sig, fault.Wrap(err, fault.Invalid, "the signed statement cannot be read")
	}
	if st.Version != 1 {
		return nil, sig, fault.New(fault.Invalid, "the statement is of version %d, which this program does not know", st.Version)
	}
	return &st, sig, nil
}
