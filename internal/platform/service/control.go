package service

import (
	"context"
	"time"
)

// What Windows asks of a service, and what it is told, as plain values: the
// order of things is decided and tested here, whatever the system. The numbers
// are those of winsvc.h, so that the Windows side only converts.

// Ask is a control that the service manager sends.
type Ask uint32

// The controls that the service answers.
const (
	AskStop        Ask = 1
	AskInterrogate Ask = 4
	AskShutdown    Ask = 5
	AskPreShutdown Ask = 15
)

// Phase is what the service manager shows.
type Phase uint32

// The phases of a service.
const (
	Stopped Phase = 1
	Starts  Phase = 2
	Stops   Phase = 3
	Runs    Phase = 4
)

// Word is what the service tells its manager.
type Word struct {
	Phase    Phase
	Accepts  bool          // stop, shutdown and pre-shutdown may be asked now
	Point    uint32        // grows while it stops, else the manager takes it for hung
	Patience time.Duration // within which the next word comes
}

const (
	startsFor = 20 * time.Second
	tick      = 3 * time.Second // between words while it stops
)

// Attend runs a program as a service manager wants it: it says that it starts
// and runs, asks it to stop when it is asked to (or the machine is about to go
// down), keeps saying that it is at it, and says that it has stopped. It gives
// the exit code: 0, or 1 if the program ended by itself with an error, so that
// the manager starts it again.
func Attend(run func(context.Context) error, asks <-chan Ask, tell func(Word), beat func(time.Duration) <-chan time.Time) (code uint32) {
	tell(Word{Phase: Starts, Patience: startsFor})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	now := Word{Phase: Runs, Accepts: true}
	tell(now)
	var again <-chan time.Time
	for {
		select {
		case a, open := <-asks:
			switch {
			case !open:
				asks = nil
				stop()
			case a == AskInterrogate:
				tell(now)
			case a == AskStop || a == AskShutdown || a == AskPreShutdown:
				if now.Phase == Runs {
					now = Word{Phase: Stops, Point: 1, Patience: 2 * tick}
					again = beat(tick)
					stop()
				}
				tell(now)
			}
		case <-again:
			now.Point++
			tell(now)
			again = beat(tick)
		case err := <-ended:
			if err != nil && now.Phase == Runs {
				code = 1
			}
			tell(Word{Phase: Stopped})
			return code
		}
	}
}
