package httpapi

import "time"

// What lists and pages show of recordings and calls. Times are UTC; names and
// numbers are personal data, opened with the recording's card key.

// Recording is one recording in the list.
type Recording struct {
	ID          string          `json:"id" example:"rec_06b3k0000000000000000000000"`
	CallID      string          `json:"call_id" doc:"The call it belongs to; empty for a recording without one"`
	StartedAt   time.Time       `json:"started_at"`
	EndedAt     time.Time       `json:"ended_at"`
	Seconds     float64         `json:"seconds" doc:"Length of the sound"`
	Direction   string          `json:"direction" enum:"inbound,outbound,internal,unknown"`
	Caller      Party           `json:"caller"`
	Dialled     string          `json:"dialled" doc:"Number or extension that was dialled"`
	Queue       string          `json:"queue"`
	Agents      []Agent         `json:"agents"`
	Disposition string          `json:"disposition" enum:"answered,abandoned,unanswered,unknown"`
	State       string          `json:"state" doc:"complete, truncated (cut by a crash) or partial (was still growing)"`
	Layout      string          `json:"layout" doc:"mono-mix, stereo-sides, caller or agent"`
	Transcript  TranscriptState `json:"transcript"`
	Sentiment   *Sentiment      `json:"sentiment"`
	Bytes       int64           `json:"bytes" doc:"Stored, all renditions together"`
	DueAt       *time.Time      `json:"due_at" doc:"When retention destroys it; null: kept"`
	SoundDueAt  *time.Time      `json:"sound_due_at" doc:"When its sound goes; null: with it"`
	DueReason   string          `json:"due_reason" doc:"Which rule says so, and what is not known yet"`
	Marks       []string        `json:"marks" doc:"What the program found: card-data, security-code"`
	Tags        []string        `json:"tags" doc:"Ids of labels"`
	SourceID    string          `json:"source_id"`
	FileName    string          `json:"file_name"`
	Held        bool            `json:"held" doc:"Under a legal hold"`
}

// Party is one side of a call.
type Party struct {
	Number   string `json:"number" doc:"E.164 where it could be read so; an extension stays as it is"`
	Name     string `json:"name"`
	Withheld bool   `json:"withheld" doc:"The caller asked not to show the number"`
}

// Agent is somebody of the customer who was offered or took the call.
type Agent struct {
	Extension string `json:"extension"`
	Name      string `json:"name"`
	Outcome   string `json:"outcome" doc:"answered, transferred, declined, no answer"`
}

// TranscriptState says whether there is a transcript, and if not, why.
type TranscriptState struct {
	State    string     `json:"state" enum:"none,waiting,working,done,failed,not-transcribed"`
	Reason   string     `json:"reason" doc:"Why there is none, why it failed, or why it is put off"`
	Language string     `json:"language" doc:"BCP 47"`
	Engine   string     `json:"engine"`
	Quality  string     `json:"quality" doc:"draft for the built-in engine"`
	RetryAt  *time.Time `json:"retry_at" doc:"When it is tried again, after a failure or because it may not be done now; null: it is not put off"`
}

// Sentiment is a score from -1 to 1 and what it is called.
type Sentiment struct {
	_     struct{} `nullable:"true"`
	Score float64  `json:"score" minimum:"-1" maximum:"1"`
	Label string   `json:"label" enum:"negative,neutral,positive"`
}

// RecordingPage is one page of the list.
type RecordingPage struct {
	Items      []Recording `json:"items"`
	NextCursor string      `json:"next_cursor" doc:"Empty on the last page"`
	May        May         `json:"may"`
	More       bool        `json:"more_matches" doc:"More recordings hold these words than were looked at: only the newest 10,000 were"`
}

// May is what the reader may do with what is listed. It decides what a page
// offers, never what is allowed: that is asked again when it is done.
type May struct {
	Listen     bool `json:"listen"`
	Transcript bool `json:"transcript"`
	Download   bool `json:"download"`
	Destroy    bool `json:"destroy"`
}

// RecordingDetail is one recording with all that is known about it.
type RecordingDetail struct {
	Recording
	Renditions []Rendition   `json:"renditions"`
	Call       CallTimeline  `json:"call"`
	Openings   []PastOpening `json:"openings" doc:"Who opened it before, newest first"`
	AnsweredAt *time.Time    `json:"answered_at" doc:"When the call was answered"`
	May        May           `json:"may"`
	Restricted *time.Time    `json:"restricted_at" doc:"Since when it is only stored, at a person's request; null: it is not"`
}

