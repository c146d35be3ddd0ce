package webcert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
)

// authority gets the certificate from an authority that speaks ACME (RFC 8555)
// and renews it in time. The authority asks the server itself for proof, inside
// a TLS handshake (tls-alpn-01, RFC 8737), so no second port is needed: port 443
// of each host must lead to this server's address.
//
// Only the hosts of the configuration get one. A handshake for any other name is
// refused: a server that got certificates for whatever name it is asked by could
// be made to use up its allowance.
type authority struct {
	hosts []string
	cache *certmagic.Cache
	magic *certmagic.Config
	log   *slog.Logger
	end   context.CancelFunc
}

// FromAuthority prepares to ask the authority of the configuration; nothing is asked before Start.
func FromAuthority(c config.Config, log *slog.Logger) (*authority, error) {
	a := &authority{hosts: c.TLS.ACME.Hosts, log: log}
	quiet := zap.NewNop() // its own log would say the same in other words
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		Logger:           quiet,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.Data, "certificates")},
		OnEvent: a.tell, Logger: quiet,
	})
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fault.New(fault.Invalid, "listen: an authority needs to know the port by its number")
	}
	template := certmagic.ACMEIssuer{
		CA: c.TLS.ACME.Directory, Email: c.TLS.ACME.Email, Agreed: true, DisableHTTPChallenge: true, AltTLSALPNPort: number, Logger: quiet,
	}
	if template.CA == "" {
		template.CA = certmagic.LetsEncryptProductionCA
	}
	if file := c.TLS.ACME.CAFile; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "tls.acme.ca_file: the file cannot be read")
		}
		template.TrustedRoots = x509.NewCertPool()
		if !template.TrustedRoots.AppendCertsFromPEM(text) {
			return nil, fault.New(fault.Invalid, "tls.acme.ca_file: holds no certificate in PEM form")
		}
	}
	a.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(a.magic, template)}
	return a, nil
}

func (a *authority) Config() *tls.Config {
	t := suites(a.get)
	t.NextProtos = append(t.NextProtos, "acme-tls/1")
	return t
}

func (a *authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !slices.Contains(a.hosts, hello.ServerName) {
		return nil, fmt.Errorf("no certificate for the name %q: tls.acme.hosts does not list it", hello.ServerName)
	}
	return a.magic.GetCertificate(hello)
}

// Start asks for what is missing, beside the server: it must answer handshakes
// to prove that it is who it says. What fails is tried again, ever more slowly.
func (a *authority) Start() error {
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	return fault.Wrap(a.magic.ManageAsync(ctx, a.hosts), fault.Unavailable, "the certificates of tls.acme.hosts cannot be managed")
}

func (a *authority) Stop() {
	if a.end != nil {
		a.end()
	}
	a.cache.Stop()
}

// Until is the end of the certificate that ends first.
func (a *authority) Until() (first time.Time) {
	for _, host := range a.hosts {
		for _, c := range a.cache.AllMatchingCertificates(host) {
			if c.Leaf != nil && (first.IsZero() || c.Leaf.NotAfter.Before(first)) {
				first = c.Leaf.NotAfter
			}
		}
	}
	return first
}

// tell logs what an operator must know, in our own words.
func (a *authority) tell(_ context.Context, event string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		a.log.Info("the authority gave a certificate", "host", host, "renewal", data["renewal"])
	case "cert_failed":
		err, _ := data["error"].(error)
		a.log.Error("the authority gave no certificate: does port 443 of the host lead here, and is the directory right?", "host", host, "cause", errors.Join(err))
	}
	return nil
}
