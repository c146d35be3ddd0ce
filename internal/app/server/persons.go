package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/person/stores"
)

// buildPersons builds what answers requests of persons. Searching has a runner of
// its own: it reads every card, and keeps no other work waiting.
func (s *Server) buildPersons() {
	s.persons = person.New(person.Options{
		Store: s.Places, Recordings: s.Recordings, Log: s.log, Certified: certificatesOf, Recipients: recipients, EraseEvents: journal.Erase, Minimum: s.leastKept, Certify: s.certifyErasure, Bury: s.bury,
		Sign: s.reviews.SignText, Paper: s.reviews.SignPaper, Name: s.nameOf,
		Stores: stores.All(stores.Services{Recordings: s.Recordings, Coverage: s.coverage, Monitor: s.monitor, SSO: s.sso}),
	})
	s.breaches = breach.New(breach.Options{Recordings: s.Recordings, Held: s.People.Held, PersonOf: s.People.PersonOf, Bury: s.bury})
	s.parcels.Register(person.KindPack, s.persons.Maker())
	s.buildPseudonyms()
	kinds := s.pseudonyms.Kinds()
	kinds[person.JobSearch], kinds[person.JobCertify] = s.persons.Kind(), s.persons.CertifyKind()
	s.searching = job.NewRunner(s.Places, kinds, s.runnerOptions(2))
	s.monitor.Detect(monitor.Detector{Kinds: []monitor.Kind{monitor.RequestDue}, Look: s.requestsDue})
}

// bury has it stand in the key store that rows without keys of their own were
// emptied or erased: see storage.Purge.
func (s *Server) bury(ctx context.Context, p *place.Place, reason string, rows ...[16]byte) error {
	var ids []id.Key
	for _, r := range rows {
		ids = append(ids, r)
	}
	return s.Keys.Destroy(ctx, p.Customer(), reason, ids...)
}

// certifyErasure signs what was erased of a person and what was kept, in all stores.
func (s *Server) certifyErasure(ctx context.Context, p *place.Place, d person.Done) error {
	e := destruction.Erasure{Run: d.Run, Request: d.Case.String(), Ordered: d.Ordered}
	for _, part := range d.Parts {
		one := destruction.Store{Name: part.Store, Title: part.Title, Erased: part.Erased}
		for _, k := range part.Kept {
			one.Kept = append(one.Kept, destruction.Kept{Count: k.Count, Why: k.Why})
		}
		e.Stores = append(e.Stores, one)
	}
	return s.certificates.Erased(ctx, p, e)
}

// leastKept says which law's minimum keeps a recording, and until when.
func (s *Server) leastKept(ctx context.Context, p *place.Place, row recording.Row) (because string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		set, until, ok, err := s.privacy.Least(tx, row)
		if ok {
			because = fmt.Sprintf("%s wants it kept until %s (%s); article 17(3)(b)", set.Title, until.Format("2 January 2006"), set.Source)
		}
		return err
	})
	return because, err
}

// requestsDue are requests of persons that the law wants answered within a week.
func (s *Server) requestsDue(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	reminders, again, err := s.persons.Remind(ctx, w.Place, at)
	for _, r := range reminders {
		all = append(all, monitor.Condition{
			Kind: monitor.RequestDue, Subject: r.Case.ID.String(), Since: r.Since, Urgent: r.Late,
			Facts: map[string]string{"request": r.Case.ID.String(), "due": r.Case.DueAt.Format(time.RFC3339), "text": r.Text},
		})
	}
	return all, again, err
}

// certificatesOf are the certificates of one run that count.
func certificatesOf(ctx context.Context, p *place.Place, run id.Destruction) (out []string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err := place.Rows[id.Certificate](tx, `SELECT id FROM destruction_certificates WHERE run = ? AND replaced IS NULL ORDER BY id`, run)
		for _, c := range all {
			out = append(out, c.String())
		}
		return err
	})
	return out, err
}

// recipients are those to whom something of the customer's has gone, each once,
// from the ledger's newest 2,000 lines.
func recipients(ctx context.Context, p *place.Place) (out []string, err error) {
	cursor := ""
	for range 10 {
		page, err := egress.List(ctx, p, cursor, 200)
		if err != nil {
			return nil, err
		}
		for _, l := range page.Items {
			if _, err := id.Parse[id.Recording](l.Subject); err != nil {
				continue // a question to a key server, a telephone system or an identity provider carries no sound and no text
			}
			if to := fmt.Sprintf("%s (%s; %s)", l.Host, l.Purpose, l.Region); !slices.Contains(out, to) {
				out = append(out, to)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return out, nil
}
