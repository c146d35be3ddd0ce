package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// answerIn is how long complete lets the box wait for its receipt; archiving
// goes on without it, and the box asks again.
const answerIn = 20 * time.Second

// finish is the archiving of one upload, whoever asked for it.
type finish struct {
	done    chan struct{}
	receipt Signed
	err     error
}

// complete archives an upload whose bytes are all here, and answers with a
// signed receipt: open while it is at work, stored, verified, erased or
// refused. Asking again is how the box waits.
func (s *Server) complete(v *visit, w http.ResponseWriter, r *http.Request) error {
	var nothing struct{}
	if err := v.body(r, 1024, &nothing); err != nil {
		return err
	}
	row, err := s.find(v, r)
	if err != nil {
		return err
	}
	if row.State != Open && row.State != Stored {
		s.unstage(r.Context(), v, row.ID) // the server may have died before it could
		return s.kept(row, w)
	}
	if row.State == Open {
		at, err := s.at(v, row)
		if err != nil {
			return err
		}
		if at != row.Bytes {
			return fault.New(fault.Conflict, "%d bytes of %d are here", at, row.Bytes)
		}
	}
	f, err := s.finishing(v, row)
	if err != nil {
		return err
	}
	t := time.NewTimer(answerIn)
	defer t.Stop()
	select {
	case <-f.done:
		if f.err != nil {
			return f.err
		}
		return answer(w, http.StatusOK, f.receipt)
	case <-t.C:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	open, err := s.sign(r.Context(), v, row, Receipt{State: row.State})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, open)
}

// receipt answers how an upload stands, without moving it.
func (s *Server) receipt(v *visit, w http.ResponseWriter, r *http.Request) error {
	row, err := s.find(v, r)
	if err != nil {
		return err
	}
	if row.State != Open {
		return s.kept(row, w)
	}
	open, err := s.sign(r.Context(), v, row, Receipt{State: Open})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, open)
}

func (s *Server) kept(row uploadRow, w http.ResponseWriter) error {
	return answer(w, http.StatusOK, json.RawMessage(row.Receipt))
}

// finishing starts the archiving of an upload, or joins the one under way. It
// does not end with the request: a box that goes away must not leave half.
func (s *Server) finishing(v *visit, row uploadRow) (*finish, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.finishes[row.ID]; f != nil {
		return f, nil
	}
	if s.stopped {
		return nil, fault.New(fault.Unavailable, "the server is stopping").After(5 * time.Second)
	}
	f := &finish{done: make(chan struct{})}
	s.finishes[row.ID] = f
	s.work.Go(func() {
		defer close(f.done)
		defer s.take(row.ID)()
		f.receipt, f.err = s.finish(context.Background(), v, row.ID)
		s.mu.Lock()
		delete(s.finishes, row.ID)
		s.mu.Unlock()
	})
	return f, nil
}

// finish archives. It holds the upload's turn, and reads the row anew: an
// earlier one may have ended meanwhile.
func (s *Server) finish(ctx context.Context, v *visit, u id.Upload) (Signed, error) {
	row, err := findUpload(ctx, v.place, v.device.ID, u)
	if err != nil {
		return Signed{}, err
	}
	var r Receipt
	switch row.State {
	case Open:
		if r, err = s.archiveUpload(ctx, v, row); err != nil {
			return Signed{}, err
		}
	case Stored:
		if r, err = s.verifyAgain(ctx, v, row); err != nil {
			return Signed{}, err
		}
	default:
		var kept Signed
		return kept, json.Unmarshal(row.Receipt, &kept)
	}
	signed, err := s.sign(ctx, v, row, r)
	if err != nil {
		return Signed{}, err
	}
	s.step("receipt")
	if err := saveReceipt(ctx, v.place, row.ID, r.State, signed); err != nil {
		return Signed{}, err
	}
	s.step("receipt kept")
	s.unstage(ctx, v, row.ID)
	return signed, nil
}

