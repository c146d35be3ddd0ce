package review

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Close ends a review whose lines are all decided and signs its result;
// fault.Conflict while some are not, or when it is closed already.
func (s *Service) Close(ctx context.Context, w Where, who actor.Actor, by string, r id.Review) error {
	return s.closeBy(ctx, w, who, by, r, false)
}

func (s *Service) close(ctx context.Context, w Where, who actor.Actor, r id.Review, incomplete bool) error {
	return s.closeBy(ctx, w, who, "Ringfence, as the review was due", r, incomplete)
}

func (s *Service) closeBy(ctx context.Context, w Where, who actor.Actor, by string, i id.Review, incomplete bool) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	name := "?"
	if node, err := s.o.Tree.Node(ctx, w.Node); err == nil {
		name = node.Name
	}
	return w.Place.Change(ctx, who, func(tx *place.Tx) error {
		r, lines, err := read(tx, w, i)
		if err != nil {
			return err
		}
		if !r.ClosedAt.IsZero() {
			return fault.New(fault.Conflict, "this review is closed already")
		}
		if r.Decided < r.Total && !incomplete {
			return fault.New(fault.Conflict, "%d of %d lines are not decided yet", r.Total-r.Decided, r.Total)
		}
		r.ClosedAt = s.o.Now().UTC()
		pdf, err := page(w, r, lines, name, by)
		if err != nil {
			return err
		}
		if pdf, err = key.Sign(pdf, "Result of an access review", r.ClosedAt); err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldReviewPaper, r.ID, pdf)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "review.closed", Subject: r.ID.String(), Facts: map[string]string{"lines": fmt.Sprint(r.Total), "undecided": fmt.Sprint(r.Total - r.Decided)}})
		tx.Notify("reviews")
		if _, err := tx.Exec(`UPDATE reviews SET closed_at = ? WHERE id = ?`, r.ClosedAt.UnixMilli(), r.ID); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO review_papers (review, pdf) VALUES (?, ?)`, r.ID, sealed)
		return err
	})
}

// Paper is the signed result of a closed review; fault.Conflict before.
func (s *Service) Paper(ctx context.Context, w Where, i id.Review) (pdf []byte, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		r, err := readRow(tx, w, i)
		if err == nil && r.ClosedAt == 0 {
			err = fault.New(fault.Conflict, "this review is open: its result is signed when it ends")
		}
		if err != nil {
			return err
		}
		sealed, err := place.Row[[]byte](tx, `SELECT pdf FROM review_papers WHERE review = ?`, i)
		if err != nil {
			return err
		}
		pdf, err = tx.Unseal(place.FieldReviewPaper, i, sealed)
		return err
	})
	return pdf, err
}

// SignPaper signs a document of Ringfence's, such as a statement, with the
// installation's key.
func (s *Service) SignPaper(ctx context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
	key, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	return key.Sign(pdf, title, at)
}

// SignText signs a text with the same key, apart from it (PKCS #7 in DER).
func (s *Service) SignText(ctx context.Context, text []byte) ([]byte, error) {
	key, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	return key.SignText(text)
}

// Administrators are the people who administer a node, for mails to them.
func (s *Service) Administrators(ctx context.Context, w Where) (all []Line, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		all, err = administrators(tx, w)
		return err
	})
	return all, err
}

// Certificate is that of the key which signs results; fault.NotFound before the
// first result made one.
func (s *Service) Certificate(ctx context.Context) (der []byte, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		der, err = place.Row[[]byte](tx, `SELECT certificate FROM paper_keys ORDER BY created_at LIMIT 1`)
		return err
	})
	return der, err
}

// key reads the installation's key for documents; the first to ask makes it.
func (s *Service) key(ctx context.Context) (k *paper.Key, err error) {
	type row struct {
		ID          id.Key `db:"id"`
		Certificate []byte `db:"certificate"`
		Private     []byte `db:"private"`
	}
	registry := s.o.Store.Registry()
	load := func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT id, certificate, private FROM paper_keys ORDER BY created_at LIMIT 1`)
		if err != nil {
			return err
		}
		private, err := tx.Unseal(place.FieldPaperKey, r.ID, r.Private)
		if err != nil {
			return err
		}
		k, err = paper.ReadKey(r.Certificate, private)
		return err
	}
	if err = registry.View(ctx, load); !fault.Is(err, fault.NotFound) {
		return k, err
	}
	name := "Ringfence"
	if root, err := s.o.Tree.Root(ctx); err == nil {
		name = root.Name + " (Ringfence)"
	}
	fresh, private, err := paper.NewKey(name, s.o.Now())
	if err != nil {
		return nil, err
	}
	err = registry.Change(ctx, actor.ForSystem("review"), func(tx *place.Tx) error {
		if err := load(tx); !fault.Is(err, fault.NotFound) {
			tx.Record(place.Event{Code: "paper-key.made", Facts: map[string]string{"again": "yes"}}) // another was faster: its key stays
			return err
		}
		i := id.At[id.Key](tx.At())
		sealed, err := tx.Seal(place.FieldPaperKey, i, private)
		if err != nil {
			return err
		}
		k = fresh
		tx.Record(place.Event{Code: "paper-key.made", Subject: i.String(), Facts: map[string]string{"certificate": fmt.Sprintf("%x", fresh.Certificate.SerialNumber)}})
		_, err = tx.Exec(`INSERT INTO paper_keys (id, certificate, private, created_at) VALUES (?, ?, ?, ?)`, i, fresh.Certificate.Raw, sealed, tx.At().UnixMilli())
		return err
	})
	return k, err
}

