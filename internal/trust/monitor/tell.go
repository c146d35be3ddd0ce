package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// When mails go out. What is raised within gather goes into one mail; after it,
// the next one waits, so that a storm of a hundred alerts gives a few mails.
const (
	gather     = 10 * time.Second
	gap        = 15 * time.Minute // between mails to one contact
	urgentGap  = 30 * time.Second // where something urgent waits: it is told within a minute of its cause
	firstRetry = time.Minute
	lastRetry  = 30 * time.Minute
	mostListed = 10 // alerts in one mail; the others are counted
)

// admins stands for the administrators, where no contact is named.
const admins = "administrators"

// What a waiting mail says.
const (
	saysRaised = "raised"
	saysEnded  = "ended"
)

// toTell notes who is to be told that an alert was raised.
func (s *Service) toTell(tx *place.Tx, w Where, a id.Alert, rule Rule, what string) error {
	contacts, err := contactsOf(tx, w.Node)
	if err != nil {
		return err
	}
	about := ""
	if rule.Kind == MailFailing {
		if one, err := s.one(tx, w, a); err == nil {
			about = one.Subject // who cannot be reached is not told so by mail
		}
	}
	if len(contacts) == 0 && about != admins {
		return queue(tx, w.Node, a, admins, what, tx.At().Add(gather))
	}
	for _, c := range contacts {
		if c.ID.String() == about || !c.wants(rule.Kind, rule.Severity) {
			continue
		}
		if err := queue(tx, w.Node, a, c.ID.String(), what, c.dueAt(tx.At(), rule.Severity).Add(gather)); err != nil {
			return err
		}
	}
	return nil
}

func queue(tx *place.Tx, n id.Node, a id.Alert, contact, what string, due time.Time) error {
	_, err := tx.Exec(`INSERT INTO alert_mails (id, node, alert, contact, what, due_at, attempts) VALUES (?, ?, ?, ?, ?, ?, 0)`,
		id.At[id.Event](tx.At()), n, a, contact, what, millis(due))
	return err
}

// toldEnded tells those who were told of an alert that it has ended. Who was not
// told yet is told nothing.
func (s *Service) toldEnded(tx *place.Tx, w Where, a Alert) error {
	if _, err := tx.Exec(`DELETE FROM alert_mails WHERE alert = ?`, a.ID); err != nil {
		return err
	}
	told, err := place.Rows[string](tx, `SELECT DISTINCT detail FROM alert_history WHERE alert = ? AND what = 'told'`, a.ID)
	for _, c := range told {
		if err := queue(tx, w.Node, a.ID, c, saysEnded, tx.At().Add(gather)); err != nil {
			return err
		}
	}
	return err
}

type mailRow struct {
	ID       id.Event `db:"id"`
	Node     id.Node  `db:"node"`
	Alert    id.Alert `db:"alert"`
	Contact  string   `db:"contact"`
	What     string   `db:"what"`
	Attempts int      `db:"attempts"`
}

// bundle is all that one contact is told at once.
type bundle struct {
	node    id.Node
	contact Contact // of administrators: without id
	name    string  // text form of the contact's id, or admins
	rows    []mailRow
	items   []item
	wait    time.Time // earliest, where a mail went out lately
}

// item is one alert within a mail.
type item struct {
	alert Alert
	ended bool
	below bool
}

// mail sends what is due in one place. A mail that cannot be sent is tried
// again, and is a condition itself.
func (s *Service) mail(ctx context.Context, p *place.Place) error {
	now := s.o.Now()
	var all []bundle
	err := p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[mailRow](tx, `SELECT id, node, alert, contact, what, attempts FROM alert_mails WHERE due_at <= ? ORDER BY due_at, id LIMIT 2000`, millis(now))
		if err != nil {
			return err
		}
		all, err = s.bundles(tx, p, rows)
		return err
	})
	errs := []error{err}
	for _, b := range all {
		if b.wait.After(now) {
			continue
		}
		errs = append(errs, s.deliver(ctx, Where{p, b.node}, b))
	}
	return errors.Join(errs...)
}

