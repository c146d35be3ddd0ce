package recording

import (
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/platform/place"
)

// Filter says which recordings are wanted. What is empty does not filter.
type Filter struct {
	From, To             time.Time // of the sound's start: From counts, To does not
	Number               string    // of any party, in E.164 or as dialled in a source's country
	Extension            string
	Queue                string
	Direction            Direction
	MinLength, MaxLength time.Duration
	Sentiment            string // negative, neutral, positive
	State                string // complete, truncated, partial; or a transcript's: none, waiting, working, done, failed, not-transcribed
	Source               id.Source
	Words                Matcher // nil: any
	Also                 []Condition
	Scope                Scope
}

// Matcher gives an SQL condition on a column of row numbers. How it is best
// written depends on how many match, which only the matcher knows.
type Matcher func(tx *place.Tx, column string) (condition string, args []any, err error)

// few is up to how many rows a condition may leave to be used to find
// recordings by; beyond that, lists walk in their order and test each row,
// which then fits soon enough.
var few = 1000

// where is a filter as SQL. hits, if any, is a query for the row numbers that
// can fit at all.
type where struct {
	hits       string
	hitArgs    []any
	text       string
	args       []any
	tx         *place.Tx
	impossible bool // nothing can fit
	inTime     bool // the list is sorted by time
	walk       bool // it walks the calls of one party
}

func (w *where) and(text string, args ...any) {
	w.text += " AND " + text
	w.args = append(w.args, args...)
}

// narrow uses a query for row numbers as the way to find recordings, unless
// another is used already.
func (w *where) narrow(query string, args ...any) bool {
	if w.hits != "" || w.walk {
		return false
	}
	w.hits, w.hitArgs = query, args
	return true
}

// time is the column of the start in the table that is walked.
func (w *where) time() string {
	if w.walk {
		return "p.started_at"
	}
	return "r.started_at"
}

var (
	sounds      = []string{string(Complete), string(Truncated), string(Partial), string(SoundRemoved)}
	transcripts = []string{TranscriptNone, TranscriptWaiting, TranscriptWorking, TranscriptDone, TranscriptFailed, TranscriptNotTranscribed}
	labels      = []string{"negative", "neutral", "positive"}
)

// compile turns a filter into SQL, asking the database how common things are.
func (f Filter) compile(tx *place.Tx, sort Sort) (*where, error) {
	w := &where{tx: tx, inTime: sortColumns[sort] == "started_at"}
	if f.Words != nil {
		text, args, err := f.Words(tx, "r.n")
		if err != nil {
			return nil, err
		}
		w.and(`(`+text+`)`, args...)
	}
	for _, fn := range f.Also {
		text, args, err := fn(tx)
		if err != nil {
			return nil, err
		}
		w.and(`(`+text+`)`, args...)
	}
	if err := f.parties(w); err != nil {
		return nil, err
	}
	if err := f.length(w); err != nil {
		return nil, err
	}
	if !f.From.IsZero() {
		w.and(w.time()+` >= ?`, millis(f.From))
	}
	if !f.To.IsZero() {
		w.and(w.time()+` < ?`, millis(f.To))
	}
	if err := f.queue(w); err != nil {
		return nil, err
	}
	if f.Direction != "" {
		w.and(`r.direction = ?`, string(f.Direction))
	}
	if !f.Source.IsZero() {
		w.and(`r.source = ?`, f.Source)
	}
	if f.Sentiment != "" {
		if !slices.Contains(labels, f.Sentiment) {
			return nil, fault.Field("query.sentiment", "must be negative, neutral or positive")
		}
		w.and(`r.sentiment_label = ?`, f.Sentiment)
	}
	return w, f.state(w)
}

// queue filters by queue. Its recordings lie in the order of time; sorted
// otherwise, a large queue is tested row by row, not sorted whole.
func (f Filter) queue(w *where) error {
	if f.Queue == "" {
		return nil
	}
	if w.inTime {
		w.and(`r.queue = ?`, f.Queue)
		return nil
	}
	n, err := place.Row[int](w.tx, `SELECT count(*) FROM (SELECT 1 FROM recordings WHERE queue = ? LIMIT ?) AS found`, f.Queue, few+1)
	if err != nil {
		return err
	}
	if n > few || !w.narrow(`SELECT n FROM recordings WHERE queue = ?`, f.Queue) {
		w.and(`(r.queue || '') = ?`, f.Queue)
	}
	return nil
}

