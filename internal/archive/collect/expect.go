package collect

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/sealed"
)

// Expectations is what the logs beside a box name, sealed like a card: to the
// customer, by a box that cannot open it again.
type Expectations struct {
	Version int       `json:"version"`
	Batch   id.Upload `json:"batch"`
	Capsule []byte    `json:"capsule"`
	Card    []byte    `json:"card"` // coverage.Report as JSON
}

const (
	expectedDir     = "expected" // in the state folder: what was not sent yet
	expectedVersion = 1
	expectedCalls   = 1000    // in one batch
	maxExpectations = 4 << 20 // bytes of one batch as it travels
	expectedKept    = 10_000  // batches, while the server is away
)

// expected notes calls that have ended, and gaps, of one look. They are written
// down with the profile's state, in settled.
func (s *scanner) expected(batch capture.Batch) {
	s.gaps = append(s.gaps, capture.GapsOf(batch, s.b.now())...)
	for _, c := range batch.Calls {
		if !c.Ended && !c.Cut {
			continue
		}
		one := capture.Expected(c)
		ready, waiting := capture.Items(c)
		one.Held = len(ready)+waiting > 0
		s.calls[c.ID] = one
	}
}

// keepExpected writes what is expected of calls that are settled, durably and
// sealed, before the state forgets them. After a fault all is as it was, and may
// be written again: what is told twice changes nothing.
func (s *scanner) keepExpected(over []string) error {
	r := coverage.Report{Gaps: s.gaps}
	for _, c := range over {
		if one, ok := s.calls[c]; ok {
			r.Calls = append(r.Calls, one)
		}
	}
	if !r.Empty() && !s.b.uncounted() {
		if err := s.b.writeExpected(s.conf, r); err != nil {
			return err
		}
	}
	for _, c := range over {
		delete(s.calls, c)
	}
	s.gaps = nil
	return nil
}

// uncounted reports that the server has said that it is of a release that does
// not count. One that could not be asked since the start may well.
func (b *box) uncounted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.greetedAt.IsZero() && b.greeting.Protocol < 2
}

func (b *box) writeExpected(conf Config, r coverage.Report) error {
	dir := filepath.Join(b.dev.dir, expectedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if len(r.Calls) == 0 {
		return b.sealExpected(dir, conf, r)
	}
	for some := range slices.Chunk(r.Calls, expectedCalls) {
		if err := b.sealExpected(dir, conf, coverage.Report{Calls: some, Gaps: r.Gaps}); err != nil {
			return err
		}
		r.Gaps = nil
	}
	return nil
}

func (b *box) sealExpected(dir string, conf Config, r coverage.Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	e := Expectations{Version: expectedVersion, Batch: id.New[id.Upload]()}
	content, card := secret.NewKey(), secret.NewKey()
	if e.Capsule, err = keyring.Capsule(conf.PublicKey, capsuleInfo(b.dev.Customer, b.dev.Device, e.Batch), content, card); err != nil {
		return err
	}
	e.Card = sealed.Field(card, cardInfo(b.dev.Customer, e.Batch), text)
	return writeJSON(filepath.Join(dir, e.Batch.String()+".json"), e)
}

// sendExpected brings what was written down to the server, the oldest first. It
// is not worth a retry of its own: the next round tries again.
func (b *box) sendExpected(ctx context.Context) {
	if b.protocol() < 2 {
		return // it waits until a server that counts was greeted
	}
	dir := filepath.Join(b.dev.dir, expectedDir)
	names, err := os.ReadDir(dir)
	if err != nil {
		return // nothing was ever written
	}
	if over := len(names) - expectedKept; over > 0 {
		for _, n := range names[:over] {
			_ = os.Remove(filepath.Join(dir, n.Name())) // months without a server: the oldest are given up
		}
		names = names[over:]
	}
	for _, n := range names {
		if ctx.Err() != nil || !strings.HasSuffix(n.Name(), ".json") {
			continue
		}
		path := filepath.Join(dir, n.Name())
		var e Expectations
		err := readJSON(path, &e)
		if err == nil {
			err = b.up.post(ctx, "/expectations", e, nil)
		}
		r, refused := errors.AsType[*refusal](err)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
		case refused && r.Status >= 400 && r.Status < 500 && r.Status != 401 && r.Status != 429:
			b.report(Event{What: "waiting", Text: "the server did not take what the logs name: " + r.Text})
		default:
			return // away; it waits
		}
		_ = os.Remove(path) // if it stays, it is sent again, and changes nothing
	}
}
