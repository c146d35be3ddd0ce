package recording

import (
	_ "embed"

	"ringfence/internal/platform/place"
)

//go:embed migrations/recording.sql
var firstSchema string

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 400, Name: "recordings", SQL: firstSchema}, {Number: 920, Name: "objects aside", SQL: asideSchema}, {Number: 930, Name: "holds, tags and marks", SQL: heldSchema}, {Number: 960, Name: "redacted recordings", SQL: originalSchema}, {Number: 962, Name: "pseudonymised recordings", SQL: pseudonymSchema}, {Number: 981, Name: "restricted recordings", SQL: restrictSchema}, {Number: 995, Name: "moved files of destroyed recordings", SQL: movedSchema}, {Number: 996, Name: "customers who leave", SQL: partingSchema}, {Number: 999, Name: "originals that are redacted copies", SQL: wholeSchema}}
}

// Housekeeping are the tables that are written without an event.
var Housekeeping = []string{"source_states", "objects_aside"}
