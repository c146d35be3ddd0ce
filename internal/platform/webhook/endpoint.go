package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

// State is whether an endpoint is sent anything.
type State string

const (
	Active   State = "active"
	Paused   State = "paused"   // by a person
	Disabled State = "disabled" // by Ringfence; Reason says why
)

const (
	most        = 10                 // endpoints of one customer
	mostOverlap = 7 * 24 * time.Hour // how long two secrets may count
)

// Draft is an endpoint as somebody wants it.
type Draft struct {
	Name    string
	URL     string
	Events  []Kind
	Purpose string // why it is told; recorded with each message that leaves
	Region  string // where the receiver stands; recorded too
	Paused  bool
}

// Endpoint is one receiver.
type Endpoint struct {
	ID    id.Webhook
	State State
	Draft
	Reason        string    // why it is disabled
	TwoUntil      time.Time // until when the secret before the present one counts too; zero: it does not
	CreatedAt     time.Time
	FailingSince  time.Time // zero: it is not
	TriedAt       time.Time // zero: never
	DeliveredAt   time.Time // zero: never
	Answer        string    // the last one, in words
	Waiting, Dead int64     // messages
}

// Trouble is an endpoint that has failed for longer than an hour, or is disabled.
type Trouble struct {
	Endpoint id.Webhook
	Since    time.Time
	Disabled bool
	Reason   string
}

// Options are what a Service stands on.
type Options struct {
	Egress *egress.Client
	Log    *slog.Logger // nil: silent
	// Failing and Mended tell whoever raises alerts; nil: nobody. Failing may be
	// told of the same trouble again, Mended of one that was never told.
	Failing func(ctx context.Context, p *place.Place, t Trouble)
	Mended  func(ctx context.Context, p *place.Place, e id.Webhook)
	// Sent is told of each attempt, for figures; nil: nobody is.
	Sent func(kind Kind, outcome string, took time.Duration)
}

// Service keeps endpoints and delivers. It is safe for concurrent use.
type Service struct {
	out     *egress.Client
	log     *slog.Logger
	failing func(context.Context, *place.Place, Trouble)
	mended  func(context.Context, *place.Place, id.Webhook)
	sent    func(Kind, string, time.Duration)
}

// New makes a service.
func New(o Options) *Service {
	s := &Service{o.Egress, o.Log, o.Failing, o.Mended, o.Sent}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.failing == nil {
		s.failing = func(context.Context, *place.Place, Trouble) {}
	}
	if s.mended == nil {
		s.mended = func(context.Context, *place.Place, id.Webhook) {}
	}
	if s.sent == nil {
		s.sent = func(Kind, string, time.Duration) {}
	}
	return s
}

// kept is what is sealed of an endpoint.
type kept struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Purpose  string    `json:"purpose"`
	Region   string    `json:"region"`
	Secret   string    `json:"secret"`
	Previous string    `json:"previous,omitempty"`
	Until    time.Time `json:"until,omitzero"`
}

type endpointRow struct {
	ID           id.Webhook `db:"id"`
	State        State      `db:"state"`
	Reason       string     `db:"reason"`
	Events       string     `db:"events"`
	Sealed       []byte     `db:"sealed"`
	CreatedAt    int64      `db:"created_at"`
	FailingSince int64      `db:"failing_since"`
	TriedAt      int64      `db:"tried_at"`
	DeliveredAt  int64      `db:"delivered_at"`
	Answer       string     `db:"answer"`
	Waiting      int64      `db:"waiting"`
	Dead         int64      `db:"dead"`
}

const selectEndpoints = `SELECT w.id, w.state, w.reason, w.events, w.sealed, w.created_at,
	coalesce(h.failing_since, 0) AS failing_since, coalesce(h.tried_at, 0) AS tried_at,
	coalesce(h.delivered_at, 0) AS delivered_at, coalesce(h.answer, '') AS answer,
	(SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint = w.id AND d.state = 'waiting') AS waiting,
	(SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint = w.id AND d.state = 'dead') AS dead
	FROM webhooks w LEFT JOIN webhook_health h ON h.endpoint = w.id `

