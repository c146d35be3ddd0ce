package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestThePlanShowsWhatIsWritten(t *testing.T) {
	root := t.TempDir()
	s := Systemd{Root: root}
	w := Wanted{Program: "/opt/ringfence/ringfence", State: "/srv/box", Groups: []string{"asterisk"}, Reads: []string{"/var/log/asterisk"}, Writes: []string{"/var/spool/asterisk/monitor"}, Hosts: "https://calls.example.com"}
	steps, err := s.Plan(w)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(root); len(left) != 0 {
		t.Fatal("a plan has written something")
	}
	if err := s.Install(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for _, st := range steps {
		if st.File == "" {
			continue
		}
		got, err := os.ReadFile(filepath.Join(root, st.File))
		if err != nil || string(got) != st.Text {
			t.Fatalf("%s: %v", st.File, err)
		}
		if !strings.Contains(st.Show(), st.File) {
			t.Error("the plan does not name its file")
		}
	}
	unit, _ := os.ReadFile(filepath.Join(root, ownUnit))
	for _, line := range []string{"ExecStart=/opt/ringfence/ringfence collect service --state /srv/box\n", "ReadWritePaths=/srv/box\n", "/srv/box/bin\n", "ExecPaths=/usr/bin /opt/ringfence/ringfence "} {
		if !strings.Contains(string(unit), line) {
			t.Errorf("the unit has no %q:\n%s", line, unit)
		}
	}
	conf, _ := os.ReadFile(filepath.Join(root, dropIn))
	for _, line := range []string{"SupplementaryGroups=asterisk\n", "ReadOnlyPaths=/var/log/asterisk\n", "ReadWritePaths=/var/spool/asterisk/monitor\n"} {
		if !strings.Contains(string(conf), line) {
			t.Errorf("the drop-in has no %q:\n%s", line, conf)
		}
	}
	if st, err := s.State(t.Context()); err != nil || !st.Installed {
		t.Error(st, err)
	}
	if err := s.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, _ := s.State(t.Context()); st.Installed {
		t.Error("something of the service is left")
	}
}

// A unit that a package has brought is used as it is.
func TestThePackagedUnitIsNotDoubled(t *testing.T) {
	root := t.TempDir()
	if err := write(filepath.Join(root, packaged), Unit, 0o644); err != nil {
		t.Fatal(err)
	}
	steps, err := Systemd{Root: root}.Plan(Wanted{Program: packagedProgram, State: packagedState})
	if err != nil || slices.ContainsFunc(steps, func(s Step) bool { return s.File == ownUnit }) {
		t.Fatal(steps, err)
	}
}

func TestNamesThatWouldChangeAUnit(t *testing.T) {
	for _, w := range []Wanted{
		{Program: "/usr/bin/x\nExecStartPre=/bin/sh", State: "/s"},
		{Program: "relative", State: "/s"},
		{Program: "/p", State: "/s", Reads: []string{"/a b"}},
		{Program: "/p", State: "/s", Writes: []string{"/a%i"}},
		{Program: "/p", State: "/s", Groups: []string{"a\nUser=root"}},
		{Program: "/p", State: "/s", User: "x y"},
	} {
		if _, err := (Systemd{}).Plan(w); err == nil {
			t.Errorf("%+v was taken", w)
		}
	}
}

// What is asked of systemd, and what its refusals mean.
func TestWhatSystemdIsAsked(t *testing.T) {
	var asked []string
	fail := map[string]string{}
	s := Systemd{Root: t.TempDir(), Run: func(_ context.Context, args ...string) (string, error) {
		line := strings.Join(args, " ")
		asked = append(asked, line)
		for part, out := range fail {
			if strings.Contains(line, part) {
				return out, errors.New("exit status 1")
			}
		}
		return "", nil
	}}
	w := Wanted{Program: packagedProgram, State: packagedState}
	fail["useradd"] = "useradd: user 'ringfence-collector' already exists"
	if err := s.Install(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got := asked[len(asked)-1]; got != "systemctl restart "+Name {
		t.Fatal(asked)
	}
	fail["restart"] = "Job failed"
	if err := s.Install(t.Context(), w); err == nil || !strings.Contains(err.Error(), "Job failed") {
		t.Fatal(err)
	}
	fail["stop"] = "Unit ringfence-collector.service not loaded."
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal("a service that is not there cannot be stopped:", err)
	}
	fail["stop"] = "Access denied"
	if err := s.Stop(t.Context()); err == nil {
		t.Fatal("a refusal counts as stopped")
	}
}

// attended runs Attend and notes what the service manager is told.
func attended(run func(context.Context) error, asks <-chan Ask) (words []string, code uint32) {
	names := map[Phase]string{Stopped: "stopped", Starts: "starts", Stops: "stops", Runs: "runs"}
	code = Attend(run, asks, func(w Word) {
		words = append(words, fmt.Sprintf("%s/%d/%v", names[w.Phase], w.Point, w.Accepts))
	}, time.After)
	return words, code
}

func TestAServiceIsToldToStop(t *testing.T) {
	for _, how := range []Ask{AskStop, AskShutdown, AskPreShutdown} {
		synctest.Test(t, func(t *testing.T) {
			asks := make(chan Ask)
			go func() {
				time.Sleep(time.Minute)
				asks <- AskInterrogate
				asks <- how
				asks <- how // impatient
			}()
			words, code := attended(func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(7 * time.Second) // an upload ends
				return ctx.Err()
			}, asks)
			want := []string{"starts/0/false", "runs/0/true", "runs/0/true", "stops/1/false", "stops/1/false", "stops/2/false", "stops/3/false", "stopped/0/false"}
			if code != 0 || !slices.Equal(words, want) {
				t.Errorf("%d: code %d, %v", how, code, words)
			}
		})
	}
}

func TestAServiceThatFailsIsStartedAgain(t *testing.T) {
	if _, code := attended(func(context.Context) error { return errors.New("revoked") }, nil); code != 1 {
		t.Error("the manager would not start it again")
	}
	if _, code := attended(func(context.Context) error { return nil }, nil); code != 0 {
		t.Error("it ended well")
	}
}

type events []string

func (e *events) Info(_ uint32, s string) error    { *e = append(*e, "info "+s); return nil }
func (e *events) Warning(_ uint32, s string) error { *e = append(*e, "warning "+s); return nil }
func (e *events) Error(_ uint32, s string) error   { *e = append(*e, "error "+s); return nil }

func TestTheEventLog(t *testing.T) {
	var e events
	log := slog.New(Diary(&e, 1))
	log.Info("begins", "release", "1.2.3")
	log.Warn("away")
	log.Error("revoked")
	want := []string{"info msg=begins release=1.2.3", "warning msg=away", "error msg=revoked"}
	if !slices.Equal(e, want) {
		t.Fatalf("%q", e)
	}
}
