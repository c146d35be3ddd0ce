package paper

import (
	"bytes"
	"testing"
	"time"

	"ringfence/internal/base/fault"
)

// What is attached comes back whole out of a signed document; one without it says so,
// and one that is cut gives nothing.
func TestAttached(t *testing.T) {
	at := time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)
	key, _, err := NewKey("Test installation", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{[]byte(`{"version":1}`), bytes.Repeat([]byte("endstream\nendobj\n<< /Type /EmbeddedFile "), 5000), {}} {
		d := New("Certificate", "Ringfence", at)
		d.Text("said")
		d.Attach("certificate.json", content)
		pdf, err := d.Bytes()
		if err == nil {
			pdf, err = key.Sign(pdf, "Certificate", at)
		}
		if err == nil {
			_, err = Verify(pdf)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := Attached(pdf)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, want %d: %v", len(got), len(content), err)
		}
		m := attachedAt.FindIndex(pdf)
		if _, err := Attached(pdf[:m[1]+4]); !fault.Is(err, fault.Invalid) {
			t.Errorf("cut: %v", err)
		}
	}
	d := New("Certificate", "Ringfence", at)
	pdf, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Attached(pdf); !fault.Is(err, fault.NotFound) {
		t.Errorf("without: %v", err)
	}
}
