package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"

	"ringfence/internal/base/secret"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// tink is an implementation of the layout that we did not write.
func tink(t testing.TB, k secret.Key) *subtle.AESGCMHKDF {
	t.Helper()
	a, err := subtle.NewAESGCMHKDF(k.Reveal(), "SHA256", 32, segmentSize, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTinkReadsOurObjects(t *testing.T) {
	k, aad := secret.NewKey(), []byte("customer|object")
	for _, n := range edges {
		plain := pattern(n)
		r, err := tink(t, k).NewDecryptingReader(bytes.NewReader(seal(t, k, aad, plain)), aad)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Tink reads %d of %d bytes: %v", len(got), n, err)
		}
	}
}

func TestWeReadTinksObjects(t *testing.T) {
	k, aad := secret.NewKey(), []byte("customer|object")
	for _, n := range edges {
		plain := pattern(n)
		var out bytes.Buffer
		w, err := tink(t, k).NewEncryptingWriter(&out, aad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := unseal(out.Bytes(), k, aad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("we read %d of %d bytes: %v", len(got), n, err)
		}
	}
}

// vector fixes the bytes of one object. Plain text is byte(i*7 + i>>8 + i>>16).
type vector struct {
	Key    string `json:"key"`
	AAD    string `json:"aad"`
	Header string `json:"header"`
	Plain  int    `json:"plain_bytes"`
	Size   int    `json:"object_bytes"`
	Object string `json:"object,omitempty"` // of short ones
	SHA256 string `json:"object_sha256"`
}

const vectorFile = "testdata/vectors.json"

// The layout is for ever: archives that exist must stay readable.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		k, aad, object := v.seal(t)
		if sum := sha256.Sum256(object); hex.EncodeToString(sum[:]) != v.SHA256 || len(object) != v.Size {
			t.Errorf("%d bytes: another object than the vector", v.Plain)
		}
		if v.Object != "" {
			object = unhex(t, v.Object)
		}
		if got, err := unseal(object, k, aad); err != nil || !bytes.Equal(got, pattern(v.Plain)) {
			t.Errorf("%d bytes: not readable: %v", v.Plain, err)
		}
		r, err := tink(t, k).NewDecryptingReader(bytes.NewReader(object), aad)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, pattern(v.Plain)) {
			t.Errorf("%d bytes: Tink does not read the vector: %v", v.Plain, err)
		}
	}
}

// seal makes the object that the vector describes.
func (v vector) seal(t *testing.T) (secret.Key, []byte, []byte) {
	k, err := secret.KeyFrom(unhex(t, v.Key))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := newWriter(&out, k, unhex(t, v.AAD), [headerSize]byte(unhex(t, v.Header)))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(pattern(v.Plain))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return k, unhex(t, v.AAD), out.Bytes()
}

func writeVectors(t *testing.T) {
	var vectors []vector
	for i, n := range edges {
		key := sha256.Sum256([]byte{'k', byte(i)})
		salt := sha256.Sum256([]byte{'s', byte(i)})
		header := append([]byte{headerSize}, append(salt[:], key[:prefixSize]...)...)
		v := vector{Key: hex.EncodeToString(key[:]), AAD: hex.EncodeToString([]byte("vector")), Header: hex.EncodeToString(header), Plain: n}
		_, _, object := v.seal(t)
		sum := sha256.Sum256(object)
		v.SHA256, v.Size = hex.EncodeToString(sum[:]), len(object)
		if n < 100 {
			v.Object = hex.EncodeToString(object)
		}
		vectors = append(vectors, v)
	}
	b, err := json.MarshalIndent(vectors, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
