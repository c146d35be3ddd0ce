package recording

import (
	"context"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// partingSchema is what a customer who leaves is asked for while the keys are
// still there.
const partingSchema = `
-- One row from the Change on in which it was final that the customer leaves.
CREATE TABLE parting (
	since {{int}} NOT NULL PRIMARY KEY
);

-- Sources whose files this server reaches, and what was found there of the customer's recordings.
CREATE TABLE parting_folders (
	source      {{id}}  NOT NULL PRIMARY KEY,
	answered_at {{int}},
	removed     {{int}} NOT NULL DEFAULT 0,
	remaining   {{int}} NOT NULL DEFAULT 0,
	blind       {{int}} NOT NULL DEFAULT 0,
	elsewhere   {{int}} NOT NULL DEFAULT 0
);
`

// Leftover is what whoever watches a source has found there for a customer who
// leaves.
type Leftover struct {
	Source    id.Source `db:"source"`
	Answered  int64     `db:"answered_at"` // in milliseconds; 0: nobody could look yet
	Removed   int       `db:"removed"`     // files
	Remaining int       `db:"remaining"`   // files of recordings that lie there still
	Blind     bool      `db:"blind"`       // not everything could be looked through
	Elsewhere int       `db:"elsewhere"`   // recordings from before the source was given the folder in which was looked
}

// ErrLeaves refuses what a customer who leaves cannot do any more.
var ErrLeaves = fault.New(fault.Gone, "the customer leaves: its recordings are being destroyed")

// Leaves reports whether it is final that the customer leaves.
func (s *Service) Leaves(tx *place.Tx) (bool, error) {
	n, err := place.Row[int](tx, `SELECT count(*) FROM parting`)
	return n > 0, err
}

// stays is ErrLeaves once it is final that the customer leaves.
func (s *Service) stays(tx *place.Tx) error {
	leaves, err := s.Leaves(tx)
	if err == nil && leaves {
		err = ErrLeaves
	}
	return err
}

// Part makes it final, in this Change, that the customer leaves: everything is
// doomed, nothing is captured or opened any more, and whoever watches sources
// removes what there is of them. It is ErrHeld if anything is under a hold.
func (s *Service) Part(tx *place.Tx) error {
	if err := s.DoomAll(tx); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO parting (since) VALUES (?)`, tx.At().UnixMilli()); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO parting_folders (source) SELECT id FROM sources WHERE kind IN (?, ?, ?, ?) AND removed_at IS NULL`,
		string(Folder), string(Drop), string(Pickup), string(System))
	c := tx.Place().Customer()
	tx.After(func() { s.endOpeningsOf(c) })
	return err
}

// Folders are what was found of a customer who leaves.
func (s *Service) Folders(tx *place.Tx) ([]Leftover, error) {
	return place.Rows[Leftover](tx, `SELECT source, coalesce(answered_at, 0) AS answered_at, removed, remaining, blind <> 0 AS blind, elsewhere FROM parting_folders ORDER BY source`)
}

// Parted takes down what was found at a source; the first word stands.
func (s *Service) Parted(ctx context.Context, p *place.Place, f Leftover) error {
	return p.Change(ctx, actor.ForSystem("capture"), func(tx *place.Tx) error {
		blind := 0
		if f.Blind {
			blind = 1
		}
		src, err := s.sourceIn(tx, f.Source)
		if err == nil {
			f.Elsewhere, err = place.Row[int](tx, `SELECT count(*) FROM recordings WHERE source = ? AND verified_at < ?`, f.Source, millis(src.FolderSince))
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "source.parted", Subject: f.Source.String(), Facts: map[string]string{
			"removed": strconv.Itoa(f.Removed), "remaining": strconv.Itoa(f.Remaining), "blind": strconv.Itoa(blind),
		}})
		_, err = tx.Exec(`UPDATE parting_folders SET answered_at = ?, removed = ?, remaining = ?, blind = ?, elsewhere = ? WHERE source = ? AND answered_at IS NULL`,
			tx.At().UnixMilli(), f.Removed, f.Remaining, blind, f.Elsewhere, f.Source)
		return err
	})
}

// endOpeningsOf ends all that is being heard of a customer.
func (s *Service) endOpeningsOf(c id.Customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.openings {
		if o.p.Customer() == c {
			o.shut()
			delete(s.openings, i)
		}
	}
}
