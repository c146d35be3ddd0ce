package person

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
)

// explain is what article 15(1) and (2) want told, in plain words.
func (s *Service) explain(ctx context.Context, p *place.Place, c Case, list []packed) (string, error) {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	say("What is kept of you, and why\nRequest %s, received %s", c.ID, day(c.ReceivedAt, c.Zone))
	stores := map[string]int{}
	sounds := 0
	for _, f := range list {
		stores[f.Store]++
		if strings.HasSuffix(f.Sound, ".wav") {
			sounds++
		}
	}
	say("This package holds what was found and confirmed to be yours: %s. Recordings among it that have your side of the call as sound: %d; the other party's side is silent, because it is theirs.", things(len(list)), sounds)
	for store, n := range stores {
		say("- %s: %d", store, n)
	}
	say("What it is used for. Calls are recorded and transcribed so that the organisation can prove what was agreed, deal with complaints, check the quality of its work and meet its legal duties. Your number, and your name where you gave it, serve to find calls again.")
	if reason, err := s.retained(ctx, p); err != nil {
		return "", err
	} else {
		say("How long it is kept. %s", reason)
	}
	recipients := []string{}
	if s.o.Recipients != nil {
		var err error
		if recipients, err = s.o.Recipients(ctx, p); err != nil {
			return "", err
		}
	}
	if len(recipients) == 0 {
		say("Who received it. No recording and no transcript left the system on which it is kept. Members of the organisation opened it; each opening is written down and can be asked for.")
	} else {
		say("Who received it. Sound or text was sent, for the purposes named, to: %s. Members of the organisation opened it; each opening is written down and can be asked for.", strings.Join(recipients, "; "))
	}
	say("Where it comes from. From the telephone system of the organisation: its recordings, and its logs of who called whom and when. The transcript and how a conversation felt were computed from the sound; no decision about you is made by that alone.")
	say("Your rights. You can have what is wrong put right, ask for erasure or that it is only stored, object to transcription and to the rating of feelings, and receive what you provided in a form for machines. You can complain to the supervisory authority; in the United Kingdom this is the Information Commissioner's Office, ico.org.uk.")
	return b.String(), nil
}

func things(n int) string {
	if n == 1 {
		return "one thing"
	}
	return strconv.Itoa(n) + " things"
}

// retained says how long recordings are kept.
func (s *Service) retained(ctx context.Context, p *place.Place) (string, error) {
	r, err := s.o.Recordings.Retention(ctx, p)
	switch {
	case err != nil:
		return "", err
	case !r.Chosen || r.Days == 0:
		return "No time was set after which all recordings are deleted.", nil
	}
	return fmt.Sprintf("Recordings and their transcripts are deleted %d days after the call, unless a law or a legal claim wants them kept longer; rules for some kinds of calls may be shorter or longer.", r.Days), nil
}

func day(at time.Time, zone string) string {
	if z, err := time.LoadLocation(zone); err == nil {
		at = at.In(z)
	}
	return at.Format("2 January 2006")
}

// Letters are the drafts that can be had.
var Letters = []string{"receipt", "answer", "extension", "refusal"}

// Letter drafts a letter to the person of a case. It is a draft: who handles the
// case reads it, and sends it by a way on which it was made sure who the person is.
func Letter(c Case, kind string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	name := c.Subject.Name
	if name == "" {
		name = "Sir or Madam"
	}
	say("Dear %s,", name)
	last := day(c.DueAt.Add(-time.Second), c.Zone)
	switch kind {
	case "receipt":
		say("We received your request for %s on %s (our reference: %s).", titleOf(c.Right), day(c.ReceivedAt, c.Zone), c.ID)
		if c.CheckedAt.IsZero() {
			say("Before we answer we have to make sure that you are who you say: what we keep must not come into other hands. Please tell us the numbers you called from and about when, and show a document that you may black out but for name and address.")
		}
		say("We will answer by %s at the latest.", last)
	case "extension":
		say("Your request of %s (our reference: %s) takes more time than a month: %s", day(c.ReceivedAt, c.Zone), c.ID, orDots(c.Extended))
		say("We will answer by %s at the latest (GDPR article 12(3)).", last)
	case "refusal":
		say("We cannot do what you asked for on %s (our reference: %s). The reason is: %s", day(c.ReceivedAt, c.Zone), c.ID, orDots(c.Outcome))
		say("You can complain to the supervisory authority, in the United Kingdom the Information Commissioner's Office (ico.org.uk), and you can go to court (GDPR article 12(4)).")
	default:
		say("You asked us on %s for %s (our reference: %s).", day(c.ReceivedAt, c.Zone), titleOf(c.Right), c.ID)
		say("%s", answered(c))
		say("If you think that this is not right, please tell us. You can also complain to the supervisory authority, in the United Kingdom the Information Commissioner's Office (ico.org.uk).")
	}
	say("Yours sincerely,")
	return b.String()
}

func answered(c Case) string {
	f := c.Figures
	switch c.Right {
	case Access:
		return fmt.Sprintf("We found %d things that are yours. They are in the package that comes with this letter, with an explanation of what they are for, how long they are kept and who received them. Where both sides of a call were recorded, the other party's side is silent.", f.Confirmed)
	case Portability:
		return "What you provided is in the package that comes with this letter, in a form that machines read (JSON) and as sound."
	case Rectify:
		return "We have put right what you told us. What stood there before is kept closed, as the proof that it was changed."
	case Erase:
		text := fmt.Sprintf("We have erased %d things that were yours, by destroying the keys without which they cannot be read, in every copy.", f.Erased)
		if f.Kept > 0 {
			text += fmt.Sprintf(" %d things stay, each for a reason of the law: %s", f.Kept, orDots(c.Outcome))
		}
		return text
	case Restrict:
		return "What is kept of you is only stored from now on. It is opened with your consent, for a legal claim, for the rights of another person, or in an important public interest, and not otherwise. We will tell you before this ends."
	case Object:
		return "What you objected to is not done any more with calls in which your number takes part."
	}
	return orDots(c.Outcome)
}

func orDots(text string) string {
	if text == "" {
		return "…"
	}
	return text
}

// LetterPaper is a letter as a PDF.
func LetterPaper(c Case, kind string, at time.Time) ([]byte, error) {
	d := paper.New("Your request for "+titleOf(c.Right), "Ringfence", at)
	for part := range strings.SplitSeq(strings.TrimSpace(Letter(c, kind)), "\n\n") {
		d.Text(part)
	}
	return d.Bytes()
}

// Allowed are the purposes for which what is restricted may be opened.
func Allowed() []string { return recording.LawfulPurposes() }
