package sftp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What Debian's sftp does to a server, this one takes: whole files, folders,
// names on the way, times, lists of what waits; and it gives nothing back.
func TestOpenSSH(t *testing.T) {
	w := newWorld(t, nil)
	small, large := w.file("small.wav", 100), w.file("large.wav", 3<<20)
	if err := os.Chtimes(filepath.Join(w.dir, "small.wav"), time.Time{}, time.Date(2026, 3, 2, 9, 20, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	out, err := w.openssh("put -p small.wav\nmkdir 2026\nmkdir 2026/11\nput large.wav 2026/11/large.tmp\nrename 2026/11/large.tmp 2026/11/large.wav\nls -l\nls 2026/11\npwd\n")
	if err != nil || !strings.Contains(out, "small.wav") || !strings.Contains(out, "large.wav") {
		t.Fatalf("%v\n%s", err, out)
	}
	w.has("small.wav", small)
	w.has("2026/11/large.wav", large)
	if info, err := fs.Stat(w.drop().FS(), "small.wav"); err != nil || info.ModTime().Year() != 2026 || info.ModTime().Month() != 3 {
		t.Errorf("the time of the file is lost: %v %v", info.ModTime(), err)
	}
	for _, refused := range []string{"get small.wav", "get /etc/passwd", "get ../../etc/passwd", "ln -s small.wav x", "symlink /etc x", "cd /etc", "chdir .ssh"} {
		if out, err := w.openssh(refused + "\n"); err == nil {
			t.Errorf("%s: %s", refused, out)
		}
	}
	if out, err := w.openssh("put large.wav small.wav\nrm 2026/11/large.wav\nrmdir 2026/11\nchmod 600 small.wav\n"); err != nil {
		t.Fatal(err, out)
	}
	w.has("small.wav", large)
	// An upload that ended half-way goes on: put -a sends what is missing.
	d := w.drop()
	up, err := d.Create("again.wav")
	if err != nil {
		t.Fatal(err)
	}
	up.Write(large[:1<<20])
	if err := up.Cut(); err != nil {
		t.Fatal(err)
	}
	if out, err := w.openssh("reput large.wav again.wav\n"); err != nil {
		t.Fatal(err, out)
	}
	w.has("again.wav", large)
	for _, secret := range []string{"small", "large", w.account.Login, "127.0.0.1"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log names %q: %s", secret, w.log)
		}
	}
}

// lftp uploads under way to another name, goes on with put -c, and mirrors.
func TestLftp(t *testing.T) {
	w := newWorld(t, nil)
	body := w.file("call.wav", 2<<20)
	if err := os.MkdirAll(filepath.Join(w.dir, "tree", "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.file("tree/a/one.wav", 1000)
	two := w.file("tree/a/b/two.wav", 70_000)
	d := w.drop()
	up, _ := d.Create("cut.wav")
	up.Write(body[:500_000])
	if err := up.Cut(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(w.address)
	connect := fmt.Sprintf("ssh -a -x -i %s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes -F none", w.key, filepath.Join(w.dir, "known"))
	script := fmt.Sprintf("set sftp:connect-program \"%s\"; set net:max-retries 1; open -u %s, -p %s sftp://127.0.0.1; put call.wav; put -c call.wav -o cut.wav; mirror -R tree up; ls; bye", connect, w.account.Login, port)
	if out, err := w.try("", "lftp", "--norc", "-c", script); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.has("call.wav", body)
	w.has("cut.wav", body)
	w.has("up/a/b/two.wav", two)
}

// Passwords are for systems without keys; a wrong one, an unknown login, another
// customer's key open nothing, and nobody learns which it was.
func TestWhoComesIn(t *testing.T) {
	w := newWorld(t, nil)
	password := func(text string) error {
		_, c, err := w.connect(ssh.Password(text))
		if err == nil {
			c.Close()
		}
		return err
	}
	if password("") == nil || password("x") == nil {
		t.Error("a password opens where there is none")
	}
	text, _, err := w.drops.SetPassword(t.Context(), w.place, who, w.source)
	if err != nil {
		t.Fatal(err)
	}
	if err := password(text.Reveal()); err != nil {
		t.Error(err)
	}
	wrong := password(text.Reveal() + "x")
	login := w.account.Login
	w.account.Login = "rf-unknown"
	unknown := password(text.Reveal())
	w.account.Login = login
	if wrong == nil || unknown == nil || wrong.Error() != unknown.Error() {
		t.Errorf("%v\n%v", wrong, unknown)
	}
	other := filepath.Join(w.dir, "other")
	w.run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", other)
	mine := w.key
	w.key = other
	if _, _, err := w.connect(); err == nil {
		t.Error("a key that is not listed opens")
	}
	pub, _ := os.ReadFile(other + ".pub")
	if _, err := w.drops.AddKey(t.Context(), w.place, who, w.source, "RSA", string(pub)); err != nil {
		t.Fatal(err)
	}
	if _, c, err := w.connect(); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	w.key = mine
	for _, bad := range []string{"", "x", "-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-dss AAAAB3NzaC1kc3MAAACBAJ", string(pub) + string(pub), `command="x" ` + string(pub)} {
		if _, err := w.drops.AddKey(t.Context(), w.place, who, w.source, "bad", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// Whoever may not come in now is told why, in words: after, not before, they
// have shown a credential.
func TestRefusedWithASentence(t *testing.T) {
	w := newWorld(t, nil)
	w.says(fault.New(fault.Denied, "this customer is suspended; ask your provider"), true)
	if out, err := w.openssh("ls\n"); err == nil || !strings.Contains(out, "this customer is suspended; ask your provider") {
		t.Errorf("%v %s", err, out)
	}
	w.says(nil, false)
	if out, err := w.openssh("ls\n"); err == nil || !strings.Contains(out, "the access list does not let this address in") {
		t.Errorf("%v %s", err, out)
	}
	w.says(nil, true)
	_, port, _ := net.SplitHostPort(w.address)
	out, err := w.try("", "ssh", "-p", port, "-i", w.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-F", "none", w.account.Login+"@127.0.0.1", "cat /etc/passwd")
	if err == nil || !strings.Contains(out, "takes files by SFTP and does nothing else") {
		t.Errorf("%v %s", err, out)
	}
	if out, err := w.try("", "ssh", "-p", port, "-i", w.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-F", "none", "-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:22", w.account.Login+"@127.0.0.1"); err == nil {
		t.Errorf("it forwards: %s", out)
	}
}

// A session ends within a second when its key, its source or its customer does.
func TestRevocationEndsSessions(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*world) error
	}{
		{"key removed", func(w *world) error {
			_, err := w.drops.RemoveKey(t.Context(), w.place, who, w.source, w.account.Keys[0].Fingerprint)
			return err
		}},
		{"source paused", func(w *world) error {
			w.mu.Lock()
			w.active = fault.New(fault.Denied, "paused")
			w.mu.Unlock()
			return w.place.Change(context.Background(), who, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "source.changed", Subject: "x"})
				return nil
			})
		}},
		{"source withdrawn", func(w *world) error { return w.drops.Withdraw(t.Context(), w.place, who, w.source) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			s, _, err := w.connect()
			if err != nil {
				t.Fatal(err)
			}
			f, err := s.Create("a.wav")
			if err != nil {
				t.Fatal(err)
			}
			f.Write(make([]byte, 1000))
			if n := len(w.server.Sessions(w.source)); n != 1 {
				t.Errorf("%d sessions", n)
			}
			over := make(chan error, 1)
			go func() { over <- s.Wait() }()
			if err := c.do(w); err != nil {
				t.Fatal(err)
			}
			select {
			case <-over:
			case <-time.After(time.Second):
				t.Fatal("the session goes on")
			}
			if err := f.Close(); err == nil {
				t.Error("a file was closed after that")
			}
		})
	}
}

// A connection that breaks off leaves an upload that goes on; what was closed
// before is there.
func TestCutConnection(t *testing.T) {
	w := newWorld(t, nil)
	s, conn, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 300_000)
	rand.Read(body)
	f, _ := s.Create("whole.wav")
	f.Write(body)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, _ := s.Create("half.wav")
	g.Write(body[:200_000])
	conn.Close()
	for i := 0; ; i++ {
		look, err := w.drop().Look("half.wav")
		if err == nil && look.Cut && look.Size() == 200_000 {
			break
		}
		if i > 2000 {
			t.Fatalf("%+v %v", look, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.has("whole.wav", body)
	if _, err := fs.Stat(w.drop().FS(), "half.wav"); err == nil {
		t.Error("half a file is given out")
	}
	s, _, err = w.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err = s.OpenFile("half.wav", os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	g.Seek(200_000, io.SeekStart)
	g.Write(body[200_000:])
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	w.has("half.wav", body)
}

func TestAnIdleSessionEnds(t *testing.T) {
	w := newWorld(t, func(o *sftp.Options, _ *intake.Options) { o.Idle = 200 * time.Millisecond })
	a, _, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err == nil {
		t.Error("an idle session goes on")
	}
}

// The server is known by the same keys after a restart, and its file opens for
// this installation alone.
func TestHostKeyStays(t *testing.T) {
	w := newWorld(t, nil)
	at := filepath.Join(w.dir, "host.key")
	again, err := sftp.HostKeys(t.Context(), w.store, at)
	if err != nil {
		t.Fatal(err)
	}
	if got := sftp.New(sftp.Options{}, again).Fingerprints(); len(got) != 2 || got[0] != w.server.Fingerprints()[0] {
		t.Error(got)
	}
	info, err := os.Stat(at)
	b, _ := os.ReadFile(at)
	if err != nil || info.Mode().Perm() != 0o600 || bytes.Contains(b, []byte("PRIVATE")) {
		t.Error("the host key lies open")
	}
	if _, err := sftp.HostKeys(t.Context(), placetest.New(t, place.Schemas{}), at); err == nil {
		t.Error("another installation opens the host key")
	}
}
