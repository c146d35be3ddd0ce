// Package evidence makes evidence files: for one or many conversations, in one zip
// that proves itself, the sound, the words, a vCon, the chain of custody with its
// proofs, and a page that checks all of it from a USB stick without a network.
//
//	order ── each recording opened, with its receipt ── log signed ── events about
//	each recording, with their proofs against that checkpoint ── manifest, signature
//
// The order matters: the openings for the file stand in the chain of custody that
// the file holds. Package proof checks what is written here; docs/evidence.md
// describes it.
package evidence

import (
	"context"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/proof"
	"ringfence/internal/trust/witness"
)

// Kind is the kind of parcel that an evidence file is.
const Kind = "evidence"

// What is the way of opening a recording for a file.
const What = "evidence"

// AtMost is how many recordings one file can hold.
const AtMost = 500

//go:embed verify.html
var page []byte

// Page is the page that checks files, as it is put into each.
func Page() []byte { return page }

// Chosen says which recordings a file holds.
type Chosen struct {
	Recordings []id.Recording `json:"recordings"`
}

// Service makes evidence files.
type Service struct {
	recordings *recording.Service
	witness    *witness.Service
	now        func() time.Time
}

// New makes the service; now gives the time.
func New(r *recording.Service, w *witness.Service, now func() time.Time) *Service {
	return &Service{r, w, now}
}

// Maker makes the files; act is what taking one needs.
func (s *Service) Maker(act string) parcel.Maker {
	return parcel.Maker{Act: act, Estimate: s.estimate, Make: s.make}
}

// bytesPerMilli is what sound takes: two channels of 16 bits at 16,000 Hz.
const bytesPerMilli = 64

func (s *Service) estimate(ctx context.Context, p *place.Place, args json.RawMessage) (size int64, err error) {
	var c Chosen
	if err := json.Unmarshal(args, &c); err != nil {
		return 0, err
	}
	if len(c.Recordings) == 0 || len(c.Recordings) > AtMost {
		return 0, fault.Field("recordings", "choose 1 to %d recordings", AtMost)
	}
	seen := map[id.Recording]bool{}
	err = p.View(ctx, func(tx *place.Tx) error {
		for _, rec := range c.Recordings {
			if seen[rec] {
				return fault.Field("recordings", "%s stands twice", rec)
			}
			seen[rec] = true
			row, err := s.recordings.Lookup(tx, rec)
			if err != nil {
				return err
			}
			size += row.Millis*bytesPerMilli + 1<<20
		}
		return nil
	})
	if size > proof.MaxSize {
		return 0, fault.New(fault.TooLarge, "these recordings are longer than one file holds (some 17 hours); make two files")
	}
	return size, err
}

// file is one evidence file under way.
type file struct {
	s      *Service
	p      *place.Place
	b      *parcel.Box
	w      *proof.Writer
	listed []proof.Recording
}

func (s *Service) make(ctx context.Context, p *place.Place, b *parcel.Box) error {
	var c Chosen
	if err := b.Decode(&c); err != nil {
		return err
	}
	f := &file{s: s, p: p, b: b, w: proof.NewWriter(b.Raw())}
	if err := f.w.Add("verify.html", page); err != nil {
		return err
	}
	if err := f.w.Add("README.txt", []byte(readme)); err != nil {
		return err
	}
	for i, rec := range c.Recordings {
		if err := f.recording(ctx, rec); err != nil {
			return err
		}
		if err := b.Progress(ctx, int64(i)+1, int64(len(c.Recordings))+1); err != nil {
			return err
		}
	}
	head, err := s.witness.Sign(ctx, p, b.Who)
	if err != nil {
		return err
	}
	if err := f.custody(ctx, head); err != nil {
		return err
	}
	return f.close(ctx, head)
}

