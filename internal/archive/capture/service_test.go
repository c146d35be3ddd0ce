package capture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
)

// watched is a world whose source is a folder that a service watches.
type watched struct {
	*recordingtest.World
	folder  string
	service *capture.Service
}

func watchFolder(t *testing.T, w *recordingtest.World, after recording.After) *watched {
	t.Helper()
	x := &watched{World: w, folder: t.TempDir()}
	w.Source.Folder, w.Source.After = x.folder, after
	var err error
	if w.Source, err = w.Service.ChangeSource(t.Context(), w.Place, w.Who, w.Source); err != nil {
		t.Fatal(err)
	}
	x.start(t)
	return x
}

func (x *watched) start(t *testing.T) {
	t.Helper()
	x.service = capture.NewService(capture.ServiceOptions{Store: x.Store, Recordings: x.Service, Every: 50 * time.Millisecond})
	if err := x.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.service.Stop)
}

func (x *watched) drop(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(x.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// until waits for something that comes from a real folder and a real disk, and
// gives how long that took.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	const most = 4 * time.Minute
	begun := time.Now()
	for ; !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > most {
			t.Fatalf("after %v still not: %s", most, what)
		}
	}
	return time.Since(begun)
}

func (x *watched) listed(t *testing.T) []recording.Recording {
	t.Helper()
	page, err := x.Service.List(t.Context(), x.Place, x.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func (x *watched) attention(t *testing.T) map[string]recording.Attention {
	t.Helper()
	all, err := x.Service.Attention(t.Context(), x.Place)
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]recording.Attention{}
	for _, a := range all {
		byPath[a.Path] = a
	}
	return byPath
}

// The best of three: a busy machine may be late for once.
func TestADroppedFileIsListedWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	const most = 5 * time.Second
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	took := most
	for n := 1; n <= 3 && took >= most; n++ {
		kept := x.drop(t, fmt.Sprintf("sub/call%d.wav", n), recordingtest.Tone(n, 2, 3*time.Second))
		took = until(t, "the recordings are listed and verified", func() bool {
			all := x.listed(t)
			return len(all) == n && !slices.ContainsFunc(all, func(r recording.Recording) bool { return r.VerifiedAt.IsZero() || r.Length != 3*time.Second })
		})
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("the source was touched: %v", err)
		}
	}
	if took >= most {
		t.Errorf("three files took longer than %v each, the last one %v", most, took)
	}
}

func TestBadFilesAreListedAndStopNothing(t *testing.T) {
	t.Parallel()
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	x.drop(t, "text.wav", []byte("this is no sound at all, but a letter to somebody"))
	x.drop(t, "good.wav", recordingtest.Tone(2, 1, time.Second))
	secret := filepath.Join(t.TempDir(), "outside.wav")
	if err := os.WriteFile(secret, recordingtest.Tone(9, 1, time.Second), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(x.folder, "link.wav")); err != nil {
		t.Fatal(err)
	}
	until(t, "the good one is listed, the bad one and the link need attention", func() bool {
		a, bad := x.attention(t)["text.wav"]
		b, link := x.attention(t)["link.wav"]
		return len(x.listed(t)) == 1 && bad && a.Reason != "" && a.Todo != "" && link && b.Todo != ""
	})
	for _, name := range []string{"text.wav", "link.wav"} {
		if err := os.Remove(filepath.Join(x.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "what was removed needs no attention", func() bool { return len(x.attention(t)) == 0 })
	if n := len(x.listed(t)); n != 1 {
		t.Errorf("%d recordings are listed, want 1: a link must lead nowhere", n)
	}
}

func TestFilesAreListedAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	x.drop(t, "call-rx.wav", recordingtest.Tone(1, 1, time.Second))
	x.drop(t, "call-tx.wav", recordingtest.Tone(2, 1, time.Second))
	x.drop(t, "Gespr\xe4ch\n.wav", recordingtest.Tone(3, 1, time.Second))
	want := map[string]string{"call-rx.wav": "stereo-sides", "Gespräch\ufffd.wav": "mono-mix"}
	until(t, "both are listed", func() bool { return len(x.listed(t)) == len(want) })
	for _, r := range x.listed(t) {
		if want[r.Card.File] != r.Layout {
			t.Errorf("%q is %q, want %q", r.Card.File, r.Layout, want)
		}
	}
}

func TestVerifiedSourcesAreMovedOrDeleted(t *testing.T) {
	for _, after := range []recording.After{recording.Move, recording.Delete} {
		t.Run(string(after), func(t *testing.T) {
			t.Parallel()
			x := watchFolder(t, recordingtest.New(t), after)
			path := x.drop(t, "sub/call.wav", recordingtest.Tone(1, 1, time.Second))
			until(t, "the source is gone", func() bool {
				_, err := os.Stat(path)
				return os.IsNotExist(err)
			})
			if all := x.listed(t); len(all) != 1 || all[0].VerifiedAt.IsZero() {
				t.Errorf("the source is gone, but the archive has %+v", all)
			}
			_, err := os.Stat(filepath.Join(x.folder, ".ringfence-done", "sub", "call.wav"))
			if moved := err == nil; moved != (after == recording.Move) {
				t.Errorf("moved: %v", moved)
			}
		})
	}
}

// With objects in one place only, a source is kept whatever the settings say.
func TestOnePlaceKeepsSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket, err := blob.OpenFolder(filepath.Join(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "drop")
	w, err := recordingtest.Disk(t.Context(), dir, recording.Options{Objects: bucket}, recording.Source{Profile: "generic", Folder: folder, After: recording.Delete})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	x := &watched{World: w, folder: folder}
	path := x.drop(t, "call.wav", recordingtest.Tone(1, 1, time.Second))
	x.start(t)
	until(t, "the recording is verified and the source says why it keeps files", func() bool {
		src, err := w.Service.Source(t.Context(), w.Place, w.Source.ID)
		all := x.listed(t)
		return err == nil && len(all) == 1 && !all[0].VerifiedAt.IsZero() && src.Note != ""
	})
	x.service.Stop()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the source was touched: %v", err)
	}
}

