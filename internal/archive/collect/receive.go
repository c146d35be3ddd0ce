package collect

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// An upload under way is a file in the staging folder, named after customer and
// upload, that holds ciphertext. Its size is the offset: bytes count as received
// when they were synced, and there is no second place that could say otherwise.

const (
	maxOpen   = 256                 // uploads under way per device
	patchFor  = 5 * time.Minute     // for one chunk to come in
	staleFor  = 7 * 24 * time.Hour  // after which an upload that does not go on is dropped
	recallFor = 30 * 24 * time.Hour // for which a box can ask how an upload ended
)

var errUnknownUpload = errors.New("this upload is not known here; begin it again")

// begin takes the manifest of an upload. The same manifest again is the same
// upload; another one under its id is refused.
func (s *Server) begin(v *visit, w http.ResponseWriter, r *http.Request) error {
	var signed Signed
	if err := v.body(r, 2*maxManifest, &signed); err != nil {
		return err
	}
	m, err := v.manifest(signed)
	if err != nil {
		return err
	}
	defer s.take(m.Upload)()
	sum := sha256.Sum256(signed.Body)
	row, err := findUpload(r.Context(), v.place, v.device.ID, m.Upload)
	switch {
	case fault.Is(err, fault.NotFound):
		s.step("begin")
		if err := s.insert(r.Context(), v, m, signed, sum[:]); err != nil {
			return err
		}
		row.State = Open
	case err != nil:
		return err
	case !bytes.Equal(row.Digest, sum[:]):
		return fault.New(fault.Conflict, "another manifest was sent under this upload's id")
	}
	o := Offset{Upload: m.Upload, State: row.State, Offset: m.size()}
	if row.State == Open {
		if o.Offset, err = s.stage(v, m.Upload); err != nil {
			return err
		}
	}
	return answer(w, http.StatusCreated, o)
}

// manifest reads a manifest that this very device signed for itself. The ids in
// it are derived from the device's own, so that a stolen box cannot name
// objects or recordings of others and have them written over.
func (v *visit) manifest(signed Signed) (*Manifest, error) {
	m := &Manifest{}
	if !ed25519.Verify(v.device.PublicKey, bind(manifestLabel, signed.Body), signed.Signature) {
		return nil, fault.New(fault.Invalid, "the manifest is not signed by this device")
	}
	if err := decode(signed.Body, m); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the manifest is not what this version of Ringfence understands")
	}
	if err := m.check(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the manifest is not valid: %v", err)
	}
	if m.Customer != v.place.Customer() || m.Device != v.device.ID {
		return nil, fault.New(fault.Invalid, "the manifest is for another customer or device")
	}
	return m, nil
}

