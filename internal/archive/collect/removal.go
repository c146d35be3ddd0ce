package collect

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/base/id"
)

// What the archive destroys is destroyed on the box, too: since protocol 3 the
// box asks each minute for the recordings that were destroyed, removes what it
// may, and says of each, signed with its own key, what became of it. Only ids
// travel: of names and numbers neither side keeps anything by then.
//
//	destroyed in the archive → order of each box of its sources
//	   → named to the box, signed by the server
//	   → looked for, removed where the box may, written down
//	   → answered, signed by the box → certificate
//
// Each step may be repeated after a crash: an order stands until it is answered,
// and a box that was asked before says the same again.

// Fate is what became of the files of a destroyed recording on a box.
type Fate string

// The fates. The first four of those that a box says are signed by it; the rest
// is what the server knows of a box that cannot say.
const (
	FateRemoved   Fate = "removed"   // gone: the box removed it because it was destroyed
	FateAbsent    Fate = "absent"    // gone: nothing of it lay there any more
	FateKept      Fate = "kept"      // remains: the source is set to leave files where they are
	FateAltered   Fate = "altered"   // remains: a file that was written to since lies under its name, and was not touched
	FateStuck     Fate = "stuck"     // remains: the box may not remove it, or could not look everywhere
	FateForgotten Fate = "forgotten" // unknown: the box does not know the recording, as one that was set up anew since

	FateWaiting Fate = ""        // the box has not answered yet
	FateOld     Fate = "old"     // unknown: the box is of a release that cannot say
	FateRevoked Fate = "revoked" // unknown: the box was revoked before it answered
)

// fateCodes are the fates that a box says, as they stand in its ledger.
var fateCodes = map[Fate]byte{FateRemoved: 1, FateAbsent: 2, FateKept: 3, FateAltered: 4, FateStuck: 5, FateForgotten: 6}

func fateOf(code byte) Fate {
	for f, c := range fateCodes {
		if c == code {
			return f
		}
	}
	return FateForgotten
}

// worst is what is said of a recording of several files.
func worst(all ...Fate) Fate {
	order := []Fate{FateStuck, FateAltered, FateKept, FateRemoved, FateAbsent}
	for _, f := range order {
		if slices.Contains(all, f) {
			return f
		}
	}
	return FateForgotten
}

const (
	removalVersion  = 1
	removalProtocol = 3
	removalsAtOnce  = 100 // each may mean that a whole file is read
	orderLabel      = "ringfence collect removals v1"
	removalLabel    = "ringfence collect removal v1"
	removalsPath    = "/removals"
)

// Removals are the recordings of which a box is to remove what it has, as the
// server signs them.
type Removals struct {
	Version    int            `json:"version"`
	Customer   id.Customer    `json:"customer"`
	Device     id.Device      `json:"device"`
	Recordings []id.Recording `json:"recordings"`
	More       bool           `json:"more,omitempty"`
	At         time.Time      `json:"at"`
}

// Removal is what a box says of one recording. It is signed by itself, so that it
// can stand in a certificate beside nothing else.
type Removal struct {
	Version   int          `json:"version"`
	Customer  id.Customer  `json:"customer"`
	Device    id.Device    `json:"device"`
	Recording id.Recording `json:"recording"`
	Fate      Fate         `json:"fate"`
	At        time.Time    `json:"at"` // by the box's clock
}

// removed is how answers travel.
type removed struct {
	Answers []Signed `json:"answers"`
}

// OpenRemoval checks that the box of a key said this, and reads it.
func OpenRemoval(s Signed, key []byte) (r Removal, err error) {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, bind(removalLabel, s.Body), s.Signature) {
		return r, errors.New("it is not signed by this box")
	}
	if err := json.Unmarshal(s.Body, &r); err != nil {
		return Removal{}, err
	}
	if r.Version != removalVersion {
		return Removal{}, fmt.Errorf("version %d is not known here; bring both ends to the same release", r.Version)
	}
	if _, ok := fateCodes[r.Fate]; !ok || r.Recording.IsZero() {
		return Removal{}, errors.New("it says nothing of a recording that is known here")
	}
	return r, nil
}
