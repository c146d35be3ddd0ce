// Package siprec keeps what a session border controller or telephone system
// forks to us while a call is going on (SIPREC: RFC 7866 the protocol, RFC 7865
// the metadata, RFC 7245 the architecture). It knows neither SIP nor sockets:
// package edge/sip brings it facts and packets.
//
//	facts → Session.Next → effects          what a recording session is, without a clock of its own
//	packets → track → Tape → spool          sound on the recording's clock, sealed each 0.4 s
//	spool → WAV → recording.ArchiveBatch    at the end, or at the next start after a crash
//
// Nothing of a call lies in the clear on disk. The key of a session is drawn
// when it begins, sealed under the customer's field key and durable before the
// call is answered; each record of the spool is sealed by itself, bound to
// customer, session and its own number, and made durable at least once in a
// second. After a crash the spool is found, archived as truncated and removed;
// a spool is removed, and its key with it, only when the recording is archived.
//
// What comes from outside is never believed further than it must be: metadata
// of any dialect is read as far as it can be, and a call whose metadata cannot
// be read at all is kept all the same, with its sound.
//
// Limits: G.711 only (8000 samples a second); at most 16 streams, 4 hours of
// silence before, and 24 hours in all; metadata of at most 256 KiB. Two streams
// become the two channels of one recording. More than two, as after a transfer,
// are laid on the side of whoever sends them, mixed where they overlap.
package siprec

import "time"

// Rate is how many samples a second there are, in every stream.
const Rate = 8000

// Limits of one recording session.
const (
	MaxStreams  = 16
	MaxLength   = 24 * time.Hour
	MaxMetadata = 256 << 10
	maxBody     = 1 << 20 // of a request: description, metadata and what else a system adds
)

// Law is how the samples of a stream are written.
type Law byte

// The laws of G.711.
const (
	ALaw  Law = 8 // PCMA, its number in RTP (RFC 3551 §6)
	MuLaw Law = 0 // PCMU
)

// silence is a sample of nothing.
func (l Law) silence() byte {
	if l == MuLaw {
		return 0xff
	}
	return 0xd5
}

// samples is where in a recording an instant lies.
func samples(d time.Duration) int64 { return int64(d) * Rate / int64(time.Second) }

// lasting is how long so many samples last.
func lasting(n int64) time.Duration { return time.Duration(n) * time.Second / Rate }
