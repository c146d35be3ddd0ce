package parcel

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

type makeArgs struct {
	Parcel id.Parcel `json:"parcel"`
}

// Kinds are the jobs of this package.
func (s *Service) Kinds() map[string]job.Kind {
	return map[string]job.Kind{
		JobMake:  {Run: s.run, Parallel: 1, Attempts: 3, GivenUp: s.givenUp},
		JobEnd:   {Run: s.runEnd, Parallel: 1},
		JobErase: {Run: s.runErase, Parallel: 1},
	}
}

// run makes one parcel.
func (s *Service) run(ctx context.Context, p *place.Place, j job.Job) error {
	var a makeArgs
	if err := j.Decode(&a); err != nil {
		return err
	}
	var r row
	var o order
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if r, err = place.Row[row](tx, columns+`id = ?`, a.Parcel); err == nil {
			o, err = r.order(tx)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && r.State != Making {
		return nil // it was removed while it waited
	}
	if err != nil {
		return err
	}
	m, known := s.makers[r.Kind]
	if !known {
		return job.Permanent(fault.New(fault.Invalid, "this release makes no exports of this kind"))
	}
	b := &Box{ID: r.ID, Who: r.actor(o), s: s, p: p, args: o.Args}
	key, err := s.prepare(ctx, p, &r)
	if err == nil {
		err = s.fill(ctx, p, m, b, r.Object, key)
	}
	if err == nil {
		err = s.finish(ctx, p, j, m, b, r)
		s.o.Step("make: ready")
		return err
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Denied, fault.NotFound, fault.Gone, fault.Conflict, fault.TooLarge:
		return job.Permanent(err)
	}
	return err
}

// prepare gives a try its own key and object; those of an earlier try end.
func (s *Service) prepare(ctx context.Context, p *place.Place, r *row) (secret.Key, error) {
	if err := s.discard(ctx, p, *r, "an export that was not finished"); err != nil {
		return secret.Key{}, err
	}
	s.o.Step("make: reserve")
	keys, err := s.o.Keys.Reserve(ctx, p.Customer(), 1)
	if err != nil {
		return secret.Key{}, err
	}
	s.o.Step("make: reserved")
	r.Key, r.Object = keys[0].Content.ID, id.New[id.Object]()
	return keys[0].Content.Key, p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(Topic)
		_, err := tx.Exec(`UPDATE parcels SET key_id = ?, object = ?, done = 0, total = 0 WHERE id = ? AND state = 'making'`, r.Key, r.Object, r.ID)
		return err
	})
}

// discard ends a key and its object. Twice is fine.
func (s *Service) discard(ctx context.Context, p *place.Place, r row, why string) error {
	if r.Key.IsZero() {
		return nil
	}
	s.o.Step("discard: key")
	if err := s.o.Keys.Destroy(ctx, p.Customer(), why, r.Key); err != nil {
		return err
	}
	s.o.Step("discard: object")
	return s.o.Objects.Delete(ctx, blob.Name(p.Customer(), r.Object))
}

// bind is what an object's ciphertext is bound to.
func bind(c id.Customer, o id.Object) []byte {
	return append(append([]byte("parcel"), c[:]...), o[:]...)
}

// fill has the maker write the zip into the sealed object as it grows.
func (s *Service) fill(ctx context.Context, p *place.Place, m Maker, b *Box, object id.Object, key secret.Key) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.o.Step("make: store")
	pr, pw := io.Pipe()
	made := make(chan error, 1)
	go func() {
		err := b.make(ctx, p, m, pw, key, bind(p.Customer(), object))
		pw.CloseWithError(err) // nil: the end of the object
		made <- err
	}()
	_, err := s.o.Objects.Put(ctx, blob.Name(p.Customer(), object), pr)
	s.o.Step("make: stored")
	pr.CloseWithError(errors.New("the object could not be stored"))
	cancel()
	if madeErr := <-made; madeErr != nil && (err == nil || fault.KindOf(madeErr) != fault.Internal) {
		err = madeErr // the cause; what the bucket says of it is its consequence
	}
	return err
}

