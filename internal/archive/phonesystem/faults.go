package phonesystem

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/egress"
)

// errToken means that a token is no longer taken: another one is asked for, once.
var errToken = errors.New("the token is no longer valid")

// judge says in plain words what went wrong with a request.
func (c *call) judge(a egress.Answer, err error) error {
	if err != nil {
		return c.unreached(err)
	}
	switch {
	case a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		return fault.New(fault.Unavailable, "the telephone system says that it is asked too often; it is left alone for a while").After(retryAfter(a.Header, c.s.o.Now()))
	case a.Status == http.StatusUnauthorized:
		return errToken
	case a.Status == http.StatusForbidden:
		return fault.New(fault.Denied, "the telephone system refuses the API to this client: its licence may have none, or the client may not read recordings")
	case a.Status >= 500:
		return fault.New(fault.Unavailable, "the telephone system has a fault of its own (status %d); it is asked again", a.Status)
	case a.Status/100 == 3:
		return fault.New(fault.Invalid, "the address leads on to another one (status %d); give the address that the telephone system itself has", a.Status)
	}
	return nil
}

// unreached says why nothing answered.
func (c *call) unreached(err error) error {
	host := c.set.host()
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fault.Wrap(err, fault.Invalid, "the certificate of %s is for another name: give the name that stands in it", host)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fault.Wrap(err, fault.Invalid, "the certificate of %s was made by nobody whom this server knows: give the telephone system one of a public authority", host)
	}
	if inv, ok := errors.AsType[x509.CertificateInvalidError](err); ok && inv.Reason == x509.Expired {
		return fault.Wrap(err, fault.Invalid, "the certificate of %s has run out or is not valid yet; or the clock of one of the two is wrong", host)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Wrap(err, fault.Invalid, "the certificate of %s cannot be verified", host)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fault.Wrap(err, fault.Invalid, "%s does not speak TLS on this port", host)
	}
	return err
}

// retryAfter is how long a system wants to be left alone (RFC 9110 §10.2.3): seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n >= 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return min(t.Sub(now), time.Hour)
	}
	return time.Minute
}

// clockOff is by how much the system's clock differs from ours, as its answer shows.
func clockOff(a egress.Answer, now time.Time) time.Duration {
	t, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return t.Sub(now)
}
