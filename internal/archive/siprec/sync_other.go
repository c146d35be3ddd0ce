//go:build !linux

package siprec

import "errors"

// syncAll makes the spools durable, one after another.
func syncAll(_ string, tapes []*Tape) error {
	var errs []error
	for _, t := range tapes {
		t.mu.Lock()
		if !t.closed {
			errs = append(errs, t.spool.sync())
		}
		t.mu.Unlock()
	}
	return errors.Join(errs...)
}