// unstage removes the staging file of an upload that has ended.
func (s *Server) unstage(ctx context.Context, v *visit, u id.Upload) {
	if err := s.staging.Remove(s.stagePath(v, u)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.WarnContext(ctx, "a staged upload is removed later", "upload", u, "error", err)
	}
}

// sign completes and signs a receipt.
func (s *Server) sign(ctx context.Context, v *visit, row uploadRow, r Receipt) (Signed, error) {
	r.Version, r.Customer, r.Device, r.Upload, r.Manifest = version, v.place.Customer(), v.device.ID, row.ID, row.Digest
	r.Copies, r.At = 1, s.now().UTC().Truncate(time.Millisecond)
	if s.archive.TwoPlaces() {
		r.Copies = 2
	}
	return s.signDocument(ctx, receiptLabel, r)
}

func (s *Server) signDocument(ctx context.Context, label string, v any) (Signed, error) {
	return signDocument(label, v, func(m []byte) ([]byte, error) { return s.keys.SignReceipt(ctx, m) })
}

// archiveUpload hands a complete upload to the archive.
func (s *Server) archiveUpload(ctx context.Context, v *visit, row uploadRow) (Receipt, error) {
	var m Manifest
	if err := decode(row.Manifest, &m); err != nil {
		return Receipt{}, err
	}
	f, err := s.staging.Open(s.stagePath(v, row.ID))
	if err != nil {
		return Receipt{}, errUnknownUpload
	}
	defer f.Close()
	r, err := s.archiveOne(v, &m, f)
	if errors.Is(err, errStaged) {
		return r, s.dropUpload(ctx, v, row)
	}
	return r, err
}

// gone decides what it means that the keys of an upload were destroyed. If its
// recording was, it stays so. Else they were not needed (the same bytes were
// here already) and the server ended before it could say so: the box seals anew
// and is told then.
func (s *Server) gone(ctx context.Context, v *visit, r id.Recording) (Receipt, error) {
	_, err := s.verified(ctx, v, r)
	if fault.Is(err, fault.Gone) {
		return Receipt{State: Erased, Reason: erasedText}, nil
	}
	return Receipt{}, errReseal
}

// judge turns what became of a recording into the receipt for its box.
func (s *Server) judge(ctx context.Context, v *visit, out recording.Outcome) (Receipt, error) {
	r := Receipt{Recording: out.Recording}
	switch out.Result {
	case recording.Verified:
		r.State = Verified
	case recording.Stored:
		r.State = Stored
	case recording.Duplicate:
		// Of the same bytes one recording is kept. The box may let go of its
		// source only if that one was verified.
		ok, err := s.verified(ctx, v, out.Recording)
		if err != nil {
			return r, err
		}
		r.Duplicate, r.State = true, Stored
		if ok {
			r.State = Verified
		}
	case recording.Erased:
		r.State, r.Reason = Erased, erasedText
	default:
		r.State, r.Reason = Refused, "the recording was refused"
		if out.Err != nil {
			r.Reason = fault.Of(out.Err).Text
		}
	}
	return r, nil
}

// verifyAgain is for a recording that is stored but could not be read back when
// it came in.
func (s *Server) verifyAgain(ctx context.Context, v *visit, row uploadRow) (Receipt, error) {
	var kept Signed
	var r Receipt
	if err := json.Unmarshal(row.Receipt, &kept); err != nil {
		return r, err
	}
	key, err := s.keys.SigningKey(ctx)
	if err != nil {
		return r, err
	}
	if err := openDocument(receiptLabel, kept, key, &r); err != nil {
		return r, err
	}
	return s.readBack(ctx, v, r)
}

