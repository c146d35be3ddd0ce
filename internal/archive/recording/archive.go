package recording

import (
	"context"
	"fmt"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// MaxBatch is how many items ArchiveBatch takes at once.
const MaxBatch = 256

// draft is one item on its way into the rows: sealed, with keys of its own.
type draft struct {
	at        int // among the items and outcomes
	recording id.Recording
	item      Item
	keys      keyring.Reserved
	parts     []part
	thorough  bool // the verifying opening hashes the sound again
}

// bytes is the draft's sound before sealing, all renditions.
func (d draft) bytes() (n int64) {
	for _, p := range d.parts {
		n += p.plain
	}
	return n
}

// batch is what was set aside for one archiving.
type batch struct {
	intent id.Intent
	keys   []keyring.Reserved
	aside  leftovers
}

// Archive is ArchiveBatch for one item.
func (s *Service) Archive(ctx context.Context, p *place.Place, who actor.Actor, item Item) (Outcome, error) {
	out, err := s.ArchiveBatch(ctx, p, who, []Item{item})
	if err != nil {
		return Outcome{}, err
	}
	return out[0], out[0].Err
}

// ArchiveBatch takes items in, committed together. An error means that nothing
// of the batch was taken, and that it may be tried again; what is wrong with one
// item stands in its outcome and does not stop the others. It is a
// fault.Conflict while the customer has not chosen how long recordings are kept.
func (s *Service) ArchiveBatch(ctx context.Context, p *place.Place, who actor.Actor, items []Item) ([]Outcome, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if len(items) > MaxBatch {
		return nil, fault.New(fault.TooLarge, "at most %d recordings can be archived at once", MaxBatch)
	}
	if err := s.Admit(ctx, p); err != nil {
		return nil, err
	}
	b, err := s.begin(ctx, p, who, items)
	if err != nil {
		return nil, err
	}
	defer s.end(b)
	out := make([]Outcome, len(items))
	drafts, err := s.seal(ctx, p, b, items, out)
	if err == nil {
		err = s.commitAndVerify(ctx, p, who, b, drafts, out)
	}
	if err != nil {
		s.abandon(ctx, p, b)
		return nil, err
	}
	return out, nil
}

// begin reserves keys and commits the intent: after a crash it names every key
// and object that may be left over.
func (s *Service) begin(ctx context.Context, p *place.Place, who actor.Actor, items []Item) (*batch, error) {
	s.step("reserve")
	keys, err := s.keys.Reserve(ctx, p.Customer(), len(items))
	if err != nil {
		return nil, err
	}
	b := &batch{keys: keys}
	for i, k := range keys {
		b.aside.Keys = append(b.aside.Keys, k.Content.ID, k.Card.ID)
		for range items[i].Files {
			b.aside.Objects = append(b.aside.Objects, id.New[id.Object]())
		}
	}
	return b, s.intend(ctx, p, who, b, items[0].Source, len(items))
}

func (s *Service) intend(ctx context.Context, p *place.Place, who actor.Actor, b *batch, source id.Source, n int) error {
	s.step("intend")
	return p.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := chosen(tx); err != nil {
			return err
		}
		var err error
		if b.intent, err = tx.Intend(intentCapture, b.aside); err != nil {
			return err
		}
		s.mark(b.intent, true)
		tx.Record(place.Event{Code: "capture.begun", Subject: source.String(), Facts: map[string]string{"recordings": strconv.Itoa(n)}})
		return nil
	})
}

func (s *Service) end(b *batch) { s.mark(b.intent, false) }

func (s *Service) mark(i id.Intent, working bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if working {
		s.working[i] = true
	} else {
		delete(s.working, i)
	}
}

// seal reads, hashes, seals and stores the files of all items. On return the
// objects of the drafts are durable.
func (s *Service) seal(ctx context.Context, p *place.Place, b *batch, items []Item, out []Outcome) ([]draft, error) {
	s.step("seal")
	to := s.objects.Batch()
	defer to.Discard()
	objects := b.aside.Objects
	var drafts []draft
	for i, item := range items {
		item.Call = item.Call.discreet()
		d := draft{at: i, recording: id.New[id.Recording](), item: item, keys: b.keys[i], thorough: item.Leaving}
		own := objects[:len(item.Files)]
		objects = objects[len(item.Files):]
		err := item.check()
		for j := 0; j < len(own) && err == nil; j++ {
			var part part
			if part, err = sealFile(ctx, to, p.Customer(), d.keys.Content.Key, own[j], item.Files[j]); err == nil {
				d.parts = append(d.parts, part)
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fault.Is(err, fault.Unavailable): // the bucket: it will not take the others either
			return nil, err
		case err != nil:
			out[i] = Outcome{Result: Refused, Err: err}
		default:
			drafts = append(drafts, d)
		}
	}
	s.step("sync")
	return drafts, to.Commit(ctx)
}

// check finds what makes an item impossible to archive.
func (it Item) check() error {
	switch {
	case len(it.Files) == 0:
		return fault.New(fault.Invalid, "a recording needs at least one file")
	case it.Source.IsZero() || it.Key == "":
		return fault.New(fault.Invalid, "a recording needs a source and a key within it")
	}
	for _, f := range it.Files {
		if f.Probed.Empty() {
			return fault.New(fault.Invalid, "the file holds no sound")
		}
	}
	return nil
}

// commitAndVerify writes the rows, reads back what is new, and clears away what
// was set aside and not used.
func (s *Service) commitAndVerify(ctx context.Context, p *place.Place, who actor.Actor, b *batch, drafts []draft, out []Outcome) error {
	c := newCommit(s, b, drafts, out)
	s.step("commit")
	if err := p.Change(ctx, who, c.run); err != nil {
		return err
	}
	s.step("committed")
	s.prove(ctx, p, who, c)
	for i, o := range c.outcomes {
		out[i] = o
	}
	if !c.left.empty() {
		if err := s.discard(ctx, p, c.discard, c.left); err != nil {
			s.log.WarnContext(ctx, "leftovers are cleared away later", "customer", p.Customer(), "error", err)
		}
	}
	if err := s.amend(ctx, p, who, c.joined); err != nil {
		s.log.WarnContext(ctx, "cards of earlier recordings of a call could not be brought up to date", "customer", p.Customer(), "error", err)
	}
	return nil
}

// prove verifies what a batch took and says so in the outcomes. What could not
// be verified is safe all the same: it stays "stored", and its source stays.
func (s *Service) prove(ctx context.Context, p *place.Place, who actor.Actor, c *commit) {
	if len(c.taken) == 0 {
		return
	}
	var proofs []*proof
	for _, t := range c.taken {
		proofs = append(proofs, c.proof(t))
	}
	signed, err := s.verify(ctx, p, who, c.receipt, proofs)
	if err != nil {
		s.log.WarnContext(ctx, "archived recordings could not be verified yet", "customer", p.Customer(), "error", err)
	}
	for i, f := range proofs {
		o := c.outcomes[c.taken[i].at]
		switch {
		case err == nil && f.err == nil:
			o.Result, o.Receipt = Verified, signed
		case f.err != nil:
			o.Err = f.err
		}
		c.outcomes[c.taken[i].at] = o
	}
}

// abandon clears away what a failed batch has left; after a crash Recover does.
func (s *Service) abandon(ctx context.Context, p *place.Place, b *batch) {
	ctx = context.WithoutCancel(ctx)
	if err := s.giveUp(ctx, p, b.intent, b.aside); err != nil {
		s.log.WarnContext(ctx, fmt.Sprintf("the intent %s is cleared away at the next start", b.intent), "error", err)
	}
}
