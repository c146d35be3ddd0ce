package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
)

// The claims, as findings call them.
const (
	claimForm        = "form"
	claimSignature   = "signature"
	claimKey         = "key"
	claimFiles       = "files"
	claimCheckpoint  = "checkpoint"
	claimInclusion   = "inclusion"
	claimConsistency = "consistency"
	claimReceipts    = "receipts"
	claimCustody     = "custody"
	claimVCon        = "vcon"
)

// Verify looks at one file. key is the installation's key as it is known from
// elsewhere; empty: it is not.
func Verify(name string, r io.ReaderAt, size int64, key string) *Report {
	rep := &Report{File: name, Kind: "unknown"}
	if size < 4096 {
		if text, err := io.ReadAll(io.NewSectionReader(r, 0, size)); err == nil && strings.HasPrefix(string(text), "ringfence/") {
			rep.note(string(text), key)
			return rep
		}
	}
	b, err := openBundle(r, size)
	if err != nil {
		rep.bad(claimForm, "%v", err)
		return rep
	}
	m, ok := rep.manifest(b, key)
	if !ok {
		return rep
	}
	rep.Kind = m.Format
	c, root, ok := rep.head(b, m)
	if !ok {
		return rep
	}
	switch m.Format {
	case LogFormat:
		rep.changeLog(b, m, c, root)
	case EvidenceFormat:
		rep.evidence(b, m, c, root)
	default:
		rep.bad(claimForm, "it calls itself %q, which this release does not know", m.Format)
	}
	return rep
}

// note is a checkpoint that somebody kept.
func (r *Report) note(text, key string) {
	r.Kind = "checkpoint"
	body, _, _ := strings.Cut(text, "\n\n")
	c, err := journal.ParseCheckpoint(body + "\n")
	if err != nil {
		r.bad(claimCheckpoint, "%v", err)
		return
	}
	if key == "" {
		r.good(claimCheckpoint, "it says that %s had %d events; its signature is checked against the other files", c.Origin, c.Size)
		r.checkpoints = append(r.checkpoints, signedPoint{c, text})
		return
	}
	r.Key, r.Pinned = key, true
	if _, err := journal.OpenNote(text, key); err != nil {
		r.bad(claimSignature, "%v", err)
		return
	}
	r.checkpoints = append(r.checkpoints, signedPoint{c, text})
	r.good(claimSignature, "signed by the key that you gave: %d events at %s", c.Size, c.At.Format("2006-01-02 15:04:05 MST"))
}

// manifest checks the signature and that the files are those that are named.
func (r *Report) manifest(b *bundle, key string) (m Manifest, ok bool) {
	n := len(b.entries)
	if n < 3 || b.entries[n-2].name != ManifestName || b.entries[n-1].name != SignatureName {
		return m, r.bad(claimForm, "manifest and signature are not its last two files")
	}
	text, err := b.read(ManifestName)
	if err == nil {
		err = strict(text, &m)
	}
	signed, err2 := b.read(SignatureName)
	if err = errors.Join(err, err2); err != nil {
		return m, r.bad(claimForm, "the manifest and its signature cannot be read: %v", err)
	}
	r.Key, r.Pinned = m.Key, key != ""
	if r.Pinned && key != m.Key {
		return m, r.bad(claimKey, "it is signed by %s, which is not the key that you gave", m.Key)
	}
	got, err := opened(string(signed), m.Key)
	name, _, _ := strings.Cut(m.Key, "+")
	customer, malformed := id.Parse[id.Customer](m.Customer)
	switch {
	case err != nil:
		return m, r.bad(claimSignature, "the signature does not hold: %v", err)
	case malformed != nil || m.Origin != name+"/"+customer.String():
		return m, r.bad(claimSignature, "the customer, the key and the origin do not belong together")
	case got != SignatureText(m.Origin, m.Format, m.ID, text):
		return m, r.bad(claimSignature, "what is signed is not this manifest")
	case len(m.Files) != n-2:
		return m, r.bad(claimFiles, "it has %d files, and the manifest names %d", n-2, len(m.Files))
	}
	for i, f := range m.Files {
		if f != b.sums[b.entries[i].name] || f.Name != b.entries[i].name {
			return m, r.bad(claimFiles, "%q is not what the manifest says", b.entries[i].name)
		}
	}
	r.good(claimForm, "every byte is where it has to be")
	r.good(claimSignature, "signed by %s", name)
	if r.Pinned {
		r.good(claimKey, "that is the key that you gave")
	}
	r.good(claimFiles, "all %d files are those that were signed", len(m.Files))
	return m, true
}

