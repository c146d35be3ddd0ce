package recording

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// movedSchema remembers which files of watched folders go when their recordings
// went: their source has moved them aside once they were verified.
const movedSchema = `
CREATE TABLE files_moved (
	source      {{id}}    NOT NULL,
	path        {{bytes}} NOT NULL,
	recording   {{id}}    NOT NULL,
	size        {{int}}   NOT NULL,
	modified_at {{int}}   NOT NULL,
	captured_at {{int}}   NOT NULL,
	PRIMARY KEY (source, path)
);
CREATE INDEX files_moved_recording ON files_moved (recording);
`

// Moved is a file of a destroyed recording that its source, a watched folder,
// moves aside. Its name is known by its blinded form only.
type Moved struct {
	Recording id.Recording `json:"recording" db:"recording"`
	Source    id.Source    `json:"source" db:"source"`
	Path      []byte       `json:"path" db:"path"`
	Size      int64        `json:"size" db:"size"`
	Modified  int64        `json:"modified_at" db:"modified_at"` // in milliseconds
	Captured  int64        `json:"captured_at" db:"captured_at"` // or verified; in milliseconds
}

// Is reports whether a file that lies there now is the one that was captured.
func (m Moved) Is(size int64, modified time.Time) bool {
	return m.Size == size && m.Modified == modified.UnixMilli()
}

// Fate is what became of a moved file.
type Fate string

// What can become of it.
const (
	FateGone    Fate = "gone"      // removed now, or by somebody before
	FateRemains Fate = "remaining" // it lies where it was captured, was written to since, cannot be removed, or nobody looks there any more
	FateUnknown Fate = "unknown"   // not found, and not everything could be looked through, or the source looked elsewhere when it was captured
)

// intendMoved writes down, in the Change that ends a destruction, which files are
// to go.
func intendMoved(tx *place.Tx, all []Moved) error {
	for _, m := range all {
		_, err := tx.Exec(`INSERT INTO files_moved (source, path, recording, size, modified_at, captured_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, path) DO UPDATE SET recording = excluded.recording, size = excluded.size, modified_at = excluded.modified_at, captured_at = excluded.captured_at`,
			m.Source, m.Path, m.Recording, m.Size, m.Modified, m.Captured)
		if err != nil {
			return err
		}
	}
	return nil
}

// MovedFiles are the files of a source that are to go, by their blinded names.
func (s *Service) MovedFiles(tx *place.Tx, source id.Source) (map[string]Moved, error) {
	rows, err := place.Rows[Moved](tx, `SELECT source, path, recording, size, modified_at, captured_at FROM files_moved WHERE source = ?`, source)
	all := map[string]Moved{}
	for _, r := range rows {
		all[string(r.Path)] = r
	}
	return all, err
}

// BlindPath is the blinded form of a file's name at a source.
func (s *Service) BlindPath(tx *place.Tx, source id.Source, path string) ([]byte, error) {
	return pathToken(tx, source, path)
}

// StillMoved reports whether a file of a destroyed recording is still to go.
func (s *Service) StillMoved(tx *place.Tx, rec id.Recording) (bool, error) {
	n, err := place.Row[int](tx, `SELECT count(*) FROM files_moved WHERE recording = ?`, rec)
	return n > 0, err
}

// Swept takes down what became of files that were to go, and tells who registered
// with OnSwept in the same Change.
func (s *Service) Swept(ctx context.Context, p *place.Place, source id.Source, fates map[Fate][]Moved) error {
	return p.Change(ctx, actor.ForSystem("capture"), func(tx *place.Tx) error {
		return s.swept(tx, source, fates)
	})
}

func (s *Service) swept(tx *place.Tx, source id.Source, fates map[Fate][]Moved) error {
	count := func(f Fate) string { return strconv.Itoa(len(fates[f])) }
	tx.Record(place.Event{Code: "source.swept", Subject: source.String(), Facts: map[string]string{
		"gone": count(FateGone), "remaining": count(FateRemains), "unknown": count(FateUnknown),
	}})
	for _, fate := range []Fate{FateGone, FateRemains, FateUnknown} {
		for _, m := range fates[fate] {
			n, err := tx.Exec(`DELETE FROM files_moved WHERE source = ? AND path = ? AND recording = ?`, source, m.Path, m.Recording)
			if err != nil {
				return err
			}
			if n == 0 {
				continue // told before
			}
			for _, fn := range s.onSwept {
				if err := fn(tx, m.Recording, fate); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// OnSwept registers who is told what became of the files of destroyed recordings.
// Register before the first use.
func (s *Service) OnSwept(fn func(tx *place.Tx, rec id.Recording, fate Fate) error) {
	s.onSwept = append(s.onSwept, fn)
}

// forsake ends the waiting for files of a source that nobody looks for any more.
func (s *Service) forsake(tx *place.Tx, source id.Source) error {
	all, err := s.MovedFiles(tx, source)
	if err != nil || len(all) == 0 {
		return err
	}
	var remain []Moved
	for _, m := range all {
		remain = append(remain, m)
	}
	return s.swept(tx, source, map[Fate][]Moved{FateRemains: remain})
}

// forsakeEnded does the same for files of a source that was removed between the
// order of a destruction and its end: when it was removed, nothing was waited for yet.
func (s *Service) forsakeEnded(tx *place.Tx, items []Destroyed) error {
	seen := map[id.Source]bool{}
	for _, i := range items {
		for _, m := range i.Moved {
			if seen[m.Source] {
				continue
			}
			seen[m.Source] = true
			_, err := s.sourceIn(tx, m.Source)
			if fault.Is(err, fault.NotFound) {
				err = s.forsake(tx, m.Source)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
