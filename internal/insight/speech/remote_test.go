package speech

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// asked is one request as a server saw it.
type asked struct {
	path, query string
	header      http.Header
	fields      map[string][]string
	files       map[string]string // field → file name
	sizes       map[string]int    // field → bytes
	sound       []byte
}

// server answers every request with the same and keeps what it was asked.
type server struct {
	*httptest.Server
	last asked
}

func serve(t *testing.T, status int, header map[string]string, body string) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.last = asked{path: r.URL.Path, query: r.URL.RawQuery, header: r.Header.Clone(), fields: map[string][]string{}, files: map[string]string{}, sizes: map[string]int{}}
		if err := r.ParseMultipartForm(64 << 20); err == nil {
			maps.Copy(s.last.fields, r.MultipartForm.Value)
			for name, files := range r.MultipartForm.File {
				f, _ := files[0].Open()
				b, _ := io.ReadAll(f)
				s.last.files[name], s.last.sizes[name] = files[0].Filename, len(b)
				s.last.sound = b
			}
		}
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// session sends through a real egress client with a real ledger.
func session(t *testing.T, language string) (Session, *place.Place) {
	t.Helper()
	p := placetest.Customer(t, placetest.New(t, place.Schemas{Place: egress.Migrations(), Housekeeping: egress.Housekeeping()}))
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return Session{Language: language, Subject: "rec_x", Send: func(ctx context.Context, r egress.Request) (egress.Answer, error) {
		return out.Do(ctx, p, system(), r)
	}}, p
}

// twoSeconds is a piece in which somebody speaks for a second and a half.
func twoSeconds(channels int) Piece {
	p := Piece{Rate: 8000}
	for range channels {
		p.Channels = append(p.Channels, tone(8000, 2*time.Second, -20))
		p.Speech = append(p.Speech, []Span{{2000, 14000}})
	}
	return p
}

// dialect is an engine with the answers that its servers give.
type dialect struct {
	name   string
	engine func(url string) Engine
	good   string
	empty  string
}

var dialects = []dialect{
	{
		name:   "openai",
		engine: func(u string) Engine { return OpenAI{Remote{u, "secret-key", "whisper-1", "quality", "EU"}} },
		good:   `{"duration":"2.0","language":"english","text":" Hello there.","segments":[{"id":0,"start":0.2,"end":1.9,"text":" Hello there.","no_speech_prob":0.01}],"words":[{"word":"Hello","start":0.25,"end":0.8},{"word":"there","start":0.9,"end":1.7}]}`,
		empty:  `{"text":"","segments":[]}`,
	},
	{
		name:   "azure",
		engine: func(u string) Engine { return Azure{Remote{u, "secret-key", "", "quality", "EU"}} },
		good:   `{"durationMilliseconds":2000,"combinedPhrases":[{"text":"Hello there."}],"phrases":[{"offsetMilliseconds":200,"durationMilliseconds":1700,"text":"Hello there.","words":[{"text":"Hello","offsetMilliseconds":250,"durationMilliseconds":550},{"text":"there.","offsetMilliseconds":900,"durationMilliseconds":800}],"locale":"en-GB","confidence":0.9}]}`,
		empty:  `{"durationMilliseconds":2000,"combinedPhrases":[],"phrases":[]}`,
	},
}

func TestRemoteEnginesHear(t *testing.T) {
	for _, d := range dialects {
		srv := serve(t, 200, nil, d.good)
		s, p := session(t, "en-GB")
		got, err := d.engine(srv.URL).Transcribe(t.Context(), s, twoSeconds(1))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %+v %v", d.name, got, err)
		}
		u := got[0]
		if u.Text != "Hello there." || u.Start != 200*time.Millisecond || u.End != 1900*time.Millisecond || len(u.Words) != 2 ||
			u.Words[0].Text != "Hello" || u.Words[0].Start != 250*time.Millisecond || u.Words[1].End != 1700*time.Millisecond {
			t.Errorf("%s: %+v", d.name, u)
		}
		page, err := egress.List(t.Context(), p, "", 0)
		if err != nil || len(page.Items) != 1 || page.Items[0].Engine != d.name || page.Items[0].Region != "EU" || page.Items[0].Sent < 64000 {
			t.Errorf("%s: the ledger says %+v %v", d.name, page, err)
		}
		if !strings.HasPrefix(string(srv.last.sound), "RIFF") || srv.last.header.Get("Content-Type") == "" {
			t.Errorf("%s sent %v", d.name, srv.last.header)
		}
	}
}

