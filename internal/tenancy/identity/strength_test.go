package identity

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

func TestCommonPasswordsInDisguise(t *testing.T) {
	for _, p := range []string{
		"passwordpassword", "Password1234567", "P@ssw0rd2026!!", "qwertyuiopas", "Qwertyuiop-12345", "letmein-letmein-letmein", "Iloveyouforever!",
		"111111111111", "ääääääääääää", "Liverpool-FC-2026", "correct horse battery staple", "W3lcome2026####", "123456123456123456", "call centre 2026",
		"zaq12wsxcde3", "1qaz2wsx3edc", "0okm9ijn8uhb", "2026-November!", "Summer-Sunshine-26", "ManchesterCity1999", "R1ngf3nce-2026", "purplemonkey77", "ichliebedich!1", "Mittwoch-Mittwoch",
	} {
		if !isCommon(p) {
			t.Errorf("%q is taken", p)
		}
	}
	for _, p := range []string{
		"violet tractor mends nine kites", "copper lanterns drift past midnight", "passwords rarely wear bowler hats", "monkeys file seven purple reports", "quiet otters weave", "",
	} {
		if isCommon(p) {
			t.Errorf("%q is refused", p)
		}
	}
	for w := range common() {
		if w != strings.ToLower(w) || strings.ContainsAny(w, " -_.") {
			t.Errorf("the list holds %q, which nothing is compared with", w)
		}
	}
}

func TestNoRuleOfComposition(t *testing.T) {
	s, _ := quick(t)
	for _, p := range []string{"violet tractor mends nine kites", "VIOLET TRACTOR MENDS NINE KITES", "темная ночь фиолетовый трактор", "八百屋 紫 牽引車 凧を直す 九つの夜 青い鳥"} {
		if err := s.checkPassword(t.Context(), "password", secret.NewText(p)); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestTheOrganisationsWordsCountForNothing(t *testing.T) {
	s, _ := quick(t)
	const p = "Xylotrane Quorvex 1"
	if err := s.checkPassword(t.Context(), "password", secret.NewText(p)); err != nil {
		t.Error("without the words it is a good one:", err)
	}
	for _, words := range [][]string{{"Xylotrane Quorvex"}, {"xylotrane", "QUORVEX"}} {
		if err := s.checkPassword(t.Context(), "password", secret.NewText(p), words...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q for somebody of %v: %v", p, words, err)
		}
	}
	s.o.Names = func(_ context.Context, at []id.Node) []string { return []string{"Xylotrane", "Quorvex"} }
	who, _, err := s.credential(t.Context(), "anna@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.newPassword(t.Context(), who, secret.NewText(p), address(1, 1), "password.reset", id.Session{}, func(*place.Tx) error { return nil }); !fault.Is(err, fault.Invalid) {
		t.Error("the names of the person's customers were not asked for:", err)
	}
}

// breachedFile writes hashes as the collections do.
func breachedFile(t *testing.T, end string, passwords ...string) string {
	var lines []string
	for i, p := range passwords {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum([]byte(p)), i+1))
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "breached.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, end)+end), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStolenPasswords(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		for _, n := range []int{1, 2, 3, 1000} {
			var stolen []string
			for i := range n {
				stolen = append(stolen, fmt.Sprintf("stolen %d", i))
			}
			b, err := OpenBreached(breachedFile(t, end, stolen...))
			if err != nil {
				t.Fatal(n, err)
			}
			defer b.Close()
			for _, p := range stolen {
				if held, err := b.Holds(p); !held || err != nil {
					t.Errorf("of %d: %q: %v, %v", n, p, held, err)
				}
			}
			for i := range 100 {
				if held, err := b.Holds(fmt.Sprintf("mine %d", i)); held || err != nil {
					t.Errorf("of %d: a password that nobody stole: %v, %v", n, held, err)
				}
			}
		}
	}
	s, _ := quick(t)
	b, err := OpenBreached(breachedFile(t, "\n", goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s.o.Breached = b.Holds
	if err := s.checkPassword(t.Context(), "password", secret.NewText(goodPassword)); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestAFileThatIsNoListOfHashes(t *testing.T) {
	dir := t.TempDir()
	shuffled := strings.Repeat("F", 40) + ":1\n" + strings.Repeat("0", 40) + ":1\n"
	for name, text := range map[string]string{"empty": "", "words": strings.Repeat("letmein\n", 100), "shuffled": strings.Repeat(shuffled, 600), "binary": string(make([]byte, 5000))} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := OpenBreached(path); err == nil {
			b.Close()
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := OpenBreached(filepath.Join(dir, "missing")); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func FuzzCommon(f *testing.F) {
	for _, p := range []string{"", "P@ssw0rd", "ää", "\xff\xfe", "    ", "aaaa aaaa", strings.Repeat("é", 300)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		first := isCommon(p)
		if isCommon(p) != first {
			t.Error("not the same twice")
		}
		if n := len([]rune(readRecovery(p))); n > 64 {
			t.Errorf("%d letters of a recovery code", n)
		}
		if n := len([]rune(digits(p))); n > 64 {
			t.Errorf("%d letters of a code", n)
		}
	})
}

func FuzzTOTP(f *testing.F) {
	f.Add("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "287082", int64(1))
	f.Add("", "", int64(0))
	f.Add("not base32!", "١٢٣٤٥٦", int64(-5))
	f.Fuzz(func(t *testing.T, key, code string, now int64) {
		now %= 1 << 40
		if step, ok := totpStepOf(key, code, now); ok && (step < now-totpSkew || step > now+totpSkew) {
			t.Errorf("step %d at %d", step, now)
		}
	})
}