func (r endpointRow) open(tx *place.Tx) (Endpoint, kept, error) {
	var k kept
	text, err := tx.Unseal(place.FieldWebhook, r.ID, r.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	e := Endpoint{
		ID: r.ID, State: r.State, Reason: r.Reason, CreatedAt: instant(r.CreatedAt),
		Draft:        Draft{Name: k.Name, URL: k.URL, Purpose: k.Purpose, Region: k.Region, Paused: r.State == Paused},
		FailingSince: instant(r.FailingSince), TriedAt: instant(r.TriedAt), DeliveredAt: instant(r.DeliveredAt), Answer: r.Answer,
		Waiting: r.Waiting, Dead: r.Dead,
	}
	for _, f := range strings.Fields(r.Events) {
		e.Events = append(e.Events, Kind(f))
	}
	if k.Previous != "" && k.Until.After(tx.At()) {
		e.TwoUntil = k.Until
	}
	return e, k, err
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// find reads one endpoint; fault.NotFound if there is none.
func find(tx *place.Tx, e id.Webhook) (Endpoint, kept, error) {
	r, err := place.Row[endpointRow](tx, selectEndpoints+`WHERE w.id = ?`, e)
	if err != nil {
		return Endpoint{}, kept{}, err
	}
	return r.open(tx)
}

// Endpoints lists a customer's, the oldest first, without secrets.
func (s *Service) Endpoints(ctx context.Context, p *place.Place) (all []Endpoint, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[endpointRow](tx, selectEndpoints+`ORDER BY w.id`)
		for _, r := range rows {
			e, _, oerr := r.open(tx)
			if oerr != nil {
				return oerr
			}
			all = append(all, e)
		}
		return err
	})
	return all, err
}

// Endpoint gives one, or fault.NotFound.
func (s *Service) Endpoint(ctx context.Context, p *place.Place, e id.Webhook) (one Endpoint, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		one, _, err = find(tx, e)
		return err
	})
	return one, err
}

// Add makes an endpoint and gives its secret, which is never shown again.
// fault.Invalid names each field that is wrong.
func (s *Service) Add(ctx context.Context, p *place.Place, who actor.Actor, d Draft) (Endpoint, secret.Text, error) {
	if err := s.check(&d); err != nil {
		return Endpoint{}, secret.Text{}, err
	}
	var e Endpoint
	text := newSecret()
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := place.Row[int64](tx, `SELECT count(*) FROM webhooks`)
		if err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Conflict, "a customer has at most %d webhooks; remove one first", most)
		}
		w := id.At[id.Webhook](tx.At())
		if err := save(tx, w, d, kept{Secret: text.Reveal()}, "webhook.added"); err != nil {
			return err
		}
		e, _, err = find(tx, w)
		return err
	})
	return e, text, err
}

// Set changes an endpoint; the secret stays. A disabled one is switched on by it.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, w id.Webhook, d Draft) (e Endpoint, err error) {
	if err := s.check(&d); err != nil {
		return e, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		old, k, err := find(tx, w)
		if err != nil {
			return err
		}
		if err := save(tx, w, d, k, "webhook.changed"); err != nil {
			return err
		}
		if old.State == Disabled { // it starts anew: else the first failure would end it again
			if _, err := tx.Exec(`UPDATE webhook_health SET failing_since = 0 WHERE endpoint = ?`, w); err != nil {
				return err
			}
		}
		if err := wake(tx, w); err != nil {
			return err
		}
		e, _, err = find(tx, w)
		return err
	})
	if err == nil && e.State != Active {
		s.mended(ctx, p, w) // nobody waits for one that is paused on purpose
	}
	return e, err
}

