// Package speech turns recorded calls into text.
//
// One job per recording: the sound is opened with a receipt as every opening
// is, split into channels, cut at pauses, heard by the engine that the customer
// chose, and put together again as one transcript in the order of time. In one
// Change the sealed transcript, the blinded words for search and the sentiment
// are written.
//
//	waiting → working → done
//	              ├──▶ not-transcribed   no engine, no language, or one the engine does not know
//	              ├──▶ waiting again     the engine failed for a while; the job comes back
//	              └──▶ failed            it failed for good; the reason says what to do
//
// Three rules. A language is never guessed: what is not set is not transcribed.
// Silence is not assumed: an engine that returns nothing where sound was heard
// has failed. And nothing leaves the host before the customer has recorded why
// and to which region; then it leaves through egress and stands in its ledger.
package speech

import (
	"context"
	"errors"
	"time"

	"ringfence/internal/base/fault"
)

// Engine hears. Implementations are safe for use by several goroutines.
type Engine interface {
	Abilities() Abilities
	// Check says whether the engine can be used as it is set: nil, or what is
	// missing and what to do about it. It sends nothing off the host.
	Check(ctx context.Context) error
	// Transcribe hears one piece of a call. It returns a *Refusal when trying again
	// would not help; every other error is temporary.
	Transcribe(ctx context.Context, s Session, p Piece) ([]Utterance, error)
}

// Abilities say what an engine is and how it wants its sound.
type Abilities struct {
	Name    string
	Model   string
	Quality Quality
	OffHost bool          // sends sound to another machine
	Stereo  bool          // takes both channels at once
	Longest time.Duration // of a piece
	// Language gives the engine's own name of a language (BCP 47), or says in
	// words for the customer why it does not know it.
	Language func(tag string) (name string, problem string)
}

// Quality is what may be expected of the text.
type Quality string

// The qualities.
const (
	Draft    Quality = "draft"    // every second word may be wrong on the telephone: good for finding, not for quoting
	Standard Quality = "standard" // what current services deliver
)

// Session is what is the same for all pieces of one recording.
type Session struct {
	Language string // the engine's own name of it
	Subject  string // text form of the recording's id, for the ledger
	Send     Sender // the way out, for engines off this process
}

// Piece is a stretch of a call, cut at pauses.
type Piece struct {
	Rate     int
	Channels [][]int16 // one, or both if the engine takes both
	Speech   [][]Span  // for each channel, where somebody seems to speak
}

// Span is a stretch of samples.
type Span struct{ From, To int }

// length is how long a number of samples lasts.
func (p Piece) length(samples int) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(p.Rate)
}

// total is how long the whole piece lasts.
func (p Piece) total() time.Duration {
	n := 0
	for _, c := range p.Channels {
		n = max(n, len(c))
	}
	return p.length(n)
}

// Utterance is what was heard in one channel without a long pause. Times count
// from the start of the piece.
type Utterance struct {
	Channel    int
	Start, End time.Duration
	Text       string
	Words      []Word // empty: the engine gives no times for words
}

// Word is a word with its time.
type Word struct {
	Text       string
	Start, End time.Duration
	Confidence float64 // 0 to 1, or Unknown
}

// Unknown is the confidence of a word when the engine does not say.
const Unknown = -1

// Refusal is an error that will be the same next time: a wrong key, an unknown
// model, sound the server does not accept. Its text is for the customer.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// isRefusal tells permanent errors from temporary ones.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*Refusal](err)
	return ok
}

// later makes a temporary error. After is when to come back; 0: the job decides.
func later(cause error, after time.Duration, text string) error {
	err := fault.Wrap(cause, fault.Unavailable, "%s", text)
	if cause == nil {
		err = fault.New(fault.Unavailable, "%s", text)
	}
	return fault.Of(err).After(after)
}