// bundles puts waiting mails together, each with what it is about.
func (s *Service) bundles(tx *place.Tx, p *place.Place, rows []mailRow) (all []bundle, err error) {
	at := map[string]int{}
	for _, r := range rows {
		key := r.Node.String() + r.Contact
		i, known := at[key]
		if !known {
			b := bundle{node: r.Node, name: r.Contact}
			if c, err := id.Parse[id.Contact](r.Contact); err == nil {
				if b.contact, err = contactIn(tx, Where{p, r.Node}, c); err != nil && !fault.Is(err, fault.NotFound) {
					return nil, err
				}
			} else if set, err := readSettings(tx, r.Node); err == nil {
				b.contact.MailedAt = instant(set.mailed)
			}
			i = len(all)
			at[key] = i
			all = append(all, b)
		}
		all[i].rows = append(all[i].rows, r)
		it, tell, err := s.itemOf(tx, Where{p, r.Node}, r)
		if err != nil {
			return nil, err
		}
		if tell && !slices.ContainsFunc(all[i].items, func(o item) bool { return o.alert.ID == it.alert.ID && o.ended == it.ended }) {
			all[i].items = append(all[i].items, it)
		}
	}
	for i := range all {
		pause := gap
		if slices.ContainsFunc(all[i].items, func(it item) bool { return it.alert.Severity == Urgent && !it.ended }) {
			pause = urgentGap
		}
		if !all[i].contact.MailedAt.IsZero() {
			all[i].wait = all[i].contact.MailedAt.Add(pause)
		}
	}
	return all, nil
}

// itemOf is what a waiting mail is about; tell is false where nobody needs to
// know any more: somebody deals with it.
func (s *Service) itemOf(tx *place.Tx, w Where, r mailRow) (it item, tell bool, err error) {
	it.ended = r.What == saysEnded
	it.alert, err = s.one(tx, w, r.Alert)
	if fault.Is(err, fault.NotFound) && !w.customer() {
		it.alert, err = below(tx, r.Alert)
		it.below = true
	}
	if fault.Is(err, fault.NotFound) {
		return it, false, nil
	}
	a := it.alert
	dealt := !a.AckedAt.IsZero() || a.SnoozedUntil.After(s.o.Now())
	return it, it.ended || a.Open() && !dealt, err
}

