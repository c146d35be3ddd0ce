package place

// Condemn is the first step of Destroy, after which a crash may come.
var Condemn = (*Store).condemn

// OpenPlaces counts the places that hold connections.
func (s *Store) OpenPlaces() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.Len()
}
