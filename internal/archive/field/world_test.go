package field

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aead.dev/minisign"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/place"
)

var admin = actor.ForSystem("test")

// world is a server with one customer and a box that may be enrolled, and the
// folder of releases that the server offers.
type world struct {
	*testing.T
	server  *collect.Server
	archive *recording.Service
	place   *place.Place
	http    *httptest.Server
	source  id.Source
	shelf   string
	private minisign.PrivateKey

	state, from string
	refused     atomic.Pointer[string] // requests with this in their path do not reach the server
}

// refuse keeps requests from the server; "" lets all through.
func (w *world) refuse(part string) { w.refused.Store(&part) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, shelf: t.TempDir(), from: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	keys := keyringtest.New(t)
	store, err := place.Open(t.Context(), place.Config{Dir: t.TempDir()}, place.Schemas{
		Place:        slices.Concat(job.Migrations, recording.Migrations(), collect.Migrations()),
		Registry:     collect.RegistryMigrations(),
		Housekeeping: slices.Concat(job.Housekeeping, recording.Housekeeping, collect.Housekeeping),
	}, keys)
	w.no(err)
	t.Cleanup(func() { store.Close() })
	w.place = customer(t, store, keys)
	first, err := blob.OpenFolder(t.TempDir())
	w.no(err)
	second, err := blob.OpenFolder(t.TempDir())
	w.no(err)
	w.archive = recording.New(recording.Options{Store: store, Keys: keys, Objects: blob.Mirror(first, second)})
	public, private, err := minisign.GenerateKey(rand.Reader)
	w.no(err)
	w.private = private
	w.server, err = collect.NewServer(collect.ServerOptions{
		Store: store, Keys: keys, Recordings: w.archive, Staging: t.TempDir(), Releases: upgrade.NewShelf(w.shelf, upgrade.Keys{public}),
	})
	w.no(err)
	t.Cleanup(w.server.Stop)
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if part := w.refused.Load(); part != nil && *part != "" && strings.Contains(r.URL.Path, *part) {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		w.server.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.http.Close)
	w.no(w.archive.SetRetention(t.Context(), w.place, admin, 365))
	src, err := w.archive.AddSource(t.Context(), w.place, admin, recording.Source{Name: "PBX", Kind: recording.Collector, Profile: "generic", TimeZone: "UTC", After: recording.After(collect.Keep)})
	w.no(err)
	w.source = src.ID
	return w
}

func customer(t *testing.T, store *place.Store, keys interface {
	CreateCustomer(context.Context, id.Customer) error
},
) *place.Place {
	t.Helper()
	c := id.New[id.Customer]()
	if err := keys.CreateCustomer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := store.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p, err := store.Place(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) code() string {
	w.Helper()
	_, code, err := w.server.Add(w.Context(), w.place, admin, "Box", w.source)
	w.no(err)
	return code.Reveal()
}

// run carries out a command and gives its exit code and what it said.
func (w *world) run(args ...string) (int, string) {
	w.Helper()
	var out bytes.Buffer
	code := Command(w.Context(), args, Process{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
	return code, out.String()
}

func (w *world) device() collect.Device {
	w.Helper()
	all, err := w.server.Devices(w.Context(), w.place)
	w.no(err)
	return all[len(all)-1]
}

// hold puts a file on the shelf as a release, signed.
func (w *world) hold(file []byte, number string) {
	w.Helper()
	r := minisign.NewReader(bytes.NewReader(file))
	_, err := io.Copy(io.Discard, r)
	w.no(err)
	sig := r.SignWithComments(w.private, upgrade.Comment(number, runtime.GOOS, runtime.GOARCH), "a test")
	path := filepath.Join(w.shelf, "ringfence-"+number+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	w.no(os.WriteFile(path, file, 0o600))
	w.no(os.WriteFile(path+".minisig", sig, 0o600))
}

// recorded leaves a WAV file whose samples say which it is.
func (w *world) recorded(name string, mark byte) {
	w.Helper()
	const n = 16000
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, 36+n)...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = append(b, bytes.Repeat([]byte{mark, 0}, n/2)...)
	w.no(os.WriteFile(filepath.Join(w.from, name), b, 0o600))
	old := time.Now().Add(-time.Hour)
	w.no(os.Chtimes(filepath.Join(w.from, name), old, old))
}

func (w *world) archived() int {
	w.Helper()
	p, err := w.archive.List(w.Context(), w.place, admin, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 200})
	w.no(err)
	return len(p.Items)
}

func (w *world) until(within time.Duration, what string, holds func() bool) {
	w.Helper()
	for end := time.Now().Add(max(within, time.Minute)); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	w.Fatalf("not within %s: %s", within, what)
}

// The collector's program, built with a release's number.
var built struct {
	sync.Mutex
	of map[string][]byte
}

func program(t *testing.T, number string) []byte {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if b := built.of[number]; b != nil {
		return b
	}
	path := filepath.Join(t.TempDir(), "ringfence")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w -X ringfence/internal/base/release.number="+number, "-o", path, "ringfence/cmd/ringfence-collector")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if built.of == nil {
		built.of = map[string][]byte{}
	}
	built.of[number] = b
	return b
}
