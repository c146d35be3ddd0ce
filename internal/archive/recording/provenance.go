package recording

import (
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Receipts gives the signed receipts of a recording's capture, "stored" before
// "verified". Those of one batch share a text.
func (s *Service) Receipts(tx *place.Tx, rec id.Recording) ([]SignedReceipt, error) {
	row, err := s.Lookup(tx, rec)
	if err != nil {
		return nil, err
	}
	type receipt struct {
		Kind      string `db:"kind"`
		Body      []byte `db:"body"`
		Signature []byte `db:"signature"`
	}
	rows, err := place.Rows[receipt](tx, `SELECT a.kind, a.body, a.signature FROM archive_receipts a JOIN recordings r ON a.id = r.stored_receipt OR a.id = r.verified_receipt
		WHERE r.n = ? ORDER BY a.at, a.id`, row.N)
	out := make([]SignedReceipt, len(rows))
	for i, r := range rows {
		out[i] = SignedReceipt{Result(r.Kind), r.Body, r.Signature}
	}
	return out, err
}
