package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/app/webcert"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/httpapi"
)

// URL is where the portal is, for links in mails.
func (s *Server) URL() string { return PortalURL(s.cfg, s.listener) }

// PortalURL is where the portal of a configuration is; at is where its server
// listens, or nil while it does not.
func PortalURL(c config.Config, at net.Listener) string {
	if c.URL != "" {
		return c.URL
	}
	scheme := "http"
	if c.TLS.On() {
		scheme = "https"
	}
	address := c.Listen
	if at != nil {
		address = at.Addr().String()
	}
	// Browsers make passkeys for a name, never for a number.
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host == "localhost" {
		_, port, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(host, port)
	}
	return scheme + "://" + address
}

func (s *Server) listen() (err error) {
	if s.certs, err = webcert.New(s.cfg, s.log); err != nil {
		return err
	}
	if s.listener, err = s.open("listen", s.cfg.Listen); err != nil {
		return err
	}
	if s.cfg.Administration.Listen != "" {
		s.inner, err = s.open("administration.listen", s.cfg.Administration.Listen)
	}
	return err
}

func (s *Server) open(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s: cannot listen on %s: is another program using the port?", key, address)
	}
	if s.certs != nil {
		l = tls.NewListener(l, s.certs.Config())
	}
	return l, nil
}

// secure reports whether browsers reach the server over TLS, its own or that of
// a proxy in front of it.
func (s *Server) secure() bool { return s.cfg.TLS.On() || strings.HasPrefix(s.cfg.URL, "https://") }

// serve answers on the public address, and on administration's where it has one.
func (s *Server) serve(api *httpapi.Server) error {
	s.serveOn(s.listener, api.Handler())
	if s.inner != nil {
		s.serveOn(s.inner, api.Administration())
	}
	if s.certs == nil {
		return nil
	}
	s.stops = append(s.stops, s.certs.Stop)
	return s.certs.Start()
}

func (s *Server) serveOn(l net.Listener, h http.Handler) {
	web := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the server stopped listening", "address", l.Addr().String(), "cause", err)
		}
	})
	s.stops = append(s.stops, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := web.Shutdown(ctx); err != nil {
			web.Close() // what did not end in time is cut
		}
		done.Wait()
	})
}

func (s *Server) trustedProxies() []netip.Prefix {
	var all []netip.Prefix
	for _, n := range s.cfg.TrustedProxies {
		all = append(all, netip.MustParsePrefix(n)) // Validate has parsed it before
	}
	return all
}