func (f Filter) state(w *where) error {
	switch {
	case f.State == "":
	case slices.Contains(sounds, f.State):
		w.and(`r.sound = ?`, f.State)
	case f.State == TranscriptDone:
		w.and(`r.transcript_state = ?`, f.State)
	case slices.Contains(transcripts, f.State):
		w.and(`r.transcript_state = ? AND r.transcript_state <> 'done'`, f.State)
	default:
		return fault.Field("query.state", "must be complete, truncated, partial, removed, none, waiting, working, done, failed or not-transcribed")
	}
	return nil
}

// parties filters by who took part.
func (f Filter) parties(w *where) error {
	if f.Number != "" {
		forms, err := numberForms(w.tx, f.Number)
		if err != nil {
			return err
		}
		if err := w.party(place.FieldNumber, forms); err != nil {
			return err
		}
	}
	if f.Extension != "" {
		if err := w.party(place.FieldExtension, []string{f.Extension}); err != nil {
			return err
		}
	}
	return w.restrict(f.Scope)
}

// party asks for recordings in which one of the values took part.
func (w *where) party(field place.Field, values []string) error {
	var tokens [][]byte
	total := 0
	for _, v := range values {
		t, err := w.tx.Blind(field, v)
		if err != nil {
			return err
		}
		n, err := place.Row[int](w.tx, `SELECT count(*) FROM (SELECT 1 FROM parties WHERE token = ? LIMIT ?) AS found`, t, few+1)
		if err != nil {
			return err
		}
		if n > 0 {
			tokens, total = append(tokens, t), total+n
		}
	}
	switch {
	case total == 0:
		w.impossible = true
	case total <= few && w.narrow(`SELECT DISTINCT n FROM parties WHERE token IN (?)`, place.List(tokens)):
	case len(tokens) == 1 && w.inTime && w.hits == "" && !w.walk:
		// The calls of one party lie in the order of time.
		w.walk = true
		w.and(`p.token = ? AND r.n = p.n`, tokens[0])
	default:
		w.and(`EXISTS (SELECT 1 FROM parties q WHERE q.token IN (?) AND q.started_at = r.started_at AND q.n = r.n)`, place.List(tokens))
	}
	return nil
}

// length filters by how long the sound is.
func (f Filter) length(w *where) error {
	if f.MinLength <= 0 && f.MaxLength <= 0 {
		return nil
	}
	low, high := f.MinLength.Milliseconds(), f.MaxLength.Milliseconds()
	if f.MaxLength <= 0 {
		high = 1 << 53
	}
	if high < low {
		return fault.Field("query.max_seconds", "is less than min_seconds")
	}
	n, err := place.Row[int](w.tx, `SELECT count(*) FROM (SELECT 1 FROM recordings WHERE millis BETWEEN ? AND ? LIMIT ?) AS found`, low, high, few+1)
	if err != nil {
		return err
	}
	if n <= few && w.narrow(`SELECT n FROM recordings WHERE millis BETWEEN ? AND ?`, low, high) {
		return nil
	}
	// The plus keeps both engines from finding half of all recordings by their length, and sorting them.
	w.and(`+r.millis BETWEEN ? AND ?`, low, high)
	return nil
}

// numberForms are what a number that somebody types may have been read as: it
// is read in the country of each source, as partyTokens reads them.
func numberForms(tx *place.Tx, number string) ([]string, error) {
	countries, err := place.Rows[string](tx, `SELECT DISTINCT country FROM sources`)
	if err != nil {
		return nil, err
	}
	forms := []string{number}
	for _, c := range append(countries, "") {
		n := phone.Read(number, c).Text
		if n != "" && !slices.Contains(forms, n) {
			forms = append(forms, n)
		}
	}
	return forms, nil
}
