package speech

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Azure is the fast transcription of Azure AI Speech. Its address is that of
// the resource, such as https://name.cognitiveservices.azure.com.
type Azure struct{ Remote }

// azureVersion is the version of the interface that these shapes follow.
const azureVersion = "2025-10-15"

// Abilities implements Engine. Both channels go in one request. Which locales
// there are is Azure's to say: it refuses others by name.
func (e Azure) Abilities() Abilities {
	return Abilities{
		Name: "azure", Model: "fast transcription", Quality: Standard, OffHost: !onHost(e.URL), Stereo: true, Longest: 10 * time.Minute,
		Language: func(tag string) (string, string) {
			if base, region, ok := strings.Cut(tag, "-"); ok && len(base) >= 2 && len(region) >= 2 {
				return tag, ""
			}
			return "", "Azure wants the language with its region, such as en-GB"
		},
	}
}

// Check implements Engine.
func (e Azure) Check(context.Context) error {
	switch {
	case e.URL == "":
		return &Refusal{"the address of the Azure resource is not set"}
	case e.Key == "":
		return &Refusal{"the key of the Azure resource is not set"}
	default:
		return nil
	}
}

// azureDefinition says what is sent and how it is to be heard.
type azureDefinition struct {
	Locales   []string `json:"locales"`
	Profanity string   `json:"profanityFilterMode"`
	Channels  []int    `json:"channels,omitempty"`
}

// azureResult is the answer. Times are in milliseconds.
type azureResult struct {
	Phrases *[]struct {
		Channel    int         `json:"channel"`
		Offset     float64     `json:"offsetMilliseconds"`
		Duration   float64     `json:"durationMilliseconds"`
		Text       string      `json:"text"`
		Confidence *float64    `json:"confidence"`
		Words      []azureWord `json:"words"`
	} `json:"phrases"`
}

type azureWord struct {
	Text     string  `json:"text"`
	Offset   float64 `json:"offsetMilliseconds"`
	Duration float64 `json:"durationMilliseconds"`
}

// Transcribe implements Engine.
func (e Azure) Transcribe(ctx context.Context, s Session, p Piece) ([]Utterance, error) {
	d := azureDefinition{Locales: []string{s.Language}, Profanity: "None"}
	if len(p.Channels) > 1 {
		for c := range p.Channels {
			d.Channels = append(d.Channels, c)
		}
	}
	definition, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	f := newForm()
	f.part("audio", "call.wav", "audio/wav", wav(p)) // without a file name Azure finds no sound
	f.part("definition", "", "application/json", definition)
	header := http.Header{"Ocp-Apim-Subscription-Key": {e.Key}}
	address := strings.TrimRight(e.URL, "/") + "/speechtotext/transcriptions:transcribe?api-version=" + azureVersion
	body, err := e.post(ctx, s, "azure", address, header, f, answerTime(p))
	if err != nil {
		return nil, err
	}
	return azureAnswer(body, p)
}

func azureAnswer(body []byte, p Piece) ([]Utterance, error) {
	var r azureResult
	if err := json.Unmarshal(body, &r); err != nil || r.Phrases == nil {
		return nil, later(err, 0, "the speech server answered with something that is no transcript")
	}
	var all []Utterance
	for _, ph := range *r.Phrases {
		if ph.Channel < 0 || ph.Channel >= len(p.Channels) {
			return nil, later(nil, 0, "the speech server answered for a channel that it was not given")
		}
		text := strings.TrimSpace(ph.Text)
		if text == "" {
			continue
		}
		u := Utterance{Channel: ph.Channel, Text: text, Start: secondsOf(ph.Offset/1000, p), End: secondsOf((ph.Offset+ph.Duration)/1000, p)}
		u.End = max(u.End, u.Start)
		// Azure is sure of phrases, not of words: each word carries its phrase's confidence.
		confidence := float64(Unknown)
		if ph.Confidence != nil {
			confidence = max(0, min(*ph.Confidence, 1))
		}
		for _, w := range ph.Words {
			start := secondsOf(w.Offset/1000, p)
			u.Words = append(u.Words, Word{w.Text, start, max(start, secondsOf((w.Offset+w.Duration)/1000, p)), confidence})
		}
		all = append(all, u)
	}
	return all, nil
}
