package speech

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/sentiment"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Purpose is what the openings of this package give as theirs.
const Purpose = "transcription"

// Options are what a Service stands on.
type Options struct {
	Recordings *recording.Service
	Egress     *egress.Client
	Builtin    Engine       // nil: PocketSphinx where Debian puts it
	Workers    int          // pieces heard at a time, over all customers; 0: one per processor
	Log        *slog.Logger // nil: silent
	// Admit is asked before a recording is heard; while it fails, recordings wait
	// and none is given up for it. nil: everything may be heard.
	Admit func(ctx context.Context, p *place.Place) error
	// Heard is told, in the Change that keeps a transcript, of which recording and
	// how much sound an engine was given. nil: nobody is.
	Heard func(tx *place.Tx, rec id.Recording, language string, length time.Duration) error
	// Objected says which processing of a recording, by its row number, somebody who
	// takes part in it objects to: transcription, sentiment, search. nil: nobody does.
	Objected func(tx *place.Tx, n int64) ([]string, error)
}

// Service transcribes. It is safe for concurrent use.
type Service struct {
	recordings *recording.Service
	out        *egress.Client
	builtin    Engine
	mood       *sentiment.Analyzer
	hands      chan struct{}
	log        *slog.Logger
	admit      func(context.Context, *place.Place) error
	heard      func(*place.Tx, id.Recording, string, time.Duration) error
	objected   func(*place.Tx, int64) ([]string, error)
}

// New makes a service.
func New(o Options) *Service {
	if o.Builtin == nil {
		o.Builtin = Builtin{}
	}
	if o.Workers <= 0 {
		o.Workers = runtime.NumCPU()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Admit == nil {
		o.Admit = func(context.Context, *place.Place) error { return nil }
	}
	if o.Heard == nil {
		o.Heard = func(*place.Tx, id.Recording, string, time.Duration) error { return nil }
	}
	if o.Objected == nil {
		o.Objected = func(*place.Tx, int64) ([]string, error) { return nil, nil }
	}
	return &Service{
		admit: o.Admit, heard: o.Heard, objected: o.Objected,
		recordings: o.Recordings, out: o.Egress, builtin: o.Builtin, mood: sentiment.New(), hands: make(chan struct{}, o.Workers), log: o.Log,
	}
}

// Kind is how the job recording.JobTranscribe is run.
func (s *Service) Kind() job.Kind {
	return job.Kind{Run: s.run, Parallel: cap(s.hands), Attempts: 8, GivenUp: s.givenUp}
}

func system() actor.Actor { return actor.ForSystem("speech").For(Purpose) }

// Again transcribes a recording anew, for example with another engine.
func (s *Service) Again(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := s.recordings.Lookup(tx, rec); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "transcript.asked", Subject: rec.String()})
		_, err := job.Enqueue(tx, recording.JobTranscribe, recording.TranscribeArgs{Recording: rec}, job.Once(rec.String()))
		return err
	})
}

// run is one attempt at one recording.
func (s *Service) run(ctx context.Context, p *place.Place, j job.Job) error {
	var args recording.TranscribeArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	t, err := s.plan(ctx, p, args.Recording)
	switch {
	case fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound):
		return nil // destroyed meanwhile: there is nothing to hear
	case err != nil:
		return err
	case t.why.State != "":
		return s.note(ctx, p, t, t.why)
	}
	if err := s.admit(ctx, p); err != nil {
		return s.later(ctx, p, j, args, err)
	}
	if t.row.State != recording.TranscriptWorking {
		if err := s.note(ctx, p, t, recording.TranscriptState{State: recording.TranscriptWorking, Language: t.tag, Engine: t.abilities.Name}); err != nil {
			return err
		}
	}
	err = s.transcribe(ctx, p, j, t)
	if keyring.NotLent(err) { // the customer's own key server refuses: heard once it lends again, however long that is
		return s.later(ctx, p, j, args, err)
	}
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if isRefusal(err) {
		return job.Permanent(fault.Wrap(err, fault.Invalid, "%s", err.Error()))
	}
	return err
}

// task is one recording and how it is to be heard.
type task struct {
	row       recording.Row
	tag       string // BCP 47
	language  string // the engine's own name of it
	engine    Engine
	abilities Abilities
	why       recording.TranscriptState // set if it is not to be heard
	objected  []string                  // what somebody who takes part objects to
	stored    bool                      // and nothing else may be done with it
	renamed   bool                      // names and numbers were replaced
}

