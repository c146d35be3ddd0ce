package backup

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// A writer of a target says so there, and renews it. One that has not for half
// an hour is dead.
const (
	lockFor   = 30 * time.Minute
	lockRenew = 5 * time.Minute
)

type lock struct {
	stop context.CancelFunc
	done sync.WaitGroup
	r    *Repo
	name string
}

// lock takes the target for one writer. Two that come at once see each other
// and the one whose id is later steps back, for ids are in the order of time.
func (r *Repo) lock(ctx context.Context, now func() time.Time) (*lock, error) {
	mine := id.New[id.Backup]()
	l := &lock{r: r, name: "locks" + pointName(mine)[len("points"):]}
	if err := l.write(ctx, now()); err != nil {
		l.remove() // it may stand there all the same: a server that is stopped has no time to read it back
		return nil, err
	}
	others, err := r.List(ctx, "locks/")
	for _, o := range others {
		if err != nil || o == l.name {
			continue
		}
		var at time.Time
		text, gone := r.Get(ctx, o)
		if fault.Is(gone, fault.NotFound) || gone == nil && json.Unmarshal(text, &at) == nil && now().Sub(at) > lockFor {
			err = r.Delete(ctx, o)
			continue
		}
		if o < l.name {
			err = fault.New(fault.Conflict, "another backup is being written into this target, since %s; if it was cut off, this one can be made half an hour after that", at.Local().Format("15:04"))
		}
	}
	if err != nil {
		l.remove()
		return nil, err
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.done.Go(func() {
		t := time.NewTicker(lockRenew)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				_ = l.write(ctx, now()) // a renewal that fails is tried again; the lock lasts for six
			}
		}
	})
	return l, nil
}

func (l *lock) write(ctx context.Context, at time.Time) error {
	text, err := json.Marshal(at.UTC())
	if err != nil {
		return err
	}
	return l.r.Put(ctx, l.name, text)
}

func (l *lock) release() {
	l.stop()
	l.done.Wait()
	l.remove()
}

func (l *lock) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = l.r.Delete(ctx, l.name) // else it ends by itself
}