func (s *Server) insert(ctx context.Context, v *visit, m *Manifest, signed Signed, sum []byte) error {
	// A customer who has not said how long recordings are kept gets none.
	if hold, err := s.hold(ctx, v.place); err != nil || hold != "" {
		if err != nil {
			return err
		}
		return fault.New(fault.Unavailable, "%s", hold).After(time.Minute)
	}
	return v.place.Keep(ctx, func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM collect_uploads WHERE device = ? AND state = 'open'`, v.device.ID)
		if err != nil {
			return err
		}
		if n >= maxOpen {
			return fault.New(fault.Limited, "%d uploads of this device are under way already", n).After(time.Minute)
		}
		n64, err := tx.Exec(`INSERT INTO collect_uploads (id, device, state, bytes, digest, manifest, touched_at) VALUES (?, ?, 'open', ?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING`, m.Upload, v.device.ID, m.size(), sum, signed.Body, tx.At().UnixMilli())
		if err == nil && n64 == 0 {
			return fault.New(fault.Conflict, "this upload's id is taken")
		}
		return err
	})
}

func (s *Server) stagePath(v *visit, u id.Upload) string {
	return filepath.Join(v.place.Customer().String(), u.String())
}

// stage makes the staging file if need be and gives its size.
func (s *Server) stage(v *visit, u id.Upload) (int64, error) {
	name := s.stagePath(v, u)
	if info, err := s.staging.Stat(name); err == nil {
		return info.Size(), nil
	}
	dir := filepath.Dir(name)
	if err := s.staging.Mkdir(dir, 0o700); err == nil {
		if err := s.syncStaging("."); err != nil {
			return 0, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return 0, full(err)
	}
	f, err := s.staging.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, full(err)
	}
	return 0, errors.Join(f.Close(), s.syncStaging(dir))
}

func (s *Server) syncStaging(dir string) error {
	d, err := s.staging.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// find gives the upload that a request names, if it is the device's own.
func (s *Server) find(v *visit, r *http.Request) (uploadRow, error) {
	u, err := id.Parse[id.Upload](r.PathValue("upload"))
	if err != nil {
		return uploadRow{}, errUnknownUpload
	}
	row, err := findUpload(r.Context(), v.place, v.device.ID, u)
	if fault.Is(err, fault.NotFound) {
		return row, errUnknownUpload
	}
	return row, err
}

// at is where an upload stands.
func (s *Server) at(v *visit, row uploadRow) (int64, error) {
	if row.State != Open {
		return row.Bytes, nil
	}
	info, err := s.staging.Stat(s.stagePath(v, row.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errUnknownUpload // the staging disk was lost: begin makes the file anew
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// offset answers HEAD.
func (s *Server) offset(v *visit, w http.ResponseWriter, r *http.Request) error {
	row, err := s.find(v, r)
	if err != nil {
		return err
	}
	at, err := s.at(v, row)
	if err != nil {
		return err
	}
	w.Header().Set("Upload-Offset", strconv.FormatInt(at, 10))
	w.Header().Set("Upload-State", string(row.State))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// append takes one chunk. The bytes go to the staging file as they come in and
// are cut off again if they are not those that were signed; the answer is given
// when they are on the disk.
func (s *Server) append(v *visit, w http.ResponseWriter, r *http.Request) error {
	row, err := s.find(v, r)
	if err != nil {
		return err
	}
	defer s.take(row.ID)()
	at, err := s.at(v, row)
	if err != nil {
		return err
	}
	w.Header().Set("Upload-Offset", strconv.FormatInt(at, 10))
	if claimed := r.Header.Get("Upload-Offset"); claimed != strconv.FormatInt(at, 10) {
		return fault.New(fault.Conflict, "the upload stands at %d", at)
	}
	if row.State != Open {
		return fault.New(fault.Conflict, "the upload is complete")
	}
	deadline(w, patchFor)
	n, err := s.write(v, row, at, r.Body)
	if err != nil {
		return err
	}
	w.Header().Set("Upload-Offset", strconv.FormatInt(at+n, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deadline bounds how long a body may take to come in: a device that sends a
// byte a minute must not hold an upload or its memory for ever. The error is of
// connections that know no deadlines (those of tests).
func deadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

func (s *Server) write(v *visit, row uploadRow, at int64, body io.Reader) (n int64, err error) {
	name := s.stagePath(v, row.ID)
	f, err := s.staging.OpenFile(name, os.O_WRONLY, 0o600)
	if err != nil {
		return 0, full(err)
	}
	defer f.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Truncate(at))
		}
	}()
	limit := min(row.Bytes-at, maxChunk)
	h := sha256.New()
	n, err = io.Copy(io.MultiWriter(io.NewOffsetWriter(f, at), h), io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return 0, full(err)
	case n > limit:
		return 0, fault.New(fault.TooLarge, "this chunk is larger than what is missing, or than %d bytes", maxChunk)
	case [32]byte(h.Sum(nil)) != v.claim.digest:
		return 0, errDigest
	}
	s.step("chunk")
	if err = f.Sync(); err != nil {
		return 0, full(err)
	}
	s.step("acknowledge")
	return n, nil
}

// full tells a disk that is full from a connection that broke off.
func full(err error) error {
	if disk.Full(err) {
		return fault.New(fault.Unavailable, "the server's disk for uploads is full; what the box has sealed waits in its spool").After(2 * time.Minute)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return errDigest // cut off on its way: the box sends it again
}

// turn is the right to work on one upload, waited for by n.
type turn struct {
	gate chan struct{}
	n    int
}

// take waits for the turn on an upload and gives the function that ends it.
func (s *Server) take(u id.Upload) func() {
	s.mu.Lock()
	t := s.locks[u]
	if t == nil {
		t = &turn{gate: make(chan struct{}, 1)}
		s.locks[u] = t
	}
	t.n++
	s.mu.Unlock()
	t.gate <- struct{}{}
	return func() {
		<-t.gate
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.n--; t.n == 0 {
			delete(s.locks, u)
		}
	}
}
