package departure

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/destruction"
)

// When the time has come, the departure is made final in one Change: the approval
// is taken, everything is doomed, and whoever has files is asked for them. Then it
// waits for the answers, and goes on to the keys:
//
//	approved, 72 h over → final: nothing is captured or opened any more
//	   → boxes and watched folders are asked … answered, or AskFor is over
//	   → keys → objects → place → certificate with what the boxes have signed

// AskFor is how long collectors and watched folders are waited for. In a day there
// is a working time everywhere, in which somebody switches on a box that was off;
// longer, the customer's wish would depend on a machine that may never come back.
const AskFor = 24 * time.Hour

// Boxes are the collectors of customers.
type Boxes interface {
	// Farewell orders all that a customer's boxes have.
	Farewell(tx *place.Tx) error
	// Farewells are what is known of each box that was asked.
	Farewells(tx *place.Tx) ([]collect.FarewellWord, error)
	// Unstage removes what they have begun to bring.
	Unstage(c id.Customer) error
}

// Migrations keep, in a customer's place, that it is final that they leave.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 998, Name: "customers who are asked for what they have", SQL: `
CREATE TABLE departing (
	approval {{id}}  NOT NULL PRIMARY KEY,
	asked_at {{int}} NOT NULL,
	since    {{int}} NOT NULL
);
`}}
}

// Asking is how far the asking has come.
type Asking struct {
	Since, Until    time.Time
	Boxes, Folders  int // that can answer
	BoxesAnswered   int
	FoldersAnswered int

	approval id.Approval
	asked    int64
	words    []collect.FarewellWord
	folders  []recording.Leftover
}

// Answered reports whether nobody is waited for.
func (a Asking) Answered() bool { return a.Boxes == a.BoxesAnswered && a.Folders == a.FoldersAnswered }

// asking is nil unless it is final that the customer leaves.
func (s *Service) asking(tx *place.Tx) (*Asking, error) {
	type row struct {
		Approval id.Approval `db:"approval"`
		Asked    int64       `db:"asked_at"`
		Since    int64       `db:"since"`
	}
	r, err := place.Row[row](tx, `SELECT approval, asked_at, since FROM departing`)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &Asking{Since: time.UnixMilli(r.Since).UTC(), Until: time.UnixMilli(r.Since).UTC().Add(AskFor), approval: r.Approval, asked: r.Asked}
	if s.o.Boxes != nil {
		if a.words, err = s.o.Boxes.Farewells(tx); err != nil {
			return nil, err
		}
	}
	if a.folders, err = s.o.Recordings.Folders(tx); err != nil {
		return nil, err
	}
	for _, w := range a.words {
		switch w.State {
		case collect.FateSaid:
			a.BoxesAnswered++
			a.Boxes++
		case collect.FateWaiting:
			a.Boxes++
		}
	}
	a.Folders = len(a.folders)
	for _, f := range a.folders {
		if f.Answered != 0 {
			a.FoldersAnswered++
		}
	}
	return a, nil
}

// Asking is how far a departure that is final has come; nil: it is not.
func (s *Service) Asking(ctx context.Context, p *place.Place) (a *Asking, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		a, err = s.asking(tx)
		return err
	})
	return a, err
}

var errFinal = fault.New(fault.Conflict, "it is being carried out: nobody can stop it any more")

// final is errFinal once it is.
func (s *Service) final(tx *place.Tx) error {
	a, err := s.asking(tx)
	if err == nil && a != nil {
		err = errFinal
	}
	return err
}

// begin makes a departure final, if it was approved and its time has come. A hold,
// or a change of mind, stops it here and for the last time.
func (s *Service) begin(ctx context.Context, p *place.Place) error {
	var a approval.Approval
	due := false
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if a, due, err = s.o.Approvals.Waiting(tx, Kind, p.Customer().String()); err == nil && due {
			due = a.State == approval.Approved && !tx.At().Before(a.NotBefore)
		}
		return err
	})
	if err != nil || !due {
		return err
	}
	s.o.Step("leave: final")
	return p.Change(ctx, actor.ForSystem("departure"), func(tx *place.Tx) error {
		if _, err := s.o.Approvals.Take(tx, a.ID, Kind, p.Customer().String()); err != nil {
			return err
		}
		if err := s.o.Recordings.Part(tx); err != nil {
			return err
		}
		if s.o.Boxes != nil {
			if err := s.o.Boxes.Farewell(tx); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "customer.parting", Subject: p.Customer().String(), Facts: map[string]string{"approval": a.ID.String()}})
		_, err := tx.Exec(`INSERT INTO departing (approval, asked_at, since) VALUES (?, ?, ?)`, a.ID, a.AskedAt.UnixMilli(), tx.At().UnixMilli())
		return err
	})
}

// answers is what a departure goes on to the keys with, or nil while somebody is
// waited for.
func (s *Service) answers(ctx context.Context, p *place.Place) (l *leaving, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		a, err := s.asking(tx)
		if err != nil || a == nil || !a.Answered() && tx.At().Before(a.Until) {
			return err
		}
		l = &leaving{Customer: p.Customer(), Approval: a.approval, Asked: a.asked, Dialect: p.Dialect()}
		for _, w := range a.words {
			l.Boxes = append(l.Boxes, destruction.Parted(w))
		}
		l.Total, err = s.counted(tx, a)
		return err
	})
	return l, err
}

// sourceCount is what the place itself knows of the recordings of a source.
type sourceCount struct {
	Source   id.Source `db:"source"`
	Kind     string    `db:"kind"`
	After    string    `db:"after_capture"`
	All      int       `db:"n"`
	Verified int       `db:"verified"`
}

// atSources says how many recordings have files that remain, and of how many
// nobody knows: by what was said, and else by what this server does itself.
func (s *Service) atSources(tx *place.Tx, a *Asking, t *destruction.Total) error {
	all, err := place.Rows[sourceCount](tx, `SELECT r.source, s.kind, s.after_capture, count(*) AS n, sum(CASE WHEN r.verified_at IS NULL THEN 0 ELSE 1 END) AS verified
		FROM recordings r JOIN sources s ON s.id = r.source WHERE s.kind <> 'siprec' GROUP BY r.source, s.kind, s.after_capture`)
	if err != nil {
		return err
	}
	for _, c := range all {
		var remain, unknown int
		if recording.SourceKind(c.Kind) == recording.Collector {
			if remain, unknown, err = byBoxes(tx, c, a.words); err != nil {
				return err
			}
		} else {
			remain, unknown = s.byFolder(c, a.folders)
		}
		t.Remaining += remain
		t.Unknown += unknown
	}
	return nil
}

// byBoxes goes by what boxes have signed. Several boxes of one source may have had
// the same files: only where together they name exactly the recordings of the
// source do their counts add up; else the largest alone is believed.
func byBoxes(tx *place.Tx, c sourceCount, words []collect.FarewellWord) (remain, unknown int, err error) {
	var sum collect.IDSum
	known, gone, most, others := 0, 0, 0, 0
	for _, w := range words {
		if w.State != collect.FateSaid || w.Source != c.Source {
			continue
		}
		sum.Join(w.Farewell.IDs)
		known += w.Farewell.Known()
		gone += w.Farewell.Gone()
		most = max(most, w.Farewell.Gone())
		others += w.Farewell.Known() - w.Farewell.Gone()
	}
	if known == c.All && known > 0 {
		ids, err := place.Rows[id.Recording](tx, `SELECT id FROM recordings WHERE source = ?`, c.Source)
		if err != nil {
			return 0, 0, err
		}
		for _, rec := range ids {
			sum.Add(rec)
		}
	}
	if known != c.All || sum != (collect.IDSum{}) {
		gone = most
	}
	remain = min(others, c.All)
	rest := c.All - min(gone, c.All-remain) - remain
	if recording.After(c.After) != recording.Delete {
		return remain + rest, 0, nil // it keeps its files: so nobody has to say that they remain
	}
	return remain, rest, nil
}

// byFolder goes by what this server has found where it looks itself. What it never
// verified it never deleted, and what it moved aside in another folder is not seen
// in this one.
func (s *Service) byFolder(c sourceCount, found []recording.Leftover) (remain, unknown int) {
	deletes := recording.After(c.After) == recording.Delete && (s.o.TwoKeys && s.o.TwoObjects || recording.SourceKind(c.Kind) == recording.Drop)
	i := slices.IndexFunc(found, func(f recording.Leftover) bool { return f.Source == c.Source && f.Answered != 0 })
	moves := recording.SourceKind(c.Kind) == recording.Folder && recording.After(c.After) == recording.Move
	switch {
	case !deletes && (!moves || i < 0):
		return c.All, 0
	case i < 0:
		return 0, c.All - c.Verified
	}
	remain = min(found[i].Remaining, c.All)
	unknown = c.All - c.Verified
	if moves {
		unknown += found[i].Elsewhere
	}
	if found[i].Blind {
		unknown = c.All
	}
	return remain, min(unknown, c.All-remain)
}
