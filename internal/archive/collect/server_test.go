package collect

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// rogue is somebody who holds a device's key and sends what the program never
// would.
type rogue struct {
	t *testing.T
	w *testWorld
	b *box
	e *entry
}

func newRogue(t *testing.T) *rogue {
	w := newWorld(t)
	w.enrol()
	b, e := w.verifiedEntry(wavFile(t, w.from, "a.wav", 1, 20))
	b.wholeMax = 0
	if _, err := b.up.config(t.Context()); err != nil { // learns the epoch
		t.Fatal(err)
	}
	return &rogue{t, w, b, e}
}

// send signs and sends a request; spoil changes it afterwards.
func (r *rogue) send(method, path string, body []byte, offset int64, spoil func(*http.Request)) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, Path+path, bytes.NewReader(body))
	if offset >= 0 {
		req.Header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	}
	r.b.up.mu.Lock()
	epoch := r.b.up.epoch
	r.b.up.mu.Unlock()
	signRequest(req, sha256.Sum256(body), r.b.dev.key, r.b.dev.Customer, r.b.dev.Device, epoch, time.Now())
	if spoil != nil {
		spoil(req)
	}
	rec := httptest.NewRecorder()
	r.w.server.ServeHTTP(rec, req)
	return rec
}

func (r *rogue) begin(change func(*Manifest)) *httptest.ResponseRecorder {
	r.t.Helper()
	m := r.e.manifest
	m.Objects = append([]Object(nil), m.Objects...)
	if change != nil {
		change(&m)
	}
	s, err := signDocument(manifestLabel, m, func(b []byte) ([]byte, error) { return ed25519.Sign(r.b.dev.key, b), nil })
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := json.Marshal(s)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.send(http.MethodPost, "/uploads", body, -1, nil)
}

