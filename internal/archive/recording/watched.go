package recording

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// FileState is what became of a source file.
type FileState struct {
	State   string // captured, verified, erased, attention; "" if it was never seen
	Size    int64
	ModTime time.Time
	Since   time.Time
}

// Settled reports whether a file of this size needs no further look: it is
// archived as it is, or was destroyed. A longer file replaces an archived one;
// at the path of a destroyed one, only a file that was written since is new.
func (f FileState) Settled(size int64, modified time.Time) bool {
	switch f.State {
	case "captured", "verified":
		return size <= f.Size
	case "erased":
		return !modified.After(f.Since)
	default:
		return false
	}
}

// FileState tells what became of a file of a source.
func (s *Service) FileState(tx *place.Tx, source id.Source, path string) (FileState, error) {
	type row struct {
		State    string `db:"state"`
		Size     int64  `db:"size"`
		Modified int64  `db:"modified_at"`
		Since    int64  `db:"since"`
	}
	token, err := pathToken(tx, source, path)
	if err != nil {
		return FileState{}, err
	}
	r, err := place.Row[row](tx, `SELECT state, size, modified_at, since FROM files WHERE source = ? AND path = ?`, source, token)
	if fault.Is(err, fault.NotFound) {
		return FileState{}, nil
	}
	return FileState{State: r.State, Size: r.Size, ModTime: modified(r.Modified), Since: fromMillis(r.Since)}, err
}

// ReadingState is where the reading of a source goes on; nil if it begins.
func (s *Service) ReadingState(ctx context.Context, p *place.Place, source id.Source) (state []byte, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		sealed, err := place.Row[[]byte](tx, `SELECT sealed FROM source_states WHERE source = ?`, source)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			state, err = tx.Unseal(place.FieldSourceState, source, sealed)
		}
		return err
	})
	return state, err
}

// KeepReadingState keeps it. It may lag behind what was archived, never run ahead.
// also is done in the same transaction: what was read, and how far.
func (s *Service) KeepReadingState(ctx context.Context, p *place.Place, source id.Source, state []byte, also ...func(tx *place.Tx) error) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		for _, fn := range also {
			if err := fn(tx); err != nil {
				return err
			}
		}
		sealed, err := tx.Seal(place.FieldSourceState, source, state)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO source_states (source, sealed) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET sealed = excluded.sealed`, source, sealed)
		return err
	})
}
