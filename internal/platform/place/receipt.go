package place

import (
	"context"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// MaxOpening is how long one receipt is good for at most.
const MaxOpening = 15 * time.Minute

// Opening says what somebody is about to open, and what for.
type Opening struct {
	Subject string        // text form of the id of the thing
	Keys    []id.Key      // the keys that may be used; no other
	Purpose string        // why; empty: that of the actor
	What    string        // listen, transcript, download, export, capture-check, transcribe, card, field
	For     time.Duration // at most MaxOpening; 0 means MaxOpening

	// Then, if given, writes further rows about the opening in the same Change.
	Then func(tx *Tx, receipt id.Receipt) error
}

// Receipt is the proof that an opening stands in the journal. Only Receipt and
// Receipts make one, after the event is durable: code that asks for a Receipt
// cannot be reached by an opening that left no trace.
type Receipt struct {
	id       id.Receipt
	customer id.Customer
	opening  Opening
	until    time.Time
	position int64
}

// ID names the receipt; the fact "receipt" of the event has it too.
func (r Receipt) ID() id.Receipt { return r.id }

// Customer is whose place it is.
func (r Receipt) Customer() id.Customer { return r.customer }

// Subject is what is opened.
func (r Receipt) Subject() string { return r.opening.Subject }

// What is the way of opening.
func (r Receipt) What() string { return r.opening.What }

// Until is when the receipt ends.
func (r Receipt) Until() time.Time { return r.until }

// Position is that of the event in the journal.
func (r Receipt) Position() int64 { return r.position }

// Covers reports whether the receipt is for this key.
func (r Receipt) Covers(k id.Key) bool { return slices.Contains(r.opening.Keys, k) }

// IsZero reports whether this is no receipt at all.
func (r Receipt) IsZero() bool { return r.id.IsZero() }

// Receipt records the opening in a Change of its own, as the event
// "opening.granted", and gives the proof of it.
func (p *Place) Receipt(ctx context.Context, who actor.Actor, o Opening) (Receipt, error) {
	rs, err := p.Receipts(ctx, who, []Opening{o})
	if err != nil {
		return Receipt{}, err
	}
	return rs[0], nil
}

// Receipts is Receipt for several openings in one Change.
func (p *Place) Receipts(ctx context.Context, who actor.Actor, openings []Opening) ([]Receipt, error) {
	rs := make([]Receipt, len(openings))
	err := p.Change(ctx, who, func(tx *Tx) error {
		first, err := Row[int64](tx, `SELECT coalesce(max(pos), 0) + 1 FROM events`)
		if err != nil {
			return err
		}
		for i, o := range openings {
			if o.What == "" || o.Subject == "" || o.For < 0 || o.For > MaxOpening {
				return fault.Field("opening", "needs a subject, a way of opening, and at most %v", MaxOpening)
			}
			if o.For == 0 {
				o.For = MaxOpening
			}
			o.Keys = slices.Clone(o.Keys)
			r := Receipt{id.At[id.Receipt](tx.at), p.customer, o, tx.at.Add(o.For), first + int64(len(tx.events))}
			tx.Record(Event{Code: "opening.granted", Subject: o.Subject, Why: o.Purpose, Facts: map[string]string{
				"what": o.What, "receipt": r.id.String(), "until": r.until.Format(time.RFC3339Nano), "keys": strconv.Itoa(len(o.Keys)),
			}})
			if o.Then != nil {
				if err := o.Then(tx, r.id); err != nil {
					return err
				}
			}
			r.opening.Then = nil
			rs[i] = r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rs, nil
}
