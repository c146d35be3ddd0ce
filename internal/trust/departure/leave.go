package departure

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/destruction"
)

// Kind is what the approval of leaving is called.
const Kind = "customer.leave"

// Wait is how long a customer may change their mind, counted from the asking.
const Wait = 72 * time.Hour

// Options is what a Service is built on.
type Options struct {
	Store        *place.Store
	Keys         *keyring.Keyring
	Objects      blob.Bucket
	Recordings   *recording.Service
	Approvals    *approval.Service
	Certificates *destruction.Service
	Boxes        Boxes // nil: no collectors are asked
	// Vacate removes what lies on this server's disk for a customer's sources; nil:
	// nothing does.
	Vacate func(c id.Customer) error
	Name   func(ctx context.Context, n id.Node) string
	// Forget removes, in a Change of the registry, what that knows of a customer,
	// and gives the node above it.
	Forget              func(tx *place.Tx, c id.Customer) (above id.Node, err error)
	TwoKeys, TwoObjects bool
	Step                func(name string) // told of each step before it; only tests use it
	Log                 *slog.Logger
}

// Service carries out departures.
type Service struct{ o Options }

// New makes the service and makes its kind of approval known. The registry must
// have been opened with RegistryMigrations.
func New(o Options) *Service {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Vacate == nil {
		o.Vacate = func(id.Customer) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{o}
	o.Approvals.Register(approval.Kind{
		Name: Kind, Title: "leave for good: destroy the customer's key and all that it seals", Act: access.CustomerLeave, Page: "leave",
		State: func(tx *place.Tx, subject string) ([]byte, error) { return []byte(subject), s.free(tx) },
	})
	return s
}

// free is recording.ErrHeld while anything is under a hold.
func (s *Service) free(tx *place.Tx) error {
	held, err := s.o.Recordings.HeldCount(tx)
	if err == nil && held > 0 {
		err = recording.ErrHeld
	}
	return err
}

// Standing is how far a departure has come.
type Standing struct {
	Recordings int64
	Held       int
	Asked      *approval.Approval // nil: nobody has asked
	Asking     *Asking            // nil: it is not final
}

// Standing tells it.
func (s *Service) Standing(ctx context.Context, p *place.Place) (st Standing, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if st.Recordings, err = place.Row[int64](tx, `SELECT count(*) FROM recordings`); err != nil {
			return err
		}
		if st.Held, err = s.o.Recordings.HeldCount(tx); err != nil {
			return err
		}
		if st.Asking, err = s.asking(tx); err != nil {
			return err
		}
		a, some, err := s.o.Approvals.Waiting(tx, Kind, p.Customer().String())
		if some {
			st.Asked = &a
		}
		return err
	})
	return st, err
}

// Ask asks for the destruction of all that a customer has: a second person and 72
// hours stand before it. confirm is the exact count of recordings. It is
// recording.ErrHeld while anything is under a hold.
func (s *Service) Ask(ctx context.Context, p *place.Place, who actor.Actor, confirm int64, reason string) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := place.Row[int64](tx, `SELECT count(*) FROM recordings`)
		if err != nil {
			return err
		}
		if n != confirm {
			return fault.Field("confirm", "must be the exact count of recordings: %d", n)
		}
		if err := s.final(tx); err != nil {
			return err
		}
		if err := s.free(tx); err != nil {
			return err
		}
		_, err = s.o.Approvals.Ask(tx, who, approval.Act{
			Kind: Kind, Subject: p.Customer().String(), Facts: map[string]string{"recordings": strconv.FormatInt(n, 10)}, Count: n, Reason: reason, NotBefore: tx.At().Add(Wait),
		})
		return err
	})
}

// Stop takes the asking back. Once it is final it is fault.Conflict.
func (s *Service) Stop(ctx context.Context, p *place.Place, who actor.Actor) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		if err := s.final(tx); err != nil {
			return err
		}
		if _, some, err := s.o.Approvals.Waiting(tx, Kind, p.Customer().String()); err != nil || !some {
			return errors.Join(err, fault.New(fault.NotFound, "nobody has asked for it"))
		}
		return s.o.Approvals.Withdraw(tx, who, Kind, p.Customer().String())
	})
}

