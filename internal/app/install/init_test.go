package install_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/app"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/install"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/webcert/webcerttest"
	"ringfence/internal/base/freeport"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

// tried runs init with the folders of dir and gives what it said.
func tried(t *testing.T, dir string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = app.Main(t.Context(), append(initArgs(dir), args...), cli.Process{Stdin: strings.NewReader(""), Stdout: &o, Stderr: &e, Getenv: os.Getenv})
	return code, o.String(), e.String()
}

func initArgs(dir string) []string {
	return []string{
		"init", "--config", filepath.Join(dir, "etc", "ringfence.yaml"), "--admin", "nora@example.com", "--data", filepath.Join(dir, "data"),
		"--root-key", filepath.Join(dir, "etc", "root.key"), "--keys", filepath.Join(dir, "keys", "a"), "--mirror", filepath.Join(dir, "keys", "b"),
		"--recovery", filepath.Join(dir, "copy.txt"),
	}
}

// TestMailIsProven: the relay takes a test message and the invitation, which are
// the only ones; what it refuses is told in its words, and nothing is made.
func TestMailIsProven(t *testing.T) {
	dir := t.TempDir()
	relay := apptest.NewRelayed(t, "")
	mailed := []string{"--listen", "127.0.0.1:0", "--smtp", relay.Addr().String(), "--mail-from", "calls@example.com"}
	code, out, errs := tried(t, dir, mailed...)
	if code != 0 || !strings.Contains(out, "took a test message to nora@example.com") || !strings.Contains(out, "The invitation was mailed to nora@example.com, too") {
		t.Fatal(code, out, errs)
	}
	if got := relay.Taken(); len(got) != 2 || !strings.Contains(got[0].Text, "A test of mail") || !apptest.WelcomeLink.MatchString(got[1].Text) || !strings.Contains(out, apptest.WelcomeLink.FindString(got[1].Text)) {
		t.Error(got)
	}
	if code, out, _ := tried(t, dir, mailed...); code != 0 || !strings.Contains(out, "nothing was changed") || len(relay.Taken()) != 2 {
		t.Error("once more:", code, out, len(relay.Taken()))
	}
	c, err := config.Load(filepath.Join(dir, "etc", "ringfence.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := storage.ReadRecord(c); err != nil || r.Mail.At.IsZero() || r.Mail.What != relay.Addr().String() || r.FinishedAt.IsZero() {
		t.Errorf("%+v %v", r, err)
	}

	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		dir := t.TempDir()
		refusing := apptest.NewRelayed(t, verb)
		code, _, errs := tried(t, dir, "--listen", "127.0.0.1:0", "--smtp", refusing.Addr().String(), "--mail-from", "calls@example.com")
		if code != 2 || !strings.Contains(errs, "mail.smtp: ") || !strings.Contains(errs, "5.7.1 sender not known here") {
			t.Error(verb, code, errs)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: something was made: %v %v", verb, left, err)
		}
	}
}

// TestFilesAreToldWithTheRest: nobody puts one fault right to be told of the next.
func TestFilesAreToldWithTheRest(t *testing.T) {
	dir := t.TempDir()
	code, _, errs := tried(t, dir, "--admin", "nobody", "--listen", "0.0.0.0:99999", "--url", "https://calls.example.com",
		"--certificate", filepath.Join(dir, "none.pem"), "--smtp", "mail.example.com:465", "--postgres-file", filepath.Join(dir, "none.url"))
	for _, want := range []string{"--admin: ", "listen: ", "tls.key: ", "mail.from: ", "--certificate: open ", "--postgres-file: "} {
		if !strings.Contains(errs, "\n  "+want) {
			t.Errorf("no word about %s in %s", want, errs)
		}
	}
	if strings.Count(errs, "is missing") != 2 || code != 2 { // of the key and of the sender, each once
		t.Error(code, errs)
	}
}

// issued is a certificate for names, by an authority of its own.
func issued(t *testing.T, dir string, until time.Time, names ...string) (cert, key, root string) {
	t.Helper()
	write := func(name string, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	make := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			signer = k
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, k.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return der, k
	}
	from := time.Now().Add(-48 * time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, caKey := make(ca, ca, nil)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: until, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature}
	der, k := make(leaf, ca, caKey)
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret), write("root.pem", "CERTIFICATE", caDER)
}

