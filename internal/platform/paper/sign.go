package paper

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/digitorus/pkcs7"
)

// Key signs documents.
type Key struct {
	Certificate *x509.Certificate
	private     crypto.Signer
}

// certificateFor is how long a key signs; readers look at the certificate as of
// the time of signing.
const certificateFor = 20 * 365 * 24 * time.Hour

// NewKey makes a key (ECDSA on P-256) with a certificate of its own, and gives
// the private part as it is kept: PKCS #8, to be sealed.
func NewKey(name string, at time.Time) (k *Key, private []byte, err error) {
	p, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{name}},
		// A year back: a clock that is set right later must not make what was signed before it doubtful.
		NotBefore: at.AddDate(-1, 0, 0).UTC(), NotAfter: at.Add(certificateFor).UTC(),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, p.Public(), p)
	if err != nil {
		return nil, nil, err
	}
	if private, err = x509.MarshalPKCS8PrivateKey(p); err != nil {
		return nil, nil, err
	}
	k, err = ReadKey(der, private)
	return k, private, err
}

// ReadKey puts together what was kept.
func ReadKey(certificate, private []byte) (*Key, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	p, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, errors.New("the key that signs documents cannot be read") // the cause may quote it
	}
	s, ok := p.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key that signs documents cannot sign")
	}
	return &Key{c, s}, nil
}

// room for the signature, in bytes: certificate and signature take about 1,300.
const room = 4096

var errShape = errors.New("this is no PDF of the form that we write")

