package pickup_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ftpserver "goftp.io/server/v2"
	"goftp.io/server/v2/driver/file"

	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/freeport"
)

// FTP is spoken over TLS alone, in both of its ways, to a pinned certificate: to
// a server in Go, and to Debian's vsftpd, which asks that each data connection
// resumes the TLS session of the control connection.
func TestFTPS(t *testing.T) {
	servers := []struct {
		name     string
		protocol pickup.Protocol
		start    func(t *testing.T, dir string) (address, user, password string)
	}{
		{"goftp, explicit", pickup.FTPS, func(t *testing.T, dir string) (string, string, string) {
			return ftpServer(t, dir, true), "pbx", "secret"
		}},
		{"vsftpd, explicit", pickup.FTPS, func(t *testing.T, dir string) (string, string, string) {
			return vsftpd(t, dir, false), "anonymous", "pbx@example.com"
		}},
		{"vsftpd, implicit", pickup.FTPSImplicit, func(t *testing.T, dir string) (string, string, string) {
			return vsftpd(t, dir, true), "anonymous", "pbx@example.com"
		}},
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, recording.Keep)
			address, user, password := s.start(t, w.far)
			w.allow(t, address) // as an operator lists it: with its port, while data go over others
			set := pickup.Settings{Protocol: s.protocol, Host: address, User: user, Password: password, Folder: "/ringfence-in"}
			w.set(t, set)
			body := make([]byte, 200_000)
			rand.Read(body)
			w.put(t, "ringfence-in/a.wav", body, 25*time.Hour) // lists are in the server's own time, whatever its zone
			w.put(t, "ringfence-in/more/Gespräch 7.wav", []byte("short"), 26*time.Hour)
			w.confirm(t)
			if err := w.fetch(t); err != nil {
				t.Fatal(err)
			}
			d, _ := w.drops.Drop(t.Context(), w.Place, w.source.ID)
			for name, want := range map[string][]byte{"a.wav": body, "more/Gespräch 7.wav": []byte("short")} {
				if got, err := fs.ReadFile(d.FS(), name); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			}
			set.Folder = "/not-there"
			w.set(t, set)
			if err := w.fetch(t); err == nil || !strings.Contains(err.Error(), "/not-there") {
				t.Errorf("a folder that is not there: %v", err)
			}
		})
	}
}

// A server that signs in but has no way to protect the data is refused in its
// own words: nothing is fetched in the clear.
func TestFTPSWithoutProtectedData(t *testing.T) {
	w := newWorld(t, recording.Keep)
	w.set(t, pickup.Settings{Protocol: pickup.FTPSImplicit, Host: ftpServer(t, w.far, false), User: "pbx", Password: "secret", Folder: "/"})
	w.put(t, "in/a.wav", []byte("x"), time.Hour)
	w.confirm(t)
	if err := w.fetch(t); err == nil || !strings.Contains(err.Error(), "550") { // it knows no PROT where TLS was there from the first byte
		t.Error(err)
	}
	if names := w.has(t); len(names) != 0 {
		t.Error(names)
	}
}

// vsftpd starts Debian's FTP server on loopback, as nobody's service: its
// anonymous user is shut into dir and may only read. That takes root.
func vsftpd(t *testing.T, dir string, implicit bool) (address string) {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/vsftpd")
	no(t, err) // scripts/install peers
	if os.Getuid() != 0 {
		t.Skip("vsftpd shuts its user in as root only")
	}
	cert, key := certificate(t)
	yes := map[bool]string{true: "YES", false: "NO"}
	port := strconv.Itoa(freeport.Number(t))
	address = net.JoinHostPort("127.0.0.1", port)
	conf := map[string]string{
		"listen": "YES", "listen_address": "127.0.0.1", "listen_port": port, "background": "NO",
		"one_process_model": "NO", "seccomp_sandbox": "NO", "anonymous_enable": "YES", "local_enable": "NO", "write_enable": "NO",
		"isolate": "NO", "isolate_network": "NO", "anon_root": dir, "anon_world_readable_only": "NO", "no_anon_password": "NO",
		"ssl_enable": "YES", "implicit_ssl": yes[implicit], "allow_anon_ssl": "YES", "force_anon_logins_ssl": "YES", "force_anon_data_ssl": "YES",
		"require_ssl_reuse": "YES", "ssl_ciphers": "HIGH", "rsa_cert_file": cert, "rsa_private_key_file": key,
		"utf8_filesystem": "YES", "secure_chroot_dir": t.TempDir(), "xferlog_enable": "NO", "pasv_address": "127.0.0.1",
	}
	var lines []string
	for name, value := range conf {
		lines = append(lines, name+"="+value+"\n")
	}
	slices.Sort(lines)
	at := filepath.Join(t.TempDir(), "vsftpd.conf")
	no(t, os.WriteFile(at, []byte(strings.Join(lines, "")), 0o600))
	var said bytes.Buffer
	cmd := exec.Command(program, at)
	cmd.Stdout, cmd.Stderr = &said, &said
	no(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("vsftpd: %s", said.String())
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
	}
	t.Fatal("vsftpd does not listen")
	return ""
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ftpServer(t *testing.T, dir string, explicit bool) string {
	t.Helper()
	cert, key := certificate(t)
	driver, err := file.NewDriver(dir)
	if err != nil {
		t.Fatal(err)
	}
	port := freeport.Number(t)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s, err := ftpserver.NewServer(&ftpserver.Options{
		Driver: driver, Auth: &ftpserver.SimpleAuth{Name: "pbx", Password: "secret"}, Perm: ftpserver.NewSimplePerm("x", "x"),
		Hostname: "127.0.0.1", Port: port, TLS: true, CertFile: cert, KeyFile: key, ExplicitFTPS: explicit, ForceTLS: explicit, Logger: &ftpserver.DiscardLogger{},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.ListenAndServe()
	t.Cleanup(func() { s.Shutdown() })
	for range 2000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the FTP server does not listen")
	return ""
}

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	err = errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}
