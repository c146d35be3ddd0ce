package coverage

import (
	"fmt"
	"time"

	"ringfence/internal/platform/paper"
)

// mostPrinted is how many calls a page lists by name; the JSON has all.
const mostPrinted = 500

// page writes a statement for people.
func page(st Statement) ([]byte, error) {
	const instantForm = "2 January 2006, 15:04 MST"
	d := paper.New("Statement of coverage: "+st.Name+", "+st.Day, "Ringfence", st.SignedAt)
	facts := [][2]string{
		{"Statement", st.ID},
		{"Kind", kinds[st.Kind]},
		{"Customer", st.Name + " (" + st.Customer + ")"},
		{"Day", st.Day},
		{"Signed", st.SignedAt.Format(instantForm)},
		{"Final from", st.FinalFrom.Format(instantForm)},
	}
	if st.Corrects != "" {
		facts = append(facts, [2]string{"In place of", st.Corrects})
	}
	c := st.Total
	facts = append(facts,
		[2]string{"Calls that the logs name", number(c.Named)},
		[2]string{"Captured", captured(c)}, [2]string{"Excused by a rule", number(c.Excused)}, [2]string{"Missing", number(c.Missing)},
		[2]string{"Erased", number(c.Erased)}, [2]string{"Still on their way", number(c.Waiting)},
		[2]string{"Recordings that no log names", number(c.Unnamed)},
		[2]string{"Hash tree", fmt.Sprintf("%s over %d expectations", st.Root, st.Leaves)},
	)
	d.Facts(facts...)
	d.Heading("What this says")
	d.Text("Each call that a log of a telephone system names is expected to have a recording. It is captured when its sound is in the archive, be it through another source that recorded the same call; excused when a rule of the customer says that it need not be recorded; " +
		"missing when its time has passed and nothing came; erased when its recording was destroyed. A call that no log names and that left no file is seen by nobody: the gaps of the logs are listed for that reason. " +
		"Days are those of each source's time zone.")
	for _, s := range st.Sources {
		source(d, s)
	}
	return d.Bytes()
}

var kinds = map[StatementKind]string{
	Provisional: "provisional: recordings of this day may still come", Final: "final", Correction: "correction of a final statement",
}

// captured says how much of it came from elsewhere.
func captured(c Counts) string {
	if c.Elsewhere == 0 {
		return number(c.Captured)
	}
	return fmt.Sprintf("%d, of these %d by another source", c.Captured, c.Elsewhere)
}

func number(n int64) string { return fmt.Sprint(n) }

func source(d *paper.Document, s SourceDay) {
	d.Heading("Source " + s.Source)
	logs := "its logs name calls"
	if !s.Logs {
		logs = "no log names its calls: only what came is counted"
	}
	c := s.Counts
	d.Facts([2]string{"Time zone", s.Zone}, [2]string{"Logs", logs},
		[2]string{"Named", number(c.Named)}, [2]string{"Captured", captured(c)}, [2]string{"Excused", number(c.Excused)}, [2]string{"Missing", number(c.Missing)},
		[2]string{"Erased", number(c.Erased)}, [2]string{"On their way", number(c.Waiting)}, [2]string{"Not named by a log", number(c.Unnamed)})
	if len(s.Excuses) > 0 {
		var rows [][]string
		for _, e := range s.Excuses {
			rows = append(rows, []string{e.Text, number(e.Calls)})
		}
		d.Table([]string{"Excused, by rule", "Calls"}, []float64{5, 1}, rows)
	}
	if len(s.Erased) > 0 {
		var rows [][]string
		for _, e := range s.Erased {
			rows = append(rows, []string{e.Authority, number(e.Calls)})
		}
		d.Table([]string{"Erased, by authority", "Calls"}, []float64{5, 1}, rows)
	}
	listed(d, "Missing: the log names the call, nothing came", s.Missing)
	listed(d, "Unnamed: the recording is there, no log names it", s.Unnamed)
	if len(s.Gaps) > 0 {
		var rows [][]string
		for _, g := range s.Gaps {
			rows = append(rows, []string{gapWords[g.Kind] + " " + g.Log, g.From.UTC().Format(time.DateTime), g.To.UTC().Format(time.DateTime), number(g.N)})
		}
		d.Table([]string{"Gap of a log", "From (UTC)", "To (UTC)", "Lines or numbers"}, []float64{3, 2, 2, 1}, rows)
	}
}

var gapWords = map[GapKind]string{
	Unreadable: "lines that could not be read", Rotation: "taken away before it was read", Silence: "no line for long", Holes: "numbers left out",
}

func listed(d *paper.Document, title string, calls []NamedCall) {
	if len(calls) == 0 {
		return
	}
	var rows [][]string
	for i, c := range calls {
		if i == mostPrinted {
			rows = append(rows, []string{fmt.Sprintf("and %d more: the JSON statement has all", len(calls)-mostPrinted), "", ""})
			break
		}
		rows = append(rows, []string{c.ID, c.StartedAt.UTC().Format(time.DateTime), c.EndedAt.UTC().Format(time.DateTime)})
	}
	d.Table([]string{title, "Began (UTC)", "Ended (UTC)"}, []float64{4, 2, 2}, rows)
}
