package upgrade

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

// machine is a system that starts what stands in a place. A program is a text:
// "unable" is not even checked well, "broken" ends at its start, "sick" starts
// and is never well.
type machine struct {
	Exchange
	dir  string
	said strings.Builder
}

func newMachine(dir string) *machine {
	m := &machine{dir: dir}
	m.Exchange = Exchange{
		Program: filepath.Join(dir, "usr", "ringfence"), Folder: filepath.Join(dir, "kept"),
		Check: func(_ context.Context, program string) error {
			if b, err := os.ReadFile(program); err != nil || string(b) == "unable" {
				return errors.Join(err, errors.New("it cannot be"))
			}
			return nil
		},
		Running: func(context.Context) bool { return m.runs() != "" },
		Restart: func(ctx context.Context) error { return m.boot(ctx) },
		Well: func(context.Context, time.Duration) error {
			if r := m.runs(); r == "" || r == "sick" || r == "broken" {
				return errors.New(r + " is not well")
			}
			return nil
		},
		Say: func(f string, args ...any) { fmt.Fprintf(&m.said, f, args...) },
	}
	return m
}

func (m *machine) runs() string {
	b, _ := os.ReadFile(filepath.Join(m.dir, "runs"))
	return string(b)
}

// boot starts the service once, as its unit does.
func (m *machine) boot(ctx context.Context) error {
	if err := m.Starting(); err != nil {
		return err
	}
	b, err := os.ReadFile(m.Program)
	if err != nil {
		return err
	}
	m.step("started")
	if string(b) == "broken" {
		return errors.Join(errors.New("it ended at once"), remove(filepath.Join(m.dir, "runs")))
	}
	if err := os.WriteFile(filepath.Join(m.dir, "runs"), b, 0o600); err != nil {
		return err
	}
	_ = m.Started(ctx) // the unit goes on without it
	return nil
}

func (m *machine) put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// is compares what runs, what would be started and what is kept.
func (m *machine) is(t *testing.T, runs, program string, kept ...string) {
	t.Helper()
	now, _ := os.ReadFile(m.Program)
	var files []string
	entries, _ := os.ReadDir(m.Folder)
	for _, e := range entries {
		if e.Name() != "lock" {
			files = append(files, e.Name())
		}
	}
	if m.runs() != runs || string(now) != program || !slices.Equal(files, kept) {
		t.Errorf("%q runs, %q stands there, %v are kept; want %q, %q, %v\n%s", m.runs(), now, files, runs, program, kept, m.said.String())
	}
}

func started(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t.TempDir())
	m.put(t, "usr/ringfence", "old")
	if err := m.boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestANewProgramIsJudged(t *testing.T) {
	for text, want := range map[string]struct {
		program string
		ran     bool
		kept    []string
	}{
		"good":   {"good", true, []string{"previous"}},
		"unable": {"old", false, []string{"refused"}},
		"broken": {"old", true, []string{"refused"}},
		"sick":   {"old", true, []string{"refused"}},
	} {
		m := started(t)
		if err := m.Place(m.put(t, "new", text)); err != nil {
			t.Fatal(err)
		}
		err := m.Settle(t.Context())
		r, refused := errors.AsType[*Refused](err)
		if refused != (text != "good") || refused && (r.Ran != want.ran || r.Before != nil) {
			t.Errorf("%s: %v", text, err)
		}
		m.is(t, want.program, want.program, want.kept...)
		if refused { // asked again, it is tried again
			if _, again := errors.AsType[*Refused](m.Settle(t.Context())); !again {
				t.Error(text, "is not tried again")
			}
			m.is(t, "old", "old", "refused")
			if err := m.Place(m.put(t, "new", "good")); err != nil || m.Settle(t.Context()) != nil {
				t.Error(err)
			}
			m.is(t, "good", "good", "previous")
		}
		if text == "good" { // and back, by hand
			if err := errors.Join(m.PlacePrevious(), m.Settle(t.Context())); err != nil {
				t.Error(err)
			}
			m.is(t, "old", "old", "previous")
		}
	}
	m := started(t)
	if err := errors.Join(m.PlacePrevious()); err == nil {
		t.Error("went back to nothing")
	}
	// A server that was not well before is not judged by that: the upgrade may be its cure.
	m.put(t, "usr/ringfence", "sick")
	if err := errors.Join(m.boot(t.Context()), m.Place(m.put(t, "new", "sick too")), m.Settle(t.Context())); err != nil {
		t.Error(err)
	}
	// One that does not run is judged at its next start.
	m = started(t)
	if err := errors.Join(os.Remove(filepath.Join(m.dir, "runs")), m.Place(m.put(t, "new", "good")), m.Settle(t.Context())); err != nil {
		t.Error(err)
	}
	m.is(t, "", "good", "before")
	if err := m.boot(t.Context()); err != nil {
		t.Error(err)
	}
	m.is(t, "good", "good", "previous")
}

