package identity

import (
	"context"
	_ "embed" // the list of common passwords
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Length counts and composition does not: no rule asks for digits or signs, and
// nothing expires (NIST SP 800-63B-4 §3.1.1.2). A password is refused when it is
// short, common, stolen, made of the person's or the customer's own words, or
// would fall to 10⁸ guesses.

//go:embed common.txt
var commonText string

// common is the bundled list: words and runs of keys that head every published
// list of stolen passwords, and those of our trade, written down by hand. With
// what people make of them (isCommon) they stand for millions; the estimator
// brings thirty thousand more, and an operator can mount a whole collection.
var common = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, line := range strings.Fields(commonText) {
		set[line] = true
	}
	return set
})

// isCommon looks through what people do to a common password to make it long:
// capitals, signs for letters, years and signs before and behind, saying it
// twice, another common word after it, going on along the keys.
func isCommon(password string) bool {
	p := []rune(firstRunes(strings.ToLower(password), scoredRunes))
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_.,!?", r) {
			return -1
		}
		return r
	}, string(p))
	const ornaments = "0123456789@#$%&*+"
	stem := strings.TrimRight(plain, ornaments)
	for _, candidate := range []string{
		plain, stem, strings.Trim(stem, ornaments), unmaskL.Replace(plain), unmaskL.Replace(stem), unmaskI.Replace(plain), unmaskI.Replace(stem),
	} {
		if common()[candidate] || common()[unit(candidate)] || oneLetter(candidate) || twoCommon(candidate) || isWalk(candidate) {
			return true
		}
	}
	return false
}

// twoCommon reports whether a text is one common word after another.
func twoCommon(s string) bool {
	for i := range s {
		if i > 0 && common()[s[:i]] && common()[s[i:]] {
			return true
		}
	}
	return false
}

// keyRows are the rows of the keyboards that are used most, each key above the
// right half of the one below it.
var keyRows = [][]string{
	{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"},
	{"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"},
	{"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"},
}

// isWalk reports whether fingers go from key to neighbouring key, or back to the
// top of the next column, all along a text of six letters or more.
func isWalk(s string) bool {
	if len(s) < 6 {
		return false
	}
	return slices.ContainsFunc(keyRows, func(rows []string) bool {
		jumps := 0
		for i := 1; i < len(s); i++ {
			ax, ay := keyAt(rows, s[i-1])
			bx, by := keyAt(rows, s[i])
			switch {
			case ay < 0 || by < 0:
				return false
			case abs(ax-bx) <= 1 && abs(ay-by) <= 1:
			default:
				jumps++
			}
		}
		return jumps*3 <= len(s)-1 // a column has four keys: 1qaz2wsx3edc jumps at every fourth
	})
}

func keyAt(rows []string, key byte) (x, y int) {
	for y, row := range rows {
		if x := strings.IndexByte(row, key); x >= 0 {
			return x, y
		}
	}
	return -1, -1
}

func abs(n int) int { return max(n, -n) }

// These read the signs that stand for letters; a one is either of two.
var (
	unmaskL = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "8", "b")
	unmaskI = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "8", "b", "!", "i")
)

// unit is what a text repeats, or the text.
func unit(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}

func oneLetter(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return s != "" && strings.Repeat(string(r), len(s)/n) == s
}

// checkPassword says whether a password is good enough for a person.
func (s *Service) checkPassword(ctx context.Context, field string, password secret.Text, words ...string) error {
	p := password.Reveal()
	if len(p) > longestPassword {
		return fault.Field(field, "a password has at most %d bytes", longestPassword)
	}
	if utf8.RuneCountInString(p) < shortestPassword {
		return fault.Field(field, "a password has at least %d characters", shortestPassword)
	}
	if isCommon(p) {
		return fault.Field(field, "this is a common password, or one of its variants; take one that nobody else has")
	}
	if s.o.Breached != nil {
		stolen, err := s.o.Breached(p)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the list of stolen passwords cannot be read; ask your operator")
		}
		if stolen {
			return fault.Field(field, "this password is on a list of stolen ones; take one that you use nowhere else")
		}
	}
	return s.hasher.guessable(ctx, field, p, words)
}

// guessable refuses what would fall to 10⁸ guesses by somebody who knows the
// words. Only the first characters are scored, which bounds the time.
func (h *hasher) guessable(ctx context.Context, field, password string, words []string) error {
	known := []string{"ringfence", "recording", "password"}
	for _, w := range words {
		known = append(known, strings.FieldsFunc(strings.ToLower(w), func(r rune) bool { return strings.ContainsRune(" @.-_+&,'", r) })...)
		known = append(known, strings.ReplaceAll(strings.ToLower(w), " ", ""))
	}
	// A name of two letters is in half of all words.
	known = slices.DeleteFunc(known, func(w string) bool { return utf8.RuneCountInString(w) < 3 })
	score := 0
	if err := h.do(ctx, func() { score = zxcvbn.PasswordStrength(firstRunes(password, scoredRunes), known).Score }); err != nil {
		return err
	}
	if score < leastScore {
		return fault.Field(field, "this password would be guessed; four or five words that do not belong together are good")
	}
	return nil
}

// words are what somebody who knows the person would try first: name, address,
// and the names of the organisations they belong to.
func (s *Service) words(ctx context.Context, p Person) ([]string, error) {
	all := []string{p.Email, p.Name}
	if s.o.Names == nil || p.ID.IsZero() {
		return all, nil
	}
	at, err := s.Places(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	held, err := s.nodesOf(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	return append(all, s.o.Names(ctx, append(at, held...))...), nil
}

// nodesOf lists at which nodes above customers a person has roles.
func (s *Service) nodesOf(ctx context.Context, p id.Person) (at []id.Node, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		at, err = place.Rows[id.Node](tx, `SELECT DISTINCT node FROM node_roles WHERE person = ? ORDER BY node`, p)
		return err
	})
	return at, err
}
