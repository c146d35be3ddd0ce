package capture

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// put writes a file of a test's source, with its folders.
func put(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// wav is a closed recording of so many seconds.
func wav(channels int, seconds float64) []byte {
	frames := int64(seconds * 8000)
	b := sound.WAVHeader(channels, 8000, frames)
	for i := range frames * int64(channels) {
		b = append(b, byte(i), byte(i>>6)&0x0f)
	}
	return b
}

func TestPatternsAreReadOrRefusedWithTheirFault(t *testing.T) {
	for _, c := range []struct{ pattern, name, want string }{
		{"{started:20060102-150405}_{caller}_{dialled}_{extension}", "20261122-053644_01614960152_01614960516_209", "started=20261122-053644 caller=01614960152 dialled=01614960516 extension=209"},
		{"{started:20060102-150405}_{caller}_{dialled}_{extension}", "20261122-053644_01614960152", ""},
		{"{queue}/{started:20060102150405}-{caller}", "archive/sales-north/20261122053644-+447700900456", "queue=sales-north started=20261122053644 caller=+447700900456"},
		{"{_} ({caller}) {extension}", "Anything at all (07700900012) 209", "caller=07700900012 extension=209"},
		{"call-{id}-{side}", "call-17-a-rx", "id=17 side=a-rx"},
		{"{started:unix}_{caller}", "1795325804_212", "started=1795325804 caller=212"},
		{"{caller}{started:20060102}", "20720261122", ""},
	} {
		p, err := parsePattern(c.pattern)
		if err != nil {
			if c.want != "" || !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", c.pattern, err)
			}
			continue
		}
		got, ok := p.match(c.name)
		var parts []string
		for _, part := range p.parts {
			if part.name != "" && part.name != "_" && ok {
				parts = append(parts, part.name+"="+got[part.name])
			}
		}
		if s := strings.Join(parts, " "); s != c.want {
			t.Errorf("%s on %s: %q, want %q", c.pattern, c.name, s, c.want)
		}
	}
	for bad, says := range map[string]string{
		"": "1 to 500", "plain": "names no part", "{caller": "character 1", "x}": "character 2", "{number}": "is no part", "{caller}{dialled}": "text between",
		"{caller}_{caller}": "twice", "{started}": "needs a layout", "{caller:x}": "have none", "{started:2006}": "no layout", "{started:Monday}": "no layout",
	} {
		_, err := parsePattern(bad)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want a text with %q", bad, err, says)
		}
	}
}

func TestGenericFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "20261122-053644_01614960152_01614960516_209.wav", wav(2, 3))
	put(t, dir, "a/talk.wav", wav(1, 2))
	put(t, dir, "a/talk.json", []byte(`{"started_at":"2026-07-01T10:00:00+01:00","caller":"212","dialled":"02079460123","agent":"Jack Mills","queue":null,"other":[1]}`))
	put(t, dir, "b/one.wav", wav(1, 1))
	put(t, dir, "b/two-rx.wav", wav(1, 4))
	put(t, dir, "b/two-tx.wav", wav(1, 4))
	put(t, dir, "b/list.csv", []byte("file,started_at,caller,dialled,extension,queue\n"+
		"one.wav,2026-10-25 01:30:00,anonymous,01614960506,209,care\nbad,row\ntwo-rx.wav,\"2026-03-29 12:00:00\",204,217,217,\n../../etc/passwd,,x,y,z,\n"))
	put(t, dir, "text.wav", []byte("this is no sound, though it is called so"))
	put(t, dir, "zero.wav", nil)
	put(t, dir, "nameless.wav", wav(2, 1))
	put(t, dir, "readme.txt", []byte("not looked at"))
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	var problems []Problem
	got := dryRun(t, Options{Profile: "generic", Folder: dir, Zone: london, Pattern: "{started:20060102-150405}_{caller}_{dialled}_{extension}", Report: func(p Problem) { problems = append(problems, p) }})
	by := map[string]line{}
	for _, l := range got {
		by[l.Recordings[0].File] = l
	}
	if d := by["nameless.wav"].Direction; d != Unknown {
		t.Errorf("a file that tells nothing is called %s", d)
	}
	named := by["20261122-053644_01614960152_01614960516_209.wav"]
	if named.Direction != Inbound || named.Caller != "01614960152" || named.Dialled != "01614960516" || named.Agents[0].Extension != "209" ||
		!named.StartedAt.Equal(time.Date(2026, 11, 22, 5, 36, 44, 0, time.UTC)) || named.EndedAt.Sub(*named.StartedAt) != 3*time.Second || named.Recordings[0].Layout != "stereo-sides" {
		t.Errorf("by name: %+v", named)
	}
	talk := by["a/talk.wav"]
	if talk.Direction != Outbound || talk.Agents[0].Name != "Jack Mills" || talk.Agents[0].Extension != "212" || talk.Queue != nil || !talk.StartedAt.Equal(time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("by JSON: %+v", talk)
	}
	one := by["b/one.wav"]
	if !one.Withheld || one.Caller != "" || text(one.Queue) != "care" || !one.StartedAt.Equal(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)) {
		t.Errorf("by list: %+v", one)
	}
	two := by["b/two-rx.wav"]
	if two.Direction != Internal || len(two.Recordings) != 2 || two.Recordings[0].Group != two.Recordings[1].Group || two.Recordings[0].Layout != "caller" || two.Recordings[1].Layout != "agent" {
		t.Errorf("two sides: %+v", two)
	}
	if l := by["text.wav"]; l.Recordings[0].State != Unreadable || l.Recordings[0].Reason == "" {
		t.Errorf("text: %+v", l)
	}
	if l := by["zero.wav"]; l.Recordings[0].State != Empty || l.Disposition != Unanswered {
		t.Errorf("zero bytes: %+v", l)
	}
	if len(got) != 7 {
		t.Errorf("%d calls", len(got))
	}
	lines := 0
	for _, p := range problems {
		if p.Path == "b/list.csv" && p.Line == 3 {
			lines++
		}
	}
	if lines != 1 || len(problems) != 3 { // and text.wav, and zero.wav
		t.Errorf("problems %+v", problems)
	}
}

