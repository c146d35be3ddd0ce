package transit

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// lease is a token as the server gives it out.
type lease struct {
	ClientToken   string `json:"client_token"`
	LeaseDuration int64  `json:"lease_duration"` // seconds; 0: it does not end
	Renewable     bool   `json:"renewable"`
}

// signedIn gives a token, and whether it was just signed in for. A lease is
// renewed, or signed in for anew, once half of it has gone.
func (c *Client) signedIn(ctx context.Context) (token secret.Text, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.o.Now()
	if !c.token.IsZero() && (c.renew.IsZero() || now.Before(c.renew)) {
		return c.token, false, nil
	}
	if c.o.Config.Auth == ByToken {
		return c.own(ctx, now)
	}
	return c.login(ctx, now)
}

// own takes the token that was given, and has it renewed when half of its time
// has gone. That it cannot be is no reason to stop using it.
func (c *Client) own(ctx context.Context, now time.Time) (secret.Text, bool, error) {
	first := c.token.IsZero()
	c.token = c.o.Secret
	if first {
		var self struct {
			TTL       int64 `json:"ttl"`
			Renewable bool  `json:"renewable"`
		}
		err := c.call(ctx, http.MethodGet, "auth/token/lookup-self", c.token, nil, &self)
		if err != nil && !fault.Is(err, fault.Denied) {
			c.token = secret.Text{}
			return secret.Text{}, false, err
		}
		if err == nil && self.Renewable && self.TTL > 0 {
			c.lasts(now, self.TTL)
		}
		return c.o.Secret, true, nil
	}
	text, err := c.raw(ctx, http.MethodPost, "auth/token/renew-self", c.token, map[string]any{})
	l, ok := leaseOf(text)
	if err == nil && ok {
		c.lasts(now, l.LeaseDuration)
	} else {
		c.renew = now.Add(time.Minute)
	}
	return c.token, false, nil
}

// login signs in with a role.
func (c *Client) login(ctx context.Context, now time.Time) (secret.Text, bool, error) {
	body := map[string]any{"role_id": c.o.Config.Role, "secret_id": c.o.Secret.Reveal()}
	if c.o.Config.Auth == ByJWT {
		body = map[string]any{"role": c.o.Config.Role, "jwt": c.o.Secret.Reveal()}
	}
	text, err := c.raw(ctx, http.MethodPost, "auth/"+c.o.Config.AuthMount+"/login", secret.Text{}, body)
	if fault.Is(err, fault.Gone) { // 400 is how a wrong role or secret is refused
		err = fault.Wrap(err, fault.Denied, "the customer's key server %s does not let us sign in: the role or its secret has ended, or was taken away", c.host())
	}
	if err != nil {
		return secret.Text{}, false, err
	}
	l, ok := leaseOf(text)
	if !ok {
		return secret.Text{}, false, c.nonsense()
	}
	c.token = secret.NewText(l.ClientToken)
	c.lasts(now, l.LeaseDuration)
	return c.token, true, nil
}

// lasts notes how long a token is good for.
func (c *Client) lasts(now time.Time, seconds int64) {
	c.renew, c.until = time.Time{}, time.Time{}
	if seconds > 0 {
		seconds = min(seconds, int64((366 * 24 * time.Hour).Seconds()))
		c.renew = now.Add(time.Duration(seconds) * time.Second / 2)
		c.until = now.Add(time.Duration(seconds) * time.Second)
	}
}

func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = secret.Text{}
}

func leaseOf(text []byte) (lease, bool) {
	var whole struct {
		Auth lease `json:"auth"`
	}
	err := json.Unmarshal(text, &whole)
	return whole.Auth, err == nil && whole.Auth.ClientToken != "" && len(whole.Auth.ClientToken) < 8<<10
}

// Trial is what arrived when a server was tried.
type Trial struct {
	SignedIn   bool
	TokenUntil time.Time // zero: it does not end, or that is not told
	KeyType    string    // empty: we may not look, which is right
	KeyLatest  int64
	Exportable bool // the key can leave the server, which defeats its purpose
	Encrypted  bool
	Decrypted  bool // to what was encrypted
	Took       time.Duration
	Problem    string // why it went no further; empty: all is well
}

// Try signs in, looks at the key, encrypts 32 random bytes and has them decrypted.
// It changes nothing.
func (c *Client) Try(ctx context.Context) (t Trial) {
	start := c.o.Now()
	defer func() { t.Took = c.o.Now().Sub(start) }()
	failed := func(err error) bool {
		if err != nil {
			f := fault.Of(err)
			if t.Problem = f.Text; len(f.Details) > 0 {
				t.Problem = f.Details[0].Text
			}
		}
		return err != nil
	}
	if _, _, err := c.signedIn(ctx); failed(err) {
		return t
	}
	var key struct {
		Type       string `json:"type"`
		Latest     int64  `json:"latest_version"`
		Exportable bool   `json:"exportable"`
	}
	if err := c.ask(ctx, http.MethodGet, c.o.Config.Mount+"/keys/"+c.o.Config.Key, nil, &key); err == nil {
		t.KeyType, t.KeyLatest, t.Exportable = key.Type, key.Latest, key.Exportable
	}
	plain, aad := make([]byte, 32), []byte("ringfence trial")
	rand.Read(plain)
	wrapped, err := c.Wrap(ctx, aad, plain)
	if failed(err) {
		t.SignedIn = !fault.Is(err, fault.Unavailable)
		return t
	}
	t.SignedIn, t.Encrypted = true, true
	back, err := c.Unwrap(ctx, aad, wrapped)
	if failed(err) {
		return t
	}
	if t.Decrypted = subtle.ConstantTimeCompare(plain, back) == 1; !t.Decrypted {
		t.Problem = "the server gave back something else than it was given"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.TokenUntil = c.until
	return t
}
