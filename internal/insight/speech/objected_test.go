package speech_test

import (
	"strings"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"

	"ringfence/internal/insight/speech"
)

// What somebody who takes part objects to is not done: no engine is asked, no
// feeling is rated, no word can be searched for; what is only stored is not heard,
// and neither is what names were replaced in: they can still be said in its sound.
func TestObjectedProcessingIsNotDone(t *testing.T) {
	e := english("this is a terrible zebra")
	w := on(t, placetest.New(t, schemas()), e)
	var objected []string
	out, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.speech = speech.New(speech.Options{Recordings: w.Service, Egress: out, Builtin: e, Workers: 1, Objected: func(*place.Tx, int64) ([]string, error) { return objected, nil }})
	w.runner = job.NewRunner(w.Store, map[string]job.Kind{recording.JobTranscribe: w.speech.Kind()}, job.Options{})
	w.Service.OnDestroy(search.Remove)
	w.set(t, builtin)
	hear := func(what ...string) (recording.Row, bool) {
		objected = what
		before := e.asked.Load()
		rec := w.archive(t, id.New[id.File]().String()+".wav", 1, recording.Inbound)
		w.work(t, 0)
		return w.row(t, rec), e.asked.Load() > before
	}
	if row, heard := hear("transcription"); heard || row.State != recording.TranscriptNotTranscribed || !strings.Contains(row.Reason, "objected") {
		t.Errorf("%+v, heard %v", row, heard)
	}
	if row, heard := hear("sentiment", "search"); !heard || row.State != recording.TranscriptDone || row.Sentiment != nil || len(w.found(t, "zebra")) != 0 {
		t.Errorf("%+v, heard %v, found %v", row, heard, w.found(t, "zebra"))
	}
	if row, _ := hear(); row.State != recording.TranscriptDone || len(w.found(t, "zebra")) != 1 {
		t.Errorf("%+v: nobody objects", row)
	}
	for why, act := range map[string]func(*place.Tx, id.Recording) error{
		"only stored": func(tx *place.Tx, rec id.Recording) error {
			tx.Record(place.Event{Code: "request.restricted"})
			return w.Service.Restrict(tx, rec, id.New[id.PersonRequest]())
		},
		"replaced by pseudonyms": func(tx *place.Tx, rec id.Recording) error {
			tx.Record(place.Event{Code: "recording.pseudonymised"})
			_, err := tx.Exec(`INSERT INTO recording_pseudonymised (n, at) SELECT n, 1 FROM recordings WHERE id = ?`, rec)
			return err
		},
	} {
		rec := w.archive(t, why+".wav", 1, recording.Inbound)
		if err := w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error { return act(tx, rec) }); err != nil {
			t.Fatal(err)
		}
		before := e.asked.Load()
		w.work(t, 0)
		if row := w.row(t, rec); e.asked.Load() > before || row.State != recording.TranscriptNotTranscribed || !strings.Contains(row.Reason, why) {
			t.Errorf("%s: %+v", why, row)
		}
	}
}
