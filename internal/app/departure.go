package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/parcel"
)

// buildDeparture builds what lets customers leave: the bundle as an export, and
// the end.
func (s *server) buildDeparture() {
	s.departures = departure.New(departure.Options{
		Store: s.places, Keys: s.keys, Objects: s.objects, Recordings: s.recordings, Approvals: s.approvals, Certificates: s.certificates, Name: s.nameOf,
		Forget: forgetCustomer, TwoKeys: s.keys.Copies() >= 2, TwoObjects: len(blob.Replicas(s.objects)) >= 2, Log: s.log,
	})
	s.parcels.Register(departure.Export, parcel.Maker{
		Act: string(access.CustomerLeave),
		Estimate: func(ctx context.Context, p *place.Place, args json.RawMessage) (int64, error) {
			src, err := s.bundleOf(ctx, p, args)
			if err != nil {
				return 0, err
			}
			return departure.Estimate(ctx, src)
		},
		Make: func(ctx context.Context, p *place.Place, b *parcel.Box) error {
			var args json.RawMessage
			if err := b.Decode(&args); err != nil {
				return err
			}
			src, err := s.bundleOf(ctx, p, args)
			if err != nil {
				return err
			}
			if err := handedOver(ctx, p, b.Who, src.To); err != nil {
				return err
			}
			return departure.Write(ctx, src, bundleBox{b})
		},
	})
}

// bundleOf reads the order of a bundle.
func (s *server) bundleOf(ctx context.Context, p *place.Place, args json.RawMessage) (departure.Source, error) {
	var order departure.Order
	if err := json.Unmarshal(args, &order); err != nil {
		return departure.Source{}, err
	}
	key, err := readReceiveKey([]byte(order.ReceiveKey))
	return departure.Source{
		Place: p, Keys: s.keys, Objects: s.objects, Name: s.nameOf(ctx, p.Customer()), Program: version(), To: key, Sign: s.reviews.SignText, Leave: parcel.Objects,
	}, err
}

// bundleBox writes a bundle as an export.
type bundleBox struct{ b *parcel.Box }

func (x bundleBox) File(name string) (io.Writer, error) { return x.b.File(name) }

func (x bundleBox) Progress(ctx context.Context, done, total int64) error {
	return x.b.Progress(ctx, done, total)
}

func (x bundleBox) Sums() []departure.File {
	var all []departure.File
	for _, f := range x.b.Files() {
		all = append(all, departure.File(f))
	}
	return all
}

// forgetCustomer takes a customer who left out of the registry.
func forgetCustomer(tx *place.Tx, c id.Customer) (id.Node, error) {
	for _, text := range []string{`DELETE FROM person_places WHERE customer = ?`, `DELETE FROM node_roles WHERE node = ?`} {
		if _, err := tx.Exec(text, c); err != nil {
			return id.Node{}, err
		}
	}
	return org.Remove(tx, c)
}

// departing carries out what was approved when its time has come, and ends what a
// stop interrupted.
func (s *server) departing(ctx context.Context) {
	if err := s.departures.Recover(ctx); err != nil {
		s.log.Error("a customer's departure could not be ended yet", "cause", err)
	}
	for {
		s.departTurn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(15 * time.Minute):
		}
	}
}

func (s *server) departTurn(ctx context.Context) {
	customers, err := s.places.Customers(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Error("departures: the customers cannot be listed", "cause", err)
	}
	for _, c := range customers {
		p, err := s.places.Place(ctx, c)
		gone := false
		if err == nil {
			gone, err = s.departures.Turn(ctx, p)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			s.log.Error("a customer's departure was not carried out", "customer", c, "cause", err)
		} else if gone {
			s.log.LogAttrs(ctx, slog.LevelInfo, "a customer has left; the certificate is kept", slog.String("customer", c.String()))
		}
	}
}
