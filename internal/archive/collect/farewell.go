package collect

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/base/id"
)

// When a customer leaves, each box is told once, with its settings: stop, remove
// all that you have of this customer, and say what became of it. What is said is
// one document with counts, however many recordings there were; it is signed by
// the box and stands in the certificate of the whole customer.
//
//	order in the settings → no more sealing, what was not brought is dropped
//	   → all recordings of the ledger are looked for, and removed where the box may
//	   → counts signed and written down → told
//
// A box that dies before it has written its word down counts anew: what it removed
// before is absent by then, and gone either way.

// Farewell is what a box says of all that it had of a customer.
type Farewell struct {
	Version    int          `json:"version"`
	Customer   id.Customer  `json:"customer"`
	Device     id.Device    `json:"device"`
	Recordings map[Fate]int `json:"recordings"` // that this box had brought, by what became of their files
	Unsent     int          `json:"unsent"`     // sealed recordings that never arrived: they went from the spool
	// IDs is the exclusive or of the SHA-256 of the recordings' ids: whoever knows
	// the ids sees whether exactly those are meant.
	IDs []byte    `json:"ids"`
	At  time.Time `json:"at"` // by the box's clock
}

const (
	farewellVersion  = 1
	farewellProtocol = 4
	farewellLabel    = "ringfence collect farewell v1"
	farewellPath     = "/farewell"
	farewellFile     = "farewell.json" // in the state folder: the signed word, once it is known
	farewellAtOnce   = 10_000          // recordings for which the folder is walked once
)

// Known is how many recordings a box speaks of.
func (f Farewell) Known() (n int) {
	for _, k := range f.Recordings {
		n += k
	}
	return n
}

// Gone is of how many nothing lies on the box any more.
func (f Farewell) Gone() int { return f.Recordings[FateRemoved] + f.Recordings[FateAbsent] }

// OpenFarewell checks that the box of a key said this, and reads it.
func OpenFarewell(s Signed, key []byte) (f Farewell, err error) {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, bind(farewellLabel, s.Body), s.Signature) {
		return f, errors.New("it is not signed by this box")
	}
	if err := json.Unmarshal(s.Body, &f); err != nil {
		return Farewell{}, err
	}
	if f.Version != farewellVersion {
		return Farewell{}, fmt.Errorf("version %d is not known here; bring both ends to the same release", f.Version)
	}
	for fate, n := range f.Recordings {
		if _, ok := fateCodes[fate]; !ok || fate == FateForgotten || n < 0 || n > 1<<40 {
			return Farewell{}, errors.New("it counts what no box can have")
		}
	}
	if f.Unsent < 0 || len(f.IDs) != sha256.Size {
		return Farewell{}, errors.New("it is not whole")
	}
	return f, nil
}

// IDSum adds up recordings so that two sums are equal only where the same
// recordings are in them.
type IDSum [sha256.Size]byte

// Add adds one; the same one again takes it out.
func (s *IDSum) Add(rec id.Recording) {
	h := sha256.Sum256(rec[:])
	for i := range s {
		s[i] ^= h[i]
	}
}

// Join adds what another sum has.
func (s *IDSum) Join(other []byte) {
	for i := range min(len(s), len(other)) {
		s[i] ^= other[i]
	}
}

// farewell does what the order says. It is done again until the server has heard
// of it; what cannot be said now waits for the next time. soon: uploads are still
// under way.
func (b *box) farewell(ctx context.Context) (soon bool) {
	if !b.config().Farewell {
		return false
	}
	b.partOnce.Do(func() { close(b.parted) })
	b.mu.Lock()
	under := len(b.taken)
	b.mu.Unlock()
	if under > 0 {
		return true // each upload under way ends, or is dropped, by itself
	}
	b.remove(ctx) // what was destroyed before is answered for by itself
	word, err := b.lastWord(ctx)
	if err == nil {
		err = b.up.post(ctx, farewellPath, word, nil)
	}
	if err != nil {
		if ctx.Err() == nil {
			b.report(Event{What: "waiting", Text: "the customer leaves, and what lies here cannot be removed or told yet: " + reasonOf(err)})
		}
		return false
	}
	b.crash("farewell told")
	b.mu.Lock()
	b.conf.Farewell = false
	b.mu.Unlock()
	if err := b.ledger.clear(); err != nil {
		b.report(Event{What: "waiting", Text: "the list of what was here cannot be emptied: " + reasonOf(err)})
	}
	return false
}

