package remote

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"ringfence/internal/base/fault"
)

// kindOf is which fault a status stands for.
var kindOf = map[int]fault.Kind{
	http.StatusUnauthorized: fault.Unauthenticated, http.StatusForbidden: fault.Denied, http.StatusNotFound: fault.NotFound,
	http.StatusConflict: fault.Conflict, http.StatusRequestEntityTooLarge: fault.TooLarge, http.StatusTooManyRequests: fault.Limited,
	http.StatusGone: fault.Gone, http.StatusServiceUnavailable: fault.Unavailable,
}

// refusal reads a problem answer: what the server said, each fault with where
// in the request it stands.
func refusal(res *http.Response) error {
	var p struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	kind, ok := kindOf[res.StatusCode]
	if !ok {
		kind = fault.Invalid
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || mediaType(res.Header) != "application/problem+json" || json.Unmarshal(text, &p) != nil {
		return fault.New(kind, "the server answered %s", res.Status)
	}
	f := fault.New(kind, "%s", strings.TrimSuffix(p.Detail+" ("+res.Status+")", " ()"))
	if strings.HasSuffix(p.Type, "step-up") {
		f.Kind = fault.StepUp
		f.Text += "; 'ringfence api stepUpWays' names what would do, 'ringfence api stepUp' shows it, for five minutes"
	}
	for _, e := range p.Errors {
		f.Details = append(f.Details, fault.Detail{Path: e.Location, Text: e.Message})
	}
	if wait := res.Header.Get("Retry-After"); wait != "" {
		if d, err := time.ParseDuration(wait + "s"); err == nil {
			f.RetryAfter = d
			f.Text += "; try again in " + d.String()
		}
	}
	return f
}
