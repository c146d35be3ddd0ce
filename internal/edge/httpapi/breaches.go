package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/breach"
)

// Breach is something that may have been in wrong hands.
type Breach struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind" enum:"session,token,device,support,person,customer-key,root-key"`
	Subject      string     `json:"subject" doc:"Id of the session, token and so on; empty for keys"`
	From         time.Time  `json:"from"`
	To           time.Time  `json:"to"`
	AwareAt      time.Time  `json:"aware_at"`
	DueAt        time.Time  `json:"due_at" doc:"The authority has to know before: 72 hours after somebody became aware"`
	OpenedAt     time.Time  `json:"opened_at"`
	ClosedAt     *time.Time `json:"closed_at"`
	What         string     `json:"what"`
	Consequences string     `json:"consequences"`
	Measures     string     `json:"measures"`
	Contact      string     `json:"contact"`
	Outcome      string     `json:"outcome"`
}

// BreachReach is how much was within reach.
type BreachReach struct {
	Recordings int64 `json:"recordings"`
	Persons    int64 `json:"persons" doc:"By the numbers and extensions that took part"`
}

// BreachReport is what a breach could have reached and did reach.
type BreachReport struct {
	Could    BreachReach      `json:"could"`
	Did      BreachReach      `json:"did"`
	Receipts int64            `json:"receipts" doc:"Openings in that time"`
	Rights   []string         `json:"rights" doc:"What it could do, and why"`
	Cut      bool             `json:"cut" doc:"There is more than is listed"`
	Opened   []BreachOpened   `json:"opened"`
	Timeline []BreachTimeline `json:"timeline"`
}

// BreachOpened is one recording that was opened.
type BreachOpened struct {
	RecordingID string    `json:"recording_id"`
	Ways        []string  `json:"ways"`
	FirstAt     time.Time `json:"first_at"`
	Purpose     string    `json:"purpose"`
}

// BreachTimeline is one event.
type BreachTimeline struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
	What    string    `json:"what"`
}

type (
	BreachPath struct {
		CustomerPath
		Breach string `path:"breach"`
	}
	breachBegin struct {
		CustomerPath
		Creating
		Body struct {
			Kind    string    `json:"kind" enum:"session,token,device,support,person,customer-key,root-key"`
			Subject string    `json:"subject,omitempty" maxLength:"60"`
			From    time.Time `json:"from" doc:"Since when it may have been in wrong hands"`
			To      time.Time `json:"to,omitzero" required:"false" doc:"Until when; now"`
			AwareAt time.Time `json:"aware_at,omitzero" required:"false" doc:"When somebody became aware; now"`
			What    string    `json:"what,omitempty" maxLength:"4000"`
		}
	}
	breachChange struct {
		BreachPath
		Body struct {
			From         time.Time `json:"from"`
			To           time.Time `json:"to"`
			AwareAt      time.Time `json:"aware_at"`
			What         string    `json:"what" maxLength:"4000"`
			Consequences string    `json:"consequences" maxLength:"4000"`
			Measures     string    `json:"measures" maxLength:"4000"`
			Contact      string    `json:"contact" maxLength:"500"`
			Outcome      string    `json:"outcome" maxLength:"4000"`
			Closed       bool      `json:"closed"`
		}
	}
	breachNotice struct {
		BreachPath
		To string `query:"to" enum:"authority,persons" default:"authority"`
	}
)

func (s *Server) breachRoutes() {
	const base = "/api/v1/customers/{customer}/breaches"
	g := inCustomer(access.BreachManage)
	add(s, route{gate: g, method: get, path: base, id: "listBreaches", summary: "What may have been in wrong hands, newest first"}, s.listBreaches)
	add(s, route{gate: g, method: post, path: base, id: "openBreach", summary: "Note that something may have been in wrong hands; 72 hours run from when somebody became aware", status: 201, creates: true}, s.openBreach)
	add(s, route{gate: g, method: get, path: base + "/{breach}", id: "breach", summary: "One breach"}, s.breach)
	add(s, route{gate: g, method: put, path: base + "/{breach}", id: "changeBreach", summary: "Write down more of a breach, or close it with its outcome"}, s.changeBreach)
	add(s, route{gate: g, method: get, path: base + "/{breach}/report", id: "breachReport", summary: "What it could have reached and did reach, with the timeline"}, s.breachReport)
	add(s, route{gate: g, method: get, path: base + "/{breach}/notice", id: "breachNotice", summary: "The draft of a notice, to the authority or to the persons concerned"}, s.breachNotice)
	add(s, route{gate: g, method: get, path: base + "/{breach}/notice/paper", id: "breachNoticePaper", summary: "The draft of a notice as a PDF", gives: "application/pdf"}, s.breachNoticePaper)
}

