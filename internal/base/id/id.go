// Package id names things. Each kind of thing has a type of its own, so that a
// recording's id cannot be passed where a call's is wanted.
//
// An id is a UUIDv7 (RFC 9562 §5.7): 16 bytes in the database, a short prefixed
// text outside ("rec_06b3k…", Crockford base32 of the 16 bytes). The first 48
// bits are the time of its making in Unix milliseconds: whoever sees an id can
// read that time, so nothing secret may hang on it.
package id

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Kind tells ids apart by type and by prefix.
type Kind interface{ prefix() string }

// Of is an id of one kind. The zero value names nothing.
type Of[K Kind] [16]byte

// The kinds of thing that have ids.
type (
	nodeKind      struct{}
	personKind    struct{}
	sessionKind   struct{}
	tokenKind     struct{}
	deviceKind    struct{}
	sourceKind    struct{}
	callKind      struct{}
	recordingKind struct{}
	renditionKind struct{}
	objectKind    struct{}
	keyKind       struct{}
	receiptKind   struct{}
	eventKind     struct{}
	jobKind       struct{}
	intentKind    struct{}
	uploadKind    struct{}
	grantKind     struct{}
	fileKind      struct{}
	egressKind    struct{}
	factorKind    struct{}
	browserKind   struct{}

	assignmentKind  struct{}
	supportKind     struct{}
	provisionerKind struct{}
	scimUserKind    struct{}
	scimGroupKind   struct{}
	reviewKind      struct{}
	reviewLineKind  struct{}

	ruleKind struct{}

	providerKind struct{}
	linkKind     struct{}
	testKind     struct{}
	domainKind   struct{}

	siprecKind struct{}

	backupKind struct{}

	importKind struct{}

	webhookKind struct{}
	messageKind struct{}

	alertKind       struct{}
	contactKind     struct{}
	expectationKind struct{}
	excuseKind      struct{}
	statementKind   struct{}

	parcelKind  struct{}
	witnessKind struct{}

	requestKind struct{}
	breachKind  struct{}
	foundKind   struct{}

	redactionKind struct{}
	pauseKind     struct{}

	pseudonymKind    struct{}
	pseudonymRunKind struct{}

	approvalKind struct{}
	holdKind     struct{}
	tagKind      struct{}
	periodKind   struct{}

	destructionKind struct{}
	certificateKind struct{}
	departureKind   struct{}
	rotationKind    struct{}
)

func (nodeKind) prefix() string      { return "org" }
func (personKind) prefix() string    { return "per" }
func (sessionKind) prefix() string   { return "ses" }
func (tokenKind) prefix() string     { return "tok" }
func (deviceKind) prefix() string    { return "dev" }
func (sourceKind) prefix() string    { return "src" }
func (callKind) prefix() string      { return "cal" }
func (recordingKind) prefix() string { return "rec" }
func (renditionKind) prefix() string { return "ren" }
func (objectKind) prefix() string    { return "obj" }
func (keyKind) prefix() string       { return "key" }
func (receiptKind) prefix() string   { return "rcp" }
func (eventKind) prefix() string     { return "evt" }
func (jobKind) prefix() string       { return "job" }
func (intentKind) prefix() string    { return "int" }
func (uploadKind) prefix() string    { return "upl" }
func (grantKind) prefix() string     { return "grt" }
func (fileKind) prefix() string      { return "fil" }
func (egressKind) prefix() string    { return "egr" }
func (factorKind) prefix() string    { return "fac" }
func (browserKind) prefix() string   { return "brw" }

func (assignmentKind) prefix() string  { return "asg" }
func (supportKind) prefix() string     { return "sup" }
func (provisionerKind) prefix() string { return "prv" }
func (scimUserKind) prefix() string    { return "scu" }
func (scimGroupKind) prefix() string   { return "scg" }
func (reviewKind) prefix() string      { return "rev" }
func (reviewLineKind) prefix() string  { return "rvl" }

func (ruleKind) prefix() string { return "rul" }

func (providerKind) prefix() string { return "idp" }
func (linkKind) prefix() string     { return "lnk" }
func (testKind) prefix() string     { return "tst" }
func (domainKind) prefix() string   { return "dom" }

