package departure_test

import (
	"cmp"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/destruction"
)

// box is a collector as the server knows it, and its key.
type box struct {
	id  id.Device
	key ed25519.PrivateKey
}

// box enrols one that speaks a protocol.
func (l *leaver) box(t *testing.T, name string, protocol int) box {
	t.Helper()
	src, err := l.home.service.Sources(t.Context(), l.p)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := l.boxes.Add(t.Context(), l.p, l.first, name, src[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err == nil {
		err = l.p.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET enrolled_at = ?, protocol = ?, public_key = ? WHERE id = ?`, tx.At().UnixMilli(), protocol, []byte(public), d.ID)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return box{d.ID, key}
}

// says is the box's signed word, as the server keeps it.
func (l *leaver) says(t *testing.T, b box, counts map[collect.Fate]int, recs ...id.Recording) {
	t.Helper()
	var sum collect.IDSum
	for _, rec := range recs {
		sum.Add(rec)
	}
	body, err := json.Marshal(collect.Farewell{Version: 1, Customer: l.p.Customer(), Device: b.id, Recordings: counts, IDs: sum[:], At: l.now.UTC()})
	if err != nil {
		t.Fatal(err)
	}
	signature := ed25519.Sign(b.key, append([]byte("ringfence collect farewell v1\x00"), body...))
	if err := l.p.Change(t.Context(), l.first, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "device.parted", Subject: b.id.String()})
		_, err := tx.Exec(`UPDATE collect_farewells SET answered_at = ?, body = ?, signature = ? WHERE device = ?`, tx.At().UnixMilli(), body, signature, b.id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// ids are the recordings that the customer has.
func (l *leaver) ids(t *testing.T) (all []id.Recording) {
	t.Helper()
	if err := l.p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = place.Rows[id.Recording](tx, `SELECT id FROM recordings ORDER BY id`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// collector makes the one source that of a collector.
func (l *leaver) collector(t *testing.T, after string) {
	t.Helper()
	if err := l.p.Change(t.Context(), l.first, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "source.changed"})
		_, err := tx.Exec(`UPDATE sources SET kind = 'collector', after_capture = ?`, after)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// due has the departure asked for and approved, and its time come.
func (l *leaver) due(t *testing.T, s *departure.Service) {
	t.Helper()
	l.ask(t, s)
	l.approve(t, s)
	l.now = l.now.Add(73 * time.Hour)
}

func (l *leaver) certificate(t *testing.T, s *departure.Service) ([]byte, *destruction.Certificate) {
	t.Helper()
	all, err := s.Departed(t.Context(), above)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	file, err := s.Document(t.Context(), above, all[0].Certificate, false)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := destruction.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, c
}

// The keys wait for what boxes say, and no longer than a day for one that says
// nothing; boxes that cannot say are not waited for. Meanwhile it is final.
func TestBoxesAreAskedBeforeTheKeysGo(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			l := newLeaver(t, engine.Config(t))
			s := l.service(t)
			l.collector(t, "delete")
			speaks, offline := l.box(t, "speaks", 4), l.box(t, "offline", 4)
			l.box(t, "old", 3)
			stolen := l.box(t, "stolen", 4)
			recs := l.ids(t)
			l.due(t, s)
			never := func(boxes, answered int) {
				t.Helper()
				done, err := l.turn(t, l.service(t)) // as after a start of the server
				st, _ := s.Standing(t.Context(), l.p)
				if done || err != nil || st.Asking == nil || st.Asking.Boxes != boxes || st.Asking.BoxesAnswered != answered {
					t.Fatalf("gone %v, %v: %+v", done, err, st.Asking)
				}
			}
			never(3, 0)
			if err := l.boxes.Revoke(t.Context(), l.p, l.first, stolen.id); err != nil {
				t.Fatal(err)
			}
			l.says(t, speaks, map[collect.Fate]int{collect.FateRemoved: 1}, recs[0])
			never(2, 1)
			l.refuses(t, s, recs[0])
			l.now = l.now.Add(departure.AskFor - time.Second)
			never(2, 1)
			l.now = l.now.Add(time.Second)
			if done, err := l.turn(t, s); !done || err != nil {
				t.Fatal(done, err)
			}
			l.gone(t, s)
			file, c := l.certificate(t, s)
			states := map[string]string{}
			for _, b := range c.Boxes {
				states[b.Device] = b.State
			}
			if len(states) != 4 || states[speaks.id.String()] != "said" || states[offline.id.String()] != "waiting" || states[stolen.id.String()] != "revoked" {
				t.Errorf("%v", states)
			}
			if c.Total.Remaining != 0 || c.Total.Unknown != 1 {
				t.Errorf("%+v", c.Total)
			}
			l.forged(t, file, c)
		})
	}
}

// refuses checks what a customer cannot do any more once it is final.
func (l *leaver) refuses(t *testing.T, s *departure.Service, rec id.Recording) {
	t.Helper()
	if err := s.Stop(t.Context(), l.p, l.first); !fault.Is(err, fault.Conflict) {
		t.Errorf("a change of mind: %v", err)
	}
	if err := s.Ask(t.Context(), l.p, l.first, 2, "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("asked for again: %v", err)
	}
	if _, err := l.home.service.Open(t.Context(), l.p, l.first, rec, recording.Ask{What: "listen"}); !fault.Is(err, fault.Gone) {
		t.Errorf("played: %v", err)
	}
	if err := l.home.service.Admit(t.Context(), l.p); !fault.Is(err, fault.Unavailable) {
		t.Errorf("captured: %v", err)
	}
	if err := departure.Write(t.Context(), departure.Source{Place: l.p}, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("exported: %v", err)
	}
}

// forged checks that a certificate whose signer lets boxes say something else is
// refused.
func (l *leaver) forged(t *testing.T, file []byte, c *destruction.Certificate) {
	t.Helper()
	for name, change := range map[string]func(b *destruction.BoxParts){
		"other counts": func(b *destruction.BoxParts) {
			b.Body = []byte(strings.Replace(string(b.Body), `"removed":1`, `"removed":2`, 1))
		},
		"another box":      func(b *destruction.BoxParts) { b.Device = id.New[id.Device]().String() },
		"no signature":     func(b *destruction.BoxParts) { b.Signature = nil },
		"silent with body": func(b *destruction.BoxParts) { b.State = "waiting" },
		"an odd state":     func(b *destruction.BoxParts) { b.State, b.Body = "gone", nil },
	} {
		forged := *c
		forged.Boxes = append([]destruction.BoxParts(nil), c.Boxes...)
		for i := range forged.Boxes {
			if forged.Boxes[i].State == "said" {
				change(&forged.Boxes[i])
			}
		}
		text, err := json.Marshal(forged)
		if err != nil {
			t.Fatal(err)
		}
		var e paper.Envelope
		if err := json.Unmarshal(file, &e); err != nil {
			t.Fatal(err)
		}
		e.Certificate = string(text)
		if e.Signature, err = l.key.SignText(text); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := destruction.Verify(out); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the certificate counts follows from what was said, and claims no more:
// several boxes may have had the same files.
func TestWhatBoxesSayIsCounted(t *testing.T) {
	type word struct {
		counts map[collect.Fate]int
		of     []int // recordings
	}
	for name, c := range map[string]struct {
		after              string
		words              []word
		remaining, unknown int
	}{
		"all gone":                    {after: "delete", words: []word{{map[collect.Fate]int{collect.FateRemoved: 1, collect.FateAbsent: 1}, []int{0, 1}}}},
		"one lies there still":        {after: "delete", words: []word{{map[collect.Fate]int{collect.FateRemoved: 1, collect.FateStuck: 1}, []int{0, 1}}}, remaining: 1},
		"two boxes with one each":     {after: "delete", words: []word{{map[collect.Fate]int{collect.FateRemoved: 1}, []int{0}}, {map[collect.Fate]int{collect.FateRemoved: 1}, []int{1}}}},
		"two boxes with the same one": {after: "delete", words: []word{{map[collect.Fate]int{collect.FateRemoved: 1}, []int{0}}, {map[collect.Fate]int{collect.FateAbsent: 1}, []int{0}}}, unknown: 1},
		"kept":                        {after: "keep", words: []word{{map[collect.Fate]int{collect.FateKept: 2}, []int{0, 1}}}, remaining: 2},
		"kept, and one not known":     {after: "keep", words: []word{{map[collect.Fate]int{collect.FateAbsent: 1}, []int{0}}}, remaining: 1},
		"it knows none":               {after: "delete", words: []word{{nil, nil}}, unknown: 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeaver(t, place.Config{Dir: t.TempDir()})
			s := l.service(t)
			l.collector(t, c.after)
			var all []box
			for range c.words {
				all = append(all, l.box(t, "box", 4))
			}
			recs := l.ids(t)
			l.due(t, s)
			if done, err := l.turn(t, s); done || err != nil {
				t.Fatal(done, err)
			}
			for i, w := range c.words {
				var of []id.Recording
				for _, n := range w.of {
					of = append(of, recs[n])
				}
				l.says(t, all[i], w.counts, of...)
			}
			if done, err := l.turn(t, s); !done || err != nil {
				t.Fatal(done, err)
			}
			_, cert := l.certificate(t, s)
			if cert.Total.Remaining != c.remaining || cert.Total.Unknown != c.unknown {
				t.Errorf("%+v", cert.Total)
			}
		})
	}
}

// What was found in watched folders and drops counts; one that nobody could look
// into for a day is not waited for longer. A drop is emptied also where there is
// one place only; what its sender may keep is said to remain.
func TestWatchedFoldersAreAskedBeforeTheKeysGo(t *testing.T) {
	for name, c := range map[string]struct {
		kind, after        string // of the source; "": a watched folder
		more               string
		one                bool
		found              *recording.Leftover
		remaining, unknown int
	}{
		"moved aside, gone":      {after: "move", found: &recording.Leftover{Removed: 2}},
		"one remains":            {after: "move", found: &recording.Leftover{Removed: 1, Remaining: 1}, remaining: 1},
		"not all could be seen":  {after: "move", found: &recording.Leftover{Blind: true, Remaining: 1}, remaining: 1, unknown: 1},
		"nobody looked":          {after: "move", remaining: 2},
		"deletes, nobody looked": {after: "delete"},
		"kept":                   {after: "keep", found: &recording.Leftover{Remaining: 2}, remaining: 2},

		"a drop, emptied":                {kind: "drop", after: "delete", found: &recording.Leftover{Removed: 2}},
		"a drop, emptied, one place":     {kind: "drop", after: "delete", one: true, found: &recording.Leftover{Removed: 2}},
		"a drop that cannot be emptied":  {kind: "drop", after: "delete", found: &recording.Leftover{Removed: 1, Remaining: 1}, remaining: 1},
		"a drop, nobody looked":          {kind: "drop", after: "delete"},
		"a drop, never verified":         {kind: "drop", after: "delete", more: `UPDATE recordings SET verified_at = NULL`, found: &recording.Leftover{}, unknown: 2},
		"a drop whose sender keeps":      {kind: "drop", after: "keep", found: &recording.Leftover{Removed: 2}, remaining: 2},
		"a pick-up, one place, not gone": {kind: "pickup", after: "delete", one: true, found: &recording.Leftover{}, remaining: 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeaver(t, place.Config{Dir: t.TempDir()})
			l.silent, l.one = true, c.one
			s := l.service(t)
			if err := l.p.Change(t.Context(), l.first, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "source.changed"})
				_, err := tx.Exec(`UPDATE sources SET kind = ?, after_capture = ?`, cmp.Or(c.kind, "folder"), c.after)
				if err == nil && c.more != "" {
					_, err = tx.Exec(c.more)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			l.due(t, s)
			if done, err := l.turn(t, s); done || err != nil {
				t.Fatal(done, err)
			}
			if c.found != nil {
				l.look(t, *c.found)
			} else {
				l.now = l.now.Add(departure.AskFor)
			}
			if done, err := l.turn(t, s); !done || err != nil {
				t.Fatal(done, err)
			}
			_, cert := l.certificate(t, s)
			if cert.Total.Remaining != c.remaining || cert.Total.Unknown != c.unknown {
				t.Errorf("%+v", cert.Total)
			}
		})
	}
}

// look says what was found in the watched folders, as package capture does.
func (l *leaver) look(t *testing.T, found recording.Leftover) {
	t.Helper()
	var all []recording.Leftover
	err := l.p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = l.home.service.Folders(tx)
		return err
	})
	for _, f := range all {
		if f.Answered == 0 && err == nil {
			found.Source = f.Source
			err = l.home.service.Parted(t.Context(), l.p, found)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
