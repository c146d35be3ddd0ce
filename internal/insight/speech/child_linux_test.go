package speech

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What hears lets the server go first, and is never let before a server that is
// nicer itself.
func TestTheChildComesBehind(t *testing.T) {
	c := exec.Command("sleep", "600")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	nice := func(pid int) int {
		t.Helper()
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
		if err != nil {
			t.Fatal(err)
		}
		return 20 - raw
	}
	for _, own := range []int{nice(0), max(nice(0), behind+3)} {
		if err := unix.Setpriority(unix.PRIO_PROCESS, c.Process.Pid, own); err != nil {
			t.Fatal(err)
		}
		bridle(c.Process.Pid, time.Minute)
		if got := nice(c.Process.Pid); got != max(own, behind) {
			t.Errorf("begun at %d it has %d", own, got)
		}
	}
}