// Sign adds a signature to a PDF of Document, as an incremental update: what was
// there before stays byte for byte.
func (k *Key) Sign(pdf []byte, reason string, at time.Time) ([]byte, error) {
	u, err := newUpdate(pdf)
	if err != nil {
		return nil, err
	}
	sig, field := u.size, u.size+1
	catalog, err := u.with(u.root, fmt.Sprintf("/AcroForm <</Fields [%d 0 R] /SigFlags 3>>", field))
	if err != nil {
		return nil, err
	}
	page, err := u.with(u.page, fmt.Sprintf("/Annots [%d 0 R]", field))
	if err != nil {
		return nil, err
	}
	u.put(u.root, catalog)
	u.put(u.page, page)
	u.put(field, fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T %s /V %d 0 R /F 132 /Rect [0 0 0 0] /P %d 0 R>>", pdfText("Signature"), sig, u.page))
	const hole = "/ByteRange [0 0000000000 0000000000 0000000000]"
	start := u.put(sig, fmt.Sprintf("<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /Name %s /Reason %s /M (D:%s+00'00') %s /Contents <%s>>>",
		pdfText(k.Certificate.Subject.CommonName), pdfText(reason), at.UTC().Format("20060102150405"), hole, bytes.Repeat([]byte("0"), 2*room)))
	out := u.finish(sig + 2)

	from := start + bytes.Index(out[start:], []byte("/Contents <")) + len("/Contents ")
	to := from + 2*room + 2
	ranges := fmt.Sprintf("/ByteRange [0 %010d %010d %010d]", from, to, len(out)-to)
	copy(out[start+bytes.Index(out[start:], []byte("/ByteRange")):], ranges)
	der, err := k.detached(append(bytes.Clone(out[:from]), out[to:]...))
	if err != nil {
		return nil, err
	}
	if len(der) > room {
		return nil, errors.New("the signature is longer than its room")
	}
	hex.Encode(out[from+1:], der)
	return out, nil
}

func (k *Key) detached(content []byte) ([]byte, error) {
	sd, err := pkcs7.NewSignedData(content)
	if err != nil {
		return nil, err
	}
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := sd.AddSigner(k.Certificate, k.private, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	sd.Detach()
	return sd.Finish()
}

// pdfText is a text string, ISO 32000-1 §7.9.2.2: UTF-16 in hexadecimal.
func pdfText(s string) string {
	out := "<FEFF"
	for _, u := range utf16.Encode([]rune(s)) {
		out += fmt.Sprintf("%04X", u)
	}
	return out + ">"
}

// update is an incremental update in the making, ISO 32000-1 §7.5.6.
type update struct {
	out        []byte
	offsets    []int // of the objects as they were
	prev       int   // where the table of offsets was
	root, page int
	info       string
	size       int
	wrote      []written
}

type written struct{ number, offset int }

var (
	trailerAt = regexp.MustCompile(`(?s)trailer\s*<<(.*?)>>\s*startxref\s+(\d+)\s+%%EOF\s*$`)
	rootAt    = regexp.MustCompile(`/Root (\d+) 0 R`)
	infoAt    = regexp.MustCompile(`/Info \d+ 0 R`)
	pagesAt   = regexp.MustCompile(`/Pages (\d+) 0 R`)
	kidsAt    = regexp.MustCompile(`/Kids \[(\d+) 0 R`)
)

func newUpdate(pdf []byte) (*update, error) {
	end := trailerAt.FindSubmatch(pdf)
	if end == nil {
		return nil, errShape
	}
	u := &update{out: bytes.Clone(pdf), info: string(infoAt.Find(end[1]))}
	u.prev, _ = strconv.Atoi(string(end[2]))
	if err := u.table(); err != nil {
		return nil, err
	}
	var err error
	if u.root, err = number(rootAt, end[1]); err != nil {
		return nil, err
	}
	catalog, err := u.object(u.root)
	if err != nil {
		return nil, err
	}
	pages, err := number(pagesAt, catalog)
	if err != nil {
		return nil, err
	}
	tree, err := u.object(pages)
	if err != nil {
		return nil, err
	}
	u.page, err = number(kidsAt, tree)
	return u, err
}

func number(at *regexp.Regexp, text []byte) (int, error) {
	m := at.FindSubmatch(text)
	if m == nil {
		return 0, errShape
	}
	return strconv.Atoi(string(m[1]))
}

// table reads the offsets of objects: one section, twenty bytes each.
func (u *update) table() error {
	if u.prev <= 0 || u.prev >= len(u.out) {
		return errShape
	}
	var first int
	head := regexp.MustCompile(`^xref\s+(\d+) (\d+)\s*\n`).FindSubmatchIndex(u.out[u.prev:])
	if head == nil {
		return errShape
	}
	first, _ = strconv.Atoi(string(u.out[u.prev+head[2] : u.prev+head[3]]))
	u.size, _ = strconv.Atoi(string(u.out[u.prev+head[4] : u.prev+head[5]]))
	at := u.prev + head[1]
	if first != 0 || u.size > 1_000_000 || at+20*u.size > len(u.out) {
		return errShape
	}
	for i := range u.size {
		n, err := strconv.Atoi(string(u.out[at+20*i : at+20*i+10]))
		if err != nil {
			return errShape
		}
		u.offsets = append(u.offsets, n)
	}
	return nil
}

// object is the dictionary of one object, as it stands in the file.
func (u *update) object(n int) ([]byte, error) {
	if n <= 0 || n >= len(u.offsets) {
		return nil, errShape
	}
	_, after, ok := bytes.Cut(u.out[u.offsets[n]:], []byte(strconv.Itoa(n)+" 0 obj"))
	body, _, end := bytes.Cut(after, []byte("endobj"))
	if !ok || !end {
		return nil, errShape
	}
	return bytes.TrimSpace(body), nil
}

// with is an object's dictionary with one more entry.
func (u *update) with(n int, entry string) (string, error) {
	o, err := u.object(n)
	if err != nil || !bytes.HasPrefix(o, []byte("<<")) || !bytes.HasSuffix(o, []byte(">>")) || bytes.Contains(o, []byte("/Annots")) || bytes.Contains(o, []byte("/AcroForm")) {
		return "", errShape
	}
	return string(o[:len(o)-2]) + " " + entry + ">>", nil
}

func (u *update) put(n int, body string) (offset int) {
	offset = len(u.out)
	u.wrote = append(u.wrote, written{n, offset})
	u.out = append(u.out, fmt.Sprintf("%d 0 obj\n%s\nendobj\n", n, body)...)
	return offset
}

func (u *update) finish(size int) []byte {
	at := len(u.out)
	u.out = append(u.out, "xref\n"...)
	for _, w := range u.wrote {
		u.out = append(u.out, fmt.Sprintf("%d 1\n%010d 00000 n \n", w.number, w.offset)...)
	}
	u.out = append(u.out, fmt.Sprintf("trailer\n<</Size %d /Root %d 0 R %s /Prev %d>>\nstartxref\n%d\n%%%%EOF\n", size, u.root, u.info, u.prev, at)...)
	return u.out
}
