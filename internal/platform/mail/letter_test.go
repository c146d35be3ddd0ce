package mail_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringfence/internal/platform/mail"
)

// leaf is one part of a mail, as a mail program reads it.
type leaf struct{ kind, id, text string }

// parse takes a mail apart with the standard library's reader.
func parse(t *testing.T, header interface{ Get(string) string }, body io.Reader) []leaf {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		if header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(kind, err)
		}
		return []leaf{{kind, header.Get("Content-Id"), string(text)}}
	}
	all := []leaf{{kind: kind}}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, p.Header, p)...)
	}
}

func sent(t *testing.T, m mail.Message) []leaf {
	t.Helper()
	r := listen(t, "")
	s, err := mail.NewRelay(mail.RelayConfig{Address: r.Addr().String(), From: "ringfence@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(<-r.got, "\nDATA\n")
	read, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, read.Header, read.Body)
}

func logo(t *testing.T) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 4, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var letter = mail.Letter{
	Subject: "Your sign-in code: 12345678", Paragraphs: []string{"Grüße <script>alert(1)</script>"}, Code: "12345678",
	Action: mail.Action{Label: "Sign in", URL: "https://calls.example.com/sign-in#token=abc"}, Closing: []string{"It works once."},
}

func TestALetterIsTextAndHTML(t *testing.T) {
	b := mail.Brand{Name: "Northern & Voice", Accent: "#123456", OnAccent: "#ffffff"}
	got := sent(t, letter.Message(b, "anna@example.com", time.Now()))
	if len(got) != 3 || got[0].kind != "multipart/alternative" || got[1].kind != "text/plain" || got[2].kind != "text/html" {
		t.Fatalf("parts: %+v", got)
	}
	for _, want := range []string{"Grüße <script>", "\r\n    12345678\r\n", "https://calls.example.com/sign-in#token=abc", "It works once.", "Northern & Voice"} {
		if !strings.Contains(got[1].text, want) {
			t.Errorf("the text lacks %q:\n%s", want, got[1].text)
		}
	}
	for _, want := range []string{"Grüße &lt;script&gt;", ">12345678<", `href="https://calls.example.com/sign-in#token=abc"`, "It works once.", "Northern &amp; Voice", "#123456"} {
		if !strings.Contains(got[2].text, want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
	if strings.Contains(got[2].text, "<script") || strings.Contains(got[2].text, "ZgotmplZ") {
		t.Errorf("the HTML holds what it must not:\n%s", got[2].text)
	}
	if strings.Contains(got[2].text, "<h1 style=\"margin:8px 0 12px;font-size:20px;line-height:1.3\">Your sign-in code: 1") {
		t.Error("the heading says the code a second time")
	}
}

func TestTheLogoTravelsInside(t *testing.T) {
	b := mail.Plain()
	b.Logo = logo(t)
	m := letter.Message(b, "anna@example.com", time.Now())
	got := sent(t, m)
	if len(got) != 5 || got[2].kind != "multipart/related" || got[4].kind != "image/png" || got[4].id != "<logo@letter.invalid>" || got[4].text != string(b.Logo) {
		t.Fatalf("%d parts: %.300q", len(got), got)
	}
	if !strings.Contains(got[3].text, `src="cid:logo@letter.invalid"`) {
		t.Error("the HTML does not show the logo")
	}
	if s := m.Standalone(); strings.Contains(s, "cid:") || !strings.Contains(s, "data:image/png;base64,") {
		t.Error("the page does not stand alone")
	}
	b.Logo = []byte("<svg onload=alert(1)>")
	if got := sent(t, letter.Message(b, "anna@example.com", time.Now())); len(got) != 3 {
		t.Error("something that is no picture travels as one")
	}
}

// A mail that loads something tells its server who read it, and when.
func TestALetterLoadsNothing(t *testing.T) {
	b := mail.Plain()
	b.Logo = logo(t)
	bad := letter
	bad.Action.URL = "javascript:alert(1)"
	for _, l := range []mail.Letter{letter, bad} {
		html := l.Message(b, "anna@example.com", time.Now()).HTML
		for _, found := range regexp.MustCompile(`(?i)(src|background|srcset|poster)="([^"]*)"|url\([^)]*\)|@import|<link`).FindAllString(html, -1) {
			if found != `src="cid:logo@letter.invalid"` {
				t.Errorf("the letter loads %s", found)
			}
		}
		if strings.Contains(html, `href="javascript`) {
			t.Error("a link that runs a program")
		}
	}
}

func TestColoursCannotCarryMore(t *testing.T) {
	b := mail.Brand{Name: "x", Accent: "red;background:url(https://evil.example)", OnAccent: "#fff"}
	if html := letter.Message(b, "anna@example.com", time.Now()).HTML; strings.Contains(html, "evil.example") {
		t.Error("a colour became a rule of its own")
	}
}