// exchangeChild upgrades in a folder and dies at the step that its environment names.
func exchangeChild(dir string) error {
	m := newMachine(dir)
	m.Step = die
	if err := m.Place(filepath.Join(dir, "new")); err != nil {
		return err
	}
	return m.Settle(context.Background())
}

// Killed at each step, then started as after a power cut: a program runs at
// once that is whole, one that is never well is put out after a few starts, and
// asking again ends as if nothing had happened.
func TestAnExchangeIsKilled(t *testing.T) {
	for _, text := range []string{"good", "broken", "sick"} {
		killed := 0
		for _, step := range []string{"kept", "check", "restart", "started", "proven", "back", "refused", "put back"} {
			m := started(t)
			m.put(t, "new", text)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childVar+"=exchange", killVar+"="+step, dirVar+"="+m.dir)
			if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() >= 0 {
				if m.runs() == "" {
					t.Errorf("%s, %s: nothing runs\n%s", text, step, out)
				}
				continue // this one has no such step
			}
			killed++
			for boots := 0; ; boots++ {
				if boots > maxStarts+1 {
					t.Fatalf("%s, killed at %q: it does not come up", text, step)
				}
				if err := m.boot(t.Context()); err == nil && m.Well(t.Context(), 0) == nil {
					break
				}
			}
			if now := m.runs(); now != "old" && (text != "good" || now != "good") {
				t.Errorf("%s, killed at %q: %q runs", text, step, now)
			}
			err := errors.Join(m.Place(m.put(t, "new", text)), m.Settle(t.Context()))
			if _, refused := errors.AsType[*Refused](err); refused != (text != "good") {
				t.Errorf("%s, killed at %q, again: %v", text, step, err)
			}
			if text == "good" {
				m.is(t, "good", "good", "previous")
			} else {
				m.is(t, "old", "old", "refused")
			}
		}
		if killed < 5 {
			t.Errorf("%s: killed at %d steps only", text, killed)
		}
	}
}

// A server takes what the key's owner signed as a server's, and nothing else.
func TestWhatAServerTakes(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := []byte("a program")
	sign := func(k minisign.PrivateKey, comment string) []byte {
		r := minisign.NewReader(bytes.NewReader(file))
		_, _ = io.Copy(io.Discard, r) // of memory
		return r.SignWithComments(k, comment, "a test")
	}
	right := ServerComment("0.5.0", runtime.GOOS, runtime.GOARCH)
	for name, c := range map[string]struct {
		file, signature []byte
		keys            Keys
		want            error
	}{
		"right":            {file, sign(private, right), Keys{public}, nil},
		"by another":       {file, sign(other, right), Keys{public}, ErrSignature},
		"another file":     {[]byte("a Program"), sign(private, right), Keys{public}, ErrSignature},
		"a collector's":    {file, sign(private, Comment("0.5.0", runtime.GOOS, runtime.GOARCH)), Keys{public}, ErrServerComment},
		"another platform": {file, sign(private, ServerComment("0.5.0", "linux", "riscv")), Keys{public}, ErrServerComment},
		"more said":        {file, sign(private, right+" "), Keys{public}, ErrServerComment},
		"no signature":     {file, []byte("untrusted comment"), Keys{public}, ErrSignature},
		"no key":           {file, sign(private, right), nil, ErrNoServerKey},
	} {
		var out bytes.Buffer
		got, err := TakeServer(&out, bytes.NewReader(c.file), c.signature, c.keys)
		if !errors.Is(err, c.want) || err == nil && (got != "0.5.0" || !bytes.Equal(out.Bytes(), file)) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

// Where the program before cannot be put back, as on a full disk, it stays kept:
// else the one that was refused would be the only one there is.
func TestWhatCannotBePutBackStaysKept(t *testing.T) {
	for _, text := range []string{"unable", "sick"} {
		m := started(t)
		if err := m.Place(m.put(t, "new", text)); err != nil {
			t.Fatal(err)
		}
		blocked := m.put(t, "kept/refused/stone", "")
		err := m.Settle(t.Context())
		if err == nil || !there(m.at("before")) {
			t.Fatalf("%s: %v; the program before is gone", text, err)
		}
		for range maxStarts + 1 {
			_ = m.Starting() // it is tried again at each start, and fails again
		}
		if !there(m.at("before")) {
			t.Fatalf("%s: the program before is gone after too many starts", text)
		}
		if err := errors.Join(os.Remove(blocked), os.Remove(filepath.Dir(blocked))); err != nil {
			t.Fatal(err)
		}
		if err := m.Starting(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(m.Program); err != nil || string(b) != "old" {
			t.Fatalf("%s: with room again %q stands there, %v", text, b, err)
		}
	}
}
