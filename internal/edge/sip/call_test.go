package sip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/secret"
)

func (w *world) dial(transport string, conf ...*tls.Config) *client {
	w.Helper()
	udp, tcp, secure := w.sip.Addresses()
	at := map[string]net.Addr{"udp": udp, "tcp": tcp, "tls": secure}[transport]
	var c *tls.Config
	if len(conf) > 0 {
		c = conf[0]
	}
	return dial(w.T, transport, at.String(), siprec.Address(w.source.ID), c)
}

// certificate makes one for a server or a client, and its fingerprint.
func certificate(t *testing.T) (tls.Certificate, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, &x509.Certificate{}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, hex.EncodeToString(sum[:])
}

func withTLS(t *testing.T) func(*Options) {
	c, _ := certificate(t)
	return func(o *Options) { o.TLSListen, o.TLS = "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}} }
}

// Encrypted sound, its keys by TLS, in each suite; the client's certificate is
// all that says who it is.
func TestEncryptedSound(t *testing.T) {
	mine, print := certificate(t)
	w := newWorld(t, siprec.Settings{Certificates: []string{print}, Encrypted: true}, withTLS(t))
	for i, s := range suites {
		c := w.dial("tls", &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{mine}})
		code, text := c.invite(c.offerOf(2, s.name, "sendonly"))
		if code != 200 || !strings.Contains(text, "a=crypto:1 "+s.name) || !strings.Contains(text, "RTP/SAVP") {
			t.Fatalf("%s: %d %s", s.name, code, text)
		}
		c.talk(time.Duration(600+100*i)*time.Millisecond, 440, 660) // the same sound twice is one recording
		if code, _ := c.bye(); code != 200 {
			t.Fatal(code)
		}
	}
	for _, r := range w.recorded(len(suites)) {
		if h := w.heard(r); level(h[0][800:4000], 440) < 6000 || level(h[1][800:4000], 660) < 6000 {
			t.Errorf("the sound is not there: %.0f %.0f", level(h[0][800:4000], 440), level(h[1][800:4000], 660))
		}
	}
	other, _ := certificate(t)
	for name, conf := range map[string]*tls.Config{
		"another certificate": {InsecureSkipVerify: true, Certificates: []tls.Certificate{other}},
		"none":                {InsecureSkipVerify: true},
	} {
		c := w.dial("tls", conf)
		if code, _ := c.invite(c.offerOf(2, suites[0].name, "sendonly")); code != 403 {
			t.Errorf("%s: %d", name, code)
		}
	}
}

