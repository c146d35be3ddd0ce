package install

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/webcert"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/mail"
)

const (
	proofTimeout = 20 * time.Second
	acmeTimeout  = 2 * time.Minute // an authority looks from several places, one after the other
	soonEnds     = 21 * 24 * time.Hour
	proofPath    = "/.well-known/ringfence-proof/"
)

// proveMail sends a test message. That the relay took it is what can be known
// here; whether it was delivered, its reader knows.
func proveMail(ctx context.Context, c config.Config, to string) (storage.Proof, error) {
	if c.Mail.SMTP == "" {
		return storage.Proof{}, fault.Field("mail.smtp", "is missing: nobody signs in without mail. To set it up later, say why with --skip-mail-proof")
	}
	relay, err := server.NewRelay(c.Mail)
	if err != nil {
		return storage.Proof{}, err
	}
	letter := mail.Letter{
		Subject:    "A test of mail from Ringfence",
		Paragraphs: []string{"This server can send mail.", "Sign-in codes and invitations will come this way. Nothing is to be done."},
	}
	now := time.Now()
	if err := relay.Send(ctx, letter.Message(mail.Plain(), to, now)); err != nil {
		cause := err
		if f := fault.Of(err); errors.Unwrap(f) != nil {
			cause = errors.Unwrap(f)
		}
		return storage.Proof{}, fault.Field("mail.smtp", "%s did not take the test message: %v", c.Mail.SMTP, cause)
	}
	return storage.Proof{At: now, What: c.Mail.SMTP}, nil
}

// tlsProof is one try of the certificate, from outside as far as this machine can.
type tlsProof struct {
	cfg   config.Config
	name  string         // that must stand in the certificate
	roots *x509.CertPool // nil: the machine's
	now   time.Time
}

// proveTLS starts the listener as the server would, connects to it by the name
// that the outside uses, and looks at the name, the chain and the days left.
func proveTLS(ctx context.Context, c config.Config, rootsFile string) (storage.Proof, error) {
	t := tlsProof{cfg: c, name: hostOf(c), now: time.Now()}
	if rootsFile != "" {
		text, err := os.ReadFile(rootsFile)
		if err != nil {
			return storage.Proof{}, fault.Field("--tls-ca", "the file cannot be read: %v", err)
		}
		t.roots = x509.NewCertPool()
		if !t.roots.AppendCertsFromPEM(text) {
			return storage.Proof{}, fault.Field("--tls-ca", "%s holds no certificate in PEM form", rootsFile)
		}
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return storage.Proof{}, fault.Field("listen", "cannot listen on %s: %v; is another program using the port?", c.Listen, err)
	}
	defer l.Close()
	switch {
	case len(c.TLS.ACME.Hosts) > 0:
		return t.byAuthority(ctx, l)
	case c.TLS.On():
		return t.byFiles(ctx, l)
	case strings.HasPrefix(c.URL, "https://"):
		return t.byProxy(ctx, l)
	}
	return storage.Proof{}, nil // loopback only: there is nothing to prove
}

// hostOf is the name by which the outside knows this server.
func hostOf(c config.Config) string {
	if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return ""
	}
	return host
}

func (t tlsProof) byFiles(ctx context.Context, l net.Listener) (storage.Proof, error) {
	certs, err := webcert.FromFiles(t.cfg.TLS, slog.New(slog.DiscardHandler))
	if err != nil {
		f := fault.Of(err)
		return storage.Proof{}, fault.Field("tls", "%s", strings.TrimPrefix(f.Text, "tls: "))
	}
	go shake(tls.NewListener(l, certs.Config()))
	leaf, err := t.greet(ctx, within(l))
	if err != nil {
		return storage.Proof{}, fault.Field("tls.certificate", "%s", t.explain(err))
	}
	return storage.Proof{At: t.now, What: t.name, Until: leaf.NotAfter}, nil
}

