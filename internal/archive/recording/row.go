package recording

import (
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Row is a recording without anything personal: what jobs and counts need, and
// what costs no opening.
type Row struct {
	N           int64        `db:"n"`
	ID          id.Recording `db:"id"`
	Call        id.Call      `db:"call_id"`
	Source      id.Source    `db:"source"`
	ContentKey  id.Key       `db:"content_key"`
	CardKey     id.Key       `db:"card_key"`
	Card        []byte       `db:"card"`
	StartedAt   int64        `db:"started_at"`
	EndedAt     int64        `db:"ended_at"`
	Millis      int64        `db:"millis"`
	Direction   string       `db:"direction"`
	Queue       string       `db:"queue"`
	Disposition string       `db:"disposition"`
	Sound       string       `db:"sound"`
	Layout      string       `db:"layout"`
	Withheld    bool         `db:"withheld"`
	State       string       `db:"transcript_state"`
	Reason      string       `db:"transcript_reason"`
	Language    string       `db:"transcript_language"`
	Engine      string       `db:"transcript_engine"`
	Quality     string       `db:"transcript_quality"`
	Sentiment   *int64       `db:"sentiment"`
	Label       string       `db:"sentiment_label"`
	Bytes       int64        `db:"bytes"`
	CapturedAt  int64        `db:"captured_at"`
	VerifiedAt  *int64       `db:"verified_at"`
}

// columns are those of a Row.
const columns = `r.n, r.id, r.call_id, r.source, r.content_key, r.card_key, r.card, r.started_at, r.ended_at, r.millis, r.direction, r.queue,
	r.disposition, r.sound, r.layout, r.withheld, r.transcript_state, r.transcript_reason, r.transcript_language, r.transcript_engine,
	r.transcript_quality, r.sentiment, r.sentiment_label, r.bytes, r.captured_at, r.verified_at`

// Lookup finds a recording's row. A destroyed one is fault.Gone.
func (s *Service) Lookup(tx *place.Tx, rec id.Recording) (Row, error) {
	r, err := place.Row[Row](tx, `SELECT `+columns+` FROM recordings r WHERE r.id = ?`, rec)
	if !fault.Is(err, fault.NotFound) {
		return r, err
	}
	dead, err := place.Row[int](tx, `SELECT count(*) FROM tombstones WHERE id = ?`, rec)
	if err == nil && dead > 0 {
		return r, errGone
	}
	if err == nil {
		err = errMissing
	}
	return r, err
}

var (
	errGone    = fault.New(fault.Gone, "this recording was destroyed; nothing of it is left")
	errMissing = fault.New(fault.NotFound, "there is no such recording")
)

// recording is the row as lists show it; days is the retention.
func (r Row) recording(card Card, days *int64) Recording {
	rec := Recording{
		N: r.N, ID: r.ID, Call: r.Call, Source: r.Source,
		StartedAt: fromMillis(r.StartedAt), EndedAt: fromMillis(r.EndedAt), Length: time.Duration(r.Millis) * time.Millisecond,
		Direction: Direction(r.Direction), Queue: r.Queue, Disposition: Disposition(r.Disposition), Sound: SoundState(r.Sound),
		Layout: r.Layout, Withheld: r.Withheld, Bytes: r.Bytes, CapturedAt: fromMillis(r.CapturedAt), Card: card,
		Transcript: TranscriptState{State: r.State, Reason: r.Reason, Language: r.Language, Engine: r.Engine, Quality: r.Quality},
	}
	if r.Sentiment != nil {
		rec.Sentiment = &Sentiment{Milli: *r.Sentiment, Label: r.Label}
	}
	if r.VerifiedAt != nil {
		rec.VerifiedAt = fromMillis(*r.VerifiedAt)
	}
	if days != nil {
		due := dueAt(r.StartedAt, *days)
		rec.DueAt = &due
	}
	return rec
}

// sortKey is the value that a cursor carries.
func (r Row) sortKey(s Sort) int64 {
	switch sortColumns[s] {
	case "millis":
		return r.Millis
	case "sentiment":
		if r.Sentiment == nil {
			return 0
		}
		return *r.Sentiment
	default:
		return r.StartedAt
	}
}
