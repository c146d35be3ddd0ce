package intake

import "sync"

// syncs lets those who wait for the disk at the same time share one wait: a
// hundred uploads that end together cost two flushes, not a hundred.
type syncs struct {
	mu    sync.Mutex
	cond  *sync.Cond
	flush func() error
	asked uint64 // the latest that somebody waits for
	done  uint64 // all up to here are durable
	busy  bool
	err   error // sticky: after a failed flush nobody knows what is durable
}

func (s *syncs) init(flush func() error) { s.cond, s.flush = sync.NewCond(&s.mu), flush }

// wait returns when all that was written before the call is durable.
func (s *syncs) wait() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	mine := s.asked
	for s.done < mine && s.err == nil {
		if s.busy {
			s.cond.Wait()
			continue
		}
		upTo := s.asked
		s.busy = true
		s.mu.Unlock()
		err := s.flush()
		s.mu.Lock()
		s.busy = false
		if err != nil {
			s.err = err
		} else {
			s.done = upTo
		}
		s.cond.Broadcast()
	}
	return s.err
}

// flush makes records and the names of parts durable.
func (d *Drop) flush() error {
	d.opt.Step("sync")
	d.mu.Lock()
	f := d.index.f
	d.mu.Unlock()
	err := f.Sync()
	if err != nil {
		d.mu.Lock()
		again := d.index.f != f && !d.shut // it was written anew meanwhile, durably
		d.mu.Unlock()
		if again {
			err = nil
		}
	}
	if err == nil {
		err = syncDir(d.dir)
	}
	if err != nil {
		err = diskFault(err)
		d.mu.Lock()
		d.broken = err
		d.mu.Unlock()
	}
	return err
}
