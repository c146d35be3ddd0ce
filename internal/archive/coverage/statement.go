package coverage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/base/actor"
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
	Named    int64 `json:"named"`
	Captured int64 `json:"captured"`
	Excused  int64 `json:"excused"`
	Missing  int64 `json:"missing"`
	Erased   int64 `json:"erased"`
	Unnamed  int64 `json:"unnamed"`
	Waiting  int64 `json:"waiting"`
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

// looksBack is how many days are stated, should the server have slept.
const looksBack = 35

// State signs what is due: yesterday's statement, the final ones, and corrections
// of what has changed since. It gives how many it signed.
func (s *Service) State(ctx context.Context, p *place.Place) (signed int, err error) {
	if s.o.Sign == nil || s.o.Paper == nil {
		return 0, nil
	}
	var days []Day
	err = p.View(ctx, func(tx *place.Tx) error {
		days, err = daysKnown(tx, DayOf(s.o.Now(), time.UTC).Add(-looksBack))
		return err
	})
	var errs []error
	for _, d := range days {
		done, err := s.stateDay(ctx, p, d)
		if done {
			signed++
		}
		errs = append(errs, err)
	}
	return signed, errors.Join(append(errs, err)...)
}

func daysKnown(tx *place.Tx, from Day) ([]Day, error) {
	rows, err := place.Rows[int](tx, `SELECT day FROM expectations WHERE day >= ? UNION SELECT day FROM coverage_base WHERE day >= ?
		UNION SELECT day FROM coverage_gaps WHERE day >= ? ORDER BY day`, int(from), int(from), int(from))
	var days []Day
	for _, d := range rows {
		days = append(days, Day(d))
	}
	return days, err
}

// stateDay signs a statement of one day, if one is due.
func (s *Service) stateDay(ctx context.Context, p *place.Place, d Day) (bool, error) {
	now := s.o.Now().UTC().Truncate(time.Second)
	var st Statement
	var last Stated
	var lastDigest []byte
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		rows, err := place.Rows[statedRow](tx, statedColumns+` WHERE day = ? ORDER BY signed_at DESC, id DESC LIMIT 1`, int(d))
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if last, err = rows[0].stated(); err != nil {
				return err
			}
			lastDigest = rows[0].Digest
		}
		excuses, err := excusesIn(tx)
		if err == nil {
			st, err = s.gather(tx, p, d, excuses)
		}
		return err
	})
	if err != nil {
		return false, err
	}
	ended := st.FinalFrom.Add(-finalAfter)
	if now.Before(ended) {
		return false, nil
	}
	final := !now.Before(st.FinalFrom)
	digest := st.digest()
	switch {
	case last.ID.IsZero() && final:
		st.Kind = Final
	case last.ID.IsZero():
		st.Kind = Provisional
	case last.Kind == Provisional && final:
		st.Kind, st.Corrects = Final, last.ID.String()
	case last.Kind == Provisional || bytes.Equal(digest, lastDigest):
		return false, nil
	case st.Waiting() || st.folded(last):
		return false, nil // what is still on its way is no correction; neither is what became figures
	default:
		st.Kind, st.Corrects = Correction, last.ID.String()
	}
	st.SignedAt = now
	return true, s.sign(ctx, p, d, st, digest)
}

// Waiting reports whether something of the day is still on its way.
func (st *Statement) Waiting() bool { return st.Total.Waiting > 0 }

// folded reports whether only the tree differs, since what ended well was folded.
func (st *Statement) folded(last Stated) bool { return st.Total == last.Total }

