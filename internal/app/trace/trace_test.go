package trace_test

import (
	"bytes"
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
