package sso

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

// road carries requests of the protocols through egress: guarded addresses, no
// redirects, five seconds, one mebibyte, and a line in the customer's ledger.
type road struct {
	s   *Service
	p   *place.Place
	one id.Provider
}

// What the ledger says of requests to a provider.
const (
	purpose = "signing people in by your own identity provider"
	region  = "where your identity provider is"
)

// RoundTrip sends one request.
func (r *road) RoundTrip(q *http.Request) (*http.Response, error) {
	var body []byte
	if q.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(q.Body, 64<<10))
		q.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	a, err := r.s.out.Do(q.Context(), r.p, itself, egress.Request{
		Engine: "sso", Purpose: purpose, Region: region, Subject: r.one.String(), Hosts: []string{q.URL.Hostname()},
		Method: q.Method, URL: q.URL.String(), Header: q.Header, Body: body, Timeout: r.s.patience, MaxAnswer: mostBytes,
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: q,
	}, nil
}
