// Package collect brings recordings from a box beside a telephone system to
// the server, sealed before they travel. It has both ends: Run on the box and
// Server behind the API.
//
// The box holds one private key, which signs and opens nothing. Each recording
// gets two keys of its own, drawn on the box; they are sealed to the customer's
// public key (HPKE) and forgotten as soon as the ciphertext stands in the spool.
// Whoever steals the box finds ciphertext that it cannot open and a device key
// that an administrator can revoke.
//
//	PBX folder → profile → sealed into the spool → uploaded by offset
//	          → complete → receipt stored → the server's one logged opening
//	          → receipt verified → only now the source may be moved or deleted
//
// One recording is one upload. Its id is drawn on the box, the recording's and
// its objects' follow from it, and all are written to disk before the first byte travels, so that every step can be
// repeated after a crash on either end: the second time finds what the first
// one did. Times that matter are the server's; the box's clock is only used to
// date its signatures.
//
// The format is closed in transit, not end to end: the server opens the
// recording once to verify it and again to transcribe it, each time against a
// receipt in the customer's journal.
package collect

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/base/id"
)

// Path is where the API mounts the server's handler.
const Path = "/api/v1/collect"

// version stands in every manifest; another one is refused, not guessed at.
const version = 1

// Limits of what travels. A manifest holds no sound, only the sealed card.
const (
	maxManifest  = 1 << 20
	maxObjects   = 16
	maxAttention = 500
	chunkBytes   = 4 << 20
	maxChunk     = 16 << 20
	maxUpload    = 64 << 30
)

// After says what becomes of a source once its recording is verified.
type After string

const (
	Keep   After = "keep"   // leave it where it is
	Move   After = "move"   // into the folder .ringfence-done beside it
	Delete After = "delete" // remove it
)

// Enrolment is what a box posts once, with the code that an administrator got.
type Enrolment struct {
	Code      string `json:"code"`
	PublicKey []byte `json:"device_public_key"` // Ed25519
	// Proof signs code and public key with the device key, so that nobody
	// enrols a key that is not theirs.
	Proof []byte `json:"proof"`
}

// Config is what the server tells a box: who it is, to which key it seals and
// what the administrator set for its source.
type Config struct {
	Customer  id.Customer     `json:"customer"`
	Device    id.Device       `json:"device"`
	Source    id.Source       `json:"source"`
	Name      string          `json:"name"`
	ServerKey []byte          `json:"server_key"` // Ed25519; pinned at enrolment, a later change is refused
	PublicKey []byte          `json:"public_key"` // HPKE, MLKEM768-X25519
	Profile   string          `json:"profile"`
	TimeZone  string          `json:"time_zone"`
	Country   string          `json:"country,omitempty"`
	Pattern   string          `json:"pattern,omitempty"`
	Raw       json.RawMessage `json:"raw,omitempty"` // format of files without a header
	After     After           `json:"after"`
	Copies    int             `json:"copies"`         // in how many places keys and objects lie; below 2 sources are only kept
	Hold      string          `json:"hold,omitempty"` // why nothing is captured now, for a person; empty: capture
	Chunk     int             `json:"chunk_bytes"`
	// Farewell: the customer leaves; whatever is here of it is to be removed and
	// answered for. Since protocol 4.
	Farewell bool `json:"farewell,omitempty"`
	// ReleaseKeys check upgrades; pinned at enrolment, never changed by a server.
	ReleaseKeys []string `json:"release_keys,omitempty"`
}

// Manifest is what the box signs about one upload. Whatever tells something of
// the call stands in the sealed card; here are only sizes and hashes of
// ciphertext.
type Manifest struct {
	Version   int          `json:"version"`
	Customer  id.Customer  `json:"customer"`
	Device    id.Device    `json:"device"`
	Upload    id.Upload    `json:"upload"`
	Recording id.Recording `json:"recording"`
	Capsule   []byte       `json:"capsule"` // both keys, sealed to the customer
	Card      []byte       `json:"card"`    // Card as JSON, sealed under the card key
	Objects   []Object     `json:"objects"` // in the order in which their bytes are uploaded
}

// Object is one sealed rendition within an upload.
type Object struct {
	ID     id.Object `json:"id"`
	Bytes  int64     `json:"bytes"`
	SHA256 []byte    `json:"sha256"` // of the ciphertext
}

// size is the number of bytes that an upload carries.
func (m *Manifest) size() (n int64) {
	for _, o := range m.Objects {
		n += o.Bytes
	}
	return n
}

