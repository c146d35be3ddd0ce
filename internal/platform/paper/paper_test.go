package paper_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/paper"
)

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func page(t testing.TB, rows int) []byte {
	t.Helper()
	d := paper.New("Access review – Zahnärzte am Hafen, Łódź", "Ringfence", at)
	d.Heading("What was asked")
	d.Text("Who has which roles, and shall they keep them? Ελληνικά, Кириллица.")
	d.Facts([2]string{"Due", "30 November 2026"}, [2]string{"Reviewer", "Anna Berg"})
	var list [][]string
	for range rows {
		list = append(list, []string{"Jörg Müller with a name that needs a second line", "customer_admin superuser", "keep"})
	}
	d.Table([]string{"Who", "Roles", "Decision"}, []float64{3, 3, 1}, list)
	b, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func signed(t testing.TB, rows int) ([]byte, *paper.Key) {
	t.Helper()
	k, private, err := paper.NewKey("Beacon Hosting (Ringfence)", at)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = paper.ReadKey(k.Certificate.Raw, private); err != nil {
		t.Fatal(err)
	}
	out, err := k.Sign(page(t, rows), "Access review, decided", at)
	if err != nil {
		t.Fatal(err)
	}
	return out, k
}

func TestASignedDocumentVerifies(t *testing.T) {
	for _, rows := range []int{0, 3, 120} {
		out, k := signed(t, rows)
		s, err := paper.Verify(out)
		if err != nil || !s.Certificate.Equal(k.Certificate) || s.At.IsZero() {
			t.Errorf("%d rows: %+v, %v", rows, s, err)
		}
	}
}

// Another program reads the same signature: Debian's poppler.
func TestPopplerAccepts(t *testing.T) {
	if _, err := exec.LookPath("pdfsig"); err != nil {
		t.Fatal("poppler-utils is not installed: scripts/install pdf")
	}
	out, _ := signed(t, 40)
	file := filepath.Join(t.TempDir(), "review.pdf")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	said, _ := exec.Command("pdfsig", "-nocert", file).CombinedOutput()
	for _, want := range []string{"Signature is Valid", "Total document signed", "Beacon Hosting", "SHA-256"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("pdfsig does not say %q:\n%s", want, said)
		}
	}
	text, err := exec.Command("pdftotext", "-layout", file, "-").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "Zahnärzte am Hafen, Łódź") || !strings.Contains(string(text), "Page 2 of 2") {
		t.Errorf("pdftotext: %v\n%s", err, text)
	}
}

// Every change of a byte of the document is found. Within the signature itself
// there are bytes that say nothing (its room is larger than it is): there, at
// least the signer must be the same.
func TestAChangedDocumentIsRefused(t *testing.T) {
	out, k := signed(t, 3)
	hole := bytes.Index(out, []byte("/Contents <")) + len("/Contents <")
	for i := 0; i < len(out); i += 61 {
		bad := bytes.Clone(out)
		bad[i] ^= 1
		s, err := paper.Verify(bad)
		if within := i >= hole && out[i] != '>' && i < hole+8192; err == nil && (!within || !s.Certificate.Equal(k.Certificate)) {
			t.Fatalf("a flip at %d of %d goes unseen", i, len(out))
		}
	}
	for name, bad := range map[string][]byte{
		"added to":          append(bytes.Clone(out), []byte("\n%more\n")...),
		"cut":               out[:len(out)-1],
		"range narrowed":    bytes.Replace(out, []byte("/ByteRange [0 0"), []byte("/ByteRange [0 1"), 1),
		"signed twice over": append(bytes.Clone(out), out...),
	} {
		if _, err := paper.Verify(bad); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotSignedIsSaidSo(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("hello"), page(t, 1)} {
		if _, err := paper.Verify(b); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20q: %v", b, err)
		}
	}
	k, _, err := paper.NewKey("x", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{nil, []byte("trailer << /Root 9 0 R >> startxref 1 %%EOF"), []byte("%PDF-1.3\nxref\n0 99\ntrailer <</Root 1 0 R>>\nstartxref\n9\n%%EOF")} {
		if _, err := k.Sign(b, "x", at); err == nil {
			t.Errorf("%.20q was signed", b)
		}
	}
}

func FuzzVerify(f *testing.F) {
	out, k := signed(f, 1)
	f.Add(out)
	f.Add([]byte("/ByteRange [0 1 3 0]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := paper.Verify(b); err == nil && s.Certificate.Equal(k.Certificate) && !bytes.Equal(b, out) && !strings.Contains(string(b), "/Contents <") {
			t.Error("something else verifies")
		}
		_, _ = k.Sign(b, "x", at)
	})
}
