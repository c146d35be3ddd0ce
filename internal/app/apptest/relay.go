package apptest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Relayed is a mail server on this machine, and what it took.
type Relayed struct {
	net.Listener
	refuse string // verb that is answered 550

	mu    sync.Mutex
	mails []string
}

// NewRelayed listens until the test ends.
func NewRelayed(t *testing.T, refuse string) *Relayed {
	t.Helper()
	r := &Relayed{Listener: Listener(t), refuse: refuse}
	t.Cleanup(func() { r.Close() })
	go func() {
		for {
			conn, err := r.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	return r
}

func (r *Relayed) serve(conn net.Conn) {
	defer conn.Close()
	var whole strings.Builder
	in := bufio.NewScanner(conn)
	fmt.Fprint(conn, "220 relay.example ESMTP\r\n")
	for in.Scan() {
		switch verb, _, _ := strings.Cut(in.Text(), " "); {
		case verb == r.refuse:
			fmt.Fprint(conn, "550 5.7.1 sender not known here\r\n")
		case verb == "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for in.Scan() && in.Text() != "." {
				whole.WriteString(in.Text() + "\n")
			}
			r.mu.Lock()
			r.mails = append(r.mails, whole.String())
			whole.Reset()
			r.mu.Unlock()
			fmt.Fprint(conn, "250 taken\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

// Taken are the mails that were taken, decoded, the oldest first.
func (r *Relayed) Taken() (all []Letter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, raw := range r.mails {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			continue
		}
		all = append(all, Letter{To: m.Header.Get("To"), Text: m.Header.Get("Subject") + "\n" + plain(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)})
	}
	return all
}

// Forget drops what was taken.
func (r *Relayed) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = nil
}

// Newest are the mails with the newest first, as a mailbox shows them.
func (r *Relayed) Newest() []Letter {
	all := r.Taken()
	slices.Reverse(all)
	return all
}

// plain is the text of a mail, or of its first part that is text.
func plain(kind, encoding string, body io.Reader) string {
	media, params, _ := mime.ParseMediaType(kind)
	if strings.HasPrefix(media, "multipart/") {
		part, err := multipart.NewReader(body, params["boundary"]).NextPart()
		if err != nil {
			return ""
		}
		return plain(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
	}
	if encoding == "base64" {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, _ := io.ReadAll(body)
	return string(text)
}
