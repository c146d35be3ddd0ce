package place

import "database/sql"

// Standing is how the databases are, in figures: places that are open, and the
// connections of the registry; on PostgreSQL these serve all places.
func (s *Store) Standing() map[string]float64 {
	s.mu.Lock()
	out := map[string]float64{"places_open": float64(s.open.Len())}
	s.mu.Unlock()
	s.registry.mu.Lock()
	pl := s.registry.pool
	s.registry.mu.Unlock()
	if pl == nil {
		return out
	}
	pools := []*sql.DB{pl.read}
	if pl.write != pl.read {
		pools = append(pools, pl.write)
	}
	for _, db := range pools {
		st := db.Stats()
		out["connections"] += float64(st.OpenConnections)
		out["connections_in_use"] += float64(st.InUse)
		out["waited_seconds"] += st.WaitDuration.Seconds()
	}
	return out
}
