package storage

import (
	"context"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/backup"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/person/stores"
	"ringfence/internal/trust/pseudonym"
)

// Purge takes out of a place that came back, or came here, what was destroyed,
// emptied or erased since it was copied.
func Purge(ctx context.Context, s *recording.Service, at *place.Place, dead []keyring.Buried) (n backup.Purged, err error) {
	var keys []id.Key
	var rows []person.Buried
	var breaches [][16]byte
	for _, b := range dead {
		keys = append(keys, b.ID)
		if rows = append(rows, person.Buried{Row: b.ID, Reason: b.Reason}); b.Reason == breach.Buried {
			breaches = append(breaches, b.ID)
		}
	}
	if n.Recordings, err = s.Purge(ctx, at, keys); err != nil {
		return n, err
	}
	if _, err := pseudonym.Purge(ctx, at, keys); err != nil {
		return n, err
	}
	persons := person.New(person.Options{Recordings: s, EraseEvents: journal.Erase, Stores: stores.All(stores.Services{
		// What these erase they erase in the place that they are given.
		Recordings: s, Coverage: coverage.New(coverage.Options{}), Monitor: monitor.New(monitor.Options{}), SSO: new(sso.Service),
	})})
	if n.Rows, err = persons.Restored(ctx, at, rows); err != nil {
		return n, err
	}
	more, err := breach.Restored(ctx, at, breaches)
	n.Rows += more
	return n, err
}