// errParted is what a box ends with once its customer has gone.
var errParted = errors.New("the customer for whom this box brought recordings has left, and what lay here is gone; the collector can be taken off this machine")

// left gives errParted in place of a refusal that nobody would understand.
func (b *box) left(err error) error {
	if _, none := os.Stat(filepath.Join(b.dev.dir, farewellFile)); none == nil {
		return errParted
	}
	return err
}

// parting reports whether the box was told that its customer leaves.
func (b *box) parting() bool {
	select {
	case <-b.parted:
		return true
	default:
		return false
	}
}

// refusedNow reports that the server takes nothing for now, as it does when the
// customer leaves: what waits in the spool will not be taken any more.
func refusedNow(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && r.Status == http.StatusServiceUnavailable
}

// drop removes what was sealed and not brought. Its source is no recording of the
// archive, and stays.
func (b *box) drop(e *entry) error {
	if err := b.spool.remove(e); err != nil {
		return err
	}
	b.unsent.Add(1)
	b.forget(e)
	return nil
}

// lastWord removes what there is, once, and signs what became of it.
func (b *box) lastWord(ctx context.Context) (s Signed, err error) {
	path := filepath.Join(b.dev.dir, farewellFile)
	if err := readJSON(path, &s); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	f := Farewell{Version: farewellVersion, Customer: b.dev.Customer, Device: b.dev.Device, Recordings: map[Fate]int{}}
	recs, err := b.ledger.unsaid()
	if err != nil {
		return s, err
	}
	var sum IDSum
	for part := range slices.Chunk(recs, farewellAtOnce) {
		if err := b.endAll(ctx, part, f.Recordings); err != nil {
			return s, err
		}
		for _, rec := range part {
			sum.Add(rec)
		}
	}
	b.crash("parted")
	f.Unsent, f.IDs, f.At = int(b.unsent.Load()), sum[:], b.now().UTC().Truncate(time.Second)
	s, err = signDocument(farewellLabel, f, func(m []byte) ([]byte, error) { return ed25519.Sign(b.dev.key, m), nil })
	if err == nil {
		err = writeJSON(path, s)
	}
	if err != nil {
		return s, err
	}
	b.crash("farewell noted")
	b.report(Event{What: "destroyed", Text: fmt.Sprintf("the customer has left: of %d recordings that came from here, %d are gone", f.Known(), f.Gone())})
	return s, nil
}

// endAll removes the files of some recordings where it may, and counts.
func (b *box) endAll(ctx context.Context, recs []id.Recording, counts map[Fate]int) error {
	wanted := map[id.Recording]bool{}
	for _, r := range recs {
		wanted[r] = true
	}
	known, err := b.ledger.find(wanted)
	if err != nil {
		return err
	}
	marks := map[mark16]bool{}
	for _, k := range known {
		for s := range k.sources {
			marks[s.Path] = true
		}
	}
	v, err := b.view(ctx, marks)
	if err != nil {
		return err
	}
	v.glance = true
	var note []byte
	for rec, k := range known {
		going, ok := b.going(v, k.sources)
		if !ok {
			return errors.New("there is nothing at all in the folder; if it is on a share, check that it is connected")
		}
		note = append(note, noteOf(rec, going, true)...)
	}
	if len(note) > 0 {
		if err := b.ledger.add(note); err != nil {
			return err
		}
	}
	for _, k := range known {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		counts[b.endFiles(v, k.sources)]++
	}
	return nil
}
