package intake

import "sync"

// syncs lets those who wait for the disk at the same time share one wait: a
// hundred uploads that end together cost two flushes, not a hundred.
type syncs struct {
	mu     sync.Mutex
	cond   *sync.Cond
	flush  func() error
	asked  uint64 // the latest that somebody waits for
	done   uint64 // all up to here are durable
	failed uint64 // nobody knows of those up to here, after done
	err    error  // of that failure
	busy   bool
}

func (s *syncs) init(flush func() error) { s.cond, s.flush = sync.NewCond(&s.mu), flush }

// wait returns when all that was written before the call is durable.
func (s *syncs) wait() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	mine := s.asked
	for s.done < mine && s.failed < mine {
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
			s.failed, s.err = upTo, err
		} else {
			s.done = upTo
		}
		s.cond.Broadcast()
	}
	if s.done >= mine {
		return nil
	}
	return s.err
}

// flush makes records and the names of parts durable.
func (d *Drop) flush() error {
	d.opt.Step("sync")
	d.mu.Lock()
	f, broken := d.index.f, d.broken
	d.mu.Unlock()
	if broken != nil {
		return broken // another fsync would say that all is well
	}
	err := d.opt.sync(f)
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
		d.fail(err)
		d.mu.Unlock()
	}
	return err
}