func TestRemoteErrors(t *testing.T) {
	const temporary, permanent = "temporary", "permanent"
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   string
		after  time.Duration
		says   string
	}{
		{"400", 400, nil, `{"error":{"message":"bad sound of Mrs Canary","type":"invalid_request_error","code":"InvalidLocale"}}`, permanent, 0, "InvalidLocale"},
		{"400 text", 400, nil, `no`, permanent, 0, "status 400"},
		{"401", 401, nil, `{"error":{"code":"invalid_api_key"}}`, permanent, 0, "key"},
		{"403", 403, nil, ``, permanent, 0, "key"},
		{"404", 404, nil, `{"code":"model_not_found"}`, permanent, 0, "model_not_found"},
		{"413", 413, nil, ``, permanent, 0, "size"},
		{"429", 429, map[string]string{"Retry-After": "17"}, ``, temporary, 17 * time.Second, "too often"},
		{"429 date", 429, map[string]string{"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, ``, temporary, time.Minute, ""},
		{"429 for years", 429, map[string]string{"Retry-After": "99999999999"}, ``, temporary, time.Hour, ""},
		{"429 nonsense", 429, map[string]string{"Retry-After": "soon"}, ``, temporary, 0, ""},
		{"500", 500, nil, `{"error":"boom"}`, temporary, 0, "status 500"},
		{"503", 503, map[string]string{"Retry-After": "3"}, `<html>`, temporary, 3 * time.Second, ""},
		{"redirect", 307, map[string]string{"Location": "http://127.0.0.1:1/"}, ``, permanent, 0, "redirects"},
		{"web page", 200, nil, `<html>sign in</html>`, temporary, 0, "no transcript"},
		{"nothing", 200, nil, ``, temporary, 0, "no transcript"},
		{"empty object", 200, nil, `{}`, temporary, 0, "no transcript"},
		{"other shape", 200, nil, `{"text":7,"phrases":"x","segments":3}`, temporary, 0, "no transcript"},
		{"too long", 200, nil, strings.Repeat(" ", 17<<20), permanent, 0, "more than"},
	} {
		for _, d := range dialects {
			srv := serve(t, c.status, c.header, c.body)
			s, _ := session(t, "en-GB")
			_, err := d.engine(srv.URL).Transcribe(t.Context(), s, twoSeconds(1))
			if err == nil {
				t.Errorf("%s %s: no error", d.name, c.name)
				continue
			}
			if isRefusal(err) != (c.want == permanent) || fault.Of(err).RetryAfter != c.after || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s %s: %v (permanent %v, after %v)", d.name, c.name, err, isRefusal(err), fault.Of(err).RetryAfter)
			}
			if strings.Contains(err.Error(), "Canary") || strings.Contains(err.Error(), "secret-key") {
				t.Errorf("%s %s repeats what it must not: %v", d.name, c.name, err)
			}
		}
	}
}