// intentLeave is the act over place, keys, objects and registry.
const intentLeave = "departure.leave"

type leaving struct {
	Customer id.Customer       `json:"customer"`
	Approval id.Approval       `json:"approval"`
	Asked    int64             `json:"asked_at"`
	Total    destruction.Total `json:"total"`
	Dialect  place.Dialect     `json:"dialect"`

	Boxes []destruction.BoxParts `json:"boxes,omitempty"`
}

// Turn takes the departure of one customer as far as it can go, if it was approved
// and its time has come. done tells that the customer has gone; until then it is
// asked again.
func (s *Service) Turn(ctx context.Context, p *place.Place) (done bool, err error) {
	a, err := s.Asking(ctx, p)
	if err == nil && a == nil {
		err = s.begin(ctx, p)
	}
	if err != nil {
		return false, err
	}
	if i, l, err := s.underWay(ctx, p.Customer()); err != nil || !i.IsZero() {
		if err != nil {
			return false, err
		}
		return s.carry(context.WithoutCancel(ctx), i, l)
	}
	l, err := s.answers(ctx, p)
	if err != nil || l == nil {
		return false, err
	}
	var intent id.Intent
	s.o.Step("leave: intend")
	err = s.o.Store.Registry().Change(ctx, actor.ForSystem("departure"), func(tx *place.Tx) (err error) {
		tx.Record(place.Event{Code: "customer.leaving", Subject: p.Customer().String(), Facts: map[string]string{"approval": l.Approval.String()}})
		intent, err = tx.Intend(intentLeave, *l)
		return err
	})
	if err != nil {
		return false, err
	}
	return s.carry(context.WithoutCancel(ctx), intent, *l)
}

// underWay finds what an earlier turn could not end.
func (s *Service) underWay(ctx context.Context, c id.Customer) (i id.Intent, l leaving, err error) {
	all, err := s.o.Store.Registry().Pending(ctx, intentLeave)
	for _, one := range all {
		if err = json.Unmarshal(one.Args, &l); err != nil {
			return i, l, err
		}
		if l.Customer == c {
			return one.ID, l, nil
		}
	}
	return i, leaving{}, err
}

func (s *Service) counted(tx *place.Tx, a *Asking) (t destruction.Total, err error) {
	type row struct {
		Recordings int   `db:"recordings"`
		Bytes      int64 `db:"bytes"`
	}
	r, err := place.Row[row](tx, `SELECT count(*) AS recordings, coalesce(sum(bytes), 0) AS bytes FROM recordings`)
	if err != nil {
		return t, err
	}
	t.Recordings, t.Keys, t.Bytes = r.Recordings, 2*r.Recordings, r.Bytes
	if t.Texts, err = place.Row[int](tx, `SELECT count(*) FROM renditions WHERE kind IN ('transcript', 'outline')`); err != nil {
		return t, err
	}
	all, err := place.Row[int](tx, `SELECT count(*) FROM renditions`)
	t.Sounds = all - t.Texts
	if err != nil {
		return t, err
	}
	return t, s.atSources(tx, a, &t)
}

