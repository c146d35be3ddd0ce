package httpapi

import (
	"encoding/json"
	"html/template"
	"net/http"
	"time"
)

// The demonstration's mailbox: whoever reaches the page reads every sign-in
// code. It exists only where app says so, which listens on loopback alone.

var mailboxPage = template.Must(template.New("mailbox").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="3"><meta name="viewport" content="width=device-width">
<title>Mailbox of the demonstration</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
article{border:1px solid #8886;border-radius:8px;padding:.5rem 1rem;margin:1rem 0}h2{font-size:1.05rem;margin:.3rem 0}
pre{white-space:pre-wrap;font:inherit;margin:.5rem 0}p{margin:.2rem 0;opacity:.8}
iframe{width:100%;height:27rem;border:1px solid #8886;border-radius:6px;background:#fff}summary{cursor:pointer}</style></head>
<body><main><h1>Mailbox of the demonstration</h1>
<p>Mails are kept here instead of being sent. A real installation has no such page.</p>
{{range .}}<article><h2>{{.Subject}}</h2><p>to {{.To}}, {{.At.Format "15:04:05"}} UTC</p>
{{- if .HTML}}<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="{{.Subject}}, as a mail program shows it" srcdoc="{{.Standalone}}"></iframe>
<details><summary>As text</summary><pre>{{.Text}}</pre></details>{{else}}<pre>{{.Text}}</pre>{{end}}</article>
{{else}}<p>No mail yet: sign in, and the code appears here.</p>{{end}}</main></body></html>
`))

// mailboxPolicy holds for the mails too, which are frames within the page: no
// script, nothing from elsewhere, pictures only as they travelled inside.
const mailboxPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"

func (s *Server) mailbox(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", mailboxPolicy)
	_ = mailboxPage.Execute(w, s.deps.Mailbox.Mails()) // the caller has gone: there is nobody to tell
}

func (s *Server) mailboxJSON(w http.ResponseWriter, _ *http.Request) {
	type shown struct {
		To      string    `json:"to"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		At      time.Time `json:"at"`
	}
	list := []shown{}
	for _, m := range s.deps.Mailbox.Mails() {
		list = append(list, shown{m.To, m.Subject, m.Text, m.At})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the caller has gone: there is nobody to tell
}
