package capture

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// live is a source that is polled as time goes by.
type live struct {
	t       *testing.T
	profile Profile
	opt     Options
	now     time.Time
	calls   map[string]Call
	last    Batch
}

func newLive(t *testing.T, opt Options) *live {
	t.Helper()
	opt.Profile, opt.Folder = "asterisk", t.TempDir()
	p, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return &live{t: t, profile: p, opt: opt, now: time.Now().Add(time.Hour), calls: map[string]Call{}}
}

// after polls once more and gives the calls that were told.
func (l *live) after(d time.Duration) []Call {
	l.t.Helper()
	l.now = l.now.Add(d)
	b, err := l.profile.Poll(l.t.Context(), l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range b.Calls {
		l.calls[c.ID] = c
	}
	l.last = b
	return b.Calls
}

func TestAFileThatNoLogEndsIsTruncatedAfterItStoodStill(t *testing.T) {
	logs := t.TempDir()
	l := newLive(t, Options{Logs: logs})
	p := newPBX(l.now.Truncate(time.Second))
	in := p.ring("PJSIP/trunk", "01614960152", "", "01614960516", "from-trunk", nil)
	in.answer()
	b := p.ring("PJSIP/209", "209", "Aisha Khan", "s", "from-internal", in)
	b.answer()
	talk(in, b)
	p.write(t, logs)
	name := fmt.Sprintf("q-care-01614960152-%s-%s.WAV", l.now.UTC().Format("20060102-150405"), in.uid)
	put(t, l.opt.Folder, name, gsmOpen(100))
	if got := l.after(0); len(got) != 1 || got[0].Files[0].State != Partial {
		t.Fatalf("%+v", got)
	}
	if got := l.after(25 * time.Second); len(got) != 0 {
		t.Fatalf("GSM stands still for 20 s while it is written: %+v", got)
	}
	if got := l.after(2 * time.Minute); len(got) != 1 || got[0].Files[0].State != Truncated || got[0].Files[0].Sound.Seconds != 4 {
		t.Fatalf("%+v", got)
	}
	put(t, l.opt.Folder, name, gsmOpen(200)) // it was only slow
	if got := l.after(time.Second); len(got) != 1 || got[0].Files[0].State != Partial {
		t.Fatalf("%+v", got)
	}
	for _, leg := range []*leg{in, b} {
		leg.hangUp(16, in.name)
	}
	in.last()
	p.write(t, logs)
	if got := l.after(time.Second); len(got) != 1 || len(got[0].Files) != 1 || got[0].Files[0].State != Truncated || got[0].Files[0].Sound.Seconds != 8 || !got[0].Ended {
		t.Fatalf("%+v", got)
	}
}

func TestAFileBeforeItsLogsWaitsAndIsNotTwoCalls(t *testing.T) {
	logs := t.TempDir()
	l := newLive(t, Options{Logs: logs})
	p := newPBX(l.now.Truncate(time.Second))
	in := p.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
	put(t, l.opt.Folder, "exten-209-01614960152-20241122-090000-"+in.uid+".wav", wav(1, 30))
	if got := l.after(0); len(got) != 0 {
		t.Fatalf("no log knows of it yet: %+v", got)
	}
	if u := l.last.Unnamed; u.Files != 1 || !u.Until.After(l.now) || u.Until.After(l.now.Add(2*time.Minute)) {
		t.Fatalf("it waits unsaid: %+v", u)
	}
	if got := l.after(3 * time.Minute); l.last.Unnamed != (Unnamed{}) || len(got) != 1 || strings.Join(got[0].Sources, " ") != "file" || got[0].Files[0].State != Complete {
		t.Fatalf("%+v", got)
	}
	p.write(t, logs)
	got := l.after(time.Second)
	if len(got) != 1 || got[0].ID != in.uid || len(got[0].Files) != 1 || got[0].Agents[0].Name != "Aisha Khan" || len(l.calls) != 1 {
		t.Fatalf("%+v", got)
	}
}

// meanwhile does something once, when the first log is opened.
type meanwhile struct {
	fs.FS
	once sync.Once
	do   func()
}

func (b *meanwhile) Open(name string) (fs.File, error) {
	if path.Ext(name) == ".csv" {
		b.once.Do(b.do)
	}
	return b.FS.Open(name)
}

// A file that is made while the logs are read belongs to the call that they end,
// at once: a crash after this poll finds nothing of it in the logs any more.
func TestAFileMadeWhileTheLogsAreRead(t *testing.T) {
	logs := t.TempDir()
	l := newLive(t, Options{})
	p := newPBX(l.now.Truncate(time.Second))
	in := p.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
	p.write(t, logs)
	l.opt.LogFiles = &meanwhile{FS: os.DirFS(logs), do: func() {
		put(t, l.opt.Folder, "exten-209-01614960152-20241122-090000-"+in.uid+".wav", wav(1, 30))
	}}
	var err error
	if l.profile, err = New(l.opt); err != nil {
		t.Fatal(err)
	}
	if got := l.after(0); len(got) != 1 || len(got[0].Files) != 1 {
		t.Fatalf("%+v", got)
	}
}

func TestKnownAndDoneFilesAreNotToldAgain(t *testing.T) {
	logs := t.TempDir()
	known := map[string]int64{}
	l := newLive(t, Options{Logs: logs, Known: func(path string, size int64) bool { return known[path] == size }})
	p := newPBX(l.now.Add(-time.Hour).Truncate(time.Second))
	var last *leg
	for i := range 3 {
		in := p.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
		name := fmt.Sprintf("exten-209-01614960152-20241122-090000-%s.wav", in.uid)
		put(t, l.opt.Folder, name, wav(1, 30))
		if i == 0 {
			known[name] = int64(len(wav(1, 30)))
		}
		last = in
		p.wait(time.Minute)
	}
	p.write(t, logs)
	l.after(0)
	files := 0
	for _, c := range l.calls {
		files += len(c.Files)
	}
	if len(l.calls) != 3 || files != 2 {
		t.Fatalf("%d calls with %d files", len(l.calls), files)
	}
	for id := range l.calls {
		l.profile.Done(id)
	}
	for range 3 {
		if got := l.after(time.Minute); len(got) != 0 {
			t.Fatalf("told again: %+v", got)
		}
	}
	name := fmt.Sprintf("exten-209-01614960152-20241122-090000-%s.wav", last.uid)
	put(t, l.opt.Folder, name, wav(1, 40)) // the same path with more in it replaces what was captured
	if got := l.after(time.Minute); len(got) == 0 && len(l.after(3*time.Minute)) == 0 {
		t.Fatal("a larger file under the same path was not told")
	}
	if c := l.calls[last.uid]; len(c.Files) != 1 || c.Files[0].Sound.Seconds != 40 {
		t.Fatalf("%+v", c.Files)
	}
}

// Files that are moved away after their capture are no news of their calls.
func TestMovedFilesAreNoNews(t *testing.T) {
	l := newLive(t, Options{Logs: t.TempDir()})
	p := newPBX(l.now.Add(-time.Hour).Truncate(time.Second))
	in := p.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
	p.write(t, l.opt.Logs)
	name := "exten-209-01614960152-20241122-090000-" + in.uid + ".wav"
	put(t, l.opt.Folder, name, wav(1, 30))
	put(t, l.opt.Folder, "exten-209-01614960153-20241122-090000-1732266000.77.wav", wav(1, 3))
	l.after(0)
	l.after(3 * time.Minute)
	if len(l.calls) != 2 {
		t.Fatalf("%d calls", len(l.calls))
	}
	l.profile.Done(in.uid, "1732266000.77")
	remove(t, filepath.Join(l.opt.Folder, name))
	remove(t, filepath.Join(l.opt.Folder, "exten-209-01614960153-20241122-090000-1732266000.77.wav"))
	if got := l.after(time.Minute); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
}

// What is kept of calls does not grow with their number.
func TestMemoryOfCallsIsBounded(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 22, 0, 0, 0, 0, time.UTC))
	for i := range 300 {
		p.direct(fmt.Sprintf("07700%06d", i), "01614960516", "209", "Aisha Khan", 30)
		p.wait(5 * time.Minute)
	}
	logs := t.TempDir()
	p.write(t, logs)
	l := newLive(t, Options{Logs: logs})
	l.after(0)
	if len(l.calls) != 300 {
		t.Fatalf("%d calls", len(l.calls))
	}
	if n := len(l.profile.(*asterisk).j.all); n > 20 {
		t.Errorf("%d calls are kept", n)
	}
}

