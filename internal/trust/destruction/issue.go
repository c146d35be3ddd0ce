package destruction

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
)

type runRow struct {
	Run        id.Destruction `db:"run"`
	Kind       string         `db:"kind"`
	Rule       string         `db:"rule"`
	Request    string         `db:"request"`
	Approval   string         `db:"approval"`
	OrderedBy  string         `db:"ordered_by"`
	Ordered    int64          `db:"ordered_at"`
	Ended      int64          `db:"ended_at"`
	TwoKeys    bool           `db:"two_keys"`
	TwoObjects bool           `db:"two_objects"`
}

const runColumns = `SELECT run, kind, rule, request, approval, ordered_by, ordered_at, ended_at, two_keys, two_objects FROM destructions`

type itemRow struct {
	Recording id.Recording `db:"recording"`
	At        int64        `db:"at"`
	Source    id.Source    `db:"source"`
	AtSource  string       `db:"at_source"`
	Sounds    int          `db:"sounds"`
	Texts     int          `db:"texts"`
	Bytes     int64        `db:"bytes"`
	Keys      []byte       `db:"keys"`
	Paths     []byte       `db:"paths"`
}

const itemColumns = `SELECT recording, at, source, at_source, sounds, texts, bytes, keys, paths FROM destroyed`

// Issue signs what ended at least two minutes ago and bears no signature yet,
// and, where more is known by now than an earlier certificate says, one that
// takes its place. It gives how many it signed. Run it every few minutes and
// after the nightly destruction.
func (s *Service) Issue(ctx context.Context, p *place.Place) (int, error) {
	return s.issue(ctx, p, s.o.Now().Add(-settledFor))
}

// IssueNow is Issue for what ended just now, too: for who waits for it.
func (s *Service) IssueNow(ctx context.Context, p *place.Place) (int, error) {
	return s.issue(ctx, p, s.o.Now().Add(time.Hour))
}

// partlyAfter is how old a certificate is before one takes its place that still
// waits for some: a box answers for a hundred at once, and a certificate names
// ten thousand.
const partlyAfter = time.Hour

func (s *Service) issue(ctx context.Context, p *place.Place, before time.Time) (signed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []id.Destruction
	var stale []id.Certificate
	now := s.o.Now()
	err = p.View(ctx, func(tx *place.Tx) error {
		if runs, err = place.Rows[id.Destruction](tx, `SELECT run FROM destructions WHERE ended_at <= ?
			AND EXISTS (SELECT 1 FROM destroyed WHERE destroyed.run = destructions.run AND certificate IS NULL) ORDER BY run`, before.UnixMilli()); err != nil {
			return err
		}
		stale, err = place.Rows[id.Certificate](tx, `SELECT id FROM destruction_certificates c WHERE replaced IS NULL AND ((until > 0 AND until <= ?)
			OR (waiting > 0 AND NOT EXISTS (SELECT 1 FROM destroyed d WHERE d.certificate = c.id AND d.at_source = 'waiting'))
			OR (waiting > 0 AND signed_at <= ? AND waiting <> (SELECT count(*) FROM destroyed d WHERE d.certificate = c.id AND d.at_source = 'waiting'))
			OR (open > 0 AND open <> (SELECT count(*) FROM destroyed d WHERE d.certificate = c.id AND d.at_source = 'unknown'))) ORDER BY id`,
			now.UnixMilli(), now.Add(-partlyAfter).UnixMilli())
		return err
	})
	if err != nil || len(runs)+len(stale) == 0 {
		return 0, err
	}
	if len(runs) > 0 {
		if err := s.o.Clean(ctx, p); err != nil {
			return 0, err
		}
	}
	var errs []error
	for _, r := range runs {
		n, err := s.certify(ctx, p, r)
		signed += n
		errs = append(errs, err)
	}
	for _, c := range stale {
		err := s.renew(ctx, p, c)
		if err == nil {
			signed++
		}
		errs = append(errs, err)
	}
	return signed, errors.Join(errs...)
}

// certify signs what is open of one run, in parts where it is large.
func (s *Service) certify(ctx context.Context, p *place.Place, run id.Destruction) (signed int, err error) {
	for {
		var r runRow
		var items []itemRow
		var more said
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			if r, err = place.Row[runRow](tx, runColumns+` WHERE run = ?`, run); err != nil {
				return err
			}
			if items, err = place.Rows[itemRow](tx, itemColumns+` WHERE run = ? AND certificate IS NULL ORDER BY recording LIMIT ?`, run, itemsAtOnce); err != nil {
				return err
			}
			more, err = s.told(tx, items)
			return err
		})
		if err != nil || len(items) == 0 {
			return signed, err
		}
		last := items[len(items)-1].Recording
		err = s.sign(ctx, p, r, items, more, id.Certificate{}, func(tx *place.Tx, c id.Certificate) error {
			_, err := tx.Exec(`UPDATE destroyed SET certificate = ? WHERE run = ? AND certificate IS NULL AND recording <= ?`, c, run, last)
			return err
		})
		if err != nil {
			return signed, err
		}
		signed++
	}
}