// deliver sends one mail and notes that it went, or that it did not.
func (s *Service) deliver(ctx context.Context, w Where, b bundle) error {
	to := []string{b.contact.Email}
	if b.name == admins {
		to = nil
		if s.o.Admins != nil {
			people, err := s.o.Admins(ctx, w)
			if err != nil {
				return err
			}
			for _, p := range people {
				to = append(to, p.Email)
			}
		}
	}
	var failed error
	if len(b.items) > 0 {
		l := s.letter(ctx, w, b.items)
		for _, address := range to {
			if address != "" {
				failed = errors.Join(failed, s.o.Mail.Send(ctx, l.Message(s.o.Brand(ctx, w.Node), address, s.o.Now())))
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.delivered(ctx, w, b, failed); err != nil {
		return err
	}
	if failed != nil {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "an alert could not be mailed; it is tried again", slog.String("node", w.Node.String()), slog.String("cause", failed.Error()))
		return s.Report(ctx, w, Condition{Kind: MailFailing, Subject: b.name, Facts: map[string]string{"text": fault.Of(failed).Text}})
	}
	return s.Clear(ctx, w, MailFailing, b.name)
}

// delivered takes told mails off the queue, or puts failed ones back.
func (s *Service) delivered(ctx context.Context, w Where, b bundle, failed error) error {
	if err := s.mailed(ctx, w, b.contact, failed); err != nil {
		return err
	}
	return w.Place.Keep(ctx, func(tx *place.Tx) error {
		for _, r := range b.rows {
			if failed != nil {
				again := min(firstRetry<<min(r.Attempts, 10), lastRetry)
				if _, err := tx.Exec(`UPDATE alert_mails SET attempts = attempts + 1, due_at = ? WHERE id = ?`, millis(s.o.Now().Add(again)), r.ID); err != nil {
					return err
				}
				continue
			}
			if _, err := tx.Exec(`DELETE FROM alert_mails WHERE id = ?`, r.ID); err != nil {
				return err
			}
			if r.What == saysRaised && slices.ContainsFunc(b.items, func(it item) bool { return it.alert.ID == r.Alert }) {
				if err := s.history(tx, r.Alert, "told", "", b.name, ""); err != nil {
					return err
				}
			}
		}
		if b.name == admins && failed == nil && len(b.items) > 0 {
			_, err := tx.Exec(`INSERT INTO alert_settings (node, owners, closed_days, admins_mailed_at) VALUES (?, '{}', '', ?)
				ON CONFLICT (node) DO UPDATE SET admins_mailed_at = excluded.admins_mailed_at`, w.Node, millis(s.o.Now()))
			return err
		}
		return nil
	})
}

// mailed notes at a contact how the last mail went.
func (s *Service) mailed(ctx context.Context, w Where, c Contact, failed error) error {
	if c.ID.IsZero() {
		return nil
	}
	return w.Place.Keep(ctx, func(tx *place.Tx) error {
		tx.Notify("alerts")
		if failed != nil {
			_, err := tx.Exec(`UPDATE alert_contacts SET failed_at = ?, failure = ? WHERE id = ?`, millis(s.o.Now()), fault.Of(failed).Text, c.ID)
			return err
		}
		_, err := tx.Exec(`UPDATE alert_contacts SET mailed_at = ?, failed_at = 0, failure = '' WHERE id = ?`, millis(s.o.Now()), c.ID)
		return err
	})
}

// letter writes what a contact is told. It names kinds, times and figures, and
// nothing of any call.
func (s *Service) letter(ctx context.Context, w Where, items []item) mail.Letter {
	name := s.nameOr(ctx, w.Node)
	page := s.o.URL() + "/n/" + w.Node.String() + "/alerts"
	if w.customer() {
		page = s.o.URL() + "/c/" + w.Node.String() + "/alerts"
	}
	l := mail.Letter{Action: mail.Action{Label: "Look at the alerts", URL: page}}
	slices.SortStableFunc(items, func(x, y item) int { return rank(x) - rank(y) })
	if len(items) == 1 {
		l.Subject = s.headline(ctx, items[0], name)
	} else {
		l.Subject = fmt.Sprintf("%d alerts at %s", len(items), name)
	}
	for i, it := range items {
		if i == mostListed {
			l.Paragraphs = append(l.Paragraphs, fmt.Sprintf("And %d more.", len(items)-mostListed))
			break
		}
		l.Paragraphs = append(l.Paragraphs, s.paragraph(ctx, it, len(items) > 1))
	}
	l.Closing = []string{"Whoever deals with it should acknowledge it there, so that nobody else is told. An alert ends by itself when what it is about is right again."}
	return l
}

// rank puts what is urgent first, and what has ended last.
func rank(it item) int {
	switch {
	case it.ended:
		return 2
	case it.alert.Severity == Urgent:
		return 0
	default:
		return 1
	}
}

func (s *Service) headline(ctx context.Context, it item, name string) string {
	rule, _ := RuleOf(it.alert.Kind)
	if it.below {
		name = s.nameOr(ctx, it.alert.Node)
	}
	switch {
	case it.ended:
		return "Over: " + lower(rule.Title) + " (" + name + ")"
	case it.alert.Severity == Urgent:
		return "Urgent: " + lower(rule.Title) + " (" + name + ")"
	default:
		return rule.Title + " (" + name + ")"
	}
}

func (s *Service) paragraph(ctx context.Context, it item, named bool) string {
	rule, _ := RuleOf(it.alert.Kind)
	var b strings.Builder
	if named {
		b.WriteString(rule.Title)
		if it.below {
			b.WriteString(" at " + s.nameOr(ctx, it.alert.Node))
		}
		b.WriteString(": ")
	}
	const form = "2 January 15:04 MST"
	if it.ended {
		fmt.Fprintf(&b, "over since %s; it lasted %s.", it.alert.GoneAt.Format(form), spoken(it.alert.Lasted()))
		return b.String()
	}
	fmt.Fprintf(&b, "since %s. ", it.alert.Since.Format(form))
	if text := it.alert.Facts["text"]; text != "" && !it.below {
		b.WriteString(upper(strings.TrimSuffix(text, ".")) + ". ")
	}
	b.WriteString(rule.Todo)
	return upper(b.String())
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func lower(title string) string { return strings.ToLower(title[:1]) + title[1:] }

// spoken writes a duration for people.
func spoken(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
