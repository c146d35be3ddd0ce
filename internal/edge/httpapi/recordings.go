package httpapi

import (
	"context"
	"time"

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
	State      string    `query:"state" maxLength:"20" doc:"complete, truncated, partial or empty"`
	Words      string    `query:"words" maxLength:"200" doc:"Words that were said, all of them"`
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
	add(s, route{gate: inCustomer(access.RecordingDestroy), method: del, path: base + "/{recording}", id: "destroyRecording", summary: "Destroy a recording's key: nobody can ever open it again", status: 204}, s.destroyRecording)
}

func (s *Server) listRecordings(ctx context.Context, v *visit, in *recordingFilter) (*linked[RecordingPage], error) {
	return nil, errNoVisit
}

func (s *Server) getRecording(ctx context.Context, v *visit, in *RecordingPath) (*body[RecordingDetail], error) {
	return nil, errNoVisit
}

func (s *Server) destroyRecording(ctx context.Context, v *visit, in *destroyInput) (*none, error) {
	return nil, errNoVisit
}
