package pickup_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// world is a source that is fetched from a folder of this machine.
type world struct {
	*recordingtest.World
	service *pickup.Service
	drops   *intake.Service
	source  recording.Source
	far     string // the folder over there
	now     time.Time
}

func newWorld(t *testing.T, after recording.After) *world {
	t.Helper()
	schemas := recordingtest.Schemas(pickup.Migrations(), intake.Migrations())
	schemas.Housekeeping = append(schemas.Housekeeping, pickup.Housekeeping...)
	w := &world{World: recordingtest.On(t, placetest.New(t, schemas), recording.Options{}), far: t.TempDir(), now: time.Now()}
	var err error
	if w.drops, err = intake.Open(intake.Options{Dir: t.TempDir(), Store: w.Store}); err != nil {
		t.Fatal(err)
	}
	w.allow(t, "127.0.0.1")
	w.source, err = w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Name: "PBX", Kind: recording.Pickup, Profile: "generic", After: after})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// allow begins a service that may reach one host of the inner network.
func (w *world) allow(t *testing.T, host string) {
	t.Helper()
	var err error
	w.service, err = pickup.New(pickup.Options{
		Store: w.Store, Recordings: w.Service, Drops: w.drops, Private: []string{host}, Now: func() time.Time { return w.now },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) put(t *testing.T, name string, b []byte, age time.Duration) {
	t.Helper()
	at := filepath.Join(w.far, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, b, 0o644), os.Chtimes(at, w.now.Add(-age), w.now.Add(-age)))
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) fetch(t *testing.T) error {
	t.Helper()
	return w.service.Fetch(t.Context(), w.Place, w.source)
}

// has reports what waits in the drop.
func (w *world) has(t *testing.T) (names []string) {
	t.Helper()
	d, err := w.drops.Drop(t.Context(), w.Place, w.source.ID)
	if err != nil {
		t.Fatal(err)
	}
	fs.WalkDir(d.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, p)
		}
		return nil
	})
	return names
}

