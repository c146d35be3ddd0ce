// Package sentiment rates what a customer said, from its words alone.
//
// The rating is VADER's (Hutto and Gilbert 2014, by the library govader) with
// three changes for telephone service: courtesy formulas are dropped, because
// "thank you for calling, how can I help" is no mood; words that are business
// here and feeling elsewhere ("interest", "credit", "energy") count for
// nothing; and plain complaints without a word of feeling ("still not
// delivered", "the third time") count for something.
//
// It is English, knows no sarcasm, and is as good as the transcript it reads: a
// rating of text from a draft-quality engine says little. The same text always
// gives the same rating. Nothing here may decide anything about a person; it
// sorts a list for somebody who then listens.
package sentiment

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/jonreiter/govader"
)

// Label is a rating in one word.
type Label string

// The labels.
const (
	Negative Label = "negative"
	Neutral  Label = "neutral"
	Positive Label = "positive"
)

// Threshold is the score from which a text is called positive, and its negative
// the one from which it is called negative. VADER's authors use 0.05; the
// formulas of service talk leave small scores that mean nothing.
const Threshold = 0.2

// longest is how many words are rated in one piece: VADER adds up, so that any
// long text would end at plus or minus one.
const longest = 40

// Weight is a word, or a few words that belong together, and what it did: how
// much lower or higher the score of its piece would be without it.
type Weight struct {
	Word   string
	Weight float64
}

// Rating is a score from -1 to 1, and the words that caused it, the strongest first.
type Rating struct {
	Score float64
	Label Label
	Words []Weight
}

// Analyzer rates. It is safe for use by several goroutines.
type Analyzer struct {
	vader   *govader.SentimentIntensityAnalyzer
	phrases map[string]bool // known word sequences, words joined by a space
	reach   int             // words in the longest of them
}

// New loads the dictionaries.
func New() *Analyzer {
	a := &Analyzer{vader: govader.NewSentimentIntensityAnalyzer(), phrases: map[string]bool{}}
	for _, w := range business {
		delete(a.vader.Lexicon, w)
	}
	for text, valence := range domain {
		a.learn(text, valence)
	}
	for _, text := range courtesy {
		a.learn(text, 0)
	}
	return a
}

func (a *Analyzer) learn(text string, valence float64) {
	words := strings.Fields(text)
	token := strings.Join(words, "_")
	if valence == 0 {
		delete(a.vader.Lexicon, token)
	} else {
		a.vader.Lexicon[token] = valence
	}
	if len(words) > 1 {
		a.phrases[text] = true
		a.reach = max(a.reach, len(words))
	}
}

// Turn rates what one person said at a time.
func (a *Analyzer) Turn(text string) Rating {
	tokens := a.tokens(text)
	if len(tokens) <= longest {
		return a.piece(tokens)
	}
	var pieces []Rating
	for part := range slices.Chunk(tokens, longest) {
		pieces = append(pieces, a.piece(part))
	}
	return together(pieces)
}

// Call rates a conversation from the ratings of its turns, usually only those
// of the customer.
func (a *Analyzer) Call(turns []Rating) Rating { return together(turns) }

// together is the mean, in which a piece that says nothing either way counts a
// quarter: "my number is four seven two" must not dilute a complaint, and yet
// one sharp word in a long friendly call must not name it.
func together(parts []Rating) Rating {
	var sum, weights float64
	byWord := map[string]float64{}
	for _, p := range parts {
		w := 1.0
		if math.Abs(p.Score) < 0.05 {
			w = 0.25
		}
		sum += w * p.Score
		weights += w
		for _, x := range p.Words {
			byWord[x.Word] += x.Weight
		}
	}
	if weights == 0 {
		return rated(0, nil)
	}
	words := make([]Weight, 0, len(byWord))
	for w, x := range byWord {
		words = append(words, Weight{w, round(x)})
	}
	return rated(sum/weights, words)
}

// piece rates a few tokens. What each word did is found by leaving it out, so
// that negation ("not happy") and emphasis ("very") are in its weight.
func (a *Analyzer) piece(tokens []string) Rating {
	score := a.score(tokens)
	var words []Weight
	for i, t := range tokens {
		if a.vader.Lexicon[t] == 0 {
			continue
		}
		without := slices.Clone(tokens)
		without[i] = "…"
		if w := round(score - a.score(without)); w != 0 {
			words = append(words, Weight{strings.ReplaceAll(t, "_", " "), w})
		}
	}
	return rated(score, merge(words))
}

func (a *Analyzer) score(tokens []string) float64 {
	if len(tokens) == 0 {
		return 0
	}
	return a.vader.PolarityScores(strings.Join(tokens, " ")).Compound
}

// merge adds up a word that was said twice.
func merge(words []Weight) []Weight {
	var out []Weight
	for _, w := range words {
		if i := slices.IndexFunc(out, func(o Weight) bool { return o.Word == w.Word }); i >= 0 {
			out[i].Weight = round(out[i].Weight + w.Weight)
		} else {
			out = append(out, w)
		}
	}
	return out
}

// rated names a score and sorts its words; equal weights by spelling, so that
// the same text always gives the same list.
func rated(score float64, words []Weight) Rating {
	slices.SortFunc(words, func(x, y Weight) int {
		return cmp.Or(cmp.Compare(math.Abs(y.Weight), math.Abs(x.Weight)), strings.Compare(x.Word, y.Word))
	})
	r := Rating{Score: round(score), Label: Neutral, Words: words}
	switch {
	case r.Score >= Threshold:
		r.Label = Positive
	case r.Score <= -Threshold:
		r.Label = Negative
	}
	return r
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// tokens splits a text into words in lower case without punctuation, and joins
// those that are known as phrases; the longest phrase wins.
func (a *Analyzer) tokens(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(text, "’", "'")), func(r rune) bool {
		return r != '\'' && r != '-' && !letterOrDigit(r)
	})
	words = spoken(words)
	var out []string
	for i := 0; i < len(words); {
		n := 1
		for k := min(a.reach, len(words)-i); k > 1; k-- {
			if a.phrases[strings.Join(words[i:i+k], " ")] {
				n = k
				break
			}
		}
		out = append(out, strings.Join(words[i:i+n], "_"))
		i += n
	}
	return out
}

// spoken evens out two ways of saying the same.
func spoken(words []string) []string {
	var out []string
	for i, w := range words {
		if full, ok := short[w]; ok {
			out = append(out, full...)
			continue
		}
		if w == "not" && i > 0 && words[i-1] == "can" {
			out[len(out)-1] = "cannot"
			continue
		}
		out = append(out, strings.Trim(w, "'-"))
	}
	return slices.DeleteFunc(out, func(w string) bool { return w == "" })
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127
}
