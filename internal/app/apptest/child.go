package apptest

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Child is the program in a process of its own, so that a test can kill it,
// read all that it logs and see what it leaves behind.
type Child struct {
	testing.TB
	Cmd  *exec.Cmd
	out  *bufio.Reader
	Log  Text
	Temp string // its folder for temporary files
	Done bool
}

// Text can be written by one goroutine and read by another.
type Text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *Text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// Start runs the program, and kills it when the test ends.
func Start(t testing.TB, args ...string) *Child {
	t.Helper()
	c := &Child{TB: t, Cmd: exec.Command("ringfence", args...), Temp: t.TempDir()}
	c.Cmd.Env = append(os.Environ(), "TMPDIR="+c.Temp)
	c.Cmd.Stderr = &c.Log
	out, err := c.Cmd.StdoutPipe()
	if err == nil {
		err = c.Cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	t.Cleanup(func() {
		if !c.Done {
			c.Cmd.Process.Kill()
			c.Cmd.Wait()
		}
		if t.Failed() {
			t.Logf("log of ringfence %s:\n%s", args[0], Quiet.ReplaceAllString(c.Log.String(), ""))
		}
	})
	return c
}

// Quiet are the lines of requests that went well.
var Quiet = regexp.MustCompile(`(?m)^.*msg=request.* status=2\d\d .*\n`)

// Line is the next line that the program prints.
func (c *Child) Line() string {
	c.Helper()
	s, err := c.out.ReadString('\n')
	if err != nil {
		c.Fatalf("the program printed no line: %v\n%s", err, c.Log.String())
	}
	return s
}

// Wait waits for the end and gives the exit code.
func (c *Child) Wait() int {
	c.Helper()
	late := time.AfterFunc(20*time.Second, func() { c.Cmd.Process.Kill() })
	defer late.Stop()
	err := c.Cmd.Wait()
	c.Done = true
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		c.Fatal(err)
	}
	return 0
}

// Stop asks the program to stop, as systemd would.
func (c *Child) Stop() {
	c.Helper()
	if err := c.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	if code := c.Wait(); code != 0 {
		c.Fatalf("told to stop, it ended with exit code %d:\n%s", code, c.Log.String())
	}
}

// Peak is the most memory that the process has had resident.
func (c *Child) Peak() (mib int) {
	c.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(c.Cmd.Process.Pid) + "/status")
	if err != nil {
		c.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		c.Fatal(err)
	}
	return kib >> 10
}

// Killed ends it as a power cut does.
func (c *Child) Killed() {
	c.Helper()
	No(c.TB, c.Cmd.Process.Signal(syscall.SIGKILL))
	_ = c.Cmd.Wait() // it was killed, and says so
	c.Done = true
}
