package server

import (
	"path/filepath"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/release"
)

// releases is the shelf of releases that this server offers to its boxes.
func (s *Server) releases() *upgrade.Shelf {
	dir := s.cfg.Releases.Folder
	if dir == "" {
		dir = filepath.Join(s.cfg.Data, "releases")
	}
	// Validate has read the configured ones before; a key that was built in
	// wrongly is as good as none.
	keys, err := upgrade.ParseKeys(append([]string{release.Key()}, s.cfg.Releases.PublicKeys...)...)
	if err != nil {
		s.log.Error("releases: a key cannot be read, and nothing is offered", "cause", err)
	}
	return upgrade.NewShelf(dir, keys)
}