// check refuses a manifest that cannot be meant: whoever signs it may be a
// stolen box.
func (m *Manifest) check() error {
	switch {
	case m.Version != version:
		return fmt.Errorf("version %d is not known here; bring both ends to the same release", m.Version)
	case m.Customer.IsZero() || m.Device.IsZero() || m.Upload.IsZero():
		return errors.New("an id is missing")
	case len(m.Capsule) == 0 || len(m.Card) == 0:
		return errors.New("capsule or card is missing")
	case len(m.Objects) == 0 || len(m.Objects) > maxObjects:
		return fmt.Errorf("an upload has 1 to %d objects, not %d", maxObjects, len(m.Objects))
	}
	for i, o := range m.Objects {
		if o.ID != objectID(m.Device, m.Upload, i) || o.Bytes <= 0 || o.Bytes > maxUpload || len(o.SHA256) != sha256.Size {
			return errors.New("an object has not its own id, no size or no hash")
		}
	}
	if m.Recording != recordingID(m.Device, m.Upload) {
		return errors.New("the recording has not its own id")
	}
	if m.size() > maxUpload {
		return fmt.Errorf("an upload holds at most %d bytes", int64(maxUpload))
	}
	return nil
}

// The ids of what an upload makes follow from the device's and the upload's, so
// that a stolen box cannot name objects or recordings of others and have them
// written over: it would have to find a hash of 74 bits that a device id which
// the server gave leads to.
func objectID(d id.Device, u id.Upload, i int) id.Object {
	return id.Object(derived(fmt.Sprintf("ringfence collect object %d v1", i), d, u))
}

func recordingID(d id.Device, u id.Upload) id.Recording {
	return id.Recording(derived("ringfence collect recording v1", d, u))
}

// derived has the form of a UUIDv7 with the upload's time.
func derived(label string, d id.Device, u id.Upload) (b [16]byte) {
	sum := sha256.Sum256(bind(label, d[:], u[:]))
	copy(b[:], u[:6])
	copy(b[6:], sum[:10])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	return b
}

// Signed is a document as bytes with the signature over exactly these bytes:
// nothing is ever signed in one form and checked in another.
type Signed struct {
	Body      []byte `json:"body"`
	Signature []byte `json:"signature"`
}

// State is how far a recording has come on the server.
type State string

const (
	Open     State = "open"     // bytes are still missing
	Stored   State = "stored"   // ciphertext, rows and keys are durable
	Verified State = "verified" // opened once and found to be what the card says
	Erased   State = "erased"   // was destroyed here before; it is not taken again
	Refused  State = "refused"  // can never be taken; Reason says why
)

// Receipt is the server's signed word about one upload. Only Verified permits
// the box to touch the source.
type Receipt struct {
	Version   int          `json:"version"`
	Customer  id.Customer  `json:"customer"`
	Device    id.Device    `json:"device"`
	Upload    id.Upload    `json:"upload"`
	Recording id.Recording `json:"recording"` // another than the manifest's if the file was there already
	State     State        `json:"state"`
	Duplicate bool         `json:"duplicate,omitempty"`
	Copies    int          `json:"copies"`
	Manifest  []byte       `json:"manifest_sha256"`
	Reason    string       `json:"reason,omitempty"`
	At        time.Time    `json:"at"`
}

// Attention is a file that the box cannot capture, with the reason and never
// with content.
type Attention struct {
	File   string    `json:"file"`
	Reason string    `json:"reason"`
	Advice string    `json:"what_to_do"`
	Since  time.Time `json:"since"`
	Size   int64     `json:"size"`
}

// Standing is what a box reports of itself: how much waits and what it cannot
// read. It replaces what it reported before.
type Standing struct {
	Waiting   int         `json:"waiting"`
	Spooled   int64       `json:"spooled_bytes"`
	Attention []Attention `json:"attention"`
	More      int         `json:"more,omitempty"` // files beyond maxAttention
	// Since protocol 2.
	Oldest *time.Time `json:"oldest,omitempty"`           // since when the oldest of what waits has waited
	Clock  *int64     `json:"clock_ms,omitempty"`         // the box's clock minus the server's, as it measured it
	Room   int64      `json:"spool_room_bytes,omitempty"` // how much the spool may hold, by its limit and by what the disk has left
}

// Offset is where an upload stands.
type Offset struct {
	Upload id.Upload `json:"upload"`
	Offset int64     `json:"offset"`
	State  State     `json:"state"`
}

// The associated data of what the box seals. The ids make a capsule or card
// that was copied into another upload, device or customer useless.
func capsuleInfo(c id.Customer, d id.Device, u id.Upload) []byte {
	return bind("ringfence collect capsule v1", c[:], d[:], u[:])
}

func cardInfo(c id.Customer, u id.Upload) []byte {
	return bind("ringfence collect card v1", c[:], u[:])
}

func bind(label string, parts ...[]byte) []byte {
	b := append([]byte(label), 0)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Raw is the format of files without a header, as a source is set.
type Raw struct {
	Codec    string `json:"codec,omitempty"`
	Rate     int    `json:"rate,omitempty"`
	Channels int    `json:"channels,omitempty"`
	Layout   string `json:"layout,omitempty"`
}
