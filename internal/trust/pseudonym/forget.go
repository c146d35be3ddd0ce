package pseudonym

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
)

// KindForget is the act of destroying ways back, for a second person.
const KindForget = "pseudonym.forget"

// Which says which ways back are meant: that of one pseudonym, those that were
// made before a day, or all.
type Which struct {
	One    string    // a pseudonym
	Before time.Time // a day in UTC
	All    bool
}

const dayForm = "2006-01-02"

func (s *Service) subject(ctx context.Context, p *place.Place, w Which) (string, error) {
	switch {
	case w.All && w.One == "" && w.Before.IsZero():
		return "all", nil
	case !w.Before.IsZero() && w.One == "" && !w.All:
		if w.Before.After(s.o.Now()) {
			return "", fault.Field("before", "lies in the future: name all, if all are meant")
		}
		return "before " + w.Before.UTC().Format(dayForm), nil
	case w.One != "" && !w.All && w.Before.IsZero():
		code, err := Code(w.One)
		if err != nil {
			return "", err
		}
		i, _, err := s.waysBack(ctx, p, code)
		return i.String(), err
	}
	return "", fault.Field("which", "name one pseudonym, a day, or all: one of the three")
}

// meant is a condition on pseudonyms p.
func meant(subject string) (string, []any, error) {
	const back = ` p.ended_at = 0 AND EXISTS (SELECT 1 FROM pseudonym_marks m WHERE m.pseudonym = p.id)`
	if subject == "all" {
		return back, nil, nil
	}
	if day, ok := strings.CutPrefix(subject, "before "); ok {
		at, err := time.Parse(dayForm, day)
		return ` p.made_at < ? AND` + back, []any{at.UnixMilli()}, err
	}
	i, err := id.Parse[id.Pseudonym](subject)
	return ` p.id = ? AND` + back, []any{i}, err
}

func countMeant(tx *place.Tx, subject string) (n int64, err error) {
	where, args, err := meant(subject)
	if err != nil {
		return 0, fault.New(fault.NotFound, "there is no such pseudonym")
	}
	return place.Row[int64](tx, `SELECT count(*) FROM pseudonyms p WHERE`+where, args...)
}

// Meant counts the ways back that an act would destroy.
func (s *Service) Meant(ctx context.Context, p *place.Place, w Which) (n int64, err error) {
	subject, err := s.subject(ctx, p, w)
	if err != nil {
		return 0, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = countMeant(tx, subject)
		return err
	})
	return n, err
}

// Forget asks that ways back are destroyed; it is done once a second person
// agrees. confirm is how many pseudonyms are left without one: it must be exact.
func (s *Service) Forget(ctx context.Context, p *place.Place, who actor.Actor, w Which, reason string, confirm int64) (apr id.Approval, err error) {
	subject, err := s.subject(ctx, p, w)
	if err != nil {
		return apr, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := countMeant(tx, subject)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "there is no way back that this would destroy")
		}
		if confirm != n {
			return fault.Field("confirm", "this destroys the way back from %d pseudonyms for ever: confirm with exactly this number", n)
		}
		if _, err := s.cases(tx, subject, false); err != nil {
			return err
		}
		apr, err = s.o.Approvals.Ask(tx, who, approval.Act{
			Kind: KindForget, Subject: subject, Count: n, Reason: reason, Facts: map[string]string{"pseudonyms": strconv.FormatInt(n, 10), "which": subject},
		})
		tx.Record(place.Event{Code: "pseudonym.forgetting-asked", Subject: p.Customer().String(), Facts: map[string]string{"approval": apr.String(), "which": subject}})
		tx.Notify(Topic)
		return err
	})
	return apr, err
}

// approved is the act for a second person. What it is about is the number of
// pseudonyms: one that was given meanwhile has it asked for anew.
func (s *Service) approved() approval.Kind {
	return approval.Kind{
		Name: KindForget, Title: "destroy the way back from pseudonyms", Act: access.PseudonymManage, Page: "pseudonyms", Carry: s.carry,
		State: func(tx *place.Tx, subject string) ([]byte, error) {
			n, err := countMeant(tx, subject)
			return fmt.Appendf(nil, "%d", n), err
		},
	}
}

// cases looks at the requests of persons whose pseudonyms are meant: they say in
// plain words whom the pseudonyms stand for. One that is still open refuses the
// whole; the names of the others go.
func (s *Service) cases(tx *place.Tx, subject string, blank bool) (all []id.PersonRequest, err error) {
	where, args, err := meant(subject)
	if err != nil {
		return nil, err
	}
	all, err = place.Rows[id.PersonRequest](tx, `SELECT DISTINCT c.request FROM pseudonym_requests c JOIN pseudonyms p ON p.id = c.pseudonym WHERE`+where, args...)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if err := s.o.Persons.Nameless(tx, i, blank); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return all, nil
}

// JobForget destroys the keys of ways back and has that certified.
const JobForget = "pseudonym.forget"

type forgetArgs struct {
	Run      id.Destruction     `json:"run"`
	Approval id.Approval        `json:"approval"`
	AskedAt  int64              `json:"asked_at"`
	Keys     int                `json:"keys"`
	Requests []id.PersonRequest `json:"requests,omitempty"` // that were emptied
}