// The file of a destroyed recording stays where it is and is not captured
// again, also by a server that was started since.
func TestDestroyedIsNotCapturedAgain(t *testing.T) {
	t.Parallel()
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	x.drop(t, "call.wav", recordingtest.Tone(1, 1, time.Second))
	until(t, "it is listed", func() bool { return len(x.listed(t)) == 1 })
	if err := x.Service.Destroy(t.Context(), x.Place, x.Who, x.listed(t)[0].ID, "a test"); err != nil {
		t.Fatal(err)
	}
	x.service.Stop()
	x.start(t)
	until(t, "the source says that it is still there", func() bool {
		src, err := x.Service.Source(t.Context(), x.Place, x.Source.ID)
		return err == nil && src.Note != ""
	})
	if n := len(x.listed(t)); n != 0 {
		t.Errorf("%d recordings came back", n)
	}
}

// A file that was put right is captured when somebody says: try again. A source
// whose folder is missing says so and goes on when it is there.
func TestRetryAndMissingFolder(t *testing.T) {
	t.Parallel()
	w := recordingtest.New(t)
	x := watchFolder(t, w, recording.Keep)
	if err := os.Remove(x.folder); err != nil {
		t.Fatal(err)
	}
	w.Source.Language = "en-GB" // any change: the source is read again
	if _, err := w.Service.ChangeSource(t.Context(), w.Place, w.Who, w.Source); err != nil {
		t.Fatal(err)
	}
	until(t, "the source fails with a reason", func() bool {
		src, err := w.Service.Source(t.Context(), w.Place, w.Source.ID)
		return err == nil && src.State == "failing" && src.Note != ""
	})
	bad := x.drop(t, "call.wav", []byte("this is a letter and no sound"))
	until(t, "the file needs attention", func() bool { return len(x.attention(t)) == 1 })
	if err := os.WriteFile(bad, recordingtest.Tone(1, 1, time.Second), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Retry(t.Context(), w.Place, w.Who, x.attention(t)["call.wav"].File); err != nil {
		t.Fatal(err)
	}
	until(t, "it is captured and needs no attention", func() bool { return len(x.listed(t)) == 1 && len(x.attention(t)) == 0 })
}

// A source whose folder the operator did not give reads nothing there, however it
// came to be set: one may come with its customer from another installation.
func TestAFolderThatWasNotGivenIsNotRead(t *testing.T) {
	t.Parallel()
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	x.service.Stop()
	given := ""
	for _, c := range []struct {
		given string
		logs  string
		reads bool
	}{{"/elsewhere", "", false}, {x.folder, "/var/log/else", false}, {x.folder, "", true}} {
		src := x.Source
		src.Logs = c.logs
		if _, err := x.Service.ChangeSource(t.Context(), x.Place, x.Who, src); err != nil {
			t.Fatal(err)
		}
		given = c.given
		x.drop(t, "call.wav", recordingtest.Tone(1, 1, time.Second))
		s := capture.NewService(capture.ServiceOptions{Store: x.Store, Recordings: x.Service, Every: 20 * time.Millisecond, Given: func(who id.Customer, folder string) bool {
			return who == x.Place.Customer() && folder == given
		}})
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "the source says how it is", func() bool {
			now, err := x.Service.Source(t.Context(), x.Place, x.Source.ID)
			if err != nil {
				t.Fatal(err)
			}
			return c.reads && now.State == "active" && len(x.listed(t)) == 1 || !c.reads && now.State == "failing" && strings.Contains(now.Note, "has not given you this folder")
		})
		s.Stop()
		if n := len(x.listed(t)); !c.reads && n != 0 {
			t.Errorf("%d recordings from a folder that was not given", n)
		}
	}
}
