package bulk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func schemas() place.Schemas {
	s := recordingtest.Schemas(bulk.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, bulk.Housekeeping)
	return s
}

// old is a folder of old recordings. Their names tell of calls long ago, but for one that is older than anything is kept.
type old struct {
	t   *testing.T
	dir string
}

func (o *old) put(name string, data []byte) {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		o.t.Fatal(err)
	}
	at := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		o.t.Fatal(err)
	}
}

const pattern = "{extension}_{started:060102_150405}_{_}_{caller}"

// telesis is a name as Telesis gives it: the extension filled up to a width.
func telesis(ext string, at time.Time, caller string) string {
	return fmt.Sprintf("%s____%s_AO_%s.wav", ext, at.Format("060102_150405"), caller)
}

func oldFolder(t *testing.T, now time.Time) *old {
	o := &old{t: t, dir: t.TempDir()}
	for i := range 5 {
		o.put(fmt.Sprintf("2026/%02d/", i+1)+telesis(fmt.Sprint(201+i), now.AddDate(0, 0, -i-2), "07700900100"), recordingtest.Tone(i, 1, time.Second))
	}
	o.put("twice.wav", recordingtest.Tone(1, 1, time.Second))
	o.put("known.wav", recordingtest.Tone(90, 2, time.Second))
	o.put("ancient/"+telesis("209", now.AddDate(-9, 0, 0), "07700900109"), recordingtest.Tone(20, 1, time.Second))
	o.put("broken.wav", []byte("this is no sound at all, whatever its name says"))
	o.put("silent.wav", sound.WAVHeader(1, 8000, 0))
	o.put("notes.txt", []byte("left alone"))
	o.put("goes.wav", recordingtest.Tone(30, 1, time.Second))
	o.put("grows.wav", recordingtest.Tone(31, 1, time.Second))
	return o
}

// works runs the jobs of a store.
func works(t *testing.T, w *recordingtest.World, s *bulk.Service) {
	t.Helper()
	r := job.NewRunner(w.Store, map[string]job.Kind{bulk.Job: s.Kind()}, job.Options{Poll: 20 * time.Millisecond})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
}

func until(t *testing.T, w *recordingtest.World, s *bulk.Service, i id.Import, want bulk.State) bulk.Import {
	t.Helper()
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got, err := s.Get(t.Context(), w.Place, i)
		if err != nil {
			t.Fatal(err)
		}
		if got.State == want {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("the import is %s (%s), not %s: %+v", got.State, got.Note, want, got.Totals)
		}
	}
}

func draft(o *old) bulk.Draft {
	return bulk.Draft{Name: "Old recorder", Folder: o.dir, Profile: "generic", Pattern: pattern, TimeZone: "Europe/London", Country: "GB"}
}

func TestImport(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		now := time.Now()
		w := recordingtest.On(t, store, recording.Options{})
		w.Archive(t, "live.wav", 90)
		if err := w.Service.SetRetention(t.Context(), w.Place, w.Who, 3*365); err != nil {
			t.Fatal(err)
		}
		o := oldFolder(t, now)
		var signed []byte
		s := bulk.NewService(bulk.Options{
			Store: w.Store, Recordings: w.Service, Batch: 4, Hears: func(context.Context, *place.Place) float64 { return 10 },
			Sign: func(_ context.Context, text []byte) ([]byte, error) { signed = text; return []byte("signature"), nil },
		})
		works(t, w, s)
		imp, err := s.Create(t.Context(), w.Place, w.Who, draft(o))
		if err != nil {
			t.Fatal(err)
		}
		ready := until(t, w, s, imp.ID, bulk.Ready)
		tot := ready.Totals
		want := map[bulk.Outcome]int64{bulk.New: 7, bulk.Duplicate: 2, bulk.Expired: 1, bulk.Unreadable: 2}
		for what, n := range want {
			if tot.Preview[what] != n {
				t.Errorf("%d files are %s, not %d: %+v", tot.Preview[what], what, n, tot)
			}
		}
		if tot.Files != 12 || tot.Looked != 12 || tot.Others != 1 || tot.Calls != 7 || tot.NewLength != 7*time.Second || tot.Speech != 700*time.Millisecond || tot.Done != 0 {
			t.Errorf("the preview: %+v", tot)
		}
		if u, err := w.Service.Usage(t.Context(), w.Place); err != nil || u.Recordings != 1 {
			t.Fatalf("the preview took something in: %+v %v", u, err)
		}
		if err := os.Remove(filepath.Join(o.dir, "goes.wav")); err != nil {
			t.Fatal(err)
		}
		o.put("grows.wav", recordingtest.Tone(31, 1, 2*time.Second))
		if _, err := s.Start(t.Context(), w.Place, w.Who, imp.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(t.Context(), w.Place, w.Who, imp.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("started twice: %v", err)
		}
		done := until(t, w, s, imp.ID, bulk.Done)
		reconciles(t, done.Totals, map[bulk.Outcome]int64{bulk.Archived: 5, bulk.Duplicate: 2, bulk.Expired: 1, bulk.Unreadable: 2, bulk.Vanished: 1, bulk.Changed: 1})
		if u, err := w.Service.Usage(t.Context(), w.Place); err != nil || u.Recordings != 6 || u.Waiting != 1 {
			t.Fatalf("%+v %v", u, err)
		}
		statement(t, w, s, imp.ID, signed)
		page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything, Source: done.Source}, recording.PageAsk{Limit: 10})
		if err != nil || len(page.Items) != 5 || page.Items[0].Call.IsZero() {
			t.Fatalf("%+v %v", page, err)
		}
		if _, err := os.Stat(filepath.Join(o.dir, "2026/01")); err != nil {
			t.Error("an import touched the files of its folder")
		}
		if err := s.Remove(t.Context(), w.Place, w.Who, imp.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), w.Place, imp.ID); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
}