func TestReplayedRequestIsRefused(t *testing.T) {
	r := newRogue(t)
	var kept *http.Request
	if got := r.send(http.MethodGet, "/config", nil, -1, func(req *http.Request) { kept = req.Clone(t.Context()) }); got.Code != http.StatusOK {
		t.Fatal(got.Code, got.Body)
	}
	rec := httptest.NewRecorder()
	r.w.server.ServeHTTP(rec, kept)
	if rec.Code != http.StatusUnauthorized {
		t.Fatalf("the same request again: %d", rec.Code)
	}
	// After a restart of the server its memory of nonces is gone, but so is the epoch.
	next, err := NewServer(ServerOptions{Store: r.w.store, Keys: r.w.keys, Recordings: r.w.archive, Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Stop()
	rec = httptest.NewRecorder()
	next.ServeHTTP(rec, kept)
	if rec.Code != http.StatusUnauthorized || rec.Header().Get("Ringfence-Code") != codeEpoch {
		t.Fatalf("after a restart: %d %s", rec.Code, rec.Body)
	}
}

func TestBadManifestsAreRefused(t *testing.T) {
	r := newRogue(t)
	for name, change := range map[string]func(*Manifest){
		"another customer":  func(m *Manifest) { m.Customer = id.New[id.Customer]() },
		"another device":    func(m *Manifest) { m.Device = id.New[id.Device]() },
		"a version to come": func(m *Manifest) { m.Version++ },
		"chosen recording":  func(m *Manifest) { m.Recording = id.New[id.Recording]() },
		"chosen object":     func(m *Manifest) { m.Objects[0].ID = id.New[id.Object]() },
		"another upload":    func(m *Manifest) { m.Upload = id.New[id.Upload]() },
		"no objects":        func(m *Manifest) { m.Objects = nil },
		"many objects":      func(m *Manifest) { m.Objects = make([]Object, maxObjects+1) },
		"negative size":     func(m *Manifest) { m.Objects[0].Bytes = -1 },
		"huge":              func(m *Manifest) { m.Objects[0].Bytes = maxUpload + 1 },
		"no capsule":        func(m *Manifest) { m.Capsule = nil },
		"no card":           func(m *Manifest) { m.Card = nil },
		"short hash":        func(m *Manifest) { m.Objects[0].SHA256 = []byte{1} },
	} {
		if got := r.begin(change); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "manifest") {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if n := files(filepath.Join(r.w.dir, "staging")); n != 0 {
		t.Fatalf("%d files were staged", n)
	}
	if got := r.begin(nil); got.Code != http.StatusCreated {
		t.Fatal(got.Code, got.Body)
	}
	if got := r.begin(func(m *Manifest) { m.Card = append([]byte{0}, m.Card...) }); got.Code != http.StatusConflict {
		t.Fatalf("another manifest under the same id: %d %s", got.Code, got.Body)
	}
	unsigned, _ := json.Marshal(Signed{Body: r.e.Signed.Body, Signature: make([]byte, 64)})
	if got := r.send(http.MethodPost, "/uploads", unsigned, -1, nil); got.Code != http.StatusUnprocessableEntity {
		t.Fatalf("a manifest that nobody signed: %d", got.Code)
	}
}

// What is wrong with a chunk leaves the upload where it was.
func TestBadChunksChangeNothing(t *testing.T) {
	r := newRogue(t)
	if got := r.begin(nil); got.Code != http.StatusCreated {
		t.Fatal(got.Code, got.Body)
	}
	path := "/uploads/" + r.e.Upload.String()
	data, err := os.ReadFile(r.b.spool.path(r.e.Upload))
	if err != nil {
		t.Fatal(err)
	}
	data = data[:r.e.manifest.size()]
	if got := r.send(http.MethodPatch, path, data[:1000], 0, nil); got.Code != http.StatusNoContent || got.Header().Get("Upload-Offset") != "1000" {
		t.Fatal(got.Code, got.Body)
	}
	other := func(b []byte) func(*http.Request) {
		return func(q *http.Request) { q.Body = io.NopCloser(bytes.NewReader(b)) }
	}
	for name, got := range map[string]*httptest.ResponseRecorder{
		"the same again":  r.send(http.MethodPatch, path, data[:1000], 0, nil),
		"a gap":           r.send(http.MethodPatch, path, data[2000:3000], 2000, nil),
		"other bytes":     r.send(http.MethodPatch, path, data[1000:2000], 1000, other(data[2000:3000])),
		"cut off":         r.send(http.MethodPatch, path, data[1000:2000], 1000, other(data[1000:1500])),
		"more than there": r.send(http.MethodPatch, path, append(bytes.Clone(data[1000:]), 0), 1000, nil),
		"no offset":       r.send(http.MethodPatch, path, data[1000:2000], -1, nil),
		"not complete":    r.send(http.MethodPost, path+"/complete", []byte("{}"), -1, nil),
		"no such upload":  r.send(http.MethodPatch, "/uploads/"+id.New[id.Upload]().String(), data[:10], 0, nil),
		"no upload":       r.send(http.MethodPatch, "/uploads/../../etc/passwd", data[:10], 0, nil),
	} {
		if got.Code < 300 {
			t.Errorf("%s: %d", name, got.Code)
		}
		if head := r.send(http.MethodHead, path, nil, -1, nil); head.Header().Get("Upload-Offset") != "1000" {
			t.Errorf("after %s the upload stands at %s", name, head.Header().Get("Upload-Offset"))
		}
	}
	if err := r.b.deliver(t.Context(), r.e); err != nil || len(r.w.archived()) != 1 {
		t.Fatalf("it did not go on after all this: %v", err)
	}
}

// A device sees its own uploads only; another's look as if they were not there.
func TestUploadsOfOthersAreNotThere(t *testing.T) {
	r := newRogue(t)
	if got := r.begin(nil); got.Code != http.StatusCreated {
		t.Fatal(got.Code, got.Body)
	}
	r.b.close()
	r.w.state = filepath.Join(t.TempDir(), "second")
	r.w.enrol()
	b, _, err := openBox(r.w.options())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, u := range []id.Upload{r.e.Upload, id.New[id.Upload]()} {
		_, err1 := b.up.offset(t.Context(), u)
		_, err2 := b.up.patch(t.Context(), u, 0, []byte("x"))
		_, err3 := b.up.complete(t.Context(), u)
		_, err4 := b.up.receipt(t.Context(), u)
		for i, err := range []error{err1, err2, err3, err4} {
			if e, ok := err.(*refusal); !ok || e.Status != http.StatusNotFound || e.Code != codeUnknown {
				t.Errorf("request %d of %s: %v", i, u, err)
			}
		}
	}
}

// A whole upload is checked as the chunks are.
func TestBadWholeUploadsAreRefused(t *testing.T) {
	r := newRogue(t)
	data, err := os.ReadFile(r.b.spool.path(r.e.Upload))
	if err != nil {
		t.Fatal(err)
	}
	data = data[:r.e.manifest.size()]
	path := "/uploads/" + r.e.Upload.String()
	good, err := wholeBody(r.e.Signed, data)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-100] ^= 1
	forged, err := wholeBody(Signed{Body: r.e.Signed.Body, Signature: make([]byte, 64)}, data)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]*httptest.ResponseRecorder{
		"empty":           r.send(http.MethodPut, path, nil, -1, nil),
		"no length":       r.send(http.MethodPut, path, []byte{0, 0}, -1, nil),
		"long length":     r.send(http.MethodPut, path, append([]byte{0xff, 0xff, 0xff, 0xff}, good...), -1, nil),
		"short":           r.send(http.MethodPut, path, good[:len(good)-1], -1, nil),
		"long":            r.send(http.MethodPut, path, append(bytes.Clone(good), 0), -1, nil),
		"other bytes":     r.send(http.MethodPut, path, flipped, -1, nil),
		"unsigned":        r.send(http.MethodPut, path, forged, -1, nil),
		"another's name":  r.send(http.MethodPut, "/uploads/"+id.New[id.Upload]().String(), good, -1, nil),
		"far too large":   r.send(http.MethodPut, path, make([]byte, 2*maxManifest+maxWhole+1), -1, nil),
		"changed on way":  r.send(http.MethodPut, path, good, -1, func(q *http.Request) { q.Body = io.NopCloser(bytes.NewReader(flipped)) }),
		"signed for HEAD": r.send(http.MethodHead, path, good, -1, func(q *http.Request) { q.Method = http.MethodPut }),
	} {
		if got.Code < 300 {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
	if n := len(r.w.archived()); n != 0 {
		t.Fatalf("%d recordings were archived", n)
	}
	for range 2 { // the second time is the first time
		if got := r.send(http.MethodPut, path, good, -1, nil); got.Code != http.StatusOK || len(r.w.archived()) != 1 {
			t.Fatal(got.Code, got.Body, len(r.w.archived()))
		}
	}
}

func FuzzSplitWhole(f *testing.F) {
	b, _ := wholeBody(Signed{Body: []byte("{}"), Signature: []byte("s")}, []byte("data"))
	f.Add(b)
	f.Add([]byte{0, 0, 0, 200, '{'})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, data, err := splitWhole(b)
		if err != nil {
			return
		}
		if again, err := wholeBody(s, data); err != nil || len(data) > len(b)-4 || len(again) < 4+len(data) {
			t.Fatalf("%v, %d bytes of %d", err, len(data), len(b))
		}
	})
}

func TestEnrolmentCodes(t *testing.T) {
	w := newWorld(t)
	_, code, err := w.server.Add(t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		t.Fatal(err)
	}
	good := code.Reveal()
	wrong := good[:len(good)-1] + string('a'+(good[len(good)-1]-'a'+1)%24)
	parts := strings.Split(good, "-")
	other := strings.TrimPrefix(id.New[id.Customer]().String(), "org_") + "-" + parts[1] + "-" + parts[2]
	for _, bad := range []string{"", "x", wrong, other, parts[0], good + "-x", strings.Repeat("a", 5000)} {
		if _, err := Enrol(t.Context(), w.http.URL, bad, filepath.Join(t.TempDir(), "s"), ""); err == nil {
			t.Errorf("the code %.80q was taken", bad)
		}
	}
	if _, err := Enrol(t.Context(), w.http.URL, good, w.state, ""); err != nil {
		t.Fatal(err)
	}
	// Used up: another box with another key cannot use it.
	if _, err := Enrol(t.Context(), w.http.URL, good, filepath.Join(t.TempDir(), "s"), ""); err == nil {
		t.Fatal("the code worked twice")
	}
	if _, err := Enrol(t.Context(), w.http.URL, good, w.state, ""); err == nil || !strings.Contains(err.Error(), "enrolled already") {
		t.Fatalf("an enrolled box enrolled again: %v", err)
	}
	devices, err := w.server.Devices(t.Context(), w.place)
	if err != nil || len(devices) != 1 || devices[0].State() != "enrolled" || devices[0].Name != "Box" {
		t.Fatalf("%+v, %v", devices, err)
	}
}

func TestCodeEndsWithItsDayAndItsDevice(t *testing.T) {
	w := newWorld(t)
	late, code, err := w.server.Add(t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Until(late.CodeUntil); d < 23*time.Hour || d > 25*time.Hour {
		t.Fatalf("the code works for %v", d)
	}
	if err := w.server.Revoke(t.Context(), w.place, admin, late.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := Enrol(t.Context(), w.http.URL, code.Reveal(), w.state, ""); err == nil {
		t.Fatal("a code that was taken back worked")
	}
	if err := w.server.Revoke(t.Context(), w.place, admin, late.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("revoked twice: %v", err)
	}
}

// Uploads that do not go on are dropped; those that do are not.
func TestSweepDropsWhatDoesNotGoOn(t *testing.T) {
	r := newRogue(t)
	if got := r.begin(nil); got.Code != http.StatusCreated {
		t.Fatal(got.Code, got.Body)
	}
	if err := r.w.server.Sweep(t.Context(), r.w.place, time.Now().Add(staleFor-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := files(filepath.Join(r.w.dir, "staging")); n != 1 {
		t.Fatal("dropped too early")
	}
	if err := r.w.server.Sweep(t.Context(), r.w.place, time.Now().Add(staleFor+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := files(filepath.Join(r.w.dir, "staging")); n != 0 {
		t.Fatal("not dropped")
	}
	if err := r.b.deliver(t.Context(), r.e); err != nil || len(r.w.archived()) != 1 {
		t.Fatalf("the box could not begin again: %v", err)
	}
}

// A staged upload that rotted on the server's disk is asked for again.
func TestDamagedStagingIsAskedForAgain(t *testing.T) {
	r := newRogue(t)
	if err := r.b.upload(t.Context(), r.e); err != nil {
		t.Fatal(err)
	}
	staged := filepath.Join(r.w.dir, "staging", r.b.dev.Customer.String(), r.e.Upload.String())
	b, err := os.ReadFile(staged)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1
	if err := os.WriteFile(staged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = r.b.up.complete(t.Context(), r.e.Upload)
	if e, ok := err.(*refusal); !ok || e.Code != codeUnknown {
		t.Fatalf("got %v", err)
	}
	if err := r.b.deliver(t.Context(), r.e); err != nil || len(r.w.archived()) != 1 {
		t.Fatalf("it did not go on: %v", err)
	}
}

// A box whose spool fills, or no longer does, is to be told of at once, though
// nothing of it is an event.
func TestAnOddStandingWakesAlerts(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	woken := 0
	var mu sync.Mutex
	w.store.OnCommit(func(c place.Commit) {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(c.Topics, place.Conditions) {
			woken++
		}
	})
	for _, spooled := range []int{0, 79, 80} {
		if err := w.place.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET spooled = ?, spool_room = 100`, spooled)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		woken = 0
		w.mustCollect(nil)
		if (woken > 0) != (spooled >= 80) {
			t.Errorf("after %d %%: woken %d times", spooled, woken)
		}
	}
}
