package recording

import (
	"encoding/json"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Fill writes recordings straight into the rows, as the benchmark of a million
// wants them: cards that open, parties that are found, but no sound. The n of
// each is its place in the list plus first.
func Fill(tx *place.Tx, first int64, card secret.Key, all []Recording, keys [2]id.Key) error {
	r := newRows()
	for i, rec := range all {
		text, err := json.Marshal(rec.Card)
		if err != nil {
			return err
		}
		n, at := first+int64(i), millis(rec.StartedAt)
		closed := sealed.Field(card, cardAAD(tx.Place().Customer(), rec.ID), text)
		r.recordings.add(n, rec.ID, rec.Call, rec.Source, rec.ID[:], keys[0], keys[1], closed, at, at+rec.Length.Milliseconds(), rec.Length.Milliseconds(),
			string(rec.Direction), rec.Queue, string(rec.Disposition), string(rec.Sound), rec.Layout, false, TranscriptDone, "", "en", "test", "draft",
			rec.Sentiment.Label, rec.Bytes, at, id.New[id.Receipt]())
		tokens, err := partyTokens(tx, "GB", rec.Card.Call)
		if err != nil {
			return err
		}
		for _, token := range tokens {
			r.parties.add(token, at, n)
		}
	}
	if err := r.recordings.flush(tx); err != nil {
		return err
	}
	return r.parties.flush(tx)
}

// SetFew lets tests reach, with few rows, the ways that lists go in places with
// many.
func SetFew(n int) (undo func()) {
	old := few
	few = n
	return func() { few = old }
}

// BareList is the SQL of a page of the list, without opening its cards.
func BareList(tx *place.Tx, f Filter, limit int) (int, error) {
	rows, err := listRows(tx, f, PageAsk{Sort: Newest, Limit: limit}, nil)
	return len(rows), err
}
