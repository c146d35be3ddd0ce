package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/proof"
)

// ExportKind is the kind of parcel that an export of the change log with its
// proofs is.
const ExportKind = "change-log"

// Chosen says which events an export holds. Whole ones are hashed anew by who
// checks them and compared with the key store's count; parts carry a proof for
// each event.
type Chosen struct {
	Whole bool      `json:"whole"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
}

// bytesPerEvent is what a line takes at most in the estimate: measured 600 with a
// proof, rounded up.
const bytesPerEvent = 1200

// Maker makes exports of the change log.
func (s *Service) Maker(act string) parcel.Maker {
	return parcel.Maker{Act: act, Estimate: s.estimate, Make: s.export}
}

func (s *Service) estimate(ctx context.Context, p *place.Place, args json.RawMessage) (n int64, err error) {
	var c Chosen
	if err := json.Unmarshal(args, &c); err != nil {
		return 0, err
	}
	if !c.Whole && !c.From.Before(c.To) {
		return 0, fault.Field("to", "must be after from")
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		from, to := c.between()
		n, err = place.Row[int64](tx, `SELECT count(*) FROM events WHERE at >= ? AND at < ?`, from, to)
		return err
	})
	if err == nil && n == 0 {
		err = fault.Field("from", "nothing was recorded in this time")
	}
	if n*bytesPerEvent > proof.MaxSize {
		return 0, fault.New(fault.TooLarge, "these are %d events, more than one file holds; choose a shorter time", n)
	}
	return n * bytesPerEvent, err
}

func (c Chosen) between() (from, to int64) {
	if c.Whole {
		return 0, 1 << 62
	}
	return c.From.UnixMilli(), c.To.UnixMilli()
}

// export writes one. The key store's list is read before the log is signed: each
// of its openings stands in the log that is signed then.
func (s *Service) export(ctx context.Context, p *place.Place, b *parcel.Box) error {
	var c Chosen
	if err := b.Decode(&c); err != nil {
		return err
	}
	if _, err := p.Receipt(ctx, b.Who, place.Opening{Subject: "journal", What: "export"}); err != nil {
		return err
	}
	counted, err := s.o.Keys.OpeningList(ctx, p.Customer())
	if err != nil {
		return err
	}
	head, err := s.Sign(ctx, p, b.Who)
	if err != nil {
		return err
	}
	signer, err := s.Signer(ctx)
	if err != nil {
		return err
	}
	w := proof.NewWriter(b.Raw())
	e := &exporting{s: s, p: p, b: b, w: w, head: head, c: c}
	if err := e.events(ctx); err != nil {
		return err
	}
	origin := journal.Origin(signer.Public, p.Customer())
	if c.Whole {
		var list bytes.Buffer
		enc := json.NewEncoder(&list)
		for _, o := range counted {
			if err := enc.Encode(proof.Opening{Receipt: o.Receipt.String(), At: o.At, What: o.What, Keys: o.Keys}); err != nil {
				return err
			}
		}
		note, err := signer.SignNote(proof.CountText(origin, head.Size, int64(len(counted)), list.Bytes()))
		if err != nil {
			return err
		}
		if err := w.Add(proof.OpeningsName, list.Bytes()); err != nil {
			return err
		}
		if err := w.Add(proof.CountName, []byte(note)); err != nil {
			return err
		}
	}
	if err := s.WriteHead(ctx, p, w, head, 0); err != nil {
		return err
	}
	m := proof.Manifest{
		Format: proof.LogFormat, ID: b.ID.String(), Origin: origin, Customer: p.Customer().String(), MadeAt: s.o.Now().UTC().Format(time.RFC3339),
		MadeBy: b.Who.ID, Purpose: b.Who.Purpose, Size: head.Size, Whole: c.Whole,
	}
	if m.Key, err = journal.VerifierKey(signer.Public); err != nil {
		return err
	}
	return w.Close(m, signer.SignNote)
}

// exporting is an export under way.
type exporting struct {
	s    *Service
	p    *place.Place
	b    *parcel.Box
	w    *proof.Writer
	head Signed
	c    Chosen
	at   []int64 // positions of a part
}

// events writes the lines, some thousand in one snapshot, then the proofs.
func (e *exporting) events(ctx context.Context) error {
	to, err := e.w.Create(proof.EventsName)
	if err != nil {
		return err
	}
	out := json.NewEncoder(to)
	from, until := e.c.between()
	for after := int64(0); after < e.head.Size; {
		var page []journal.Line
		err := e.p.View(ctx, func(tx *place.Tx) (err error) {
			page, err = journal.Lines(tx, after, 2000)
			return err
		})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fault.New(fault.Internal, "the change log ends at %d and was signed at %d", after, e.head.Size)
		}
		for _, l := range page {
			after = l.Position
			if l.Position > e.head.Size {
				break
			}
			if l.At < from || l.At >= until {
				continue
			}
			e.at = append(e.at, l.Position)
			if err := out.Encode(l); err != nil {
				return err
			}
		}
		if err := e.b.Progress(ctx, after, e.head.Size+1); err != nil {
			return err
		}
	}
	if e.c.Whole {
		return nil
	}
	return e.s.WriteProofs(ctx, e.p, e.w, e.head.Size, e.at)
}

func path(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

// WriteProofs writes the proofs that events are in the log of a size.
func (s *Service) WriteProofs(ctx context.Context, p *place.Place, w *proof.Writer, size int64, positions []int64) error {
	to, err := w.Create(proof.ProofsName)
	if err != nil {
		return err
	}
	out := json.NewEncoder(to)
	return p.View(ctx, func(tx *place.Tx) error {
		tree := journal.TreeOf(tx)
		for _, at := range positions {
			hashes, err := tree.Inclusion(size, at)
			if err != nil {
				return err
			}
			if err := out.Encode(proof.Proof{Position: at, Path: path(hashes)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// olderAtMost bounds the older checkpoints in a file; of more, the newest of each
// stretch are taken.
const olderAtMost = 2000

// WriteHead writes the checkpoint, and the proofs that the log has only grown
// since the older ones from a size on.
func (s *Service) WriteHead(ctx context.Context, p *place.Place, w *proof.Writer, head Signed, from int64) error {
	to, err := w.Create(proof.OlderName)
	if err != nil {
		return err
	}
	if err := p.View(ctx, func(tx *place.Tx) error { return writeOlder(tx, to, head, from) }); err != nil {
		return err
	}
	return w.Add(proof.CheckpointName, []byte(head.Note))
}

func writeOlder(tx *place.Tx, to io.Writer, head Signed, from int64) error {
	rows, err := place.Rows[row](tx, columns+`WHERE size < ? AND size >= ? ORDER BY size`, head.Size, from)
	if err != nil {
		return err
	}
	tree, out := journal.TreeOf(tx), json.NewEncoder(to)
	step := len(rows)/olderAtMost + 1
	for i, r := range rows {
		if (len(rows)-1-i)%step != 0 {
			continue
		}
		hashes, err := tree.Consistency(head.Size, r.Size)
		if err != nil {
			return err
		}
		if err := out.Encode(proof.Older{Note: r.Note, Size: r.Size, Path: path(hashes)}); err != nil {
			return err
		}
	}
	return nil
}
