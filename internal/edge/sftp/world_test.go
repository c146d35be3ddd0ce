package sftp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var who = actor.ForSystem("test")

// world is a server with one source.
type world struct {
	testing.TB
	store   *place.Store
	place   *place.Place
	source  id.Source
	drops   *intake.Service
	server  *sftp.Server
	account intake.Account
	address string
	dir     string
	log     *bytes.Buffer
	key     string // file with the private key

	mu     sync.Mutex
	active error
	admits bool
}

// says changes what the server is told of the customer, and of the address.
func (w *world) says(active error, admits bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active, w.admits = active, admits
}

func newWorld(t testing.TB, change func(*sftp.Options, *intake.Options)) *world {
	t.Helper()
	w := &world{TB: t, source: id.New[id.Source](), dir: t.TempDir(), log: &bytes.Buffer{}, admits: true}
	w.store = placetest.New(t, place.Schemas{Registry: intake.RegistryMigrations(), Place: intake.Migrations()})
	w.place = placetest.Customer(t, w.store)
	in := intake.Options{Store: w.store, Dir: filepath.Join(w.dir, "drops")}
	o := sftp.Options{
		Store: w.store, Log: slog.New(slog.NewTextHandler(w.log, nil)), Penalty: 10 * time.Millisecond,
		Active: func(context.Context, *place.Place, id.Source) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.active
		},
		Admits: func(*place.Tx, string) (bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.admits, nil
		},
	}
	if change != nil {
		change(&o, &in)
	}
	var err error
	if w.drops, err = intake.Open(in); err != nil {
		t.Fatal(err)
	}
	o.Drops = w.drops
	keys, err := sftp.HostKeys(context.Background(), w.store, filepath.Join(w.dir, "host.key"))
	if err != nil {
		t.Fatal(err)
	}
	w.server = sftp.New(o, keys)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = l.Addr().String()
	go w.server.Serve(l)
	t.Cleanup(func() { w.server.Stop(); w.drops.Close() })
	if w.account, err = w.drops.Provide(context.Background(), w.place, who, w.source); err != nil {
		t.Fatal(err)
	}
	w.key = filepath.Join(w.dir, "id")
	w.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", w.key)
	pub, err := os.ReadFile(w.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if w.account, err = w.drops.AddKey(context.Background(), w.place, who, w.source, "PBX", string(pub)); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(w.address)
	known := ""
	for _, k := range w.server.HostKeys() {
		known += fmt.Sprintf("[%s]:%s %s\n", host, port, k)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "known"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) run(name string, args ...string) string {
	w.Helper()
	out, err := w.try("", name, args...)
	if err != nil {
		w.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}

func (w *world) try(input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin, c.Dir = strings.NewReader(input), w.dir
	c.Env = append(os.Environ(), "HOME="+w.dir)
	out, err := c.CombinedOutput()
	return string(out), err
}

// openssh runs Debian's sftp with a batch of commands.
func (w *world) openssh(batch string, more ...string) (string, error) {
	_, port, _ := net.SplitHostPort(w.address)
	args := append([]string{
		"-b", "-", "-P", port, "-i", w.key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + filepath.Join(w.dir, "known"),
		"-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null", "-F", "none",
	}, more...)
	return w.try(batch, "sftp", append(args, w.account.Login+"@127.0.0.1")...)
}

func (w *world) drop() *intake.Drop {
	w.Helper()
	d, err := w.drops.Drop(context.Background(), w.place, w.source)
	if err != nil {
		w.Fatal(err)
	}
	return d
}

func (w *world) has(name string, want []byte) {
	w.Helper()
	got, err := fs.ReadFile(w.drop().FS(), name)
	if err != nil || !bytes.Equal(got, want) {
		w.Errorf("%s has %d bytes, want %d: %v", name, len(got), len(want), err)
	}
}

func (w *world) file(name string, n int) []byte {
	w.Helper()
	b := make([]byte, n)
	rand.Read(b)
	if err := os.WriteFile(filepath.Join(w.dir, name), b, 0o600); err != nil {
		w.Fatal(err)
	}
	return b
}

// connect is a client of this program, with the key.
func (w *world) connect(auth ...ssh.AuthMethod) (*client.Client, *ssh.Client, error) {
	if len(auth) == 0 {
		pem, err := os.ReadFile(w.key)
		if err != nil {
			w.Fatal(err)
		}
		k, err := ssh.ParsePrivateKey(pem)
		if err != nil {
			w.Fatal(err)
		}
		auth = []ssh.AuthMethod{ssh.PublicKeys(k)}
	}
	c, err := ssh.Dial("tcp", w.address, &ssh.ClientConfig{User: w.account.Login, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		return nil, nil, err
	}
	s, err := client.NewClient(c)
	return s, c, err
}
