package witness

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Witness is somebody who is sent checkpoints by mail. Other systems are sent
// each one, by webhook.
type Witness struct {
	ID       id.Witness
	Email    string
	Every    time.Duration // how often at most
	AddedAt  time.Time
	SentAt   time.Time // zero: not yet
	SentSize int64
	Trouble  string // why the last mail did not leave
}

// maxWitnesses is how many a customer can have: each costs a mail per turn.
const maxWitnesses = 20

// often are the choices of how often, as a mail each minute is read by nobody.
var often = map[time.Duration]bool{time.Hour: true, 24 * time.Hour: true, 7 * 24 * time.Hour: true}

type witnessRow struct {
	ID       id.Witness `db:"id"`
	Sealed   []byte     `db:"sealed"`
	Every    int64      `db:"every_ms"`
	AddedAt  int64      `db:"added_at"`
	SentAt   int64      `db:"sent_at"`
	SentSize int64      `db:"sent_size"`
	Trouble  string     `db:"trouble"`
}

// Witnesses lists who is sent checkpoints by mail.
func (s *Service) Witnesses(ctx context.Context, p *place.Place) (all []Witness, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = witnesses(tx)
		return err
	})
	return all, err
}

func witnesses(tx *place.Tx) ([]Witness, error) {
	rows, err := place.Rows[witnessRow](tx, `SELECT id, sealed, every_ms, added_at, sent_at, sent_size, trouble FROM log_witnesses ORDER BY id`)
	if err != nil {
		return nil, err
	}
	all := make([]Witness, len(rows))
	for i, r := range rows {
		plain, err := tx.Unseal(place.FieldWitness, r.ID, r.Sealed)
		if err != nil {
			return nil, err
		}
		all[i] = Witness{ID: r.ID, Email: string(plain), Every: time.Duration(r.Every) * time.Millisecond, AddedAt: time.UnixMilli(r.AddedAt).UTC(), SentSize: r.SentSize, Trouble: r.Trouble}
		if r.SentAt > 0 {
			all[i].SentAt = time.UnixMilli(r.SentAt).UTC()
		}
	}
	return all, nil
}

// Add has somebody sent checkpoints from now on.
func (s *Service) Add(ctx context.Context, p *place.Place, who actor.Actor, email string, every time.Duration) (Witness, error) {
	address, err := mail.Address(email)
	if err != nil {
		return Witness{}, err
	}
	if !often[every] {
		return Witness{}, fault.Field("every_hours", "must be 1, 24 or 168")
	}
	w := Witness{Email: address, Every: every}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		all, err := witnesses(tx)
		if err != nil {
			return err
		}
		if len(all) >= maxWitnesses {
			return fault.New(fault.Conflict, "%d addresses are sent checkpoints; take one out first", len(all))
		}
		for _, old := range all {
			if old.Email == address {
				return fault.New(fault.Conflict, "this address is sent checkpoints already")
			}
		}
		w.ID, w.AddedAt = id.At[id.Witness](tx.At()), tx.At()
		sealed, err := tx.Seal(place.FieldWitness, w.ID, []byte(address))
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO log_witnesses (id, sealed, every_ms, added_at) VALUES (?, ?, ?, ?)`, w.ID, sealed, every.Milliseconds(), tx.At().UnixMilli())
		tx.Record(place.Event{Code: "witness.added", Subject: w.ID.String(), Personal: map[string]string{"email": address}})
		return err
	})
	return w, err
}

// Remove has somebody sent checkpoints no more.
func (s *Service) Remove(ctx context.Context, p *place.Place, who actor.Actor, i id.Witness) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM log_witnesses WHERE id = ?`, i)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "there is no such address")
		}
		tx.Record(place.Event{Code: "witness.removed", Subject: i.String()})
		return err
	})
}

// send mails the newest checkpoint to whom it is due. again says that somebody
// is due later.
func (s *Service) send(ctx context.Context, p *place.Place) (again bool, err error) {
	all, err := s.Witnesses(ctx, p)
	if err != nil || len(all) == 0 {
		return false, err
	}
	list, err := s.List(ctx, p, 0, 1)
	if err != nil || len(list) == 0 {
		return false, err
	}
	now := s.o.Now()
	for _, w := range all {
		if w.SentSize >= list[0].Size {
			continue
		}
		again = true
		if now.Sub(w.SentAt) < w.Every {
			continue
		}
		trouble := s.mail(ctx, p, w, list[0])
		if err := s.sent(ctx, p, w, list[0], now, trouble); err != nil {
			return again, err
		}
	}
	return again, nil
}

// mail gives the trouble there was, in words; "": none.
func (s *Service) mail(ctx context.Context, p *place.Place, w Witness, c Signed) string {
	letter := mail.Letter{
		Subject: "Checkpoint of your change log: " + itoa(c.Size) + " events",
		Paragraphs: []string{
			"Keep this mail. It says, signed, what your change log was at " + c.At.Format("2006-01-02 15:04 MST") + ". With it you can prove later that nothing before was altered, taken out or put in:",
			"ringfence verify CHECKPOINT.txt EXPORT.zip",
			"where CHECKPOINT.txt holds the lines below, from the first to the last, the empty one among them.",
		},
		Closing: []string{c.Note},
	}
	m := letter.Message(s.o.Brand(ctx, p.Customer()), w.Email, s.o.Now())
	m.Text = letter.Paragraphs[0] + "\n\n  " + letter.Paragraphs[1] + "\n\n" + letter.Paragraphs[2] + "\n\n" + c.Note
	if err := s.o.Mail.Send(ctx, m); err != nil {
		return fault.Of(err).Text
	}
	return ""
}

func (s *Service) sent(ctx context.Context, p *place.Place, w Witness, c Signed, at time.Time, trouble string) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		if trouble != "" {
			_, err := tx.Exec(`UPDATE log_witnesses SET trouble = ? WHERE id = ?`, trouble, w.ID)
			return err
		}
		_, err := tx.Exec(`UPDATE log_witnesses SET sent_at = ?, sent_size = ?, trouble = '' WHERE id = ?`, at.UnixMilli(), c.Size, w.ID)
		return err
	})
}
