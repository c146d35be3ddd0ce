package sso

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/vouch"
)

// Report is what a test sign-in showed. Nobody was signed in by it.
type Report struct {
	ID       id.Test     `json:"-"`
	Provider id.Provider `json:"-"`
	By       id.Person   `json:"-"`
	At       time.Time   `json:"-"`
	Own      bool        `json:"-"` // a sign-in like this one lets in the person who tested

	Passed bool                `json:"passed"` // every check of the provider's answer
	Cause  vouch.Cause         `json:"cause,omitempty"`
	Text   string              `json:"text,omitempty"` // why a check failed, or where a sign-in would end
	Checks []vouch.Check       `json:"checks"`
	Claims map[string][]string `json:"claims"`

	Issuer     string        `json:"issuer,omitempty"`
	Subject    string        `json:"subject,omitempty"`
	Email      string        `json:"email,omitempty"`
	Name       string        `json:"name,omitempty"`
	Roles      []access.Role `json:"roles,omitempty"` // that the mapping gives
	Extensions []string      `json:"extensions,omitempty"`
	Admits     bool          `json:"admits"` // a sign-in would end here, signed in
}

// report stores what a test brought.
func (s *Service) report(ctx context.Context, p *place.Place, one Provider, u underWay, out vouch.Outcome, f *vouch.Failure) error {
	r := Report{Passed: f == nil, Checks: out.Checks, Claims: out.Shown}
	if f != nil {
		r.Cause, r.Text = f.Cause, f.Text
		if len(r.Checks) == 0 || r.Checks[len(r.Checks)-1].OK {
			out.Refuse("The provider", f)
			r.Checks = out.Checks
		}
	}
	err := p.Change(ctx, actor.ForPerson(u.Person, u.Session, ""), func(tx *place.Tx) error {
		if _, err := providerIn(tx, one.ID); err != nil {
			return err
		}
		if st := out.Statement; st != nil {
			if err := r.foresee(tx, one, *st, u.Person); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "idp.tested", Subject: one.ID.String(), Facts: map[string]string{"test": u.Test.String(), "passed": yes(r.Passed), "admits": yes(r.Admits), "cause": string(r.Cause)}})
		tx.Notify(topic)
		r.ID, r.Provider, r.By, r.At = u.Test, one.ID, u.Person, s.now()
		return r.store(tx)
	})
	if err != nil {
		return err
	}
	if f != nil {
		return ignore(s.failed(ctx, p, one, f))
	}
	return s.healthy(ctx, p, one.ID)
}

// ignore drops a failure that was told already, and keeps our own faults.
func ignore(err error) error {
	if vouch.Of(err) != nil {
		return nil
	}
	return err
}

func (r *Report) foresee(tx *place.Tx, one Provider, st vouch.Statement, tester id.Person) error {
	r.Issuer, r.Subject, r.Email, r.Name = st.Issuer, st.Subject, st.Email, st.Name
	pl, f, err := decide(tx, one, st)
	if err != nil {
		return err
	}
	r.Roles, r.Extensions, r.Admits = pl.given.Roles, pl.given.Extensions, f == nil
	if f != nil {
		r.Cause, r.Text = f.Cause, f.Text
	}
	r.Own = f == nil && pl.link.Person == tester
	return nil
}

func (r *Report) store(tx *place.Tx) error {
	plain, err := json.Marshal(r)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldSignOnTest, r.ID, plain)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO sso_tests (id, provider, person, at, own, report) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET own = excluded.own, report = excluded.report`, r.ID, r.Provider, r.By, r.At.UnixMilli(), r.Own, sealed); err != nil {
		return err
	}
	// Reports hold claims of people: only the newest are of use.
	_, err = tx.Exec(`DELETE FROM sso_tests WHERE provider = ? AND id NOT IN (SELECT id FROM sso_tests WHERE provider = ? ORDER BY id DESC LIMIT ?)`, r.Provider, r.Provider, testsKept)
	return err
}

type testRow struct {
	ID       id.Test     `db:"id"`
	Provider id.Provider `db:"provider"`
	Person   id.Person   `db:"person"`
	At       int64       `db:"at"`
	Own      bool        `db:"own"`
	Report   []byte      `db:"report"`
}

func reportIn(tx *place.Tx, p id.Provider, i id.Test) (Report, error) {
	row, err := place.Row[testRow](tx, `SELECT id, provider, person, at, own, report FROM sso_tests WHERE id = ? AND provider = ?`, i, p)
	if err != nil {
		return Report{}, err
	}
	plain, err := tx.Unseal(place.FieldSignOnTest, row.ID, row.Report)
	if err != nil {
		return Report{}, err
	}
	r := Report{}
	err = json.Unmarshal(plain, &r)
	r.ID, r.Provider, r.By, r.At, r.Own = row.ID, row.Provider, row.Person, instant(row.At), row.Own
	return r, err
}

// Report reads what a test showed; fault.NotFound until it has come back.
func (s *Service) Report(ctx context.Context, p *place.Place, one id.Provider, i id.Test) (r Report, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err = reportIn(tx, one, i)
		return err
	})
	return r, err
}

// LinkTester links whoever made a test to the subject that it showed: they have
// just signed in at both ends. What the provider called them before goes.
func (s *Service) LinkTester(ctx context.Context, p *place.Place, who actor.Actor, tester id.Person, provider id.Provider, i id.Test) (r Report, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if r, err = reportIn(tx, provider, i); err != nil {
			return err
		}
		if r.By != tester || !r.Passed || s.now().Sub(r.At) > testCounts {
			return fault.New(fault.Conflict, "only a test of your own that passed within the last hour can be linked to you; test again")
		}
		one, err := providerIn(tx, provider)
		if err != nil {
			return err
		}
		st := vouch.Statement{Issuer: r.Issuer, Subject: r.Subject, Email: r.Email, Name: r.Name, Claims: r.Claims}
		l, err := linkOf(tx, provider, st)
		switch {
		case err == nil && l.Person != tester:
			return fault.New(fault.Conflict, "this subject is linked to another member")
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		}
		if m, err := identity.MemberIn(tx, tester); err != nil || len(m.Roles) == 0 {
			return fault.New(fault.Conflict, "you are no member here")
		}
		if err := dropLinks(tx, provider, tester, id.New[id.Link]()); err != nil {
			return err
		}
		if err := insertLink(tx, one, st, tester, Linked, "test"); err != nil {
			return err
		}
		r.Cause, r.Text = "", ""
		if err := r.foresee(tx, one, st, tester); err != nil {
			return err
		}
		return r.store(tx)
	})
	return r, err
}

// tested is asked before other ways in are closed: whoever closes them must
// have come in through the provider within the last hour, be it as a test.
func (s *Service) tested(tx *place.Tx, saver id.Person) error {
	n, err := place.Row[int](tx, `SELECT count(*) FROM sso_tests t JOIN identity_providers p ON p.id = t.provider
		WHERE t.person = ? AND t.own = 1 AND t.at > ? AND p.enabled = 1`, saver, s.now().Add(-testCounts).UnixMilli())
	if err == nil && n == 0 {
		err = fault.Field("sso_only", "test the identity provider first: within the last hour, a test of yours must have shown that it lets you in")
	}
	return err
}
