package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"time"
)

// encode writes the mail as RFC 5322 text. Header fields cannot be broken out
// of: the subject is encoded and addresses were checked by Address.
func (m Message) encode(from, messageID string) ([]byte, error) {
	to, err := Address(m.To)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\n", from)
	fmt.Fprintf(&b, "To: %s\r\n", to)
	fmt.Fprintf(&b, "Subject: %s\r\n", mime.QEncoding.Encode("utf-8", oneLine(m.Subject)))
	fmt.Fprintf(&b, "Date: %s\r\n", m.At.UTC().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-Id: %s\r\n", messageID)
	// RFC 3834 §5: keeps holiday answers from coming back.
	b.WriteString("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")
	if m.HTML == "" {
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped([]byte(lines(m.Text))))
		return b.Bytes(), nil
	}
	err = m.alternatives(&b)
	return b.Bytes(), err
}

// alternatives is the plainest form first and the fullest last (RFC 2046 §5.1.4);
// the logo is part of the HTML form alone (RFC 2387).
func (m Message) alternatives(b *bytes.Buffer) error {
	w := multipart.NewWriter(b)
	fmt.Fprintf(b, "Content-Type: multipart/alternative; boundary=%s\r\n\r\n", w.Boundary())
	if err := part(w, []byte(lines(m.Text)), "Content-Type", "text/plain; charset=utf-8"); err != nil {
		return err
	}
	if len(m.Logo) == 0 {
		if err := part(w, []byte(lines(m.HTML)), "Content-Type", "text/html; charset=utf-8"); err != nil {
			return err
		}
		return w.Close()
	}
	var inner bytes.Buffer
	related := multipart.NewWriter(&inner)
	if err := part(related, []byte(lines(m.HTML)), "Content-Type", "text/html; charset=utf-8"); err != nil {
		return err
	}
	if err := part(related, m.Logo, "Content-Type", m.logoType, "Content-Id", "<"+logoID+">", "Content-Disposition", "inline"); err != nil {
		return err
	}
	if err := related.Close(); err != nil {
		return err
	}
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {`multipart/related; type="text/html"; boundary=` + related.Boundary()}})
	if err != nil {
		return err
	}
	if _, err := p.Write(inner.Bytes()); err != nil {
		return err
	}
	return w.Close()
}

// part writes one part in base64; header fields come in pairs.
func part(w *multipart.Writer, data []byte, header ...string) error {
	h := textproto.MIMEHeader{"Content-Transfer-Encoding": {"base64"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	p, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p, wrapped(data))
	return err
}

// lines ends each line as mail wants it.
func lines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// wrapped is base64 in lines of 76 (RFC 2045 §6.8).
func wrapped(data []byte) string {
	s := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	b.WriteString(s + "\r\n")
	return b.String()
}
