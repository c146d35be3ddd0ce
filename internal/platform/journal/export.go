package journal

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// Format is how an export is written.
type Format string

const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl" // one JSON object per line
)

// Export writes the chosen events, the oldest first, up to the opening that the
// export itself leaves in the journal before its first line. Before and Limit
// of the filter do not count.
func Export(ctx context.Context, p *place.Place, who actor.Actor, f Filter, format Format, w io.Writer) error {
	var out sink
	switch format {
	case CSV:
		out = &table{w: csv.NewWriter(w)}
	case JSONLines:
		out = lines{json.NewEncoder(w)}
	default:
		return fault.Field("format", "must be csv or jsonl")
	}
	receipt, err := p.Receipt(ctx, who, place.Opening{Subject: "journal", What: "export", Purpose: who.Purpose})
	if err != nil {
		return err
	}
	where, args := f.conditions()
	text := columns + strings.Join(where, ` AND `) + ` AND pos <= ? ORDER BY pos LIMIT ?`
	const batch = 1000 // one snapshot each: a slow reader must not hold one for hours
	for {
		var page []Entry
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			page, err = read(tx, text, append(args, receipt.Position(), batch))
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := out.write(e); err != nil {
				return err
			}
		}
		if len(page) < batch {
			return out.end()
		}
		args[0] = page[len(page)-1].Position // of `pos > ?`
	}
}

type sink interface {
	write(Entry) error
	end() error
}

type lines struct{ *json.Encoder }

func (l lines) write(e Entry) error { return l.Encode(e) }
func (l lines) end() error          { return nil }

type table struct {
	w     *csv.Writer
	begun bool
}

func (t *table) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	return t.w.Write([]string{
		"position", "id", "at", "code", "meaning", "actor_kind", "actor_id", "on_behalf", "subject", "why", "facts", "personal", "unreadable",
	})
}

func (t *table) write(e Entry) error {
	if err := t.begin(); err != nil {
		return err
	}
	facts, err := json.Marshal(e.Facts)
	if err != nil {
		return err
	}
	personal, err := json.Marshal(e.Personal)
	if err != nil {
		return err
	}
	cells := []string{
		strconv.FormatInt(e.Position, 10), e.ID.String(), e.At.Format(time.RFC3339Nano), e.Code, Meaning(e.Code),
		string(e.ActorKind), e.ActorID, e.OnBehalf, e.Subject, e.Why, string(facts), string(personal), strconv.FormatBool(e.Unreadable),
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return t.w.Write(cells)
}

func (t *table) end() error {
	if err := t.begin(); err != nil {
		return err
	}
	t.w.Flush()
	return t.w.Error()
}

// harmless keeps a spreadsheet from running what somebody has typed: a cell
// that begins like a formula gets an apostrophe.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
