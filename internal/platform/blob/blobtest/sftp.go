package blobtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/freeport"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
)

// PrivateKey is a new private key for SSH.
func PrivateKey(t testing.TB) secret.Text {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewText(string(pem.EncodeToMemory(block)))
}

// PublicKey is the public half, as one line.
func PublicKey(t testing.TB, private secret.Text) string {
	t.Helper()
	s, err := ssh.ParsePrivateKey([]byte(private.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(s.PublicKey()))
}

// OpenSSH starts a real sshd on loopback that knows nothing but SFTP. Each call
// of what it gives is an empty folder behind it.
func OpenSSH(t testing.TB) func(t testing.TB) blob.Config {
	t.Helper()
	dir := t.TempDir()
	hostKey, userKey := PrivateKey(t), PrivateKey(t)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	addr := freeport.Address(t)
	config := write("sshd_config", fmt.Sprintf("ListenAddress %s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\n"+
		"PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\nLogLevel ERROR\nMaxStartups 100\n",
		addr, write("host", hostKey.Reveal()), write("authorized", PublicKey(t, userKey))))
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd wants it when it is started by root
			t.Fatal(err)
		}
	}
	start(t, exec.Command(sshd, "-D", "-e", "-f", config))
	greets(t, addr)
	return func(t testing.TB) blob.Config {
		t.Helper()
		return blob.Config{SFTP: &blob.SFTP{
			Address: "sftp://" + me.Username + "@" + addr + t.TempDir(), HostKey: PublicKey(t, hostKey), Key: userKey,
		}}
	}
}

// greets waits until an SSH server says its version.
func greets(t testing.TB, addr string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			continue
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		var head [4]byte
		_, err = io.ReadFull(c, head[:])
		c.Close()
		if err == nil && string(head[:]) == "SSH-" {
			return
		}
	}
	t.Fatalf("sshd at %s does not answer", addr)
}
