package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// listDigest is the SHA-256 of the list of files as CSV writes it: the signed totals stand for exactly these.
func (s *Service) listDigest(ctx context.Context, p *place.Place, i id.Import) (string, error) {
	h := sha256.New()
	if err := s.CSV(ctx, p, i, h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