// A source that wants encryption takes nothing less: no plain stream, no
// parameter that turns encryption off, no key that came in the clear.
func TestNoDowngrade(t *testing.T) {
	set := loopback()
	set.Encrypted = true
	w := newWorld(t, set, withTLS(t))
	conf := &tls.Config{InsecureSkipVerify: true}
	for name, change := range map[string]func(string) string{
		"plain": func(s string) string { return strings.ReplaceAll(s, "RTP/SAVP", "RTP/AVP") },
		"no encryption": func(s string) string {
			return strings.ReplaceAll(s, "|2^31\r\n", " UNENCRYPTED_SRTP\r\n")
		},
		"a suite that is none": func(s string) string { return strings.ReplaceAll(s, "AES_CM_128_HMAC_SHA1_80", "NULL_HMAC_SHA1_80") },
		"a short key":          func(s string) string { return strings.ReplaceAll(s, "inline:", "inline:QUJD|") },
	} {
		c := w.dial("tls", conf)
		if code, text := c.invite(change(c.offerOf(1, "AES_CM_128_HMAC_SHA1_80", "sendonly"))); code != 488 {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	c := w.dial("tcp")
	if code, _ := c.invite(c.offerOf(1, "AES_CM_128_HMAC_SHA1_80", "sendonly")); code != 488 {
		t.Errorf("keys in the clear: %d", code)
	}
	if st := w.siprec.Status(w.source.ID); st.Refused != 5 || len(st.Live) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestDigest(t *testing.T) {
	w := newWorld(t, siprec.Settings{User: "sbc", Secret: secret.NewText("a secret of some length")})
	c := w.dial("tcp")
	code, text := c.invite(c.offerOf(2, "", "sendonly"))
	if code != 401 || !strings.Contains(text, "SHA-256") || !strings.Contains(text, "MD5") {
		t.Fatal(code, text)
	}
	wrong := authorize(text, "sbc", "another secret here", "INVITE", c.to)
	if code, _ := c.invite(c.offerOf(2, "", "sendonly"), wrong); code != 403 {
		t.Errorf("a wrong secret: %d", code)
	}
	right := authorize(text, "sbc", "a secret of some length", "INVITE", c.to)
	if code, text := c.invite(c.offerOf(2, "", "sendonly"), right); code != 200 {
		t.Fatal(code, text)
	}
	if code, _ := c.bye(); code != 200 {
		t.Error(code)
	}
	// Somebody has overheard it.
	again := w.dial("tcp")
	if code, _ := again.invite(again.offerOf(2, "", "sendonly"), right); code != 401 {
		t.Errorf("sent again: %d", code)
	}
	if r := w.siprec.Status(w.source.ID).Refusals; len(r) != 1 || !strings.Contains(r[0].Reason, "secret") {
		t.Errorf("%+v", r)
	}
}

// Everybody else gets a 403 without a word; who asks often, not even that; and a
// source without addresses is not there for datagrams.
func TestStrangers(t *testing.T) {
	w := newWorld(t, siprec.Settings{Peers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	c := w.dial("udp")
	answers := 0
	for range 50 {
		c.id += "x"
		c.send("INVITE", 1, "", "", "Require: siprec")
	}
	for {
		text := c.read(300 * time.Millisecond)
		if text == "" {
			break
		}
		if !strings.HasPrefix(text, "SIP/2.0 403 Forbidden") || strings.Contains(text, "Warning") || strings.Contains(text, "ringfence") {
			t.Fatal(text)
		}
		answers++
	}
	if answers < 1 || answers > 8 {
		t.Errorf("%d answers to 50 requests", answers)
	}
	if n, _ := w.sip.Turned(); n != 50 {
		t.Errorf("%d were turned away", n)
	}
	open := newWorld(t, siprec.Settings{User: "sbc", Secret: secret.NewText("a secret of some length")})
	if open.siprec.Knows(netip.MustParseAddr("127.0.0.1"), true) {
		t.Error("a datagram passes the door of a source without addresses")
	}
	d := open.dial("udp")
	d.send("OPTIONS", 1, "", "")
	if code, _ := d.answer("OPTIONS"); code != 403 {
		t.Errorf("a datagram to a source without addresses: %d", code)
	}
}

// Another customer's or nobody's address finds nothing, though the peer is known.
func TestTheAddressNamesTheSource(t *testing.T) {
	w := newWorld(t, loopback())
	second, err := w.Service.AddSource(w.Context(), w.Place, w.Who, recording.Source{Kind: recording.Siprec, Name: "other", Profile: "generic"})
	w.no(err)
	_, err = w.siprec.Set(w.Context(), w.Place, w.Who, second.ID, loopback())
	w.no(err)
	c := w.dial("tcp")
	c.to = "sip:recorder@127.0.0.1"
	if code, _ := c.invite(c.offerOf(1, "", "sendonly")); code != 403 {
		t.Errorf("two sources and no name: %d", code)
	}
	c.to = "sip:" + siprec.Address(second.ID) + "@127.0.0.1"
	if code, _ := c.invite(c.offerOf(1, "", "sendonly")); code != 200 {
		t.Errorf("by its name: %d", code)
	}
	if st := w.siprec.Status(second.ID); len(st.Live) != 1 {
		t.Errorf("%+v", st)
	}
	c.bye()
}

// Sources are read again both by who changes one and by whoever hears of the
// change: what was set last holds when Set returns, and a while after.
func TestWhatWasSetLastHolds(t *testing.T) {
	w := newWorld(t, loopback())
	caller := siprec.Caller{From: netip.MustParseAddr("127.0.0.1")}
	second, err := w.Service.AddSource(w.Context(), w.Place, w.Who, recording.Source{Kind: recording.Siprec, Name: "other", Profile: "generic"})
	w.no(err)
	ctx, stop := context.WithCancel(w.Context())
	var others sync.WaitGroup
	others.Go(func() { // settings of another source make this one be read all the time
		for ctx.Err() == nil {
			if _, err := w.siprec.Set(ctx, w.Place, w.Who, second.ID, siprec.Settings{User: "sbc", Secret: secret.NewText("a secret of some length"), Peers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	defer others.Wait()
	defer stop()
	for i := range 150 {
		set := loopback()
		set.MaxCalls = i + 1
		_, err := w.siprec.Set(w.Context(), w.Place, w.Who, w.source.ID, set)
		w.no(err)
		for range 3 {
			if all := w.siprec.Candidates(caller); len(all) != 1 || all[0].MaxCalls != i+1 {
				t.Fatalf("after setting %d: %+v", i+1, all)
			}
			time.Sleep(300 * time.Microsecond) // lets the other reader end
		}
	}
}

// What cannot be kept is refused line by line, plainly.
func TestCodecs(t *testing.T) {
	w := newWorld(t, loopback())
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	g729 := "m=audio 40000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\na=label:1\r\n"
	c := w.dial("tcp")
	if code, text := c.invite(head + g729); code != 488 || !strings.Contains(text, "PCMA") {
		t.Errorf("G.729: %d %s", code, text)
	}
	c = w.dial("tcp")
	code, text := c.invite(head + g729 + "m=video 40002 RTP/AVP 97\r\nm=audio 40004 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\na=label:3") // without a last line end
	if code != 200 || !strings.Contains(text, "m=audio 0 RTP/AVP 18\r\nm=video 0 RTP/AVP 97\r\nm=audio "+itoa(c.ports[1])+" RTP/AVP 0\r\n") || !strings.Contains(text, "a=label:3") {
		t.Errorf("%d %s", code, text)
	}
	c.bye()
}
