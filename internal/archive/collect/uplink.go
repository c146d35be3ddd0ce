package collect

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/release"
)

// uplink is the box's way to the server: one address, verified TLS, no
// redirects, each request signed. Its errors are *refusal where the server
// answered, and network errors otherwise.
type uplink struct {
	base      *url.URL
	hc        *http.Client
	transport *http.Transport
	id        identity
	key       ed25519.PrivateKey
	now       func() time.Time

	mu    sync.Mutex
	epoch string
	seen  contact
}

// refusal is an answer of the server other than success.
type refusal struct {
	Status     int
	Code       string
	Text       string
	RetryAfter time.Duration
	Offset     int64 // where the upload really stands, with a 409; else -1
}

func (e *refusal) Error() string { return fmt.Sprintf("%s (%d)", e.Text, e.Status) }

// Codes in problem answers to which the box reacts by itself.
const (
	codeEpoch   = "epoch"
	codeReplay  = "replay"
	codeClock   = "clock"
	codeDevice  = "device"
	codeReseal  = "reseal"
	codeUnknown = "unknown-upload"
)

// problem is RFC 9457 with a code for the box.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code,omitempty"`
}

// Time limits: a server that accepts a connection and then says nothing must
// not stop the box for ever. A chunk may be slow, silence may not be long.
const (
	dialFor    = 15 * time.Second
	silenceFor = 60 * time.Second
	requestFor = 5 * time.Minute
	answerMax  = 2 << 20
)

func newUplink(who identity, key ed25519.PrivateKey) (*uplink, error) {
	base, err := url.Parse(who.Server)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fmt.Errorf("--server %q is no address; give for example https://calls.example.com", who.Server)
	}
	if base.Scheme == "http" && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("--server %s would travel in the clear; only https is used beyond this machine", who.Server)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(who.CA) > 0 {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(who.CA) {
			return nil, errors.New("--ca holds no certificate in PEM form")
		}
	}
	t := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialFor}).DialContext,
		TLSClientConfig:       conf,
		TLSHandshakeTimeout:   dialFor,
		ResponseHeaderTimeout: silenceFor,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}
	hc := &http.Client{
		Transport: t,
		// A redirect would carry signed requests to another server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &uplink{base: base, hc: hc, transport: t, id: who, key: key, now: time.Now}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// enrol shows the code. The answer is signed by a key of which the code holds
// the fingerprint: whoever breaks the TLS between cannot give a key of his own.
func (u *uplink) enrol(ctx context.Context, e Enrolment) (c Config, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return c, err
	}
	r, err := u.request(ctx, http.MethodPost, "/enrol", body)
	if err != nil {
		return c, err
	}
	var s Signed
	if _, err = u.answer(r, &s); err != nil {
		return c, err
	}
	if err := json.Unmarshal(s.Body, &c); err != nil {
		return c, fmt.Errorf("%s answers, but not as Ringfence does; check --server", u.base.Host)
	}
	if !codeNames(e.Code, c.ServerKey) {
		return c, errors.New("the server's key is not the one that the code names; somebody may stand between this box and the server, or --server is another server")
	}
	return c, openDocument(configLabel, s, c.ServerKey, &c)
}

// config believes only what the pinned key has signed: the public key in it
// decides who can open what the box seals.
func (u *uplink) config(ctx context.Context) (c Config, err error) {
	var s Signed
	if _, err = u.call(ctx, http.MethodGet, "/config", nil, -1, &s); err != nil {
		return c, err
	}
	return c, openDocument(configLabel, s, u.id.ServerKey, &c)
}

func (u *uplink) begin(ctx context.Context, m Signed) (o Offset, err error) {
	err = u.post(ctx, "/uploads", m, &o)
	return o, err
}