// plan decides which engine hears the recording in which language, or why none does.
func (s *Service) plan(ctx context.Context, p *place.Place, rec id.Recording) (task, error) {
	var t task
	var set Settings
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if t.row, err = s.recordings.Lookup(tx, rec); err != nil {
			return err
		}
		if set, err = readSettings(tx); err != nil {
			return err
		}
		if t.objected, err = s.objected(tx, t.row.N); err != nil {
			return err
		}
		only, err := s.recordings.Restricted(tx, []int64{t.row.N})
		if _, t.stored = only[t.row.N]; err != nil {
			return err
		}
		renamed, err := s.recordings.Pseudonymised(tx, t.row.N)
		t.renamed = renamed[t.row.N]
		return err
	})
	if err != nil {
		return t, err
	}
	if t.stored || slices.Contains(t.objected, "transcription") {
		t.why = recording.TranscriptState{State: recording.TranscriptNotTranscribed, Reason: "a person who takes part has objected to it"}
		if t.stored {
			t.why.Reason = "it is only stored, at the request of a person who takes part"
		}
		return t, nil
	}
	if t.renamed { // its names can still be heard in the sound, or were silenced for good
		t.why = recording.TranscriptState{State: recording.TranscriptNotTranscribed, Reason: "its names and numbers were replaced by pseudonyms"}
		if r := t.row; r.State == recording.TranscriptDone {
			t.why = recording.TranscriptState{State: r.State, Reason: r.Reason, Language: r.Language, Engine: r.Engine, Quality: r.Quality}
		}
		return t, nil
	}
	if t.engine = s.engine(set); t.engine == nil {
		t.why = recording.TranscriptState{State: recording.TranscriptNone, Reason: "no speech engine is chosen"}
		return t, nil
	}
	t.abilities = t.engine.Abilities()
	if t.tag, err = s.language(ctx, p, t.row, set); err != nil {
		return t, err
	}
	problem := "no language is set for this source"
	if t.tag != "" {
		t.language, problem = t.abilities.Language(t.tag)
	}
	if problem != "" {
		t.why = recording.TranscriptState{State: recording.TranscriptNotTranscribed, Reason: problem, Language: t.tag, Engine: t.abilities.Name}
	}
	return t, nil
}

// language is that of the queue, else of the source, else the customer's default.
func (s *Service) language(ctx context.Context, p *place.Place, row recording.Row, set Settings) (string, error) {
	src, err := s.recordings.Source(ctx, p, row.Source)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	return cmp.Or(src.QueueLanguages[row.Queue], src.Language, set.Language), nil
}

func (s *Service) note(ctx context.Context, p *place.Place, t task, state recording.TranscriptState) error {
	return s.recordings.SetTranscriptState(ctx, p, system(), t.row.ID, state)
}

// givenUp says on the recording why there will be no transcript.
func (s *Service) givenUp(ctx context.Context, p *place.Place, j job.Job, reason string) error {
	var args recording.TranscribeArgs
	if err := j.Decode(&args); err != nil {
		return nil
	}
	var t task
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		t.row, err = s.recordings.Lookup(tx, args.Recording)
		return err
	})
	if err == nil {
		err = s.note(ctx, p, t, recording.TranscriptState{
			State: recording.TranscriptFailed, Reason: reason, Language: t.row.Language, Engine: t.row.Engine,
		})
	}
	if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// transcribe hears the recording and commits what was said, together with the
// end of the job.
func (s *Service) transcribe(ctx context.Context, p *place.Place, j job.Job, t task) error {
	h, err := s.open(ctx, p, t.row.ID)
	if err != nil {
		return err
	}
	defer h.close()
	heard, err := s.hear(ctx, p, h, t)
	if err != nil {
		return err
	}
	text := t.transcript(heard, h.layout, h.channels)
	if !slices.Contains(t.objected, "sentiment") {
		text.rate(s.mood)
	}
	body, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if err := h.renew(ctx); err != nil { // hearing may have taken longer than an opening lasts
		return err
	}
	done := recording.Transcribed{JSON: body, State: recording.TranscriptState{
		State: recording.TranscriptDone, Language: t.tag, Engine: t.abilities.Name, Quality: string(t.abilities.Quality),
	}}
	if text.Sentiment != nil {
		done.Sentiment = &recording.Sentiment{Milli: int64(math.Round(text.Sentiment.Score * 1000)), Label: string(text.Sentiment.Label)}
	}
	return s.recordings.SaveTranscript(ctx, h.opening, done, func(tx *place.Tx, n int64) error {
		said := text.said()
		if slices.Contains(t.objected, "search") {
			said = nil
		}
		if err := search.Put(tx, n, said...); err != nil {
			return err
		}
		if err := s.heard(tx, t.row.ID, t.tag, time.Duration(t.row.Millis)*time.Millisecond); err != nil {
			return err
		}
		return j.Finish(tx)
	})
}

// transcript puts together what was heard.
func (t task) transcript(heard []Utterance, layout string, channels int) *Transcript {
	who := speakers(layout, t.row.Direction, channels)
	text := &Transcript{
		Language: t.tag, Engine: t.abilities.Name, Model: t.abilities.Model, Quality: t.abilities.Quality,
		Speakers: who[0] != UnknownRole, Turns: merge(heard, who),
	}
	if t.abilities.Quality == Draft {
		text.addNote(noteDraft)
	}
	if !text.Speakers {
		text.addNote(noteMix)
	}
	return text
}
