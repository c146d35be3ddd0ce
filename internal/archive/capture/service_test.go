package capture_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
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

// until waits for something that comes from a real folder and a real disk.
func until(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", within, what)
		}
	}
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

func TestADroppedFileIsListedWithinFiveSeconds(t *testing.T) {
	x := watchFolder(t, recordingtest.New(t), recording.Keep)
	kept := x.drop(t, "sub/call.wav", recordingtest.Tone(1, 2, 3*time.Second))
	until(t, "one recording is listed and verified", 5*time.Second, func() bool {
		all := x.listed(t)
		return len(all) == 1 && !all[0].VerifiedAt.IsZero() && all[0].Length == 3*time.Second
	})
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the source was touched: %v", err)
	}
}

func TestBadFilesAreListedAndStopNothing(t *testing.T) {
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
	until(t, "the good one is listed, the bad one needs attention", 5*time.Second, func() bool {
		a, bad := x.attention(t)["text.wav"]
		return len(x.listed(t)) == 1 && bad && a.Reason != "" && a.Todo != ""
	})
	if err := os.Remove(filepath.Join(x.folder, "text.wav")); err != nil {
		t.Fatal(err)
	}
	until(t, "what was removed needs no attention", 15*time.Second, func() bool { return len(x.attention(t)) == 0 })
	if n := len(x.listed(t)); n != 1 {
		t.Errorf("%d recordings are listed, want 1: a link must lead nowhere", n)
	}
}
