package httpapi

import (
	"context"
	"net/url"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// recordingFilter is what the list and the calls are narrowed by. All given
// filters must hold.
type recordingFilter struct {
	CustomerPath
	From       time.Time `query:"from" doc:"Started at or after"`
	To         time.Time `query:"to" doc:"Started before"`
	Number     string    `query:"number" maxLength:"40" doc:"Of the other party; national or international form, matched whole"`
	Extension  string    `query:"extension" maxLength:"40"`
	Queue      string    `query:"queue" maxLength:"100"`
	Direction  string    `query:"direction" enum:"inbound,outbound,internal,unknown"`
	MinSeconds float64   `query:"min_seconds" minimum:"0"`
	MaxSeconds float64   `query:"max_seconds" minimum:"0"`
	Sentiment  string    `query:"sentiment" enum:"negative,neutral,positive"`
	State      string    `query:"state" maxLength:"20" doc:"Of the sound: complete, truncated, partial, removed; or of the transcript: none, waiting, working, done, failed, not-transcribed"`
	Words      string    `query:"words" maxLength:"200" doc:"Words that were said, all of them"`
	DueBefore  time.Time `query:"due_before" doc:"Goes, wholly or its sound, before this time by the rules in force"`
	Held       bool      `query:"held" doc:"Under a legal hold"`
	Hold       string    `query:"hold" maxLength:"60" doc:"Under this legal hold"`
	Tag        string    `query:"tag" maxLength:"60" doc:"With this label: its id"`
	Sort       string    `query:"sort" enum:"-started_at,started_at,-seconds,seconds,-sentiment,sentiment" default:"-started_at"`
	Cursor     string    `query:"cursor" maxLength:"500" doc:"Opaque: next_cursor of the page before, with the same filters"`
	Limit      int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// RecordingPath names one recording.
type RecordingPath struct {
	CustomerPath
	Recording string `path:"recording"`
}

type destroyInput struct {
	RecordingPath
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"500" doc:"Stands in the change log"`
	}
}

type linked[T any] struct {
	Link string `header:"Link" doc:"rel=next, while there is a next page"`
	Body T
}

func (s *Server) recordingRoutes() {
	const base = "/api/v1/customers/{customer}/recordings"
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base, id: "listRecordings", summary: "Recordings by filter, one page"}, s.listRecordings)
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base + "/{recording}", id: "getRecording", summary: "One recording with its call and who opened it"}, s.getRecording)
	add(s, route{gate: inCustomer(access.RecordingDestroy), fresh: true, method: del, path: base + "/{recording}", id: "destroyRecording", summary: "Destroy a recording's key: nobody can ever open it again", status: 204}, s.destroyRecording)
}

// errWords answers who may see the list and not what was said: finding a word
// in a recording would tell it.
var errWords = fault.New(fault.Denied, "you may see the list, but not search what was said")

// filter translates the query. more is set when words are looked for and there
// are more matches than search looks at.
func (v *visit) filter(in *recordingFilter, more *bool) (recording.Filter, recording.PageAsk, error) {
	if err := inOrder("query.to", in.From, in.To); err != nil {
		return recording.Filter{}, recording.PageAsk{}, err
	}
	f := recording.Filter{
		From: in.From, To: in.To, Number: in.Number, Extension: in.Extension, Queue: in.Queue, Direction: recording.Direction(in.Direction),
		MinLength: seconds(in.MinSeconds), MaxLength: seconds(in.MaxSeconds), Sentiment: in.Sentiment, State: in.State,
		Scope: v.scope(access.RecordingList),
	}
	if in.Words != "" {
		if !v.may(access.RecordingTranscript) {
			return f, recording.PageAsk{}, errWords
		}
		f.Scope = v.scope(access.RecordingTranscript)
		f.Words = func(tx *place.Tx, column string) (string, []any, error) {
			found, err := search.Find(tx, in.Words, column)
			*more = found.More
			return found.Condition, found.Args, err
		}
	}
	return f, recording.PageAsk{Sort: recording.Sort(in.Sort), Cursor: in.Cursor, Limit: in.Limit}, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (s *Server) listRecordings(ctx context.Context, v *visit, in *recordingFilter) (*linked[RecordingPage], error) {
	var out linked[RecordingPage]
	f, ask, err := v.filter(in, &out.Body.More)
	if err != nil {
		return nil, err
	}
	if err := s.trustFilter(v, in, &f); err != nil {
		return nil, err
	}
	page, err := s.deps.Recordings.List(ctx, v.place, v.who, f, ask)
	if err != nil {
		return nil, err
	}
	out.Body.Items, out.Body.NextCursor, out.Body.May = make([]Recording, len(page.Items)), page.Next, v.mayRecordings()
	for i, r := range page.Items {
		out.Body.Items[i] = showRecording(r)
	}
	show := func(i int) *Recording { return &out.Body.Items[i] }
	if err := s.sayTrust(ctx, v, page.Items, show); err != nil {
		return nil, err
	}
	if err := s.sayDelays(ctx, v, page.Items, show); err != nil {
		return nil, err
	}
	out.Link = nextLink(v, page.Next)
	return &out, nil
}

// nextLink is the address of the next page: this one's, with its filters, and
// the cursor.
func nextLink(v *visit, cursor string) string {
	if cursor == "" {
		return ""
	}
	q := v.url.Query()
	q.Set("cursor", cursor)
	next := url.URL{Path: v.url.Path, RawQuery: q.Encode()}
	return "<" + next.String() + `>; rel="next"`
}

func (s *Server) getRecording(ctx context.Context, v *visit, in *RecordingPath) (*body[RecordingDetail], error) {
	rec, err := id.Parse[id.Recording](in.Recording)
	if err != nil {
		return nil, errNothing
	}
	d, err := s.deps.Recordings.Get(ctx, v.place, v.who, rec, v.scope(access.RecordingList))
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	if err != nil {
		return nil, err
	}
	out := showDetail(d, names, v.mayRecordings())
	one, show := []recording.Recording{d.Recording}, func(int) *Recording { return &out.Recording }
	if err := s.sayTrust(ctx, v, one, show); err != nil {
		return nil, err
	}
	if err := s.sayDelays(ctx, v, one, show); err != nil {
		return nil, err
	}
	out.Restricted, err = s.restrictedSince(ctx, v, d.N)
	return answer(out), err
}

// sayDelays says of recordings whose transcription is put off why that is and
// when it is tried again.
func (s *Server) sayDelays(ctx context.Context, v *visit, all []recording.Recording, at func(int) *Recording) error {
	var asked []id.Recording
	for _, r := range all {
		if st := r.Transcript.State; st == recording.TranscriptWaiting || st == recording.TranscriptWorking {
			asked = append(asked, r.ID)
		}
	}
	delays, err := s.deps.Speech.Delayed(ctx, v.place, asked...)
	for i, r := range all {
		if d, is := delays[r.ID]; is {
			out := &at(i).Transcript
			out.Reason, out.RetryAt = d.Reason, &d.Until
		}
	}
	return err
}

// restrictedSince is since when a recording is only stored; nil: it is not.
func (s *Server) restrictedSince(ctx context.Context, v *visit, n int64) (since *time.Time, err error) {
	err = v.place.View(ctx, func(tx *place.Tx) error {
		all, err := s.deps.Recordings.Restricted(tx, []int64{n})
		if at, is := all[n]; is {
			since = &at
		}
		return err
	})
	return since, err
}

func (s *Server) destroyRecording(ctx context.Context, v *visit, in *destroyInput) (*none, error) {
	rec, err := id.Parse[id.Recording](in.Recording)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Recordings.Destroy(ctx, v.place, v.who, rec, in.Body.Reason)
}
