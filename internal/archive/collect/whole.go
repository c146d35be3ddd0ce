package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// A recording that fits into one request (most do) travels in one: manifest and
// ciphertext together, straight into the archive, without a staging file or a
// row of its own. The answer is the receipt. If it is lost the box sends the
// same again, and the archive knows the recording by its id.

// maxWhole is how much ciphertext one request carries.
const maxWhole = 1 << 20

// wholeAtOnce bounds the memory of whole uploads to about 100 MiB, and
// wholeWait is how long one waits for its turn.
const (
	wholeAtOnce = 64
	wholeWait   = 20 * time.Second
)

// wholeBody joins manifest and ciphertext: a length of four bytes, the signed
// manifest as JSON, the objects one after another.
func wholeBody(s Signed, data []byte) ([]byte, error) {
	head, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(head)+len(data)), uint32(len(head)))
	return append(append(b, head...), data...), nil
}

// splitWhole is the inverse of wholeBody. The manifest is not believed yet.
func splitWhole(b []byte) (s Signed, data []byte, err error) {
	if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
		return s, nil, fault.New(fault.Invalid, "the body is no upload")
	}
	n := 4 + int(binary.BigEndian.Uint32(b))
	if err := decode(b[4:n], &s); err != nil {
		return s, nil, fault.Wrap(err, fault.Invalid, "the body is no upload")
	}
	return s, b[n:], nil
}

// whole takes a recording in one request.
func (s *Server) whole(v *visit, w http.ResponseWriter, r *http.Request) error {
	select {
	case s.wholes <- struct{}{}:
		defer func() { <-s.wholes }()
	case <-time.After(wholeWait):
		return fault.New(fault.Unavailable, "the server is busy").After(5 * time.Second)
	}
	deadline(w, patchFor)
	b, err := readBody(r, 2*maxManifest+maxWhole)
	if err != nil {
		return err
	}
	if sha256.Sum256(b) != v.claim.digest {
		return errDigest
	}
	signed, data, err := splitWhole(b)
	if err != nil {
		return err
	}
	m, err := v.manifest(signed)
	if err != nil {
		return err
	}
	if m.Upload.String() != r.PathValue("upload") || m.size() != int64(len(data)) || m.size() > maxWhole {
		return fault.New(fault.Invalid, "the manifest is for another upload, or of another size")
	}
	if s.isStopped() {
		return fault.New(fault.Unavailable, "the server is stopping").After(5 * time.Second)
	}
	defer s.take(m.Upload)()
	answered, err := s.archiveWhole(context.WithoutCancel(r.Context()), v, m, data)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(signed.Body)
	receipt, err := s.sign(r.Context(), v, uploadRow{ID: m.Upload, Digest: sum[:]}, answered)
	if err != nil {
		return err
	}
	s.step("receipt")
	return answer(w, http.StatusOK, receipt)
}

func (s *Server) archiveWhole(ctx context.Context, v *visit, m *Manifest, data []byte) (Receipt, error) {
	r, err := s.archiveOne(v, m, bytes.NewReader(data))
	if err != nil || r.State != Stored {
		return r, err
	}
	// It is here, but could not be read back. The box comes again until it is.
	return s.readBack(ctx, v, r)
}

// readBody reads at most limit bytes; a body that ends early is sent again.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes", limit)
	}
	b := bytes.NewBuffer(make([]byte, 0, max(0, r.ContentLength)+bytes.MinRead))
	if _, err := io.Copy(b, io.LimitReader(r.Body, limit+1)); err != nil {
		return nil, errDigest
	}
	if int64(b.Len()) > limit {
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes", limit)
	}
	return b.Bytes(), nil
}

func (s *Server) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// whole is the box's side of it.
func (u *uplink) whole(ctx context.Context, upload id.Upload, s Signed, data []byte) (receipt Signed, err error) {
	body, err := wholeBody(s, data)
	if err != nil {
		return receipt, err
	}
	_, err = u.call(ctx, http.MethodPut, "/uploads/"+upload.String(), body, -1, &receipt)
	return receipt, err
}
