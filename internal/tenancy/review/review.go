// Package review asks, again and again, whether people still need the roles they
// hold: once a month at the provider and at resellers, and at customers as often
// as they chose (every quarter, unless they say otherwise).
//
//	due ──▶ open: a line per person ──▶ keep │ change │ remove, line by line ──▶ closed
//	                 │                                                          │
//	                 └─ reminders by mail; what is undecided at the end:        └─ signed PDF
//	                    nothing, or suspended, as the rule says
//
// A decision works at once. Nobody decides on their own line where another
// administrator could; the last administrator is never suspended: that is told to
// the level above instead. Everything stands in the place of the customer, or in
// the registry for provider and resellers; names and notes are sealed.
//
// The package also takes out leavers, and says what they could reach.
package review

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// How long things last.
const (
	dueAfter    = 14 * 24 * time.Hour
	unusedAfter = 45 * 24 * time.Hour
	seenEvery   = time.Hour // how exactly the last use of a membership is kept
)

// Options is what the service is built on.
type Options struct {
	Store  *place.Store
	Tree   *org.Service
	People *identity.Service
	Mail   mail.Sender
	URL    func() string                                    // of the portal, for mails; nil: none
	Brand  func(ctx context.Context, at id.Node) mail.Brand // nil: mail.Plain
	Reach  Reach                                            // for leavers; nil: unknown
	Now    func() time.Time                                 // nil: time.Now
	Log    *slog.Logger                                     // nil: silent
}

// Service is the reviews of all nodes.
type Service struct {
	o Options

	mu   sync.Mutex
	seen map[use]time.Time // when a use was last written
}

// New makes the service; the store must have been opened with Migrations in
// places and RegistryMigrations in the registry.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL == nil {
		o.URL = func() string { return "" }
	}
	if o.Brand == nil {
		o.Brand = func(context.Context, id.Node) mail.Brand { return mail.Plain() }
	}
	return &Service{o: o, seen: map[use]time.Time{}}
}

// Where is whose roles are reviewed: a customer in its place, or the provider or
// a reseller in the registry.
type Where struct {
	Place *place.Place
	Node  id.Node
}

// customer reports whether it is a customer's place.
func (w Where) customer() bool { return !w.Place.Customer().IsZero() }

// Rule is how often, and what happens to lines that nobody decided.
type Rule struct {
	Months  int  // between reviews; 0: none, at customers only
	Suspend bool // what is undecided when it is due is suspended; else reminded of
	NextAt  time.Time
}

// Review is one round.
type Review struct {
	ID          id.Review
	Node        id.Node
	OpenedAt    time.Time
	DueAt       time.Time
	ClosedAt    time.Time // zero: open
	EscalatedAt time.Time // zero: never
	Suspend     bool
	Total       int
	Decided     int
	Unused      int
}

// Decision is what was decided on a line.
type Decision string

// The decisions; the empty one is none yet.
const (
	Keep      Decision = "keep"
	Change    Decision = "change" // other roles: fewer
	Remove    Decision = "remove"
	Suspended Decision = "suspended"  // nobody decided in time
	Resumed   Decision = "given_back" // suspended, and then given back
)

// Line is one person and what is held.
type Line struct {
	ID         id.ReviewLine
	Person     id.Person
	Name       string
	Email      string
	Extensions []string
	Roles      []access.Role
	Since      time.Time // zero: not known
	LastUsedAt time.Time // zero: never, as far as is known
	Unused     bool      // not used for 45 days
	Decision   Decision
	Wanted     []access.Role // where the decision is Change
	Note       string
	DecidedBy  string
	DecidedAt  time.Time
	Alone      bool // decided by the person it is about, as there was no other administrator
}

// card is what of a line is personal: one sealed field.
type card struct {
	Name       string   `json:"name"`
	Email      string   `json:"email"`
	Extensions []string `json:"extensions,omitempty"`
	Since      int64    `json:"since,omitempty"`
	LastUsed   int64    `json:"last_used,omitempty"`
	Note       string   `json:"note,omitempty"`
	DecidedBy  string   `json:"decided_by,omitempty"`
}