func TestServerThatHangs(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-stop
	}))
	defer srv.Close()
	defer close(stop)
	for _, d := range dialects {
		s, _ := session(t, "en-GB")
		send := s.Send
		s.Send = func(ctx context.Context, r egress.Request) (egress.Answer, error) {
			if r.Timeout < time.Minute || r.Timeout > 10*time.Minute {
				t.Errorf("%s would wait %v", d.name, r.Timeout)
			}
			r.Timeout = 100 * time.Millisecond
			return send(ctx, r)
		}
		_, err := d.engine(srv.URL).Transcribe(t.Context(), s, twoSeconds(1))
		if !fault.Is(err, fault.Unavailable) || isRefusal(err) {
			t.Errorf("%s: %v", d.name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := d.engine(srv.URL).Transcribe(ctx, s, twoSeconds(1)); err == nil || isRefusal(err) {
			t.Errorf("%s, interrupted: %v", d.name, err)
		}
	}
}

// Silence where somebody speaks is no transcript.
func TestNothingHeardIsAnError(t *testing.T) {
	for _, d := range dialects {
		srv := serve(t, 200, nil, d.empty)
		s, _ := session(t, "en-GB")
		service := New(Options{Workers: 1})
		if _, err := service.piece(t.Context(), d.engine(srv.URL), s, twoSeconds(1)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "heard speech but returned nothing") {
			t.Errorf("%s: %v", d.name, err)
		}
		quiet := twoSeconds(1)
		quiet.Speech[0] = []Span{{0, 4000}}
		if got, err := service.piece(t.Context(), d.engine(srv.URL), s, quiet); err != nil || len(got) != 0 {
			t.Errorf("%s, a cough: %v %v", d.name, got, err)
		}
	}
}

func TestOpenAIShapes(t *testing.T) {
	s, _ := session(t, "en")
	for name, c := range map[string]struct {
		body string
		want []Utterance
	}{
		"text only": {`{"text":"hello"}`, []Utterance{{Text: "hello", Start: 250 * time.Millisecond, End: 1750 * time.Millisecond}}},
		"no words":  {`{"segments":[{"start":0,"end":1,"text":"a"},{"start":1,"end":"2","text":"b"}]}`, []Utterance{{Text: "a", End: time.Second}, {Text: "b", Start: time.Second, End: 2 * time.Second}}},
		"whisper.cpp": {
			`{"text":"a","segments":[{"start":0,"end":1,"text":" a","words":[{"word":"[_BEG_]","start":0,"end":0},{"word":" a","start":0.1,"end":0.4,"probability":0.75}]}]}`,
			[]Utterance{{Text: "a", End: time.Second, Words: []Word{{"a", 100 * time.Millisecond, 400 * time.Millisecond, 0.75}}}},
		},
		"wild times": {`{"segments":[{"start":-5,"end":900,"text":"a"}]}`, []Utterance{{Text: "a", End: 2 * time.Second}}},
		"dreamt up":  {`{"segments":[{"start":0.3,"end":1.0,"text":"a","no_speech_prob":0.95},{"start":1.9,"end":2.0,"text":"Thanks for watching!","no_speech_prob":0.95}]}`, []Utterance{{Text: "a", Start: 300 * time.Millisecond, End: time.Second}}},
		"null":       {`{"text":null,"segments":[]}`, nil},
	} {
		srv := serve(t, 200, nil, c.body)
		got, err := OpenAI{Remote{srv.URL, "", "m", "p", "r"}}.Transcribe(t.Context(), s, twoSeconds(1))
		if name == "null" {
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("null: %v", err)
			}
			continue
		}
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %+v %v", name, got, err)
			continue
		}
		for i := range got {
			if len(got[i].Words) == 0 {
				got[i].Words = nil
			}
			if !reflect.DeepEqual(got[i], c.want[i]) {
				t.Errorf("%s: %+v, want %+v", name, got[i], c.want[i])
			}
		}
	}
}

func TestOpenAIAddressesAndModels(t *testing.T) {
	s, _ := session(t, "en")
	srv := serve(t, 200, nil, `{"text":"x"}`)
	for address, want := range map[string]string{
		"/v1": "/v1/audio/transcriptions", "/v1/": "/v1/audio/transcriptions", "/inference": "/inference", "/v1/audio/transcriptions": "/v1/audio/transcriptions",
	} {
		e := OpenAI{Remote{srv.URL + address, "", "m", "p", "r"}}
		if _, err := e.Transcribe(t.Context(), s, twoSeconds(1)); err != nil || srv.last.path != want {
			t.Errorf("%s went to %s, want %s (%v)", address, srv.last.path, want, err)
		}
		if _, has := srv.last.header["Authorization"]; has {
			t.Error("without a key there is still a header")
		}
	}
	e := OpenAI{Remote{srv.URL, "k", "gpt-4o-transcribe", "p", "r"}}
	if _, err := e.Transcribe(t.Context(), s, twoSeconds(1)); err != nil || !slices.Equal(srv.last.fields["response_format"], []string{"json"}) || e.Abilities().Longest > time.Minute {
		t.Errorf("%v %v", srv.last.fields, err)
	}
	if name, problem := e.Abilities().Language("de-AT"); name != "de" || problem != "" {
		t.Error(name, problem)
	}
	if _, problem := e.Abilities().Language("tlh"); problem == "" {
		t.Error("Klingon was promised")
	}
	if (OpenAI{Remote{URL: "http://h/v1"}}).Check(t.Context()) == nil || (OpenAI{Remote{URL: "http://h/inference"}}).Check(t.Context()) != nil || (OpenAI{}).Check(t.Context()) == nil {
		t.Error("Check")
	}
}

