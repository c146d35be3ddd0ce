// Package recording keeps recordings of calls so that nobody opens one without
// leaving a receipt, and so that a destroyed one stays destroyed.
//
// The one way in is Archive (ArchiveSealed for what a collector sealed before
// it travelled):
//
//	keys reserved → intent → sealed into the bucket → one Change: rows, event,
//	job, receipt "stored" → one logged opening reads the object back → "verified"
//
// The one way out is Open: a durable receipt in the journal, then the key, then
// the first byte. A crash between the steps can log an opening that did not
// happen, never the reverse.
//
// What lies in rows is of three sorts. Times, lengths, queues, states and
// scores are plain, because lists filter and sort by them. Numbers, extensions
// and the names of a call within its telephone system stand as blind indexes:
// whoever reads the database sees which rows share one, not what it is. All
// else that is personal (numbers, names, file names, legs) is one sealed card
// per recording, under the recording's card key. Sound, transcript and outline
// are objects under its content key. Destroying the two keys ends both, also in
// every backup.
//
// Identity: the same bytes are one recording, wherever they turn up, unless they
// are told to be of another call (two in which nobody spoke may be the same). The
// same path with more bytes later is the same recording, captured again. Bytes that
// were destroyed are never captured again, although their source is still there.
package recording

import (
	"math"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/id"
)

// Recording is one recording as lists show it. Personal fields are empty when
// its card could not be opened (its key was destroyed a moment ago).
type Recording struct {
	N           int64 // row number within the place: what search indexes name
	ID          id.Recording
	Call        id.Call
	Source      id.Source
	StartedAt   time.Time // of the sound
	EndedAt     time.Time
	Length      time.Duration
	Direction   Direction
	Queue       string
	Disposition Disposition
	Sound       SoundState
	Layout      string // mono-mix, stereo-sides, caller, agent: of the preferred rendition
	Withheld    bool   // the caller asked not to show the number
	Transcript  TranscriptState
	Sentiment   *Sentiment
	Bytes       int64 // stored, all objects together
	CapturedAt  time.Time
	VerifiedAt  time.Time  // zero until the object was read back
	DueAt       *time.Time // when retention destroys it; nil: kept for ever
	Card        Card       // personal data
}

// Seconds is a length as it leaves the program: in seconds, to the millisecond,
// written with no more digits than that.
func Seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

// Minutes is a sum of lengths in minutes, to a thousandth of one.
func Minutes(d time.Duration) float64 { return math.Round(d.Minutes()*1000) / 1000 }

// Direction is which way a call went, seen from the customer.
type Direction string

// The directions.
const (
	Inbound          Direction = "inbound"
	Outbound         Direction = "outbound"
	Internal         Direction = "internal"
	UnknownDirection Direction = "unknown"
)

// Disposition is how a call ended.
type Disposition string

// The dispositions.
const (
	Answered           Disposition = "answered"
	Abandoned          Disposition = "abandoned"
	Unanswered         Disposition = "unanswered"
	UnknownDisposition Disposition = "unknown"
)

// SoundState says how much of the sound there is.
type SoundState string

// The states of sound.
const (
	Complete  SoundState = "complete"
	Truncated SoundState = "truncated" // cut by a crash; plays to its end
	Partial   SoundState = "partial"   // was still growing when it was taken
)

// TranscriptState says whether there is a transcript, and if not, why.
type TranscriptState struct {
	State    string // none, waiting, working, done, failed, not-transcribed
	Reason   string
	Language string // BCP 47
	Engine   string
	Quality  string
}

// States of a transcript.
const (
	TranscriptNone           = "none"
	TranscriptWaiting        = "waiting"
	TranscriptWorking        = "working"
	TranscriptDone           = "done"
	TranscriptFailed         = "failed"
	TranscriptNotTranscribed = "not-transcribed"
)

