package destruction

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Customer is one who left and was destroyed whole.
type Customer struct {
	ID                  id.Customer
	Name                string
	Dialect             place.Dialect
	Approval            string
	Asked               time.Time
	Total               Total
	Boxes               []BoxParts
	TwoKeys, TwoObjects bool
}

// Signed is a certificate with its two forms.
type Signed struct {
	ID            id.Certificate
	Document, PDF []byte
}

// Whole signs the certificate of a customer whose keys were destroyed. It is kept
// by the caller: the customer's own place has gone.
func (s *Service) Whole(ctx context.Context, c Customer) (out Signed, err error) {
	now := s.o.Now().UTC().Truncate(time.Second)
	out.ID = id.New[id.Certificate]()
	r := runRow{Run: id.New[id.Destruction](), Kind: "departure", Approval: c.Approval, OrderedBy: "person", Ordered: c.Asked.UnixMilli(), Ended: now.UnixMilli(), TwoKeys: c.TwoKeys, TwoObjects: c.TwoObjects}
	cert := Certificate{
		Version: 1, ID: out.ID.String(), Customer: c.ID.String(), Name: c.Name, Run: r.Run.String(), By: Authority{Kind: r.Kind, Approval: c.Approval, OrderedBy: "person"},
		Ordered: c.Asked, Ended: now, SignedAt: now, Total: c.Total, Items: []Item{}, Boxes: c.Boxes, Copies: append(s.copies(c.Dialect, r), sourceCopy(c.Total, "")),
	}
	cert.Copies[0].Detail = "the customer key and all keys under it were erased; the customer's id stays as a tombstone"
	out.Document, out.PDF, err = s.documents(ctx, cert)
	return out, err
}
