// Package upgrade brings a signed release onto a box and goes back to the one
// before if it does not prove itself.
//
// A release is one file for one platform, signed with minisign by whoever
// builds it; the key's public half is built into the program or was pinned when
// the box was enrolled. The signature's trusted comment names release and
// platform, so that a file cannot be passed off as another. A server only holds
// and offers files: it cannot make a box run what the key's owner did not sign.
//
//	offered → downloaded → checked → tried out ("version") → placed in bin/
//	        → on trial: the box restarts into it, and it has to report back
//	        → kept, or rolled back to what ran before
//
// The launcher that the system starts is not exchanged by any of this. It reads
// the plan, checks the signature once more, and runs what the plan names. Every
// step is one rename of one file: killed anywhere, either the old program runs
// or the new one.
package upgrade

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"aead.dev/minisign"

	"ringfence/internal/base/release"
)

// maxSize bounds a release: a box must not be filled by an offer.
const maxSize = 512 << 20

// maxSignature bounds the text of a signature.
const maxSignature = 2048

// Offer is a release that a server holds for one platform.
type Offer struct {
	Release   string `json:"release"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Size      int64  `json:"size"`
	SHA256    []byte `json:"sha256"`
	Signature []byte `json:"signature"` // as minisign writes it
}

// platforms are those that releases are built for.
var platforms = []string{"linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64"}

// Check refuses an offer that cannot be meant, before a byte is downloaded.
func (o Offer) Check() error {
	if _, err := release.Parse(o.Release); err != nil {
		return fmt.Errorf("the offer names no release: %w", err)
	}
	if !slices.Contains(platforms, o.OS+"/"+o.Arch) {
		return errors.New("the offer is for a platform that is not known")
	}
	if o.Size < 1 || o.Size > maxSize || len(o.SHA256) != sha256.Size || len(o.Signature) == 0 || len(o.Signature) > maxSignature {
		return errors.New("the offer has no size, no hash or no signature")
	}
	return nil
}

// Comment is the trusted comment that the signature of a release carries.
func Comment(number, os, arch string) string {
	return "ringfence release " + number + " " + os + "/" + arch
}

// Keys are the public keys of whoever may sign releases.
type Keys []minisign.PublicKey

// ParseKeys reads public keys as minisign writes them: the line that begins
// with RW, or the file with its comment. Empty ones are left out.
func ParseKeys(texts ...string) (keys Keys, err error) {
	for _, t := range texts {
		if strings.TrimSpace(t) == "" {
			continue
		}
		var k minisign.PublicKey
		if err := k.UnmarshalText([]byte(strings.TrimSpace(t))); err != nil {
			return nil, errors.New("a key for releases is no public key of minisign: want the line that begins with RW")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Texts are the keys as text.
func (k Keys) Texts() (all []string) {
	for _, one := range k {
		all = append(all, one.String())
	}
	return all
}

// The ways in which a file is not what was offered. Each says what it means to
// whoever reads it on the box.
var (
	ErrTruncated = errors.New("the file is not as long as was offered")
	ErrOther     = errors.New("the file is another than was offered")
	ErrSignature = errors.New("the signature is not by a key that this box trusts")
	ErrComment   = errors.New("the signature is for another release or platform")
	// ErrServerComment and ErrNoServerKey are for the program of a server.
	ErrServerComment = errors.New("the signature is not for a server's program or package, or for another platform")
	ErrNoServerKey   = errors.New("this program knows no key for releases: none was built in; give it with --release-key")
	ErrNoKey         = errors.New("this box knows no key for releases: it was enrolled before its server had one; give it with \"collect install --release-key\"")
)

// Verify reads a whole release and gives nil only if it is what was offered
// and is signed for exactly that by one of the keys.
func Verify(r io.Reader, o Offer, keys Keys) error {
	if err := o.Check(); err != nil {
		return err
	}
	if len(keys) == 0 {
		return ErrNoKey
	}
	sum := sha256.New()
	signed := minisign.NewReader(io.TeeReader(io.LimitReader(r, o.Size+1), sum))
	n, err := io.Copy(io.Discard, signed)
	switch {
	case err != nil:
		return err
	case n < o.Size:
		return ErrTruncated
	case n > o.Size || !bytes.Equal(sum.Sum(nil), o.SHA256):
		return ErrOther
	}
	return verified(signed, o, keys)
}

func verified(signed *minisign.Reader, o Offer, keys Keys) error {
	comment, err := signedBy(signed, o.Signature, keys)
	if err == nil && comment != Comment(o.Release, o.OS, o.Arch) {
		return ErrComment
	}
	return err
}

// signedBy gives the trusted comment of a signature by one of the keys.
func signedBy(signed *minisign.Reader, signature []byte, keys Keys) (comment string, err error) {
	var sig minisign.Signature
	if err := sig.UnmarshalText(signature); err != nil {
		return "", ErrSignature
	}
	// Only the form that signs a hash: the other one is for short texts.
	if sig.Algorithm != minisign.HashEdDSA || !slices.ContainsFunc(keys, func(k minisign.PublicKey) bool { return signed.Verify(k, signature) }) {
		return "", ErrSignature
	}
	return sig.TrustedComment, nil
}

// ServerComment is the trusted comment that a server's program or package
// carries: a collector's, signed by the same key, cannot be passed off as one.
func ServerComment(number, os, arch string) string {
	return "ringfence server " + number + " " + os + "/" + arch
}

// TakeServer copies a server's program or package into w and gives its release,
// if it is signed for this platform by one of the keys. Only what was copied was
// checked: the file itself may change meanwhile.
func TakeServer(w io.Writer, r io.Reader, signature []byte, keys Keys) (number string, err error) {
	if len(keys) == 0 {
		return "", ErrNoServerKey
	}
	signed := minisign.NewReader(io.LimitReader(r, maxSize+1))
	n, err := io.Copy(w, signed)
	if err != nil {
		return "", err
	}
	if n > maxSize || len(signature) > maxSignature {
		return "", ErrOther
	}
	comment, err := signedBy(signed, signature, keys)
	if err != nil {
		return "", err
	}
	var platform string
	if _, err := fmt.Sscanf(comment, "ringfence server %s %s", &number, &platform); err != nil || comment != ServerComment(number, runtime.GOOS, runtime.GOARCH) {
		return "", ErrServerComment
	}
	_, err = release.Parse(number)
	return number, err
}

// Newer reports whether a release comes after another. One that cannot be read
// comes after nothing.
func Newer(a, than string) bool {
	c, err := release.Compare(a, than)
	return err == nil && c > 0
}
