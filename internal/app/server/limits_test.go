package server_test

import (
	"testing"
	"time"

	"ringfence/demo"
	"ringfence/internal/app/apptest"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
)

// The seconds that an engine has heard are counted, reach the tree, and hold the
// next recording back once they are used up; raised, the next one is let in.
func TestEngineSecondsOfAQuota(t *testing.T) {
	w := integrate(t, nil)
	ctx, who, customer := t.Context(), actor.ForSystem("test"), w.place.Customer()
	quota := func(seconds int64) {
		apptest.No(t, w.s.Tree.SetQuota(ctx, who, customer, org.Quota{org.EngineSeconds: seconds}))
	}
	quota(5)
	if _, err := w.s.Speech.Set(ctx, w.place, who, speech.Change{Engine: speech.EngineBuiltin, Language: "en-GB"}); err != nil {
		t.Fatal(err)
	}
	sources, err := w.s.Recordings.Sources(ctx, w.place)
	apptest.No(t, err)
	calls, err := demo.Conversations()
	apptest.No(t, err)
	rt := &recordingtest.World{Store: w.s.Places, Place: w.place, Service: w.s.Recordings, Source: sources[0], Who: who}
	said := func(name string) id.Recording {
		for _, c := range calls {
			if c.Name == name {
				out, err := w.s.Recordings.Archive(ctx, w.place, who, rt.Item(t, name+".wav", c.Sound))
				apptest.No(t, err)
				return out.Recording
			}
		}
		t.Fatalf("the demo has no %s", name)
		return id.Recording{}
	}
	state := func(rec id.Recording) string {
		d, err := w.s.Recordings.Get(ctx, w.place, who, rec, recording.Everything)
		apptest.No(t, err)
		return d.Transcript.State
	}
	first := said("opening-hours")
	apptest.Eventually(t, time.Minute, "the first is heard", func() bool { return state(first) == recording.TranscriptDone })
	apptest.Eventually(t, 20*time.Second, "the tree knows of it", func() bool { return fault.Is(w.s.MayHear(ctx, w.place), fault.Limited) })
	second := said("between-desks")
	apptest.Eventually(t, 20*time.Second, "the second is put off", func() bool {
		var later int64
		apptest.No(t, w.place.View(ctx, func(tx *place.Tx) (err error) {
			later, err = place.Row[int64](tx, `SELECT count(*) FROM jobs WHERE kind = ? AND state = 'waiting' AND due_at > ?`,
				recording.JobTranscribe, time.Now().Add(10*time.Minute).UnixMilli())
			return err
		}))
		return later == 1
	})
	if got := state(second); got != recording.TranscriptWaiting {
		t.Errorf("the second is %s", got)
	}
	quota(1_000)
	if err := w.s.MayHear(ctx, w.place); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