// renew signs anew what an earlier certificate said, as it is known now.
func (s *Service) renew(ctx context.Context, p *place.Place, old id.Certificate) error {
	if is, err := s.ofNone(ctx, p, old); err != nil || is {
		return err
	}
	var r runRow
	var items []itemRow
	var more said
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if r, err = place.Row[runRow](tx, runColumns+` WHERE run = (SELECT run FROM destruction_certificates WHERE id = ?)`, old); err != nil {
			return err
		}
		if items, err = place.Rows[itemRow](tx, itemColumns+` WHERE certificate = ? ORDER BY recording`, old); err != nil {
			return err
		}
		more, err = s.told(tx, items)
		return err
	})
	if err != nil {
		return err
	}
	return s.sign(ctx, p, r, items, more, old, func(tx *place.Tx, c id.Certificate) error {
		if _, err := tx.Exec(`UPDATE destroyed SET certificate = ? WHERE certificate = ?`, c, old); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE destruction_certificates SET replaced = ? WHERE id = ?`, c, old)
		return err
	})
}

// sign writes, signs and keeps one certificate; then marks what it covers.
func (s *Service) sign(ctx context.Context, p *place.Place, r runRow, items []itemRow, more said, old id.Certificate, then func(tx *place.Tx, c id.Certificate) error) error {
	c := s.compose(p, r, items, more)
	if !old.IsZero() {
		c.Corrects = old.String()
	}
	return s.signAs(ctx, p, id.New[id.Certificate](), r, c, old, then)
}

// signAs signs a certificate that was composed, under an id, and keeps it.
func (s *Service) signAs(ctx context.Context, p *place.Place, i id.Certificate, r runRow, c Certificate, old id.Certificate, then func(tx *place.Tx, c id.Certificate) error) error {
	c.ID, c.Customer, c.Name, c.SignedAt = i.String(), p.Customer().String(), s.o.Name(ctx, p.Customer()), s.o.Now().UTC().Truncate(time.Second)
	file, pdf, err := s.documents(ctx, c)
	if err != nil {
		return err
	}
	return p.Change(ctx, actor.ForSystem(housekeepActor), func(tx *place.Tx) error {
		sealedText, err := tx.Seal(place.FieldCertificate, bound(i, false), file)
		if err != nil {
			return err
		}
		sealedPDF, err := tx.Seal(place.FieldCertificate, bound(i, true), pdf)
		if err != nil {
			return err
		}
		var corrects any
		if !old.IsZero() {
			corrects = old
		}
		if _, err := tx.Exec(`INSERT INTO destruction_certificates (id, run, corrects, kind, signed_at, items, open, waiting, until, document, pdf) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			i, r.Run, corrects, r.Kind, c.SignedAt.UnixMilli(), len(c.Items), c.Total.Unknown, c.Total.Waiting, lasts(c), sealedText, sealedPDF); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "certificate.signed", Subject: i.String(), Facts: facts(c)})
		tx.Notify(Topic)
		return then(tx, i)
	})
}

// documents writes and signs the two forms of a certificate.
func (s *Service) documents(ctx context.Context, c Certificate) (file, pdf []byte, err error) {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	signature, err := s.o.Sign(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	if file, err = json.Marshal(paper.Envelope{What: whatItIs, Certificate: string(text), Signature: signature}); err != nil {
		return nil, nil, err
	}
	if pdf, err = page(c); err == nil {
		pdf, err = s.o.Paper(ctx, pdf, "Certificate of destruction", c.SignedAt)
	}
	return file, pdf, err
}

func facts(c Certificate) map[string]string {
	f := map[string]string{"run": c.Run, "recordings": number(c.Total.Recordings), "by": c.By.Kind}
	if c.Corrects != "" {
		f["corrects"] = c.Corrects
	}
	return f
}

// lasts is until when a copy in a backup can last; 0: none does, or none runs out.
func lasts(c Certificate) int64 {
	var at int64
	for _, one := range c.Copies {
		if one.State == remaining && one.Until != nil {
			at = max(at, one.Until.UnixMilli())
		}
	}
	return at
}

func (s *Service) compose(p *place.Place, r runRow, items []itemRow, more said) Certificate {
	c := Certificate{
		Version: 1, Run: r.Run.String(), By: Authority{r.Kind, r.Rule, r.Request, r.Approval, r.OrderedBy}, Ordered: instant(r.Ordered), Items: make([]Item, len(items)),
	}
	for n, i := range items {
		one := Item{
			Recording: i.Recording.String(), Source: i.Source.String(), At: instant(i.At).Format(time.RFC3339), Sounds: i.Sounds, Texts: i.Texts, Bytes: i.Bytes, AtSource: AtSource(i.AtSource),
		}
		for k := i.Keys; len(k) >= 16; k = k[16:] {
			one.Keys = append(one.Keys, id.Key(k[:16]).String())
		}
		for path := i.Paths; len(path) >= 16; path = path[16:] {
			one.Paths = append(one.Paths, hex.EncodeToString(path[:16]))
		}
		if at := instant(i.At); at.After(c.Ended) {
			c.Ended = at
		}
		switch one.AtSource {
		case SourceRemains:
			c.Total.Remaining++
		case SourceUnknown:
			c.Total.Unknown++
		case SourceWaiting:
			c.Total.Waiting++
		}
		one.Boxes = more.boxes[i.Recording]
		c.Total.Keys, c.Total.Sounds, c.Total.Texts, c.Total.Bytes = c.Total.Keys+len(one.Keys), c.Total.Sounds+i.Sounds, c.Total.Texts+i.Texts, c.Total.Bytes+i.Bytes
		c.Items[n] = one
	}
	c.Total.Recordings = len(items)
	r.Ended = c.Ended.UnixMilli()
	c.Copies = append(s.copies(p.Dialect(), r), sourceCopy(c.Total, more.remain(items)))
	return c
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// bound tells the two forms of a certificate apart where they are sealed.
func bound(i id.Certificate, pdf bool) [16]byte {
	if pdf {
		i[15] ^= 1
	}
	return i
}
