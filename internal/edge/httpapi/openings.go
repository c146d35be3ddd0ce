package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

type openInput struct {
	RecordingPath
	Body struct {
		What      string `json:"what" enum:"listen,transcript,download,original"`
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
	add(s, route{gate: inCustomer(access.RecordingList), method: post, path: base + "/recordings/{recording}/openings", id: "openRecording", summary: "Open a recording: writes the receipt first, then gives the addresses", status: 201}, s.openRecording)
	add(s, route{gate: inCustomer(access.RecordingListen), method: get, path: base + "/openings/{opening}/sound", id: "sound", summary: "The sound as WAV; answers byte ranges", gives: "audio/wav"}, s.sound)
	add(s, route{gate: inCustomer(access.RecordingListen), method: get, path: base + "/openings/{opening}/opus", id: "opus", summary: "The sound as Opus, where that form is stored; answers byte ranges", gives: "audio/ogg"}, s.opus)
	add(s, route{gate: inCustomer(access.RecordingListen), method: get, path: base + "/openings/{opening}/peaks", id: "peaks", summary: "The outline of the sound, for drawing"}, s.peaks)
	add(s, route{gate: inCustomer(access.RecordingTranscript), method: get, path: base + "/openings/{opening}/transcript", id: "transcript", summary: "What was said"}, s.transcript)
	add(s, route{gate: inCustomer(access.RecordingDownload), method: get, path: base + "/openings/{opening}/download", id: "download", summary: "The sound as a WAV file to keep", gives: "audio/wav"}, s.download)
}

// actOf is which act an opening needs.
var actOf = map[string]access.Act{
	"listen": access.RecordingListen, "transcript": access.RecordingTranscript, "download": access.RecordingDownload, "original": access.RecordingOriginal,
}

// openRecording asks whether the visitor may, for this recording and this way
// of opening; only then the archive writes the receipt and unwraps the key.
func (s *Server) openRecording(ctx context.Context, v *visit, in *openInput) (*body[Opening], error) {
	rec, err := id.Parse[id.Recording](in.Recording)
	if err != nil {
		return nil, errNothing
	}
	var rendition id.Rendition
	if in.Body.Rendition != "" {
		if rendition, err = id.Parse[id.Rendition](in.Body.Rendition); err != nil {
			return nil, fault.Field("rendition", "this is no rendition of the recording")
		}
	}
	if err := s.deps.Recordings.May(ctx, v.place, rec, v.scope(actOf[in.Body.What])); err != nil {
		return nil, err
	}
	purpose, err := s.purposeOf(ctx, v, in.Body.Purpose)
	if err != nil {
		return nil, err
	}
	o, err := s.deps.Recordings.Open(ctx, v.place, v.who.For(purpose), rec, recording.Ask{What: in.Body.What, Rendition: rendition})
	if err != nil {
		return nil, err
	}
	base := "/api/v1/customers/" + in.Customer + "/openings/" + o.ID.String()
	out := Opening{ID: o.ID.String(), What: o.What, Until: o.Until}
	switch o.What {
	case "listen":
		out.SoundURL, out.PeaksURL = base+"/sound", base+"/peaks"
		if o.HasSmall() {
			out.OpusURL = base + "/opus"
		}
	case "original":
		out.SoundURL, out.PeaksURL, out.TranscriptURL = base+"/sound", base+"/peaks", base+"/transcript"
	case "transcript":
		out.TranscriptURL = base + "/transcript"
	case "download":
		out.DownloadURL = base + "/download"
	}
	return answer(out), nil
}

// opened finds an opening again: of this person and this session, made for this
// way of opening, of a recording that may still be opened so.
func (s *Server) opened(ctx context.Context, v *visit, in *OpeningPath, what string) (*recording.Opening, error) {
	i, err := id.Parse[id.Receipt](in.Opening)
	if err != nil {
		return nil, errNothing
	}
	o, err := s.deps.Recordings.Opening(v.place, v.who, i)
	if err != nil {
		return nil, err
	}
	if originalWay(o, what) {
		what = o.What
	}
	if o.What != what {
		return nil, errNothing
	}
	return o, s.deps.Recordings.May(ctx, v.place, o.Recording, v.scope(actOf[what]))
}

func (s *Server) sound(ctx context.Context, v *visit, in *OpeningPath) (*huma.StreamResponse, error) {
	o, err := s.opened(ctx, v, in, "listen")
	if err != nil {
		return nil, err
	}
	return wav(ctx, o, "")
}

// opus answers with the stored Opus form: a tenth of the bytes of WAV, for who
// listens over a slow line.
func (s *Server) opus(ctx context.Context, v *visit, in *OpeningPath) (*huma.StreamResponse, error) {
	o, err := s.opened(ctx, v, in, "listen")
	if err != nil {
		return nil, err
	}
	file, err := o.Small(ctx)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer file.Close()
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", file.Type)
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(file, 0, file.Size))
	}}, nil
}

func (s *Server) download(ctx context.Context, v *visit, in *OpeningPath) (*huma.StreamResponse, error) {
	o, err := s.opened(ctx, v, in, "download")
	if err != nil {
		return nil, err
	}
	return wav(ctx, o, "attachment; filename="+o.Recording.String()+".wav")
}

// wav answers with the sound, or the part of it that was asked for. The file
// does not exist: each read opens the sealed segments it needs.
func wav(ctx context.Context, o *recording.Opening, disposition string) (*huma.StreamResponse, error) {
	file, err := o.WAV(ctx)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer file.Close()
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "audio/wav")
		if disposition != "" {
			w.Header().Set("Content-Disposition", disposition)
		}
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(file, 0, file.Size()))
	}}, nil
}

func (s *Server) peaks(ctx context.Context, v *visit, in *OpeningPath) (*body[Peaks], error) {
	o, err := s.opened(ctx, v, in, "listen")
	if err != nil {
		return nil, err
	}
	p, err := o.Peaks(ctx)
	if err != nil {
		return nil, err
	}
	out := Peaks{Seconds: p.Seconds, Channels: make([]PeaksChannel, len(p.Channels))}
	for i, c := range p.Channels {
		out.Channels[i] = PeaksChannel{Label: c.Label, Peaks: c.Peaks}
	}
	return answer(out), nil
}

func (s *Server) transcript(ctx context.Context, v *visit, in *OpeningPath) (*body[Transcript], error) {
	o, err := s.opened(ctx, v, in, "transcript")
	if err != nil {
		return nil, err
	}
	text, err := o.Transcript(ctx)
	if err != nil {
		return nil, err
	}
	var out Transcript
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	whole(&out)
	return answer(out), nil
}

// whole replaces lists that are missing by empty ones, as the description says.
func whole(t *Transcript) {
	if t.Turns == nil {
		t.Turns = []Turn{}
	}
	words := func(s *SentimentWithWords) {
		if s != nil && s.Words == nil {
			s.Words = []string{}
		}
	}
	words(t.Sentiment)
	for i := range t.Turns {
		if t.Turns[i].Words == nil {
			t.Turns[i].Words = []Word{}
		}
		words(t.Turns[i].Sentiment)
	}
}
