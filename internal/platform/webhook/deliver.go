package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// backoff is how long after each failed attempt the next one comes, as Standard
// Webhooks suggests: eleven attempts within three days and a bit.
var backoff = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 14 * time.Hour, 14 * time.Hour, 14 * time.Hour,
}

const (
	disableAfter = 5 * 24 * time.Hour  // of nothing but failure
	alertAfter   = time.Hour           // of nothing but failure
	keptFor      = 30 * 24 * time.Hour // messages, for replaying
	patience     = 15 * time.Second    // for one answer
	turn         = 20 * time.Second    // for one endpoint, before others that wait are served
	atOnce       = 4                   // messages to one endpoint
	mostWait     = 24 * time.Hour      // that a receiver can ask for with Retry-After
)

// Kind is how JobDeliver is run. Give it a job.Runner of its own: most of its
// time it waits for others.
func (s *Service) Kind() job.Kind {
	return job.Kind{Run: s.deliver, Parallel: 64, Attempts: 1000}
}

// parcel is one message on its way to one endpoint.
type parcel struct {
	Message  id.Message `db:"message"`
	Attempts int        `db:"attempts"`
	Kind     Kind       `db:"kind"`
	Body     string     `db:"body"`
}

// deliver sends what is due for one endpoint, for one turn.
func (s *Service) deliver(ctx context.Context, p *place.Place, j job.Job) error {
	var args deliverArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	for until := time.Now().Add(turn); time.Now().Before(until); {
		e, k, due, err := next(ctx, p, args.Endpoint)
		if fault.Is(err, fault.NotFound) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		if len(due) == 0 {
			break
		}
		var wg sync.WaitGroup
		errs := make([]error, len(due))
		for i, d := range due {
			wg.Go(func() { errs[i] = s.attempt(ctx, p, e, k, d) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return again(ctx, p, j, args.Endpoint)
}

// next reads what is due; nothing for an endpoint that is off.
func next(ctx context.Context, p *place.Place, w id.Webhook) (e Endpoint, k kept, due []parcel, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if e, k, err = find(tx, w); err != nil || e.State != Active {
			return err
		}
		due, err = place.Rows[parcel](tx, `SELECT d.message, d.attempts, m.kind, m.body FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message
			WHERE d.endpoint = ? AND d.state = 'waiting' AND d.due_at <= ? ORDER BY d.due_at, d.message LIMIT ?`, w, tx.At().UnixMilli(), atOnce)
		return err
	})
	return e, k, due, err
}

// again ends the turn: the job comes back when the next message is due.
func again(ctx context.Context, p *place.Place, j job.Job, w id.Webhook) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		if err := prune(tx); err != nil {
			return err
		}
		at, err := place.Row[*int64](tx, `SELECT min(d.due_at) FROM webhook_deliveries d JOIN webhooks w ON w.id = d.endpoint
			WHERE d.endpoint = ? AND d.state = 'waiting' AND w.state = 'active'`, w)
		if err != nil {
			return err
		}
		if err := j.Finish(tx); err != nil || at == nil {
			return err
		}
		_, err = job.Enqueue(tx, JobDeliver, deliverArgs{w}, job.Once(w.String()), job.At(time.UnixMilli(*at)))
		return err
	})
}