// Recover ends what a crash left, from the intent on to the end, and removes what
// earlier releases left on the disk of those who had gone.
func (s *Service) Recover(ctx context.Context) error {
	var errs []error
	gone, err := s.left(ctx)
	for _, c := range gone {
		errs = append(errs, s.o.Vacate(c))
	}
	errs = append(errs, err)
	all, err := s.o.Store.Registry().Pending(ctx, intentLeave)
	if err != nil {
		return err
	}
	for _, i := range all {
		var l leaving
		if err := json.Unmarshal(i.Args, &l); err != nil {
			return err
		}
		_, err := s.carry(ctx, i.ID, l)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// carry runs the steps. Each may run twice.
func (s *Service) carry(ctx context.Context, intent id.Intent, l leaving) (bool, error) {
	p, err := s.o.Store.Place(ctx, l.Customer)
	if err == nil {
		var w keyring.Warrant
		if w, err = s.decide(ctx, p, l); err != nil {
			return false, s.stopped(ctx, intent, l, err)
		}
		s.o.Step("leave: keys")
		if err := s.o.Keys.DestroyCustomer(ctx, l.Customer, w); err != nil {
			return false, err
		}
	} else if !fault.Is(err, fault.NotFound) {
		return false, err
	}
	s.o.Step("leave: objects")
	if err := s.clear(ctx, l.Customer); err != nil {
		return false, err
	}
	if s.o.Boxes != nil {
		if err := s.o.Boxes.Unstage(l.Customer); err != nil {
			return false, err
		}
	}
	s.o.Step("leave: place")
	if p != nil {
		if err := s.o.Store.Destroy(ctx, l.Customer); err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
	}
	s.o.Step("leave: rooms") // not before: who still has the place could open one again
	if err := s.o.Vacate(l.Customer); err != nil {
		return false, err
	}
	s.o.Step("leave: certificate")
	return true, s.certify(ctx, intent, l)
}

// decide proves that two persons decided it and that it was made final. An intent
// of a release that made it final later is begun anew by the next Turn.
func (s *Service) decide(ctx context.Context, p *place.Place, l leaving) (w keyring.Warrant, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		w, err = keyring.Decided(tx, l.Approval, Kind, l.Customer.String())
		return err
	})
	return w, err
}

// stopped ends the intent of a departure that is not to be any more.
func (s *Service) stopped(ctx context.Context, intent id.Intent, l leaving, why error) error {
	if k := fault.KindOf(why); k != fault.Conflict && k != fault.Denied && k != fault.NotFound {
		return why // it is tried again
	}
	return errors.Join(why, s.o.Store.Registry().Change(ctx, actor.ForSystem("departure"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.stays", Subject: l.Customer.String(), Facts: map[string]string{"reason": fault.Of(why).Text}})
		return tx.Done(intent)
	}))
}

func (s *Service) clear(ctx context.Context, c id.Customer) error {
	var names []string
	err := s.o.Objects.List(ctx, blob.Prefix(c), func(name string, _ int64) error {
		names = append(names, name)
		return nil
	})
	for _, n := range names {
		if err == nil {
			err = s.o.Objects.Delete(ctx, n)
		}
	}
	return err
}

// certify signs what was done and forgets the customer, in one Change.
func (s *Service) certify(ctx context.Context, intent id.Intent, l leaving) error {
	name := s.o.Name(ctx, l.Customer)
	c, err := s.o.Certificates.Whole(ctx, destruction.Customer{
		ID: l.Customer, Name: name, Dialect: l.Dialect, Approval: l.Approval.String(), Asked: time.UnixMilli(l.Asked).UTC(), Total: l.Total, Boxes: l.Boxes,
		TwoKeys: s.o.TwoKeys, TwoObjects: s.o.TwoObjects,
	})
	if err != nil {
		return err
	}
	return s.o.Store.Registry().Change(ctx, actor.ForSystem("departure"), func(tx *place.Tx) error {
		above, err := s.o.Forget(tx, l.Customer)
		if err != nil {
			return err
		}
		document, err := tx.Seal(place.FieldCertificate, c.ID, c.Document)
		if err != nil {
			return err
		}
		second := c.ID
		second[15] ^= 1
		pdf, err := tx.Seal(place.FieldCertificate, second, c.PDF)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO departed (customer, above, name, at, recordings, certificate, document, pdf) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (customer) DO NOTHING`,
			l.Customer, above, name, tx.At().UnixMilli(), l.Total.Recordings, c.ID, document, pdf); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "customer.left", Subject: l.Customer.String(), Facts: map[string]string{"approval": l.Approval.String(), "certificate": c.ID.String()}})
		return tx.Done(intent)
	})
}
