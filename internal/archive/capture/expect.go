package capture

import (
	"path"
	"strings"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Named reports whether a log, or a file beside the sound, tells of a call; else
// only its files do.
func (c Call) Named() bool {
	for _, s := range c.Sources {
		if s != "file" {
			return true
		}
	}
	return false
}

// Expected is a call that has ended, as coverage counts it.
func Expected(c Call) coverage.Call { return coverage.CallOf(Joined(c), c.Named()) }

// GapsOf is what a poll found to be missing in the logs themselves: what the
// profile tells, and lines that could not be read.
func GapsOf(b Batch, at time.Time) []coverage.Gap {
	gaps := b.Gaps
	lines := map[string]int64{}
	for _, p := range b.Problems {
		if p.Line > 0 {
			lines[logOf(p.Path)]++
		}
	}
	for log, n := range lines {
		gaps = append(gaps, coverage.Gap{Kind: coverage.Unreadable, Log: log, From: at, To: at, N: n})
	}
	return gaps
}

// logOf is which log a file belongs to, without the rest of its name: names may
// tell of people.
func logOf(name string) string {
	base := strings.ToLower(path.Base(name))
	for _, log := range []string{"queue_log", "cel", "cdr", "master"} {
		if strings.Contains(base, log) || strings.Contains(strings.ToLower(path.Dir(name)), log) {
			if log == "master" {
				return "cdr"
			}
			return log
		}
	}
	return "log"
}

// tell notes a call that has ended; it is expected with the next progress.
func (w *watch) tell(c Call, rec id.Recording) {
	if w.s.opt.Expect == nil {
		return
	}
	one := Expected(c)
	one.Recording = rec
	w.told.Calls = append(w.told.Calls, one)
}

func (w *watch) gapsOf(b Batch) {
	if w.s.opt.Expect != nil {
		w.told.Gaps = append(w.told.Gaps, GapsOf(b, w.s.opt.Now())...)
	}
}

// expect hands over what was noted, in the transaction of the progress.
func (w *watch) expect(tx *place.Tx) error {
	if w.s.opt.Expect == nil || w.told.Empty() {
		return nil
	}
	return w.s.opt.Expect(tx, w.src.ID, w.told)
}
