// Package paper makes the documents that leave Ringfence to be kept: pages with
// headings, paragraphs and tables as PDF, and a signature inside the file, as
// the PDF standard has it (ISO 32000-1 §12.8, adbe.pkcs7.detached). Any reader
// of PDF shows it, and Verify checks it without one.
//
// Limits: the certificate is the installation's own. A signature proves that
// the file came from whoever holds that key and was not changed since; who that
// is must be compared with the certificate that the installation shows. The time
// is the server's, not that of a time-stamping authority.
package paper

import (
	"bytes"
	_ "embed"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

//go:embed font/DejaVuSansCondensed.ttf
var regular []byte

//go:embed font/DejaVuSansCondensed-Bold.ttf
var bold []byte

// Document is a PDF in the making.
type Document struct {
	f     *fpdf.Fpdf
	title string
}

const (
	family = "body"
	margin = 18.0
	line   = 5.2
	width  = 210 - 2*margin
)

// New begins a document in A4. The foot of each page bears the title and the
// page's number.
func New(title, author string, at time.Time) *Document {
	f := fpdf.New("P", "mm", "A4", "")
	d := &Document{f, title}
	f.AddUTF8FontFromBytes(family, "", regular)
	f.AddUTF8FontFromBytes(family, "B", bold)
	f.SetMargins(margin, margin, margin)
	f.SetAutoPageBreak(true, 20)
	f.SetTitle(title, true)
	f.SetAuthor(author, true)
	f.SetLang("en-GB")
	f.SetCreationDate(at.UTC())
	f.SetModificationDate(at.UTC())
	f.AliasNbPages("{pages}")
	f.SetFooterFunc(func() {
		f.SetY(-14)
		f.SetFont(family, "", 8)
		f.SetTextColor(90, 90, 90)
		f.CellFormat(width-30, 6, title, "", 0, "L", false, 0, "")
		f.CellFormat(30, 6, "Page "+itoa(f.PageNo())+" of {pages}", "", 0, "R", false, 0, "")
		f.SetTextColor(0, 0, 0)
	})
	f.AddPage()
	f.SetFont(family, "B", 17)
	f.MultiCell(width, 8, title, "", "L", false)
	f.Ln(2)
	return d
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Heading begins a part.
func (d *Document) Heading(text string) {
	d.f.Ln(3)
	d.f.SetFont(family, "B", 12)
	d.f.MultiCell(width, 6.5, text, "", "L", false)
	d.f.Ln(1)
}

// Text is a paragraph.
func (d *Document) Text(text string) {
	d.f.SetFont(family, "", 10)
	d.f.MultiCell(width, line, text, "", "L", false)
	d.f.Ln(1)
}

// Facts is a list of names and values.
func (d *Document) Facts(pairs ...[2]string) {
	for _, p := range pairs {
		d.f.SetFont(family, "B", 10)
		y := d.f.GetY()
		d.f.MultiCell(48, line, p[0], "", "L", false)
		low := d.f.GetY()
		if low < y { // the page was turned
			y = margin
		}
		d.f.SetXY(margin+48, y)
		d.f.SetFont(family, "", 10)
		d.f.MultiCell(width-48, line, p[1], "", "L", false)
		d.f.SetXY(margin, max(low, d.f.GetY()))
	}
	d.f.Ln(1)
}

// Table writes rows under a head that is repeated on each page. Widths are
// shares of the page's width.
func (d *Document) Table(head []string, shares []float64, rows [][]string) {
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	widths := make([]float64, len(shares))
	for i, s := range shares {
		widths[i] = width * s / sum
	}
	d.row(head, widths, true)
	for _, r := range rows {
		if d.height(r, widths)+d.f.GetY() > 297-20 {
			d.f.AddPage()
			d.row(head, widths, true)
		}
		d.row(r, widths, false)
	}
	d.f.Ln(2)
}

const cellLine = 4.2

func (d *Document) height(r []string, widths []float64) float64 {
	d.f.SetFont(family, "", 8.5)
	most := 1
	for i, text := range r {
		most = max(most, len(d.f.SplitText(text, widths[i]-2)))
	}
	return float64(most)*cellLine + 2
}

func (d *Document) row(r []string, widths []float64, head bool) {
	h := d.height(r, widths)
	style, fill := "", false
	if head {
		style, fill = "B", true
		d.f.SetFillColor(232, 236, 242)
	}
	d.f.SetFont(family, style, 8.5)
	x, y := margin, d.f.GetY()
	for i, text := range r {
		d.f.SetXY(x, y)
		d.f.SetDrawColor(190, 196, 206)
		if fill {
			d.f.Rect(x, y, widths[i], h, "FD")
		} else {
			d.f.Rect(x, y, widths[i], h, "D")
		}
		d.f.SetXY(x, y+1)
		d.f.MultiCell(widths[i], cellLine, text, "", "L", false)
		x += widths[i]
	}
	d.f.SetXY(margin, y+h)
}

// Bytes ends the document.
func (d *Document) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := d.f.Output(&b)
	return b.Bytes(), err
}
