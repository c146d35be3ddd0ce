package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"ringfence/internal/base/secret"
)

// A String method alone is not enough: %#v and %x go round it.
func TestNothingPrintsASecret(t *testing.T) {
	canary := strings.Repeat("canary!!", 4)
	key, err := secret.KeyFrom([]byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	text := secret.NewText(canary)
	for _, v := range []any{key, &key, text, &text, struct{ K secret.Key }{key}, []secret.Text{text}, map[string]secret.Text{"a": text}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		for _, trace := range []string{"canary", fmt.Sprintf("%x", "canary"), fmt.Sprintf("%X", "canary"), "99 97 110"} {
			if strings.Contains(out.String(), trace) {
				t.Errorf("%T shows %q in %s", v, trace, out.String())
			}
		}
	}
	if string(key.Reveal()) != canary || text.Reveal() != canary {
		t.Fatal("Reveal does not give the secret back")
	}
}

func TestEqual(t *testing.T) {
	a, b := secret.NewKey(), secret.NewKey()
	if a.Equal(b) || !a.Equal(a) || a.IsZero() || !(secret.Key{}).IsZero() {
		t.Fatal("keys do not compare")
	}
	if secret.NewText("a").Equal(secret.NewText("b")) || !secret.NewText("a").Equal(secret.NewText("a")) {
		t.Fatal("texts do not compare")
	}
}
