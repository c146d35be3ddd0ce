package recordingtest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The kill tests end a process with SIGKILL at each step of an act. The child is
// the test binary itself, told by its environment what to do.
const (
	killDir = "RINGFENCE_TEST_KILL_DIR"
	killAct = "RINGFENCE_TEST_KILL_ACT"
	killOf  = "RINGFENCE_TEST_KILL_OF"
	killAt  = "RINGFENCE_TEST_KILL_AT"
)

// Victim is a child of a kill test: what it is to do, and at which step it ends.
type Victim struct {
	Dir, Act, Of string // the folder of its world, the act, and the id of what it is about

	at, seen int
	armed    bool
}

// Told gives what this process was told, for TestMain; nil in the test itself.
func Told() *Victim {
	dir := os.Getenv(killDir)
	if dir == "" {
		return nil
	}
	at, _ := strconv.Atoi(os.Getenv(killAt))
	return &Victim{Dir: dir, Act: os.Getenv(killAct), Of: os.Getenv(killOf), at: at}
}

// Arm has steps counted from here on: those of opening the world are no part of the act.
func (v *Victim) Arm() { v.armed = true }

// Step ends the process, as a machine that loses its power does, if this is the
// step at which it is to end.
func (v *Victim) Step(name string) {
	if !v.armed {
		return
	}
	if v.seen++; v.seen == v.at {
		fmt.Println(name)
		if me, err := os.FindProcess(os.Getpid()); err == nil {
			me.Kill()
		}
		select {}
	}
}

// Done ends a child that came to the end of its act.
func (v *Victim) Done(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Killed runs an act in a child that is killed at a step, and gives the step's
// name; was is false where the act ended before.
func Killed(t *testing.T, dir, act, of string, at int) (step string, was bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, killAct+"="+act, killOf+"="+of, killAt+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", false
	}
	if status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child failed: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out)), true
}
