package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/destruction"
)

// DestructionCertificate says what became of every copy of what was destroyed.
type DestructionCertificate struct {
	ID         string    `json:"id"`
	RunID      string    `json:"run_id" doc:"What was destroyed in one go, by one authority: a night, a request, or one recording"`
	By         string    `json:"by" doc:"person, retention, erasure, departure, redaction, pseudonyms"`
	CorrectsID *string   `json:"corrects_id" doc:"The certificate that this one takes the place of, as more is known"`
	ReplacedID *string   `json:"replaced_id" doc:"The one that took the place of this one"`
	SignedAt   time.Time `json:"signed_at"`
	Recordings int       `json:"recordings"`
	Unknown    int       `json:"unknown" doc:"Recordings of which nobody can say what became of the file at the source"`
	Asked      int       `json:"asked" doc:"Recordings whose files a collector was asked to remove, and has not answered yet; when it has, a certificate takes the place of this one"`
	LastsUntil *string   `json:"lasts_until" format:"date-time" doc:"When the last backup from before the destruction goes; null: there is none"`
}

// DestructionCertificates is a page of certificates.
type DestructionCertificates struct {
	Items   []DestructionCertificate `json:"items"`
	Next    *string                  `json:"next"`
	Waiting int                      `json:"waiting" doc:"Recordings that were destroyed and are in no certificate yet"`
}

type (
	certificateList struct {
		CustomerPath
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	certificatePath struct {
		CustomerPath
		Certificate string `path:"certificate"`
	}
)

func (s *Server) certificateRoutes() {
	const base = "/api/v1/customers/{customer}/certificates"
	read := inCustomer(access.CertificateRead)
	add(s, route{gate: read, method: get, path: base, id: "listCertificates", summary: "Signed certificates of destruction, the newest first"}, s.listCertificates)
	add(s, route{gate: inCustomer(access.RecordingDestroy), method: post, path: base + "/sign", id: "signCertificates", summary: "Sign now what was destroyed since: it is signed by itself within minutes"}, s.signCertificates)
	add(s, route{gate: read, method: get, path: base + "/{certificate}", id: "certificate", summary: "A certificate as JSON with its signature", gives: "application/json"}, func(ctx context.Context, v *visit, in *certificatePath) (*paperAnswer, error) {
		return s.certificate(ctx, v, in.Certificate, false)
	})
	add(s, route{gate: read, method: get, path: base + "/{certificate}/paper", id: "certificatePaper", summary: "A certificate as a signed PDF", gives: "application/pdf"}, func(ctx context.Context, v *visit, in *certificatePath) (*paperAnswer, error) {
		return s.certificate(ctx, v, in.Certificate, true)
	})
}

func (s *Server) listCertificates(ctx context.Context, v *visit, in *certificateList) (*body[DestructionCertificates], error) {
	var after id.Certificate
	if in.Cursor != "" {
		var err error
		if after, err = id.Parse[id.Certificate](in.Cursor); err != nil {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	all, next, err := s.deps.Certificates.List(ctx, v.place, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := DestructionCertificates{Items: make([]DestructionCertificate, len(all))}
	for i, c := range all {
		out.Items[i] = showCertificate(c)
	}
	if !next.IsZero() {
		out.Next = orNull(next.String())
	}
	out.Waiting, err = s.deps.Certificates.Waiting(ctx, v.place)
	return answer(out), err
}

func showCertificate(c destruction.Issued) DestructionCertificate {
	out := DestructionCertificate{ID: c.ID.String(), RunID: c.Run.String(), By: c.Kind, SignedAt: c.SignedAt, Recordings: c.Items, Unknown: c.Unknown, Asked: c.Asked}
	if !c.Corrects.IsZero() {
		out.CorrectsID = orNull(c.Corrects.String())
	}
	if !c.Replaced.IsZero() {
		out.ReplacedID = orNull(c.Replaced.String())
	}
	if !c.Until.IsZero() {
		out.LastsUntil = orNull(c.Until.Format(time.RFC3339))
	}
	return out
}

func (s *Server) signCertificates(ctx context.Context, v *visit, in *CustomerPath) (*body[DestructionCertificates], error) {
	if _, err := s.deps.Certificates.IssueNow(ctx, v.place); err != nil {
		return nil, err
	}
	return s.listCertificates(ctx, v, &certificateList{CustomerPath: *in, Limit: 50})
}

func (s *Server) certificate(ctx context.Context, v *visit, text string, pdf bool) (*paperAnswer, error) {
	i, err := id.Parse[id.Certificate](text)
	if err != nil {
		return nil, errNothing
	}
	file, err := s.deps.Certificates.Document(ctx, v.place, i, pdf)
	if err != nil {
		return nil, err
	}
	kind, ending := "application/json", "json"
	if pdf {
		kind, ending = "application/pdf", "pdf"
	}
	return &paperAnswer{kind, `attachment; filename="destruction-` + i.String() + "." + ending + `"`, file}, nil
}
