package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/journal"
)

// CustodyName is the list of events about one recording, ReceiptsName that of the
// receipts that were signed when it was taken in; both are in its folder.
const (
	CustodyName  = "custody.jsonl"
	ReceiptsName = "receipts.jsonl"
)

// ArchiveReceipt is a receipt of the archive: stored, and verified.
type ArchiveReceipt struct {
	Kind      string `json:"kind"`
	Text      string `json:"text"`
	Signature string `json:"signature"` // base64, over receiptDomain and the text
}

// receiptDomain is what stands before a receipt's text in what is signed.
const receiptDomain = "ringfence receipt v1\x00"

// evidence checks an evidence file: every event of each recording's custody is in
// the log, the opening for this file among them, and the vCon is about the files
// beside it.
func (r *Report) evidence(b *bundle, m Manifest, c journal.Checkpoint, _ tlog.Hash) {
	if !r.older(b, m, c) {
		return
	}
	p, err := r.proofs(b, c)
	if err != nil {
		r.bad(claimInclusion, "%v", err)
		return
	}
	if len(m.Recordings) == 0 {
		r.bad(claimCustody, "it holds no recording")
		return
	}
	for _, one := range m.Recordings {
		if err := r.recording(b, m, one, p); err != nil {
			r.bad(claimCustody, "%s: %v", one.ID, err)
			return
		}
	}
	if len(p.seen) != len(p.proofs) {
		r.bad(claimInclusion, "there are proofs of events that are not here")
		return
	}
	r.good(claimInclusion, "each of the %d events of the chain of custody is in the log as it stands here", len(p.seen))
	r.good(claimCustody, "%d recordings, each from its capture to the opening for this file", len(m.Recordings))
	r.good(claimVCon, "each conversation's vCon (%s) is about the sound and the words beside it", VConDraft)
}

func (r *Report) recording(b *bundle, m Manifest, one Recording, p *proven) error {
	if one.Folder != "recordings/"+one.ID || one.Sound == "" || b.open(one.Folder+"/"+one.Sound) == nil {
		return fmt.Errorf("its sound is not here")
	}
	list := b.open(one.Folder + "/" + CustodyName)
	if list == nil {
		return fmt.Errorf("its chain of custody is not here")
	}
	captured, opening, last := false, false, int64(0)
	err := eachLine(list, func(l journal.Line) error {
		if l.Subject != one.ID || l.Position <= last {
			return fmt.Errorf("the event at position %d is of something else, or out of order", l.Position)
		}
		last = l.Position
		captured = captured || l.Code == "recording.captured"
		opening = opening || l.Code == granted && l.Facts["receipt"] == one.Receipt && l.Facts["what"] == "evidence"
		return p.check(l)
	})
	switch {
	case err != nil:
		return err
	case !captured:
		return fmt.Errorf("the event of its capture is not in its chain of custody")
	case !opening:
		return fmt.Errorf("the opening for this file is not in its chain of custody")
	}
	if err := receipts(b, m, one); err != nil {
		return err
	}
	text, err := b.read(one.Folder + "/" + one.VCon)
	if err != nil {
		return err
	}
	v, err := ReadVCon(text)
	if err != nil {
		return fmt.Errorf("its vCon: %w", err)
	}
	return v.refersTo(b, one.Folder)
}

// receipts checks those of the archive with the same key.
func receipts(b *bundle, m Manifest, one Recording) error {
	list := b.open(one.Folder + "/" + ReceiptsName)
	if list == nil {
		return fmt.Errorf("the receipts of its capture are not here")
	}
	parts := strings.SplitN(m.Key, "+", 3)
	if len(parts) != 3 {
		return fmt.Errorf("the key cannot be read")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != ed25519.PublicKeySize+1 {
		return fmt.Errorf("the key cannot be read")
	}
	return eachLine(list, func(a ArchiveReceipt) error {
		sig, err := base64.StdEncoding.Strict().DecodeString(a.Signature)
		if err != nil || !ed25519.Verify(key[1:], append([]byte(receiptDomain), a.Text...), sig) {
			return fmt.Errorf("the receipt %q of its capture does not hold", a.Kind)
		}
		if !bytes.Contains([]byte(a.Text), []byte("\ncustomer "+m.Customer+"\n")) || !strings.Contains(a.Text, "\n"+one.ID+" ") {
			return fmt.Errorf("the receipt %q is of something else", a.Kind)
		}
		return nil
	})
}