// OpenAI's own library, told to ask for the same, sends the same form.
func TestOpenAIRequestIsTheLibrarys(t *testing.T) {
	srv := serve(t, 200, map[string]string{"Content-Type": "application/json"}, dialects[0].good)
	s, _ := session(t, "en")
	if _, err := dialects[0].engine(srv.URL+"/v1").Transcribe(t.Context(), s, twoSeconds(1)); err != nil {
		t.Fatal(err)
	}
	ours := srv.last
	theirs := openai.NewClient(option.WithBaseURL(srv.URL+"/v1"), option.WithAPIKey("secret-key"), option.WithMaxRetries(0))
	_, err := theirs.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{
		File: openai.File(strings.NewReader(string(wav(twoSeconds(1)))), "call.wav", "audio/wav"), Model: "whisper-1", Language: openai.String("en"),
		ResponseFormat: "verbose_json", TimestampGranularities: []string{"segment", "word"}, Temperature: openai.Float(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	lib := srv.last
	if ours.path != lib.path || ours.header.Get("Authorization") != lib.header.Get("Authorization") || !reflect.DeepEqual(ours.files, lib.files) || !reflect.DeepEqual(ours.sizes, lib.sizes) {
		t.Errorf("ours %s %v %v, theirs %s %v %v", ours.path, ours.files, ours.sizes, lib.path, lib.files, lib.sizes)
	}
	if ours.fields["temperature"][0] != "0" || len(lib.fields["temperature"]) != 1 {
		t.Errorf("temperature: %v, %v", ours.fields["temperature"], lib.fields["temperature"])
	}
	delete(ours.fields, "temperature") // 0 and 0.000000
	delete(lib.fields, "temperature")
	if !reflect.DeepEqual(ours.fields, lib.fields) {
		t.Errorf("ours %v, theirs %v", ours.fields, lib.fields)
	}
}

func TestAzureRequest(t *testing.T) {
	srv := serve(t, 200, nil, `{"phrases":[{"channel":1,"offsetMilliseconds":0,"durationMilliseconds":100,"text":"b"},{"channel":0,"offsetMilliseconds":9e9,"durationMilliseconds":1,"text":"a"},{"text":" "}]}`)
	s, _ := session(t, "de-DE")
	got, err := dialects[1].engine(srv.URL+"/").Transcribe(t.Context(), s, twoSeconds(2))
	if err != nil || len(got) != 2 || got[0].Channel != 1 || got[1].Channel != 0 || got[1].End > 2*time.Second {
		t.Fatalf("%+v %v", got, err)
	}
	a := srv.last
	var d azureDefinition
	if err := json.Unmarshal([]byte(a.fields["definition"][0]), &d); err != nil || !reflect.DeepEqual(d, azureDefinition{[]string{"de-DE"}, "None", []int{0, 1}}) {
		t.Errorf("definition %+v %v", a.fields, err)
	}
	if a.path != "/speechtotext/transcriptions:transcribe" || a.query != "api-version="+azureVersion || a.header.Get("Ocp-Apim-Subscription-Key") != "secret-key" ||
		a.files["audio"] == "" || a.sizes["audio"] != 44+2*2*32000 {
		t.Errorf("%s?%s %v %v", a.path, a.query, a.files, a.sizes)
	}
	wrong := serve(t, 200, nil, `{"phrases":[{"channel":2,"text":"c"}]}`)
	if _, err := dialects[1].engine(wrong.URL).Transcribe(t.Context(), s, twoSeconds(2)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a third channel: %v", err)
	}
	if _, problem := (Azure{}).Abilities().Language("en"); problem == "" {
		t.Error("a language without region was guessed at")
	}
	if (Azure{}).Check(t.Context()) == nil || (Azure{Remote{URL: "https://x"}}).Check(t.Context()) == nil {
		t.Error("Check")
	}
}

func TestNothingIsSentWithoutPurpose(t *testing.T) {
	srv := serve(t, 200, nil, dialects[0].good)
	s, _ := session(t, "en")
	_, err := OpenAI{Remote{URL: srv.URL, Model: "m"}}.Transcribe(t.Context(), s, twoSeconds(1))
	if !isRefusal(err) || srv.last.path != "" {
		t.Errorf("%v; the server saw %q", err, srv.last.path)
	}
}

func FuzzOpenAIAnswer(f *testing.F) {
	f.Add([]byte(dialects[0].good))
	f.Add([]byte(`{"segments":[{"start":"1e400"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := twoSeconds(1)
		got, err := openaiAnswer(body, p)
		if err == nil {
			sane(t, got, p)
		}
	})
}

func FuzzAzureAnswer(f *testing.F) {
	f.Add([]byte(dialects[1].good))
	f.Add([]byte(`{"phrases":[{"offsetMilliseconds":-1e300}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := twoSeconds(2)
		got, err := azureAnswer(body, p)
		if err == nil {
			sane(t, got, p)
		}
	})
}

// sane: whatever a server says, times lie in the piece and nothing is blank.
func sane(t *testing.T, all []Utterance, p Piece) {
	for _, u := range all {
		bad := u.Text == "" || u.Start < 0 || u.End < u.Start || u.End > p.total() || u.Channel < 0 || u.Channel >= len(p.Channels)
		for _, w := range u.Words {
			bad = bad || w.Start < 0 || w.End < w.Start || w.End > p.total() || w.Confidence > 1 || w.Confidence < Unknown
		}
		if bad {
			t.Fatal(fmt.Sprintf("%+v", u), errors.New("out of bounds"))
		}
	}
}