// readBack tries once more to verify a recording that is stored.
func (s *Server) readBack(ctx context.Context, v *visit, r Receipt) (Receipt, error) {
	ok, err := s.verified(ctx, v, r.Recording)
	if err == nil && !ok {
		if _, err = s.archive.Reverify(ctx, v.place); err == nil {
			ok, err = s.verified(ctx, v, r.Recording)
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return Receipt{State: Erased, Reason: erasedText}, nil
	}
	if ok {
		r.State = Verified
	}
	return r, err
}

// verified reports whether a recording was read back.
func (s *Server) verified(ctx context.Context, v *visit, r id.Recording) (ok bool, err error) {
	err = v.place.View(ctx, func(tx *place.Tx) error {
		row, err := s.archive.Lookup(tx, r)
		ok = err == nil && row.VerifiedAt != nil
		return err
	})
	return ok, err
}

// sealedIn opens the card and joins it with the staged objects. What the card
// says must fit what the manifest promised and what was received.
func sealedIn(v *visit, m *Manifest, keys keyring.Reserved, staged io.ReaderAt) (in recording.SealedIn, err error) {
	plain, err := sealed.OpenField(keys.Card.Key, cardInfo(m.Customer, m.Upload), m.Card)
	if err != nil {
		return in, errors.New("the card does not open with its key")
	}
	var c card
	if err := decode(plain, &c); err != nil {
		return in, errors.New("the card is not what this version of Ringfence understands; bring box and server to the same release")
	}
	if len(c.Files) != len(m.Objects) || c.Key == "" {
		return in, errors.New("the card does not fit its manifest")
	}
	in = recording.SealedIn{
		Recording: m.Recording, Source: v.device.Source, Device: v.device.ID, Key: c.Key, Keys: keys,
		Call: c.Call, Sound: c.Sound, StartedAt: c.StartedAt,
	}
	offset := int64(0)
	for i, f := range c.Files {
		o := m.Objects[i]
		if len(f.SHA256) != sha256.Size || f.path() == "" || sealed.SealedSize(f.Size) != o.Bytes {
			return in, fmt.Errorf("file %d of the card does not fit its object", i+1)
		}
		at := offset
		in.Renditions = append(in.Renditions, recording.SealedRendition{
			Object: o.ID, Path: f.path(), Shown: capture.Shown(cmp.Or(f.Shown, f.path())), Kind: f.Kind, Size: f.Size, ModTime: f.ModTime, Probed: f.Probed,
			PlainBytes: f.Size, PlainSHA256: [32]byte(f.SHA256), CipherBytes: o.Bytes, CipherSHA256: [32]byte(o.SHA256),
			Open: func() (io.ReadCloser, error) {
				return &checked{r: io.NewSectionReader(staged, at, o.Bytes), h: sha256.New(), want: o.SHA256}, nil
			},
		})
		offset += o.Bytes
	}
	return in, nil
}

const erasedText = "this recording was destroyed in the archive and is not captured again"

// errReseal asks the box to seal a recording anew, under new keys.
var errReseal = errors.New("the keys of this upload are of no use any more; the recording is to be sealed anew")

// errStaged means that the staging disk does not give back what was received.
var errStaged = errors.New("the staged bytes are not those that were signed")

// checked gives out what was signed, or an error before its end.
type checked struct {
	r    io.Reader
	h    hash.Hash
	want []byte
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.h.Write(p[:n])
	if errors.Is(err, io.EOF) && string(c.h.Sum(nil)) != string(c.want) {
		return n, errStaged
	}
	return n, err
}

func (c *checked) Close() error { return nil }

// dropUpload forgets an upload whose bytes are not those that were signed, so
// that the box begins again.
func (s *Server) dropUpload(ctx context.Context, v *visit, row uploadRow) error {
	s.log.ErrorContext(ctx, "a staged upload was damaged and is asked for again", "upload", row.ID, "device", v.device.ID)
	if err := forgetUpload(ctx, v.place, row.ID); err != nil {
		return err
	}
	if err := s.staging.Remove(s.stagePath(v, row.ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errUnknownUpload
}

var _ http.Handler = (*Server)(nil)
