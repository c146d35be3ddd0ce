package speech_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place/placetest"
)

func TestSettings(t *testing.T) {
	w := on(t, placetest.New(t, schemas()), english("x"))
	remote := speech.Change{
		Engine: speech.EngineOpenAI, URL: "https://speech.example/v1", Model: "whisper-1", Language: "en-gb",
		Purpose: "quality", Region: "EU", Key: secret.NewText("sk-canary"),
	}
	for path, spoil := range map[string]func(*speech.Change){
		"engine":   func(c *speech.Change) { c.Engine = "guess" },
		"url":      func(c *speech.Change) { c.URL = "http://speech.example/v1" },
		"purpose":  func(c *speech.Change) { c.Purpose = " " },
		"region":   func(c *speech.Change) { c.Region = "" },
		"model":    func(c *speech.Change) { c.Model = "" },
		"language": func(c *speech.Change) { c.Language = "gibberish!" },
	} {
		c := remote
		spoil(&c)
		_, err := w.speech.Set(t.Context(), w.Place, w.Who, c)
		if f := fault.Of(err); err == nil || f.Kind != fault.Invalid || len(f.Details) != 1 || f.Details[0].Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, url := range []string{"", "speech", "https://10.0.0.1/v1", "https://169.254.169.254/", "https://me:you@speech.example/", "file:///etc/passwd"} {
		c := remote
		c.URL = url
		if _, err := w.speech.Set(t.Context(), w.Place, w.Who, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if s, err := w.speech.Settings(t.Context(), w.Place); err != nil || s.Engine != speech.EngineNone {
		t.Errorf("before anything is set: %+v %v", s, err)
	}
	s, err := w.speech.Set(t.Context(), w.Place, w.Who, remote)
	if err != nil || !s.KeySet || !s.OffHost || s.Language != "en-GB" {
		t.Fatalf("%+v %v", s, err)
	}
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("%s %v", text, err)
	}
	again := remote
	again.Key, again.Model = secret.Text{}, "whisper-2"
	if s, err = w.speech.Set(t.Context(), w.Place, w.Who, again); err != nil || !s.KeySet {
		t.Errorf("the key was not kept: %+v %v", s, err)
	}
	again.URL = "https://thief.example/v1"
	if s, err = w.speech.Set(t.Context(), w.Place, w.Who, again); err != nil || s.KeySet {
		t.Errorf("the key went to another host: %+v %v", s, err)
	}
	if n := w.events(t, "speech.set"); n != 3 {
		t.Errorf("%d events", n)
	}
}

func TestCheck(t *testing.T) {
	e := english("x")
	w := on(t, placetest.New(t, schemas()), e)
	for _, c := range []struct {
		set  speech.Change
		err  error
		ok   bool
		says string
	}{
		{speech.Change{Engine: speech.EngineNone}, nil, true, "not transcribed"},
		{builtin, nil, true, "Ready"},
		{builtin, &speech.Refusal{Text: "install it"}, false, "install it"},
		{speech.Change{Engine: speech.EngineBuiltin, Language: "fr"}, nil, false, "only English"},
	} {
		e.check = c.err
		w.set(t, c.set)
		if ok, text, err := w.speech.Check(t.Context(), w.Place); err != nil || ok != c.ok || !strings.Contains(text, c.says) {
			t.Errorf("%+v: %v %q %v", c, ok, text, err)
		}
	}
}
