package capture

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is what truth.json of a dialect says of one call.
type told struct {
	Says, Direction, Caller, Dialled string
	Queue                            *string
	Agents                           []string
	Disposition                      Disposition
	StartedAt                        *time.Time `json:"started_at"`
	AnsweredAt                       *time.Time `json:"answered_at"`
	EndedAt                          *time.Time `json:"ended_at"`
	Recordings, Events               []string
}

func readTold(t *testing.T, name string) []told {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []told
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDialects compares what a dry run says of each dialect's samples with what their truth tells. The samples were written by hand from
// documentation; that the profiles are marked as unverified is part of what is tested.
func TestDialects(t *testing.T) {
	for _, name := range []string{"3cx", "freeswitch", "yeastar"} {
		t.Run(name, func(t *testing.T) {
			if p, ok := ProfileNamed(name); !ok || p.Verified || !strings.Contains(p.Checked, "no sample of a real system") {
				t.Errorf("%+v: nothing of this profile was checked against a real system, and it has to say so", p)
			}
			var out bytes.Buffer
			err := DryRun(t.Context(), Options{
				Profile: name, Folder: filepath.Join("testdata", name, "recordings"), Logs: filepath.Join("testdata", name, "logs"), JSON: true, Zone: time.UTC,
				Report: func(p Problem) { t.Errorf("problem: %+v", p) },
			}, &out)
			if err != nil {
				t.Fatal(err)
			}
			var lines []line
			for dec := json.NewDecoder(&out); dec.More(); {
				var l line
				if err := dec.Decode(&l); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, l)
			}
			compareTold(t, readTold(t, name), lines)
		})
	}
}

func compareTold(t *testing.T, truth []told, lines []line) {
	t.Helper()
	if len(lines) != len(truth) {
		t.Errorf("%d calls for %d", len(lines), len(truth))
	}
	for _, want := range truth {
		at := slices.IndexFunc(lines, func(l line) bool {
			if len(want.Recordings) > 0 {
				return len(l.Recordings) > 0 && l.Recordings[0].File == want.Recordings[0]
			}
			return l.StartedAt != nil && want.StartedAt != nil && l.StartedAt.Equal(*want.StartedAt)
		})
		if at < 0 {
			t.Errorf("%s: no such call", want.Says)
			continue
		}
		got := lines[at]
		same := func(what string, got, want any) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			if !bytes.Equal(g, w) {
				t.Errorf("%s: %s is %s, but was %s", t.Name(), what, g, w)
			}
		}
		t.Run(want.Says, func(t *testing.T) {
			var agents, files, events []string
			for _, a := range got.Agents {
				agents = append(agents, strings.TrimSpace(a.Extension+" "+a.Outcome+" "+a.Role))
			}
			for _, f := range got.Recordings {
				files = append(files, f.File)
				if f.State != Complete {
					t.Errorf("%s is %s: %s", f.File, f.State, f.Reason)
				}
			}
			for _, e := range got.Events {
				events = append(events, e.What)
			}
			same("the direction", got.Direction, want.Direction)
			same("the caller", got.Caller, want.Caller)
			same("the number dialled", got.Dialled, want.Dialled)
			same("the queue", got.Queue, want.Queue)
			same("what the telephones did", append([]string{}, agents...), append([]string{}, want.Agents...))
			same("the end", got.Disposition, want.Disposition)
			same("the recordings", append([]string{}, files...), append([]string{}, want.Recordings...))
			if want.StartedAt != nil {
				same("the start", got.StartedAt, want.StartedAt)
				same("the answer", got.AnsweredAt, want.AnsweredAt)
				same("the end", got.EndedAt, want.EndedAt)
			}
			for _, e := range want.Events {
				if !slices.Contains(events, e) {
					t.Errorf("%s is not among %v", e, events)
				}
			}
		})
	}
}

// TestProfilesInTheDocumentation: the page says of each profile what the code says.
func TestProfilesInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Profiles() {
		checked := "**unverified**"
		if p.Verified {
			checked = "yes"
		}
		if row := "| `" + p.Name + "` | " + p.Title + " | " + p.Reads + " | " + checked + " |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/capture.md lacks %s", row)
		}
	}
}
