package paper

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"

	"codeberg.org/go-pdf/fpdf"

	"ringfence/internal/base/fault"
)

// Attach puts a file into the document, for programs: what the pages say to people
// (ISO 32000-1 §7.11.4). Readers of PDF show it among attachments. The last one stays.
func (d *Document) Attach(name string, content []byte) {
	d.f.SetAttachments([]fpdf.Attachment{{Content: content, Filename: name}})
}

var attachedAt = regexp.MustCompile(`<< /Type /EmbeddedFile /Length \d{1,9} /Filter /FlateDecode /Params << /CheckSum <[0-9a-f]{32}> /Size \d{1,9} >> >>\n+stream\n`)

// mostAttached is how large an attachment may be.
const mostAttached = 64 << 20

// Attached gives the file that a document of Attach has: fault.NotFound if there is
// none. Verify the document first: this looks for the file, and believes what it finds.
func Attached(pdf []byte) ([]byte, error) {
	at := attachedAt.FindAllIndex(pdf, 2)
	if len(at) != 1 {
		return nil, fault.New(fault.NotFound, "this document has no file in it")
	}
	z, err := zlib.NewReader(bytes.NewReader(pdf[at[0][1]:]))
	if err == nil {
		var out []byte
		if out, err = io.ReadAll(io.LimitReader(z, mostAttached)); err == nil {
			return out, nil
		}
	}
	return nil, fault.Wrap(err, fault.Invalid, "the file in this document cannot be read")
}
