package parcel

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Opening is a parcel opened to be taken, by one actor, for at most 15 minutes:
// one line in the journal, and any number of reads.
type Opening struct {
	ID     id.Receipt
	Parcel Parcel
	Until  time.Time

	s      *Service
	p      *place.Place
	who    actor.Actor
	object id.Object

	mu  sync.Mutex
	key secret.Key
	end bool
}

// Open opens a parcel that is ready. The receipt is durable before the key is
// unwrapped. Whether who still may was asked before; that it was they who asked
// for it is asked here.
func (s *Service) Open(ctx context.Context, p *place.Place, who actor.Actor, i id.Parcel) (*Opening, error) {
	var r row
	var o order
	if err := p.View(ctx, func(tx *place.Tx) (err error) { r, o, err = find(tx, who, i); return err }); err != nil {
		return nil, err
	}
	now := s.o.Now()
	switch {
	case r.State == Ended || r.State == Ready && r.Until <= now.UnixMilli():
		return nil, fault.New(fault.Gone, "the time of this export is over; ask for it again")
	case r.State != Ready:
		return nil, fault.New(fault.Conflict, "this export is not ready")
	}
	receipt, err := p.Receipt(ctx, who, place.Opening{Subject: i.String(), Keys: []id.Key{r.Key}, What: "download", Purpose: o.Purpose})
	if err != nil {
		return nil, err
	}
	out := &Opening{ID: receipt.ID(), Parcel: r.show(o, s.makers[r.Kind].Act), Until: receipt.Until(), s: s, p: p, who: who, object: r.Object}
	if out.key, err = s.o.Keys.Use(ctx, receipt, r.Key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, old := range s.open {
		if now.After(old.Until) {
			old.shut()
			delete(s.open, i)
		}
	}
	s.open[out.ID] = out
	return out, nil
}

// Opened finds an opening again, for the same actor and session. One that has
// ended is fault.Gone.
func (s *Service) Opened(p *place.Place, who actor.Actor, receipt id.Receipt) (*Opening, error) {
	s.mu.Lock()
	o := s.open[receipt]
	s.mu.Unlock()
	if o == nil || o.p.Customer() != p.Customer() || o.who.Kind != who.Kind || o.who.ID != who.ID || o.who.Session != who.Session {
		return nil, fault.New(fault.NotFound, "there is no such opening; take the export anew")
	}
	_, err := o.current()
	return o, err
}

func (o *Opening) current() (secret.Key, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end || o.s.o.Now().After(o.Until) {
		o.key = secret.Key{}
		return secret.Key{}, fault.New(fault.Gone, "this opening has ended; take the export anew")
	}
	return o.key, nil
}

func (o *Opening) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end, o.key = true, secret.Key{}
}

// shutAll ends the openings of a parcel.
func (s *Service) shutAll(i id.Parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, o := range s.open {
		if o.Parcel.ID == i {
			o.shut()
			delete(s.open, at)
		}
	}
}

// Content is the bytes of a parcel, any part of which can be read.
type Content struct {
	o *Opening
	*sealed.ReaderAt
	object blob.Object
}

// Content opens the bytes for one request; close it.
func (o *Opening) Content(ctx context.Context) (*Content, error) {
	key, err := o.current()
	if err != nil {
		return nil, err
	}
	c := o.p.Customer()
	var errs []error
	for _, bucket := range blob.Replicas(o.s.o.Objects) {
		object, err := bucket.Open(ctx, blob.Name(c, o.object))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r, err := sealed.NewReaderAt(object, object.Size(), key, bind(c, o.object))
		if err == nil {
			return &Content{o, r, object}, nil
		}
		errs = append(errs, err, object.Close())
	}
	return nil, errors.Join(errs...)
}

// ReadAt reads while the opening lasts.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	if _, err := c.o.current(); err != nil {
		return 0, err
	}
	return c.ReaderAt.ReadAt(p, off)
}

// Close lets go of the object.
func (c *Content) Close() error { return c.object.Close() }

var _ io.ReaderAt = (*Content)(nil)
