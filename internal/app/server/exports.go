package server

import (
	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
)

// buildExports builds what makes exports. A runner of their own: a large one
// keeps no other work waiting.
func (s *Server) buildExports() {
	s.parcels = parcel.New(parcel.Options{Store: s.Places, Keys: s.Keys, Objects: s.Objects, Free: s.freeForExports, Log: s.log})
	s.Recordings.OnDestroyed(func(tx *place.Tx, rec id.Recording, _ string) error { return parcel.Gone(tx, rec.String()) })
	s.exporting = job.NewRunner(s.Places, s.parcels.Kinds(), s.runnerOptions(2))
}

// freeForExports is the room where objects lie; a cloud's is not known.
func (s *Server) freeForExports() (int64, bool) {
	folder := s.cfg.FirstObjects().Folder
	if folder == "" {
		return 0, false
	}
	free, err := disk.Free(folder)
	return free, err == nil
}
