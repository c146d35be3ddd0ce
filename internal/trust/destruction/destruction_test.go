package destruction_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/destruction"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// world is a customer with recordings, and who certifies their destruction.
type world struct {
	*recordingtest.World
	certs *destruction.Service
	now   time.Time
	boxes *boxes
	keep  destruction.Backups
	dirty error // why indexes and logs cannot be cleaned
	step  func(name string)
}

func schemas() place.Schemas {
	s := recordingtest.Schemas(destruction.Migrations())
	s.Housekeeping = append(s.Housekeeping, destruction.Housekeeping...)
	return s
}

func newWorld(t *testing.T, store *place.Store) *world {
	t.Helper()
	w := &world{now: time.Now(), step: func(string) {}}
	w.World = recordingtest.On(t, store, recording.Options{Step: func(name string) { w.step(name) }})
	w.boxes = newBoxes(t, w.Place.Customer())
	key, _, err := paper.NewKey("Test installation", w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.certs = destruction.New(destruction.Options{
		Store: store,
		Sign:  func(_ context.Context, text []byte) ([]byte, error) { return key.SignText(text) },
		Paper: func(_ context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
			return key.Sign(pdf, title, at)
		},
		Boxes: w.boxes, SourceName: w.Service.SourceName, StillMoved: w.Service.StillMoved,
		Clean:   func(ctx context.Context, p *place.Place) error { return errors.Join(w.dirty, p.Scrub(ctx)) },
		Backups: func(time.Time) destruction.Backups { return w.keep },
		Now:     func() time.Time { return w.now },
	})
	w.Service.OnEnded(w.certs.Record)
	w.Service.OnSwept(w.certs.Swept)
	return w
}

func (w *world) issue(t *testing.T, want int) []destruction.Issued {
	t.Helper()
	n, err := w.certs.IssueNow(t.Context(), w.Place)
	if err != nil || n != want {
		t.Fatalf("signed %d, want %d: %v", n, want, err)
	}
	return w.listed(t)
}

func (w *world) listed(t *testing.T) []destruction.Issued {
	t.Helper()
	all, _, err := w.certs.List(t.Context(), w.Place, id.Certificate{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (w *world) read(t *testing.T, c id.Certificate) *destruction.Certificate {
	t.Helper()
	file, err := w.certs.Document(t.Context(), w.Place, c, false)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := destruction.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func stateOf(t *testing.T, c *destruction.Certificate, what string) destruction.Copy {
	t.Helper()
	for _, one := range c.Copies {
		if strings.HasPrefix(one.What, what) {
			return one
		}
	}
	t.Fatalf("the certificate says nothing of %s", what)
	return destruction.Copy{}
}

// One run is one certificate, which names what went and nothing of its content.
func TestARunIsCertified(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		recs := []id.Recording{w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)}
		w.keep = destruction.Backups{On: true, Places: w.now.Add(48 * time.Hour), Keys: w.now.Add(24 * time.Hour)}
		by := recording.Authority{Kind: "erasure", Request: "req_x", Run: id.New[id.Destruction]()}
		for _, r := range recs { // two batches of one run
			if err := w.Service.DestroyAll(t.Context(), w.Place, w.Who, []id.Recording{r}, "asked for by Agnes Canary", by); err != nil {
				t.Fatal(err)
			}
		}
		all := w.issue(t, 1)
		c := w.read(t, all[0].ID)
		if c.Total.Recordings != 2 || c.Total.Keys != 4 || c.Total.Sounds != 2 || c.By.Request != "req_x" || c.Run != by.Run.String() || c.Items[0].Recording != recs[0].String() {
			t.Errorf("the certificate says %+v of %+v", c.Total, c.By)
		}
		if got := stateOf(t, c, "keys, second"); got.State != "gone" {
			t.Errorf("the second key store: %+v", got)
		}
		if got := stateOf(t, c, "backups of keys"); got.State != "remaining" || got.Until == nil || !got.Until.Equal(w.keep.Keys) {
			t.Errorf("backups of keys: %+v", got)
		}
		if got := stateOf(t, c, "files at the source"); got.State != "remaining" || c.Total.Remaining != 2 || len(c.Items[0].Paths) != 1 {
			t.Errorf("a source that keeps its files: %+v, %v", got, c.Items[0].Paths)
		}
		text, _ := json.Marshal(c)
		for _, word := range []string{"Canary", "441614960187", "a.wav"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("the certificate tells %q", word)
			}
		}
		w.issue(t, 0)
		// What it names as destroyed is destroyed.
		dead, err := w.Keys.Destroyed(t.Context(), w.Place.Customer())
		if err != nil || len(dead) != 4 {
			t.Fatalf("%d keys are destroyed: %v", len(dead), err)
		}
		for _, d := range dead {
			if !bytes.Contains(text, []byte(d.String())) {
				t.Errorf("the certificate does not name %v", d)
			}
		}
	})
}

// What a box says later is certified anew, in its own signed words; the earlier
// certificate names its successor.
func TestWhatIsLearntLaterIsCertifiedAnew(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.Source = w.source(t, recording.Source{Kind: recording.Collector, Name: "PBX Leeds", Profile: "generic", Folder: "/x", Country: "GB", After: recording.Delete})
		recs := []id.Recording{w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)}
		woken := 0 // who signs
		store.OnCommit(func(c place.Commit) {
			if slices.Contains(c.Topics, destruction.Topic) {
				woken++
			}
		})
		if err := w.Service.DestroyAll(t.Context(), w.Place, w.Who, recs, "asked for", recording.Authority{Kind: "person"}); err != nil {
			t.Fatal(err)
		}
		if woken != 1 {
			t.Errorf("woken %d times by a destruction", woken)
		}
		first := w.issue(t, 1)[0]
		if c := w.read(t, first.ID); c.Items[0].AtSource != destruction.SourceWaiting || stateOf(t, c, "files at").State != "waiting" || first.Asked != 2 {
			t.Fatalf("before the box has answered: %+v", c.Items[0])
		}
		w.issue(t, 0)
		woken = 0
		if w.hear(t, recs[0], collect.FateRemoved); woken != 1 {
			t.Errorf("woken %d times by a box's answer", woken)
		}
		w.issue(t, 0) // the box may be in the middle of its answers
		w.now = w.now.Add(time.Hour)
		half := w.issue(t, 1)[0]
		if c := w.read(t, half.ID); half.Asked != 1 || c.Corrects != first.ID.String() || stateOf(t, c, "files at").State != "waiting" {
			t.Errorf("after one of two: %+v", half)
		}
		w.hear(t, recs[1], collect.FateKept)
		all := w.issue(t, 1)
		c := w.read(t, all[0].ID)
		if got := stateOf(t, c, "files at"); c.Corrects != half.ID.String() || got.State != "remaining" || !strings.Contains(got.Detail, "PBX Leeds: 1") || all[1].Replaced != all[0].ID {
			t.Errorf("after both: %+v of %+v", got, all)
		}
		if b := c.Items[0].Boxes; len(b) != 1 || b[0].Fate != "removed" || len(b[0].Body) == 0 {
			t.Errorf("the box's own words: %+v", b)
		}
		w.issue(t, 0)
	})
}

