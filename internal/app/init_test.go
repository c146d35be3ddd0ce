package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

// relayed is a mail server on this machine, and what it took.
type relayed struct {
	net.Listener
	refuse string // verb that is answered 550

	mu    sync.Mutex
	mails []string
}

func newRelayed(t *testing.T, refuse string) *relayed {
	t.Helper()
	r := &relayed{Listener: listener(t), refuse: refuse}
	t.Cleanup(func() { r.Close() })
	go func() {
		for {
			conn, err := r.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	return r
}

func (r *relayed) serve(conn net.Conn) {
	defer conn.Close()
	var whole strings.Builder
	in := bufio.NewScanner(conn)
	fmt.Fprint(conn, "220 relay.example ESMTP\r\n")
	for in.Scan() {
		switch verb, _, _ := strings.Cut(in.Text(), " "); {
		case verb == r.refuse:
			fmt.Fprint(conn, "550 5.7.1 sender not known here\r\n")
		case verb == "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for in.Scan() && in.Text() != "." {
				whole.WriteString(in.Text() + "\n")
			}
			r.mu.Lock()
			r.mails = append(r.mails, whole.String())
			whole.Reset()
			r.mu.Unlock()
			fmt.Fprint(conn, "250 taken\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

// taken are the mails that were taken, decoded, the oldest first.
func (r *relayed) taken() (all []letter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, raw := range r.mails {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			continue
		}
		all = append(all, letter{To: m.Header.Get("To"), Text: m.Header.Get("Subject") + "\n" + plain(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)})
	}
	return all
}

func (r *relayed) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = nil
}

// newest are the mails with the newest first, as a mailbox shows them.
func (r *relayed) newest() []letter {
	all := r.taken()
	slices.Reverse(all)
	return all
}

// plain is the text of a mail, or of its first part that is text.
func plain(kind, encoding string, body io.Reader) string {
	media, params, _ := mime.ParseMediaType(kind)
	if strings.HasPrefix(media, "multipart/") {
		part, err := multipart.NewReader(body, params["boundary"]).NextPart()
		if err != nil {
			return ""
		}
		return plain(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
	}
	if encoding == "base64" {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, _ := io.ReadAll(body)
	return string(text)
}

// tried runs init with the folders of dir and gives what it said.
func tried(t *testing.T, dir string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), append(initArgs(dir), args...), Process{strings.NewReader(""), &o, &e, os.Getenv})
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
	relay := newRelayed(t, "")
	mailed := []string{"--listen", "127.0.0.1:0", "--smtp", relay.Addr().String(), "--mail-from", "calls@example.com"}
	code, out, errs := tried(t, dir, mailed...)
	if code != 0 || !contains(out, "took a test message to nora@example.com") || !contains(out, "The invitation was mailed to nora@example.com, too") {
		t.Fatal(code, out, errs)
	}
	if got := relay.taken(); len(got) != 2 || !contains(got[0].Text, "A test of mail") || !token.MatchString(got[1].Text) || !contains(out, token.FindString(got[1].Text)) {
		t.Error(got)
	}
	if code, out, _ := tried(t, dir, mailed...); code != 0 || !contains(out, "nothing was changed") || len(relay.taken()) != 2 {
		t.Error("once more:", code, out, len(relay.taken()))
	}
	c, err := config.Load(filepath.Join(dir, "etc", "ringfence.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := readRecord(c); err != nil || r.Mail.At.IsZero() || r.Mail.What != relay.Addr().String() || r.FinishedAt.IsZero() {
		t.Errorf("%+v %v", r, err)
	}

	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		dir := t.TempDir()
		refusing := newRelayed(t, verb)
		code, _, errs := tried(t, dir, "--listen", "127.0.0.1:0", "--smtp", refusing.Addr().String(), "--mail-from", "calls@example.com")
		if code != 2 || !contains(errs, "mail.smtp: ") || !contains(errs, "5.7.1 sender not known here") {
			t.Error(verb, code, errs)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: something was made: %v %v", verb, left, err)
		}
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
	if _, code, out, errs := proven("--url", "https://calls.example.com", "--tls-ca", root); code != 0 || !contains(out, "TLS works: calls.example.com") || !contains(out, "8 days") || !contains(out, "That is soon") {
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
		"a port that is taken": {[]string{"--url", "https://calls.example.com", "--tls-ca", root, "--listen", taken(t)}, "is another program using the port?"},
		"no root":              {[]string{"--url", "https://calls.example.com", "--tls-ca", key}, "holds no certificate"},
	} {
		dir, code, _, errs := proven(c.args...)
		if code != 2 || !contains(errs, c.says) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: something was made: %v %v", name, left, err)
		}
	}
	// All that is wrong is told together, mail beside TLS.
	refusing := newRelayed(t, "MAIL")
	dir := t.TempDir()
	code, _, errs := tried(t, dir, "--listen", "127.0.0.1:0", "--certificate", cert, "--key", key, "--url", "https://archive.example.com", "--tls-ca", root, "--smtp", refusing.Addr().String(), "--mail-from", "calls@example.com")
	if code != 2 || !contains(errs, "not for archive.example.com") || !contains(errs, "5.7.1 sender") {
		t.Error(code, errs)
	}
	// Unless the operator says why not.
	if _, code, out, errs := proven("--url", "https://archive.example.com", "--skip-tls-proof", "DNS moves tonight"); code != 0 || !contains(out, "TLS was not tried: DNS moves tonight") {
		t.Error(code, out, errs)
	}
}

// TestTheProxyLeadsHere: a proxy in front is asked for a page that only this
// process can answer; one that leads elsewhere is told.
func TestTheProxyLeadsHere(t *testing.T) {
	address := freeAddress(t)
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
	if code, out, errs := tried(t, t.TempDir(), append(args, proxy.URL)...); code != 0 || !contains(out, "TLS works: 127.0.0.1") {
		t.Error(code, out, errs)
	}
	if code, _, errs := tried(t, t.TempDir(), append(args, elsewhere.URL)...); code != 2 || !contains(errs, "does not lead to this server on "+address) {
		t.Error(code, errs)
	}
}

// TestAnAuthorityIsTried: init fetches the certificate that the server will use,
// and says what has to be reachable where it cannot.
func TestAnAuthorityIsTried(t *testing.T) {
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	no(t, err)
	number, err := strconv.Atoi(port)
	no(t, err)
	directory, ca, roots := pebble(t, number)
	c := config.Default()
	c.Listen, c.URL, c.Data = address, "https://calls.example.com", t.TempDir()
	c.TLS.ACME = config.ACME{Hosts: []string{"calls.example.com"}, Email: "ops@example.com", Directory: directory, CAFile: ca}
	l, err := net.Listen("tcp", address)
	no(t, err)
	got, err := tlsProof{cfg: c, name: "calls.example.com", roots: roots, now: time.Now()}.byAuthority(t.Context(), l)
	l.Close()
	if err != nil || got.What != "calls.example.com" || got.Until.Before(time.Now()) {
		t.Errorf("%+v %v", got, err)
	}
	// Where the authority comes to, somebody else listens: it cannot be convinced.
	busy, err := net.Listen("tcp", address)
	no(t, err)
	defer busy.Close()
	c.Data = t.TempDir()
	c.TLS.ACME.Hosts = []string{"other.example.com"}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	no(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	_, err = tlsProof{cfg: c, name: "other.example.com", roots: roots, now: time.Now()}.byAuthority(ctx, l)
	if err == nil || !contains(err.Error(), "It connects to other.example.com, port 443") {
		t.Error(err)
	}
}

const initStep = "RINGFENCE_TEST_INIT_STEP"

// killedInit is `ringfence init` that kills itself at a step.
func killedInit() {
	at, _ := strconv.Atoi(os.Getenv(initStep))
	n := 0
	s := &setup{Process: Process{os.Stdin, os.Stdout, os.Stderr, os.Getenv}, step: func(name string) {
		if n++; n == at {
			fmt.Println("killed at", name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	if err := s.run(context.Background(), os.Args[1:]); err != nil {
		report(os.Stderr, "init", err)
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
		relay := newRelayed(t, "")
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
		if code != 0 || !token.MatchString(told) {
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
		for _, m := range relay.taken() {
			if contains(m.Text, "A test of mail") {
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
	no(t, err)
	s, err := openStores(t.Context(), c, false)
	no(t, err)
	defer s.close(slog.New(slog.DiscardHandler))
	root, err := org.New(s.places, s.keys).Root(t.Context())
	no(t, err)
	alone, err := identity.New(identity.Options{Store: s.places}).NobodyElse(t.Context(), root.ID, access.ProviderAdmin, "nora@example.com")
	if err != nil || !alone {
		t.Errorf("step %d: more than one administrator (%v)", at, err)
	}
}