func (w *world) set(t *testing.T, s pickup.Settings) pickup.Settings {
	t.Helper()
	s.Minutes = 5
	got, err := w.service.Set(t.Context(), w.Place, w.Who, w.source.ID, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (w *world) confirm(t *testing.T) {
	t.Helper()
	if err := w.fetch(t); !fault.Is(err, fault.Conflict) {
		t.Fatalf("a side that nobody confirmed: %v", err)
	}
	_, st, err := w.service.Get(t.Context(), w.Place, w.source.ID)
	if err != nil || st.Shown == "" || len(w.has(t)) != 0 {
		t.Fatalf("%+v %v", st, err)
	}
	if err := w.service.Confirm(t.Context(), w.Place, w.Who, w.source.ID, "SHA256:another"); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	if err := w.service.Confirm(t.Context(), w.Place, w.Who, w.source.ID, st.Shown); err != nil {
		t.Fatal(err)
	}
}

// sshServer serves a folder by SFTP, with a password.
func sshServer(t *testing.T, dir string) (address string, key ssh.Signer) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = ssh.NewSignerFromKey(k); err != nil {
		t.Fatal(err)
	}
	return sshServerAs(t, dir, "127.0.0.1:0", key), key
}

func sshServerAs(t *testing.T, dir, at string, key ssh.Signer) string {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conf := &ssh.ServerConfig{PasswordCallback: func(m ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
		if m.User() == "pbx" && string(p) == "secret" {
			return nil, nil
		}
		return nil, errors.New("no")
	}}
	conf.AddHostKey(key)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, channels, requests, err := ssh.NewServerConn(c, conf)
				if err != nil {
					return
				}
				go ssh.DiscardRequests(requests)
				for n := range channels {
					ch, in, _ := n.Accept()
					go func() {
						for r := range in {
							r.Reply(r.Type == "subsystem", nil)
						}
					}()
					s, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(dir))
					if err == nil {
						go s.Serve()
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestSFTP(t *testing.T) {
	w := newWorld(t, recording.Delete)
	address, _ := sshServer(t, w.far)
	w.set(t, pickup.Settings{Protocol: pickup.SFTP, Host: address, User: "pbx", Password: "secret", Folder: w.far, Patterns: []string{"*.WAV", "*.csv"}, Since: w.now.Add(-time.Hour)})
	tone := recordingtest.Tone(1, 1, time.Second)
	w.put(t, "a.wav", tone, 20*time.Minute)
	w.put(t, "2026/11/b.wav", tone, 20*time.Minute)
	w.put(t, "young.wav", tone, time.Second)
	w.put(t, "old.wav", tone, 2*time.Hour)
	w.put(t, "notes.txt", tone, 20*time.Minute)
	w.put(t, ".hidden/x.wav", tone, 20*time.Minute)
	w.confirm(t)
	seen, more, err := w.service.Test(t.Context(), w.Place, w.source.ID)
	if err != nil || more || len(seen) != 3 || len(w.has(t)) != 0 {
		t.Fatalf("%v %v %v", seen, more, err)
	}
	if err := w.fetch(t); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.has(t)); got != "[2026/11/b.wav a.wav]" {
		t.Error(got)
	}
	w.now = w.now.Add(30 * time.Second)
	if err := w.fetch(t); err != nil { // it has stood still between two looks
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.has(t)); got != "[2026/11/b.wav a.wav young.wav]" {
		t.Error(got)
	}
	// Once is enough, also after it was taken from the drop.
	d, _ := w.drops.Drop(t.Context(), w.Place, w.source.ID)
	if err := d.Remove("young.wav", nil); err != nil {
		t.Fatal(err)
	}
	if err := w.fetch(t); err != nil || len(w.has(t)) != 2 {
		t.Errorf("%v %v", w.has(t), err)
	}
	// Nothing is touched over there before it is archived and read back.
	if _, err := os.Stat(filepath.Join(w.far, "a.wav")); err != nil {
		t.Error("a file was deleted that nobody has archived")
	}
	item := w.Item(t, "a.wav", tone)
	item.Source = w.source.ID
	for i := range item.Files {
		item.Files[i].Path = "a.wav"
	}
	if out, err := w.Service.Archive(t.Context(), w.Place, w.Who, item); err != nil || out.Result != recording.Verified {
		t.Fatal(out, err)
	}
	if err := w.fetch(t); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.far, "a.wav")); w.Service.TwoPlaces() != errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it was archived: %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.far, "2026/11/b.wav")); err != nil {
		t.Error("another file was deleted")
	}
	_, st, _ := w.service.Get(t.Context(), w.Place, w.source.ID)
	if st.Fetched != 3 || st.Fault != "" || st.Bytes != 3*int64(len(tone)) {
		t.Errorf("%+v", st)
	}
}

// A host that shows another key is not signed in to, and nothing is fetched
// until somebody has confirmed it.
func TestChangedHostKey(t *testing.T) {
	w := newWorld(t, recording.Keep)
	address, _ := sshServer(t, w.far)
	w.set(t, pickup.Settings{Protocol: pickup.SFTP, Host: address, User: "pbx", Password: "secret", Folder: w.far})
	w.confirm(t)
	if err := w.fetch(t); err != nil {
		t.Fatal(err)
	}
	other, _ := sshServer(t, w.far)
	set, _, _ := w.service.Get(t.Context(), w.Place, w.source.ID)
	err := w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pickup.set", Subject: "x"})
		set.Host = other // as if the name led elsewhere now
		return pickup.Write(tx, w.source.ID, set)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "a.wav", recordingtest.Tone(1, 1, time.Second), time.Hour)
	woken := false // who watches for alerts
	w.Store.OnCommit(func(c place.Commit) { woken = woken || slices.Contains(c.Topics, place.Conditions) })
	if err := w.fetch(t); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Text, "another key than before") {
		t.Error(err)
	}
	if !woken {
		t.Error("nobody looks whether that is to be told")
	}
	if len(w.has(t)) != 0 {
		t.Error("something was fetched")
	}
	if again := w.set(t, pickup.Settings{Protocol: pickup.SFTP, Host: "127.0.0.1:1", User: "pbx", Folder: "/"}); again.Password != "" || again.Pin != "" || again.PublicKey == "" {
		t.Error("a password or pin went to another host")
	}
}

