// Package supervisor tells systemd how this process is: ready, alive, stopping
// (sd_notify(3)). Where no supervisor asked for it, every call does nothing, so
// that a program says the same under systemd, in a container and by hand.
//
// Limits: nothing is received, and no descriptor is handed over. A message that
// does not arrive is no fault of the program's: the supervisor draws its own
// conclusion from silence.
package supervisor

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"
)

// Supervisor is whoever started this process.
type Supervisor struct {
	socket   string        // empty: nobody wants to know
	watchdog time.Duration // zero: nobody restarts what hangs
}

// From reads what systemd wrote into the environment.
func From(getenv func(string) string) *Supervisor {
	s := &Supervisor{socket: getenv("NOTIFY_SOCKET")}
	if name, ok := strings.CutPrefix(s.socket, "@"); ok {
		s.socket = "\x00" + name // an abstract socket
	}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && s.socket != "" {
		s.watchdog = time.Duration(us) * time.Microsecond
	}
	return s
}

// Ready says that what the process offers can be used from now on.
func (s *Supervisor) Ready() { s.tell("READY=1") }

// Stopping says that the end was asked for, and is no failure.
func (s *Supervisor) Stopping() { s.tell("STOPPING=1") }

// Status is one line for people, as `systemctl status` shows it.
func (s *Supervisor) Status(line string) {
	line, _, _ = strings.Cut(line, "\n") // a second line would be another message
	s.tell("STATUS=" + line)
}

// Watch gives a sign of life in each half of the watchdog's time, as long as
// alive finds the process well. It returns when ctx is done, at once where
// nobody watches. A process that hangs or is not well falls silent and is
// started anew; alive gets less time than the watchdog has, so that one that
// waits for ever counts as not well.
func (s *Supervisor) Watch(ctx context.Context, alive func(context.Context) error) {
	if s.watchdog == 0 {
		return
	}
	t := time.NewTicker(s.watchdog / 2)
	defer t.Stop()
	for {
		asked, done := context.WithTimeout(ctx, s.watchdog/2)
		if alive(asked) == nil {
			s.tell("WATCHDOG=1")
		}
		done()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (s *Supervisor) tell(message string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(message)) // silence is an answer, too
}