func showBreach(b breach.Breach) Breach {
	return Breach{
		ID: b.ID.String(), Kind: string(b.Kind), Subject: b.Subject, From: b.From, To: b.To, AwareAt: b.AwareAt, DueAt: b.DueAt, OpenedAt: b.OpenedAt,
		ClosedAt: when(b.ClosedAt), What: b.Words.What, Consequences: b.Words.Consequences, Measures: b.Words.Measures, Contact: b.Words.Contact, Outcome: b.Words.Outcome,
	}
}

func (s *Server) listBreaches(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Breach]], error) {
	list, err := s.deps.Breaches.List(ctx, v.place)
	var out []Breach
	for _, b := range list {
		out = append(out, showBreach(b))
	}
	return listed(out), err
}

func (s *Server) openBreach(ctx context.Context, v *visit, in *breachBegin) (*body[Breach], error) {
	b, err := s.deps.Breaches.Begin(ctx, v.place, v.who, breach.Breach{
		Kind: breach.Kind(in.Body.Kind), Subject: in.Body.Subject, From: in.Body.From, To: in.Body.To, AwareAt: in.Body.AwareAt, Words: breach.Words{What: in.Body.What},
	})
	if err != nil {
		return nil, err
	}
	return answer(showBreach(b)), nil
}

// found reads the breach of a path.
func (s *Server) found(ctx context.Context, v *visit, in BreachPath) (breach.Breach, error) {
	i, err := id.Parse[id.Breach](in.Breach)
	if err != nil {
		return breach.Breach{}, errNothing
	}
	return s.deps.Breaches.Read(ctx, v.place, i)
}

func (s *Server) breach(ctx context.Context, v *visit, in *BreachPath) (*body[Breach], error) {
	b, err := s.found(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	return answer(showBreach(b)), nil
}

func (s *Server) changeBreach(ctx context.Context, v *visit, in *breachChange) (*body[Breach], error) {
	b, err := s.found(ctx, v, in.BreachPath)
	if err == nil {
		w := breach.Words{What: in.Body.What, Consequences: in.Body.Consequences, Measures: in.Body.Measures, Contact: in.Body.Contact, Outcome: in.Body.Outcome}
		b, err = s.deps.Breaches.Change(ctx, v.place, v.who, b.ID, in.Body.From, in.Body.To, in.Body.AwareAt, w, in.Body.Closed)
	}
	if err != nil {
		return nil, err
	}
	return answer(showBreach(b)), nil
}

func (s *Server) breachReport(ctx context.Context, v *visit, in *BreachPath) (*body[BreachReport], error) {
	b, err := s.found(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Breaches.Report(ctx, v.place, b)
	if err != nil {
		return nil, err
	}
	out := BreachReport{
		Could: BreachReach(r.Could), Did: BreachReach(r.Did), Receipts: r.Receipts, Rights: whole0(r.Rights), Cut: r.Cut, Opened: []BreachOpened{}, Timeline: []BreachTimeline{},
	}
	for _, o := range r.Opened {
		out.Opened = append(out.Opened, BreachOpened{o.Recording, whole0(o.Ways), o.First, o.Purpose})
	}
	for _, m := range r.Timeline {
		out.Timeline = append(out.Timeline, BreachTimeline(m))
	}
	return answer(out), nil
}

// drafted is what a notice is made of.
func (s *Server) drafted(ctx context.Context, v *visit, in BreachPath) (b breach.Breach, r breach.Report, customer string, err error) {
	if b, err = s.found(ctx, v, in); err != nil {
		return b, r, "", err
	}
	if r, err = s.deps.Breaches.Report(ctx, v.place, b); err != nil {
		return b, r, "", err
	}
	err = s.deps.Store.Registry().View(ctx, func(tx *place.Tx) error {
		n, err := org.Read(tx, v.thing.Place)
		customer = n.Name
		return err
	})
	return b, r, customer, err
}

func (s *Server) breachNotice(ctx context.Context, v *visit, in *breachNotice) (*body[LetterDraft], error) {
	b, r, customer, err := s.drafted(ctx, v, in.BreachPath)
	if err != nil {
		return nil, err
	}
	return answer(LetterDraft{breach.Notice(b, r, customer, in.To)}), nil
}

func (s *Server) breachNoticePaper(ctx context.Context, v *visit, in *breachNotice) (*paperAnswer, error) {
	b, r, customer, err := s.drafted(ctx, v, in.BreachPath)
	if err != nil {
		return nil, err
	}
	file, err := breach.NoticePaper(b, r, customer, in.To, v.at)
	if err != nil {
		return nil, err
	}
	return &paperAnswer{"application/pdf", `attachment; filename="breach-` + b.ID.String() + `-` + in.To + `.pdf"`, file}, nil
}
