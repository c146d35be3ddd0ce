package parcel

import (
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Objects are those that exports of a place lie in: they are not of the archive.
func Objects(tx *place.Tx) ([]id.Object, error) {
	return place.Rows[id.Object](tx, `SELECT object FROM parcels WHERE object IS NOT NULL`)
}
