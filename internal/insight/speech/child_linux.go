package speech

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ringfence/internal/base/span"
)

// The files that the child inherits, by their descriptors.
const (
	childSound  = 3
	childList   = 4
	childResult = 5
)

// inherited is the name by which the child opens one of them.
func inherited(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// child is a process that hears, with its limits.
type child struct {
	program     string
	args        []string
	sound, list []byte
	limit       time.Duration // of the clock
	processor   time.Duration // of computing
}

// most of what a child may write; a recogniser gone wild ends there.
const mostDiary = 32 << 20

// runChild gives what the child wrote into its result, and its diary. Sound and
// text are handed over in memory files, so that a plain conversation is never
// on a disk, and no core file is left. The child is the first to wait for the
// processor and dies with its context, its limits or this process.
func runChild(ctx context.Context, c child) (result []byte, diary string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for _, content := range [][]byte{c.sound, c.list, nil} {
		f, err := memoryFile(content)
		if err != nil {
			return nil, "", later(err, 0, "the built-in engine cannot be started: no memory for the sound")
		}
		files = append(files, f)
	}
	var log limitedBuffer
	ctx, s := span.Begin(ctx, "child "+filepath.Base(c.program))
	defer func() { s.End(err) }()
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.ExtraFiles = files
	cmd.Stderr = &log
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Dir = "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// Pdeathsig goes by the thread that started the child: it must outlive it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return nil, "", later(err, 0, "the built-in engine cannot be started")
	}
	bridle(cmd.Process.Pid, c.processor)
	if err := cmd.Wait(); err != nil {
		return nil, "", childError(ctx, err)
	}
	if _, err := files[2].Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	result, err = io.ReadAll(io.LimitReader(files[2], mostDiary))
	return result, log.String(), err
}

func childError(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return later(err, 0, "the built-in engine did not finish in time")
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return later(err, 0, "the built-in engine ended with an error")
	}
}

// behind is the niceness of what hears; what has more from its server keeps it.
const behind = 10

// bridle lets everything else go first and sets limits. That it may fail for a
// child that has ended already does not matter.
func bridle(pid int, processor time.Duration) {
	if own, err := unix.Getpriority(unix.PRIO_PROCESS, pid); err == nil && 20-own < behind { // the system call answers 20 less the niceness
		_ = unix.Setpriority(unix.PRIO_PROCESS, pid, behind)
	}
	seconds := uint64(processor / time.Second)
	_ = unix.Prlimit(pid, unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}, nil)
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: 2 << 30, Max: 2 << 30}, nil)
}

func memoryFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("sound", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "sound")
	if _, err := f.Write(content); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := mostDiary - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
