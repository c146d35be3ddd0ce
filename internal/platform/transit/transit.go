// Package transit asks the transit engine of a HashiCorp Vault or an OpenBao that
// a customer runs: the server has a key that never leaves it, and lends its use.
//
//	sign in (token, AppRole, JWT) → encrypt, decrypt → answer
//
// Everything goes through package egress: only to the host that was named, to
// inner addresses only where the operator allows, with a line in the customer's
// ledger before a byte leaves. The server's certificate is judged by the system's
// authorities or, if one is pinned, by that alone.
//
// Nothing that the server says is believed: what it decrypts is a half that has
// to open a key (package keyring), what it writes in words is cut and shown, and
// never acted on.
package transit

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

// Ways to sign in.
const (
	ByToken   = "token"
	ByAppRole = "approle"
	ByJWT     = "jwt"
)

// Config says which key of which server, and how to sign in.
type Config struct {
	URL       string `json:"url"`       // https://vault.example:8200
	Namespace string `json:"namespace"` // empty: the root's
	Mount     string `json:"mount"`     // of the transit engine; empty: transit
	Key       string `json:"key"`
	CA        string `json:"ca"` // PEM: the only authority that is believed; empty: the system's
	Auth      string `json:"auth"`
	AuthMount string `json:"auth_mount"` // empty: as the way is called
	Role      string `json:"role"`       // AppRole's role id, or the role of a JWT
	Region    string `json:"region"`     // where the server stands; recorded
}

