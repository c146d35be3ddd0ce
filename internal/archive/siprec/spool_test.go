package siprec

import (
	"bytes"
	"io"
	"os"
	"slices"
	"testing"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// A spool that somebody has changed ends where it was changed.
func TestTamperedSpool(t *testing.T) {
	dir, key, c, s := t.TempDir(), secret.NewKey(), id.New[id.Customer](), id.New[id.Siprec]()
	w, err := createSpool(dir, c, s, key)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for range 4 {
		info, _ := w.f.Stat()
		sizes = append(sizes, info.Size())
		if err := w.fact(Fact{What: Told, At: noon}); err != nil {
			t.Fatal(err)
		}
	}
	w.close()
	whole, _ := os.ReadFile(spoolName(dir, s))
	read := func(b []byte, c id.Customer, key secret.Key) int {
		if err := os.WriteFile(spoolName(dir, s), b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := openSpool(dir, c, s, key)
		if err != nil {
			return -1
		}
		defer r.close()
		v, err := r.look()
		if err != nil {
			t.Fatal(err)
		}
		return len(v.facts)
	}
	flipped := slices.Clone(whole)
	flipped[sizes[2]+20] ^= 1
	swapped := slices.Concat(whole[:sizes[1]], whole[sizes[2]:sizes[3]], whole[sizes[1]:sizes[2]], whole[sizes[3]:])
	without := slices.Concat(whole[:sizes[1]], whole[sizes[2]:])
	for name, c := range map[string]struct {
		b    []byte
		c    id.Customer
		key  secret.Key
		want int
	}{
		"as it was":          {whole, c, key, 4},
		"a bit":              {flipped, c, key, 2},
		"two changed over":   {swapped, c, key, 1},
		"one left out":       {without, c, key, 1},
		"cut":                {whole[:len(whole)-3], c, key, 3},
		"zeros at the end":   {append(slices.Clone(whole), make([]byte, 4096)...), c, key, 4},
		"another key":        {whole, c, secret.NewKey(), 0},
		"another customer's": {whole, id.New[id.Customer](), key, -1},
	} {
		if got := read(c.b, c.c, c.key); got != c.want {
			t.Errorf("%s: %d facts, want %d", name, got, c.want)
		}
	}
}

// What is said of the file before it is made is what it is.
func TestFileIsAsItSays(t *testing.T) {
	for _, frames := range []int64{1, 160, 8001, 24000} {
		for _, channels := range []int{1, 2} {
			for _, law := range []Law{ALaw, MuLaw} {
				dir, key, c, s := t.TempDir(), secret.NewKey(), id.New[id.Customer](), id.New[id.Siprec]()
				w, err := createSpool(dir, c, s, key)
				if err != nil {
					t.Fatal(err)
				}
				w.close()
				r, err := openSpool(dir, c, s, key)
				if err != nil {
					t.Fatal(err)
				}
				p := plan{law: law, channels: channels, frames: frames}
				f := newWAV(r, p)
				b, err := io.ReadAll(f)
				f.Close()
				if err != nil || int64(len(b)) != p.size() {
					t.Fatalf("%d bytes, want %d: %v", len(b), p.size(), err)
				}
				got, err := sound.Probe(bytes.NewReader(b), int64(len(b)), "x.wav", sound.Hint{})
				if err != nil || got != p.probed() {
					t.Errorf("%+v, want %+v: %v", got, p.probed(), err)
				}
			}
		}
	}
}