// What a watched folder moved aside is waited for, whatever boxes have said; each
// file has its word, and a second telling changes nothing.
func TestWhatWasMovedAsideIsCertifiedOnceItWent(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.Source = w.source(t, recording.Source{Kind: recording.Folder, Name: "Leeds", Profile: "generic", Folder: "/x", Country: "GB", After: recording.Move})
		recs := []id.Recording{w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)}
		if err := w.Service.DestroyAll(t.Context(), w.Place, w.Who, recs, "asked for", recording.Authority{Kind: "person"}); err != nil {
			t.Fatal(err)
		}
		first := w.issue(t, 1)[0]
		if c := w.read(t, first.ID); first.Asked != 2 || c.Items[0].AtSource != destruction.SourceWaiting || stateOf(t, c, "files at").State != "waiting" {
			t.Fatalf("before the folder was looked through: %+v", c.Items[0])
		}
		var files map[string]recording.Moved
		if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
			files, err = w.Service.MovedFiles(tx, w.Source.ID)
			return err
		}); err != nil || len(files) != 2 {
			t.Fatalf("%d files are to go: %v", len(files), err)
		}
		said := map[recording.Fate][]recording.Moved{}
		for _, m := range files {
			fate := recording.FateGone
			if m.Recording == recs[1] {
				fate = recording.FateRemains
			}
			said[fate] = append(said[fate], m)
		}
		for range 2 {
			if err := w.Service.Swept(t.Context(), w.Place, w.Source.ID, said); err != nil {
				t.Fatal(err)
			}
			said = map[recording.Fate][]recording.Moved{recording.FateUnknown: append(said[recording.FateGone], said[recording.FateRemains]...)}
		}
		last := w.issue(t, 1)[0]
		c := w.read(t, last.ID)
		if got := stateOf(t, c, "files at"); last.Asked != 0 || c.Corrects != first.ID.String() || got.State != "remaining" || !strings.Contains(got.Detail, "Leeds: 1") {
			t.Errorf("after it: %+v", got)
		}
		for _, i := range c.Items {
			want := destruction.SourceGone
			if i.Recording == recs[1].String() {
				want = destruction.SourceRemains
			}
			if i.AtSource != want {
				t.Errorf("%s: %q, want %q", i.Recording, i.AtSource, want)
			}
		}
		w.issue(t, 0)

		// Nobody looks into the folder of a source that is removed.
		waits, later := w.Archive(t, "c.wav", 3), w.Archive(t, "d.wav", 4)
		if err := w.Service.Destroy(t.Context(), w.Place, w.Who, waits, "asked for"); err != nil {
			t.Fatal(err)
		}
		if err := w.Service.RemoveSource(t.Context(), w.Place, w.Who, w.Source.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Service.Destroy(t.Context(), w.Place, w.Who, later, "asked for"); err != nil {
			t.Fatal(err)
		}
		for _, one := range w.issue(t, 2)[:2] {
			if c := w.read(t, one.ID); c.Items[0].AtSource != destruction.SourceRemains {
				t.Errorf("of a source that was removed: %q", c.Items[0].AtSource)
			}
		}
	})
}

