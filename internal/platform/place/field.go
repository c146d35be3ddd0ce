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
	FieldSourceState    Field = 28 // where the reading of a source goes on

	// tenancy/identity
	FieldPersonEmail      Field = 60 // e-mail address of a person
	FieldPersonName       Field = 61 // name of a person
	FieldPassword         Field = 62 // argon2id hash of a password
	FieldSessionFrom      Field = 63 // network address and browser of a session
	FieldSignInCode       Field = 64 // code that was mailed
	FieldMember           Field = 65 // name, address and extensions of a member
	FieldMemberEmail      Field = 66 // e-mail address of a member
	FieldIdempotentAnswer Field = 67 // answer kept for a repeated request
	FieldIdempotentAsk    Field = 68 // key and content of a repeated request
	FieldTOTP             Field = 70 // secret of an authenticator app
	FieldRecovery         Field = 71 // recovery code
	FieldPasskey          Field = 72 // public key of a passkey and what is known of it
	FieldPasskeyHandle    Field = 73 // id by which an authenticator knows a passkey
	FieldPasskeyName      Field = 74 // name that a person gave a passkey
	FieldCeremony         Field = 75 // what is under way between two requests of a sign-in
	FieldBrowserFrom      Field = 76 // network address and browser that was trusted

	// tenancy/sso
	FieldProvider     Field = 95  // settings of an identity provider, its secret among them
	FieldDomain       Field = 96  // domain of e-mail addresses that a customer claims
	FieldSubject      Field = 97  // what an identity provider calls a person
	FieldLink         Field = 98  // what is known of a link between the two
	FieldSignOn       Field = 99  // a sign-in under way at an identity provider
	FieldSignOnTest   Field = 100 // what a test sign-in brought
	FieldStatement    Field = 101 // id of an assertion that was used
	FieldProviderNote Field = 102 // why an identity provider last failed

	// tenancy/scim and tenancy/review
	FieldScimUser      Field = 105 // a user as an identity provider pushed it
	FieldScimUserName  Field = 106 // userName by which a pushed user is found
	FieldScimExternal  Field = 107 // the identity provider's own id of a user or group
	FieldScimGroup     Field = 108 // a group as an identity provider pushed it
	FieldScimGroupName Field = 109 // displayName by which a group is found
	FieldReviewLine    Field = 110 // who an access review is about, and what was decided
	FieldReviewPaper   Field = 111 // the signed result of an access review
	FieldPaperKey      Field = 112 // private key that signs results
	FieldScimEmail     Field = 113 // e-mail address of a pushed user

	// tenancy/entry, and where machines come from
	FieldEntryRule Field = 115 // network, owner and reason of a rule
	FieldEntryList Field = 116 // the access lists of a place, as its gate reads them
	FieldTokenSeen Field = 117 // network that a token was last used from
	FieldTokenFrom Field = 118 // networks that a token works from

	// tenancy/directory and support access
	FieldAssignment        Field = 80 // extension, name, address and team of an assignment
	FieldAssignedExtension Field = 81 // extension of an assignment
	FieldAssignedEmail     Field = 82 // e-mail address of an assignment
	FieldAssignedTeam      Field = 83 // team of an assignment
	FieldSupport           Field = 84 // whom support access is given to, and why

	// archive/collect
	FieldDeviceName Field = 120 // name of a collector
	FieldDeviceCode Field = 121 // code that enrols a collector
	FieldDeviceFrom Field = 122 // address that a collector was last seen from

	// archive/intake, edge/sftp and archive/pickup
	FieldDropKey      Field = 123 // key of what waits for a source
	FieldDropSettings Field = 124 // how files are pushed for a source: login, keys, password
	FieldDropLogin    Field = 165 // login by which a drop is found
	FieldPickup       Field = 166 // where files are fetched from, with what secret
	FieldPickedUp     Field = 167 // path of a file that was fetched
	FieldHostKey      Field = 168 // private key by which the SFTP server is known

	// archive/siprec
	FieldSiprec    Field = 125 // who may send recording sessions, and how they are read
	FieldSiprecKey Field = 126 // key of a recording session under way

	// archive/phonesystem
	FieldSystem      Field = 135 // address and credentials of a telephone system's API
	FieldSystemState Field = 136 // where asking a telephone system goes on
	FieldSystemItem  Field = 137 // what a telephone system calls a recording

	// archive/bulk
	FieldImport       Field = 130 // folder and settings of an import
	FieldImportFile   Field = 131 // path of a file of an import
	FieldImportGroup  Field = 132 // what files of one recording have in common
	FieldImportCall   Field = 133 // call of a file
	FieldImportSketch Field = 134 // hash of a file's two ends
	FieldImportReport Field = 138 // how an import ended, signed

	// insight
	FieldSpokenWord Field = 140 // a word of a transcript
	FieldSpeechKey  Field = 141 // key of a speech engine

	// tenancy/blueprint
	FieldBlueprint Field = 90 // what blueprints have said of a customer

	// platform/webhook
	FieldWebhook Field = 155 // name, address and secrets of a webhook

	// archive/coverage and trust/monitor
	FieldExpectation Field = 142 // what is known of a call that has no recording
	FieldExcuse      Field = 143 // owner and reason of a rule that excuses
	FieldAlertNote   Field = 144 // note on an alert
	FieldContact     Field = 145 // name and address of who is told of alerts
	FieldCoverage    Field = 146 // a signed statement of coverage

	// archive/recording tags, trust/approval and trust/privacy
	FieldTag       Field = 170 // name of a tag
	FieldApproval  Field = 171 // reason of an act that waits for a second person
	FieldHold      Field = 172 // matter, reason and search of a legal hold
	FieldRetention Field = 173 // retention rules

	// trust/parcel and trust/evidence
	FieldParcel  Field = 190 // what an export was asked for, by whom and why
	FieldWitness Field = 191 // address of who receives checkpoints of the log

	// trust/destruction and trust/departure
	FieldCertificate Field = 175 // a signed certificate of destruction

	// trust/custody
	FieldKeyServer Field = 205 // how a customer's own key server is reached

	// trust/person and trust/breach
	FieldPersonRequest Field = 195 // whom a person's request is about, and how it is answered
	FieldPersonItem    Field = 196 // what was found about a person, and why it was taken for theirs
	FieldBreach        Field = 197 // what a breach was, and the drafts of its notices

	FieldPersonCertificate Field = 198 // what was done about a person's request, signed
)
