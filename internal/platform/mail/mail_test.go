package mail_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
)

func TestAddress(t *testing.T) {
	good := map[string]string{
		"anna@Example.COM": "anna@example.com", " o'neil+calls@example.com ": "o'neil+calls@example.com",
		"jürgen@example.com": "jürgen@example.com",
	}
	for in, want := range good {
		if got, err := mail.Address(in); err != nil || got != want {
			t.Errorf("Address(%q) = %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{
		"", "anna", "anna@", "@example.com", "Anna <anna@example.com>", "a@b.example, c@d.example",
		"anna@example.com\r\nRCPT TO:<eve@example.com>", "\"anna b\"@example.com", strings.Repeat("a", 250) + "@example.com",
	} {
		if got, err := mail.Address(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Address(%q) = %q, %v", bad, got, err)
		}
	}
}

func TestShorten(t *testing.T) {
	for in, want := range map[string]string{"anna@example.com": "a…@example.com", "é@x.example": "é…@x.example", "nonsense": "…", "@x": "…"} {
		if got := mail.Shorten(in); got != want {
			t.Errorf("Shorten(%q) = %q", in, got)
		}
	}
}

func TestMailboxKeepsTheLastHundred(t *testing.T) {
	var b mail.Mailbox
	for i := range 130 {
		if err := b.Send(t.Context(), mail.Message{To: "anna@example.com", Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	got := b.Mails()
	if len(got) != 100 || got[0].Subject != "129" || got[99].Subject != "30" {
		t.Fatalf("%d mails, from %q to %q", len(got), got[0].Subject, got[len(got)-1].Subject)
	}
}

// relay is an SMTP server that speaks as much of RFC 5321 as one mail needs.
type relay struct {
	net.Listener
	refuse string // verb that is answered 550
	got    chan string
}

func listen(t *testing.T, refuse string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{l, refuse, make(chan string, 1)}
	go r.serve()
	return r
}

func (r *relay) serve() {
	conn, err := r.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	var all strings.Builder
	in := bufio.NewScanner(conn)
	fmt.Fprint(conn, "220 relay.example ESMTP\r\n")
	for in.Scan() {
		verb, _, _ := strings.Cut(in.Text(), " ")
		all.WriteString(in.Text() + "\n")
		switch {
		case verb == r.refuse:
			fmt.Fprint(conn, "550 no\r\n")
		case verb == "EHLO":
			fmt.Fprint(conn, "250-relay.example\r\n250 AUTH PLAIN\r\n")
		case verb == "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for in.Scan() && in.Text() != "." {
				all.WriteString(in.Text() + "\n")
			}
			fmt.Fprint(conn, "250 taken\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			r.got <- all.String()
			return
		case verb == "AUTH":
			fmt.Fprint(conn, "235 welcome\r\n")
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func TestRelayHandsOnAMail(t *testing.T) {
	r := listen(t, "")
	s, err := mail.NewRelay(mail.RelayConfig{Address: r.Addr().String(), From: "ringfence@example.com", User: "u", Password: secret.NewText("p")})
	if err != nil {
		t.Fatal(err)
	}
	m := mail.Message{To: "anna@example.com", Subject: "Ihr Code für heute\r\nBcc: eve@example.com", Text: "Grüße\n.\n12345678", At: time.Now()}
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := <-r.got
	for _, want := range []string{"MAIL FROM:<ringfence@example.com>", "RCPT TO:<anna@example.com>", "Auto-Submitted: auto-generated", base64.StdEncoding.EncodeToString([]byte("Grüße\r\n.\r\n12345678"))} {
		if !strings.Contains(got, want) {
			t.Errorf("the relay did not get %q:\n%s", want, got)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if strings.HasPrefix(line, "Bcc:") {
			t.Error("a subject became a header field")
		}
	}
}

func TestRelayThatRefusesIsUnavailable(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		r := listen(t, verb)
		s, err := mail.NewRelay(mail.RelayConfig{Address: r.Addr().String(), From: "ringfence@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(context.Background(), mail.Message{To: "anna@example.com"}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s refused: %v", verb, err)
		}
	}
}

func TestRelayConfigurationIsChecked(t *testing.T) {
	for _, c := range []mail.RelayConfig{{Address: "nowhere", From: "a@b.example"}, {Address: "127.0.0.1:25", From: "nobody"}} {
		if _, err := mail.NewRelay(c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v was taken: %v", c.Address, err)
		}
	}
}
