package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// Time limits: connecting and the first byte of an answer. A long download has
// none; whoever waits for it can stop it.
const (
	dialFor    = 15 * time.Second
	silenceFor = 2 * time.Minute
	jsonMax    = 64 << 20
)

// Target is the server and who asks it.
type Target struct {
	URL     string
	CA      []byte      // PEM; certificates that are believed besides the system's
	Token   secret.Text // zero: none
	Session *Session    // nil: none
	Agent   string
}

// Client asks one server.
type Client struct {
	to   Target
	base *url.URL
	http *http.Client
}

// New makes a client; a server that would be asked in the clear is refused.
func New(to Target) (*Client, error) {
	base, err := url.Parse(to.URL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fault.New(fault.Invalid, "--url %q is no address; give for example https://calls.example.com", to.URL)
	}
	if base.Scheme == "http" && !loopback(base.Hostname()) {
		return nil, fault.New(fault.Invalid, "--url %s would carry secrets in the clear; only https is used beyond this machine", to.URL)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(to.CA) > 0 {
		if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
			conf.RootCAs = x509.NewCertPool()
		}
		if !conf.RootCAs.AppendCertsFromPEM(to.CA) {
			return nil, fault.New(fault.Invalid, "--ca holds no certificate in PEM form")
		}
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if to.Session != nil {
		if err := to.Session.belongsTo(base); err != nil {
			return nil, err
		}
	}
	return &Client{to: to, base: base, http: &http.Client{
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: dialFor}).DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: dialFor,
			ResponseHeaderTimeout: silenceFor, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Close lets go of connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call does an operation. body is what --body gave; out gets the answer: JSON
// set out for reading, anything else as it comes. A refusal is a fault that
// holds each thing that was wrong.
func (c *Client) Call(ctx context.Context, a *Arguments, body []byte, out io.Writer) error {
	res, err := c.send(ctx, a, body, "")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if kind := mediaType(res.Header); kind != "application/json" {
		_, err := io.Copy(out, res.Body)
		return fault.Wrap(err, fault.Unavailable, "the answer broke off")
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, jsonMax))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the answer broke off")
	}
	return printJSON(out, text)
}

// All does a list's operation page after page and prints one list.
func (c *Client) All(ctx context.Context, a *Arguments, out io.Writer) error {
	if v := a.values["cursor"]; v == nil || v.in != "query" {
		return fault.New(fault.Invalid, "%s comes whole; --all is for lists that page", a.op.ID)
	}
	items := []json.RawMessage{}
	for cursor := a.values["cursor"].String(); ; {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next_cursor"`
		}
		res, err := c.send(ctx, a, nil, cursor)
		if err != nil {
			return err
		}
		err = json.NewDecoder(io.LimitReader(res.Body, jsonMax)).Decode(&page)
		res.Body.Close()
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the answer broke off, or is not what this program expects")
		}
		items = append(items, page.Items...)
		if page.Next == "" || page.Next == cursor {
			break
		}
		cursor = page.Next
	}
	text, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return err
	}
	return printJSON(out, text)
}

func printJSON(out io.Writer, text []byte) error {
	var b bytes.Buffer
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the server answered with something that is not JSON: is --url a Ringfence?")
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(out)
	return err
}

func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// send gives an answer of success; the caller closes its body.
func (c *Client) send(ctx context.Context, a *Arguments, body []byte, cursor string) (*http.Response, error) {
	if a.op.raw == "" {
		var err error
		if body, err = a.merge(body); err != nil {
			return nil, err
		}
	}
	path, query := a.target()
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	header := a.header()
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
		if a.op.raw != "" {
			header.Set("Content-Type", a.op.raw)
		}
	}
	return c.do(ctx, a.op.Method, path, query, header, body)
}

// do sends one request and gives an answer of success.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	u := *c.base
	u.RawQuery = query.Encode()
	full, err := url.Parse(u.Path + path)
	if err != nil || full.Host != "" {
		return nil, fault.New(fault.Invalid, "a parameter cannot stand in an address")
	}
	u.Path, u.RawPath = full.Path, full.RawPath
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	r.Header.Set("User-Agent", c.to.Agent)
	r.Header.Set("Accept", "application/json, */*")
	c.identify(r)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s does not answer", c.base.Host)
	}
	if c.to.Session != nil {
		if err := c.to.Session.keep(res.Cookies()); err != nil {
			res.Body.Close()
			return nil, err
		}
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

func (c *Client) identify(r *http.Request) {
	if t := c.to.Token.Reveal(); t != "" {
		r.Header.Set("Authorization", "Bearer "+t)
	}
	if c.to.Session != nil {
		c.to.Session.show(r)
	}
}
