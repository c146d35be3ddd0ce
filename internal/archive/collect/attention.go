package collect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/disk"
)

// trouble is a file under needs attention, with where to look whether it is
// still there.
type trouble struct {
	Attention
	path string // byte for byte, within the source's folder or the logs; "" is not looked for
}

// needs lists a file under needs attention; well takes it off again.
func (b *box) needs(shown, path, reason, advice string, size int64) {
	b.mu.Lock()
	old, known := b.attention[shown]
	a := Attention{File: shown, Reason: reason, Advice: advice, Since: b.now().UTC().Truncate(time.Second), Size: size}
	if known {
		a.Since = old.Since
	}
	b.attention[shown] = trouble{a, path}
	b.mu.Unlock()
	if !known || old.Reason != reason {
		b.changed.Store(true)
		b.report(Event{What: "attention", File: shown, Text: reason, Advice: advice, Bytes: size})
	}
}

func (b *box) well(shown string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.attention[shown]; known {
		delete(b.attention, shown)
		b.changed.Store(true)
	}
}

// tell reports how the box stands. It is not worth a retry: the next one says
// the same and more.
func (b *box) tell(ctx context.Context, s *scanner) {
	oldest := b.oldest(s)
	b.mu.Lock()
	st := Standing{Waiting: len(s.todo) + len(b.taken) + len(s.partial), Spooled: b.spool.bytes(), Attention: []Attention{}}
	for shown, t := range b.attention {
		if t.path != "" && b.vanished(t.path) {
			delete(b.attention, shown)
			continue
		}
		st.Attention = append(st.Attention, t.Attention)
	}
	b.mu.Unlock()
	if b.protocol() >= 2 {
		if !oldest.IsZero() {
			st.Oldest = &oldest
		}
		st.Room = b.spool.most()
		if d, ok := b.up.drift(); ok {
			ms := d.Milliseconds()
			st.Clock = &ms
		}
	}
	slices.SortFunc(st.Attention, func(x, y Attention) int { return strings.Compare(x.File, y.File) })
	if len(st.Attention) > maxAttention {
		st.More = len(st.Attention) - maxAttention
		st.Attention = st.Attention[:maxAttention]
	}
	if err := b.up.standing(ctx, st); err != nil && ctx.Err() == nil {
		b.report(Event{What: "away", Text: err.Error()})
	}
}

// vanished reports whether somebody has removed a file that needed attention.
func (b *box) vanished(path string) bool {
	if _, err := b.root.Lstat(filepath.FromSlash(path)); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if b.Logs == "" {
		return true
	}
	_, err := os.Lstat(filepath.Join(b.Logs, filepath.FromSlash(path)))
	return errors.Is(err, fs.ErrNotExist)
}

// reasonOf is why a file failed, without its name: names hold numbers, and
// reasons are kept in the open.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

func adviceFor(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "let the collector's user read the file"
	case disk.Full(err):
		return "free some space on the disk of the --state folder"
	}
	return "the file is tried again at the next look"
}
