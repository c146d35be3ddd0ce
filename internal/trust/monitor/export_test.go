package monitor

import "ringfence/internal/base/id"

// Dirty says that a place is to be looked at soon.
func (s *Service) Dirty(c id.Customer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty[c]
}
