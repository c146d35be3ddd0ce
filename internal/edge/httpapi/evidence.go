package httpapi

import (
	"context"
	"net/http"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/parcel"
)

type evidenceInput struct {
	CustomerPath
	Creating
	Body struct {
		Recordings []string `json:"recordings" minItems:"1" maxItems:"500" doc:"Ids"`
		Purpose    string   `json:"purpose" minLength:"1" maxLength:"300" doc:"Why; stands in the change log and in the file"`
	}
}

func (s *Server) evidenceRoutes() {
	add(s, route{gate: inCustomer(access.RecordingDownload), fresh: true, method: post, path: "/api/v1/customers/{customer}/evidence", id: "makeEvidence", summary: "Have an evidence file made of one or many recordings: sound, words, chain of custody and proofs", status: 202, creates: true}, s.makeEvidence)
}

// makeEvidence asks for each recording whether it may be downloaded: one that may
// not is missing, and nothing is made.
func (s *Server) makeEvidence(ctx context.Context, v *visit, in *evidenceInput) (*body[Export], error) {
	purpose, err := s.purposeOf(ctx, v, in.Body.Purpose)
	if err != nil {
		return nil, err
	}
	chosen := evidence.Chosen{}
	about := make([]string, len(in.Body.Recordings))
	for i, text := range in.Body.Recordings {
		rec, err := id.Parse[id.Recording](text)
		if err != nil {
			return nil, fault.Field("recordings", "%q is no id of a recording", text)
		}
		if err := s.deps.Recordings.May(ctx, v.place, rec, v.scope(access.RecordingDownload)); err != nil {
			return nil, err
		}
		chosen.Recordings, about[i] = append(chosen.Recordings, rec), text
	}
	p, err := s.deps.Parcels.Ask(ctx, v.place, v.who, parcel.Order{
		Kind: evidence.Kind, Name: "evidence-" + v.at.UTC().Format("2006-01-02") + ".zip", Args: chosen, Purpose: purpose, Subjects: about,
	})
	if err != nil {
		return nil, err
	}
	return answer(showExport(p)), nil
}

// verifyPage is the page that checks evidence files, for who does not trust the
// one that came with a file. It is the same for everybody and asks nothing of the
// server; its own policy is stricter than that of other pages.
func (s *Server) verifyPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; sandbox allow-scripts allow-downloads")
	h.Set("Content-Disposition", "attachment; filename=verify.html")
	_, _ = w.Write(evidence.Page()) // the caller has gone: there is nobody to tell
}
