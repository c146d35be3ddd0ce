package person

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
)

// JobCertify signs what was done about a request that was ended. It is enqueued in
// the Change that ends it.
const JobCertify = "person.certify"

// certifyLater has a request certified, once, whatever happens after this commit.
func (s *Service) certifyLater(tx *place.Tx, i id.PersonRequest) error {
	if s.o.Sign == nil {
		return nil
	}
	_, err := job.Enqueue(tx, JobCertify, CaseArgs{i}, job.Once(i.String()))
	return err
}

// CertifyKind is how requests are certified beside what ends them.
func (s *Service) CertifyKind() job.Kind {
	return job.Kind{Run: func(ctx context.Context, p *place.Place, j job.Job) error {
		var a CaseArgs
		if err := j.Decode(&a); err != nil {
			return err
		}
		return s.certifyRequest(ctx, p, a.Case, j)
	}, Parallel: 1}
}

// Uncertified has the requests certified that were ended and bear no certificate:
// by a release that signed none, or while nothing could be signed. Run it each night.
func (s *Service) Uncertified(ctx context.Context, p *place.Place) (n int, err error) {
	var all []id.PersonRequest
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = place.Rows[id.PersonRequest](tx, `SELECT id FROM person_requests r WHERE ended_at > 0
			AND NOT EXISTS (SELECT 1 FROM person_certificates c WHERE c.request = r.id) ORDER BY id LIMIT ?`, purgeAtOnce)
		return err
	})
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return len(all), p.Keep(ctx, func(tx *place.Tx) error {
		for _, i := range all {
			if err := s.certifyLater(tx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// certifyRequest signs and keeps the certificate of one request; one that has it, or
// has gone, is left as it is. It ends its job in the same Change: killed before, it is
// made anew, and after, there is no job.
func (s *Service) certifyRequest(ctx context.Context, p *place.Place, i id.PersonRequest, j job.Job) error {
	c, due, err := s.compose(ctx, p, i)
	if err != nil || !due {
		return err
	}
	s.o.Step("person: sign")
	file, pdf, err := s.documents(ctx, c)
	if err != nil {
		return err
	}
	s.o.Step("person: signed")
	of, err := id.Parse[id.Certificate](c.ID)
	if err != nil {
		return err
	}
	err = p.Change(ctx, actor.ForSystem("person"), func(tx *place.Tx) error {
		if _, err := read(tx, i); err != nil {
			return err // deleted meanwhile: the next try finds nothing to be signed
		}
		sealedText, err := tx.Seal(place.FieldPersonCertificate, bound(of, false), file)
		if err != nil {
			return err
		}
		sealedPDF, err := tx.Seal(place.FieldPersonCertificate, bound(of, true), pdf)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO person_certificates (request, id, signed_at, document, pdf) VALUES (?, ?, ?, ?, ?)`,
			i, of, c.SignedAt.UnixMilli(), sealedText, sealedPDF); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "request.certified", Subject: i.String(), Facts: map[string]string{"certificate": c.ID}})
		tx.Notify(Topic)
		s.o.Step("person: keep")
		return j.Finish(tx)
	})
	s.o.Step("person: kept")
	return err
}

// compose writes down what was done about a request; due is false where nothing is to
// be signed.
func (s *Service) compose(ctx context.Context, p *place.Place, i id.PersonRequest) (c Certificate, due bool, err error) {
	var of Case
	err = p.View(ctx, func(tx *place.Tx) error {
		if of, err = read(tx, i); err != nil || !of.State.Ended() || of.Certified {
			return err
		}
		due = true
		c.Acts, err = told(tx, i)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return c, false, nil // it was deleted meanwhile
	}
	if err != nil || !due {
		return c, false, err
	}
	c.Version, c.ID, c.Customer, c.Request = 1, id.New[id.Certificate]().String(), p.Customer().String(), i.String()
	if c.Name = p.Customer().String(); s.o.Name != nil {
		c.Name = s.o.Name(ctx, p.Customer())
	}
	c.Right, c.Article, c.State, c.InTime = of.Right, articleOf(of.Right), of.State, !of.late()
	c.Received, c.Due, c.Ended = of.ReceivedAt, of.DueAt, of.EndedAt
	if of.Extended != "" {
		until := of.DueAt
		c.Extended = &until
		if zone, err := time.LoadLocation(of.Zone); err == nil {
			c.Due = Due(of.ReceivedAt, zone, false)
		}
	}
	if !of.CheckedAt.IsZero() {
		c.Identified = &of.CheckedAt
	}
	f := of.Figures
	c.Finds = Finds{f.Found, f.Confirmed, f.Rejected, f.Undecided}
	c.Erasures, err = s.erasures(ctx, p, i)
	c.SignedAt = s.o.Now().UTC().Truncate(time.Second)
	return c, true, err
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
	if file, err = json.Marshal(paper.Envelope{What: WhatItIs, Certificate: string(text), Signature: signature}); err != nil {
		return nil, nil, err
	}
	if pdf, err = page(c, text); err == nil {
		pdf, err = s.o.Paper(ctx, pdf, "Certificate of a person's request", c.SignedAt)
	}
	return file, pdf, err
}

// CertificateOf is the certificate of a request as a file: JSON with its signature,
// or the signed PDF. fault.Conflict: there is none yet.
func (s *Service) CertificateOf(ctx context.Context, p *place.Place, i id.PersonRequest, pdf bool) (out []byte, err error) {
	type row struct {
		ID       id.Certificate `db:"id"`
		Document []byte         `db:"document"`
		PDF      []byte         `db:"pdf"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		c, err := read(tx, i)
		switch {
		case err != nil:
			return err
		case !c.State.Ended():
			return fault.New(fault.Conflict, "the request is not answered yet: its certificate is signed when it is answered or refused")
		case !c.Certified:
			return fault.New(fault.Conflict, "the certificate is being signed: ask again in a moment")
		}
		r, err := place.Row[row](tx, `SELECT id, document, pdf FROM person_certificates WHERE request = ?`, i)
		if err != nil {
			return err
		}
		sealed := r.Document
		if pdf {
			sealed = r.PDF
		}
		out, err = tx.Unseal(place.FieldPersonCertificate, bound(r.ID, pdf), sealed)
		return err
	})
	return out, err
}

// bound tells the two forms of a certificate apart where they are sealed.
func bound(i id.Certificate, pdf bool) [16]byte {
	if pdf {
		i[15] ^= 1
	}
	return i
}
