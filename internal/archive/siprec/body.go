package siprec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"ringfence/internal/base/fault"
)

// Body is what a request of a recording client carries.
type Body struct {
	SDP      []byte
	Metadata []byte
}

// The media types of metadata. RFC 7866 registered the second by mistake, and
// RFC 9806 the first; both are seen.
const (
	MetadataType    = "application/rs-metadata+xml"
	oldMetadataType = "application/rs-metadata"
)

// maxParts is more parts than any system sends; beyond it is an attempt to keep
// us busy.
const maxParts = 16

// ParseBody takes a request's body apart: a description of the media, metadata,
// or both as multipart/mixed. Parts of other types are passed over. It is
// fault.Invalid if the body is not what its type says.
func ParseBody(contentType string, body []byte) (Body, error) {
	if len(body) > maxBody {
		return Body{}, fault.New(fault.TooLarge, "the body has more than %d bytes", maxBody)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return Body{}, nil
	}
	var b Body
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil && kind == "" {
		return Body{}, fault.New(fault.Invalid, "the Content-Type cannot be read")
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b.take(kind, "", body)
		return b, nil
	}
	boundary := params["boundary"]
	if boundary == "" {
		boundary = firstBoundary(body)
	}
	if boundary == "" {
		return Body{}, fault.New(fault.Invalid, "the multipart body names no boundary")
	}
	return b, b.parts(body, boundary)
}

// firstBoundary reads the boundary off the body where its header has lost it.
func firstBoundary(body []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(body, "\r\n"), []byte("\n"))
	text, ok := strings.CutPrefix(strings.TrimRight(string(line), "\r "), "--")
	if !ok || len(text) > 70 {
		return ""
	}
	return text
}

func (b *Body) parts(body []byte, boundary string) error {
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		// Raw: a transfer encoding is undone in take, where it is known.
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if b.SDP != nil || b.Metadata != nil {
				return nil // the end is missing, what matters is there
			}
			return fault.New(fault.Invalid, "the multipart body cannot be taken apart")
		}
		text, err := io.ReadAll(io.LimitReader(p, maxBody))
		if err != nil && len(text) == 0 {
			continue
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		b.take(kind, p.Header.Get("Content-Transfer-Encoding"), text)
	}
	return fault.New(fault.TooLarge, "the body has more than %d parts", maxParts)
}

// take keeps the first part of each sort.
func (b *Body) take(kind, encoding string, text []byte) {
	if strings.EqualFold(strings.TrimSpace(encoding), "base64") {
		plain, err := base64.StdEncoding.DecodeString(strings.Map(dropSpace, string(text)))
		if err != nil {
			return
		}
		text = plain
	}
	switch kind {
	case "application/sdp":
		if b.SDP == nil {
			b.SDP = text
		}
	case MetadataType, oldMetadataType, "application/xml", "text/xml":
		if b.Metadata == nil {
			b.Metadata = text
		}
	}
}

// dropSpace takes white space out: base64 comes wrapped.
func dropSpace(r rune) rune {
	if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}
