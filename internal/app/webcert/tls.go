// Package webcert is where the server's TLS certificate comes from, files or an
// authority (ACME, RFC 8555), and how it shakes hands with it.
package webcert

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
)

// Certificates is where the server's certificate comes from.
type Certificates interface {
	// Config is how to shake hands with it.
	Config() *tls.Config
	// Start begins what renews it, once the server accepts connections.
	Start() error
	Stop()
	// Until is when the certificate ends that is in use; zero: there is none yet.
	Until() time.Time
}

// New reads files, or prepares to ask an authority; nil without TLS.
func New(c config.Config, log *slog.Logger) (Certificates, error) {
	switch {
	case c.TLS.Certificate != "":
		return FromFiles(c.TLS, log)
	case len(c.TLS.ACME.Hosts) > 0:
		return FromAuthority(c, log)
	}
	return nil, nil
}

// suites offers TLS 1.2 with AEAD suites and TLS 1.3. Go's own default for 1.2
// still offers CBC suites. There are no session tickets: a ticket's key would
// open recorded connections of a week.
func suites(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		GetCertificate: get,
		MinVersion:     tls.VersionTLS12,

		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// reloadEvery is how soon a changed file is noticed, at the next handshake.
const reloadEvery = 10 * time.Second

// fileCertificate is a certificate whose files somebody else renews. They are
// read again when they change; while they cannot be used, as between the writing
// of the one and of the other, the last that could be used stays.
type fileCertificate struct {
	files config.TLS
	log   *slog.Logger
	now   func() time.Time

	mu     sync.Mutex
	cert   *tls.Certificate
	read   [2]time.Time // when the files were changed that were read last
	looked time.Time
}

// FromFiles reads a certificate and its key, and refuses a key that others may read.
func FromFiles(c config.TLS, log *slog.Logger) (*fileCertificate, error) {
	f := &fileCertificate{files: c, log: log, now: time.Now}
	cert, err := readCertificate(c)
	f.cert, f.read, f.looked = &cert, f.changed(), f.now()
	return f, err
}

func (f *fileCertificate) Config() *tls.Config { return suites(f.get) }
func (f *fileCertificate) Start() error        { return nil }
func (f *fileCertificate) Stop()               {}

func (f *fileCertificate) Until() time.Time { return f.newest().Leaf.NotAfter }

func (f *fileCertificate) changed() (at [2]time.Time) {
	for i, name := range []string{f.files.Certificate, f.files.Key} {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

func (f *fileCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.newest(), nil }

// newest is the certificate in the files, as far as it can be used.
func (f *fileCertificate) newest() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.looked) < reloadEvery {
		return f.cert
	}
	f.looked = f.now()
	at := f.changed()
	if at == f.read {
		return f.cert
	}
	f.read = at
	cert, err := readCertificate(f.files)
	if err != nil {
		f.log.Error("the new certificate cannot be used; the last one stays", "cause", err)
		return f.cert
	}
	f.cert = &cert
	f.log.Info("the certificate was read again", "until", cert.Leaf.NotAfter)
	return f.cert
}

// readCertificate reads the certificate and its key, which is a secret like others.
func readCertificate(c config.TLS) (tls.Certificate, error) {
	key, err := storage.SecretFile("tls.key", c.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	chain, err := os.ReadFile(c.Certificate)
	if err != nil {
		return tls.Certificate{}, fault.Wrap(err, fault.Invalid, "tls.certificate: the file cannot be read")
	}
	cert, err := tls.X509KeyPair(chain, []byte(key.Reveal()))
	return cert, fault.Wrap(err, fault.Invalid, "tls: the certificate and its key cannot be used: are they PEM, and do they belong together?")
}