// recording writes what one recording holds. The opening leaves its receipt
// before the first byte is read.
func (f *file) recording(ctx context.Context, rec id.Recording) error {
	o, err := f.s.recordings.Open(ctx, f.p, f.b.Who, rec, recording.Ask{What: What})
	if err != nil {
		return err
	}
	defer o.Close()
	one := proof.Recording{ID: rec.String(), Folder: "recordings/" + rec.String(), Sound: "sound.wav", VCon: "conversation.vcon.json", Receipt: o.ID.String()}
	d, err := f.s.recordings.Get(ctx, f.p, f.b.Who, rec, recording.Everything)
	if err != nil {
		return err
	}
	heard, err := f.sound(ctx, o, one)
	if err != nil {
		return err
	}
	said := ""
	text, err := o.Transcript(ctx)
	switch {
	case err == nil:
		one.Transcript = "transcript.json"
		h := sha512.New()
		h.Write(text)
		said = proof.ContentHash(h)
		err = f.w.Add(one.Folder+"/"+one.Transcript, text)
	case fault.Is(err, fault.NotFound):
		err = nil
	}
	if err != nil {
		return err
	}
	v, err := json.MarshalIndent(vcon(d, one, heard, said, f.s.now()), "", " ")
	if err == nil {
		err = f.w.Add(one.Folder+"/"+one.VCon, v)
	}
	f.listed = append(f.listed, one)
	return err
}

// sound writes the sound, and gives its hash as a vCon has it.
func (f *file) sound(ctx context.Context, o *recording.Opening, one proof.Recording) (string, error) {
	wav, err := o.WAV(ctx)
	if err != nil {
		return "", err
	}
	defer wav.Close()
	to, err := f.w.Create(one.Folder + "/" + one.Sound)
	if err != nil {
		return "", err
	}
	h := sha512.New()
	_, err = io.Copy(io.MultiWriter(to, h), io.NewSectionReader(wav, 0, wav.Size()))
	return proof.ContentHash(h), err
}

// custody writes, for each recording, all events about it up to the checkpoint,
// and its receipts; then the proofs of all of them.
func (f *file) custody(ctx context.Context, head witness.Signed) error {
	var at []int64
	for _, one := range f.listed {
		var events []journal.Line
		var signed []recording.SignedReceipt
		rec, err := id.Parse[id.Recording](one.ID)
		if err != nil {
			return err
		}
		err = f.p.View(ctx, func(tx *place.Tx) (err error) {
			if events, err = journal.LinesAbout(tx, []string{one.ID}, head.Size); err == nil {
				signed, err = f.s.recordings.Receipts(tx, rec)
			}
			return err
		})
		if err != nil {
			return err
		}
		to, err := f.w.Create(one.Folder + "/" + proof.CustodyName)
		if err != nil {
			return err
		}
		out := json.NewEncoder(to)
		for _, e := range events {
			at = append(at, e.Position)
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		if to, err = f.w.Create(one.Folder + "/" + proof.ReceiptsName); err != nil {
			return err
		}
		out = json.NewEncoder(to)
		for _, r := range signed {
			if err := out.Encode(proof.ArchiveReceipt{Kind: string(r.Kind), Text: string(r.Text), Signature: base64.StdEncoding.EncodeToString(r.Signature)}); err != nil {
				return err
			}
		}
	}
	slices.Sort(at)
	return f.s.witness.WriteProofs(ctx, f.p, f.w, head.Size, at)
}

func (f *file) close(ctx context.Context, head witness.Signed) error {
	signer, err := f.s.witness.Signer(ctx)
	if err != nil {
		return err
	}
	if err := f.s.witness.WriteHead(ctx, f.p, f.w, head, 0); err != nil {
		return err
	}
	m := proof.Manifest{
		Format: proof.EvidenceFormat, ID: f.b.ID.String(), Origin: journal.Origin(signer.Public, f.p.Customer()), Customer: f.p.Customer().String(),
		MadeAt: f.s.now().UTC().Format(time.RFC3339), MadeBy: f.b.Who.ID, Purpose: f.b.Who.Purpose, Size: head.Size, Recordings: f.listed,
	}
	if m.Key, err = journal.VerifierKey(signer.Public); err != nil {
		return err
	}
	return f.w.Close(m, signer.SignNote)
}

const readme = `This is an evidence file made by Ringfence.

Open verify.html in a browser (a current Chromium, Firefox or Safari; no network is
needed), choose this zip, and compare the key that it shows with the one that the
customer or the operator tells you. Or run: ringfence verify --key KEY FILE.zip

Take verify.html from somewhere else if you do not trust who gave you this file: a
page that comes with a file could have been altered with it.

recordings/*/sound.wav               what was heard
recordings/*/transcript.json         what was said, where it was transcribed
recordings/*/conversation.vcon.json  the conversation as the IETF's vCon draft writes it
recordings/*/custody.jsonl           who did what with it, when and why, from its capture on
recordings/*/receipts.jsonl          the archive's signed receipts of its capture
log/                                 proofs that the chain of custody is in the change log
manifest.json, signature.txt         all files with their sums, signed
`
