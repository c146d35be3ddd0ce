package recording_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/sealed"
)

// ownServer is a customer's key server that may refuse.
type ownServer struct {
	key     secret.Key
	refuses bool
}

func (*ownServer) Name() string { return "transit acme" }

func (o *ownServer) Wrap(_ context.Context, aad, half []byte) (string, error) {
	return string(sealed.Field(o.key, aad, half)), nil
}

func (o *ownServer) Unwrap(_ context.Context, aad []byte, wrapped string) ([]byte, error) {
	if o.refuses {
		return nil, fault.New(fault.Denied, "refused")
	}
	return sealed.OpenField(o.key, aad, []byte(wrapped))
}

// The customer's refusal ends what is being played within five minutes, in the
// middle of the stream, and the names in lists; calls are taken in meanwhile.
func TestARefusalEndsAStream(t *testing.T) {
	var mu sync.Mutex
	at := time.Now()
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	o := keyringtest.Options(t)
	o.Now = now
	keys := keyringtest.Open(t, o)
	w := recordingtest.On(t, placetest.New(t, recordingtest.Schemas()), recording.Options{Keys: keys})
	rec := w.Archive(t, "call.wav", 1)
	own := &ownServer{key: secret.NewKey()}
	keys.Ask(func(context.Context, id.Customer, string) (keyring.Holder, error) { return own, nil })
	if _, err := keys.Turn(t.Context(), w.Place.Customer(), keyring.Turn{To: own}); err != nil {
		t.Fatal(err)
	}
	open, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := open.PCM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pcm.Close()
	names := func() string {
		t.Helper()
		page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{})
		if err != nil || len(page.Items) == 0 {
			t.Fatal(len(page.Items), err)
		}
		return page.Items[len(page.Items)-1].Card.Call.Caller.Name
	}
	if names() == "" {
		t.Fatal("there is no name to begin with")
	}
	own.refuses = true
	mu.Lock()
	at = at.Add(keyring.Lent)
	mu.Unlock()
	if _, err := pcm.ReadFrames(make([]int16, 100), 0); !keyring.NotLent(err) {
		t.Fatal("the stream goes on:", err)
	}
	if _, err := open.PCM(t.Context()); !keyring.NotLent(err) || !fault.Is(err, fault.Unavailable) {
		t.Fatal("the opening goes on:", err)
	}
	if got := names(); got != "" {
		t.Fatal("a list still shows", got)
	}
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, "during.wav", recordingtest.Tone(2, 2, time.Second)))
	if err != nil || out.Result != recording.Stored { // its source is kept until it can be read back
		t.Fatal(out.Result, err)
	}
	during := out.Recording
	if _, err := w.Service.Open(t.Context(), w.Place, w.Who, during, recording.Ask{What: "listen"}); !keyring.NotLent(err) {
		t.Fatal(err)
	}
	own.refuses = false
	mu.Lock()
	at = at.Add(10 * time.Second)
	mu.Unlock()
	if _, err := w.Service.Open(t.Context(), w.Place, w.Who, during, recording.Ask{What: "listen"}); err != nil {
		t.Fatal("what was taken in meanwhile does not open:", err)
	}
	if names() == "" {
		t.Fatal("the names stay away")
	}
	if n, err := w.Service.Reverify(t.Context(), w.Place); err != nil || n != 1 {
		t.Fatal("what waited to be read back:", n, err)
	}
}
