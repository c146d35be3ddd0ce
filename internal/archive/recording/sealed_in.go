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
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// ArchiveSealed takes in what a collector sealed. The objects are stored as
// they came, their ciphertext held against what the box signed; the verifying
// opening hashes the sound again, as nobody here has seen it before. Taking the
// same recording in twice is taking it in once.
func (s *Service) ArchiveSealed(ctx context.Context, p *place.Place, who actor.Actor, in SealedIn) (Outcome, error) {
	if out, done, err := s.sealedBefore(ctx, p, in); err != nil || done {
		return out, err
	}
	if len(in.Renditions) == 0 || in.Source.IsZero() || in.Key == "" {
		return Outcome{}, fault.New(fault.Invalid, "a recording needs a source, a key within it and at least one rendition")
	}
	b := &batch{keys: []keyring.Reserved{in.Keys}, aside: leftovers{Keys: []id.Key{in.Keys.Content.ID, in.Keys.Card.ID}}}
	for _, r := range in.Renditions {
		b.aside.Objects = append(b.aside.Objects, r.Object)
	}
	if err := s.intend(ctx, p, who, b, in.Source, 1); err != nil {
		return Outcome{}, err
	}
	defer s.end(b)
	d, err := s.receive(ctx, p, in)
	out := make([]Outcome, 1)
	if err == nil {
		err = s.commitAndVerify(ctx, p, who, b, []draft{d}, out)
	}
	if err != nil {
		// The box comes again with the same keys: they must not be destroyed.
		b.aside.Keys = nil
		s.abandon(ctx, p, b)
		return Outcome{}, err
	}
	return out[0], out[0].Err
}

// sealedBefore finds a recording that was taken in, or destroyed, earlier.
func (s *Service) sealedBefore(ctx context.Context, p *place.Place, in SealedIn) (out Outcome, done bool, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, in.Recording)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil
		case fault.Is(err, fault.Gone):
			out, done = Outcome{Result: Erased, Err: errErased}, true
			return nil
		case err != nil:
			return err
		}
		out, done = Outcome{Recording: row.ID, Result: Stored}, true
		column := `stored_receipt`
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
		return err
	})
	return out, done, err
}

// receive puts the objects of a collector into the bucket.
func (s *Service) receive(ctx context.Context, p *place.Place, in SealedIn) (draft, error) {
	d := draft{recording: in.Recording, keys: in.Keys, thorough: true, item: Item{
		Source: in.Source, Key: in.Key, Call: in.Call.discreet(), Sound: in.Sound, StartedAt: in.StartedAt,
	}}
	to := s.objects.Batch()
	defer to.Discard()
	for _, r := range in.Renditions {
		if err := storeSealed(ctx, to, p.Customer(), r); err != nil {
			return draft{}, err
		}
		f := File{Path: r.Path, Kind: r.Kind, Size: r.Size, ModTime: r.ModTime, Probed: r.Probed}
		d.item.Files = append(d.item.Files, f)
		d.parts = append(d.parts, part{
			rendition: id.New[id.Rendition](), object: r.Object, file: f, plain: r.PlainBytes, bytes: r.CipherBytes,
			sum: r.PlainSHA256, digest: "sha256:" + hex.EncodeToString(r.CipherSHA256[:]),
		})
	}
	return d, to.Commit(ctx)
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
