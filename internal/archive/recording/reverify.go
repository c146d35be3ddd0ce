package recording

import (
	"context"
	"errors"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Reverify reads back recordings that a crash or a fault left unverified, so
// that their sources may go at last. It gives how many it could verify and why
// others could not be.
func (s *Service) Reverify(ctx context.Context, p *place.Place) (int, error) {
	done := 0
	var after int64
	for {
		proofs, err := s.unverified(ctx, p, after)
		if err != nil || len(proofs) == 0 {
			return done, err
		}
		if _, err := s.verify(ctx, p, actor.ForSystem("archive"), id.New[id.Receipt](), proofs); err != nil {
			return done, err
		}
		var errs []error
		for _, f := range proofs {
			after = max(after, f.n)
			if f.err == nil {
				done++
			}
			errs = append(errs, f.err)
		}
		if err := errors.Join(errs...); err != nil {
			return done, err
		}
	}
}

// unverified are the next recordings that were not read back, with row numbers
// beyond after. They are hashed again: nobody here saw them come in.
func (s *Service) unverified(ctx context.Context, p *place.Place, after int64) (proofs []*proof, err error) {
	type row struct {
		N      int64        `db:"n"`
		ID     id.Recording `db:"id"`
		Key    id.Key       `db:"content_key"`
		Stored id.Receipt   `db:"stored_receipt"`
	}
	type part struct {
		N      int64     `db:"n"`
		Object id.Object `db:"object"`
		Bytes  int64     `db:"bytes"`
		Plain  int64     `db:"plain"`
		Digest string    `db:"digest"`
		Token  []byte    `db:"token"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT n, id, content_key, stored_receipt FROM recordings
			WHERE verified_at IS NULL AND n > ? ORDER BY n LIMIT 100`, after)
		if err != nil {
			return err
		}
		byN := map[int64]*proof{}
		var ns []int64
		for _, r := range rows {
			f := &proof{n: r.N, id: r.ID, key: r.Key, stored: r.Stored, thorough: true}
			proofs, byN[r.N], ns = append(proofs, f), f, append(ns, r.N)
		}
		parts, err := place.Rows[part](tx, `SELECT n, object, bytes, plain, digest, token FROM renditions
			WHERE n IN (?) AND kind NOT IN ('transcript', 'outline', 'findings') ORDER BY n, ordinal`, place.List(ns))
		for _, r := range parts {
			f := byN[r.N]
			f.parts = append(f.parts, proofPart{object: r.Object, bytes: r.Bytes, plain: r.Plain, digest: r.Digest, token: r.Token})
		}
		return err
	})
	return proofs, err
}
