package breach

import (
	"fmt"
	"strings"
	"time"

	"ringfence/internal/platform/paper"
)

// Notices are to whom one is drafted.
var Notices = []string{"authority", "persons"}

// Notice drafts what the authority (GDPR article 33(3)) or the persons concerned
// (article 34(2)) are told. It is a draft: what the program does not know stands
// as three dots.
func Notice(b Breach, r Report, customer, to string) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n\n", args...) }
	w := b.Words
	stretch := fmt.Sprintf("from %s to %s", moment(b.From), moment(b.To))
	if to == "persons" {
		say("Dear Sir or Madam,")
		say("%s has to tell you that recordings of telephone calls with you may have come into wrong hands.", dots(customer))
		say("What happened: %s. This was %s; we became aware of it on %s.", dots(w.What), stretch, moment(b.AwareAt))
		if r.Did.Recordings > 0 {
			say("A recording or transcript of a call with you was opened in that time. It holds your number, your name where you gave it, and what was said.")
		} else {
			say("By our records, no recording was opened in that time; we cannot rule it out wholly.")
		}
		say("What may follow for you: %s.", dots(w.Consequences))
		say("What we have done, and what you can do: %s.", dots(w.Measures))
		say("Your contact for questions: %s.", dots(w.Contact))
		return out.String()
	}
	say("Notification of a personal data breach (GDPR article 33), reference %s", b.ID)
	say("Controller: %s. Contact: %s.", dots(customer), dots(w.Contact))
	say("1. What happened\n%s. In wrong hands may have been %s%s, %s. We became aware of it on %s.", dots(w.What), Kinds[b.Kind], of(b.Subject), stretch, moment(b.AwareAt))
	say("2. Persons and records concerned\nWithin reach were %d recordings with about %d persons. By the receipts that are written before anything is opened, %d recordings with about %d persons were opened, in %d openings. Persons are counted by the telephone numbers and extensions that took part.",
		r.Could.Recordings, r.Could.Persons, r.Did.Recordings, r.Did.Persons, r.Receipts)
	say("Sorts of data: sound and transcripts of telephone calls, telephone numbers, names where they were given, times.")
	say("Why that much was within reach:\n- %s", strings.Join(r.Rights, "\n- "))
	say("3. Likely consequences\n%s.", dots(w.Consequences))
	say("4. Measures taken and proposed\n%s. All sound and text is sealed with keys of each recording; each opening is written down before the key is used.", dots(w.Measures))
	say("This has to reach the authority before %s (72 hours after we became aware). Where not all is known by then, what is known is sent, and the rest later (article 33(4)).", moment(b.DueAt))
	return out.String()
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

func of(subject string) string {
	if subject == "" {
		return ""
	}
	return " (" + subject + ")"
}

func dots(text string) string {
	if text = strings.TrimRight(strings.TrimSpace(text), "."); text == "" {
		return "…"
	}
	return text
}

// NoticePaper is a notice as a PDF, with the list of what was opened.
func NoticePaper(b Breach, r Report, customer, to string, at time.Time) ([]byte, error) {
	title := "Notification of a personal data breach"
	if to == "persons" {
		title = "Notice to persons concerned"
	}
	d := paper.New(title+" (draft)", "Ringfence", at)
	for part := range strings.SplitSeq(strings.TrimSpace(Notice(b, r, customer, to)), "\n\n") {
		d.Text(part)
	}
	if to == "authority" && len(r.Opened) > 0 {
		d.Heading("Recordings that were opened")
		var rows [][]string
		for _, o := range r.Opened[:min(len(r.Opened), 500)] {
			rows = append(rows, []string{moment(o.First), o.Recording, strings.Join(o.Ways, ", "), o.Purpose})
		}
		d.Table([]string{"First", "Recording", "How", "Purpose stated"}, []float64{3, 4, 2, 3}, rows)
	}
	return d.Bytes()
}
