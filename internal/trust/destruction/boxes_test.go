package destruction_test

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// boxes is one collector that says what a test lets it say, under a key of its own.
type boxes struct {
	customer id.Customer
	device   id.Device
	key      ed25519.PrivateKey
	fate     collect.Fate // of what it has not said
	said     map[id.Recording]collect.Word
	asked    map[id.Recording]bool
}

func newBoxes(t *testing.T, c id.Customer) *boxes {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &boxes{customer: c, device: id.New[id.Device](), key: key, said: map[id.Recording]collect.Word{}, asked: map[id.Recording]bool{}}
}

func (b *boxes) Remove(tx *place.Tx, rec id.Recording, _ []id.Source) ([]collect.Word, error) {
	b.asked[rec] = true
	return b.Words(tx, []id.Recording{rec})
}

func (b *boxes) Words(_ *place.Tx, recs []id.Recording) (all []collect.Word, err error) {
	for _, r := range recs {
		w, ok := b.said[r]
		if !ok && !b.asked[r] {
			continue
		}
		if !ok {
			w = collect.Word{Recording: r, Device: b.device, Fate: b.fate}
		}
		all = append(all, w)
	}
	return all, nil
}

func (b *boxes) sign(rec id.Recording, fate collect.Fate) collect.Word {
	body, _ := json.Marshal(collect.Removal{Version: 1, Customer: b.customer, Device: b.device, Recording: rec, Fate: fate, At: time.Unix(1, 0)})
	return collect.Word{
		Recording: rec, Device: b.device, Fate: fate, Key: b.key.Public().(ed25519.PublicKey),
		Said: collect.Signed{Body: body, Signature: ed25519.Sign(b.key, append([]byte("ringfence collect removal v1\x00"), body...))},
	}
}

// hear lets the box answer for a recording.
func (w *world) hear(t *testing.T, rec id.Recording, fate collect.Fate) {
	t.Helper()
	word := w.boxes.sign(rec, fate)
	word.Source = w.Source.ID
	w.boxes.said[rec] = word
	if err := w.Place.Keep(t.Context(), func(tx *place.Tx) error { return w.certs.Heard(tx, []collect.Word{word}) }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) source(t *testing.T, s recording.Source) recording.Source {
	t.Helper()
	src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, s)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