// Sentiment is a score in thousandths, -1000 to 1000, and what it is called.
type Sentiment struct {
	Milli int64
	Label string // negative, neutral, positive
}

// Card is the personal part of a recording, sealed as one under its card key.
type Card struct {
	File string           `json:"file"` // name within the source, of the first rendition
	Call Call             `json:"call"`
	Sums map[string]Plain `json:"sums"` // by rendition id
}

// Plain is what is known of one rendition's sound before it was sealed.
type Plain struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Call is one conversation, joined from what the telephone system left behind.
type Call struct {
	ID          id.Call        `json:"-"`
	Idents      []string       `json:"idents,omitempty"` // the system's own names of the call (unique ids): what joins recordings
	Direction   Direction      `json:"direction"`
	Caller      Party          `json:"caller"`
	Dialled     string         `json:"dialled,omitempty"`
	Queue       string         `json:"queue,omitempty"`
	Agents      []Agent        `json:"agents,omitempty"`
	StartedAt   time.Time      `json:"started_at"`
	AnsweredAt  *time.Time     `json:"answered_at,omitempty"`
	EndedAt     time.Time      `json:"ended_at"`
	Disposition Disposition    `json:"disposition"`
	Waiting     float64        `json:"waiting_seconds,omitempty"`
	Talk        float64        `json:"talk_seconds,omitempty"`
	Legs        []Leg          `json:"legs,omitempty"`
	Events      []Happening    `json:"events,omitempty"`
	Recordings  []id.Recording `json:"-"` // all recordings of the call; filled by CallOf and Calls
}

// Party is one side of a call. A withheld number is never kept.
type Party struct {
	Number   string `json:"number,omitempty"`
	Name     string `json:"name,omitempty"`
	Withheld bool   `json:"withheld,omitempty"`
}

// Agent is somebody of the customer who was offered or took the call.
type Agent struct {
	Extension string `json:"extension"`
	Name      string `json:"name,omitempty"`
	Outcome   string `json:"outcome"`
}

// Leg is one party's part in a call.
type Leg struct {
	Party     string     `json:"party,omitempty"`
	Extension string     `json:"extension,omitempty"`
	Number    string     `json:"number,omitempty"`
	Role      string     `json:"role"` // caller, called, transfer_target, consultation
	From      time.Time  `json:"from"`
	To        *time.Time `json:"to,omitempty"`
}

// Happening is one thing that happened in a call.
type Happening struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // queued, offered, queue_entered, ring_no_answer, hold, blind_transfer, …
	By     string    `json:"by,omitempty"`
	To     string    `json:"to,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// Rendition is one stored form of the sound.
type Rendition struct {
	ID     id.Rendition
	Object id.Object
	Kind   Kind
	Probed sound.Probed
	Length time.Duration
	Plain  int64  // bytes before sealing
	Bytes  int64  // bytes stored
	SHA256 string // of the sound before it was sealed, hexadecimal; personal: from the card
}

// Kind is which form of a recording a rendition is.
type Kind string

// The kinds of rendition.
const (
	Original   Kind = "original" // the only form there is
	Mix        Kind = "mix"      // both parties in one channel, where there are sides as well
	Caller     Kind = "caller"   // what the caller said
	AgentSide  Kind = "agent"    // what the agent said
	Opus       Kind = "opus"     // made here of the others, smaller
	transcript Kind = "transcript"
	outline    Kind = "outline"  // peaks for drawing
	findings   Kind = "findings" // what a detector found in the transcript
)

// Detail is one recording with all that is known about it.
type Detail struct {
	Recording
	Renditions []Rendition    // sound only, preferred first
	Siblings   []id.Recording // all recordings of the call, this one included
	Openings   []PastOpening
}

// PastOpening is one line of who listened, read or downloaded before.
type PastOpening struct {
	At      time.Time
	Kind    string // kind of the actor
	Who     string // text form of the actor's id
	What    string
	Purpose string
}