// Rendition is one stored form of the sound.
type Rendition struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind" doc:"original, mix, sides"`
	Layout  string  `json:"layout"`
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
	SHA256  string  `json:"sha256" doc:"Of the sound before it was sealed, in hexadecimal"`
}

// CallTimeline is what happened in the call, in order.
type CallTimeline struct {
	Legs       []Leg       `json:"legs"`
	Events     []CallEvent `json:"events"`
	Recordings []string    `json:"recordings" doc:"Ids of all recordings of the call"`
}

// Leg is one party's part in a call.
type Leg struct {
	Party     string     `json:"party" doc:"Name, where one is known"`
	Extension string     `json:"extension"`
	Number    string     `json:"number"`
	From      time.Time  `json:"from"`
	To        *time.Time `json:"to"`
	Role      string     `json:"role" doc:"caller, called, transfer_target, consultation"`
}

// CallEvent is one thing that happened in a call.
type CallEvent struct {
	At            time.Time `json:"at"`
	OffsetSeconds float64   `json:"offset_seconds" doc:"From the start of this recording; negative: before it"`
	What          string    `json:"what" doc:"queued, offered, answered, hold, blind_transfer, …"`
	Detail        string    `json:"detail"`
}

// PastOpening is one line of who listened, read or downloaded before.
type PastOpening struct {
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Purpose string    `json:"purpose"`
	What    string    `json:"what"`
}

// Call is one call with all its recordings.
type Call struct {
	ID          string      `json:"id"`
	StartedAt   time.Time   `json:"started_at"`
	AnsweredAt  *time.Time  `json:"answered_at"`
	EndedAt     time.Time   `json:"ended_at"`
	Direction   string      `json:"direction"`
	Caller      Party       `json:"caller"`
	Dialled     string      `json:"dialled"`
	Queue       string      `json:"queue"`
	Agents      []Agent     `json:"agents"`
	Disposition string      `json:"disposition"`
	Legs        []Leg       `json:"legs"`
	Events      []CallEvent `json:"events"`
	Recordings  []string    `json:"recordings"`
}

// CallPage is one page of calls.
type CallPage struct {
	Items      []Call `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// Opening is the permission to hear or read one recording for a short time. It
// was written to the journal before it was given out.
type Opening struct {
	ID            string    `json:"id"`
	What          string    `json:"what"`
	Until         time.Time `json:"until"`
	SoundURL      string    `json:"sound_url" doc:"Empty where the opening does not give sound"`
	OpusURL       string    `json:"opus_url,omitempty" doc:"The sound as Opus, where that form is stored: a tenth of the bytes"`
	PeaksURL      string    `json:"peaks_url"`
	TranscriptURL string    `json:"transcript_url"`
	DownloadURL   string    `json:"download_url"`
}

// Peaks is the outline of the sound, for drawing.
type Peaks struct {
	Seconds  float64        `json:"seconds"`
	Channels []PeaksChannel `json:"channels"`
}

// PeaksChannel is one channel's outline: the loudest sample of each step, 0 to 1.
type PeaksChannel struct {
	Label string    `json:"label" enum:"mix,caller,agent,left,right"`
	Peaks []float64 `json:"peaks"`
}

// Transcript is what was said.
type Transcript struct {
	Language  string              `json:"language"`
	Engine    string              `json:"engine"`
	Quality   string              `json:"quality"`
	Note      string              `json:"note" doc:"What the reader should know, for example that a mix has no speakers"`
	Speakers  bool                `json:"speakers" doc:"Whether turns are told apart by speaker"`
	Turns     []Turn              `json:"turns"`
	Sentiment *SentimentWithWords `json:"sentiment"`
}

// Turn is one person speaking.
type Turn struct {
	Start     float64             `json:"start" doc:"Seconds from the start of the recording"`
	End       float64             `json:"end"`
	Speaker   string              `json:"speaker" enum:"customer,agent,unknown"`
	Channel   int                 `json:"channel"`
	Text      string              `json:"text"`
	Words     []Word              `json:"words"`
	Sentiment *SentimentWithWords `json:"sentiment"`
}

// Word is one word with its time, where the engine gives it.
type Word struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence" doc:"0 to 1; -1: the engine does not say"`
}

// SentimentWithWords is a score with the words that caused it.
type SentimentWithWords struct {
	_     struct{} `nullable:"true"`
	Score float64  `json:"score"`
	Label string   `json:"label" enum:"negative,neutral,positive"`
	Words []string `json:"words"`
}