func (siprecKind) prefix() string { return "spr" }

func (backupKind) prefix() string { return "bkp" }

func (importKind) prefix() string { return "imp" }

func (webhookKind) prefix() string { return "whk" }
func (messageKind) prefix() string { return "msg" }

func (alertKind) prefix() string       { return "alr" }
func (contactKind) prefix() string     { return "ctc" }
func (expectationKind) prefix() string { return "exp" }
func (excuseKind) prefix() string      { return "exc" }
func (statementKind) prefix() string   { return "stm" }

func (parcelKind) prefix() string  { return "pcl" }
func (witnessKind) prefix() string { return "wit" }

func (redactionKind) prefix() string { return "rdn" }
func (pauseKind) prefix() string     { return "pse" }

func (pseudonymKind) prefix() string    { return "psn" }
func (pseudonymRunKind) prefix() string { return "psr" }

func (approvalKind) prefix() string { return "apr" }
func (holdKind) prefix() string     { return "hld" }
func (tagKind) prefix() string      { return "tag" }
func (periodKind) prefix() string   { return "ret" }

func (destructionKind) prefix() string { return "dst" }
func (certificateKind) prefix() string { return "crt" }
func (departureKind) prefix() string   { return "dep" }
func (rotationKind) prefix() string    { return "rot" }

func (requestKind) prefix() string { return "prq" }
func (breachKind) prefix() string  { return "brc" }
func (foundKind) prefix() string   { return "fnd" }

// A Node is a place in the tree: the provider, a reseller or a customer. A
// customer's node id is also the name of its place.
type (
	Node      = Of[nodeKind]
	Customer  = Of[nodeKind]
	Person    = Of[personKind]
	Session   = Of[sessionKind]
	Token     = Of[tokenKind]
	Device    = Of[deviceKind]
	Source    = Of[sourceKind]
	Call      = Of[callKind]
	Recording = Of[recordingKind]
	Rendition = Of[renditionKind]
	Object    = Of[objectKind]
	Key       = Of[keyKind]
	Receipt   = Of[receiptKind]
	Event     = Of[eventKind]
	Job       = Of[jobKind]
	Intent    = Of[intentKind]
	Upload    = Of[uploadKind]
	Grant     = Of[grantKind]
	File      = Of[fileKind]
	Egress    = Of[egressKind]
	Factor    = Of[factorKind]  // a passkey, a recovery code
	Browser   = Of[browserKind] // one that a person lets be remembered

	Assignment  = Of[assignmentKind]  // of an extension to somebody
	Support     = Of[supportKind]     // support access
	Provisioner = Of[provisionerKind] // a token that an identity provider pushes people with
	ScimUser    = Of[scimUserKind]
	ScimGroup   = Of[scimGroupKind]
	Review      = Of[reviewKind]
	ReviewLine  = Of[reviewLineKind]

	Rule = Of[ruleKind] // of an access list

	Provider = Of[providerKind] // a customer's own identity provider
	Link     = Of[linkKind]     // of what a provider calls a person to that person
	Test     = Of[testKind]     // of a provider
	Domain   = Of[domainKind]   // of e-mail addresses, claimed by a customer

	Backup = Of[backupKind] // a point in time to restore to

	Import = Of[importKind] // of old recordings

	Siprec = Of[siprecKind] // a recording session that a system calls us for

	Webhook = Of[webhookKind] // an endpoint that is told what happens
	Message = Of[messageKind] // what it is told

	Alert       = Of[alertKind]       // a condition that somebody should know of
	Contact     = Of[contactKind]     // who is told of alerts
	Expectation = Of[expectationKind] // a call that must end as captured, excused, missing or erased
	Excuse      = Of[excuseKind]      // a rule why a call has no recording
	Statement   = Of[statementKind]   // signed, of a day's coverage

	Parcel  = Of[parcelKind]  // an export that is made, taken and destroyed
	Witness = Of[witnessKind] // who receives checkpoints of a log

	Redaction = Of[redactionKind] // something taken out of a recording
	Pause     = Of[pauseKind]     // a time during which a payment was taken in a call

	Pseudonym    = Of[pseudonymKind]    // what stands in place of a name or number
	PseudonymRun = Of[pseudonymRunKind] // a replacing of names in some recordings

	Approval = Of[approvalKind] // an act that waits for a second person
	Hold     = Of[holdKind]     // a legal hold
	Tag      = Of[tagKind]      // a customer's own label for recordings
	Period   = Of[periodKind]   // a retention rule

	Destruction = Of[destructionKind] // of recordings, under one authority and in one go
	Certificate = Of[certificateKind] // signed, of a destruction or of a person's request
	Departure   = Of[departureKind]   // of a customer who leaves

	Rotation = Of[rotationKind] // of a root or customer key

	PersonRequest = Of[requestKind] // of a person about what is kept of them
	Breach        = Of[breachKind]  // of what was sealed or guarded
	Found         = Of[foundKind]   // something that was found about a person
)

