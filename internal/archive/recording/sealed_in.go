package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
)

// ArchiveSealed is ArchiveSealedBatch for one recording.
func (s *Service) ArchiveSealed(ctx context.Context, p *place.Place, who actor.Actor, in SealedIn) (Outcome, error) {
	out, err := s.ArchiveSealedBatch(ctx, p, who, []SealedIn{in})
	if err != nil {
		return Outcome{}, err
	}
	return out[0], out[0].Err
}

// ArchiveSealedBatch takes in what a collector sealed. The objects are stored as
// they came, their ciphertext held against what the box signed; the verifying
// opening hashes the sound again, as nobody here has seen it before. Taking the
// same recording in twice is taking it in once. An error means that nothing of
// the batch was taken; what is wrong with one recording stands in its outcome.
func (s *Service) ArchiveSealedBatch(ctx context.Context, p *place.Place, who actor.Actor, ins []SealedIn) ([]Outcome, error) {
	out := make([]Outcome, len(ins))
	b, fresh := &batch{}, []int{}
	for i, in := range ins {
		o, done, err := s.sealedBefore(ctx, p, in)
		switch {
		case fault.Is(err, fault.Conflict):
			out[i] = Outcome{Result: Refused, Err: err}
		case err != nil:
			return nil, err
		case done:
			out[i] = o
		case len(in.Renditions) == 0 || in.Source.IsZero() || in.Key == "":
			out[i] = Outcome{Result: Refused, Err: fault.New(fault.Invalid, "a recording needs a source, a key within it and at least one rendition")}
		default:
			// The intent names no keys: after a crash the box comes again with the same ones.
			fresh = append(fresh, i)
			for _, r := range in.Renditions {
				b.aside.Objects = append(b.aside.Objects, r.Object)
			}
		}
	}
	if len(fresh) == 0 {
		return out, nil
	}
	if err := s.Admit(ctx, p); err != nil {
		return nil, err
	}
	if err := s.intend(ctx, p, who, b, ins[fresh[0]].Source, len(fresh)); err != nil {
		return nil, err
	}
	defer s.end(b)
	drafts, err := s.receiveAll(ctx, p, ins, fresh, out)
	for _, d := range drafts {
		// Keys of what did not arrive whole are left: it is sent again under them.
		b.keys = append(b.keys, d.keys)
	}
	if err == nil {
		err = s.commitAndVerify(ctx, p, who, b, drafts, out)
	}
	if err != nil {
		s.abandon(ctx, p, b)
		return nil, err
	}
	return out, nil
}

// receiveAll puts the objects of collectors into the bucket. On return those of
// the drafts are durable.
func (s *Service) receiveAll(ctx context.Context, p *place.Place, ins []SealedIn, fresh []int, out []Outcome) (drafts []draft, err error) {
	to := s.objects.Batch()
	defer to.Discard()
	for _, i := range fresh {
		d, err := s.receive(ctx, to, p, ins[i])
		d.at = i
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
	return drafts, to.Commit(ctx)
}

// sealedBefore finds a recording that was taken in, or destroyed, earlier. An
// object id that belongs to another recording is refused before anything is
// written: a stolen box could overwrite what others have sent.
func (s *Service) sealedBefore(ctx context.Context, p *place.Place, in SealedIn) (out Outcome, done bool, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, in.Recording)
		if fault.Is(err, fault.Gone) {
			out, done = Outcome{Result: Erased, Err: errErased}, true
			return nil
		}
		if fault.Is(err, fault.NotFound) {
			row, done, err = s.sealedAs(tx, in)
		} else {
			done = true
		}
		if err != nil || !done {
			return err
		}
		out, err = outcomeOf(tx, row)
		return err
	})
	return out, done, err
}

// sealedAs finds the recording that holds one of the objects: this very one,
// kept under the id of an earlier capture, or a stranger's.
func (s *Service) sealedAs(tx *place.Tx, in SealedIn) (Row, bool, error) {
	var objects []id.Object
	for _, r := range in.Renditions {
		objects = append(objects, r.Object)
	}
	rows, err := place.Rows[Row](tx, `SELECT `+columns+` FROM recordings r WHERE r.n IN (SELECT n FROM renditions WHERE object IN (?))`, place.List(objects))
	if err != nil || len(rows) == 0 {
		return Row{}, false, err
	}
	if len(rows) > 1 || rows[0].ContentKey != in.Keys.Content.ID {
		return Row{}, false, fault.New(fault.Conflict, "an object with this id belongs to another recording")
	}
	return rows[0], true, nil
}

// outcomeOf is what became of a recording that is there, with its last receipt.
func outcomeOf(tx *place.Tx, row Row) (Outcome, error) {
	out, column := Outcome{Recording: row.ID, Result: Stored}, `stored_receipt`
	if row.VerifiedAt != nil {
		out.Result, column = Verified, `verified_receipt`
	}
	type receipt struct {
		Kind      string `db:"kind"`
		Body      []byte `db:"body"`
		Signature []byte `db:"signature"`
	}
	r, err := place.Row[receipt](tx, `SELECT a.kind, a.body, a.signature FROM archive_receipts a JOIN recordings r ON a.id = r.`+column+` WHERE r.n = ?`, row.N)
	out.Receipt = SignedReceipt{Result(r.Kind), r.Body, r.Signature}
	return out, err
}

// Verified reports whether a recording was read back, so that its sources may go.
func (s *Service) Verified(ctx context.Context, p *place.Place, rec id.Recording) (ok bool, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, rec)
		ok = row.VerifiedAt != nil
		return err
	})
	return ok, err
}

// receive puts the objects of one recording into the bucket.
func (s *Service) receive(ctx context.Context, to blob.Batch, p *place.Place, in SealedIn) (draft, error) {
	d := draft{recording: in.Recording, keys: in.Keys, thorough: true, item: Item{
		Source: in.Source, Key: in.Key, Call: in.Call.discreet(), Sound: in.Sound, StartedAt: in.StartedAt,
	}}
	for _, r := range in.Renditions {
		if err := storeSealed(ctx, to, p.Customer(), r); err != nil {
			return draft{}, err
		}
		f := File{Path: r.Path, Shown: r.Shown, Kind: r.Kind, Size: r.Size, ModTime: r.ModTime, Probed: r.Probed}
		d.item.Files = append(d.item.Files, f)
		d.parts = append(d.parts, part{
			rendition: id.New[id.Rendition](), object: r.Object, file: f, plain: r.PlainBytes, bytes: r.CipherBytes,
			sum: r.PlainSHA256, digest: "sha256:" + hex.EncodeToString(r.CipherSHA256[:]),
		})
	}
	return d, nil
}

func storeSealed(ctx context.Context, to blob.Batch, c id.Customer, r SealedRendition) error {
	src, err := r.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	h := &hashing{r: src, h: sha256.New()}
	n, err := to.Put(ctx, ObjectName(c, r.Object), h)
	if err != nil {
		return err
	}
	if n != r.CipherBytes || [32]byte(h.h.Sum(nil)) != r.CipherSHA256 {
		return fault.New(fault.Conflict, "what arrived is not what the collector sealed; it must be sent again")
	}
	return nil
}

// hashing hashes what is read.
type hashing struct {
	r io.Reader
	h hash.Hash
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.h.Write(p[:n])
	return n, err
}
