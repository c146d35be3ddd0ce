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
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

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
	c.Elsewhere += o.Elsewhere
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
		Source: f.Source.String(), Zone: zone.String(), Logs: a.Named, Counts: Counts{f.Named, f.Captured, f.Elsewhere, f.Excused, f.Missing, f.Erased, f.Unnamed, f.Waiting},
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
