package directory

import "ringfence/internal/platform/place"

// Migrations make the table of a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 350, Name: "directory", SQL: `
		CREATE TABLE directory (
			id {{id}} PRIMARY KEY,
			extension {{bytes}} NOT NULL,
			person {{id}},
			email {{bytes}},
			team {{bytes}},
			from_at {{int}} NOT NULL,
			to_at {{int}} NOT NULL,
			card {{bytes}} NOT NULL
		);
		CREATE INDEX directory_extension ON directory (extension, from_at);
		CREATE INDEX directory_person ON directory (person, to_at);
		CREATE INDEX directory_email ON directory (email);
		CREATE INDEX directory_team ON directory (team);
		-- Members' own extensions were kept with the member before there was a directory: whether they stand here now.
		CREATE TABLE directory_adopted (
			one {{int}} PRIMARY KEY CHECK (one = 1)
		);`}}
}
