package httpapi

import (
	"net/http"
	"time"
)

// The cookies: of the session, of a sign-in between password and code, of a
// passkey's challenge, and of a browser that is remembered.
const (
	sessionCookie = "ringfence_session"
	signInCookie  = "ringfence_sign_in"
	passkeyCookie = "ringfence_passkey"
	browserCookie = "ringfence_browser"
)

// cookieName carries the __Host- prefix under TLS: a browser then takes the
// cookie only from this very host over TLS, so that no subdomain can plant one.
// Plain HTTP exists on loopback alone, where browsers refuse the prefix.
func (s *Server) cookieName(name string) string {
	if s.deps.Secure {
		return "__Host-" + name
	}
	return name
}

// cookie sets a secret for as long as it works; empty removes it.
func (s *Server) cookie(name, value string, until time.Time) string {
	c := http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", Secure: s.deps.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: -1,
	}
	if value != "" {
		c.MaxAge = max(1, int(until.Sub(s.now())/time.Second))
	}
	return c.String()
}
