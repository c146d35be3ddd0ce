// Package apptest helps tests that go through the whole program: somebody at the
// API, the program in a process of its own, a mail server, addresses.
package apptest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// Browser is somebody at the API: cookies and nothing else.
type Browser struct {
	testing.TB
	URL  string
	HTTP *http.Client

	Answer string // the newest, as it came
}

// NewBrowser is somebody who has not signed in.
func NewBrowser(t testing.TB, url string) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{TB: t, URL: url, HTTP: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// Do asks and reads the answer into the last argument, if it is not nil.
func (b *Browser) Do(method, path string, body, into any) (status int) {
	b.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.URL+path, bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256(text)))
	}
	res, err := b.HTTP.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	if b.Answer = string(answer); into == nil || res.StatusCode >= 300 {
		return res.StatusCode
	}
	if err := json.Unmarshal(answer, into); err != nil {
		b.Fatalf("%s %s: %v\n%.300s", method, path, err, answer)
	}
	return res.StatusCode
}

// Must is do with a status that has to be.
func (b *Browser) Must(status int, method, path string, body, into any) {
	b.Helper()
	if got := b.Do(method, path, body, into); got != status {
		b.Fatalf("%s %s: %d, want %d\n%.500s", method, path, got, status, b.Answer)
	}
}

type Letter struct {
	To, Text string
	At       time.Time
}

var eightDigits = regexp.MustCompile(`\b(\d{4}) ?(\d{4})\b`)

// SignIn signs in with the password and with the code from the newest mail.
func (b *Browser) SignIn(email, password string, mails func() []Letter) {
	b.Helper()
	var step struct{ Next string }
	b.Must(200, "POST", "/api/v1/sign-in", map[string]string{"email": email, "password": password}, &step)
	if step.Next != "code" {
		b.Fatalf("a password alone led to %q", step.Next)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, m := range mails() {
			if code := eightDigits.FindStringSubmatch(m.Text); m.To == email && code != nil {
				b.Must(200, "POST", "/api/v1/sign-in/code", map[string]string{"code": code[1] + code[2]}, nil)
				return
			}
		}
	}
	b.Fatalf("no code came for %s", email)
}

// Mailbox are the mails that the demo shows, the newest first.
func (b *Browser) Mailbox() (all []Letter) {
	b.Must(200, "GET", "/mailbox.json", nil, &all)
	return all
}

// Listed is a recording in a list.
type Listed struct {
	ID       string
	FileName string `json:"file_name"`
	State    string
	Caller   struct{ Number, Name string }

	Transcript struct{ State, Reason string }
}

// List is the first hundred of a list of recordings.
func (b *Browser) List(customer, query string) []Listed {
	b.Helper()
	var page struct{ Items []Listed }
	b.Must(200, "GET", "/api/v1/customers/"+customer+"/recordings?limit=100&"+query, nil, &page)
	return page.Items
}

// Eventually waits until a condition holds, four minutes at least: on a busy machine
// what takes a second can take twenty, and only a test that fails waits so long.
func Eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	began, every := time.Now(), max(100*time.Millisecond, within/100)
	within = max(within, 4*time.Minute)
	for time.Since(began) < within {
		if holds() {
			t.Logf("%s after %v", what, time.Since(began).Round(10*time.Millisecond))
			return
		}
		time.Sleep(every)
	}
	t.Fatalf("not within %v: %s", within, what)
}

type node struct{ ID, Kind, Name string }

// Places are where somebody has a role.
func (b *Browser) Places() []node {
	b.Helper()
	var me struct{ Places []node }
	b.Must(200, "GET", "/api/v1/me", nil, &me)
	return me.Places
}

// Fold makes texts comparable with what an engine heard.
func Fold(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(".,?!", r) {
			return -1
		}
		return r
	}, s))
}

// Enrol sets up an authenticator app.
func (b *Browser) Enrol() {
	b.Helper()
	var secret struct{ Key string }
	b.Must(200, "POST", "/api/v1/me/totp", nil, &secret)
	code, err := totp.GenerateCode(strings.ReplaceAll(secret.Key, " ", ""), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.Must(200, "POST", "/api/v1/me/totp/confirm", map[string]string{"code": code}, nil)
}

// No fails on an error.
func No(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// WelcomeLink finds the link of an invitation in a mail, and what it proves.
var WelcomeLink = regexp.MustCompile(`/welcome#token=(\S+)`)
