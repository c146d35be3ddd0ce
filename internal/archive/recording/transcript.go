package recording

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Transcribed is what is known once a recording was transcribed, or could not be.
type Transcribed struct {
	State     TranscriptState
	JSON      []byte     // the transcript; nil: none
	Sentiment *Sentiment // of the call; nil: not rated
}

// Transcript gives the transcript as it was saved; fault.NotFound if there is
// none. Reading it takes an opening, as listening does.
func (o *Opening) Transcript(ctx context.Context) ([]byte, error) {
	return o.attached(ctx, transcript)
}

// SaveTranscript seals a transcript under the content key that the opening
// holds, in the place of an earlier one. then writes what else belongs to it
// (search words) in the same Change.
func (s *Service) SaveTranscript(ctx context.Context, o *Opening, t Transcribed, then func(tx *place.Tx, n int64) error) error {
	if len(t.JSON) == 0 {
		return fault.New(fault.Invalid, "there is no transcript to save; use SetTranscriptState")
	}
	return o.attach(ctx, transcript, t.JSON, func(tx *place.Tx) error {
		if err := setTranscript(tx, o.N, t); err != nil {
			return err
		}
		if then != nil {
			return then(tx, o.N)
		}
		return nil
	})
}

// SetTranscriptState notes that a transcript is on its way, or why there is
// none. An earlier transcript stays as it is.
func (s *Service) SetTranscriptState(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, state TranscriptState) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, rec)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "transcript.state-changed", Subject: rec.String(), Facts: map[string]string{
			"state": state.State, "reason": state.Reason, "engine": state.Engine,
		}})
		tx.Notify(Topic)
		_, err = tx.Exec(`UPDATE recordings SET transcript_state = ?, transcript_reason = ?, transcript_language = ?, transcript_engine = ?,
			transcript_quality = ? WHERE n = ?`, state.State, state.Reason, state.Language, state.Engine, state.Quality, row.N)
		return err
	})
}

func setTranscript(tx *place.Tx, n int64, t Transcribed) error {
	var milli *int64
	label := ""
	if t.Sentiment != nil {
		milli, label = &t.Sentiment.Milli, t.Sentiment.Label
	}
	tx.Notify(Topic)
	_, err := tx.Exec(`UPDATE recordings SET transcript_state = ?, transcript_reason = ?, transcript_language = ?, transcript_engine = ?,
		transcript_quality = ?, sentiment = ?, sentiment_label = ? WHERE n = ?`,
		t.State.State, t.State.Reason, t.State.Language, t.State.Engine, t.State.Quality, milli, label, n)
	return err
}