func (u *uplink) offset(ctx context.Context, upload fmt.Stringer) (int64, error) {
	h, err := u.call(ctx, http.MethodHead, "/uploads/"+upload.String(), nil, -1, nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
}

// patch appends a chunk at offset and gives the new offset.
func (u *uplink) patch(ctx context.Context, upload fmt.Stringer, offset int64, chunk []byte) (int64, error) {
	h, err := u.call(ctx, http.MethodPatch, "/uploads/"+upload.String(), chunk, offset, nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
}

func (u *uplink) complete(ctx context.Context, upload fmt.Stringer) (s Signed, err error) {
	err = u.post(ctx, "/uploads/"+upload.String()+"/complete", struct{}{}, &s)
	return s, err
}

func (u *uplink) receipt(ctx context.Context, upload fmt.Stringer) (s Signed, err error) {
	_, err = u.call(ctx, http.MethodGet, "/receipts/"+upload.String(), nil, -1, &s)
	return s, err
}

func (u *uplink) standing(ctx context.Context, s Standing) error {
	return u.post(ctx, "/standing", s, nil)
}

func (u *uplink) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = u.call(ctx, http.MethodPost, path, body, -1, out)
	return err
}

// call sends one signed request. Where the server has started anew since the
// last answer, the request is signed once more for its new epoch; and where it has
// had this very one: net/http sends a GET or HEAD again by itself when a connection
// that was kept open breaks before the answer.
func (u *uplink) call(ctx context.Context, method, path string, body []byte, offset int64, out any) (http.Header, error) {
	h, err := u.attempt(ctx, method, path, body, offset, out)
	if e, ok := errors.AsType[*refusal](err); ok && (e.Code == codeEpoch || e.Code == codeReplay) {
		h, err = u.attempt(ctx, method, path, body, offset, out)
	}
	return h, err
}

func (u *uplink) attempt(ctx context.Context, method, path string, body []byte, offset int64, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestFor)
	defer cancel()
	r, err := u.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if offset >= 0 {
		r.Header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	u.sign(r, body)
	return u.answer(r, out)
}

func (u *uplink) sign(r *http.Request, body []byte) {
	u.mu.Lock()
	epoch := u.epoch
	u.mu.Unlock()
	signRequest(r, sha256.Sum256(body), u.key, u.id.Customer, u.id.Device, epoch, u.now())
}

func (u *uplink) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.base.String()+Path+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "ringfence-collect/"+release.Number())
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// answer sends r and reads what comes back; never more than answerMax, so that
// a wrong server cannot fill the box's memory.
func (u *uplink) answer(r *http.Request, out any) (http.Header, error) {
	sent := u.now()
	resp, err := u.hc.Do(r)
	if err != nil {
		return nil, explain(err, u.base.Host)
	}
	defer resp.Body.Close()
	u.noted(resp, sent, u.now(), len(r.Header.Get("Upload-Offset")) > 0 || r.Method == http.MethodPut)
	if e := resp.Header.Get(epochHeader); e != "" && len(e) < 100 {
		u.mu.Lock()
		u.epoch = e
		u.mu.Unlock()
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, u.refused(resp, b)
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("%s answers, but not as Ringfence does; check --server", u.base.Host)
	}
	return resp.Header, nil
}

func (u *uplink) refused(resp *http.Response, body []byte) error {
	var p problem
	e := &refusal{Status: resp.StatusCode, Offset: -1}
	if json.Unmarshal(body, &p) == nil {
		e.Code, e.Text = p.Code, p.Detail
	}
	if c := resp.Header.Get("Ringfence-Code"); c != "" { // HEAD has no body
		e.Code = c
	}
	if e.Text == "" {
		e.Text = u.base.Host + " answers " + http.StatusText(resp.StatusCode)
	}
	if e.Code == codeClock {
		e.Text = clockText(u.now(), resp.Header.Get("Date"))
	}
	if n, err := strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64); err == nil && n >= 0 {
		e.Offset = n
	}
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), u.now())
	return e
}

func clockText(own time.Time, date string) string {
	const advice = "; set the box's clock (for example with chrony), the collector goes on by itself"
	at, err := http.ParseTime(date)
	if err != nil {
		return errClock.Error() + advice
	}
	word := "behind"
	if own.After(at) {
		word = "ahead of"
	}
	return fmt.Sprintf("the box's clock is %s %s the server's%s", own.Sub(at).Abs().Round(time.Second), word, advice)
}

// retryAfter reads both forms of RFC 9110 §10.2.3; more than an hour is not
// believed.
func retryAfter(s string, now time.Time) time.Duration {
	d := time.Duration(0)
	if n, err := strconv.Atoi(s); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), time.Hour)
}

// explain says what to do about the failures that installers meet.
func explain(err error, host string) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s shows a certificate of an authority that this box does not know; enrol with --ca FILE if it is your own: %w", host, err)
	case errors.As(err, &name):
		return fmt.Errorf("%s shows a certificate for another name; check --server: %w", host, err)
	}
	return fmt.Errorf("%s cannot be reached: %w", host, err)
}
