package place

// Field is the permanent number of a kind of sealed field. It is part of what
// is sealed, so a number is never used again for anything else, and tables and
// columns may be renamed freely. New ones are added at the end of the list.
type Field uint16

const (
	FieldEvent Field = 1 // what is personal in an event

	// archive/recording
	FieldSource         Field = 20 // settings of a source
	FieldFile           Field = 21 // path of a source file
	FieldContent        Field = 22 // SHA-256 of a sound
	FieldCallIdent      Field = 23 // a telephone system's own name of a call
	FieldRecordingIdent Field = 24 // what names a recording within its source
	FieldNumber         Field = 25 // telephone number
	FieldExtension      Field = 26 // extension
	FieldCallDigest     Field = 27 // all that is known of a call
)
