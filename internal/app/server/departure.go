package server

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/parcel"
)

// buildDeparture builds what lets customers leave: the bundle as an export, and
// the end.
func (s *Server) buildDeparture() {
	s.departures = departure.New(departure.Options{
		Store: s.Places, Keys: s.Keys, Objects: s.Objects, Recordings: s.Recordings, Approvals: s.approvals, Certificates: s.certificates, Boxes: s.collectors, Name: s.nameOf,
		Forget: forgetCustomer, Vacate: func(c id.Customer) error { return s.drops.Vacate(c) }, TwoKeys: s.Keys.Copies() >= 2, TwoObjects: len(blob.Replicas(s.Objects)) >= 2, Log: s.log,
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
			if err := HandedOver(ctx, p, b.Who, src.To); err != nil {
				return err
			}
			return departure.Write(ctx, src, bundleBox{b})
		},
	})
}

// bundleOf reads the order of a bundle.
func (s *Server) bundleOf(ctx context.Context, p *place.Place, args json.RawMessage) (departure.Source, error) {
	var order departure.Order
	if err := json.Unmarshal(args, &order); err != nil {
		return departure.Source{}, err
	}
	key, err := ReadReceiveKey([]byte(order.ReceiveKey))
	return departure.Source{
		Place: p, Keys: s.Keys, Objects: s.Objects, Name: s.nameOf(ctx, p.Customer()), Program: release.String(), To: key, Sign: s.reviews.SignText, Leave: parcel.Objects,
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

// ofCustomer are the tables of the registry that name a customer, each with the
// column that does; those of the tree are org.Remove's.
var ofCustomer = [][2]string{
	{"person_places", "customer"},
	{"node_roles", "node"},
	{"node_tokens", "node"},
	{"blueprints", "node"},
	{"drop_logins", "customer"},
	{"collect_releases", "customer"},
	{"health_customers", "customer"},
	{"alerts_below", "node"},
	{"keys_held", "customer"},
	{"key_rhythms", "customer"},
	{"sso_domains", "customer"},
}

// forgetCustomer takes a customer who left out of the registry: a domain that
// they held is free again, and nothing names them but the record that they left.
func forgetCustomer(tx *place.Tx, c id.Customer) (id.Node, error) {
	if _, err := tx.Exec(`DELETE FROM sso_domain_holders WHERE domain IN (SELECT id FROM sso_domains WHERE customer = ?)`, c); err != nil {
		return id.Node{}, err
	}
	for _, t := range ofCustomer {
		var who any = c
		if t[0] == "key_rhythms" {
			who = c.String() // the installation's own has no id
		}
		if _, err := tx.Exec(`DELETE FROM `+t[0]+` WHERE `+t[1]+` = ?`, who); err != nil {
			return id.Node{}, err
		}
	}
	return org.Remove(tx, c)
}

// departing carries out what was approved when its time has come, and ends what a
// stop interrupted.
func (s *Server) departing(ctx context.Context) {
	if err := s.departures.Recover(ctx); err != nil {
		s.log.Error("a customer's departure could not be ended yet", "cause", err)
	}
	for {
		pause := 15 * time.Minute
		if s.departTurn(ctx) {
			pause = time.Minute // answers are waited for
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// departTurn reports whether somebody who leaves is being asked.
func (s *Server) departTurn(ctx context.Context) (asking bool) {
	customers, err := s.Places.Customers(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Error("departures: the customers cannot be listed", "cause", err)
	}
	for _, c := range customers {
		p, err := s.Places.Place(ctx, c)
		if fault.Is(err, fault.NotFound) {
			continue // it has gone meanwhile
		}
		gone := false
		if err == nil {
			gone, err = s.departures.Turn(ctx, p)
		}
		if err == nil && !gone && !asking {
			var a *departure.Asking
			a, err = s.departures.Asking(ctx, p)
			asking = a != nil
		}
		if ctx.Err() != nil {
			return asking
		}
		if err != nil {
			s.log.Error("a customer's departure was not carried out", "customer", c, "cause", err)
		} else if gone {
			s.log.LogAttrs(ctx, slog.LevelInfo, "a customer has left; the certificate is kept", slog.String("customer", c.String()))
		}
	}
	return asking
}

// ReceiveBlock is what the key of a receiving installation is called in its file.
const ReceiveBlock = "RINGFENCE RECEIVE KEY"

// ReadReceiveKey reads what receiveKey wrote.
func ReadReceiveKey(text []byte) ([]byte, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != ReceiveBlock {
		return nil, fault.Field("receive_key", "want the key of the receiving installation, as 'ringfence customer receive-key' writes it there")
	}
	return block.Bytes, nil
}

// HandedOver puts into the customer's journal that it happens, before it does.
func HandedOver(ctx context.Context, p *place.Place, who actor.Actor, key []byte) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.handed-over", Subject: p.Customer().String(), Facts: map[string]string{"receiver": departure.Fingerprint(key)}})
		return nil
	})
}
