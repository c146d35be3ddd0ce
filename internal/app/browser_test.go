package app

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
)

// browser is somebody at the API: cookies and nothing else.
type browser struct {
	testing.TB
	url  string
	http *http.Client

	answer string // the newest, as it came
}

func newBrowser(t testing.TB, url string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{TB: t, url: url, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// do asks and reads the answer into the last argument, if it is not nil.
func (b *browser) do(method, path string, body, into any) (status int) {
	b.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256(text)))
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	if b.answer = string(answer); into == nil || res.StatusCode >= 300 {
		return res.StatusCode
	}
	if err := json.Unmarshal(answer, into); err != nil {
		b.Fatalf("%s %s: %v\n%.300s", method, path, err, answer)
	}
	return res.StatusCode
}

// must is do with a status that has to be.
func (b *browser) must(status int, method, path string, body, into any) {
	b.Helper()
	if got := b.do(method, path, body, into); got != status {
		b.Fatalf("%s %s: %d, want %d\n%.500s", method, path, got, status, b.answer)
	}
}

type letter struct {
	To, Text string
	At       time.Time
}

var eightDigits = regexp.MustCompile(`\b(\d{4}) ?(\d{4})\b`)

// signIn signs in with the password and with the code from the newest mail.
func (b *browser) signIn(email, password string, mails func() []letter) {
	b.Helper()
	var step struct{ Next string }
	b.must(200, "POST", "/api/v1/sign-in", map[string]string{"email": email, "password": password}, &step)
	if step.Next != "code" {
		b.Fatalf("a password alone led to %q", step.Next)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, m := range mails() {
			if code := eightDigits.FindStringSubmatch(m.Text); m.To == email && code != nil {
				b.must(200, "POST", "/api/v1/sign-in/code", map[string]string{"code": code[1] + code[2]}, nil)
				return
			}
		}
	}
	b.Fatalf("no code came for %s", email)
}

func (b *browser) mailbox() (all []letter) {
	b.must(200, "GET", "/mailbox.json", nil, &all)
	return all
}

type listed struct {
	ID       string
	FileName string `json:"file_name"`
	State    string
	Caller   struct{ Number, Name string }

	Transcript struct{ State, Reason string }
}

func (b *browser) list(customer, query string) []listed {
	b.Helper()
	var page struct{ Items []listed }
	b.must(200, "GET", "/api/v1/customers/"+customer+"/recordings?limit=100&"+query, nil, &page)
	return page.Items
}

// eventually waits until a condition holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	began, every := time.Now(), max(100*time.Millisecond, within/100)
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

// places are where somebody has a role.
func (b *browser) places() []node {
	b.Helper()
	var me struct{ Places []node }
	b.must(200, "GET", "/api/v1/me", nil, &me)
	return me.Places
}

// fold makes texts comparable with what an engine heard.
func fold(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(".,?!", r) {
			return -1
		}
		return r
	}, s))
}
