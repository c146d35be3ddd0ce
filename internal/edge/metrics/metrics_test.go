package metrics_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"ringfence/internal/base/secret"
	"ringfence/internal/edge/metrics"
)

func ask(t *testing.T, m *metrics.Metrics, token secret.Text, header ...string) (int, string, http.Header) {
	t.Helper()
	s := httptest.NewServer(m.Handler(token, slog.New(slog.DiscardHandler)))
	defer s.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/metrics", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestFiguresAreWellFormed(t *testing.T) {
	m := metrics.New("test")
	m.Request("GET /api/v1/customers/{customer}/recordings", "GET", 200, 12*time.Millisecond)
	m.Request("", "BREW", 404, time.Millisecond)
	m.Job("transcribe", "done", time.Second)
	m.Webhook("recording.captured", "delivered", time.Second)
	m.Egress("webhook", "answered", time.Second)
	m.Captured(3*time.Second, false)
	m.Gauge("key_copies", "Places that keys are kept in.", func() float64 { return 2 })
	m.Counter("turns", "Turns.", func() float64 { return 7 })
	m.GaugeBy("jobs_waiting", "Jobs that wait.", "kind", func() map[string]float64 { return map[string]float64{"transcribe": 3} })
	status, text, _ := ask(t, m, secret.Text{})
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if status != 200 || err != nil {
		t.Fatal(status, err)
	}
	for _, name := range []string{
		"ringfence_http_request_seconds", "ringfence_job_seconds", "ringfence_webhook_seconds", "ringfence_egress_seconds", "ringfence_captured_total",
		"ringfence_captured_sound_seconds_total", "ringfence_key_copies", "ringfence_turns_total", "ringfence_jobs_waiting", "ringfence_build", "go_goroutines",
	} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if strings.Contains(text, "BREW") {
		t.Error("a caller's own method is a series")
	}
	_, text, header := ask(t, m, secret.Text{}, "Accept", "application/openmetrics-text;version=1.0.0")
	if !strings.HasPrefix(header.Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(text, "# EOF\n") || !strings.Contains(text, "ringfence_turns_total 7.0") {
		t.Errorf("%s\n%s", header, text[max(0, len(text)-400):])
	}
}

func TestTheTokenIsAsked(t *testing.T) {
	m, token := metrics.New("test"), secret.NewText("s3cret")
	for _, h := range []string{"", "Bearer wrong", "Basic s3cret", "s3cret"} {
		if status, text, _ := ask(t, m, token, "Authorization", h); status != 401 || strings.Contains(text, "go_goroutines") {
			t.Errorf("%q: %d", h, status)
		}
	}
	if status, _, _ := ask(t, m, token, "Authorization", "bearer s3cret"); status != 200 {
		t.Error(status)
	}
}

// However much there is, the number of series stays bounded.
func TestSeriesAreBounded(t *testing.T) {
	m := metrics.New("test")
	m.GaugeBy("things", "Things.", "kind", func() map[string]float64 {
		all := map[string]float64{}
		for i := range 2000 {
			all[fmt.Sprint("kind", i)] = 1
		}
		return all
	})
	_, text, _ := ask(t, m, secret.Text{})
	if n := strings.Count(text, "ringfence_things{"); n != 51 || !strings.Contains(text, `ringfence_things{kind="other"} 1950`) {
		t.Errorf("%d series", n)
	}
}

func TestWhatIsDearIsReadOnce(t *testing.T) {
	now, n := time.Unix(0, 0), 0
	read := metrics.Soon(10*time.Second, func() time.Time { return now }, func(context.Context) int { n++; return n })
	if first, second := read(), read(); first != 1 || second != 1 {
		t.Error("read twice")
	}
	now = now.Add(11 * time.Second)
	if read() != 2 {
		t.Error("never read again")
	}
}
