package collect

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// display shows events: lines of JSON for programs, a line that renews itself
// on a terminal, and only what matters elsewhere (a service's log).
type display struct {
	out, err io.Writer
	json     bool
	terminal bool

	verified, sealed, bad int
	left                  int // files that a run with Once could not take yet
	bytes                 int64
	began, drawn          time.Time
	line                  bool // the last line is the progress line
}

func newDisplay(out, err io.Writer, asJSON bool) *display {
	return &display{out: out, err: err, json: asJSON, terminal: !asJSON && isTerminal(out)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (d *display) event(e Event) {
	if d.began.IsZero() {
		d.began = e.At
	}
	d.count(e)
	if d.json {
		b, err := json.Marshal(e)
		if err == nil {
			fmt.Fprintf(d.out, "%s\n", b)
		}
		return
	}
	if text := d.text(e); text != "" {
		d.clear()
		fmt.Fprintln(d.err, text)
	}
	if d.terminal && (e.At.Sub(d.drawn) > 100*time.Millisecond || e.What == "idle") {
		d.drawn = e.At
		d.draw(e.At)
	}
}

func (d *display) count(e Event) {
	switch e.What {
	case "sealed":
		d.sealed++
	case string(Verified):
		d.verified++
		d.bytes += e.Bytes
	case "attention":
		d.bad++
	case "idle":
		d.left = e.Waiting
	}
}

// text is what is worth a line of its own.
func (d *display) text(e Event) string {
	switch e.What {
	case "attention":
		return fmt.Sprintf("needs attention: %s: %s. %s", e.File, e.Text, e.Advice)
	case "away", "waiting", "kept":
		return e.Text
	case string(Erased):
		return fmt.Sprintf("erased: %s was destroyed in the archive before and is not captured again", e.Upload)
	case "destroyed":
		return fmt.Sprintf("destroyed in the archive: %s; its files here: %s", e.Recording, e.Text)
	case "idle":
		return fmt.Sprintf("%d recordings archived (%d MiB); %s", d.verified, d.bytes>>20, e.Text)
	}
	return ""
}

// draw renews the progress line.
func (d *display) draw(at time.Time) {
	rate := 0.0
	if s := at.Sub(d.began).Seconds(); s > 0 {
		rate = float64(d.bytes) / (1 << 20) / s
	}
	total := max(d.sealed, d.verified)
	const width = 20
	full := 0
	if total > 0 {
		full = width * d.verified / total
	}
	bar := make([]rune, width)
	for i := range bar {
		bar[i] = '·'
		if i < full {
			bar[i] = '█'
		}
	}
	fmt.Fprintf(d.out, "\r\x1b[K[%s] %d of %d archived, %.1f MiB/s", string(bar), d.verified, total, rate)
	if d.bad > 0 {
		fmt.Fprintf(d.out, ", %d need attention", d.bad)
	}
	d.line = true
}

func (d *display) clear() {
	if d.line {
		fmt.Fprint(d.out, "\r\x1b[K")
		d.line = false
	}
}

func (d *display) end() {
	if d.line {
		fmt.Fprintln(d.out)
		d.line = false
	}
}
