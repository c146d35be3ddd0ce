package redaction

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/insight/pii"
	"ringfence/internal/insight/speech"
)

// Stretch is a part that is to be taken out, and what it is.
type Stretch struct {
	From, To time.Duration
	Channel  int        // from 0; recording.EveryChannel
	Entity   pii.Entity // what stands for its words; empty: REDACTED
}

func (s Stretch) label() string {
	if s.Entity == "" {
		return "[REDACTED]"
	}
	return "[" + string(s.Entity) + "]"
}

// Turns are the turns of a transcript as the detector reads them. Words without
// times of their own lie evenly within their turn.
func Turns(t *speech.Transcript) []pii.Turn {
	out := make([]pii.Turn, len(t.Turns))
	for i, u := range t.Turns {
		if t.Speakers {
			out[i].Speaker = string(u.Speaker)
		}
		for _, w := range Timed(u) {
			out[i].Words = append(out[i].Words, pii.Word{Text: w.Text, Start: w.Start, End: w.End, Confidence: w.Confidence})
		}
	}
	return out
}

// Timed are the words of a turn with times, be they guessed.
func Timed(u speech.Turn) []speech.TimedWord {
	if len(u.Words) > 0 {
		return u.Words
	}
	texts := strings.Fields(u.Text)
	out := make([]speech.TimedWord, len(texts))
	step := (u.End - u.Start) / float64(max(1, len(texts)))
	for i, x := range texts {
		at := u.Start + float64(i)*step
		out[i] = speech.TimedWord{Text: x, Start: at, End: at + step, Confidence: -1}
	}
	return out
}

// cut takes the words of stretches out of a transcript; how many words went.
func cut(t *speech.Transcript, stretches []Stretch) (gone int) {
	for i := range t.Turns {
		u := &t.Turns[i]
		words, out, last, n := Timed(*u), []speech.TimedWord{}, -1, 0
		for _, w := range words {
			k := slices.IndexFunc(stretches, func(s Stretch) bool { return s.covers(w, u.Channel) })
			if k < 0 {
				out, last = append(out, w), -1
				continue
			}
			n++
			if k == last {
				out[len(out)-1].End = w.End
				continue
			}
			out, last = append(out, speech.TimedWord{Text: stretches[k].label(), Start: w.Start, End: w.End, Confidence: 1}), k
		}
		if n == 0 {
			continue
		}
		gone += n
		texts := make([]string, len(out))
		for j, w := range out {
			texts[j] = w.Text
		}
		u.Words, u.Text = out, strings.Join(texts, " ")
		if u.Sentiment != nil { // the words that moved the score may be among those that went
			u.Sentiment.Words, u.Sentiment.Weights = []string{}, []float64{}
		}
	}
	if gone > 0 && t.Sentiment != nil {
		t.Sentiment.Words, t.Sentiment.Weights = []string{}, []float64{}
	}
	return gone
}

// covers reports whether any of a word is in the stretch: half a digit is a digit.
func (s Stretch) covers(w speech.TimedWord, channel int) bool {
	return (s.Channel == recording.EveryChannel || s.Channel == channel) && w.Start < s.To.Seconds() && w.End > s.From.Seconds()
}

// Searchable are the texts for search: what stands for words is no word.
func Searchable(t *speech.Transcript) []string {
	out := make([]string, len(t.Turns))
	for i, u := range t.Turns {
		var words []string
		for _, w := range strings.Fields(u.Text) {
			if !strings.HasPrefix(w, "[") || !strings.HasSuffix(w, "]") {
				words = append(words, w)
			}
		}
		out[i] = strings.Join(words, " ")
	}
	return out
}

func parse(text []byte) (*speech.Transcript, error) {
	t := &speech.Transcript{}
	return t, json.Unmarshal(text, t)
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