// reconciles: every file of the list ended in exactly one way.
func reconciles(t *testing.T, got bulk.Totals, want map[bulk.Outcome]int64) {
	t.Helper()
	all := int64(0)
	for _, what := range bulk.Outcomes() {
		all += got.Outcomes[what]
		if want != nil && got.Outcomes[what] != want[what] {
			t.Errorf("%d files are %s, not %d", got.Outcomes[what], what, want[what])
		}
	}
	if all != got.Files || got.Done != got.Files {
		t.Errorf("%d outcomes of %d files", all, got.Files)
	}
}

// statement: the signed totals name the list that can be downloaded.
func statement(t *testing.T, w *recordingtest.World, s *bulk.Service, i id.Import, signed []byte) {
	t.Helper()
	text, signature, err := s.Report(t.Context(), w.Place, i)
	if err != nil || !bytes.Equal(text, signed) || string(signature) != "signature" {
		t.Fatalf("%s %s %v", text, signature, err)
	}
	var list bytes.Buffer
	if err := s.CSV(t.Context(), w.Place, i, &list); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(list.Bytes())
	if !strings.Contains(string(text), "list-sha256: "+hex.EncodeToString(sum[:])) || strings.Count(list.String(), "\n") != 13 {
		t.Fatalf("%s\n%s", text, list.String())
	}
	if !strings.Contains(string(text), "archived: 5\n") {
		t.Fatalf("%s", text)
	}
}

