package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/smtp"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// RelayConfig is where mails are handed on to.
type RelayConfig struct {
	Address  string      // host:port; port 465 speaks TLS at once, any other STARTTLS
	From     string      // sender's address
	User     string      // empty: without signing in
	Password secret.Text // never sent but over TLS
	Roots    *tls.Config // nil: the system's roots; tests bring their own
}

// Relay sends through an SMTP server (RFC 5321). Beyond loopback it insists on
// TLS with a verified certificate: a code that travels in the open signs in
// whoever listens.
type Relay struct {
	c    RelayConfig
	host string
}

const (
	relayTimeout = 20 * time.Second
	implicitTLS  = "465" // RFC 8314 §3.3
)

// NewRelay checks the configuration and dials nothing yet.
func NewRelay(c RelayConfig) (*Relay, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fault.Field("mail.address", "want host:port")
	}
	if c.From, err = Address(c.From); err != nil {
		return nil, fault.Field("mail.from", "this is no e-mail address")
	}
	return &Relay{c: c, host: host}, nil
}

// Send hands the mail to the relay.
func (r *Relay) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	text, err := m.encode(r.c.From, "<"+rand.Text()+"@"+r.c.From[strings.LastIndexByte(r.c.From, '@')+1:]+">")
	if err != nil {
		return err
	}
	if err := r.send(ctx, m.To, text); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the mail could not be sent; try again in a minute")
	}
	return nil
}

func (r *Relay) send(ctx context.Context, to string, text []byte) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // after Quit this is the second close and says so: nothing to learn from it
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, r.host)
	if err != nil {
		return err
	}
	if err := r.secure(c); err != nil {
		return err
	}
	if r.c.User != "" {
		if err := c.Auth(smtp.PlainAuth("", r.c.User, r.c.Password.Reveal(), r.host)); err != nil {
			return err
		}
	}
	if err := c.Mail(r.c.From); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func (r *Relay) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.c.Address)
	if err != nil {
		return nil, err
	}
	if _, port, _ := net.SplitHostPort(r.c.Address); port != implicitTLS {
		return conn, nil
	}
	t := tls.Client(conn, r.tls())
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return t, nil
}

// secure starts TLS where the connection has none yet. A server that does not
// offer it is refused, unless it is on this machine: somebody on the way can
// take the offer out of the greeting.
func (r *Relay) secure(c *smtp.Client) error {
	if _, on := c.TLSConnectionState(); on {
		return nil
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		return c.StartTLS(r.tls())
	}
	if r.loopback() {
		return nil
	}
	return errors.New("the relay offers no STARTTLS")
}

func (r *Relay) loopback() bool {
	a, err := netip.ParseAddr(r.host)
	return r.host == "localhost" || err == nil && a.IsLoopback()
}

func (r *Relay) tls() *tls.Config {
	c := r.c.Roots.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	c.ServerName, c.MinVersion = r.host, tls.VersionTLS12
	return c
}