// A transfer that broke off goes on where it was; a file that changed meanwhile
// is fetched anew.
func TestResume(t *testing.T) {
	w := newWorld(t, recording.Keep)
	address, _ := sshServer(t, w.far)
	w.set(t, pickup.Settings{Protocol: pickup.SFTP, Host: address, User: "pbx", Password: "secret", Folder: w.far})
	w.confirm(t)
	body := make([]byte, 400_000)
	rand.Read(body)
	w.put(t, "a.wav", body, time.Hour)
	d, _ := w.drops.Drop(t.Context(), w.Place, w.source.ID)
	half, _ := d.Create("a.wav")
	half.Write(body[:150_000])
	if err := half.Cut(); err != nil {
		t.Fatal(err)
	}
	if err := w.fetch(t); err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(d.FS(), "a.wav"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes %v", len(got), err)
	}
	if _, st, _ := w.service.Get(t.Context(), w.Place, w.source.ID); st.Bytes != 250_000 {
		t.Errorf("%d bytes were fetched", st.Bytes)
	}
}

// What a look has found is about where it looked: once files are fetched from
// elsewhere it is not told any more, nor can what was shown there be confirmed.
func TestElsewhereNothingIsKnownYet(t *testing.T) {
	w := newWorld(t, recording.Keep)
	address, _ := sshServer(t, w.far)
	set := pickup.Settings{Protocol: pickup.SFTP, Host: address, User: "pbx", Password: "secret", Folder: "/"}
	w.set(t, set)
	if err := w.fetch(t); !fault.Is(err, fault.Conflict) {
		t.Fatal(err)
	}
	_, st, err := w.service.Get(t.Context(), w.Place, w.source.ID)
	if err != nil || st.Shown == "" || st.Fault == "" {
		t.Fatalf("%+v %v", st, err)
	}
	shown := st.Shown
	set.Folder = "/other"
	w.set(t, set)
	if _, st, err = w.service.Get(t.Context(), w.Place, w.source.ID); err != nil || st.Shown != shown || st.Fault != "" {
		t.Errorf("another folder of the same host: %+v %v", st, err)
	}
	set.Host = "pbx.example.com:22"
	w.set(t, set)
	if _, st, err = w.service.Get(t.Context(), w.Place, w.source.ID); err != nil || st.Shown != "" || st.Fault != "" {
		t.Errorf("another host: %+v %v", st, err)
	}
	if err := w.service.Confirm(t.Context(), w.Place, w.Who, w.source.ID, shown); !fault.Is(err, fault.Conflict) {
		t.Errorf("the key of the host before was confirmed: %v", err)
	}
}

func TestPrivateAddressesAreClosed(t *testing.T) {
	w := newWorld(t, recording.Keep)
	s, err := pickup.New(pickup.Options{Store: w.Store, Recordings: w.Service, Drops: w.drops})
	if err != nil {
		t.Fatal(err)
	}
	address, _ := sshServer(t, w.far)
	w.set(t, pickup.Settings{Protocol: pickup.SFTP, Host: address, User: "pbx", Password: "secret", Folder: "/"})
	if err := s.Fetch(t.Context(), w.Place, w.source); err == nil || !strings.Contains(err.Error(), "inner network") {
		t.Error(err)
	}
	for _, bad := range []pickup.Settings{
		{Protocol: "ftp", Host: "x", User: "x", Minutes: 1},
		{Protocol: pickup.SFTP, User: "x", Minutes: 1},
		{Protocol: pickup.SFTP, Host: "x", Minutes: 1},
		{Protocol: pickup.SFTP, Host: "x", User: "x"},
		{Protocol: pickup.SFTP, Host: "x", User: "x", Minutes: 1, Patterns: []string{"["}},
		{Protocol: pickup.FTPS, Host: "x", User: "x", Minutes: 1},
	} {
		if _, err := w.service.Set(t.Context(), w.Place, w.Who, w.source.ID, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
