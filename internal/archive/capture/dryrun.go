package capture

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// DryRun looks once at a source and writes what would be captured, without capturing anything: what an installer reads before switching it
// on. With Options.JSON it writes one JSON object per call and line, in the order of their start; else a table for a person.
func DryRun(ctx context.Context, opt Options, w io.Writer) error {
	opt.DryRun = true
	p, err := New(opt)
	if err != nil {
		return err
	}
	batch, err := p.Poll(ctx, time.Now())
	if err != nil {
		return err
	}
	if opt.Report != nil {
		for _, problem := range batch.Problems {
			opt.Report(problem)
		}
	}
	calls := lastOfEach(batch.Calls)
	for _, p := range nothings(calls) {
		if opt.Report != nil {
			opt.Report(p)
		}
	}
	if opt.JSON {
		enc := json.NewEncoder(w)
		for i := range calls {
			if err := enc.Encode(&calls[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return table(w, calls, opt.Zone)
}

// lastOfEach keeps the last word on each call, and leaves out those that became part of another.
func lastOfEach(calls []Call) []Call {
	last := map[string]int{}
	for i := range calls {
		last[calls[i].ID] = i
	}
	for i := range calls {
		if last[calls[i].ID] == i {
			for _, id := range calls[i].Absorbed {
				if id != calls[i].ID {
					delete(last, id)
				}
			}
		}
	}
	var out []Call
	for i := range calls {
		if at, ok := last[calls[i].ID]; ok && at == i {
			out = append(out, calls[i])
		}
	}
	slices.SortStableFunc(out, func(x, y Call) int { return x.StartedAt.Compare(y.StartedAt.Time) })
	return out
}

// table writes the calls for a person, with times in the source's zone.
func table(w io.Writer, calls []Call, zone *time.Location) error {
	if zone == nil {
		zone = time.UTC
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STARTED\tDIRECTION\tCALLER\tDIALLED\tQUEUE\tAGENTS\tOUTCOME\tRECORDINGS")
	for i := range calls {
		c := &calls[i]
		caller := c.Caller
		if c.Withheld {
			caller = "(withheld)"
		}
		var agents, files []string
		for _, a := range c.Agents {
			who := a.Extension
			if who == "" {
				who = a.Name
			}
			agents = append(agents, who+" "+string(a.Outcome))
		}
		for _, f := range c.Files {
			files = append(files, fmt.Sprintf("%s %.1fs %s", f.State, f.Sound.Seconds, f.Sound.Layout))
		}
		started := "-"
		if !c.StartedAt.IsZero() {
			started = c.StartedAt.In(zone).Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", started, c.Direction, dash(caller), dash(c.Dialled), dash(string(c.Queue)),
			dash(strings.Join(agents, ", ")), c.Disposition, dash(strings.Join(files, "; ")))
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return Shown(s)
}
