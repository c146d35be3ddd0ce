package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each log may be missing: what remains still tells of the same calls, with less in them.
func TestMissingLogs(t *testing.T) {
	logs := []string{"cdr-csv", "cdr-custom", "cel-custom", "queue_log"}
	for mask := range 1 << len(logs) {
		var without []string
		for i, l := range logs {
			if mask&(1<<i) != 0 {
				without = append(without, l)
			}
		}
		t.Run(fmt.Sprintf("without %v", without), func(t *testing.T) {
			dir := copyFixtures(t)
			for _, l := range without {
				if err := os.RemoveAll(filepath.Join(dir, l)); err != nil {
					t.Fatal(err)
				}
			}
			got := dryRun(t, Options{Folder: filepath.Join(dir, "monitor"), Logs: dir})
			for _, want := range readTruth(t) {
				compareLess(t, got, want, without)
			}
		})
	}
}

// compareLess checks what must hold whichever logs are missing.
func compareLess(t *testing.T, lines []line, want truth, without []string) {
	t.Helper()
	files := 0
	for _, l := range lines {
		if !slices.Contains(l.UniqueIDs, want.UniqueIDs[0].UniqueID) {
			continue
		}
		if l.Direction != want.Direction || l.Caller != want.Caller.Number && len(l.Sources) > 1 || l.Withheld != (want.Caller.Presentation == "withheld") {
			t.Errorf("%s: %s from %q (withheld %v), want %s from %q", want.ID, l.Direction, l.Caller, l.Withheld, want.Direction, want.Caller.Number)
		}
		if l.StartedAt == nil || l.StartedAt.Sub(*want.Start).Abs() > 2*time.Second {
			t.Errorf("%s: started at %v", want.ID, l.StartedAt)
		}
		if hasAny(l.Sources, "cel", "cdr", "queue_log") && (l.Disposition == Answered) != (want.Answer != nil) {
			t.Errorf("%s: %s known from %v", want.ID, l.Disposition, l.Sources)
		}
		files += len(l.Recordings)
	}
	should := 0
	for _, r := range want.Recordings {
		if strings.HasPrefix(r.Path, "monitor/") {
			should++
		}
	}
	if want.ID == "d05" && slices.Contains(without, "cel-custom") {
		should-- // nothing but CEL ties the consultation to its call
	}
	if files != should {
		t.Errorf("%s: %d files, want %d", want.ID, files, should)
	}
}

func hasAny(list []string, any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return slices.Contains(list, s) })
}
