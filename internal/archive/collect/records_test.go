package collect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a release's collector says to the server lies in
// testdata/releases/<number>: an installation as it was just before (its keys
// and rows with it, for requests are signed and sealed to them), and each
// request with its answer. Recorded once, by that release itself:
//
//	go test ./internal/archive/collect -run TestRecordTraffic -record testdata/releases/0.1.0
var recordInto = flag.String("record", "", "folder for what this release's collector says; see records_test.go")

// traffic is the exchanges of one box in the order in which they were made.
type traffic struct {
	Epoch     string     `json:"epoch"`
	At        time.Time  `json:"at"`
	Exchanges []exchange `json:"exchanges"`
}

type exchange struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body,omitempty"`
	Status  int               `json:"status"`
	Answer  []byte            `json:"answer,omitempty"`
	Offset  string            `json:"offset,omitempty"` // Upload-Offset of the answer
}

// signedHeaders are those that a request's meaning hangs on.
var signedHeaders = []string{"Signature", "Signature-Input", "Content-Digest", epochHeader, "Upload-Offset", "Content-Type", "User-Agent"}

// tape stands before a server and writes down what passes.
type tape struct {
	to  http.Handler
	mu  sync.Mutex
	all []exchange
}

func (c *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e := exchange{Method: r.Method, Path: r.URL.Path, Headers: map[string]string{}, Body: body}
	for _, h := range signedHeaders {
		if v := r.Header.Get(h); v != "" {
			e.Headers[h] = v
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	out := httptest.NewRecorder()
	c.to.ServeHTTP(out, r)
	e.Status, e.Answer, e.Offset = out.Code, out.Body.Bytes(), out.Header().Get("Upload-Offset")
	c.mu.Lock()
	c.all = append(c.all, e)
	c.mu.Unlock()
	for k, v := range out.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(out.Code)
	w.Write(e.Answer)
}

func TestRecordTraffic(t *testing.T) {
	if *recordInto == "" {
		t.Skip("records the traffic of a release: -record FOLDER")
	}
	dir := t.TempDir()
	w, err := openWorld(t.Context(), dir, nil)
	fine(t, err)
	fine(t, w.archive.SetRetention(t.Context(), w.place, admin, 0))
	src, err := w.source2(t.Context(), Keep)
	fine(t, err)
	_, code, err := w.server.Add(t.Context(), w.place, admin, "Box", src)
	fine(t, err)
	w.close()
	fine(t, os.MkdirAll(*recordInto, 0o755))
	pack(t, dir, filepath.Join(*recordInto, "world.tar.gz"))

	w, err = openWorld(t.Context(), dir, nil)
	fine(t, err)
	defer w.close()
	c := &tape{to: w.server}
	l := httptest.NewServer(c)
	defer l.Close()
	state, from := filepath.Join(t.TempDir(), "state"), t.TempDir()
	said := traffic{Epoch: w.server.epoch, At: time.Now().UTC()}
	_, err = Enrol(t.Context(), l.URL, code.Reveal(), state, "")
	fine(t, err)
	wavFile(t, from, "one.wav", 1, 2)
	wavFile(t, from, "sub/two.wav", 2, 12)
	fine(t, os.WriteFile(filepath.Join(from, "broken.wav"), []byte("no sound"), 0o644))
	o := Options{State: state, From: from, Once: true, Patience: time.Minute, profile: plainProfile, small: 100 << 10, chunk: minChunk, Uploads: 1}
	fine(t, Run(t.Context(), o))
	b, entries, err := openBox(o)
	fine(t, err)
	defer b.close()
	if len(entries) != 0 {
		t.Fatal("something is left in the spool")
	}
	said.Exchanges = c.all
	text, err := json.MarshalIndent(said, "", " ")
	fine(t, err)
	file, err := os.Create(filepath.Join(*recordInto, "traffic.json.gz"))
	fine(t, err)
	z := gzip.NewWriter(file)
	_, err = z.Write(text)
	fine(t, err)
	fine(t, z.Close())
	fine(t, file.Close())
	for _, e := range said.Exchanges {
		t.Logf("%s %s → %d", e.Method, strings.TrimPrefix(e.Path, Path), e.Status)
	}
}

func fine(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pack writes a folder as an archive.
func pack(t *testing.T, dir, file string) {
	t.Helper()
	out, err := os.Create(file)
	fine(t, err)
	z := gzip.NewWriter(out)
	w := tar.NewWriter(z)
	fine(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o600, Size: int64(len(b)), ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}))
	fine(t, w.Close())
	fine(t, z.Close())
	fine(t, out.Close())
}

// unpack reads what pack wrote into a folder.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	in, err := os.Open(file)
	fine(t, err)
	defer in.Close()
	z, err := gzip.NewReader(in)
	fine(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		fine(t, err)
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		fine(t, os.MkdirAll(filepath.Dir(path), 0o700))
		b, err := io.ReadAll(r)
		fine(t, err)
		fine(t, os.WriteFile(path, b, 0o600))
	}
}
