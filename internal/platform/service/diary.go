package service

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// Events is the event log of Windows: three severities, a number and a text.
type Events interface {
	Info(id uint32, text string) error
	Warning(id uint32, text string) error
	Error(id uint32, text string) error
}

// Diary writes a log to an event log, one entry a line. The event log dates its
// entries itself.
func Diary(e Events, id uint32) slog.Handler {
	w := &diary{events: e, id: id}
	w.Handler = slog.NewTextHandler(&w.line, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	w.mu = &sync.Mutex{}
	return w
}

type diary struct {
	slog.Handler
	mu     *sync.Mutex
	line   bytes.Buffer
	events Events
	id     uint32
}

func (d *diary) Handle(ctx context.Context, r slog.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.Reset()
	if err := d.Handler.Handle(ctx, r); err != nil {
		return err
	}
	text := string(bytes.TrimSpace(d.line.Bytes()))
	switch {
	case r.Level >= slog.LevelError:
		return d.events.Error(d.id, text)
	case r.Level >= slog.LevelWarn:
		return d.events.Warning(d.id, text)
	}
	return d.events.Info(d.id, text)
}

// WithAttrs and WithGroup are not used by the service; they keep what they had.
func (d *diary) WithAttrs([]slog.Attr) slog.Handler { return d }

func (d *diary) WithGroup(string) slog.Handler { return d }