func TestGenericWaitsUntilAFileIsWhole(t *testing.T) {
	dir := t.TempDir()
	whole := wav(1, 2)
	put(t, dir, "x.wav", whole[:9000])
	p, err := New(Options{Profile: "generic", Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Hour)
	state := func(after time.Duration) FileState {
		t.Helper()
		now = now.Add(after)
		b, err := p.Poll(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Calls) == 0 {
			return "unchanged"
		}
		return b.Calls[0].Files[0].State
	}
	for i, step := range []struct {
		after time.Duration
		want  FileState
	}{{0, Partial}, {20 * time.Second, "unchanged"}} {
		if got := state(step.after); got != step.want {
			t.Fatalf("step %d: %s, want %s", i, got, step.want)
		}
	}
	put(t, dir, "x.wav", whole)
	if got := state(time.Second); got != Partial {
		t.Fatalf("a file that has just grown: %s", got)
	}
	if got := state(2 * time.Second); got != Complete {
		t.Fatalf("a closed file that stands still: %s", got)
	}
	put(t, dir, "y.wav", whole[:9000])
	if got := state(0); got != Partial {
		t.Fatalf("half a file: %s", got)
	}
	if got := state(3 * time.Minute); got != Truncated {
		t.Fatalf("half a file after three minutes: %s", got)
	}
	p.Done("file:x", "file:y")
	put(t, dir, "x.json", []byte(`{"caller":"07700900012"}`))
	b, err := p.Poll(t.Context(), now.Add(time.Minute))
	if err != nil || len(b.Calls) != 1 || b.Calls[0].Caller != "07700900012" {
		t.Fatalf("a sidecar that came later: %+v, %v", b, err)
	}
}

func TestNamesInOtherEncodingsAndLinksOutside(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	put(t, other, "secret.wav", wav(1, 1))
	latin := "Gespr\xe4ch-\xfcber-alles.wav"
	put(t, dir, latin, wav(1, 1))
	if err := os.Symlink(filepath.Join(other, "secret.wav"), filepath.Join(dir, "link.wav")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Profile: "generic", Folder: dir, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Poll(t.Context(), time.Now())
	if err != nil || len(b.Calls) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	f := b.Calls[0].Files[0]
	if f.Path != latin || f.TitleHidden != "Gespräch-über-alles.wav" {
		t.Fatalf("%q is shown as %q", f.Path, f.TitleHidden)
	}
	lines := dryRun(t, Options{Profile: "generic", Folder: dir})
	if lines[0].Recordings[0].File != "Gespräch-über-alles.wav" {
		t.Fatalf("shown as %q", lines[0].Recordings[0].File)
	}
}

// What holds not one byte, and what is not looked at because it is a link, is told; a header alone is no recording and no fault.
func TestNothingAtAllAndLinksAreTold(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "void.wav", nil)
	put(t, dir, "void.ulaw", nil)
	put(t, dir, "header.wav", wav(1, 0))
	for _, name := range []string{"link.wav", "2025", "latest.txt"} {
		if err := os.Symlink(t.TempDir(), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	opt := Options{Profile: "generic", Folder: dir, Report: func(p Problem) {
		if p.Reason == "" || p.Advice == "" {
			t.Errorf("%+v says too little", p)
		}
		told = append(told, p.Path)
	}}
	lines := dryRun(t, opt)
	slices.Sort(told)
	if want := []string{"2025", "link.wav", "void.wav"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
	for _, l := range lines {
		if l.Recordings[0].State != Empty {
			t.Errorf("%s is %s", l.Recordings[0].File, l.Recordings[0].State)
		}
	}
}

func TestShownNamesMoveNoCursor(t *testing.T) {
	for name, want := range map[string]string{
		"Gespr\xe4ch.wav": "Gespräch.wav", "日本 äöü.wav": "日本 äöü.wav", "a\x1b[31m\nb.wav": "a\ufffd[31m\ufffdb.wav", "a\u202egnp.wav": "a\ufffdgnp.wav", "\xe9\x1b": "é\ufffd",
	} {
		if got := Shown(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

func TestSettingsTellAllTheirFaults(t *testing.T) {
	_, err := New(Options{Profile: "avaya", StillFor: time.Second, Country: "uk"})
	f, ok := err.(*fault.Error)
	if !ok || len(f.Details) != 4 {
		t.Fatalf("%v", err)
	}
}