// TestImportYields: while live capture has work, nothing is taken in; a pause in this time holds, and a quota stops it with its reason.
func TestImportYields(t *testing.T) {
	var busy, full atomic.Bool
	var why atomic.Pointer[string]
	store := placetest.New(t, schemas())
	w := recordingtest.On(t, store, recording.Options{Admit: func(context.Context, *place.Place) error {
		if full.Load() {
			return fault.New(fault.Conflict, "the storage that was bought is full")
		}
		return nil
	}})
	o := oldFolder(t, time.Now())
	steps := make(chan string, 1000)
	s := bulk.NewService(bulk.Options{
		Store: w.Store, Recordings: w.Service, Busy: busy.Load,
		Halted: func(_ context.Context, _ *place.Place, _ id.Import, text string) { why.Store(&text) },
		Goes:   func(context.Context, *place.Place, id.Import) { why.Store(nil) },
		Step: func(name string) {
			select {
			case steps <- name:
			default:
			}
		},
	})
	works(t, w, s)
	imp, err := s.Create(t.Context(), w.Place, w.Who, draft(o))
	if err != nil {
		t.Fatal(err)
	}
	until(t, w, s, imp.ID, bulk.Ready)
	busy.Store(true)
	if _, err := s.Start(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	for name := range steps {
		if name == "archive" {
			t.Fatal("archived while live capture had work")
		}
		if name == "yield" {
			break
		}
	}
	if got, err := s.Get(t.Context(), w.Place, imp.ID); err != nil || !got.Totals.Yielding || got.State != bulk.Running {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := s.Pause(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	busy.Store(false)
	full.Store(true)
	if got := until(t, w, s, imp.ID, bulk.Paused); got.Totals.Done != 0 {
		t.Fatalf("%+v", got)
	}
	if _, err := s.Resume(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	got := until(t, w, s, imp.ID, bulk.Stopped)
	if !strings.Contains(got.Note, "storage that was bought is full") || got.Totals.Done != 0 {
		t.Fatalf("%+v", got)
	}
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(10 * time.Millisecond) { // it stands in the import before it is told
		if text := why.Load(); text != nil && *text == got.Note {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody was told that the import stopped")
		}
	}
	full.Store(false)
	if _, err := s.Resume(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	reconciles(t, until(t, w, s, imp.ID, bulk.Done).Totals, nil)
}

// TestImportCancel: what was taken in stays, the rest has no outcome, and nothing goes on by itself.
func TestImportCancel(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	o := oldFolder(t, time.Now())
	s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service})
	works(t, w, s)
	imp, err := s.Create(t.Context(), w.Place, w.Who, draft(o))
	if err != nil {
		t.Fatal(err)
	}
	until(t, w, s, imp.ID, bulk.Ready)
	if _, err := s.Cancel(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	for _, act := range []func(context.Context, *place.Place, actor.Actor, id.Import) (bulk.Import, error){s.Start, s.Pause, s.Resume, s.Cancel} {
		if _, err := act(t.Context(), w.Place, w.Who, imp.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("a cancelled import: %v", err)
		}
	}
	files, err := s.Files(t.Context(), w.Place, imp.ID, bulk.Unreadable, 0, 10)
	if err != nil || len(files) != 2 || files[0].Reason == "" {
		t.Fatalf("%+v %v", files, err)
	}
}

// TestImportOfAFolderThatWasNotGiven: it waits, however it came to be set; who runs the machine may name any.
func TestImportOfAFolderThatWasNotGiven(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	given, other := oldFolder(t, time.Now()), oldFolder(t, time.Now())
	s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service, Given: func(c id.Customer, folder string) bool {
		return c == w.Place.Customer() && folder == given.dir
	}})
	works(t, w, s)
	begin := func(o *old, logs string) id.Import {
		d := draft(o)
		d.Logs = logs
		imp, err := s.Create(t.Context(), w.Place, w.Who, d)
		if err != nil {
			t.Fatal(err)
		}
		return imp.ID
	}
	until(t, w, s, begin(given, given.dir), bulk.Ready)
	var halted bulk.Import
	for _, i := range []id.Import{begin(given, other.dir), begin(other, "")} {
		halted = until(t, w, s, i, bulk.Stopped)
		if halted.Totals.Files != 0 || !strings.Contains(halted.Note, "has not given you this folder") {
			t.Errorf("%+v", halted)
		}
	}
	s.Trust(halted.ID)
	if _, err := s.Resume(t.Context(), w.Place, w.Who, halted.ID); err != nil {
		t.Fatal(err)
	}
	until(t, w, s, halted.ID, bulk.Ready)
}

// TestDraft names all faults at once.
func TestDraft(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service})
	_, err := s.Create(t.Context(), w.Place, w.Who, bulk.Draft{Profile: "avaya", TimeZone: "Mars", PerMinute: -1, Transcribe: true, Columns: map[string]string{"A": "b"}})
	if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 7 {
		t.Fatalf("%+v", fault.Of(err))
	}
}

// TestListColumns: a list of another recorder, whose columns are called otherwise.
func TestListColumns(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	o := &old{t: t, dir: t.TempDir()}
	o.put("a/1.wav", recordingtest.Tone(1, 1, time.Second))
	o.put("export.csv", []byte("Datei;Beginn;Anrufer;Nebenstelle\na/1.wav;2026-01-05 10:00:00;07700900123;211\n"))
	s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service})
	works(t, w, s)
	d := draft(o)
	d.Pattern, d.Columns = "", map[string]string{"Datei": "file", "Beginn": "started", "Anrufer": "caller", "Nebenstelle": "extension"}
	imp, err := s.Create(t.Context(), w.Place, w.Who, d)
	if err != nil {
		t.Fatal(err)
	}
	until(t, w, s, imp.ID, bulk.Ready)
	if _, err := s.Start(t.Context(), w.Place, w.Who, imp.ID); err != nil {
		t.Fatal(err)
	}
	done := until(t, w, s, imp.ID, bulk.Done)
	page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything, Source: done.Source}, recording.PageAsk{Limit: 10})
	if err != nil || len(page.Items) != 1 || !page.Items[0].StartedAt.Equal(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v %v", page, err)
	}
}
