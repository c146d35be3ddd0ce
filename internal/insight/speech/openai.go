package speech

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// OpenAI is any server that speaks OpenAI's transcription interface: OpenAI
// itself, vLLM, speaches, LocalAI, whisper.cpp. Where the address ends in
// /transcriptions or /inference it is taken as it is; else it is the base, as
// OpenAI's own https://api.openai.com/v1.
type OpenAI struct{ Remote }

// Abilities implements Engine. Models that give no times hear short pieces, so
// that the text still stands at about the right place.
func (e OpenAI) Abilities() Abilities {
	longest := 10 * time.Minute // 19 MB at 16 kHz; OpenAI takes 25 MB
	if e.textOnly() {
		longest = 30 * time.Second
	}
	return Abilities{
		Name: "openai", Model: e.Model, Quality: Standard, OffHost: !onHost(e.URL), Longest: longest,
		Language: func(tag string) (string, string) {
			base, _, _ := strings.Cut(strings.ToLower(tag), "-")
			if strings.Contains(whisperLanguages, " "+base+" ") {
				return base, ""
			}
			return "", "the models of this interface do not know the language " + tag
		},
	}
}

// whisperLanguages are those that OpenAI's models are said to know (ISO 639-1).
const whisperLanguages = ` af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it
 ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg
 th tk tl tr tt uk ur uz vi yi yo yue zh `

// textOnly tells the models that refuse verbose_json.
func (e OpenAI) textOnly() bool {
	return strings.HasPrefix(e.Model, "gpt-")
}

// Check implements Engine.
func (e OpenAI) Check(context.Context) error {
	if e.URL == "" {
		return &Refusal{"the address of the speech server is not set"}
	}
	if e.Model == "" && !strings.HasSuffix(strings.TrimRight(e.URL, "/"), "/inference") {
		return &Refusal{"the model is not set; OpenAI's own is whisper-1"}
	}
	return nil
}

func (e OpenAI) address() string {
	u := strings.TrimRight(e.URL, "/")
	if strings.HasSuffix(u, "/transcriptions") || strings.HasSuffix(u, "/inference") {
		return u
	}
	return u + "/audio/transcriptions"
}

// Transcribe implements Engine.
func (e OpenAI) Transcribe(ctx context.Context, s Session, p Piece) ([]Utterance, error) {
	f := newForm()
	f.field("model", e.Model)
	f.field("language", s.Language)
	f.field("temperature", "0")
	if e.textOnly() {
		f.field("response_format", "json")
	} else {
		f.field("response_format", "verbose_json")
		f.field("timestamp_granularities[]", "segment")
		f.field("timestamp_granularities[]", "word")
	}
	f.part("file", "call.wav", "audio/wav", wav(p))
	header := http.Header{}
	if e.Key != "" {
		header.Set("Authorization", "Bearer "+e.Key)
	}
	body, err := e.post(ctx, s, "openai", e.address(), header, f, answerTime(p))
	if err != nil {
		return nil, err
	}
	return openaiAnswer(body, p)
}

// openaiResult is verbose_json with all the ways in which servers write it.
type openaiResult struct {
	Text     *string         `json:"text"`
	Segments []openaiSegment `json:"segments"`
	Words    []openaiWord    `json:"words"`
}

type openaiSegment struct {
	Start        number       `json:"start"`
	End          number       `json:"end"`
	Text         string       `json:"text"`
	NoSpeechProb number       `json:"no_speech_prob"`
	Words        []openaiWord `json:"words"` // whisper.cpp puts them here
}

type openaiWord struct {
	Word        string  `json:"word"`
	Start       number  `json:"start"`
	End         number  `json:"end"`
	Probability *number `json:"probability"`
}

// number is a number that some servers write as a string.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.ErrSyntax
	}
	*n = number(v)
	return nil
}

func openaiAnswer(body []byte, p Piece) ([]Utterance, error) {
	var r openaiResult
	if err := json.Unmarshal(body, &r); err != nil || r.Text == nil && r.Segments == nil {
		return nil, later(err, 0, "the speech server answered with something that is no transcript")
	}
	if len(r.Segments) == 0 {
		return openaiText(r, p), nil
	}
	var all []Utterance
	words := r.Words
	for _, s := range r.Segments {
		u := Utterance{Start: secondsOf(float64(s.Start), p), End: secondsOf(float64(s.End), p), Text: strings.TrimSpace(s.Text)}
		u.End = max(u.End, u.Start)
		// Words that whisper dreams up where nobody speaks are its best-known fault.
		if u.Text == "" || s.NoSpeechProb > 0.8 && silent(p, u) {
			continue
		}
		if len(s.Words) > 0 {
			u.Words = openaiWords(s.Words, p)
		} else {
			var mine []openaiWord
			for len(words) > 0 && (words[0].Start+words[0].End)/2 < s.End {
				mine, words = append(mine, words[0]), words[1:]
			}
			u.Words = openaiWords(mine, p)
		}
		all = append(all, u)
	}
	return all, nil
}

// openaiText is an answer without segments: all of the piece is one utterance.
func openaiText(r openaiResult, p Piece) []Utterance {
	text := ""
	if r.Text != nil {
		text = strings.TrimSpace(*r.Text)
	}
	if text == "" {
		return nil
	}
	u := Utterance{Text: text, End: p.total(), Words: openaiWords(r.Words, p)}
	if len(p.Speech) > 0 && len(p.Speech[0]) > 0 {
		spans := p.Speech[0]
		u.Start, u.End = p.length(spans[0].From), p.length(spans[len(spans)-1].To)
	}
	return []Utterance{u}
}

func openaiWords(in []openaiWord, p Piece) []Word {
	var out []Word
	for _, w := range in {
		text := strings.TrimSpace(w.Word)
		if text == "" || strings.HasPrefix(text, "[_") { // [_BEG_] and the like of whisper.cpp
			continue
		}
		c := float64(Unknown)
		if w.Probability != nil {
			c = max(0, min(float64(*w.Probability), 1))
		}
		start := secondsOf(float64(w.Start), p)
		out = append(out, Word{text, start, max(start, secondsOf(float64(w.End), p)), c})
	}
	return out
}

// silent tells that no channel has speech during an utterance.
func silent(p Piece, u Utterance) bool {
	for _, spans := range p.Speech {
		for _, s := range spans {
			if p.length(s.From) < u.End && u.Start < p.length(s.To) {
				return false
			}
		}
	}
	return true
}