// TestTLSIsProven: the certificate is tried as the outside would, and each way
// in which it would be refused is told as what it is.
func TestTLSIsProven(t *testing.T) {
	files := t.TempDir()
	cert, key, root := issued(t, files, time.Now().Add(9*24*time.Hour), "calls.example.com")
	proven := func(args ...string) (string, int, string, string) {
		dir := t.TempDir()
		code, out, errs := tried(t, dir, append([]string{"--listen", "127.0.0.1:0", "--certificate", cert, "--key", key, "--skip-mail-proof", "a test"}, args...)...)
		return dir, code, out, errs
	}
	if _, code, out, errs := proven("--url", "https://calls.example.com", "--tls-ca", root); code != 0 || !strings.Contains(out, "TLS works: calls.example.com") || !strings.Contains(out, "8 days") || !strings.Contains(out, "That is soon") {
		t.Error(code, out, errs)
	}
	old, oldKey, oldRoot := issued(t, t.TempDir(), time.Now().Add(-24*time.Hour), "calls.example.com")
	open := filepath.Join(files, "open.pem")
	b, err := os.ReadFile(key)
	if err == nil {
		err = os.WriteFile(open, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"another name":         {[]string{"--url", "https://archive.example.com", "--tls-ca", root}, "it is for calls.example.com, not for archive.example.com"},
		"nobody's":             {[]string{"--url", "https://calls.example.com"}, "append the intermediate certificates"},
		"over":                 {[]string{"--url", "https://calls.example.com", "--tls-ca", oldRoot, "--certificate", old, "--key", oldKey}, "it is good from"},
		"another's key":        {[]string{"--url", "https://calls.example.com", "--tls-ca", root, "--key", oldKey}, "do they belong together?"},
		"a key for all":        {[]string{"--url", "https://calls.example.com", "--tls-ca", root, "--key", open}, "chmod 600"},
		"a port that is taken": {[]string{"--url", "https://calls.example.com", "--tls-ca", root, "--listen", apptest.Taken(t)}, "is another program using the port?"},
		"no root":              {[]string{"--url", "https://calls.example.com", "--tls-ca", key}, "holds no certificate"},
	} {
		dir, code, _, errs := proven(c.args...)
		if code != 2 || !strings.Contains(errs, c.says) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: something was made: %v %v", name, left, err)
		}
	}
	// All that is wrong is told together, mail beside TLS.
	refusing := apptest.NewRelayed(t, "MAIL")
	dir := t.TempDir()
	code, _, errs := tried(t, dir, "--listen", "127.0.0.1:0", "--certificate", cert, "--key", key, "--url", "https://archive.example.com", "--tls-ca", root, "--smtp", refusing.Addr().String(), "--mail-from", "calls@example.com")
	if code != 2 || !strings.Contains(errs, "not for archive.example.com") || !strings.Contains(errs, "5.7.1 sender") {
		t.Error(code, errs)
	}
	// Unless the operator says why not.
	if _, code, out, errs := proven("--url", "https://archive.example.com", "--skip-tls-proof", "DNS moves tonight"); code != 0 || !strings.Contains(out, "TLS was not tried: DNS moves tonight") {
		t.Error(code, out, errs)
	}
}

// TestTheProxyLeadsHere: a proxy in front is asked for a page that only this
// process can answer; one that leads elsewhere is told.
func TestTheProxyLeadsHere(t *testing.T) {
	address := freeport.Address(t)
	target, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "welcome") }))
	defer elsewhere.Close()
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--tls", "proxy", "--listen", address, "--tls-ca", root, "--skip-mail-proof", "a test", "--url"}
	if code, out, errs := tried(t, t.TempDir(), append(args, proxy.URL)...); code != 0 || !strings.Contains(out, "TLS works: 127.0.0.1") {
		t.Error(code, out, errs)
	}
	if code, _, errs := tried(t, t.TempDir(), append(args, elsewhere.URL)...); code != 2 || !strings.Contains(errs, "does not lead to this server on "+address) {
		t.Error(code, errs)
	}
}

