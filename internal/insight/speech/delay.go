package speech

import (
	"context"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// waitFor is how long a recording waits that may not be heard now.
const waitFor = 15 * time.Minute

// later puts a job off without counting it as a failed attempt: a customer's
// quota may be used up for weeks. What is our own fault stays one.
func (s *Service) later(ctx context.Context, p *place.Place, j job.Job, args recording.TranscribeArgs, why error) error {
	if fault.Is(why, fault.Internal) {
		return why
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify(place.Conditions)
		if err := j.Finish(tx); err != nil {
			return err
		}
		_, err := job.Enqueue(tx, j.Kind, args, job.Once(args.Recording.String()), job.At(tx.At().Add(waitFor)), job.Because(fault.Of(why).Text))
		return err
	})
}

// Delay is why a transcription waits and when it is tried again.
type Delay struct {
	Reason string
	Until  time.Time
}

// Delayed gives those of some recordings whose transcription has failed, or was
// put off, and will be tried again.
func (s *Service) Delayed(ctx context.Context, p *place.Place, recs ...id.Recording) (map[id.Recording]Delay, error) {
	all := map[id.Recording]Delay{}
	if len(recs) == 0 {
		return all, nil
	}
	keys := make([]string, len(recs))
	for i, rec := range recs {
		keys[i] = rec.String()
	}
	return all, p.View(ctx, func(tx *place.Tx) error {
		jobs, err := job.Delayed(tx, recording.JobTranscribe, keys...)
		for i, rec := range recs {
			if j, is := jobs[keys[i]]; is {
				all[rec] = Delay{j.Reason, time.UnixMilli(j.DueAt).UTC()}
			}
		}
		return err
	})
}
