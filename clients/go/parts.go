package ringfence

import (
	"net/http"
	"reflect"
)

// parts reads the two fields that every generated answer has.
func parts(a any) ([]byte, http.Header) {
	v := reflect.Indirect(reflect.ValueOf(a))
	body, _ := v.FieldByName("Body").Interface().([]byte)
	if r, ok := v.FieldByName("HTTPResponse").Interface().(*http.Response); ok && r != nil {
		return body, r.Header
	}
	return body, http.Header{}
}