const day = "2 January 2006, 15:04 MST"

// page writes the result: what was asked of whom, when, and what was decided.
func page(w Where, r Review, lines []Line, name, by string) ([]byte, error) {
	d := paper.New("Access review of "+name, "Ringfence", r.ClosedAt)
	d.Facts(
		[2]string{"Review", r.ID.String()}, [2]string{"Of", name + " (" + w.Node.String() + ")"},
		[2]string{"Opened", r.OpenedAt.Format(day)}, [2]string{"Due", r.DueAt.Format(day)},
		[2]string{"Closed", r.ClosedAt.Format(day) + ", by " + by},
		[2]string{"People", fmt.Sprintf("%d, of whom %d had not used their access for 45 days or more", r.Total, r.Unused)},
		[2]string{"Decided", fmt.Sprintf("%d of %d", r.Decided, r.Total)},
	)
	d.Heading("How the data was gathered")
	where, used := "the customer's own database: everybody who held a role, with extensions by the directory of that instant", "request with a session at this customer"
	if !w.customer() {
		where, used = "the installation's registry: everybody who held a role at this node", "request with a session at the provider's or a reseller's pages"
	}
	d.Text("The list was read in one transaction, at the time of opening, from " + where + ". “Last used” is the last " + used +
		", to the hour. Decisions took effect when they were made; each stands in the change log. This file is signed; whoever has the installation's certificate can check that it was not changed.")
	d.Heading("Lines")
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, []string{l.Name + "\n" + l.Email, held(l), lastUse(l), verdict(l), decided(l)})
	}
	d.Table([]string{"Who", "Held", "Last used", "Decision", "By whom, when, why"}, []float64{4, 3.2, 2.2, 2.4, 4}, rows)
	return d.Bytes()
}

func held(l Line) string {
	out := strings.Join(words(l.Roles), ", ")
	if len(l.Extensions) > 0 {
		out += "\nextensions " + strings.Join(l.Extensions, ", ")
	}
	return out
}

func words(roles []access.Role) (out []string) {
	for _, r := range roles {
		out = append(out, strings.ReplaceAll(string(r), "_", " "))
	}
	return out
}

func lastUse(l Line) string {
	out := "never"
	if !l.LastUsedAt.IsZero() {
		out = l.LastUsedAt.Format(time.DateOnly)
	}
	if l.Unused {
		out += "\nunused"
	}
	return out
}

func verdict(l Line) string {
	switch l.Decision {
	case "":
		return "undecided"
	case Change:
		return "change to " + strings.Join(words(l.Wanted), ", ")
	case Suspended:
		return "suspended: nobody decided in time"
	case Resumed:
		return "suspended, then given back"
	}
	return string(l.Decision)
}

func decided(l Line) string {
	if l.DecidedAt.IsZero() {
		return "–"
	}
	out := l.DecidedAt.Format("2006-01-02 15:04")
	if l.DecidedBy != "" {
		out = l.DecidedBy + ", " + out
	}
	if l.Alone {
		out += "\nabout themselves: there was no other administrator"
	}
	if l.Note != "" {
		out += "\n" + l.Note
	}
	return out
}