type reviewRow struct {
	ID          id.Review `db:"id"`
	Node        id.Node   `db:"node"`
	OpenedAt    int64     `db:"opened_at"`
	DueAt       int64     `db:"due_at"`
	Suspend     bool      `db:"suspend"`
	Reminded    int       `db:"reminded"`
	EscalatedAt int64     `db:"escalated_at"`
	ClosedAt    int64     `db:"closed_at"`
	Total       int       `db:"total"`
	Decided     int       `db:"decided"`
	Unused      int       `db:"unused"`
}

const reviewColumns = `SELECT r.id, r.node, r.opened_at, r.due_at, r.suspend, r.reminded, r.escalated_at, r.closed_at,
	(SELECT count(*) FROM review_lines l WHERE l.review = r.id) AS total,
	(SELECT count(*) FROM review_lines l WHERE l.review = r.id AND l.decision <> '') AS decided,
	(SELECT count(*) FROM review_lines l WHERE l.review = r.id AND l.unused = 1) AS unused
	FROM reviews r`

func (r reviewRow) review() Review {
	return Review{r.ID, r.Node, instant(r.OpenedAt), instant(r.DueAt), instant(r.ClosedAt), instant(r.EscalatedAt), r.Suspend, r.Total, r.Decided, r.Unused}
}

type lineRow struct {
	ID        id.ReviewLine `db:"id"`
	Review    id.Review     `db:"review"`
	Person    id.Person     `db:"person"`
	Card      []byte        `db:"card"`
	Roles     string        `db:"roles"`
	Unused    bool          `db:"unused"`
	Decision  string        `db:"decision"`
	Wanted    string        `db:"wanted"`
	Alone     bool          `db:"alone"`
	DecidedAt int64         `db:"decided_at"`
}

const lineColumns = `SELECT id, review, person, card, roles, unused, decision, wanted, alone, decided_at FROM review_lines`

// List gives the rule and the reviews of a node, newest first.
func (s *Service) List(ctx context.Context, w Where) (rule Rule, list []Review, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		if rule, err = readRule(tx, w, s.o.Now()); err != nil {
			return err
		}
		rows, err := place.Rows[reviewRow](tx, reviewColumns+` WHERE r.node = ? ORDER BY r.opened_at DESC, r.id DESC LIMIT 100`, w.Node)
		for _, r := range rows {
			list = append(list, r.review())
		}
		return err
	})
	return rule, list, err
}

// Read gives one review with its lines, those not used for long first.
func (s *Service) Read(ctx context.Context, w Where, i id.Review) (r Review, lines []Line, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		r, lines, err = read(tx, w, i)
		return err
	})
	return r, lines, err
}

func read(tx *place.Tx, w Where, i id.Review) (Review, []Line, error) {
	row, err := readRow(tx, w, i)
	if err != nil {
		return Review{}, nil, err
	}
	rows, err := place.Rows[lineRow](tx, lineColumns+` WHERE review = ? ORDER BY unused DESC, id`, i)
	if err != nil {
		return Review{}, nil, err
	}
	var lines []Line
	for _, l := range rows {
		one, _, err := l.open(tx)
		if err != nil {
			return Review{}, nil, err
		}
		lines = append(lines, one)
	}
	return row.review(), lines, nil
}

func readRow(tx *place.Tx, w Where, i id.Review) (reviewRow, error) {
	return place.Row[reviewRow](tx, reviewColumns+` WHERE r.id = ? AND r.node = ?`, i, w.Node)
}

// usualMonths is how often without a word of the customer.
const usualMonths = 3

func readRule(tx *place.Tx, w Where, now time.Time) (Rule, error) {
	type row struct {
		Months  int   `db:"months"`
		Suspend bool  `db:"suspend"`
		NextAt  int64 `db:"next_at"`
	}
	r, err := place.Row[row](tx, `SELECT months, suspend, next_at FROM review_rules WHERE node = ?`, w.Node)
	if fault.Is(err, fault.NotFound) {
		months := usualMonths
		if !w.customer() {
			months = 1
		}
		return Rule{Months: months, NextAt: now.AddDate(0, months, 0).UTC()}, nil
	}
	return Rule{r.Months, r.Suspend, instant(r.NextAt)}, err
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func joinRoles(roles []access.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, string(r))
	}
	return strings.Join(words, " ")
}

func splitRoles(s string) (roles []access.Role) {
	for _, w := range strings.Fields(s) {
		roles = append(roles, access.Role(w))
	}
	return roles
}
