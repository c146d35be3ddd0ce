package span_test

import (
	"context"
	"errors"
	"testing"

	"ringfence/internal/base/span"
)

// Where nobody traces, a span costs one look into the context and no memory.
func TestNobodyTraces(t *testing.T) {
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		inner, s := span.Begin(ctx, "change")
		s.End(nil)
		if inner != ctx || span.Carry(ctx) != "" || span.ID(ctx) != "" || span.Continue(ctx, "00-x") != ctx {
			t.Error("the context changed")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	if span.With(ctx, nil) != ctx {
		t.Error("no tracer was put into the context")
	}
}

func BenchmarkNobodyTraces(b *testing.B) {
	type key int
	ctx := b.Context()
	for i := range 10 { // as deep as a request's
		ctx = context.WithValue(ctx, key(i), i)
	}
	for b.Loop() {
		_, s := span.Begin(ctx, "change")
		s.End(nil)
	}
}

type told struct {
	names []string
	errs  []error
}

func (t *told) Begin(ctx context.Context, name string, _ []span.Attr) (context.Context, span.Span) {
	t.names = append(t.names, name)
	return ctx, t
}
func (t *told) Carry(context.Context) string { return "carried" }
func (t *told) Continue(ctx context.Context, carried string) context.Context {
	t.names = append(t.names, carried)
	return ctx
}
func (t *told) ID(context.Context) string { return "id" }
func (t *told) Set(...span.Attr)          {}
func (t *told) End(err error)             { t.errs = append(t.errs, err) }

func TestTheTracerIsTold(t *testing.T) {
	tr, boom := &told{}, errors.New("boom")
	ctx := span.With(t.Context(), tr)
	_, s := span.Begin(ctx, "request")
	s.End(boom)
	span.Continue(ctx, span.Carry(ctx))
	if len(tr.names) != 2 || tr.names[0] != "request" || tr.names[1] != "carried" || !errors.Is(tr.errs[0], boom) || span.ID(ctx) != "id" {
		t.Errorf("%+v", tr)
	}
}
