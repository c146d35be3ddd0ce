package receipt

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

// Export writes the chosen openings, the oldest first, as "csv" or "jsonl", up
// to the one that the export itself leaves before its first line. names gives
// what people call an actor. Before and Limit of the filter do not count.
func Export(ctx context.Context, p *place.Place, who actor.Actor, f Filter, format string, names func(Line) string, w io.Writer) error {
	var put func(Line) error
	end := func() error { return nil }
	switch format {
	case "csv":
		out := csv.NewWriter(w)
		if names == nil {
			names = func(Line) string { return "" }
		}
		put = func(l Line) error { return out.Write(cells(l, names(l))) }
		end = func() error { out.Flush(); return out.Error() }
		if err := out.Write(head); err != nil {
			return err
		}
	case "jsonl":
		out := json.NewEncoder(w)
		put = func(l Line) error { return out.Encode(l) }
	default:
		return fault.Field("format", "must be csv or jsonl")
	}
	own, err := p.Receipt(ctx, who, place.Opening{Subject: "receipts", What: "export", Purpose: who.Purpose})
	if err != nil {
		return err
	}
	where, args := f.conditions()
	const batch = 1000 // one snapshot each: a slow reader must not hold one for hours
	for {
		var page []Line
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			page, err = read(tx, columns+where+` AND pos <= ? ORDER BY pos LIMIT ?`, append(args, own.Position(), batch))
			return err
		})
		if err != nil {
			return err
		}
		for _, l := range page {
			if f.Nameless {
				l.From, l.Purpose = "", ""
			}
			if err := put(l); err != nil {
				return err
			}
		}
		if len(page) < batch {
			return end()
		}
		args[0] = page[len(page)-1].Position // of `pos > ?`
	}
}

var head = []string{"position", "receipt", "at", "until", "what", "subject", "keys", "kind", "who", "name", "support", "session", "from", "purpose", "unreadable"}

func cells(l Line, name string) []string {
	all := []string{
		strconv.FormatInt(l.Position, 10), l.Receipt, l.At.Format(time.RFC3339Nano), l.Until.Format(time.RFC3339Nano), l.What, l.Subject, strconv.Itoa(l.Keys),
		l.Kind, l.Who, name, l.Support, l.Session, l.From, l.Purpose, strconv.FormatBool(l.Unreadable),
	}
	for i, c := range all {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			all[i] = "'" + c // else a spreadsheet runs what somebody typed as a purpose
		}
	}
	return all
}
