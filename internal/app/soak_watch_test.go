package app_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
)

// watched is what the processes need over the day: memory and descriptors, four
// times in a second.
type watched struct {
	day  *soakDay
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	part  float64 // of the day that is over
	all   []sample
	first map[string]sample // of each program before the first call
}

type sample struct {
	who  string
	pid  int
	part float64
	rss  int // KiB
	fds  int
}

func look(who string, pid int) (s sample, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return s, false
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	s = sample{who: who, pid: pid, fds: len(open)}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &s.rss)
	}
	return s, err == nil && s.rss > 0
}

func (d *soakDay) watch() *watched {
	w := &watched{day: d, stop: make(chan struct{}), first: map[string]sample{}}
	for _, p := range []*program{d.server, d.box} {
		s, ok := look(p.name, p.pid())
		if !ok {
			d.Fatalf("%s does not run", p.name)
		}
		w.first[p.name] = s
	}
	w.done.Go(func() {
		again := time.NewTicker(250 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-again.C:
			}
			for _, p := range []*program{d.server, d.box} {
				if s, ok := look(p.name, p.pid()); ok {
					w.mu.Lock()
					s.part = w.part
					w.all = append(w.all, s)
					w.mu.Unlock()
				}
			}
		}
	})
	return w
}

func (w *watched) reached(part float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = part
}

// flat holds that memory does not grow with the calls and that no descriptor
// stays behind. Memory is held against itself after the last start, once enough
// calls have gone by: the middle of the first fifth against that of the last.
func (w *watched) flat(t *testing.T, calls int) {
	t.Helper()
	close(w.stop)
	w.done.Wait()
	var end sample
	server := w.day.server
	apptest.Eventually(t, time.Minute, "no descriptor is left open by what came", func() bool {
		end, _ = look(server.name, server.pid())
		return end.fds <= w.first[server.name].fds+fdSlack
	})
	for _, p := range []*program{server, w.day.box} {
		var fds, rss []int
		most := 0
		pid := 0
		for _, s := range w.all {
			if s.who != p.name || s.part < 0.65 {
				continue
			}
			pid = s.pid
			rss = append(rss, s.rss)
			fds = append(fds, s.fds)
			most = max(most, s.rss)
		}
		if len(rss) < 10 {
			t.Fatalf("%s was seen %d times", p.name, len(rss))
		}
		fifth := len(rss) / 5
		a, b := middle(rss[:fifth]), middle(rss[len(rss)-fifth:])
		t.Logf("%s (process %d): %d MiB before the first call; after its last start %d MiB, at the end of the day %d, most %d; descriptors %d before, at most %d",
			p.name, pid, w.first[p.name].rss>>10, a>>10, b>>10, most>>10, w.first[p.name].fds, slices.Max(fds))
		if calls >= full && b > a+a/4+16<<10 {
			t.Errorf("%s grew from %d to %d MiB within a third of the day", p.name, a>>10, b>>10)
		}
	}
	t.Logf("server after the day: %d MiB, %d descriptors (%d before)", end.rss>>10, end.fds, w.first[server.name].fds)
}

// fdSlack are connections of the database's pool and of the browsers here.
const fdSlack = 12

func middle(all []int) int {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