// The logs of a year, when a source is switched on, come in portions.
func TestABacklogComesInPortions(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC))
	const total = 2*maxTold + 500
	for i := range total {
		p.direct(fmt.Sprintf("07700%06d", i), "01614960516", "209", "Aisha Khan", 30)
		p.wait(time.Minute)
	}
	logs := t.TempDir()
	p.write(t, logs)
	l := newLive(t, Options{Logs: logs})
	polls := 0
	for got := l.after(time.Second); len(got) > 0; got = l.after(time.Second) {
		if polls++; len(got) > maxTold+100 {
			t.Fatalf("%d calls at once", len(got))
		}
		if l.last.More != (polls < 3) {
			t.Fatalf("after portion %d it is said that more are there: %v", polls, l.last.More)
		}
		for _, c := range got {
			l.profile.Done(c.ID)
		}
		if n := len(l.profile.(*asterisk).j.all); n > maxTold+100 {
			t.Fatalf("%d calls are kept", n)
		}
	}
	if len(l.calls) != total || polls != 3 {
		t.Fatalf("%d calls in %d portions", len(l.calls), polls)
	}
	for _, c := range l.calls {
		if !c.Ended || len(c.Agents) != 1 || c.Talked != 30 {
			t.Fatalf("%+v", c)
		}
	}
}

func TestFoldersThatAreMissing(t *testing.T) {
	if _, err := newLiveErr(t, Options{Folder: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a missing folder of recordings is an error")
	}
	var problems []Problem
	dir := t.TempDir()
	put(t, dir, "q-care-01614960152-20241122-090000-1732266000.1.wav", wav(1, 2))
	lines := dryRun(t, Options{Folder: dir, Logs: filepath.Join(dir, "none"), Report: func(p Problem) { problems = append(problems, p) }})
	if len(lines) != 1 || lines[0].Recordings[0].State != Complete || len(problems) != 1 || problems[0].Advice == "" {
		t.Errorf("%+v %+v", lines, problems)
	}
}

func newLiveErr(t *testing.T, opt Options) (Batch, error) {
	t.Helper()
	opt.Profile = "asterisk"
	p, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p.Poll(t.Context(), time.Now())
}

func TestNamesAloneTellOfARestart(t *testing.T) {
	lines := dryRun(t, Options{Folder: filepath.Join(fixtures, "monitor")})
	if got := of(t, lines, "1795326070.153").Recordings[0].State; got != Truncated {
		t.Errorf("killed: %s", got)
	}
	if got := of(t, lines, "pbx2-1795326130.0").Recordings[0].State; got != Partial {
		t.Errorf("still written: %s", got)
	}
}