// A source may be removed at any moment between the order of a destruction and its
// end: its files remain, and nothing is waited for.
func TestASourceIsRemovedWhileItsRecordingsAreDestroyed(t *testing.T) {
	for _, at := range []string{"destroy: intend", "destroy: keys", "destroy: objects", "destroy: rows", "destroy: done"} {
		t.Run(at, func(t *testing.T) {
			placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
				w := newWorld(t, store)
				w.Source = w.source(t, recording.Source{Kind: recording.Folder, Name: "Leeds", Profile: "generic", Folder: "/x", Country: "GB", After: recording.Move})
				rec := w.Archive(t, "a.wav", 1)
				reached := 0
				w.step = func(name string) {
					if name == at {
						reached++
						if err := w.Service.RemoveSource(t.Context(), w.Place, w.Who, w.Source.ID); err != nil {
							t.Error(err)
						}
					}
				}
				if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "asked for"); err != nil || reached != 1 {
					t.Fatal(reached, err)
				}
				one := w.issue(t, 1)[0]
				if c := w.read(t, one.ID); one.Asked != 0 || c.Items[0].AtSource != destruction.SourceRemains {
					t.Errorf("%d are waited for, and the file is %q", one.Asked, c.Items[0].AtSource)
				}
				if err := w.Place.View(t.Context(), func(tx *place.Tx) error {
					still, err := w.Service.StillMoved(tx, rec)
					if still {
						t.Error("a file is still to go")
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A box that cannot say leaves the certificate with "unknown", which is final
// until it can.
func TestABoxThatCannotSay(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.Source = w.source(t, recording.Source{Kind: recording.Collector, Name: "box", Profile: "generic", Folder: "/x", Country: "GB"})
	w.boxes.fate = collect.FateOld
	rec := w.Archive(t, "a.wav", 1)
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "asked for"); err != nil {
		t.Fatal(err)
	}
	first := w.issue(t, 1)[0]
	if c := w.read(t, first.ID); c.Items[0].AtSource != destruction.SourceUnknown || first.Unknown != 1 || first.Asked != 0 {
		t.Errorf("%+v", c.Items[0])
	}
	w.issue(t, 0)
	w.hear(t, rec, collect.FateAbsent) // it was upgraded
	if c := w.read(t, w.issue(t, 1)[0].ID); c.Items[0].AtSource != destruction.SourceGone {
		t.Errorf("%+v", c.Items[0])
	}
}

// What a box never signed is in no certificate that holds.
func TestABoxsWordsAreItsOwn(t *testing.T) {
	for name, lie := range map[string]func(w *collect.Word, b *boxes){
		"another fate":      func(w *collect.Word, _ *boxes) { w.Fate = collect.FateAbsent },
		"another key":       func(w *collect.Word, _ *boxes) { w.Key, _, _ = ed25519.GenerateKey(nil) },
		"no words":          func(w *collect.Word, _ *boxes) { w.Said = collect.Signed{} },
		"another device":    func(w *collect.Word, _ *boxes) { w.Device = id.New[id.Device]() },
		"another recording": func(w *collect.Word, b *boxes) { *w = b.sign(id.New[id.Recording](), collect.FateKept) },
		"another customer": func(w *collect.Word, b *boxes) {
			other := *b
			other.customer = id.New[id.Customer]()
			*w = other.sign(w.Recording, collect.FateKept)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, placetest.New(t, schemas()))
			w.Source = w.source(t, recording.Source{Kind: recording.Collector, Name: "box", Profile: "generic", Folder: "/x", Country: "GB"})
			rec := w.Archive(t, "a.wav", 1)
			if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "asked for"); err != nil {
				t.Fatal(err)
			}
			w.hear(t, rec, collect.FateKept)
			told := w.boxes.said[rec]
			lie(&told, w.boxes)
			told.Recording = rec
			w.boxes.said[rec] = told
			file, err := w.certs.Document(t.Context(), w.Place, w.issue(t, 1)[0].ID, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := destruction.Verify(file); !fault.Is(err, fault.Denied) {
				t.Errorf("it is believed: %v", err)
			}
		})
	}
}

// When the last backup from before has run out, that is certified too.
func TestTheEndOfBackupsIsCertified(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.keep = destruction.Backups{On: true, Places: w.now.Add(48 * time.Hour), Keys: w.now.Add(24 * time.Hour)}
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, w.Archive(t, "a.wav", 1), "asked for"); err != nil {
		t.Fatal(err)
	}
	w.issue(t, 1)
	w.now = w.now.Add(25 * time.Hour)
	w.issue(t, 0) // the later of the two counts
	w.now = w.now.Add(24 * time.Hour)
	c := w.read(t, w.issue(t, 1)[0].ID)
	if got := stateOf(t, c, "backups of rows"); got.State != "gone" {
		t.Errorf("%+v", got)
	}
}

func TestAChangedCertificateIsRefused(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, w.Archive(t, "a.wav", 1), "asked for"); err != nil {
		t.Fatal(err)
	}
	c := w.issue(t, 1)[0].ID
	for _, pdf := range []bool{false, true} {
		file, err := w.certs.Document(t.Context(), w.Place, c, pdf)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := destruction.Verify(file); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		at := bytes.Index(file, []byte("version")) + 11
		if pdf {
			at = len(file) / 4
		}
		file[at] ^= 1
		if _, _, err := destruction.Verify(file); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Invalid) {
			t.Errorf("changed, pdf %v: %v", pdf, err)
		}
	}
	if _, _, err := destruction.Verify([]byte(`{"what":"ringfence coverage statement"}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("another document: %v", err)
	}
}

// Whatever the file, the answer is a certificate or a reason.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"what":"ringfence destruction certificate","certificate":"{}","signature":"AAAA"}`))
	f.Add([]byte("%PDF-1.4"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, _, err := destruction.Verify(file); err == nil && c == nil && !bytes.HasPrefix(file, []byte("%PDF-")) {
			t.Error("neither a certificate nor an error")
		}
	})
}

// Before indexes and logs were cleaned nothing is signed: no certificate says
// "gone" of what lies there.
func TestNothingIsSignedBeforeItWasCleaned(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, w.Archive(t, "a.wav", 1), "asked for"); err != nil {
		t.Fatal(err)
	}
	sign := map[string]func() error{
		"recordings": func() error { _, err := w.certs.IssueNow(t.Context(), w.Place); return err },
		"a person": func() error {
			return w.certs.Erased(t.Context(), w.Place, destruction.Erasure{Run: id.New[id.Destruction](), Stores: []destruction.Store{{Name: "contacts"}}})
		},
		"ways back": func() error {
			return w.certs.CertifyKeys(t.Context(), w.Place, destruction.Keys{Run: id.New[id.Destruction]()})
		},
	}
	w.dirty = errors.New("the index cannot be written")
	for name, fn := range sign {
		if err := fn(); !errors.Is(err, w.dirty) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := w.listed(t); len(all) != 0 {
		t.Errorf("signed: %+v", all)
	}
	w.dirty = nil
	for name, fn := range sign {
		if err := fn(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := w.listed(t); len(all) != 3 {
		t.Errorf("signed: %+v", all)
	}
}
