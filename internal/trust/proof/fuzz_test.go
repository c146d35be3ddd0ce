package proof

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever bytes there are, the verifier says something and does not fall over;
// only what Writer has written and the key has signed can hold.
func FuzzVerify(f *testing.F) {
	var b bytes.Buffer
	w := NewWriter(&b)
	_ = w.Add("a.txt", []byte("a"))
	_ = w.Close(Manifest{Format: EvidenceFormat, Key: "x"}, func(text string) (string, error) { return text + "\n— x AAAA\n", nil })
	f.Add(b.Bytes())
	f.Add([]byte("ringfence/0011223344556677/org_1\n3\nAAAA\nopenings 1\nat 2026-11-22T00:00:00Z\n\n— x AAAA\n"))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Verify("x", bytes.NewReader(b), int64(len(b)), "ringfence/0011223344556677+00000000+AQAA")
		if r.Holds() || len(r.Findings) == 0 {
			t.Fatalf("%q: %+v", b, r.Findings)
		}
	})
}

// A vCon that is read can be written and read again as the same.
func FuzzVCon(f *testing.F) {
	f.Add([]byte(`{"vcon":"0.4.0","uuid":"01938c2e-0000-7000-8000-000000000000","created_at":"2026-11-22T00:00:00Z","parties":[{"tel":"tel:+44"}],"dialog":[{"type":"recording","start":"2026-11-22T00:00:00Z","duration":3,"parties":[0],"url":"sound.wav","content_hash":"sha512-x"}],"analysis":[{"type":"transcript","dialog":0,"vendor":"v"}]}`))
	f.Add([]byte(`{"uuid":"01938c2e-0000-7000-8000-000000000000","created_at":"2026-11-22T00:00:00Z","dialog":[{"type":"recording","parties":[7]}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ReadVCon(b)
		if err != nil {
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadVCon(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
