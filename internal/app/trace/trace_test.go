package trace_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"ringfence/internal/app/trace"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/span"
)

// What arrives at a collector is a tree of spans over two processes; of an error
// only the kind is told.
func TestSpansArrive(t *testing.T) {
	var mu sync.Mutex
	var got coltrace.ExportTraceServiceRequest
	header := ""
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		mu.Lock()
		defer mu.Unlock()
		header = r.Header.Get("Authorization")
		var q coltrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(b.Bytes(), &q); err != nil {
			t.Error(err)
		}
		got.ResourceSpans = append(got.ResourceSpans, q.ResourceSpans...)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	tr, err := trace.New(t.Context(), trace.Options{Endpoint: collector.URL + "/v1/traces", Headers: map[string]string{"Authorization": "Bearer x"}, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, request := span.Begin(span.With(t.Context(), tr), "request", span.Attr{Key: "http.response.status_code", Value: "503"})
	carried := span.Carry(ctx)
	request.End(fault.New(fault.Unavailable, "Nora Feld's recording cannot be read"))
	later, job := span.Begin(span.Continue(span.With(t.Context(), tr), carried), "job transcribe")
	if span.ID(later) != span.ID(ctx) || len(span.ID(ctx)) != 32 {
		t.Error("the job is in another trace")
	}
	job.End(nil)
	tr.Stop()
	mu.Lock()
	defer mu.Unlock()
	text := got.String()
	if header != "Bearer x" || strings.Contains(text, "Nora") || !strings.Contains(text, "unavailable") || !strings.Contains(text, "job transcribe") {
		t.Error(header, text)
	}
}

// A collector that is away is one line of the server's log when that begins, and
// one when it ends; nothing is printed past it.
func TestACollectorThatIsAwayIsToldOnce(t *testing.T) {
	away := true
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	var log bytes.Buffer
	tr, err := trace.New(t.Context(), trace.Options{Endpoint: collector.URL, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Stop()
	for _, away = range []bool{true, true, false, false} {
		_, s := span.Begin(span.With(t.Context(), tr), "request")
		s.End(nil)
		if err := tr.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"level":"WARN"`) || !strings.Contains(lines[1], "again") {
		t.Errorf("%q", lines)
	}
}
