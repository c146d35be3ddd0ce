package journal

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/place"
)

// Synthetic makes a tree of leaves that no events stand behind.
func Synthetic(ctx context.Context, p *place.Place, size int64, leaf func(int64) tlog.Hash) error {
	const batch = 200_000
	for at := int64(0); at < size; at += batch {
		hashes := make([]tlog.Hash, min(batch, size-at))
		for i := range hashes {
			hashes[i] = leaf(at + int64(i))
		}
		if err := p.Keep(ctx, func(tx *place.Tx) error { _, err := appendLeaves(tx, at, hashes); return err }); err != nil {
			return err
		}
	}
	return nil
}
