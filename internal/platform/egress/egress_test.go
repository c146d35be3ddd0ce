package egress_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

var system = actor.ForSystem("speech")

func customer(t *testing.T) *place.Place {
	s := placetest.New(t, place.Schemas{Place: egress.Migrations(), Housekeeping: egress.Housekeeping()})
	return placetest.Customer(t, s)
}

func client(t *testing.T, o egress.Options) *egress.Client {
	c, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// to is a request to a URL that nothing but its address can spoil.
func to(raw string) egress.Request {
	u, _ := url.Parse(raw)
	return egress.Request{
		Engine: "openai", Purpose: "training", Region: "EU", Subject: "rec_1",
		Hosts: []string{u.Hostname()}, Method: "POST", URL: raw, Body: []byte("hello"), Timeout: 30 * time.Second,
	}
}

// peer is a server that counts what reaches it.
func peer(t *testing.T, handle http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	var hits atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &hits
}

func lines(t *testing.T, p *place.Place) []egress.Line {
	t.Helper()
	page, err := egress.List(t.Context(), p, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func TestLedgerLineIsThereBeforeTheBytesLeave(t *testing.T) {
	p := customer(t)
	srv, _ := peer(t, func(w http.ResponseWriter, r *http.Request) {
		// The other side already has the request: the line must be durable by now.
		if got := lines(t, p); len(got) != 1 || got[0].Answer != "" {
			t.Errorf("when the request arrived, the ledger held %+v", got)
		}
		fmt.Fprint(w, "hi!")
	})
	c := client(t, egress.Options{Private: []string{"127.0.0.1"}})
	a, err := c.Do(t.Context(), p, system, to(srv.URL))
	if err != nil || a.Status != 200 || string(a.Body) != "hi!" {
		t.Fatal(a, err)
	}
	got := lines(t, p)
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	l := got[0]
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	if l.Engine != "openai" || l.Purpose != "training" || l.Region != "EU" || l.Subject != "rec_1" || l.Sent != 5 ||
		l.Received != 3 || l.SHA256 != sum || l.Status != 200 || l.Answer != "200" || !strings.HasPrefix(l.Host, "127.0.0.1") {
		t.Errorf("%+v", l)
	}
}

func TestNothingLeavesWithoutPurposeAndRegion(t *testing.T) {
	p := customer(t)
	srv, hits := peer(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, egress.Options{Private: []string{"127.0.0.1"}})
	for _, spoil := range []func(*egress.Request){
		func(r *egress.Request) { r.Purpose = "" },
		func(r *egress.Request) { r.Region = "" },
		func(r *egress.Request) { r.Hosts = []string{"else.example"} },
		func(r *egress.Request) { r.Hosts = nil },
		func(r *egress.Request) { r.URL = strings.Replace(r.URL, "http://", "http://user:pass@", 1) },
		func(r *egress.Request) { r.URL = strings.Replace(r.URL, "http://", "ftp://", 1) },
		func(r *egress.Request) { r.Body = make([]byte, egress.MaxRequest+1) },
	} {
		r := to(srv.URL)
		spoil(&r)
		if _, err := c.Do(t.Context(), p, system, r); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
			t.Errorf("%v %v %v: %v", r.URL, r.Hosts, r.Purpose, err)
		}
	}
	if hits.Load() != 0 || len(lines(t, p)) != 0 {
		t.Errorf("%d requests arrived, ledger %v", hits.Load(), lines(t, p))
	}
}

// Addresses in every spelling that has fooled a guard before.
func TestInnerAddressesAreNotReached(t *testing.T) {
	p := customer(t)
	srv, hits := peer(t, func(http.ResponseWriter, *http.Request) {})
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "10.0.0.1", "172.16.3.4", "192.168.1.1",
		"100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[2001::1]",
		"224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "[ff02::1]", "[::127.0.0.1]", "[fe80::1%25lo]", "[fec0::1]",
		"localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
	} {
		for _, scheme := range []string{"http", "https"} {
			r := to(fmt.Sprintf("%s://%s:%d/", scheme, host, port))
			if _, err := client(t, egress.Options{}).Do(t.Context(), p, system, r); err == nil {
				t.Errorf("%s was reached", r.URL)
			}
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

func TestLinkLocalIsNeverReachedEvenIfListed(t *testing.T) {
	p := customer(t)
	c := client(t, egress.Options{Private: []string{"169.254.169.254", "meta"}, Lookup: fixed("169.254.169.254")})
	for _, u := range []string{"http://169.254.169.254/latest/meta-data", "http://meta/"} {
		if _, err := c.Do(t.Context(), p, system, to(u)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func fixed(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

// A name that is public when it is judged and private when it is dialled: there
// is one lookup, so there is no second answer to give.
func TestRebindingName(t *testing.T) {
	p := customer(t)
	srv, hits := peer(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	var asked atomic.Int64
	c := client(t, egress.Options{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			return []netip.Addr{netip.MustParseAddr("2001:4860:4860::8888"), netip.MustParseAddr("127.0.0.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	for range 3 {
		if _, err := c.Do(t.Context(), p, system, to("https://rebind.example:"+port)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	}
	if hits.Load() != 0 {
		t.Error("the loopback address was reached")
	}
	for _, l := range lines(t, p) {
		if l.Status != 0 || !strings.Contains(l.Answer, "inner network") {
			t.Errorf("the refused request stands as %+v", l)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	p := customer(t)
	inner, hits := peer(t, func(http.ResponseWriter, *http.Request) {})
	for _, code := range []int{301, 302, 303, 307, 308} {
		srv, _ := peer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, code) })
		a, err := client(t, egress.Options{Private: []string{"127.0.0.1"}}).Do(t.Context(), p, system, to(srv.URL))
		if err != nil || a.Status != code {
			t.Errorf("%d: %v %v", code, a.Status, err)
		}
	}
	if hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestTooMuchAndTooSlow(t *testing.T) {
	p := customer(t)
	c := client(t, egress.Options{Private: []string{"127.0.0.1"}})
	big, _ := peer(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2000)) })
	r := to(big.URL)
	r.MaxAnswer = 1999
	if _, err := c.Do(t.Context(), p, system, r); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too much: %v", err)
	}
	stop := make(chan struct{})
	for name, handle := range map[string]http.HandlerFunc{
		"no answer":   func(http.ResponseWriter, *http.Request) { <-stop },
		"half a body": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")); w.(http.Flusher).Flush(); <-stop },
	} {
		srv, _ := peer(t, handle)
		r := to(srv.URL)
		r.Timeout = 150 * time.Millisecond
		start := time.Now()
		if _, err := c.Do(t.Context(), p, system, r); !fault.Is(err, fault.Unavailable) || time.Since(start) > 20*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
		if l := lines(t, p)[0]; !strings.Contains(l.Answer, "did not answer within") {
			t.Errorf("%s: the ledger says %q", name, l.Answer)
		}
	}
	close(stop)
	gone := to("http://127.0.0.1:1/")
	if _, err := c.Do(t.Context(), p, system, gone); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestOnlyGoodTLS(t *testing.T) {
	p := customer(t)
	for name, bad := range map[string]*tls.Config{
		"TLS 1.1":             {MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
		"CBC":                 {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}},
		"no forward secrecy":  {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
		"unknown certificate": {},
		"":                    {},
	} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		srv.TLS = bad
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the failed handshakes are the point
		srv.StartTLS()
		defer srv.Close()
		roots := x509.NewCertPool()
		if name != "unknown certificate" {
			roots.AddCert(srv.Certificate())
		}
		c := client(t, egress.Options{Private: []string{"127.0.0.1"}, Roots: roots})
		if _, err := c.Do(t.Context(), p, system, to(srv.URL)); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOperatorsList(t *testing.T) {
	p := customer(t)
	srv, _ := peer(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, egress.Options{Private: []string{"127.0.0.1"}, Hosts: []string{"speech.example"}})
	if _, err := c.Do(t.Context(), p, system, to(srv.URL)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a host outside the operator's list: %v", err)
	}
	c = client(t, egress.Options{Private: []string{"127.0.0.1:1"}})
	if _, err := c.Do(t.Context(), p, system, to(srv.URL)); !fault.Is(err, fault.Invalid) {
		t.Errorf("another port than the listed one: %v", err)
	}
	if _, err := egress.New(egress.Options{Private: []string{"10.0.0.0/8"}}); err == nil {
		t.Error("a whole network was taken for a host")
	}
}

// Plain http goes to this host itself and no further, also where the operator
// allows a private host.
func TestPlainHTTPStaysOnThisHost(t *testing.T) {
	p := customer(t)
	c := client(t, egress.Options{Private: []string{"whisper.lan"}, Lookup: fixed("192.168.7.7")})
	if _, err := c.Do(t.Context(), p, system, to("http://whisper.lan:9000/")); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestPages(t *testing.T) {
	p := customer(t)
	srv, _ := peer(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, egress.Options{Private: []string{"127.0.0.1"}})
	for range 5 {
		if _, err := c.Do(t.Context(), p, system, to(srv.URL)); err != nil {
			t.Fatal(err)
		}
	}
	seen, cursor := 0, ""
	for {
		page, err := egress.List(t.Context(), p, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page.Items)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != 5 {
		t.Errorf("saw %d lines", seen)
	}
	if _, err := egress.List(t.Context(), p, "nonsense", 2); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}
