package scim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"ringfence/internal/base/fault"
)

// Error is a refusal in the words of RFC 7644 §3.12.
type Error struct {
	Status int
	Type   string // scimType, or nothing
	Detail string
}

func (e *Error) Error() string { return e.Detail }

func refuse(status int, kind, format string, args ...any) error {
	return &Error{status, kind, fmt.Sprintf(format, args...)}
}

// ErrorOf gives any failure as identity providers read it. An error without a
// kind is 500 and its text stays in our log.
func ErrorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	f := fault.Of(err)
	text := f.Text
	for _, d := range f.Details {
		text = d.Text
	}
	switch f.Kind {
	case fault.NotFound:
		return &Error{http.StatusNotFound, "", "there is no such resource"}
	case fault.Invalid:
		return &Error{http.StatusBadRequest, "invalidValue", text}
	case fault.Conflict:
		return &Error{http.StatusConflict, "mutability", text}
	case fault.Unavailable:
		return &Error{http.StatusServiceUnavailable, "", text}
	case fault.Limited:
		return &Error{http.StatusTooManyRequests, "", text}
	}
	return &Error{http.StatusInternalServerError, "", "something went wrong on our side"}
}

// body is the error as JSON.
func (e *Error) body() object {
	o := object{"schemas": []string{urnError}, "status": strconv.Itoa(e.Status), "detail": e.Detail}
	if e.Type != "" {
		o["scimType"] = e.Type
	}
	return o
}
