package mail

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Brand is whose name and colours a letter carries.
type Brand struct {
	Name     string
	Logo     []byte // PNG or JPEG; none: the name stands alone
	Accent   string // "#rrggbb": the button and the line at the top
	OnAccent string // text upon it
}

// Plain is the look of an installation that chose none.
func Plain() Brand { return Brand{Name: "Ringfence", Accent: "#0f5c63", OnAccent: "#ffffff"} }

// Action is the one thing that a letter asks for.
type Action struct {
	Label string
	URL   string // http or https; anything else is not made a link
}

// Letter is what a mail says, before anybody's colours. Everything is plain
// text: what looks like markup in it is shown as it was written.
type Letter struct {
	Subject    string
	Paragraphs []string // before code and action
	Code       string   // shown large and apart, in one piece
	Action     Action
	Closing    []string // after code and action
}

// Message renders the letter for one reader: as text, and as HTML that loads
// nothing. A picture or a style sheet from afar would tell its server who read
// the mail, when and where; the logo travels inside the message.
func (l Letter) Message(b Brand, to string, at time.Time) Message {
	m := Message{To: to, Subject: l.Subject, Text: l.text(b), At: at}
	v := letterView{Letter: l, Brand: b, Heading: l.Subject}
	if l.Code != "" {
		// The subject often holds the code already: twice in a row reads like a mistake.
		v.Heading = strings.TrimSuffix(strings.TrimSpace(strings.ReplaceAll(l.Subject, l.Code, "")), ":")
	}
	if kind := http.DetectContentType(b.Logo); kind == "image/png" || kind == "image/jpeg" {
		m.Logo, m.logoType, v.HasLogo = b.Logo, kind, true
	}
	var html bytes.Buffer
	if err := letterPage.Execute(&html, v); err != nil {
		return m // a buffer takes everything; the text alone is a whole mail
	}
	m.HTML = html.String()
	return m
}

func (l Letter) text(b Brand) string {
	parts := append([]string{}, l.Paragraphs...)
	if l.Code != "" {
		parts = append(parts, "    "+l.Code)
	}
	if l.Action.URL != "" {
		parts = append(parts, l.Action.Label+":\n\n    "+l.Action.URL)
	}
	parts = append(parts, l.Closing...)
	if b.Name != "" {
		parts = append(parts, "-- \n"+oneLine(b.Name)) // RFC 3676 §4.3: what follows is a signature
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// logoID is how the HTML names the logo (RFC 2392).
const logoID = "logo@letter.invalid"

type letterView struct {
	Letter
	Brand   Brand
	Heading string
	HasLogo bool
}

// LogoURL is an address within the message: the template would refuse it as an
// unknown kind of link.
func (letterView) LogoURL() template.URL { return "cid:" + logoID }

// letterPage uses tables and inline styles: mail programs know little more.
// Colours that a dark mailbox may change are in the style sheet, the brand's
// own pair is inline, because it was checked for contrast as a pair.
var letterPage = template.Must(template.New("letter").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
<style>:root{color-scheme:light dark}
@media (prefers-color-scheme:dark){.page{background-color:#16181d!important}.card{background-color:#22252c!important}.ink,.ink a{color:#e9eaee!important}.soft{color:#b3b8c4!important}.code{background-color:#2e323b!important;color:#ffffff!important}}</style></head>
<body class="page" style="margin:0;padding:0;background-color:#f2f4f7">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#f2f4f7"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background-color:#ffffff;border-top:4px solid {{.Brand.Accent}};border-radius:6px">
<tr><td class="ink" style="padding:24px 28px 0;font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:15px;font-weight:bold;color:#1c1f26">
{{- if .HasLogo}}<img src="{{.LogoURL}}" alt="{{.Brand.Name}}" height="40" style="display:block;height:40px;width:auto;max-width:240px;border:0">{{else}}{{.Brand.Name}}{{end}}</td></tr>
<tr><td class="ink" style="padding:12px 28px 28px;font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1c1f26">
<h1 style="margin:8px 0 12px;font-size:20px;line-height:1.3">{{.Heading}}</h1>
{{- range .Paragraphs}}
<p style="margin:0 0 14px">{{.}}</p>{{end}}
{{- if .Code}}
<p class="code" style="margin:18px 0;padding:14px 18px;background-color:#eef1f6;color:#11141a;border-radius:6px;font-family:Consolas,Menlo,monospace;font-size:28px;letter-spacing:4px;text-align:center">{{.Code}}</p>{{end}}
{{- if .Action.URL}}
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:18px 0"><tr><td style="background-color:{{.Brand.Accent}};border-radius:6px">
<a href="{{.Action.URL}}" target="_blank" style="display:inline-block;padding:12px 22px;color:{{.Brand.OnAccent}};text-decoration:none;font-weight:bold">{{.Action.Label}}</a></td></tr></table>
<p class="soft" style="margin:0 0 14px;font-size:13px;color:#565d6b;word-break:break-all">{{.Action.URL}}</p>{{end}}
{{- range .Closing}}
<p style="margin:0 0 14px">{{.}}</p>{{end}}
</td></tr></table>
</td></tr></table></body></html>
`))

// Standalone is the HTML with the logo written into it, for a page that shows
// the mail outside a mail program.
func (m Message) Standalone() string {
	if len(m.Logo) == 0 {
		return m.HTML
	}
	return strings.ReplaceAll(m.HTML, "cid:"+logoID, "data:"+m.logoType+";base64,"+base64.StdEncoding.EncodeToString(m.Logo))
}
