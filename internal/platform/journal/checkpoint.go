package journal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Checkpoint is what the log was when it had so many events. Signed, as a note
// (golang.org/x/mod/sumdb/note, c2sp.org/tlog-checkpoint), it leaves the house:
// who keeps one notices whatever is changed in the log before it.
type Checkpoint struct {
	Origin   string // whose log: KeyName and the customer's id
	Size     int64
	Root     tlog.Hash
	Openings int64 // what the key store had counted, before the size was read: the log has at least as many
	At       time.Time
}

// KeyName names an installation by its key: what stands beside a signature.
func KeyName(public []byte) string {
	sum := sha256.Sum256(public)
	return "ringfence/" + hex.EncodeToString(sum[:8])
}

// Origin is the first line of a customer's checkpoints.
func Origin(public []byte, c id.Customer) string { return KeyName(public) + "/" + c.String() }

// VerifierKey is the text by which others check signatures.
func VerifierKey(public []byte) (string, error) {
	if len(public) != ed25519.PublicKeySize {
		return "", fault.New(fault.Invalid, "this is no Ed25519 key")
	}
	return note.NewEd25519VerifierKey(KeyName(public), public)
}

// Text is what is signed. Lines after the third are extensions, which other
// readers of checkpoints pass over.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\nopenings %d\nat %s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]), c.Openings, c.At.UTC().Format(time.RFC3339))
}

// ParseCheckpoint reads what Text writes, and nothing that is merely like it.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	bad := fault.New(fault.Invalid, "this is no checkpoint")
	l := strings.Split(text, "\n")
	if len(l) != 6 || l[5] != "" {
		return c, bad
	}
	c.Origin = l[0]
	root, err := base64.StdEncoding.DecodeString(l[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, bad
	}
	copy(c.Root[:], root)
	if c.Size, err = strconv.ParseInt(l[1], 10, 64); err != nil || c.Size < 1 {
		return c, bad
	}
	n, ok := strings.CutPrefix(l[3], "openings ")
	at, ok2 := strings.CutPrefix(l[4], "at ")
	if c.Openings, err = strconv.ParseInt(n, 10, 64); err != nil || c.Openings < 0 || !ok || !ok2 {
		return c, bad
	}
	if c.At, err = time.Parse(time.RFC3339, at); err != nil || c.Text() != text {
		return c, bad
	}
	return c, nil
}

// Signer signs notes with the installation's key.
type Signer struct {
	Public  []byte
	SignRaw func(text []byte) ([]byte, error)
}

// Name implements note.Signer.
func (s Signer) Name() string { return KeyName(s.Public) }

// KeyHash implements note.Signer: the first four bytes of SHA-256 over name, a
// line break, the kind of key (1: Ed25519) and the key.
func (s Signer) KeyHash() uint32 {
	sum := sha256.Sum256(append(append([]byte(s.Name()+"\n"), 1), s.Public...))
	return uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
}

// Sign implements note.Signer.
func (s Signer) Sign(text []byte) ([]byte, error) { return s.SignRaw(text) }

// SignNote makes a note of a text.
func (s Signer) SignNote(text string) (string, error) {
	b, err := note.Sign(&note.Note{Text: text}, s)
	return string(b), err
}

// OpenNote gives the text of a note that this key has signed. Signatures of
// others beside are let be.
func OpenNote(signed, verifierKey string) (string, error) {
	v, err := note.NewVerifier(verifierKey)
	if err != nil {
		return "", fault.New(fault.Invalid, "this is no key: it begins with a name, and + and eight digits after it")
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return "", fault.New(fault.Denied, "this was not signed by the key %s", v.Name())
	}
	return n.Text, nil
}