// save writes a draft over what was kept before.
func save(tx *place.Tx, w id.Webhook, d Draft, k kept, code string) error {
	k.Name, k.URL, k.Purpose, k.Region = d.Name, d.URL, d.Purpose, d.Region
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldWebhook, w, text)
	if err != nil {
		return err
	}
	var events []string
	for _, e := range d.Events {
		events = append(events, string(e))
	}
	state := Active
	if d.Paused {
		state = Paused
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: code, Subject: w.String(), Why: d.Purpose, Facts: map[string]string{
		"state": string(state), "events": strings.Join(events, " "), "host": u.Host, "region": d.Region,
	}})
	_, err = tx.Exec(`INSERT INTO webhooks (id, state, reason, events, sealed, created_at) VALUES (?, ?, '', ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = '', events = excluded.events, sealed = excluded.sealed`,
		w, string(state), strings.Join(events, " "), sealed, tx.At().UnixMilli())
	return err
}

// Rotate gives an endpoint a new secret. The one before counts on for a while,
// so that the receiver can change over without losing a message; zero ends it
// at once, for one that somebody else may have seen.
func (s *Service) Rotate(ctx context.Context, p *place.Place, who actor.Actor, w id.Webhook, overlap time.Duration) (Endpoint, secret.Text, error) {
	if overlap < 0 || overlap > mostOverlap {
		return Endpoint{}, secret.Text{}, fault.Field("overlap_hours", "want 0 to %d hours", int(mostOverlap.Hours()))
	}
	var e Endpoint
	text := newSecret()
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		_, k, err := find(tx, w)
		if err != nil {
			return err
		}
		k.Previous, k.Until = k.Secret, tx.At().Add(overlap)
		if overlap == 0 {
			k.Previous, k.Until = "", time.Time{}
		}
		k.Secret = text.Reveal()
		plain, err := json.Marshal(k)
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldWebhook, w, plain)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "webhook.rotated", Subject: w.String(), Facts: map[string]string{"overlap_hours": strconv.Itoa(int(overlap.Hours()))}})
		if _, err := tx.Exec(`UPDATE webhooks SET sealed = ? WHERE id = ?`, sealed, w); err != nil {
			return err
		}
		e, _, err = find(tx, w)
		return err
	})
	return e, text, err
}

// Remove ends an endpoint; what waited for it is forgotten.
func (s *Service) Remove(ctx context.Context, p *place.Place, who actor.Actor, w id.Webhook) error {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		if _, _, err := find(tx, w); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "webhook.removed", Subject: w.String()})
		for _, text := range []string{
			`DELETE FROM webhooks WHERE id = ?`, `DELETE FROM webhook_health WHERE endpoint = ?`, `DELETE FROM webhook_deliveries WHERE endpoint = ?`,
		} {
			if _, err := tx.Exec(text, w); err != nil {
				return err
			}
		}
		tx.Notify(Topic)
		return nil
	})
	if err == nil {
		s.mended(ctx, p, w)
	}
	return err
}

// check finds every fault of a draft at once, and puts its fields in order.
func (s *Service) check(d *Draft) error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the webhook is not valid"}
	for _, f := range []struct {
		path string
		text *string
		most int
	}{{"name", &d.Name, 100}, {"url", &d.URL, 2000}, {"purpose", &d.Purpose, 200}, {"region", &d.Region, 100}} {
		*f.text = strings.TrimSpace(*f.text)
		switch {
		case *f.text == "":
			bad.Details = append(bad.Details, fault.Detail{Path: f.path, Text: "is missing"})
		case len(*f.text) > f.most:
			bad.Details = append(bad.Details, fault.Detail{Path: f.path, Text: "is too long"})
		}
	}
	if d.URL != "" {
		if err := s.out.Admissible(d.URL); err != nil {
			bad.Details = append(bad.Details, fault.Of(err).Details...)
		}
	}
	slices.Sort(d.Events)
	d.Events = slices.Compact(d.Events)
	if len(d.Events) == 0 {
		bad.Details = append(bad.Details, fault.Detail{Path: "events", Text: "choose at least one"})
	}
	for _, k := range d.Events {
		if !slices.Contains(Kinds(), k) {
			bad.Details = append(bad.Details, fault.Detail{Path: "events", Text: "there is no event " + strconv.Quote(string(k))})
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}
