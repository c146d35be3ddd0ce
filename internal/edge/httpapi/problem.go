package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/base/fault"
)

// nothingHere is what a missing, a foreign and a forbidden thing have in
// common: the same bytes, so that nobody learns from an answer what exists.
const nothingHere = "there is no such thing, or it is not yours to see"

// problem is a fault as the caller sees it: RFC 9457. It is an error that huma
// writes as it stands.
type problem struct {
	huma.ErrorModel
	Needs []string `json:"needs,omitempty" doc:"With the type step-up: which proofs would do; empty: any that the person has"`
	retry int
}

// stepUpType is the type of a problem that showing a factor solves: a program
// can tell it from other refusals.
const stepUpType = "step-up"

// GetHeaders gives Retry-After where it is known.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	return h
}

// problemOf is the one place where a fault becomes a status code. An error
// without a kind is 500 and its text stays here.
func problemOf(err error) *problem {
	f := fault.Of(err)
	status, text := http.StatusInternalServerError, "something went wrong on our side; the log has the details under the request's id"
	switch f.Kind {
	case fault.Internal:
	case fault.Invalid:
		status, text = http.StatusUnprocessableEntity, f.Text
	case fault.Unauthenticated:
		status, text = http.StatusUnauthorized, f.Text
	case fault.StepUp, fault.Denied:
		status, text = http.StatusForbidden, f.Text
	case fault.NotFound:
		status, text = http.StatusNotFound, nothingHere
	case fault.Conflict:
		status, text = http.StatusConflict, f.Text
	case fault.TooLarge:
		status, text = http.StatusRequestEntityTooLarge, f.Text
	case fault.Limited:
		status, text = http.StatusTooManyRequests, f.Text
	case fault.Gone:
		status, text = http.StatusGone, f.Text
	case fault.Unavailable:
		status, text = http.StatusServiceUnavailable, f.Text
	}
	p := &problem{ErrorModel: huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: text}}
	if f.Kind == fault.StepUp {
		p.Type = stepUpType
		for _, d := range f.Details {
			p.Needs = append(p.Needs, d.Text)
		}
	}
	if f.RetryAfter > 0 {
		p.retry = int((f.RetryAfter + 999_999_999) / 1_000_000_000)
	}
	if status == http.StatusUnprocessableEntity {
		for _, d := range f.Details {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: locate(d.Path), Message: d.Text})
		}
	}
	return p
}

// locate says where in a request a field stands; services name fields without
// knowing that they came in a body.
func locate(path string) string {
	for _, p := range []string{"body", "query.", "path.", "header."} {
		if strings.HasPrefix(path, p) {
			return path
		}
	}
	return "body." + path
}

// inOrder refuses a stretch of time that ends before it begins: it would find
// nothing, and nobody would see why.
func inOrder(path string, from, to time.Time) error {
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return fault.Field(path, "the end lies before the beginning")
	}
	return nil
}

// faulty logs what is our own fault and gives the problem for the caller.
func (s *Server) faulty(ctx context.Context, err error) error {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		s.log.LogAttrs(ctx, slog.LevelError, "request failed",
			slog.String("request", requestID(ctx)), slog.String("error", err.Error()))
	}
	return p
}

// refuse answers with a problem outside huma: at the gate, and on the few
// routes that are no operations.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, _ := s.faulty(r.Context(), err).(*problem)
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the caller has gone: there is nobody to tell
}

// withoutValues takes out of huma's own validation errors what was sent: a
// password that is too long must not stand in an answer that somebody logs.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		for _, e := range m.Errors {
			e.Value = nil
		}
	}
	return v, nil
}
