package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/span"
)

type (
	requestKey struct{}
	addressKey struct{}
)

// requestID is the id under which the log speaks of a request.
func requestID(ctx context.Context) string {
	s, _ := ctx.Value(requestKey{}).(string)
	return s
}

// clientAddress is who asks, as far as the server can know.
func clientAddress(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	return a
}

// wrap puts around all routes what every request goes through, outermost
// first: id, address, recovery and log, headers, cross-origin protection.
func (s *Server) wrap(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.AddInsecureBypassPattern(acsPattern)
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, errCrossOrigin)
	}))
	h := cross.Handler(next)
	h = s.headers(h)
	h = s.logged(h)
	h = s.traced(h)
	return s.identified(h)
}

// traced makes each request a span, named by its route. A caller's own trace is
// not continued: who has no account here must not write into the operator's.
func (s *Server) traced(next http.Handler) http.Handler {
	if s.deps.Tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, sp := span.Begin(span.With(r.Context(), s.deps.Tracer), "request", span.Attr{Key: "http.request.method", Value: r.Method})
		rec := &statusWriter{ResponseWriter: w}
		r = r.WithContext(ctx)
		var err error
		defer func() {
			sp.Set(span.Attr{Key: "http.route", Value: r.Pattern}, span.Attr{Key: "http.response.status_code", Value: strconv.Itoa(rec.status)})
			if rec.status >= http.StatusInternalServerError {
				err = errPanicked
			}
			sp.End(err)
		}()
		next.ServeHTTP(rec, r)
	})
}

// identified gives each request an id and its real address.
func (s *Server) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rid := id.New[id.Event]().String()[4:]
		w.Header().Set("X-Request-Id", rid)
		ctx := context.WithValue(r.Context(), requestKey{}, rid)
		ctx = context.WithValue(ctx, addressKey{}, realAddress(r, s.deps.TrustedProxies))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// realAddress is the address of the peer, or, where the peer is a proxy that
// the operator named, the last address in X-Forwarded-For that no trusted
// proxy wrote about itself. Everything further left can be invented by the
// caller, who would then choose the bucket of the rate limit.
func realAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	if !among(peer, trusted) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseAddress(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			return peer
		}
		if !among(hop, trusted) {
			return hop
		}
		peer = hop
	}
	return peer
}

func parseAddress(s string) netip.Addr {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func among(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

// policy is the Content-Security-Policy of everything that is not the portal:
// answers of the API are data and may do nothing if a browser shows them.
const policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", policy)
		if s.deps.Secure {
			h.Set("Strict-Transport-Security", "max-age=63072000")
		}
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/mailbox") || strings.HasPrefix(r.URL.Path, "/sso/") {
			// Answers hold personal data: neither a proxy nor the browser's disk keeps them.
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// logged writes one line a request: the pattern of the route, never the path or
// the query, which hold ids and telephone numbers. A panic answers 500.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := &statusWriter{ResponseWriter: w}
		defer func() {
			level := slog.LevelDebug
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request", requestID(r.Context())),
					slog.String("route", r.Pattern), slog.String("stack", string(debug.Stack())))
				if rec.status == 0 {
					s.refuse(rec, r, errPanicked)
				}
			}
			if rec.status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			took := time.Since(begun)
			if s.deps.Observe != nil {
				s.deps.Observe(r.Pattern, r.Method, rec.status, took)
			}
			what := "request"
			attrs := []slog.Attr{
				slog.String("request", requestID(r.Context())), slog.String("method", r.Method), slog.String("route", r.Pattern),
				slog.Int("status", rec.status), slog.Duration("took", took),
			}
			if trace := span.ID(r.Context()); trace != "" {
				attrs = append(attrs, slog.String("trace", trace))
			}
			if refused(rec.status) && strings.HasPrefix(r.URL.Path, "/api/") {
				level, what = max(level, slog.LevelInfo), "refused"
				attrs = append(attrs, slog.String("network", network(clientAddress(r.Context()))))
			}
			s.log.LogAttrs(r.Context(), level, what, attrs...)
		}()
		next.ServeHTTP(rec, r)
	})
}

// refused is what an operator wants to see of who tries what they may not:
// wrong passwords and codes, rights that are not held, too many tries.
func refused(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return true
	}
	return false
}

// network is as much of an address as the log keeps: enough to see where an
// attack comes from, too little to name a subscriber.
func network(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController and the WebSocket reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
