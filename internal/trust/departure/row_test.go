package departure

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What a row holds is the same on the way out and back: bytes that are none stay
// bytes, also in bundles of earlier releases, which wrote null for them.
func TestARowIsReadAsItWasWritten(t *testing.T) {
	var none []byte
	text, err := json.Marshal(encode([]any{nil, int64(1 << 62), "", "a", none, []byte{}, []byte{0, 255}, 1.5, true}))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{nil, int64(1 << 62), "", "a", []byte{}, []byte{}, []byte{0, 255}, 1.5, int64(1)}
	read := func(text string) ([]any, error) {
		var raw []json.RawMessage
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			t.Fatal(err)
		}
		return decode(raw)
	}
	if got, err := read(string(text)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %#v, %v", text, got, err)
	}
	if got, err := read(`[{"b":null}]`); err != nil || !reflect.DeepEqual(got, []any{[]byte{}}) {
		t.Errorf("%#v, %v", got, err)
	}
	for _, bad := range []string{`[{}]`, `[{"b":1}]`, `[{"f":"x"}]`, `[1.5]`, `[[]]`, `[true]`, `[{"f":null}]`} {
		if got, err := read(bad); err == nil {
			t.Errorf("%s was read as %#v", bad, got)
		}
	}
}