// crockford leaves out the letters that are mistaken for digits; lower case, as
// ids stand in URLs.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrMalformed is returned for text or bytes that are no id of the wanted kind.
var ErrMalformed = errors.New("malformed id")

// last keeps ids of one process in the order of their making: within a
// millisecond the counter in rand_a grows (RFC 9562 §6.2, method 1).
var last struct {
	sync.Mutex
	ms  uint64
	seq uint16
}

// New makes an id. Ids made later by the same process sort after earlier ones.
func New[I ~[16]byte]() I {
	return At[I](time.Now())
}

// At makes an id that carries the given time instead of the present.
func At[I ~[16]byte](t time.Time) I {
	ms := uint64(t.UnixMilli())
	last.Lock()
	if ms > last.ms {
		last.ms, last.seq = ms, 0
	} else if last.seq++; last.seq > 0xfff {
		last.ms, last.seq = last.ms+1, 0
	}
	ms, seq := last.ms, last.seq
	last.Unlock()

	var b [16]byte
	rand.Read(b[8:])
	binary.BigEndian.PutUint64(b[:8], ms<<16|0x7000|uint64(seq))
	b[8] = b[8]&0x3f | 0x80
	return I(b)
}

// Parse reads the text form of an id and refuses one of another kind.
func Parse[I interface {
	~[16]byte
	fmt.Stringer
}](s string) (I, error) {
	var i [16]byte
	want, _, _ := strings.Cut(I(i).String(), "_")
	body, ok := strings.CutPrefix(s, want+"_")
	if ok && len(body) == 26 {
		n, err := crockford.Decode(i[:], []byte(body))
		// Comparing the text again refuses spellings whose unused last bits differ.
		if err == nil && n == 16 && I(i).String() == s {
			return I(i), nil
		}
	}
	return I{}, fmt.Errorf("%w: want %s_ and 26 characters", ErrMalformed, want)
}

// String is the prefixed text form.
func (i Of[K]) String() string {
	var k K
	return k.prefix() + "_" + crockford.EncodeToString(i[:])
}

// IsZero reports whether the id names nothing.
func (i Of[K]) IsZero() bool { return i == Of[K]{} }

// Time is when the id was made, to the millisecond.
func (i Of[K]) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(i[:8]) >> 16)).UTC()
}

// MarshalText gives the text form; JSON and logs use it.
func (i Of[K]) MarshalText() ([]byte, error) {
	if i.IsZero() {
		return nil, nil
	}
	return []byte(i.String()), nil
}

// UnmarshalText reads the text form; empty text is the zero id.
func (i *Of[K]) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*i = Of[K]{}
		return nil
	}
	p, err := Parse[Of[K]](string(b))
	if err == nil {
		*i = p
	}
	return err
}

// Value stores the 16 bytes; the zero id is stored as NULL.
func (i Of[K]) Value() (driver.Value, error) {
	if i.IsZero() {
		return nil, nil
	}
	return i[:], nil
}

// Scan reads what Value stored.
func (i *Of[K]) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i = Of[K]{}
		return nil
	case []byte:
		if len(v) == 16 {
			copy(i[:], v)
			return nil
		}
	}
	return fmt.Errorf("%w: not 16 bytes", ErrMalformed)
}
