package keyring

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// The recovery copy is the root key as a person can print, keep in a safe and
// type again: four lines of four groups of four characters. Each line holds
// eight bytes of the key and two of a check that also covers the number of the
// line, so that a typing error is found in its line, and swapped lines are
// noticed. The root key file holds the same text.
const (
	recoveryLines = 4
	lineKey       = 8 // bytes of the key in a line
	lineCheck     = 2
	recoveryHead  = "# Ringfence root key. Whoever reads this can open every recording;\n" +
		"# without it nobody can. Keep it apart from the server and its backups.\n"
)

// crockford has no letters that are mistaken for digits.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Recovery is the text of the recovery copy.
func (r Root) Recovery() string {
	var b strings.Builder
	b.WriteString(recoveryHead)
	key := r.key.Reveal()
	for i := range recoveryLines {
		part := key[i*lineKey : (i+1)*lineKey]
		text := crockford.EncodeToString(append(part[:lineKey:lineKey], checkOf(i, part)...))
		fmt.Fprintf(&b, "%d: %s %s %s %s\n", i+1, text[0:4], text[4:8], text[8:12], text[12:16])
	}
	return b.String()
}

func checkOf(line int, part []byte) []byte {
	sum := sha256.Sum256(append([]byte{'r', 'f', 'k', byte(line)}, part...))
	return sum[:lineCheck]
}

// FromRecovery reads a recovery copy as people type it: in either case, with
// any spaces or dashes, with or without the numbers of the lines and the
// remarks, with O for 0 and I or L for 1. A fault names the line to look at.
func FromRecovery(text string) (Root, error) {
	var lines []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if _, after, ok := strings.Cut(line, ":"); ok {
			line = after
		}
		if line = typed.Replace(strings.ToUpper(strings.TrimSpace(line))); line != "" {
			lines = append(lines, line)
		}
	}
	const width = (lineKey + lineCheck) * 8 / 5
	if len(lines) == 1 && len(lines[0]) == recoveryLines*width { // typed without line breaks
		l := lines[0]
		lines = []string{l[:width], l[width : 2*width], l[2*width : 3*width], l[3*width:]}
	}
	if len(lines) != recoveryLines {
		return Root{}, fault.New(fault.Invalid, "a recovery copy has %d lines of %d characters, this has %d lines", recoveryLines, width, len(lines))
	}
	var key []byte
	for i, line := range lines {
		if len(line) != width {
			return Root{}, fault.New(fault.Invalid, "line %d has %d characters instead of %d", i+1, len(line), width)
		}
		b, err := crockford.DecodeString(line)
		if err != nil || string(b[lineKey:]) != string(checkOf(i, b[:lineKey])) {
			return Root{}, fault.New(fault.Invalid, "line %d has a typing error, or is not the line of that number", i+1)
		}
		key = append(key, b[:lineKey]...)
	}
	k, err := secret.KeyFrom(key)
	return Root{k}, err
}

// typed undoes what people do to codes.
var typed = strings.NewReplacer(" ", "", "\t", "", "-", "", ".", "", "O", "0", "I", "1", "L", "1")