// head is the checkpoint that everything else is proven against.
func (r *Report) head(b *bundle, m Manifest) (c journal.Checkpoint, root tlog.Hash, ok bool) {
	signed, err := b.read(CheckpointName)
	if err != nil {
		return c, root, r.bad(claimCheckpoint, "%v", err)
	}
	if c, err = r.point(string(signed), m); err != nil {
		return c, root, r.bad(claimCheckpoint, "%v", err)
	}
	if c.Size != m.Size {
		return c, root, r.bad(claimCheckpoint, "it is of %d events, and the manifest says %d", c.Size, m.Size)
	}
	r.checkpoints = append(r.checkpoints, signedPoint{c, string(signed)})
	r.good(claimCheckpoint, "the log had %d events at %s", c.Size, c.At.Format("2006-01-02 15:04:05 MST"))
	return c, c.Root, true
}

func (r *Report) point(signed string, m Manifest) (c journal.Checkpoint, err error) {
	text, err := opened(signed, m.Key)
	if err != nil {
		return c, err
	}
	if c, err = journal.ParseCheckpoint(text); err == nil && c.Origin != m.Origin {
		err = fmt.Errorf("it is of another log: %s", c.Origin)
	}
	return c, err
}

func hashes(path []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(path))
	for i, p := range path {
		b, err := base64.StdEncoding.Strict().DecodeString(p)
		if err != nil || len(b) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", p)
		}
		copy(out[i][:], b)
	}
	return out, nil
}

// older checks that the log has grown from each older checkpoint.
func (r *Report) older(b *bundle, m Manifest, c journal.Checkpoint) bool {
	list := b.open(OlderName)
	if list == nil {
		return r.bad(claimConsistency, "there is no %s", OlderName)
	}
	n, last := 0, int64(0)
	err := eachLine(list, func(o Older) error {
		old, err := r.point(o.Note, m)
		if err != nil {
			return err
		}
		if old.Size != o.Size || old.Size <= last || old.Size > c.Size {
			return fmt.Errorf("the checkpoint of %d events is out of order", old.Size)
		}
		path, err := hashes(o.Path)
		if err == nil {
			err = tlog.CheckTree(path, c.Size, c.Root, old.Size, old.Root)
		}
		if err != nil {
			return fmt.Errorf("the log at %d events is not the beginning of the log at %d: its history was changed (%w)", old.Size, c.Size, err)
		}
		r.checkpoints = append(r.checkpoints, signedPoint{old, o.Note})
		n, last = n+1, old.Size
		return nil
	})
	if err != nil {
		return r.bad(claimConsistency, "%v", err)
	}
	r.good(claimConsistency, "the log has only grown since each of %d older checkpoints", n)
	return true
}

// proven reads proofs, for events that come in the order of their positions.
type proven struct {
	proofs map[int64][]tlog.Hash
	c      journal.Checkpoint
	seen   map[int64]bool
}

func (r *Report) proofs(b *bundle, c journal.Checkpoint) (*proven, error) {
	p := &proven{map[int64][]tlog.Hash{}, c, map[int64]bool{}}
	list := b.open(ProofsName)
	if list == nil {
		return nil, fmt.Errorf("there is no %s", ProofsName)
	}
	return p, eachLine(list, func(one Proof) error {
		path, err := hashes(one.Path)
		if _, twice := p.proofs[one.Position]; twice && err == nil {
			err = fmt.Errorf("there are two proofs for position %d", one.Position)
		}
		p.proofs[one.Position] = path
		return err
	})
}

func (p *proven) check(l journal.Line) error {
	leaf, err := l.Hash()
	if err != nil {
		return err
	}
	if p.seen[l.Position] {
		return fmt.Errorf("position %d stands twice", l.Position)
	}
	p.seen[l.Position] = true
	path, there := p.proofs[l.Position]
	if !there || l.Position < 1 || l.Position > p.c.Size {
		return fmt.Errorf("there is no proof for position %d", l.Position)
	}
	if err := tlog.CheckRecord(path, p.c.Size, p.c.Root, l.Position-1, leaf); err != nil {
		return fmt.Errorf("the event at position %d is not in the log as it stands here", l.Position)
	}
	return nil
}
