// Package ringfence asks a Ringfence server as a machine does: with a token,
// over HTTPS. client.gen.go is generated from the server's own description and
// holds every operation a token may ask; this file adds what a description
// cannot say: where to ask, errors that are errors, and pages that follow one
// another.
//
// The version of the API is part of its paths (/api/v1): this package works with
// every server that speaks v1.
package ringfence

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Connect makes a client that shows a token with each request. Redirects are not
// followed: they would take the token elsewhere. opts may bring another
// http.Client.
func Connect(server, token string, opts ...ClientOption) (*ClientWithResponses, error) {
	plain := WithHTTPClient(&http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	show := WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	})
	return NewClientWithResponses(strings.TrimRight(server, "/"), append([]ClientOption{plain, show}, opts...)...)
}

// Problem is a refusal (RFC 9457), as an error.
type Problem struct {
	Status     int           `json:"status"`
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	Type       string        `json:"type"`
	Errors     []Fault       `json:"errors"`
	RetryAfter time.Duration `json:"-"` // zero: the server did not say
	Request    string        `json:"-"` // id of the request, for the server's log
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error gives what is wrong in one line.
func (p *Problem) Error() string {
	text := fmt.Sprintf("ringfence: %d: %s", p.Status, p.Detail)
	for _, f := range p.Errors {
		text += "; " + f.Location + ": " + f.Message
	}
	return text
}

// answer is what all generated answers have in common.
type answer interface {
	StatusCode() int
}

// Check turns an answer that is a refusal into a *Problem:
//
//	list, err := ringfence.Check(client.ListRecordingsWithResponse(ctx, customer, nil))
//
// body and header come from the answer's fields Body and HTTPResponse.
func Check[A interface {
	answer
	comparable
}](a A, err error) (A, error) {
	if err != nil {
		return a, err
	}
	status := a.StatusCode()
	if status < 400 {
		return a, nil
	}
	p := &Problem{Status: status, Title: http.StatusText(status), Detail: http.StatusText(status)}
	body, header := parts(a)
	_ = json.Unmarshal(body, p) // a proxy in between answers what it likes
	p.Status = status
	if n, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(n) * time.Second
	}
	p.Request = header.Get("X-Request-Id")
	return a, p
}

// Pages walks a list that pages by cursor, item by item. next asks for the page
// after a cursor, the empty one first, and gives its items and the next cursor.
func Pages[T any](next func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor, first := "", true; first || cursor != ""; first = false {
			items, after, err := next(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			cursor = after
		}
	}
}
