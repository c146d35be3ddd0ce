package capture

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// Direction is where a call came from, seen from the customer's own telephones.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
	Internal Direction = "internal"
	Unknown  Direction = "unknown" // nothing says who was on the call
)

// Disposition is how a call ended for the person who made it.
type Disposition string

// The dispositions.
const (
	Answered   Disposition = "answered"   // a person spoke with the caller; a queue or an announcement is no person
	Abandoned  Disposition = "abandoned"  // the caller left a queue, or stopped ringing, before anyone answered
	Unanswered Disposition = "unanswered" // nobody answered, and it was not the outside caller who gave up
)

// Outcome is what became of one ringing telephone.
type Outcome string

// The outcomes.
const (
	OutcomeAnswered Outcome = "answered"
	OutcomeNoAnswer Outcome = "no_answer" // it rang in vain, whoever stopped it
	OutcomeBusy     Outcome = "busy"
	OutcomeRejected Outcome = "rejected"
	OutcomeCaller   Outcome = "caller" // an agent who made the call
)

// FileState is what can be said of one file of sound.
type FileState string

// The states of a file.
const (
	Complete   FileState = "complete"   // closed, and the call has ended
	Partial    FileState = "partial"    // it may still grow: take nothing yet
	Truncated  FileState = "truncated"  // its writer is gone: it ends where the data ends
	Empty      FileState = "empty"      // a header without sound: no recording
	Unreadable FileState = "unreadable" // not sound, or a format that is refused; Reason says which
)

// Moment is an instant that may be unknown: JSON gives UTC with milliseconds, or null.
type Moment struct{ time.Time }

// MarshalJSON writes the instant in UTC with milliseconds, or null.
func (m Moment) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(m.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Moment) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		m.Time = time.Time{}
		return nil
	}
	return json.Unmarshal(b, &m.Time)
}

// Name is a text that may be unknown: JSON gives null for the empty one.
type Name string

// MarshalJSON writes the text, or null.
func (n Name) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return json.Marshal(Shown(string(n)))
}

// Call is one call with all its legs, transfers and files, joined from whatever the telephone system left behind. Its JSON is the line of
// `ringfence collect --dry-run --json`. The same call may be given several times as more becomes known; ID stays the same, and Absorbed
// names calls that turned out to be part of it (the consultation of an attended transfer).
type Call struct {
	ID          string      `json:"id"` // the linkedid of the call's first channel; for files alone, from the file's name
	Direction   Direction   `json:"direction"`
	Caller      string      `json:"caller"` // number or extension; "" when it is withheld or unknown
	CallerName  string      `json:"caller_name"`
	Withheld    bool        `json:"withheld"` // the caller asked not to be shown: Caller is "", though logs and file names may hold the number
	Dialled     string      `json:"dialled"`
	Queue       Name        `json:"queue"`
	Agents      []Agent     `json:"agents"` // in the order in which they rang
	StartedAt   Moment      `json:"started_at"`
	AnsweredAt  Moment      `json:"answered_at"` // by the first person
	EndedAt     Moment      `json:"ended_at"`
	LastSeenAt  Moment      `json:"last_seen_at"` // the last sign of life: what is known of a call that was cut off
	Waited      float64     `json:"waiting_seconds"`
	Talked      float64     `json:"talk_seconds"`
	Disposition Disposition `json:"disposition"`
	Ended       bool        `json:"ended"` // a CDR row or the end of the last channel is there
	Cut         bool        `json:"cut"`   // it has no end because the telephone system stopped or restarted
	LinkedIDs   []string    `json:"linkedids"`
	UniqueIDs   []string    `json:"uniqueids"`
	Legs        []Leg       `json:"legs"`
	Events      []Event     `json:"events"`
	Files       []File      `json:"recordings"`
	Absorbed    []string    `json:"absorbed,omitempty"`
	Sources     []string    `json:"sources"` // what the call is known from: "cel", "cdr", "queue_log", "file", "sidecar"
}