// digest tells statements of a day apart by what they say.
func (st *Statement) digest() []byte {
	said := *st
	said.ID, said.SignedAt, said.Kind, said.Corrects, said.Name = "", time.Time{}, "", "", ""
	text, err := json.Marshal(said)
	if err != nil {
		return nil // there is nothing in it that cannot be written
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// gather counts a day.
func (s *Service) gather(tx *place.Tx, p *place.Place, d Day, excuses []Excuse) (Statement, error) {
	st := Statement{Version: 1, Customer: p.Customer().String(), Day: d.String(), Sources: []SourceDay{}}
	all, err := figures(tx, d, d)
	if err != nil {
		return st, err
	}
	gaps, err := gapsIn(tx, d, d)
	if err != nil {
		return st, err
	}
	for _, g := range gaps {
		if !slices.ContainsFunc(all, func(f Figures) bool { return f.Source == g.Source }) {
			all = append(all, Figures{Source: g.Source, Day: d})
		}
	}
	slices.SortFunc(all, func(x, y Figures) int { return bytes.Compare(x.Source[:], y.Source[:]) })
	zones := zonesOf(tx)
	for _, f := range all {
		zone, err := zones(f.Source)
		if err != nil {
			return st, err
		}
		one, err := sourceDay(tx, f, zone, excuses, gaps)
		if err != nil {
			return st, err
		}
		st.Sources = append(st.Sources, one)
		st.Total.add(one.Counts)
		if end := d.End(zone).UTC().Add(finalAfter); end.After(st.FinalFrom) {
			st.FinalFrom = end
		}
	}
	if st.FinalFrom.IsZero() {
		st.FinalFrom = d.End(time.UTC).Add(finalAfter)
	}
	st.Root, st.Leaves, err = root(tx, d)
	return st, err
}

func (c *Counts) add(o Counts) {
	c.Named += o.Named
	c.Captured += o.Captured
	c.Excused += o.Excused
	c.Missing += o.Missing
	c.Erased += o.Erased
	c.Unnamed += o.Unnamed
	c.Waiting += o.Waiting
}

func sourceDay(tx *place.Tx, f Figures, zone *time.Location, excuses []Excuse, gaps []GapOf) (SourceDay, error) {
	a, err := aboutSource(tx, f.Source)
	if err != nil {
		return SourceDay{}, err
	}
	out := SourceDay{
		Source: f.Source.String(), Zone: zone.String(), Logs: a.Named, Counts: Counts{f.Named, f.Captured, f.Excused, f.Missing, f.Erased, f.Unnamed, f.Waiting},
		Excuses: []ExcusedBy{}, Missing: []NamedCall{}, Unnamed: []NamedCall{}, Erased: []ErasedCalls{}, Gaps: []Gap{},
	}
	for by, n := range f.By {
		one := ExcusedBy{Text: "excused one by one, each with a reason", Calls: n}
		if !by.IsZero() {
			one.Excuse, one.Text = by.String(), "a rule that was removed since"
		}
		for _, e := range excuses {
			if e.ID == by {
				one.Text = e.Text() + " (" + e.Reason + ")"
			}
		}
		out.Excuses = append(out.Excuses, one)
	}
	slices.SortFunc(out.Excuses, func(x, y ExcusedBy) int { return bytes.Compare([]byte(x.Excuse), []byte(y.Excuse)) })
	odd, err := place.Rows[row](tx, columns+` WHERE day = ? AND source = ? AND state IN ('missing', 'unnamed') ORDER BY started_at, id`, int(f.Day), f.Source)
	if err != nil {
		return out, err
	}
	for _, r := range odd {
		one := NamedCall{ID: r.ID.String(), StartedAt: instant(r.Started), EndedAt: instant(r.Ended)}
		if State(r.State) == Missing {
			out.Missing = append(out.Missing, one)
			continue
		}
		if r.Recording != nil {
			one.Recording = r.Recording.String()
		}
		out.Unnamed = append(out.Unnamed, one)
	}
	type erased struct {
		Authority string `db:"authority"`
		N         int64  `db:"n"`
	}
	gone, err := place.Rows[erased](tx, `SELECT authority, count(*) AS n FROM expectations WHERE day = ? AND source = ? AND state = 'erased' GROUP BY authority ORDER BY authority`, int(f.Day), f.Source)
	for _, e := range gone {
		out.Erased = append(out.Erased, ErasedCalls{e.Authority, e.N})
	}
	for _, g := range gaps {
		if g.Source == f.Source {
			out.Gaps = append(out.Gaps, g.Gap)
		}
	}
	return out, err
}

// root is the hash tree of RFC 6962 §2.1 over all expectations of a day that are
// not folded yet, in the order of their ids.
func root(tx *place.Tx, d Day) (string, int64, error) {
	var level [][]byte
	type leaf struct {
		ID    id.Expectation `db:"id"`
		State string         `db:"state"`
	}
	for l, err := range place.Each[leaf](tx, `SELECT id, state FROM expectations WHERE day = ? ORDER BY id`, int(d)) {
		if err != nil {
			return "", 0, err
		}
		sum := sha256.Sum256(append([]byte{0}, l.ID.String()+" "+l.State...))
		level = append(level, sum[:])
	}
	n := int64(len(level))
	if n == 0 {
		sum := sha256.Sum256(nil)
		return hex.EncodeToString(sum[:]), 0, nil
	}
	// Pairing level by level and carrying an odd one upwards gives the same tree as splitting at the largest power of two.
	for len(level) > 1 {
		var up [][]byte
		for i := 0; i+1 < len(level); i += 2 {
			sum := sha256.Sum256(slices.Concat([]byte{1}, level[i], level[i+1]))
			up = append(up, sum[:])
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		level = up
	}
	return hex.EncodeToString(level[0]), n, nil
}

// sign writes, signs and keeps a statement.
func (s *Service) sign(ctx context.Context, p *place.Place, d Day, st Statement, digest []byte) error {
	i := id.New[id.Statement]()
	st.ID, st.Name = i.String(), s.o.Name(ctx, p.Customer())
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	signature, err := s.o.Sign(ctx, text)
	if err != nil {
		return err
	}
	file, err := json.Marshal(Envelope{whatItIs, string(text), signature})
	if err != nil {
		return err
	}
	pdf, err := page(st)
	if err == nil {
		pdf, err = s.o.Paper(ctx, pdf, "Statement of coverage", st.SignedAt)
	}
	if err != nil {
		return err
	}
	total, err := json.Marshal(st.Total)
	if err != nil {
		return err
	}
	return p.Change(ctx, actor.ForSystem("coverage"), func(tx *place.Tx) error {
		if n, err := place.Row[int](tx, `SELECT count(*) FROM coverage_statements WHERE day = ? AND digest = ? AND kind = ?`, int(d), digest, string(st.Kind)); err != nil || n > 0 && st.Kind != Correction {
			tx.Record(place.Event{Code: "expectation.settled"}) // another server was faster
			return err
		}
		document, err := tx.Seal(place.FieldCoverage, bound(i, false), file)
		if err != nil {
			return err
		}
		printed, err := tx.Seal(place.FieldCoverage, bound(i, true), pdf)
		if err != nil {
			return err
		}
		var corrects []byte
		if c, err := id.Parse[id.Statement](st.Corrects); err == nil {
			corrects = c[:]
		}
		tx.Record(place.Event{Code: "statement.signed", Subject: st.ID, Facts: map[string]string{"day": st.Day, "kind": string(st.Kind), "missing": fmt.Sprint(st.Total.Missing), "unnamed": fmt.Sprint(st.Total.Unnamed)}})
		tx.Notify("coverage")
		_, err = tx.Exec(`INSERT INTO coverage_statements (id, day, kind, corrects, signed_at, digest, figures, document, pdf) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			i, int(d), string(st.Kind), corrects, millis(st.SignedAt), digest, string(total), document, printed)
		return err
	})
}
