package speech

import (
	"math"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/insight/sentiment"
)

// Transcript is what was said, as it is sealed and as the API gives it.
type Transcript struct {
	Language  string  `json:"language"`
	Engine    string  `json:"engine"`
	Model     string  `json:"model"`
	Quality   Quality `json:"quality"`
	Note      string  `json:"note"`     // what the reader should know
	Speakers  bool    `json:"speakers"` // whether turns are told apart by speaker
	Turns     []Turn  `json:"turns"`
	Sentiment *Rating `json:"sentiment"` // of the customer, or of a conversation whose speakers cannot be told apart
}

// Turn is one person speaking. Times are seconds from the start of the recording.
type Turn struct {
	Start     float64     `json:"start"`
	End       float64     `json:"end"`
	Speaker   Speaker     `json:"speaker"`
	Channel   int         `json:"channel"`
	Text      string      `json:"text"`
	Words     []TimedWord `json:"words"`
	Sentiment *Rating     `json:"sentiment"` // of customers' turns
}

// TimedWord is a word with its time in seconds.
type TimedWord struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"` // 0 to 1; -1: the engine does not say
}

// Rating is a sentiment with the words that caused it.
type Rating struct {
	Score   float64         `json:"score"`
	Label   sentiment.Label `json:"label"`
	Words   []string        `json:"words"`
	Weights []float64       `json:"weights"` // of the words: how far each moved its score
}

// Speaker is who speaks in a channel.
type Speaker string

// The speakers.
const (
	Customer    Speaker = "customer"
	Agent       Speaker = "agent"
	UnknownRole Speaker = "unknown"
)

const (
	turnGap     = 1500 * time.Millisecond // a longer pause begins a new turn
	longestTurn = 45 * time.Second
)

// notes that a transcript may carry.
const (
	noteMix      = "The recording has both parties in one channel: turns are not told apart by speaker, and the sentiment is that of the conversation."
	noteLanguage = "Sentiment is rated for English only."
	noteDraft    = "Draft quality: many words may be wrong."
)

// merge puts the utterances of all channels in the order of time and joins what
// one speaker says without being interrupted.
func merge(all []Utterance, speakers []Speaker) []Turn {
	slices.SortStableFunc(all, func(a, b Utterance) int {
		if a.Start != b.Start {
			return int(min(max(a.Start-b.Start, -1), 1))
		}
		return a.Channel - b.Channel
	})
	turns := []Turn{}
	for _, u := range all {
		next := Turn{
			Start: recording.Seconds(u.Start), End: recording.Seconds(u.End), Speaker: speakers[u.Channel], Channel: u.Channel, Text: u.Text, Words: []TimedWord{},
		}
		for _, w := range u.Words {
			next.Words = append(next.Words, TimedWord{w.Text, recording.Seconds(w.Start), recording.Seconds(w.End), math.Round(w.Confidence*1000) / 1000})
		}
		if n := len(turns); n > 0 && joins(turns[n-1], next) {
			last := &turns[n-1]
			last.End = max(last.End, next.End)
			last.Text += " " + next.Text
			last.Words = append(last.Words, next.Words...)
			continue
		}
		turns = append(turns, next)
	}
	return turns
}

func joins(last, next Turn) bool {
	return last.Channel == next.Channel && next.Start-last.End < turnGap.Seconds() && next.End-last.Start <= longestTurn.Seconds()
}

// rate rates the customer's turns and the call; of a conversation whose
// customer is not told apart, the whole. It knows English only.
func (t *Transcript) rate(a *sentiment.Analyzer) {
	if base, _, _ := strings.Cut(strings.ToLower(t.Language), "-"); base != "en" {
		t.addNote(noteLanguage)
		return
	}
	var ratings []sentiment.Rating
	whole := !slices.ContainsFunc(t.Turns, func(u Turn) bool { return u.Speaker == Customer })
	if whole && slices.ContainsFunc(t.Turns, func(u Turn) bool { return u.Speaker == Agent }) {
		return // only agents are heard: their courtesy is no mood of a customer
	}
	for i := range t.Turns {
		u := &t.Turns[i]
		if !whole && u.Speaker != Customer {
			continue
		}
		r := a.Turn(u.Text)
		ratings = append(ratings, r)
		if !whole {
			u.Sentiment = shown(r)
		}
	}
	if len(ratings) > 0 {
		t.Sentiment = shown(a.Call(ratings))
	}
}

func shown(r sentiment.Rating) *Rating {
	s := &Rating{Score: r.Score, Label: r.Label, Words: []string{}, Weights: []float64{}}
	for _, w := range r.Words {
		s.Words = append(s.Words, w.Word)
		s.Weights = append(s.Weights, w.Weight)
	}
	return s
}

func (t *Transcript) addNote(n string) { t.Note = strings.TrimSpace(t.Note + " " + n) }

// said are the texts for search.
func (t *Transcript) said() []string {
	texts := make([]string, len(t.Turns))
	for i, u := range t.Turns {
		texts[i] = u.Text
	}
	return texts
}