// carry takes ways there and back out of the rows, in the Change in which the
// second person agreed; the keys follow. With all of them goes the pseudonym key.
func (s *Service) carry(tx *place.Tx, a approval.Approval) error {
	busy, err := place.Row[int](tx, `SELECT count(*) FROM pseudonym_runs WHERE state = 'waiting'`)
	if err != nil {
		return err
	}
	if busy > 0 {
		return fault.New(fault.Conflict, "names are being replaced: agree once that run has ended")
	}
	requests, err := s.cases(tx, a.Subject, true)
	if err != nil {
		return err
	}
	where, args, err := meant(a.Subject)
	if err != nil {
		return err
	}
	among := ` IN (SELECT p.id FROM pseudonyms p WHERE` + where + `)`
	run := id.New[id.Destruction]()
	keys, err := tx.Exec(`INSERT INTO pseudonym_doomed (key, run) SELECT x.key, ? FROM pseudonym_marks x WHERE x.key IS NOT NULL AND x.pseudonym`+among, append([]any{run}, args...)...)
	if err != nil {
		return err
	}
	if a.Subject == "all" {
		k, err := tx.Exec(`INSERT INTO pseudonym_doomed (key, run) SELECT key, ? FROM pseudonym_keys`, run)
		if err != nil {
			return err
		}
		keys += k
		if _, err := tx.Exec(`DELETE FROM pseudonym_keys`); err != nil {
			return err
		}
	}
	// Marks go last: what is meant has some.
	n, err := tx.Exec(`UPDATE pseudonyms SET ended_at = ? WHERE id`+among, append([]any{tx.At().UnixMilli()}, args...)...)
	if err == nil {
		_, err = tx.Exec(`DELETE FROM pseudonym_marks WHERE pseudonym IN (SELECT id FROM pseudonyms WHERE ended_at <> 0)`)
	}
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "pseudonym.forgotten", Subject: tx.Place().Customer().String(), Facts: map[string]string{
		"approval": a.ID.String(), "which": a.Subject, "pseudonyms": strconv.FormatInt(n, 10), "keys": strconv.FormatInt(keys, 10), "run": run.String(),
	}})
	tx.Notify(Topic)
	_, err = job.Enqueue(tx, JobForget, forgetArgs{run, a.ID, a.AskedAt.UnixMilli(), int(keys), requests}, job.Once(run.String()))
	return err
}

// destroy destroys the keys that carry has named, and has it certified. Each step
// may run twice.
func (s *Service) destroy(ctx context.Context, p *place.Place, j job.Job) error {
	var a forgetArgs
	if err := j.Decode(&a); err != nil {
		return err
	}
	if err := s.o.Persons.BuryNames(ctx, p, a.Requests...); err != nil {
		return err
	}
	for {
		var keys []id.Key
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			keys, err = place.Rows[id.Key](tx, `SELECT key FROM pseudonym_doomed WHERE run = ? ORDER BY key LIMIT 1000`, a.Run)
			return err
		})
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		s.o.Step("pseudonym: keys")
		if err := s.o.Keys.Destroy(ctx, p.Customer(), "pseudonyms", keys...); err != nil {
			return err
		}
		s.o.Step("pseudonym: noted")
		if err := p.Keep(ctx, func(tx *place.Tx) error {
			_, err := tx.Exec(`DELETE FROM pseudonym_doomed WHERE key IN (?)`, place.List(keys))
			return err
		}); err != nil {
			return err
		}
	}
	if s.o.Certify == nil {
		return nil
	}
	s.o.Step("pseudonym: certify")
	err := s.o.Certify(ctx, p, Gone{a.Run, a.Approval, instant(a.AskedAt), a.Keys})
	s.o.Step("pseudonym: certified")
	return err
}

// Purge takes out of a place that was restored the ways there and back whose keys
// were destroyed since, as if that had been done there. It is run before anybody
// can open the place, and gives how many went.
func Purge(ctx context.Context, p *place.Place, dead []id.Key) (int, error) {
	type row struct {
		Mark []byte `db:"mark"`
		Key  id.Key `db:"key"`
	}
	gone := make(map[id.Key]bool, len(dead))
	for _, k := range dead {
		gone[k] = true
	}
	var marks [][]byte
	var name id.Key
	err := p.View(ctx, func(tx *place.Tx) error {
		for r, err := range place.Each[row](tx, `SELECT mark, key FROM pseudonym_marks WHERE key IS NOT NULL`) {
			if err != nil {
				return err
			}
			if gone[r.Key] {
				marks = append(marks, r.Mark)
			}
		}
		k, err := place.Row[id.Key](tx, `SELECT key FROM pseudonym_keys`)
		if name = k; fault.Is(err, fault.NotFound) {
			err = nil
		}
		return err
	})
	if err != nil || len(marks) == 0 && !gone[name] {
		return 0, err
	}
	err = p.Change(ctx, actor.ForSystem("restore"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pseudonym.forgotten", Subject: p.Customer().String(), Facts: map[string]string{"which": "destroyed before the restore", "keys": strconv.Itoa(len(marks))}})
		for part := range slices.Chunk(marks, 500) {
			if _, err := tx.Exec(`UPDATE pseudonyms SET ended_at = ? WHERE ended_at = 0 AND id IN (SELECT pseudonym FROM pseudonym_marks WHERE mark IN (?))`, tx.At().UnixMilli(), place.List(part)); err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM pseudonym_marks WHERE mark IN (?)`, place.List(part)); err != nil {
				return err
			}
		}
		if !gone[name] {
			return nil
		}
		if _, err := tx.Exec(`UPDATE pseudonyms SET ended_at = ? WHERE ended_at = 0`, tx.At().UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM pseudonym_marks`); err != nil { // nobody can make such marks any more
			return err
		}
		_, err := tx.Exec(`DELETE FROM pseudonym_keys`)
		return err
	})
	return len(marks), err
}
