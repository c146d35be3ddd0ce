// Package egress is the one way out: every request that Ringfence sends for a
// customer to somebody else's server goes through it.
//
// A request names the hosts it may go to, and goes nowhere else: redirects are
// not followed, proxies from the environment are not used. The address is
// looked up once, judged, and dialled as judged, so a name cannot point to a
// public address while it is looked at and to a private one when it is dialled.
// Private and loopback addresses are reached only where the operator of the
// host lists them; link-local ones, where clouds keep their credentials, never.
// Beyond an allowed loopback address only https is spoken, TLS 1.2 or newer
// with authenticated encryption. Sizes and times have limits.
//
// Each request leaves a line in the customer's ledger: when, which engine, to
// whom, for which purpose, in which region, how much, its SHA-256, what came
// back; never the content. The line and its event in the journal are durable
// before the first byte leaves; a line without an answer was cut off by a crash.
package egress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Limits that no request exceeds, whatever it asks for.
const (
	MaxRequest = 100 << 20
	MaxAnswer  = 32 << 20
	MaxTime    = 30 * time.Minute
)

// Request is one request and why it is made.
type Request struct {
	Engine  string // who asks, for the ledger: "openai", "azure"
	Purpose string // why the data leaves; recorded by the customer
	Region  string // where it will be processed; recorded by the customer
	Subject string // text form of the id of what it is about

	Hosts     []string // host names it may go to; the URL's must be one of them
	Method    string
	URL       string
	Header    http.Header
	Body      []byte
	Timeout   time.Duration // for all of it, up to the last byte of the answer; 0: one minute
	MaxAnswer int64         // bytes; 0: 4 MiB
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Client sends.
type Client struct {
	http  *http.Client
	guard *guard
}

// New makes a client; it is safe for use by several goroutines.
func New(o Options) (*Client, error) {
	g, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	return &Client{guard: g, http: &http.Client{
		Transport: g.transport(),
		// A redirect leads to where nobody has agreed that the data may go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Do sends a request after its line in p's ledger is durable. It is
// fault.Invalid when the request may not be sent as it is, fault.Unavailable when
// the other side does not answer in time, fault.TooLarge when it answers with more
// than the limit. An answer with any status, redirects included, is no error.
func (c *Client) Do(ctx context.Context, p *place.Place, who actor.Actor, r Request) (Answer, error) {
	u, err := c.admit(&r)
	if err != nil {
		return Answer{}, err
	}
	line, err := begin(ctx, p, who, u.Host, r)
	if err != nil {
		return Answer{}, err
	}
	start := time.Now()
	a, err := c.send(ctx, u, r)
	took := time.Since(start)
	if c.guard.Sent != nil {
		c.guard.Sent(r.Engine, outcome(a, err), took)
	}
	// The end of the line is written also when the caller has gone away meanwhile.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if lerr := ended(after, p, line, a.Status, int64(len(a.Body)), err, took); lerr != nil && err == nil {
		err = lerr
	}
	return a, err
}

// outcome is what came of a request in one word.
func outcome(a Answer, err error) string {
	switch {
	case a.Status == 0:
		return "unreachable"
	case err != nil || a.Status >= 400:
		return "refused"
	}
	return "answered"
}

// admit refuses what must not be sent, before anything is written or looked up.
func (c *Client) admit(r *Request) (*url.URL, error) {
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, fault.Field("url", "this is no address; write it as https://host/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fault.Field("url", "the address must begin with https://")
	case u.User != nil:
		return nil, fault.Field("url", "the address must not hold a name or password; there is a field for the key")
	case !slices.ContainsFunc(r.Hosts, func(h string) bool { return strings.EqualFold(h, u.Hostname()) }):
		return nil, fault.Field("url", "%s is not among the hosts that this purpose allows", u.Hostname())
	case r.Purpose == "" || r.Region == "":
		return nil, fault.New(fault.Invalid, "nothing leaves the host until its purpose and its region are recorded")
	case len(r.Body) > MaxRequest:
		return nil, fault.New(fault.TooLarge, "a request has at most %d MiB", MaxRequest>>20)
	}
	if err := c.guard.judgeURL(u); err != nil {
		return nil, err
	}
	if r.Timeout <= 0 {
		r.Timeout = time.Minute
	}
	r.Timeout = min(r.Timeout, MaxTime)
	if r.MaxAnswer <= 0 {
		r.MaxAnswer = 4 << 20
	}
	r.MaxAnswer = min(r.MaxAnswer, MaxAnswer)
	return u, nil
}

func (c *Client) send(ctx context.Context, u *url.URL, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fault.Wrap(err, fault.Invalid, "the request cannot be written")
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, sendFault(err, u.Hostname(), r.Timeout)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.MaxAnswer+1))
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if err != nil {
		return a, sendFault(err, u.Hostname(), r.Timeout)
	}
	if int64(len(body)) > r.MaxAnswer {
		return a, fault.New(fault.TooLarge, "%s answered with more than %d bytes", u.Hostname(), r.MaxAnswer)
	}
	return a, nil
}

// sendFault keeps a refusal of the guard as it is; the rest is the other side's.
func sendFault(err error, host string, limit time.Duration) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, "%s did not answer within %s", host, limit)
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be reached", host)
}

// begin writes the line before the first byte leaves.
func begin(ctx context.Context, p *place.Place, who actor.Actor, host string, r Request) (id.Egress, error) {
	line := id.New[id.Egress]()
	sum := sha256.Sum256(r.Body)
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "egress.sent", Subject: r.Subject, Why: r.Purpose, Facts: map[string]string{
			"engine": r.Engine, "host": host, "region": r.Region,
			"bytes": strconv.Itoa(len(r.Body)), "sha256": hex.EncodeToString(sum[:]), "line": line.String(),
		}})
		_, err := tx.Exec(`INSERT INTO egress_ledger (id, at, engine, host, purpose, region, subject, sent, received, sha256, status, answer, millis)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, '', 0)`,
			line, tx.At().UnixMilli(), r.Engine, host, r.Purpose, r.Region, r.Subject, len(r.Body), sum[:])
		return err
	})
	return line, err
}

// ended says what came back.
func ended(ctx context.Context, p *place.Place, line id.Egress, status int, received int64, failed error, took time.Duration) error {
	text := strconv.Itoa(status)
	if failed != nil {
		f := fault.Of(failed)
		if text = f.Text; len(f.Details) > 0 {
			text = f.Details[0].Text
		}
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE egress_ledger SET received = ?, status = ?, answer = ?, millis = ? WHERE id = ?`,
			received, status, text, took.Milliseconds(), line)
		return err
	})
}

// Admissible says whether a request to this address would be sent as far as can
// be told without looking up its name: what settings are checked with.
func (c *Client) Admissible(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		u = &url.URL{}
	}
	_, err = c.admit(&Request{URL: address, Hosts: []string{u.Hostname()}, Purpose: "check", Region: "check"})
	return err
}
