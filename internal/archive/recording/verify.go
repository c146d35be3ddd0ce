package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// proof is what must be shown of one recording before its source may go.
type proof struct {
	n        int64
	id       id.Recording
	key      id.Key
	stored   id.Receipt // of the capture that is verified
	thorough bool       // the sound is hashed again
	parts    []proofPart
	err      error // why it could not be shown
}

type proofPart struct {
	object       id.Object
	bytes, plain int64
	digest       string
	token        []byte   // blinded SHA-256 of the sound
	sum          [32]byte // of what was read back, when it was hashed
}

// lines are the manifest of a recording, one line per rendition.
func (f proof) lines() (all []string) {
	for _, p := range f.parts {
		all = append(all, fmt.Sprintf("%s %s %d %s %x %d\n", f.id, p.object, p.bytes, p.digest, p.token, p.plain))
	}
	return all
}

// verify reads recordings back through one logged opening, with the keys as the
// key store has them, and signs what is as its manifest says. What is not, says
// so in its proof's err.
//
// Every segment is authenticated, which shows that what comes out is byte for
// byte what went in when it was hashed. What this process did not hash itself
// (a collector's objects), and what may be removed at its source, is hashed
// again as well.
func (s *Service) verify(ctx context.Context, p *place.Place, who actor.Actor, subject id.Receipt, proofs []*proof) (SignedReceipt, error) {
	var keys []id.Key
	for _, f := range proofs {
		keys = append(keys, f.key)
	}
	s.step("receipt")
	r, err := p.Receipt(ctx, who, place.Opening{
		Subject: subject.String(), Keys: keys, What: "capture-check", Purpose: "reading back what was archived",
	})
	if err != nil {
		return SignedReceipt{}, err
	}
	s.step("unwrap")
	content, err := s.keys.UseMany(ctx, r, keys)
	if err != nil {
		return SignedReceipt{}, err
	}
	s.step("read back")
	good := 0
	for _, f := range proofs {
		if f.err = s.readBack(ctx, p.Customer(), content[f.key], f); f.err == nil {
			good++
		}
		if ctx.Err() != nil {
			return SignedReceipt{}, ctx.Err()
		}
	}
	if good == 0 {
		return SignedReceipt{}, nil
	}
	s.step("verified")
	var signed SignedReceipt
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		signed, err = s.signVerified(tx, subject, proofs)
		return err
	})
	return signed, err
}

var errDiffers = fault.New(fault.Conflict, "the archived sound is not what was signed for; the source is kept")

// readBack reads all renditions of a recording from the bucket.
func (s *Service) readBack(ctx context.Context, c id.Customer, key secret.Key, f *proof) error {
	if key.IsZero() {
		return fault.New(fault.Gone, "the recording was destroyed")
	}
	for i := range f.parts {
		if err := s.readBackPart(ctx, c, key, &f.parts[i], f.thorough); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) readBackPart(ctx context.Context, c id.Customer, key secret.Key, p *proofPart, thorough bool) error {
	obj, err := s.objects.Open(ctx, ObjectName(c, p.object))
	if err != nil {
		return err
	}
	defer obj.Close()
	if obj.Size() != p.bytes {
		return errDiffers
	}
	r, err := sealed.NewReaderAt(obj, obj.Size(), key, ObjectAAD(c, p.object))
	if err != nil {
		return err
	}
	if r.Size() != p.plain {
		return errDiffers
	}
	b := readBuffers.Get().(*[segment]byte)
	defer readBuffers.Put(b)
	sum := sha256.New()
	for off := int64(0); off < p.plain; {
		// Steps that end where segments end let each be opened straight into b.
		step := int64(plainStep)
		if off == 0 {
			step = firstStep
		}
		n, err := r.ReadAt(b[:min(step, p.plain-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return errDiffers
		}
		if thorough {
			sum.Write(b[:n])
		}
		off += int64(n)
	}
	sum.Sum(p.sum[:0])
	return nil
}

// Plain bytes in a segment: all less the tag, and in the first less the header.
const (
	plainStep = segment - 16
	firstStep = plainStep - 40
)

// signVerified commits that recordings were read back.
func (s *Service) signVerified(tx *place.Tx, subject id.Receipt, proofs []*proof) (SignedReceipt, error) {
	receipt, at := id.New[id.Receipt](), millis(tx.At())
	var lines []string
	var ns []int64
	for _, f := range proofs {
		if f.err == nil {
			f.err = f.compare(tx)
		}
		if f.err == nil {
			ns = append(ns, f.n)
			lines = append(lines, f.lines()...)
		}
	}
	signed, err := s.sign(tx, Verified, receipt, lines)
	if err != nil {
		return signed, err
	}
	for _, f := range proofs {
		if f.err != nil {
			continue
		}
		// A recording that was destroyed or replaced meanwhile has another capture: it is not touched.
		n, err := tx.Exec(`UPDATE recordings SET verified_at = ?, verified_receipt = ? WHERE n = ? AND stored_receipt = ?`, at, receipt, f.n, f.stored)
		if err != nil {
			return signed, err
		}
		if n == 0 {
			f.err = fault.New(fault.Conflict, "the recording was replaced or destroyed while it was read back")
		}
	}
	if _, err := tx.Exec(`UPDATE files SET state = 'verified', since = ? WHERE n IN (?) AND state = 'captured'`, at, place.List(ns)); err != nil {
		return signed, err
	}
	tx.Record(place.Event{Code: "recordings.verified", Subject: subject.String(), Facts: map[string]string{
		"recordings": strconv.Itoa(len(ns)), "receipt": receipt.String(),
	}})
	tx.Notify(Topic)
	return signed, nil
}

// compare holds the hash of what was read back against the manifest's.
func (f *proof) compare(tx *place.Tx) error {
	if !f.thorough {
		return nil
	}
	for _, p := range f.parts {
		token, err := contentToken(tx, p.sum)
		if err != nil {
			return err
		}
		if !bytes.Equal(token, p.token) {
			return errDiffers
		}
	}
	return nil
}