// prune forgets what is too old to be replayed.
func prune(tx *place.Tx) error {
	before := tx.At().Add(-keptFor).UnixMilli()
	if _, err := tx.Exec(`DELETE FROM webhook_deliveries WHERE message IN (SELECT id FROM webhook_messages WHERE at < ?)`, before); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM webhook_messages WHERE at < ?`, before)
	return err
}

// outcome is what came of one attempt.
type outcome struct {
	arrived bool
	gone    bool // the receiver wants no more
	status  int
	text    string // for people; never what the receiver wrote
	wait    time.Duration
}

// label is the outcome in figures: few words, so that there are few series.
func (o outcome) label() string {
	switch {
	case o.arrived:
		return "delivered"
	case o.status == 0:
		return "unreachable"
	}
	return "refused"
}

func (s *Service) attempt(ctx context.Context, p *place.Place, e Endpoint, k kept, d parcel) error {
	begun := time.Now()
	o, err := s.post(ctx, p, e, k, d)
	if ctx.Err() != nil {
		return ctx.Err() // the server is stopping: nothing is held against the receiver
	}
	if err != nil {
		return err
	}
	s.sent(d.Kind, o.label(), time.Since(begun))
	return s.note(ctx, p, e, d, o)
}

// post sends one message. Its error is ours; the receiver's faults are outcomes.
func (s *Service) post(ctx context.Context, p *place.Place, e Endpoint, k kept, d parcel) (outcome, error) {
	now, body := time.Now(), []byte(d.Body)
	secrets := []secret.Text{secret.NewText(k.Secret)}
	if !e.TwoUntil.IsZero() {
		secrets = append(secrets, secret.NewText(k.Previous))
	}
	signature, err := sign(d.Message.String(), now, body, secrets...)
	if err != nil {
		return outcome{}, err
	}
	u, err := url.Parse(k.URL)
	if err != nil {
		return outcome{}, err
	}
	a, err := s.out.Do(ctx, p, actor.ForSystem("webhooks").For(k.Purpose), egress.Request{
		Engine: "webhook", Purpose: k.Purpose, Region: k.Region, Subject: e.ID.String(), Hosts: []string{u.Hostname()},
		Method: http.MethodPost, URL: k.URL, Body: body, Timeout: patience, MaxAnswer: 64 << 10,
		Header: http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"Ringfence-Webhooks/1"}, "Webhook-Id": {d.Message.String()},
			"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
		},
	})
	if a.Status == 0 && fault.Is(err, fault.Internal) {
		return outcome{}, err
	}
	return judge(a, err), nil
}

// judge says what an answer means. Only 2xx is yes: a redirect leads to where
// nobody has agreed that anything may go.
func judge(a egress.Answer, err error) outcome {
	if a.Status == 0 {
		f := fault.Of(err)
		o := outcome{text: f.Text}
		if len(f.Details) > 0 {
			o.text = f.Details[0].Text
		}
		return o
	}
	o := outcome{status: a.Status, arrived: a.Status >= 200 && a.Status <= 299, gone: a.Status == http.StatusGone}
	o.text = "answered " + strconv.Itoa(a.Status)
	if name := http.StatusText(a.Status); name != "" {
		o.text += " " + name
	}
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && n > 0 {
		o.wait = min(time.Duration(min(n, 1<<20))*time.Second, mostWait)
	}
	return o
}

// note writes down what came of an attempt.
func (s *Service) note(ctx context.Context, p *place.Place, e Endpoint, d parcel, o outcome) error {
	var since time.Time
	var at time.Time
	err := p.Keep(ctx, func(tx *place.Tx) (err error) {
		at = tx.At()
		state, due := "delivered", int64(0)
		switch {
		case o.arrived:
		case o.gone || d.Attempts >= len(backoff):
			state = "dead"
		default:
			state, due = "waiting", at.Add(max(apart(backoff[d.Attempts], d.Message), o.wait)).UnixMilli()
		}
		if _, err := tx.Exec(`UPDATE webhook_deliveries SET state = ?, attempts = attempts + 1, due_at = ?, tried_at = ?, status = ?, answer = ?
			WHERE endpoint = ? AND message = ?`, state, due, at.UnixMilli(), o.status, o.text, e.ID, d.Message); err != nil {
			return err
		}
		since, err = health(tx, e.ID, o)
		tx.Notify(Topic)
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case o.arrived:
		if !e.FailingSince.IsZero() {
			s.mended(ctx, p, e.ID)
		}
	case o.gone:
		return s.disable(ctx, p, Trouble{e.ID, since, true, "the receiver said that it takes no more messages (410)"})
	case at.Sub(since) >= disableAfter:
		return s.disable(ctx, p, Trouble{e.ID, since, true, "nothing has arrived there for five days; last: " + o.text})
	case at.Sub(since) >= alertAfter:
		s.failing(ctx, p, Trouble{e.ID, since, false, o.text})
	}
	return nil
}

// health writes down how the receiver is, and gives since when it has failed.
func health(tx *place.Tx, w id.Webhook, o outcome) (time.Time, error) {
	now := tx.At().UnixMilli()
	failing, delivered := now, int64(0)
	if o.arrived {
		failing, delivered = 0, now
	}
	since, err := place.Row[int64](tx, `INSERT INTO webhook_health (endpoint, failing_since, tried_at, delivered_at, answer) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (endpoint) DO UPDATE SET tried_at = excluded.tried_at, answer = excluded.answer,
			failing_since = CASE WHEN excluded.failing_since = 0 OR webhook_health.failing_since = 0 THEN excluded.failing_since ELSE webhook_health.failing_since END,
			delivered_at = CASE WHEN excluded.delivered_at = 0 THEN webhook_health.delivered_at ELSE excluded.delivered_at END
		RETURNING failing_since`, w, failing, now, delivered, o.text)
	return instant(since), err
}

// disable switches an endpoint off. What waits for it stays, and goes on when
// somebody switches it on again.
func (s *Service) disable(ctx context.Context, p *place.Place, t Trouble) error {
	changed := false
	err := p.Change(ctx, actor.ForSystem("webhooks"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "webhook.disabled", Subject: t.Endpoint.String(), Facts: map[string]string{"reason": t.Reason}})
		n, err := tx.Exec(`UPDATE webhooks SET state = 'disabled', reason = ? WHERE id = ? AND state = 'active'`, t.Reason, t.Endpoint)
		if changed = n > 0; err == nil && !changed {
			return errAlready
		}
		tx.Notify(Topic)
		return err
	})
	if errors.Is(err, errAlready) {
		return nil
	}
	if err == nil {
		s.log.WarnContext(ctx, "a webhook was switched off", "customer", p.Customer(), "webhook", t.Endpoint, "reason", t.Reason)
		s.failing(ctx, p, t)
	}
	return err
}

var errAlready = fault.New(fault.Conflict, "it is off already")

// apart adds up to a tenth, by the last byte of the message's id, so that
// messages which failed together do not come back together.
func apart(d time.Duration, m id.Message) time.Duration {
	return d + d/10*time.Duration(m[len(m)-1])/256
}
