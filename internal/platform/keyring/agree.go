package keyring

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Agree compares the places of a customer's key store. What a crash left between
// them is mended; what cannot be is the error: a place that is gone, cannot be
// read, or holds something else. It looks at the disks anew: a file that was
// taken away is still readable to whoever had it open.
func (k *Keyring) Agree(ctx context.Context, c id.Customer) error {
	for i, s := range k.stores {
		if err := s.present(i); err != nil {
			return err
		}
		if s.dir == "" {
			continue
		}
		has, err := s.has(c)
		if err != nil {
			return err
		}
		if !has {
			return fault.New(fault.Unavailable, "the key store %s is gone: stop the server, and it is made anew from the other place at the next start", s.at(c).File)
		}
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	v.mu.Lock()
	defer v.mu.Unlock()
	states, err := v.states(ctx)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Seq != states[0].Seq {
			return v.reconcile(ctx)
		}
	}
	return nil
}
