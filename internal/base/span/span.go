// Package span lets work say that it has begun and ended, to whoever traces it.
// It knows no protocol: the tracer comes with the context, and where there is
// none, a span costs one look into the context.
//
// Names and attributes are constants, route patterns, kinds and numbers. No id
// of a person, no name, no number of a telephone and no text belongs in them:
// traces leave the process.
package span

import "context"

// Tracer begins spans and carries them from one process or job to the next.
type Tracer interface {
	Begin(ctx context.Context, name string, attrs []Attr) (context.Context, Span)
	// Carry writes down the span of a context in W3C's form (traceparent), or "".
	Carry(ctx context.Context) string
	// Continue makes what follows in ctx part of a span that was written down. A
	// text that is none is left out.
	Continue(ctx context.Context, carried string) context.Context
	// ID is the id of the trace that ctx belongs to, for logs, or "".
	ID(ctx context.Context) string
}

// Span is one piece of work under way.
type Span interface {
	Set(attrs ...Attr)
	End(err error) // of an error only its kind is kept
}

// Attr is one fact about a span.
type Attr struct{ Key, Value string }

type tracerKey struct{}

// With has the spans of a context told to t. nil leaves ctx as it is.
func With(ctx context.Context, t Tracer) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, tracerKey{}, t)
}

func tracer(ctx context.Context) Tracer {
	t, _ := ctx.Value(tracerKey{}).(Tracer)
	return t
}

// Begin begins a span; without a tracer it gives ctx back and a span that does
// nothing.
func Begin(ctx context.Context, name string, attrs ...Attr) (context.Context, Span) {
	if t := tracer(ctx); t != nil {
		return t.Begin(ctx, name, attrs)
	}
	return ctx, none{}
}

// Carry writes down the span of a context, for a job that follows from it; ""
// without a tracer.
func Carry(ctx context.Context) string {
	if t := tracer(ctx); t != nil {
		return t.Carry(ctx)
	}
	return ""
}

// Continue makes what follows part of a span that Carry wrote down.
func Continue(ctx context.Context, carried string) context.Context {
	if t := tracer(ctx); t != nil && carried != "" {
		return t.Continue(ctx, carried)
	}
	return ctx
}

// ID is the id of the trace that ctx belongs to, or "".
func ID(ctx context.Context) string {
	if t := tracer(ctx); t != nil {
		return t.ID(ctx)
	}
	return ""
}

type none struct{}

func (none) Set(...Attr) {}
func (none) End(error)   {}
