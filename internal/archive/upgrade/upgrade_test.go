package upgrade

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"ringfence/internal/base/release"
)

// signer is whoever builds releases.
type signer struct {
	private minisign.PrivateKey
	keys    Keys
}

func newSigner(t testing.TB) signer {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	fine(t, err)
	return signer{private, Keys{public}}
}

func fine(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// offer signs a file as a release for this machine.
func (s signer) offer(file []byte, number string) Offer {
	return s.offerFor(file, number, runtime.GOOS, runtime.GOARCH)
}

func (s signer) offerFor(file []byte, number, os, arch string) Offer {
	r := minisign.NewReader(bytes.NewReader(file))
	_, _ = io.Copy(io.Discard, r) // from memory
	sum := sha256.Sum256(file)
	return Offer{number, os, arch, int64(len(file)), sum[:], r.SignWithComments(s.private, Comment(number, os, arch), "a test")}
}

func from(b []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// script is a program that says its release, and else does what text says.
func script(text string) []byte {
	return []byte("#!/bin/sh\nif [ \"$1\" = version ]; then echo ringfence; exit 0; fi\n" + text + "\n")
}

func TestWhatIsNotWhatWasOffered(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	file := script("exit 0")
	good := s.offer(file, "1.2.3")
	change := func(f func(*Offer)) Offer {
		o := good
		o.SHA256, o.Signature = bytes.Clone(good.SHA256), bytes.Clone(good.Signature)
		f(&o)
		return o
	}
	longer := append(bytes.Clone(file), ' ')
	flipped := bytes.Clone(file)
	flipped[5] ^= 1
	sumOf := func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }
	for name, c := range map[string]struct {
		file  []byte
		offer Offer
		keys  Keys
		want  error
	}{
		"as it is":                         {file, good, s.keys, nil},
		"one of two keys":                  {file, good, append(bytesKeys(other), s.keys...), nil},
		"cut":                              {file[:len(file)-1], good, s.keys, ErrTruncated},
		"longer":                           {longer, good, s.keys, ErrOther},
		"a bit":                            {flipped, good, s.keys, ErrOther},
		"a bit, with its own hash":         {flipped, change(func(o *Offer) { o.SHA256 = sumOf(flipped) }), s.keys, ErrSignature},
		"another key":                      {file, other.offer(file, "1.2.3"), s.keys, ErrSignature},
		"no key":                           {file, good, nil, ErrNoKey},
		"passed off as newer":              {file, change(func(o *Offer) { o.Release = "1.2.4" }), s.keys, ErrComment},
		"passed off as another platform's": {file, change(func(o *Offer) { o.Arch = "riscv" }), s.keys, errAny},
		"no signature":                     {file, change(func(o *Offer) { o.Signature = []byte("x") }), s.keys, ErrSignature},
		"a comment that was changed": {file, change(func(o *Offer) {
			o.Release, o.Signature = "1.2.4", bytes.Replace(o.Signature, []byte("1.2.3"), []byte("1.2.4"), 1)
		}), s.keys, ErrSignature},
		"signed as a text, not as a digest": {file, change(func(o *Offer) {
			o.Signature = minisign.SignWithComments(s.private, file, Comment("1.2.3", o.OS, o.Arch), "")
		}), s.keys, ErrSignature},
	} {
		err := Verify(bytes.NewReader(c.file), c.offer, c.keys)
		if c.want == errAny && err == nil || c.want != errAny && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

var errAny = errors.New("any")

func bytesKeys(s signer) Keys { return append(Keys{}, s.keys...) }

func TestOffersThatAreNotTaken(t *testing.T) {
	s := newSigner(t)
	file := script("exit 0")
	for name, c := range map[string]struct {
		offer Offer
		down  bool
		want  error
	}{
		"older":                  {s.offer(file, "1.1.9"), false, ErrDown},
		"the same":               {s.offer(file, "1.2.0"), true, ErrDown},
		"older, and asked for":   {s.offer(file, "1.1.9"), true, nil},
		"newer":                  {s.offer(file, "1.2.1"), false, nil},
		"another platform":       {s.offerFor(file, "1.2.1", "windows", "arm64"), false, errAny},
		"a name with a way out":  {s.offer(file, "../../1.2.1"), false, errAny},
		"larger than can be had": {Offer{"1.2.1", runtime.GOOS, runtime.GOARCH, maxSize + 1, make([]byte, 32), []byte("x")}, false, errAny},
	} {
		f := Folder{t.TempDir()}
		err := f.Take(t.Context(), Ask{Offer: c.offer, Keys: s.keys, Own: "1.2.0", Down: c.down, Get: from(file)})
		p, _ := f.Plan()
		if c.want == nil && (err != nil || p.Trial.Release != c.offer.Release) || c.want != nil && (err == nil || c.want != errAny && !errors.Is(err, c.want) || p.Trial.Release != "") {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
		if c.want != nil && count(f.bin()) != 0 {
			t.Errorf("%s: something was left behind", name)
		}
	}
}

func count(dir string) int {
	all, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	return len(all)
}

// What does not start on this machine is found out while the old one works.
func TestAProgramThatDoesNotStart(t *testing.T) {
	s := newSigner(t)
	for _, file := range [][]byte{[]byte("\x7fELF of another machine"), []byte("#!/nowhere/sh\n"), []byte("#!/bin/sh\nexit 3\n")} {
		f := Folder{t.TempDir()}
		if err := f.Take(t.Context(), Ask{Offer: s.offer(file, "1.2.1"), Keys: s.keys, Own: "1.2.0", Get: from(file)}); err == nil || !strings.Contains(err.Error(), "does not start") {
			t.Errorf("%q: %v", file, err)
		}
	}
}

var (
	own, _ = release.Parse("1.2.0")
	moment = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// taken is a folder with a release on trial.
func taken(t *testing.T, s signer, file []byte, number string) (Folder, Offer) {
	t.Helper()
	f, o := Folder{t.TempDir()}, s.offer(file, number)
	fine(t, f.Take(t.Context(), Ask{Offer: o, Keys: s.keys, Own: "1.2.0", Get: from(file)}))
	return f, o
}

func chosen(t *testing.T, f Folder, s signer) Choice {
	t.Helper()
	c, err := f.Choose("self", own, s.keys, moment)
	fine(t, err)
	return c
}

func TestATrialIsTriedTwiceAtMost(t *testing.T) {
	s := newSigner(t)
	f, o := taken(t, s, script("exit 0"), "1.2.1")
	for range maxTries {
		if c := chosen(t, f, s); !c.Trial || c.Release != "1.2.1" || c.Program != f.program(o) {
			t.Fatalf("%+v", c)
		}
	}
	if c := chosen(t, f, s); c.Trial || c.Program != "self" || c.Release != "1.2.0" {
		t.Fatalf("%+v", c)
	}
	p, err := f.Plan()
	if l, ok := p.LastFailure(); err != nil || !ok || l.Reason != Crashed || !p.Had("1.2.1", moment.Add(-time.Second)) || p.Had("1.2.1", moment) {
		t.Errorf("%+v %v", p, err)
	}
}

func TestWhatIsKeptRuns(t *testing.T) {
	s := newSigner(t)
	f, o := taken(t, s, script("exit 0"), "1.2.1")
	chosen(t, f, s)
	fine(t, f.Kept())
	if c := chosen(t, f, s); c.Trial || c.Release != "1.2.1" {
		t.Fatalf("%+v", c)
	}
	// A file that was changed afterwards is not run.
	fine(t, os.WriteFile(f.program(o), script("rm -rf /"), 0o700))
	if c := chosen(t, f, s); c.Program != "self" {
		t.Fatalf("a changed program is run: %+v", c)
	}
	if p, _ := f.Plan(); p.Active.Release != "" {
		t.Errorf("%+v", p)
	}
}

// A package that is newer than what the server brought wins; one that is older
// than an older release that somebody asked for does not, until it is upgraded.
func TestThePackageAndWhatWasBrought(t *testing.T) {
	s := newSigner(t)
	f, _ := taken(t, s, script("exit 0"), "1.2.1")
	chosen(t, f, s)
	fine(t, f.Kept())
	newer, _ := release.Parse("1.3.0")
	if c, err := f.Choose("self", newer, s.keys, moment); err != nil || c.Program != "self" {
		t.Fatalf("%+v %v", c, err)
	}
	f = Folder{t.TempDir()}
	file := script("exit 0")
	fine(t, f.Take(t.Context(), Ask{Offer: s.offer(file, "1.1.0"), Keys: s.keys, Own: "1.2.0", Down: true, Get: from(file)}))
	chosen(t, f, s)
	fine(t, f.Kept())
	if c := chosen(t, f, s); c.Release != "1.1.0" {
		t.Fatalf("what was asked for does not run: %+v", c)
	}
	if c, err := f.Choose("self", newer, s.keys, moment); err != nil || c.Program != "self" {
		t.Fatalf("%+v %v", c, err)
	}
}

func TestADamagedPlanMeansTheProgramOfTheSystem(t *testing.T) {
	s := newSigner(t)
	f, _ := taken(t, s, script("exit 0"), "1.2.1")
	for _, text := range []string{"", "{", `{"active":{"release":"../../bin/sh","os":"linux","arch":"amd64","size":1}}`, `{"trial":{"release":"1.2.1"},"tries":-5}`, `[]`} {
		fine(t, os.WriteFile(f.planPath(), []byte(text), 0o600))
		if c := chosen(t, f, s); c.Program != "self" || c.Trial {
			t.Errorf("%q: %+v", text, c)
		}
	}
}

func TestTheShelf(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	dir := t.TempDir()
	put := func(name string, file, sig []byte) {
		fine(t, os.WriteFile(filepath.Join(dir, name), file, 0o600))
		if sig != nil {
			fine(t, os.WriteFile(filepath.Join(dir, name+".minisig"), sig, 0o600))
		}
	}
	file := script("exit 0")
	for _, n := range []string{"1.2.1", "1.10.0", "1.9.0"} {
		put("ringfence-"+n+"-linux-amd64", file, s.offerFor(file, n, "linux", "amd64").Signature)
	}
	put("ringfence-2.0.0-linux-amd64", file, other.offerFor(file, "2.0.0", "linux", "amd64").Signature)
	put("ringfence-2.1.0-linux-amd64", file, s.offerFor(file, "2.0.0", "linux", "amd64").Signature)
	put("ringfence-2.2.0-linux-amd64", file, nil)
	put("ringfence-1.10.0-windows-amd64.exe", file, s.offerFor(file, "1.10.0", "windows", "amd64").Signature)
	put("ringfence-1.10.0-linux-arm64.exe", file, nil)
	put("README", file, nil)
	shelf := NewShelf(dir, s.keys)
	all, err := shelf.List()
	fine(t, err)
	offered := 0
	for _, h := range all {
		if h.Problem == "" {
			offered++
		}
	}
	if len(all) != 7 || offered != 4 {
		t.Fatalf("%d files, %d offered: %+v", len(all), offered, all)
	}
	if o, ok := shelf.Newest("linux", "amd64"); !ok || o.Release != "1.10.0" || o.Check() != nil {
		t.Errorf("%+v", o)
	}
	if _, ok := shelf.Newest("linux", "arm64"); ok {
		t.Error("offered for a platform that nothing is held for")
	}
	if _, ok := shelf.Exactly("2.0.0", "linux", "amd64"); ok {
		t.Error("another's signature is offered")
	}
	o, _ := shelf.Exactly("1.9.0", "linux", "amd64")
	in, err := shelf.Open(o)
	fine(t, err)
	defer in.Close()
	fine(t, Verify(in, o, s.keys))
	// A file that is exchanged is judged anew.
	put("ringfence-1.10.0-linux-amd64", append(bytes.Clone(file), '#'), nil)
	if o, ok := shelf.Newest("linux", "amd64"); !ok || o.Release != "1.9.0" {
		t.Errorf("an exchanged file is offered: %+v", o)
	}
	if all, err := NewShelf(filepath.Join(dir, "none"), s.keys).List(); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}

func TestKeysAsTheyAreWritten(t *testing.T) {
	s := newSigner(t)
	text, err := s.keys[0].MarshalText()
	fine(t, err)
	for _, form := range []string{string(text), s.keys[0].String(), "  " + s.keys[0].String() + "\n"} {
		k, err := ParseKeys("", form)
		if err != nil || len(k) != 1 || !k[0].Equal(s.keys[0]) || k.Texts()[0] != s.keys[0].String() {
			t.Errorf("%q: %v %v", form, k, err)
		}
	}
	if _, err := ParseKeys("RWnonsense"); err == nil {
		t.Error("nonsense is a key")
	}
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"active":{"release":"1.2.3","os":"linux","arch":"amd64","size":3,"sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","signature":"eA=="},"tries":1}`))
	f.Add([]byte(`{"trial":{"release":"../x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := readPlan(b)
		for _, o := range []Offer{p.Active, p.Trial} {
			if o.Release != "" && o.Check() != nil || strings.ContainsAny(o.Release, `/\`) {
				t.Fatalf("%+v", o)
			}
		}
		if p.Tries < 0 || len(p.Failed) > maxFailed {
			t.Fatalf("%+v", p)
		}
	})
}

func FuzzOffer(f *testing.F) {
	s := newSigner(f)
	file := script("exit 0")
	o := s.offerFor(file, "1.2.3", "linux", "amd64")
	f.Add(file, o.Signature, "1.2.3")
	f.Fuzz(func(t *testing.T, b, sig []byte, number string) {
		sum := sha256.Sum256(b)
		try := Offer{number, "linux", "amd64", int64(len(b)), sum[:], sig}
		if Verify(bytes.NewReader(b), try, s.keys) == nil && (!bytes.Equal(b, file) || number != "1.2.3") {
			t.Fatal("another file is taken for the release")
		}
	})
}
