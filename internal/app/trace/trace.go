// Package trace sends spans to a collector of the operator's, by OTLP over HTTP.
// It is made only where the configuration names one: without it no request
// carries a tracer, and package span does nothing.
//
// Spans hold names of routes, jobs and programs, times, and kinds of failures.
// What is sent is bounded: a queue in memory that drops what the collector does
// not take in time, so that a slow collector holds up nothing.
package trace

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/span"
)

// Options say where spans go.
type Options struct {
	Endpoint string            // URL such as http://127.0.0.1:4318/v1/traces
	Headers  map[string]string // for example an authorisation
	Share    float64           // of traces that are kept: 0.1 is one in ten; zero: all
	Client   *http.Client      // nil: the exporter's own
	Log      *slog.Logger      // told when the collector stops taking spans and when it takes them again; nil: nobody is
	Version  string
}

// Tracer implements span.Tracer.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   oteltrace.Tracer
}

// New makes a tracer. Nothing is sent before the first span has ended.
func New(ctx context.Context, o Options) (*Tracer, error) {
	opts := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(o.Endpoint), otlptracehttp.WithHeaders(o.Headers), otlptracehttp.WithTimeout(10 * time.Second),
	}
	if o.Client != nil {
		opts = append(opts, otlptracehttp.WithHTTPClient(o.Client))
	}
	out, err := otlptracehttp.New(ctx, opts...)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "traces.endpoint cannot be used")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	share := sdktrace.AlwaysSample()
	if o.Share > 0 && o.Share < 1 {
		share = sdktrace.TraceIDRatioBased(o.Share)
	}
	p := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&told{SpanExporter: out, log: o.Log}, sdktrace.WithMaxQueueSize(2048), sdktrace.WithBatchTimeout(2*time.Second)),
		sdktrace.WithSampler(sdktrace.ParentBased(share)),
		// The host's name and the command line are left out: they are nobody else's.
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "ringfence"), attribute.String("service.version", o.Version))),
	)
	return &Tracer{p, p.Tracer("ringfence")}, nil
}

// told is an exporter whose failures go to the server's log, once each time that
// they begin: the library would print each attempt, past the log's form and level.
type told struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing bool // spans are exported by one goroutine
}

// ExportSpans implements sdktrace.SpanExporter.
func (t *told) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	switch failing := err != nil; {
	case failing && !t.failing:
		t.log.WarnContext(ctx, "traces cannot be sent; those of now are lost", "error", err)
	case !failing && t.failing:
		t.log.InfoContext(ctx, "traces are taken again")
	}
	t.failing = err != nil
	return nil
}

// Stop sends what waits, for at most five seconds.
func (t *Tracer) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what cannot be sent is lost: a trace is no record
}

// Begin implements span.Tracer.
func (t *Tracer) Begin(ctx context.Context, name string, attrs []span.Attr) (context.Context, span.Span) {
	ctx, s := t.tracer.Start(ctx, name, oteltrace.WithAttributes(plain(attrs)...))
	return ctx, one{s}
}

var w3c propagation.TraceContext

// Carry implements span.Tracer.
func (t *Tracer) Carry(ctx context.Context) string {
	to := propagation.MapCarrier{}
	w3c.Inject(ctx, to)
	return to.Get("traceparent")
}

// Continue implements span.Tracer.
func (t *Tracer) Continue(ctx context.Context, carried string) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{"traceparent": carried})
}

// ID implements span.Tracer.
func (t *Tracer) ID(ctx context.Context) string {
	if c := oteltrace.SpanContextFromContext(ctx); c.HasTraceID() {
		return c.TraceID().String()
	}
	return ""
}

type one struct{ s oteltrace.Span }

// Set implements span.Span.
func (o one) Set(attrs ...span.Attr) { o.s.SetAttributes(plain(attrs)...) }

// End implements span.Span. Of an error only its kind is told: its text may
// quote anything.
func (o one) End(err error) {
	if err != nil {
		o.s.SetStatus(codes.Error, fault.KindOf(err).String())
	}
	o.s.End()
}

func plain(attrs []span.Attr) []attribute.KeyValue {
	out := make([]attribute.KeyValue, len(attrs))
	for i, a := range attrs {
		if n, err := strconv.ParseInt(a.Value, 10, 64); err == nil {
			out[i] = attribute.Int64(a.Key, n)
		} else {
			out[i] = attribute.String(a.Key, a.Value)
		}
	}
	return out
}