// make runs the maker, zips and seals.
func (b *Box) make(ctx context.Context, p *place.Place, m Maker, to io.Writer, key secret.Key, aad []byte) error {
	buffered := bufio.NewWriterSize(to, 256<<10)
	w, err := sealed.NewWriter(buffered, key, aad)
	if err != nil {
		return err
	}
	count := &counting{w: w}
	b.out, b.zip = count, zip.NewWriter(count)
	if err = m.Make(ctx, p, b); err == nil && !b.raw {
		err = errors.Join(b.end(), b.zip.Close())
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		w.Abandon()
		return err
	}
	b.bytes = count.n
	return errors.Join(w.Close(), buffered.Flush())
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// finish makes it ready, in one Change with the end of the job.
func (s *Service) finish(ctx context.Context, p *place.Place, j job.Job, m Maker, b *Box, r row) error {
	return p.Change(ctx, actor.ForSystem("exports"), func(tx *place.Tx) error {
		until := tx.At().Add(m.Keep)
		n, err := tx.Exec(`UPDATE parcels SET state = 'ready', bytes = ?, done = CASE WHEN total > done THEN total ELSE done END, ready_at = ?, until_at = ? WHERE id = ? AND state = 'making' AND key_id = ?`,
			b.bytes, tx.At().UnixMilli(), until.UnixMilli(), r.ID, r.Key)
		if err != nil {
			return err
		}
		if n == 0 {
			return job.Permanent(fault.New(fault.Gone, "the export was removed while it was made"))
		}
		facts := map[string]string{"kind": r.Kind, "until": until.Format(time.RFC3339)}
		maps.Copy(facts, b.facts)
		tx.Record(place.Event{Code: "export.ready", Subject: r.ID.String(), Facts: facts})
		tx.Notify(Topic)
		if err := endAt(tx, until); err != nil {
			return err
		}
		return j.Finish(tx)
	})
}

// givenUp says so in the row, and ends the key.
func (s *Service) givenUp(ctx context.Context, p *place.Place, j job.Job, reason string) error {
	var a makeArgs
	if err := j.Decode(&a); err != nil {
		return nil // there is nothing to be found by it
	}
	var r row
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		r, err = place.Row[row](tx, columns+`id = ?`, a.Parcel)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && r.State != Making {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.discard(ctx, p, r, "an export that could not be made"); err != nil {
		return err
	}
	return p.Change(ctx, actor.ForSystem("exports"), func(tx *place.Tx) error {
		until := tx.At().Add(KeptFor)
		_, err := tx.Exec(`UPDATE parcels SET state = 'failed', reason = ?, key_id = NULL, object = NULL, until_at = ? WHERE id = ? AND state = 'making'`, reason, until.UnixMilli(), r.ID)
		tx.Record(place.Event{Code: "export.failed", Subject: r.ID.String(), Facts: map[string]string{"kind": r.Kind, "reason": reason}})
		tx.Notify(Topic)
		if err != nil {
			return err
		}
		return endAt(tx, until)
	})
}

// Box is what a maker fills. It serves one goroutine.
type Box struct {
	ID  id.Parcel
	Who actor.Actor // who asked, with the purpose: openings are in this name

	s     *Service
	p     *place.Place
	args  json.RawMessage
	out   io.Writer
	raw   bool
	zip   *zip.Writer
	bytes int64
	file  *file
	sums  []File
	told  time.Time
	facts map[string]string
}

// Decode reads the arguments of the order.
func (b *Box) Decode(args any) error { return json.Unmarshal(b.args, args) }

// Say adds to what the change log says of the export once it is ready. It holds
// nothing personal.
func (b *Box) Say(key, value string) {
	if b.facts == nil {
		b.facts = map[string]string{}
	}
	b.facts[key] = value
}

// Raw is for makers that write the bytes of the whole file themselves, instead of
// files into a zip.
func (b *Box) Raw() io.Writer {
	b.raw = true
	return b.out
}

// Progress says how far the making has come, in steps of the maker's choice. It
// is written down twice a second at most.
func (b *Box) Progress(ctx context.Context, done, total int64) error {
	now := b.s.o.Now()
	if done < total && now.Sub(b.told) < time.Second/2 {
		return nil
	}
	b.told = now
	return b.p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(Topic)
		n, err := tx.Exec(`UPDATE parcels SET done = ?, total = ? WHERE id = ? AND state = 'making'`, done, total, b.ID)
		if err == nil && n == 0 {
			err = fault.New(fault.Gone, "the export was removed while it was made")
		}
		return err
	})
}
