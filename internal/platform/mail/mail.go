// Package mail sends the few mails that Ringfence writes: sign-in codes,
// invitations, and notices to administrators. They hold nothing of a customer's
// content. A Letter says what is to be said; it becomes a Message in somebody's
// colours, as text and as HTML that loads nothing from anywhere.
//
// Limits: delivery is what the relay says; a mail that was accepted may still
// be lost behind it. Whoever needs certainty asks for another code.
package mail

import (
	"context"
	"net/mail"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/fault"
)

// Message is one mail to one person.
type Message struct {
	To      string
	Subject string
	Text    string
	HTML    string // the same in HTML; none: text alone
	Logo    []byte // the picture that the HTML names; only a Letter sets it
	At      time.Time

	logoType string
}

// Sender hands mails on. Send returns when the next hop has taken it; it is
// fault.Unavailable when none does.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Address checks an address and gives its bare form, with the domain in lower
// case. Line breaks, names and lists are refused: what a person typed becomes a
// line of an SMTP dialogue.
func Address(s string) (string, error) {
	s = strings.TrimSpace(s)
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsAny(s, "\r\n\x00 \"<>") {
		return "", fault.Field("email", "this is no e-mail address")
	}
	at := strings.LastIndexByte(s, '@')
	return s[:at+1] + strings.ToLower(s[at+1:]), nil
}

// Shorten hides most of an address: "anna.k@example.com" becomes
// "a…@example.com". Enough to know which mailbox to open.
func Shorten(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "…"
	}
	first := []rune(address[:at])[0]
	return string(first) + "…" + address[at:]
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// Mailbox keeps mails in memory instead of sending them: for the demonstration
// and for tests. It forgets all but the last hundred.
type Mailbox struct {
	mu    sync.Mutex
	mails []Message
}

const mailboxSize = 100

// Send keeps the mail.
func (b *Mailbox) Send(_ context.Context, m Message) error {
	to, err := Address(m.To)
	if err != nil {
		return err
	}
	m.To = to
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, m)
	if n := len(b.mails); n > mailboxSize {
		b.mails = append([]Message(nil), b.mails[n-mailboxSize:]...)
	}
	return nil
}

// Mails lists what was sent, newest first.
func (b *Mailbox) Mails() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Message, len(b.mails))
	for i, m := range b.mails {
		list[len(list)-1-i] = m
	}
	return list
}

var (
	_ Sender = (*Mailbox)(nil)
	_ Sender = (*Relay)(nil)
)
