package person

import (
	"strings"

	"ringfence/internal/platform/paper"
)

// mostPrinted is how many acts a page lists; the JSON has all.
const mostPrinted = 500

const instantForm = "2 January 2006, 15:04:05 MST"

// page writes a certificate for people; for programs, what they read of it is in it.
func page(c Certificate, said []byte) ([]byte, error) {
	d := paper.New("Certificate of a person's request: "+c.Name, "Ringfence", c.SignedAt)
	facts := [][2]string{
		{"Certificate", c.ID},
		{"Customer", c.Name + " (" + c.Customer + ")"},
		{"Request", c.Request},
		{"For", titleOf(c.Right) + " (GDPR article " + text(int64(c.Article)) + ")"},
		{"Received", c.Received.Format(instantForm)},
		{"To be answered before", c.Due.Format(instantForm)},
	}
	if c.Extended != nil {
		facts = append(facts, [2]string{"Made longer until", c.Extended.Format(instantForm)})
	}
	checked := "not noted"
	if c.Identified != nil {
		checked = c.Identified.Format(instantForm)
	}
	when := "in time"
	if !c.InTime {
		when = "late"
	}
	facts = append(facts,
		[2]string{"Identity checked", checked},
		[2]string{"Ended", c.Ended.Format(instantForm) + ": " + string(c.State) + ", " + when},
		[2]string{"Signed", c.SignedAt.Format(instantForm)},
		[2]string{"Found", text(c.Finds.Found) + ": " + text(c.Finds.Confirmed) + " confirmed, " + text(c.Finds.Rejected) + " rejected, " + text(c.Finds.Undecided) + " undecided"},
	)
	d.Facts(facts...)
	if len(c.Erasures) > 0 {
		d.Heading("Certificates of destruction")
		for _, e := range c.Erasures {
			d.Facts([2]string{"Destruction", e.Run}, [2]string{"Certificates", strings.Join(e.Certificates, ", ")})
		}
		d.Text("They say what became of every copy. Recordings have certificates of their own under the same destruction, which can be signed minutes after it: those that are signed after this one are not named here.")
	}
	d.Heading("What was done")
	var rows [][]string
	for n, a := range c.Acts {
		if n == mostPrinted {
			rows = append(rows, []string{"and " + text(int64(len(c.Acts)-mostPrinted)) + " more: the JSON certificate has all", "", ""})
			break
		}
		rows = append(rows, []string{a.At.Format("2006-01-02 15:04:05"), a.What, "no. " + text(a.Position) + ", " + a.Event})
	}
	d.Table([]string{"When (UTC)", "What", "Entry of the change log"}, []float64{1.7, 4.2, 3}, rows)
	d.Heading("What this says")
	d.Text("It tells what was done about the request until it was ended, as the change log has it. What came later, such as a restriction that was lifted since, is not in it. " +
		"It names nobody, and repeats nothing that somebody wrote. Each entry can be proven with an export of the change log, in which it stands at the number and under the id that are named here.")
	d.Attach("certificate.json", said)
	return d.Bytes()
}