// byAuthority gets the certificate that the server will use, or says what has
// to be reachable for it.
func (t tlsProof) byAuthority(ctx context.Context, l net.Listener) (storage.Proof, error) {
	ctx, cancel := context.WithTimeout(ctx, acmeTimeout)
	defer cancel()
	var told notes
	a, err := webcert.FromAuthority(t.cfg, slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		return storage.Proof{}, err
	}
	go shake(tls.NewListener(l, a.Config()))
	if err := a.Start(); err != nil {
		return storage.Proof{}, err
	}
	defer a.Stop()
	for {
		leaf, err := t.greet(ctx, within(l))
		if err == nil {
			return storage.Proof{At: t.now, What: t.name, Until: leaf.NotAfter}, nil
		}
		if unknown := new(x509.UnknownAuthorityError); errors.As(err, unknown) || errors.As(err, new(x509.HostnameError)) {
			return storage.Proof{}, fault.Field("tls.acme", "%s", t.explain(err))
		}
		select {
		case <-ctx.Done():
			return storage.Proof{}, fault.Field("tls.acme", "the authority gave no certificate within %v. It connects to %s, port 443: that name must lead to this machine (now: %s), and a firewall must let the connection in. It said: %s",
				acmeTimeout, t.name, addresses(t.name), told.last())
		case <-time.After(time.Second):
		}
	}
}

// byProxy asks the proxy in front for a page that only this process can answer.
func (t tlsProof) byProxy(ctx context.Context, l net.Listener) (storage.Proof, error) {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	token := rand.Text()
	web := &http.Server{ReadHeaderTimeout: proofTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == proofPath+token {
			fmt.Fprint(w, token)
		}
	})}
	go web.Serve(l) // ends with the listener
	defer web.Close()
	u, err := url.Parse(t.cfg.URL)
	if err != nil {
		return storage.Proof{}, err
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	conn, err := t.dial(ctx, net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return storage.Proof{}, fault.Field("url", "the proxy at %s: %s", t.cfg.URL, t.explain(err))
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := errors.Join(conn.SetDeadline(deadline), asked(ctx, conn, t.cfg.URL, token)); err != nil {
		return storage.Proof{}, fault.Field("url", "%s answers, but does not lead to this server on %s: %v", t.cfg.URL, t.cfg.Listen, err)
	}
	return storage.Proof{At: t.now, What: t.name, Until: conn.ConnectionState().PeerCertificates[0].NotAfter}, nil
}

// asked sends one request and compares the answer.
func asked(ctx context.Context, conn net.Conn, address, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+proofPath+token, nil)
	if err != nil {
		return err
	}
	r.Close = true
	if err := r.Write(conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err == nil && string(got) != token {
		err = fmt.Errorf("it answered with status %d and other words", res.StatusCode)
	}
	return err
}

// shake completes handshakes until the listener is closed.
func shake(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if c, ok := conn.(*tls.Conn); ok && conn.SetDeadline(time.Now().Add(proofTimeout)) == nil {
				_ = c.Handshake() // the other end is looked at, and says what was wrong
			}
		}()
	}
}

// within is how this machine reaches its own listener.
func within(l net.Listener) string {
	a, ok := l.Addr().(*net.TCPAddr)
	if !ok || !a.IP.IsUnspecified() {
		return l.Addr().String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(a.Port))
}

func (t tlsProof) greet(ctx context.Context, address string) (*x509.Certificate, error) {
	conn, err := t.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func (t tlsProof) dial(ctx context.Context, address string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: t.name, RootCAs: t.roots, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil, errors.Join(errors.New("no TLS came about"), conn.Close())
	}
	return c, nil
}

// explain says in an operator's words why a certificate will not be trusted.
func (t tlsProof) explain(err error) string {
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		names := wrong.Certificate.DNSNames
		for _, ip := range wrong.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("it is for %s, not for %s: browsers and collectors will refuse it", strings.Join(names, ", "), t.name)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its chain ends at nobody whom this machine trusts: append the intermediate certificates to the file, or name the root of your own authority with --tls-ca"
	}
	if wrong, ok := errors.AsType[x509.CertificateInvalidError](err); ok && wrong.Reason == x509.Expired {
		return fmt.Sprintf("it is good from %s to %s, and today is %s", day(wrong.Cert.NotBefore), day(wrong.Cert.NotAfter), day(t.now))
	}
	return err.Error()
}

func day(t time.Time) string { return t.Format("2 January 2006") }

// addresses is where a name leads, for people.
func addresses(name string) string {
	list, err := net.LookupHost(name)
	if err != nil || len(list) == 0 {
		return "nowhere"
	}
	return strings.Join(list, ", ")
}

// notes is what the authority's side says, kept for whoever waits for it.
type notes struct {
	mu   sync.Mutex
	said string
}

// Write keeps the last line.
func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = strings.TrimSpace(string(b))
	return len(b), nil
}

func (n *notes) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.said == "" {
		return "nothing"
	}
	return n.said
}