// Agent is one telephone of the customer that rang, or made the call.
type Agent struct {
	Extension  string  `json:"extension"`
	Name       string  `json:"name"`
	Outcome    Outcome `json:"outcome"`
	OfferedAt  Moment  `json:"offered_at"`
	AnsweredAt Moment  `json:"answered_at"`
	LeftAt     Moment  `json:"left_at"`
	Role       string  `json:"role,omitempty"` // "transfer_target"
}

// Leg is one party's time in talk.
type Leg struct {
	Party     string `json:"party"` // "customer" or "agent"
	Extension string `json:"extension,omitempty"`
	Number    string `json:"number,omitempty"`
	Name      string `json:"name,omitempty"`
	From      Moment `json:"from"`
	To        Moment `json:"to"`
	Role      string `json:"role"` // "caller", "called", "transfer_target", "consultation"
}

// Event is something that happened during a call.
type Event struct {
	At     Moment `json:"at"`
	What   string `json:"what"` // "queue_entered", "ring_no_answer", "hold", "consultation", "blind_transfer", "attended_transfer", "abandoned"…
	By     string `json:"by,omitempty"`
	To     string `json:"to,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// File is one file of sound that belongs to a call.
type File struct {
	Path        string        // relative to the source's folder, with slashes, byte for byte as on disk: open it only through os.Root
	State       FileState     // what may be done with it
	Reason      string        // why it is unreadable, or not whole
	Size        int64         // when it was looked at
	ModifiedAt  time.Time     // as the file system says; a copy does not keep it
	Sound       sound.Probed  // zero when it is unreadable
	Group       string        // files of one Group are one recording in several forms: the mix and its sides
	UniqueID    string        // the channel it was recorded on
	StartedAt   time.Time     // when its first sample was spoken, as near as is known; zero if it is not
	Heard       bool          // the customer was on the line; false for a consultation
	Parties     []string      // per channel: "customer", "agent" or "both"
	Conditional bool          // it was set to record only while two parties were connected
	TitleHidden string        // the base name for showing, without a withheld number
	Age         time.Duration // how long the size has not changed, as far as was seen
}

// fileWire is the JSON of a File.
type fileWire struct {
	File      string       `json:"file"`
	FileBytes []byte       `json:"file_bytes,omitempty"` // the name as on disk, where it cannot be shown as it is
	State     FileState    `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	Seconds   float64      `json:"seconds"`
	Layout    sound.Layout `json:"layout"`
	Size      int64        `json:"size"`
	Codec     sound.Codec  `json:"codec,omitempty"`
	Rate      int          `json:"rate,omitempty"`
	Channels  int          `json:"channels,omitempty"`
	Parties   []string     `json:"parties,omitempty"`
	Group     string       `json:"group"`
	StartedAt Moment       `json:"started_at"`
	Heard     bool         `json:"heard_by_customer"`
}

// MarshalJSON writes the file as the dry run shows it.
func (f File) MarshalJSON() ([]byte, error) {
	w := fileWire{
		File: Shown(f.Path), State: f.State, Reason: f.Reason, Seconds: f.Sound.Seconds, Layout: f.Sound.Layout, Size: f.Size,
		Codec: f.Sound.Codec, Rate: f.Sound.Rate, Channels: f.Sound.Channels, Parties: f.Parties, Group: Shown(f.Group),
		StartedAt: Moment{f.StartedAt}, Heard: f.Heard,
	}
	if w.File != f.Path {
		w.FileBytes = []byte(f.Path)
	}
	return json.Marshal(w)
}

// Shown is a text for showing: bytes that are not UTF-8 are read as Windows-1252, which is what such names nearly always are, and
// signs are put in the place of what would move a terminal's cursor, begin a line, or turn the order of what is read around.
func Shown(s string) string {
	if !utf8.ValidString(s) {
		out, err := charmap.Windows1252.NewDecoder().String(s)
		if err != nil {
			out = string([]rune(s))
		}
		s = out
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// plainFault is a fault's text for a person; of anything else, the cause without its path.
func plainFault(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Text
	}
	return plain(err)
}
