package recording

import (
	"cmp"
	"io"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
)

// Item is one recording to archive from files that can be read here.
type Item struct {
	Source id.Source
	Key    string // names the recording within its source; the same key later is the same recording
	Call   Call
	Sound  SoundState
	// StartedAt is when the first sample was spoken; zero: with the call.
	StartedAt time.Time
	Files     []File // at least one; the preferred rendition first
	Leaving   bool   // its files will be moved or deleted: the archived sound is hashed again before
	Unheard   bool   // nobody asked for a transcript: none is made by itself
}

// File is one rendition's file.
type File struct {
	Path    string // within the source
	Shown   string // the path for people: legible, and without a number that was withheld; empty: Path
	Kind    Kind
	Size    int64
	ModTime time.Time
	Probed  sound.Probed
	// Open gives the bytes. Exactly Size of them are wanted: fewer or more
	// means that the file is still changing, and it is not archived.
	Open func() (io.ReadCloser, error)
}

func (f File) shown() string { return cmp.Or(f.Shown, f.Path) }

// SealedIn is one recording that a collector sealed beside the telephone system.
type SealedIn struct {
	Recording  id.Recording // drawn by the box: archiving it twice is archiving it once
	Source     id.Source
	Device     id.Device
	Key        string
	Keys       keyring.Reserved
	Call       Call
	Sound      SoundState
	StartedAt  time.Time // as for Item
	Renditions []SealedRendition
}

// SealedRendition is one sealed object of a SealedIn, and what the box signed
// about it.
type SealedRendition struct {
	Object       id.Object
	Path         string
	Shown        string // as File's
	Kind         Kind
	Size         int64 // of the file on the box
	PlainBytes   int64 // of the sound as it was sealed
	ModTime      time.Time
	Probed       sound.Probed
	PlainSHA256  [32]byte
	CipherBytes  int64
	CipherSHA256 [32]byte
	Open         func() (io.ReadCloser, error) // the ciphertext
}

// Result is what became of one item.
type Result string

// The results.
const (
	Stored    Result = "stored"    // committed; the object was not read back yet
	Verified  Result = "verified"  // read back through a logged opening: the source may go
	Duplicate Result = "duplicate" // these bytes are archived already, under another path
	Erased    Result = "erased"    // these bytes were destroyed on purpose: never captured again
	Refused   Result = "refused"   // Err says why
)

// Outcome tells what became of one item. The receipt is signed by the
// installation; it covers the ciphertext.
type Outcome struct {
	Recording id.Recording // of the earlier one for a duplicate; zero when erased or refused
	Result    Result
	Replaced  bool // a longer capture took the place of an earlier one
	Receipt   SignedReceipt
	Err       error
}

// SignedReceipt is a statement with the installation's signature over Text.
type SignedReceipt struct {
	Kind      Result // Stored or Verified
	Text      []byte
	Signature []byte
}

// ObjectAAD binds a sealed object to its customer and its own id: a copy under
// another name or in another customer's place does not open.
func ObjectAAD(c id.Customer, o id.Object) []byte {
	b := append([]byte("ringfence object v1\x00"), c[:]...)
	return append(b, o[:]...)
}

// ObjectName is the name under which an object lies in the bucket. It says
// nothing but whose it is.
func ObjectName(c id.Customer, o id.Object) string { return blob.Name(c, o) }

// cardAAD binds a card to its customer and recording.
func cardAAD(c id.Customer, r id.Recording) []byte {
	b := append([]byte("ringfence card v1\x00"), c[:]...)
	return append(b, r[:]...)
}