// TestAnAuthorityIsTried: init fetches the certificate that the server will use,
// and says what has to be reachable where it cannot.
func TestAnAuthorityIsTried(t *testing.T) {
	address := freeport.Address(t)
	_, port, err := net.SplitHostPort(address)
	apptest.No(t, err)
	number, err := strconv.Atoi(port)
	apptest.No(t, err)
	directory, ca, roots := webcerttest.Pebble(t, number)
	c := config.Default()
	c.Listen, c.URL, c.Data = address, "https://calls.example.com", t.TempDir()
	c.TLS.ACME = config.ACME{Hosts: []string{"calls.example.com"}, Email: "ops@example.com", Directory: directory, CAFile: ca}
	l, err := net.Listen("tcp", address)
	apptest.No(t, err)
	got, err := install.ProveByAuthority(t.Context(), c, "calls.example.com", roots, l)
	l.Close()
	if err != nil || got.What != "calls.example.com" || got.Until.Before(time.Now()) {
		t.Errorf("%+v %v", got, err)
	}
	// Where the authority comes to, somebody else listens: it cannot be convinced.
	busy, err := net.Listen("tcp", address)
	apptest.No(t, err)
	defer busy.Close()
	c.Data = t.TempDir()
	c.TLS.ACME.Hosts = []string{"other.example.com"}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	apptest.No(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	_, err = install.ProveByAuthority(ctx, c, "other.example.com", roots, l)
	if err == nil || !strings.Contains(err.Error(), "It connects to other.example.com, port 443") {
		t.Error(err)
	}
}

const initStep = "RINGFENCE_TEST_INIT_STEP"

// killedInit is `ringfence init` that kills itself at a step.
func killedInit() {
	at, _ := strconv.Atoi(os.Getenv(initStep))
	n := 0
	p := cli.Process{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	err := install.InitWith(context.Background(), os.Args[1:], p, func(name string) {
		if n++; n == at {
			fmt.Println("killed at", name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		cli.Report(os.Stderr, "init", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestInitIsKilled kills init at each of its steps. Run again it goes on with
// the same key, makes one administrator, sends one test mail, and ends as if
// nothing had happened.
func TestInitIsKilled(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		relay := apptest.NewRelayed(t, "")
		more := []string{"--listen", "127.0.0.1:0", "--smtp", relay.Addr().String(), "--mail-from", "calls@example.com", "--backup", filepath.Join(dir, "backups"), "--backup-key", filepath.Join(dir, "etc", "backup.key")}
		args := append(initArgs(dir), more...)
		cmd := exec.Command("ringfence-init-killed", args[1:]...)
		cmd.Env = append(os.Environ(), initStep+"="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		if err == nil {
			if at < 9 {
				t.Errorf("only %d steps", at-1)
			}
			return
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != -1 {
			t.Fatalf("step %d: %v\n%s", at, err, out)
		}
		before, _ := os.ReadFile(filepath.Join(dir, "etc", "root.key"))
		code, told, errs := tried(t, dir, more...)
		if code != 0 || !apptest.WelcomeLink.MatchString(told) {
			t.Fatalf("step %d, again: %d %s%s", at, code, told, errs)
		}
		after, err := os.ReadFile(filepath.Join(dir, "etc", "root.key"))
		if err != nil || len(before) > 0 && !bytes.Equal(before, after) {
			t.Errorf("step %d: another root key (%v)", at, err)
		}
		if k, err := backup.LoadKey(filepath.Join(dir, "etc", "backup.key")); err != nil {
			t.Errorf("step %d: %v", at, err)
		} else if text, err := os.ReadFile(filepath.Join(dir, "copy.txt.backup")); err != nil || k.SameAs(string(text)) != nil {
			t.Errorf("step %d: the copy of the backup key is another (%v)", at, err)
		}
		tests := 0
		for _, m := range relay.Taken() {
			if strings.Contains(m.Text, "A test of mail") {
				tests++
			}
		}
		if tests != 1 {
			t.Errorf("step %d: %d test mails", at, tests)
		}
		oneAdministrator(t, filepath.Join(dir, "etc", "ringfence.yaml"), at)
		if hidden, _ := filepath.Glob(filepath.Join(dir, "[^b]*", ".*")); len(hidden) > 0 {
			t.Errorf("step %d: left behind: %v", at, hidden)
		}
	}
}

func oneAdministrator(t *testing.T, file string, at int) {
	t.Helper()
	c, err := config.Load(file)
	apptest.No(t, err)
	s, err := storage.Open(t.Context(), c, false)
	apptest.No(t, err)
	defer s.Close(slog.New(slog.DiscardHandler))
	root, err := org.New(s.Places, s.Keys).Root(t.Context())
	apptest.No(t, err)
	alone, err := identity.New(identity.Options{Store: s.Places}).NobodyElse(t.Context(), root.ID, access.ProviderAdmin, "nora@example.com")
	if err != nil || !alone {
		t.Errorf("step %d: more than one administrator (%v)", at, err)
	}
}
