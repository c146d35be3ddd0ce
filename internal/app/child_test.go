package app

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

// child is the program in a process of its own, so that a test can kill it,
// read all that it logs and see what it leaves behind.
type child struct {
	testing.TB
	cmd  *exec.Cmd
	out  *bufio.Reader
	log  text
	temp string // its folder for temporary files
	done bool
}

// text can be written by one goroutine and read by another.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

func start(t testing.TB, args ...string) *child {
	t.Helper()
	c := &child{TB: t, cmd: exec.Command("ringfence", args...), temp: t.TempDir()}
	c.cmd.Env = append(os.Environ(), "TMPDIR="+c.temp)
	c.cmd.Stderr = &c.log
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	t.Cleanup(func() {
		if !c.done {
			c.cmd.Process.Kill()
			c.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("log of ringfence %s:\n%s", args[0], quiet.ReplaceAllString(c.log.String(), ""))
		}
	})
	return c
}

// quiet are the lines of requests that went well.
var quiet = regexp.MustCompile(`(?m)^.*msg=request.* status=2\d\d .*\n`)

// line is the next line that the program prints.
func (c *child) line() string {
	c.Helper()
	s, err := c.out.ReadString('\n')
	if err != nil {
		c.Fatalf("the program printed no line: %v\n%s", err, c.log.String())
	}
	return s
}

// wait waits for the end and gives the exit code.
func (c *child) wait() int {
	c.Helper()
	late := time.AfterFunc(20*time.Second, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	err := c.cmd.Wait()
	c.done = true
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		c.Fatal(err)
	}
	return 0
}

// stop asks the program to stop, as systemd would.
func (c *child) stop() {
	c.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	if code := c.wait(); code != 0 {
		c.Fatalf("told to stop, it ended with exit code %d:\n%s", code, c.log.String())
	}
}

// peak is the most memory that the process has had resident.
func (c *child) peak() (mib int) {
	c.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
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
