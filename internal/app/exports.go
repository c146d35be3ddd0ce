package app

import (
	"path/filepath"

	"ringfence/internal/app/config"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
)

// buildExports builds what makes exports. A runner of their own: a large one
// keeps no other work waiting.
func (s *server) buildExports() {
	s.parcels = parcel.New(parcel.Options{Store: s.places, Keys: s.keys, Objects: s.objects, Free: s.freeForExports, Log: s.log})
	s.recordings.OnDestroyed(func(tx *place.Tx, rec id.Recording, _ string) error { return parcel.Gone(tx, rec.String()) })
	s.exporting = job.NewRunner(s.places, s.parcels.Kinds(), s.runnerOptions(2))
}

// freeForExports is the room where objects lie; a cloud's is not known.
func (s *server) freeForExports() (int64, bool) {
	first := s.cfg.Objects.First
	if first == (config.Bucket{}) {
		first.Folder = filepath.Join(s.cfg.Data, "objects")
	}
	if first.Folder == "" {
		return 0, false
	}
	free, err := disk.Free(first.Folder)
	return free, err == nil
}
