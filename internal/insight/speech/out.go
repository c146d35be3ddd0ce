package speech

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/egress"
)

// Sender is the way out: egress, for one customer.
type Sender func(ctx context.Context, r egress.Request) (egress.Answer, error)

// Remote says where a server is and why it is asked.
type Remote struct {
	URL     string
	Key     string // "": the server wants none
	Model   string
	Purpose string
	Region  string
}

// answerTime is how long a server may take for a piece: half the time that was
// spoken, and time to queue.
func answerTime(p Piece) time.Duration { return 2*time.Minute + p.total()/2 }

// post sends a form and gives the body of a good answer. Other answers become
// errors by what a retry would do for them.
func (r Remote) post(ctx context.Context, s Session, engine, address string, header http.Header, form *form, limit time.Duration) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, &Refusal{"the address of the speech server is not valid"}
	}
	body, kind, err := form.done()
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", kind)
	header.Set("Accept", "application/json")
	a, err := s.Send(ctx, egress.Request{
		Engine: engine, Purpose: r.Purpose, Region: r.Region, Subject: s.Subject, Hosts: []string{u.Hostname()},
		Method: http.MethodPost, URL: address, Header: header, Body: body, Timeout: limit, MaxAnswer: 16 << 20,
	})
	if err != nil {
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
			return nil, &Refusal{"the speech server may not be reached: " + fault.Of(err).Error()}
		}
		return nil, err
	}
	if a.Status == http.StatusOK {
		return a.Body, nil
	}
	return nil, refusal(a)
}

// refusal sorts answers other than 200 by what a retry would do for them.
func refusal(a egress.Answer) error {
	code := errorCode(a.Body)
	switch s := a.Status; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return &Refusal{"the speech server does not accept the key" + code}
	case s == http.StatusNotFound || s == http.StatusMethodNotAllowed:
		return &Refusal{"the speech server knows no such address or model" + code}
	case s == http.StatusRequestEntityTooLarge:
		return &Refusal{"the speech server does not take pieces of this size" + code}
	case s == http.StatusTooManyRequests:
		return later(nil, retryAfter(a.Header), "the speech server is asked too often"+code)
	case s == http.StatusRequestTimeout || s == http.StatusConflict || s == http.StatusTooEarly || s >= 500:
		return later(nil, retryAfter(a.Header), fmt.Sprintf("the speech server failed (status %d)%s", s, code))
	case s >= 300 && s < 400:
		return &Refusal{"the speech server redirects to another address; set the final one"}
	default:
		return &Refusal{fmt.Sprintf("the speech server refuses the request (status %d)%s", s, code)}
	}
}

// plainCode is what a code of an error looks like. Nothing else of an error's
// body is repeated: some servers quote the request in it, and reasons are kept
// unsealed.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)

// errorCode finds the code in {"error":{"code":…,"type":…}} or {"code":…}.
func errorCode(body []byte) string {
	var b struct {
		Code  any `json:"code"`
		Error any `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	inner, _ := b.Error.(map[string]any)
	for _, v := range []any{inner["code"], inner["type"], b.Code} {
		if c, ok := v.(string); ok && plainCode.MatchString(c) {
			return ": " + c
		}
	}
	return ""
}

// retryAfter reads RFC 9110 §10.2.3, in seconds or as a date, up to an hour.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return time.Duration(min(n, 3600) * float64(time.Second))
	}
	at, err1 := http.ParseTime(v)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err1 == nil && err2 == nil && at.After(now) {
		return min(at.Sub(now), time.Hour)
	}
	return 0
}

// form is a multipart body under construction.
type form struct {
	buf bytes.Buffer
	w   *multipart.Writer
	err error
}

func newForm() *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	return f
}

func (f *form) field(name, value string) {
	if f.err == nil && value != "" {
		f.err = f.w.WriteField(name, value)
	}
}

// part adds a part with a type; with a file name if it is not empty.
func (f *form) part(name, file, kind string, content []byte) {
	disposition := `form-data; name="` + name + `"`
	if file != "" {
		disposition += `; filename="` + file + `"`
	}
	w, err := f.w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {kind}})
	if err == nil {
		_, err = w.Write(content)
	}
	if f.err == nil {
		f.err = err
	}
}

func (f *form) done() (body []byte, kind string, err error) {
	if f.err == nil {
		f.err = f.w.Close()
	}
	return f.buf.Bytes(), f.w.FormDataContentType(), f.err
}

// wav writes channels as 16-bit WAV of 16 kHz: whisper.cpp's server takes no
// other rate, and the rest take any.
func wav(p Piece) []byte {
	var at [][]int16
	frames := 0
	for _, c := range p.Channels {
		c = resample(c, p.Rate, engineRate)
		at = append(at, c)
		frames = max(frames, len(c))
	}
	out := append(make([]byte, 0, 64+2*frames*len(at)), sound.WAVHeader(len(at), engineRate, int64(frames))...)
	for i := range frames {
		for _, c := range at {
			var s int16
			if i < len(c) {
				s = c[i]
			}
			out = append(out, byte(s), byte(uint16(s)>>8))
		}
	}
	return out
}

// secondsOf turns a time of an answer into one within the piece: servers round,
// and some count past the end.
func secondsOf(s float64, p Piece) time.Duration {
	return max(0, min(time.Duration(s*float64(time.Second)), p.total()))
}

// host names the other side without path and parameters.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// onHost tells an address of this host, for which nothing leaves it.
func onHost(address string) bool {
	switch h := host(address); h {
	case "localhost", "127.0.0.1", "::1":
		return true
	default:
		return false
	}
}
