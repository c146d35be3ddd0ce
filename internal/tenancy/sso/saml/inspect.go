package saml

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"ringfence/internal/tenancy/sso/vouch"
)

// Limits of what is read.
const (
	MaxResponse = 256 << 10
	MaxMetadata = 1 << 20
	deepest     = 40
	mostNodes   = 20_000
)

const (
	protocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	dsig      = "http://www.w3.org/2000/09/xmldsig#"
)

// Decode reads the form's field. Blanks and line ends are as browsers and
// providers put them.
func Decode(field string) ([]byte, error) {
	if len(field) > MaxResponse*3/2 {
		return nil, vouch.Fail(vouch.Broken, "the response is larger than 256 KiB")
	}
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, field)
	b, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil || len(b) == 0:
		return nil, vouch.Fail(vouch.Broken, "there is no response in the form").Because(err)
	case len(b) > MaxResponse:
		return nil, vouch.Fail(vouch.Broken, "the response is larger than 256 KiB")
	}
	return b, nil
}

// signatures and digests that are believed: no SHA-1, no MAC.
var believed = map[string]bool{
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":   true,
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":   true,
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":   true,
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": true,
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": true,
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": true,
	"http://www.w3.org/2001/04/xmlenc#sha256":             true,
	"http://www.w3.org/2001/04/xmldsig-more#sha384":       true,
	"http://www.w3.org/2001/04/xmlenc#sha512":             true,
}

// inspection is what is seen on one walk through a document.
type inspection struct {
	path       []xml.Name
	ids        map[string]bool
	assertions int
	signatures int
	nodes      int
}

// inspect refuses a response of a shape in which readers could disagree. It
// looks at names wherever they stand, in whatever namespace: a forger chooses both.
func inspect(raw []byte) (*inspection, error) {
	// "<!" begins document types, entities, comments and CDATA: an honest
	// provider has no use for any of them in a response.
	if bytes.Contains(raw, []byte("<!")) || !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return nil, vouch.Fail(vouch.Broken, "the response holds a document type, an entity, a comment or bytes that are no text; such are not read")
	}
	in := &inspection{ids: map[string]bool{}}
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, vouch.Fail(vouch.Broken, "the response is no XML").Because(err)
		}
		if err := in.see(t); err != nil {
			return nil, err
		}
	}
	if in.assertions > 1 {
		return nil, vouch.Fail(vouch.Broken, "the response holds %d assertions; one is read", in.assertions)
	}
	return in, nil
}

func (in *inspection) see(t xml.Token) error {
	if in.nodes++; in.nodes > mostNodes {
		return vouch.Fail(vouch.Broken, "the response has too many parts")
	}
	switch t := t.(type) {
	case xml.ProcInst:
		if t.Target != "xml" || in.nodes > 1 {
			return vouch.Fail(vouch.Broken, "the response holds a processing instruction")
		}
	case xml.Comment, xml.Directive:
		return vouch.Fail(vouch.Broken, "the response holds a comment or a declaration")
	case xml.StartElement:
		return in.enter(t)
	case xml.EndElement:
		in.path = in.path[:len(in.path)-1]
	}
	return nil
}

func (in *inspection) enter(e xml.StartElement) error {
	parent := xml.Name{}
	if len(in.path) > 0 {
		parent = in.path[len(in.path)-1]
	}
	if in.path = append(in.path, e.Name); len(in.path) > deepest {
		return vouch.Fail(vouch.Broken, "the response is nested too deeply")
	}
	for _, a := range e.Attr {
		if !strings.EqualFold(a.Name.Local, "id") {
			continue
		}
		if in.ids[a.Value] {
			return vouch.Fail(vouch.Broken, "the response holds one id twice")
		}
		in.ids[a.Value] = true
	}
	response, one := xml.Name{Space: protocol, Local: "Response"}, xml.Name{Space: assertion, Local: "Assertion"}
	switch e.Name.Local {
	case "Response":
		if len(in.path) != 1 || e.Name != response {
			return strange("a response")
		}
	case "Assertion":
		if in.assertions++; parent != response || len(in.path) != 2 || e.Name != one {
			return strange("an assertion")
		}
	case "EncryptedAssertion", "EncryptedID", "EncryptedAttribute":
		return vouch.Fail(vouch.Broken, "the provider encrypts; switch that off there, the way is TLS already")
	case "Signature":
		if in.signatures++; e.Name.Space != dsig || !(parent == response && len(in.path) == 2 || parent == one && len(in.path) == 3) {
			return strange("a signature")
		}
	case "Object", "Manifest":
		return strange("an object within a signature")
	case "SignatureMethod", "DigestMethod":
		for _, a := range e.Attr {
			if a.Name.Local == "Algorithm" && !believed[a.Value] {
				return vouch.Fail(vouch.Keys, "the provider signs with %s, which is not believed any more; have it use SHA-256", clip(a.Value))
			}
		}
	}
	return nil
}

func strange(what string) error {
	return vouch.Fail(vouch.Broken, "the response holds %s where none belongs", what)
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if runes := []rune(s); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return s
}
