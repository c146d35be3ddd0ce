package siprec

import (
	"slices"
	"time"

	"ringfence/internal/archive/recording"
)

// State is how far a recording session has come.
type State int

// The states. Only Next moves from one to another.
const (
	Idle      State = iota // nothing was asked yet
	Answered               // taken, and not confirmed yet; sound may come already
	Recording              // confirmed
	Ended
)

// What is what happened, seen from the recording client or the wire.
type What string

// The facts.
const (
	Invited     What = "invited"     // a session begins; Streams and Metadata as offered
	Confirmed   What = "confirmed"   // our answer has arrived
	Changed     What = "changed"     // offered anew
	Told        What = "told"        // metadata alone
	Left        What = "left"        // the client ended it
	Cancelled   What = "cancelled"   // the client took its request back before it was answered
	Unconfirmed What = "unconfirmed" // our answer was never confirmed
	Quiet       What = "quiet"       // no packet for QuietFor while sound was to come
	Expired     What = "expired"     // the client did not renew the session in time (RFC 4028)
	TooLong     What = "too-long"    // MaxLength is over
	Failing     What = "failing"     // what comes cannot be kept: the disk
	Stopping    What = "stopping"    // this server stops
	Crashed     What = "crashed"     // this server stopped without a word; found at the next start
	Silenced    What = "silenced"    // somebody told of a pause, from At until Until; told again, it is the same one
)

// ends reports whether a session has ended with a fact, if there was one.
func (w What) ends() bool {
	switch w {
	case Invited, Confirmed, Changed, Told, Silenced:
		return false
	}
	return true
}

// QuietFor is how long no packet may come before a session counts as ended: the
// request that ends it can be lost.
const QuietFor = 30 * time.Second

// Media is one stream of a description, in the order of its lines.
type Media struct {
	Label string `json:"label,omitempty"`
	Taken bool   `json:"taken,omitempty"` // we can keep it and have said so
	Held  bool   `json:"held,omitempty"`  // nothing is sent for now (a=inactive, port 0)
	// Silent: the client has paused the stream (RFC 7866 §7.1.1.3: a=inactive). What
	// it sends all the same is not kept.
	Silent bool `json:"silent,omitempty"`
}

// Fact is one thing that happened. It can be written down and read again.
type Fact struct {
	What     What      `json:"what"`
	At       time.Time `json:"at"`
	Streams  []Media   `json:"streams,omitempty"`  // Invited, Changed; else nil
	Metadata []byte    `json:"metadata,omitempty"` // as it came; nil: none
	Law      Law       `json:"law,omitempty"`      // Invited: how the recording is written
	Until    time.Time `json:"until,omitzero"`     // Silenced; zero: it goes on
}

// Do is what is to be done.
type Do string

// The effects.
const (
	Keep   Do = "keep"    // write the fact into the spool
	Accept Do = "accept"  // answer what was offered
	HangUp Do = "hang-up" // end the session towards the client
	Finish Do = "finish"  // no more sound comes: archive what is there
	Drop   Do = "drop"    // nothing was recorded: forget it
)

// Effect is one thing to do.
type Effect struct {
	Do    Do
	Sound recording.SoundState // of Finish
}

// Session is what is known of one recording session. Next alone decides what
// follows from a fact; it reads no clock and reaches nothing.
type Session struct {
	State   State
	Streams []Media
	Begun   time.Time
	End     time.Time
	Why     What // the fact that ended it
	Story   Story
}

// Next gives the session after a fact, and what is to be done. A fact that does
// not belong into the state changes nothing and has no effect.
func (s Session) Next(f Fact) (Session, []Effect) {
	switch {
	case s.State == Idle && f.What == Invited:
		s.State, s.Begun = Answered, f.At
		s = s.described(f)
		return s, []Effect{{Do: Keep}, {Do: Accept}}
	case s.State == Idle || s.State == Ended:
		return s, nil
	}
	switch f.What {
	case Confirmed:
		if s.State != Answered {
			return s, nil
		}
		s.State = Recording
		return s, []Effect{{Do: Keep}}
	case Changed:
		return s.described(f), []Effect{{Do: Keep}, {Do: Accept}}
	case Told:
		return s.described(f), []Effect{{Do: Keep}}
	case Silenced:
		s.Story = s.Story.hushed(f.At, f.Until)
		return s, []Effect{{Do: Keep}}
	case Cancelled:
		if s.State != Answered {
			return s, nil
		}
		return s.end(f, recording.Complete)
	case Left, Quiet, Expired:
		return s.end(f, recording.Complete)
	case Unconfirmed, TooLong, Failing, Stopping, Crashed:
		return s.end(f, recording.Truncated)
	}
	return s, nil
}

// end is what follows when no more sound comes. What the client has not ended
// itself is ended towards it, except where nobody is there to do so.
func (s Session) end(f Fact, sound recording.SoundState) (Session, []Effect) {
	s.State, s.End, s.Why = Ended, f.At, f.What
	out := []Effect{{Do: Keep}}
	switch f.What {
	case Cancelled:
		return s, append(out, Effect{Do: Drop})
	case Left, Crashed:
	default:
		out = append(out, Effect{Do: HangUp})
	}
	return s, append(out, Effect{Do: Finish, Sound: sound})
}

// described takes in what a description and metadata say.
func (s Session) described(f Fact) Session {
	if f.Streams != nil {
		s.Story = s.Story.holding(s.Streams, f.Streams, f.At)
		s.Streams = slices.Clone(f.Streams[:min(len(f.Streams), MaxStreams)])
	}
	if f.Metadata != nil {
		m, err := ParseMetadata(f.Metadata)
		if err != nil {
			s.Story = s.Story.unread()
			return s
		}
		s.Story = s.Story.with(m, f.At)
	}
	return s
}

// Sounding reports whether packets are to be expected now.
func (s Session) Sounding() bool {
	return slices.ContainsFunc(s.Streams, func(m Media) bool { return m.Taken && !m.Held })
}