var (
	segment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	path    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,5}$`)
)

// Settle fills in what is usual and lists every fault.
func (c Config) Settle() (Config, error) {
	c.URL = strings.TrimRight(strings.TrimSpace(c.URL), "/")
	c.Namespace = strings.Trim(c.Namespace, "/ ")
	if c.Mount = strings.Trim(c.Mount, "/ "); c.Mount == "" {
		c.Mount = "transit"
	}
	if c.AuthMount = strings.Trim(c.AuthMount, "/ "); c.AuthMount == "" {
		c.AuthMount = c.Auth
	}
	var list []fault.Detail
	bad := func(field, text string) { list = append(list, fault.Detail{Path: field, Text: text}) }
	if u, err := url.Parse(c.URL); err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" || u.Scheme != "https" && u.Scheme != "http" {
		bad("url", "must be the server's address alone, such as https://vault.example:8200")
	}
	if c.Namespace != "" && !path.MatchString(c.Namespace) {
		bad("namespace", "must be names with slashes between them")
	}
	if !path.MatchString(c.Mount) {
		bad("mount", "must be the path of the transit engine")
	}
	if !segment.MatchString(c.Key) {
		bad("key", "must be the name of a key of the transit engine")
	}
	switch c.Auth {
	case ByToken:
		c.Role, c.AuthMount = "", ""
	case ByAppRole, ByJWT:
		if c.Role == "" || len(c.Role) > 200 {
			bad("role", "must be the role to sign in as")
		}
		if !path.MatchString(c.AuthMount) {
			bad("auth_mount", "must be the path of the way to sign in")
		}
	default:
		bad("auth", "must be token, approle or jwt")
	}
	if strings.TrimSpace(c.Region) == "" || len(c.Region) > 100 {
		bad("region", "say where the server stands: it is recorded with each question")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		bad("ca", "must be a certificate in PEM")
	}
	if len(list) > 0 {
		f := fault.New(fault.Invalid, "%d fields are missing or do not fit", len(list))
		f.Details = list
		return c, f
	}
	return c, nil
}

// Name says which key of which server, for people and for the key store.
func (c Config) Name() string {
	u, _ := url.Parse(c.URL)
	name := "transit " + u.Host + " " + c.Mount + "/" + c.Key
	if c.Namespace != "" {
		name += " in " + c.Namespace
	}
	return name
}

// Options are what a Client stands on.
type Options struct {
	Config Config
	Secret secret.Text // the token, the secret id of an AppRole, or the JWT
	Egress egress.Options
	Place  *place.Place     // of the customer whose key it is: its ledger
	Now    func() time.Time // nil: time.Now

	Timeout time.Duration // of one question; 0: eight seconds
}

// timeout is how long one question may take if nothing else is said.
const timeout = 8 * time.Second

// Client asks one server for one customer. It is safe for concurrent use.
type Client struct {
	o   Options
	out *egress.Client

	mu    sync.Mutex
	token secret.Text
	renew time.Time // when to sign in anew or renew; zero: never
	until time.Time // zero: it does not end
}

// New makes a client; nothing is asked yet.
func New(o Options) (*Client, error) {
	var err error
	if o.Config, err = o.Config.Settle(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = timeout
	}
	if o.Config.CA != "" {
		o.Egress.Roots = x509.NewCertPool()
		o.Egress.Roots.AppendCertsFromPEM([]byte(o.Config.CA))
	}
	c := &Client{o: o}
	if c.out, err = egress.New(o.Egress); err != nil {
		return nil, err
	}
	return c, c.out.Admissible(o.Config.URL)
}

// Name says which key of which server.
func (c *Client) Name() string { return c.o.Config.Name() }

// Wrap has the server encrypt.
func (c *Client) Wrap(ctx context.Context, aad, plain []byte) (string, error) {
	var out struct {
		Ciphertext string `json:"ciphertext"`
	}
	err := c.ask(ctx, http.MethodPost, c.o.Config.Mount+"/encrypt/"+c.o.Config.Key, map[string]any{
		"plaintext": base64.StdEncoding.EncodeToString(plain), "associated_data": base64.StdEncoding.EncodeToString(aad),
	}, &out)
	if err == nil && (out.Ciphertext == "" || len(out.Ciphertext) > 8<<10 || strings.ContainsAny(out.Ciphertext, "\r\n")) {
		err = c.nonsense()
	}
	return out.Ciphertext, err
}

// Unwrap has the server decrypt.
func (c *Client) Unwrap(ctx context.Context, aad []byte, wrapped string) ([]byte, error) {
	var out struct {
		Plaintext string `json:"plaintext"`
	}
	err := c.ask(ctx, http.MethodPost, c.o.Config.Mount+"/decrypt/"+c.o.Config.Key, map[string]any{
		"ciphertext": wrapped, "associated_data": base64.StdEncoding.EncodeToString(aad),
	}, &out)
	if err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(out.Plaintext)
	if err != nil || len(plain) == 0 {
		return nil, c.nonsense()
	}
	return plain, nil
}

func (c *Client) nonsense() error {
	return fault.New(fault.Unavailable, "%s answers, but not as a transit engine does: is this the address of the key server?", c.host())
}

func (c *Client) host() string {
	u, _ := url.Parse(c.o.Config.URL)
	return u.Host
}

// ask asks with a valid token. A refusal of one that was signed in for is tried
// once more with another: it may have been revoked alone.
func (c *Client) ask(ctx context.Context, method, path string, body, out any) error {
	token, fresh, err := c.signedIn(ctx)
	if err != nil {
		return err
	}
	err = c.call(ctx, method, path, token, body, out)
	if fault.Is(err, fault.Denied) && !fresh && c.o.Config.Auth != ByToken {
		c.forget()
		if token, _, err = c.signedIn(ctx); err == nil {
			err = c.call(ctx, method, path, token, body, out)
		}
	}
	return err
}

// call is one question and its answer's data.
func (c *Client) call(ctx context.Context, method, path string, token secret.Text, body, out any) error {
	data, err := c.raw(ctx, method, path, token, body)
	if err != nil || out == nil {
		return err
	}
	var whole struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(data, &whole); err != nil || len(whole.Data) == 0 {
		return c.nonsense()
	}
	if err := json.Unmarshal(whole.Data, out); err != nil {
		return c.nonsense()
	}
	return nil
}

// raw is one question and the body of its answer.
func (c *Client) raw(ctx context.Context, method, path string, token secret.Text, body any) ([]byte, error) {
	u, err := url.Parse(c.o.Config.URL)
	if err != nil {
		return nil, err
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Vault-Request": {"true"}}
	if !token.IsZero() {
		header.Set("X-Vault-Token", token.Reveal())
	}
	if c.o.Config.Namespace != "" {
		header.Set("X-Vault-Namespace", c.o.Config.Namespace)
	}
	a, err := c.out.Do(ctx, c.o.Place, actor.ForSystem("keys"), egress.Request{
		Engine: "transit", Purpose: "open with the customer's own key", Region: c.o.Config.Region, Subject: c.o.Place.Customer().String(),
		Hosts: []string{u.Hostname()}, Method: method, URL: c.o.Config.URL + "/v1/" + path, Header: header, Body: text,
		Timeout: c.o.Timeout, MaxAnswer: 64 << 10,
	})
	if err != nil {
		return nil, err
	}
	return a.Body, c.judge(a)
}

// judge says what a status means for who waits.
func (c *Client) judge(a egress.Answer) error {
	said := c.said(a.Body)
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http.StatusForbidden || a.Status == http.StatusUnauthorized:
		return fault.New(fault.Denied, "the customer's key server %s refuses%s", c.host(), said)
	case a.Status == http.StatusBadRequest || a.Status == http.StatusNotFound:
		return fault.New(fault.Gone, "the customer's key server %s has no such key any more, or will not use it%s", c.host(), said)
	case a.Status == http.StatusServiceUnavailable:
		return fault.New(fault.Unavailable, "the customer's key server %s is sealed or in maintenance", c.host())
	case a.Status >= 300 && a.Status < 400:
		return fault.New(fault.Unavailable, "the customer's key server %s sends elsewhere, which is not followed: name the active server's address", c.host())
	}
	return fault.New(fault.Unavailable, "the customer's key server %s answers %d%s", c.host(), a.Status, said)
}

// said is the server's reason, cut to what can be shown.
func (c *Client) said(body []byte) string {
	var e struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x2000 && r < 0x2070 {
			return ' '
		}
		return r
	}, e.Errors[0])
	if runes := []rune(strings.TrimSpace(text)); len(runes) > 160 {
		text = string(runes[:160]) + "…"
	}
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return ": " + text
}
