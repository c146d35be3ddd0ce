package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/tenancy/access"
)

type openInput struct {
	RecordingPath
	Creating
	Body struct {
		What      string `json:"what" enum:"listen,transcript,download"`
		Purpose   string `json:"purpose,omitempty" maxLength:"300" doc:"Why; stands in the journal"`
		Rendition string `json:"rendition,omitempty" doc:"Id of a rendition; empty: the one to listen to"`
	}
}

type OpeningPath struct {
	CustomerPath
	Opening string `path:"opening"`
}

func (s *Server) openingRoutes() {
	const base = "/api/v1/customers/{customer}"
	add(s, route{gate: inCustomer(access.RecordingList), method: post, path: base + "/recordings/{recording}/openings", id: "openRecording", summary: "Open a recording: writes the receipt first, then gives the addresses", status: 201, creates: true}, s.openRecording)
	add(s, route{gate: inCustomer(access.RecordingListen), method: get, path: base + "/openings/{opening}/sound", id: "sound", summary: "The sound as WAV; answers byte ranges", gives: "audio/wav"}, s.sound)
	add(s, route{gate: inCustomer(access.RecordingListen), method: get, path: base + "/openings/{opening}/peaks", id: "peaks", summary: "The outline of the sound, for drawing"}, s.peaks)
	add(s, route{gate: inCustomer(access.RecordingTranscript), method: get, path: base + "/openings/{opening}/transcript", id: "transcript", summary: "What was said"}, s.transcript)
	add(s, route{gate: inCustomer(access.RecordingDownload), method: get, path: base + "/openings/{opening}/download", id: "download", summary: "The sound as a WAV file to keep", gives: "audio/wav"}, s.download)
}

func (s *Server) openRecording(ctx context.Context, v *visit, in *openInput) (*body[Opening], error) {
	return nil, errNoVisit
}

func (s *Server) sound(ctx context.Context, v *visit, in *OpeningPath) (*huma.StreamResponse, error) {
	return nil, errNoVisit
}

func (s *Server) peaks(ctx context.Context, v *visit, in *OpeningPath) (*body[Peaks], error) {
	return nil, errNoVisit
}

func (s *Server) transcript(ctx context.Context, v *visit, in *OpeningPath) (*body[Transcript], error) {
	return nil, errNoVisit
}

func (s *Server) download(ctx context.Context, v *visit, in *OpeningPath) (*huma.StreamResponse, error) {
	return nil, errNoVisit
}
