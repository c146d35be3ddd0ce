package phonesystem_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RINGFENCE_TEST_KILL_DIR"); dir != "" {
		at, _ := strconv.Atoi(os.Getenv("RINGFENCE_TEST_KILL_AT"))
		if err := askUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	placetest.Main(m)
}

func diskWorld(ctx context.Context, dir string) (*recordingtest.World, error) {
	return recordingtest.Disk(ctx, dir+"/world", recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"},
		place.Schemas{Place: append(egress.Migrations(), phonesystem.Migrations()...), Housekeeping: append(egress.Housekeeping(), phonesystem.Housekeeping...)})
}

// askUntilKilled looks at a system and ends its process at a step of it.
func askUntilKilled(dir string, at int) error {
	ctx := context.Background()
	w, err := diskWorld(ctx, dir)
	if err != nil {
		return err
	}
	source, err := id.Parse[id.Source](os.Getenv("RINGFENCE_TEST_SOURCE"))
	if err != nil {
		return err
	}
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		return err
	}
	steps := 0
	s := phonesystem.NewService(phonesystem.Options{
		Store: w.Store, Recordings: w.Service, Egress: out,
		Drop: func(context.Context, *place.Place, id.Source) (phonesystem.Drop, error) {
			return folderDrop(dir + "/drop"), nil
		},
		Step: func(string) {
			if steps++; steps == at {
				if p, err := os.FindProcess(os.Getpid()); err == nil {
					p.Kill()
				}
				select {}
			}
		},
	})
	if err := s.Look(ctx, w.Place, source); err != nil {
		return err
	}
	return w.Close()
}

// TestKilledAsking: wherever the process is killed, every recording is in the drop in the end, each under one name.
func TestKilledAsking(t *testing.T) {
	p := newPBX(t, 3)
	dir := t.TempDir()
	for _, sub := range []string{"/drop", "/world"} {
		if err := os.Mkdir(dir+sub, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w, err := diskWorld(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := phonesystem.NewService(phonesystem.Options{Store: w.Store, Recordings: w.Service, Egress: out})
	src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.System, Name: "pbx", Profile: "3cx", TimeZone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Set(t.Context(), w.Place, w.Who, src.ID, phonesystem.Settings{System: "3cx", Address: p.URL, ClientID: "x", Secret: secret.NewText("s3cret"), Since: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for at := 1; at < 30; at++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RINGFENCE_TEST_KILL_DIR="+dir, "RINGFENCE_TEST_KILL_AT="+strconv.Itoa(at), "RINGFENCE_TEST_SOURCE="+src.ID.String())
		text, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("the child failed: %s", text)
		}
		killed++
	}
	a := &asking{dir: dir + "/drop"}
	if n := len(a.sounds(t)); n != 3 || killed < 4 {
		t.Fatalf("%d recordings after %d kills", n, killed)
	}
}
