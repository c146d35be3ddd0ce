package upgrade

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"time"

	"ringfence/internal/base/release"
)

// Restart is the exit code with which a program asks to be started anew, as
// the plan now says.
const Restart = 75

// Launcher starts what the plan names, again and again, and is its watchdog
// while it is on trial. It is the program that the system starts, and is only
// exchanged by the package that brought it.
type Launcher struct {
	Folder Folder
	Self   string
	Own    release.Version
	Keys   Keys
	Args   func(Choice) []string // of the program
	// Reported says whether the program with this process id has reached its
	// server since it was started.
	Reported func(pid int, number string, since time.Time) bool
	ReportIn time.Duration // how long a trial may take to do so; 0 is five minutes
	Out, Err io.Writer
	Log      *slog.Logger
	Step     func(string) // tests end the process there

	pause time.Duration // instead of pauseFor
}

// The pace of the launcher.
const (
	reportFor = 5 * time.Minute
	lookEvery = 100 * time.Millisecond
	pauseFor  = 5 * time.Second // before what has ended by itself is started again
	stopFor   = 40 * time.Second
)

// Run launches until ctx ends. The program is told to end by the end of its
// standard input, which works on every system and also when this process is
// killed: nobody else holds the other end.
func (l *Launcher) Run(ctx context.Context) error {
	if l.Step == nil {
		l.Step = func(string) {}
	}
	if l.ReportIn == 0 {
		l.ReportIn = reportFor
	}
	if l.pause == 0 {
		l.pause = pauseFor
	}
	for {
		c, err := l.Folder.Choose(l.Self, l.Own, l.Keys, time.Now())
		if err != nil {
			return err
		}
		l.Step("chosen")
		code, err := l.once(ctx, c)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !c.Trial:
			l.Log.Error("the program cannot be started", "release", c.Release, "cause", err)
		case code != Restart && !c.Trial:
			l.Log.Warn("the program has ended and is started again", "release", c.Release, "code", code)
		default:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.pause):
		}
	}
}

// once runs a program to its end and settles its trial.
func (l *Launcher) once(ctx context.Context, c Choice) (code int, err error) {
	cmd := exec.Command(c.Program, l.Args(c)...)
	cmd.Stdout, cmd.Stderr = l.Out, l.Err
	hold, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		hold.Close()
		if c.Trial {
			return 0, errors.Join(err, l.rollBack(c, Unable))
		}
		return 0, err
	}
	l.Step("started")
	l.Log.Info("running", "release", c.Release, "trial", c.Trial)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	trial := c.Trial
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			hold.Close()
			l.end(cmd, ended)
			return 0, nil
		case <-ended:
			hold.Close()
			code = cmd.ProcessState.ExitCode()
			if trial && !l.Reported(cmd.Process.Pid, c.Release, began) {
				err = l.rollBack(c, Crashed)
			} else if trial {
				err = l.keep(c)
			}
			return code, err
		case <-look.C:
			if !trial {
				look.Stop()
				continue
			}
			if l.Reported(cmd.Process.Pid, c.Release, began) {
				if err := l.keep(c); err != nil {
					return 0, err
				}
				trial = false
			} else if time.Since(began) > l.ReportIn {
				hold.Close()
				l.end(cmd, ended)
				return 0, l.rollBack(c, Silent)
			}
		}
	}
}

// end waits for a program that was told to end, and kills it if it does not.
func (l *Launcher) end(cmd *exec.Cmd, ended <-chan error) {
	select {
	case <-ended:
	case <-time.After(stopFor):
		_ = cmd.Process.Kill() // it has ended meanwhile
		<-ended
	}
}

func (l *Launcher) keep(c Choice) error {
	l.Step("keep")
	l.Log.Info("the new release has reported back and is kept", "release", c.Release)
	return l.Folder.Kept()
}

func (l *Launcher) rollBack(c Choice, why string) error {
	l.Step("roll back")
	l.Log.Error("the new release is rolled back", "release", c.Release, "cause", why)
	return l.Folder.RollBack(time.Now(), why)
}
