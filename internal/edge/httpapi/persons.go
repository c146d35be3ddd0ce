package httpapi

import (
	"context"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/person"
)

func (s *Server) personRoutes() {
	const base = "/api/v1/customers/{customer}/person-requests"
	g := inCustomer(access.PersonManage)
	add(s, route{gate: g, method: get, path: base, id: "listPersonRequests", summary: "Requests of persons about what is kept of them, newest first"}, s.listPersonRequests)
	add(s, route{gate: g, method: post, path: base, id: "openPersonRequest", summary: "Open a request; the stores are looked through at once, and the month of the law runs", status: 201, creates: true}, s.openPersonRequest)
	add(s, route{gate: g, method: get, path: base + "/stores", id: "personStores", summary: "Where a search looks, and why something may be kept"}, s.personStores)
	const kept = "/api/v1/customers/{customer}/closed-cases"
	add(s, route{gate: g, method: get, path: kept, id: "closedCases", summary: "How long requests of persons and breaches are kept once they are closed"}, s.closedCases)
	add(s, route{gate: g, method: get, path: kept + "/due", id: "previewClosedCases", summary: "How many closed cases a period would delete tonight"}, s.previewClosedCases)
	add(s, route{gate: g, fresh: true, method: put, path: kept, id: "keepClosedCases", summary: "Choose how long they are kept; what is older goes in the night"}, s.keepClosedCases)
	one := base + "/{request}"
	add(s, route{gate: g, method: get, path: one, id: "personRequest", summary: "One request"}, s.personRequest)
	add(s, route{gate: g, method: put, path: one + "/identity", id: "identifyPerson", summary: "Note how it was made sure that the person is who they say"}, s.identifyPerson)
	add(s, route{gate: g, method: post, path: one + "/searches", id: "searchPersonAgain", summary: "Look through the stores once more, with these identifiers"}, s.searchPersonAgain)
	add(s, route{gate: g, method: get, path: one + "/finds", id: "listPersonFinds", summary: "What was found, where and why"}, s.listPersonFinds)
	add(s, route{gate: g, method: post, path: one + "/decisions", id: "decidePersonFinds", summary: "Say of finds whether they are the person's, and why they would be kept"}, s.decidePersonFinds)
	add(s, route{gate: g, method: get, path: one + "/plan", id: "personPlan", summary: "What an erasure would do: erased, or kept because"}, s.personPlan)
	add(s, route{gate: g, fresh: true, method: post, path: one + "/erasure", id: "erasePerson", summary: "Carry out the plan; the exact number is asked for, and nothing brings it back"}, s.erasePerson)
	add(s, route{gate: g, method: post, path: one + "/restriction", id: "restrictPerson", summary: "Only store the confirmed recordings from now on"}, s.restrictPerson)
	add(s, route{gate: g, fresh: true, method: post, path: one + "/restriction/lift", id: "unrestrictPerson", summary: "End the restriction, after the person was told"}, s.unrestrictPerson)
	add(s, route{gate: g, method: post, path: one + "/corrections", id: "rectifyPerson", summary: "Put a name or a number right on the card of a call"}, s.rectifyPerson)
	add(s, route{gate: g, method: put, path: one + "/objections", id: "objectPerson", summary: "Stop transcription, sentiment or search for calls with the person's numbers"}, s.objectPerson)
	add(s, route{gate: g, fresh: true, method: post, path: one + "/packs", id: "packPerson", summary: "Have what is the person's put together for them, to be taken as an export", status: 201}, s.packPerson)
	add(s, route{gate: g, method: post, path: one + "/extension", id: "extendPersonRequest", summary: "Make the time two months longer, with the reason"}, s.extendPersonRequest)
	add(s, route{gate: g, method: post, path: one + "/end", id: "endPersonRequest", summary: "Answered, or refused with the reason"}, s.endPersonRequest)
	add(s, route{gate: g, method: get, path: one + "/letter", id: "personLetter", summary: "The draft of a letter to the person"}, s.personLetter)
	add(s, route{gate: g, method: get, path: one + "/letter/paper", id: "personLetterPaper", summary: "The draft of a letter as a PDF", gives: "application/pdf"}, s.personLetterPaper)
	add(s, route{gate: g, method: get, path: one + "/certificate", id: "personCertificate", summary: "What was done about a request until it was answered or refused, as JSON with its signature", gives: "application/json"}, func(ctx context.Context, v *visit, in *PersonRequestPath) (*paperAnswer, error) {
		return s.personCertificate(ctx, v, in, false)
	})
	add(s, route{gate: g, method: get, path: one + "/certificate/paper", id: "personCertificatePaper", summary: "What was done about a request, as a signed PDF", gives: "application/pdf"}, func(ctx context.Context, v *visit, in *PersonRequestPath) (*paperAnswer, error) {
		return s.personCertificate(ctx, v, in, true)
	})
}

func (s *Server) closedCases(ctx context.Context, v *visit, _ *CustomerPath) (*body[ClosedCases], error) {
	days, err := s.deps.Persons.Kept(ctx, v.place)
	return answer(ClosedCases{days}), err
}

func (s *Server) previewClosedCases(ctx context.Context, v *visit, in *closedCasesDueInput) (*body[CountDone], error) {
	n, err := s.deps.Persons.GoTonight(ctx, v.place, in.Days, breach.Over)
	return answer(CountDone{n}), err
}

func (s *Server) keepClosedCases(ctx context.Context, v *visit, in *closedCasesInput) (*body[ClosedCases], error) {
	if err := s.deps.Persons.SetKept(ctx, v.place, v.who, in.Body.Days, in.Body.Confirm, breach.Over); err != nil {
		return nil, err
	}
	return answer(ClosedCases{in.Body.Days}), nil
}

// request reads the id of a path.
func (in PersonRequestPath) request() (id.PersonRequest, error) {
	i, err := id.Parse[id.PersonRequest](in.Request)
	if err != nil {
		return i, errNothing
	}
	return i, nil
}

// shownRequest is a case with what it does at present.
func (s *Server) shownRequest(ctx context.Context, v *visit, i id.PersonRequest) (*body[PersonRequest], error) {
	c, err := s.deps.Persons.Read(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	out := showRequest(c)
	if out.Restricted, err = s.deps.Persons.RestrictedNow(ctx, v.place, i); err != nil {
		return nil, err
	}
	stopped, err := s.deps.Persons.Objections(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	out.Objections = whole0(stopped)
	certificates, err := s.deps.Persons.Certificates(ctx, v.place, i)
	out.Certificates = whole0(certificates)
	return answer(out), err
}

func (s *Server) listPersonRequests(ctx context.Context, v *visit, in *personList) (*linked[PersonRequestPage], error) {
	var before id.PersonRequest
	if in.Cursor != "" {
		var err error
		if before, err = id.Parse[id.PersonRequest](in.Cursor); err != nil {
			return nil, fault.Field("query.cursor", "this is no place in this list")
		}
	}
	list, err := s.deps.Persons.List(ctx, v.place, in.Open, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &linked[PersonRequestPage]{Body: PersonRequestPage{Items: []PersonRequest{}}}
	for i, c := range list {
		if i == in.Limit {
			out.Body.NextCursor = list[i-1].ID.String()
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, showRequest(c))
	}
	return out, nil
}

func (s *Server) openPersonRequest(ctx context.Context, v *visit, in *personBegin) (*body[PersonRequest], error) {
	c, err := s.deps.Persons.Begin(ctx, v.place, v.who, person.Draft{
		Right: person.Right(in.Body.Right), ReceivedAt: in.Body.ReceivedAt, Zone: in.Body.TimeZone,
		Subject: person.Subject{Name: in.Body.Name, Identifiers: in.Body.Identifiers.read(), Notes: in.Body.Notes},
	})
	if err != nil {
		return nil, err
	}
	return answer(showRequest(c)), nil
}

func (s *Server) personStores(context.Context, *visit, *CustomerPath) (*body[PersonStores], error) {
	out := PersonStores{Stores: []PersonStore{}, Grounds: person.Grounds, Allowed: person.Allowed()}
	for _, st := range s.deps.Persons.Stores() {
		out.Stores = append(out.Stores, PersonStore{Name: st.Name, Title: st.Title, Erases: st.Erase != nil, Kept: st.Kept})
	}
	return answer(out), nil
}

func (s *Server) personRequest(ctx context.Context, v *visit, in *PersonRequestPath) (*body[PersonRequest], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) identifyPerson(ctx context.Context, v *visit, in *personIdentify) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		_, err = s.deps.Persons.Identify(ctx, v.place, v.who, i, in.Body.Proof, in.Body.Notes)
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) searchPersonAgain(ctx context.Context, v *visit, in *personSearch) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		_, err = s.deps.Persons.Again(ctx, v.place, v.who, i, in.Body.read())
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) listPersonFinds(ctx context.Context, v *visit, in *personFinds) (*linked[PersonFindPage], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	var after id.Found
	if in.Cursor != "" {
		if after, err = id.Parse[id.Found](in.Cursor); err != nil {
			return nil, fault.Field("query.cursor", "this is no place in this list")
		}
	}
	list, err := s.deps.Persons.Items(ctx, v.place, i, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &linked[PersonFindPage]{Body: PersonFindPage{Items: []PersonFind{}}}
	for n, it := range list {
		if n == in.Limit {
			out.Body.NextCursor = list[n-1].ID.String()
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, showFind(it))
	}
	return out, nil
}

func (s *Server) decidePersonFinds(ctx context.Context, v *visit, in *personDecision) (*body[PersonRequest], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	d := person.Decision{Verdict: person.Verdict(in.Body.Verdict), Ground: in.Body.Ground, Because: in.Body.Because}
	for _, text := range in.Body.Finds {
		f, err := id.Parse[id.Found](text)
		if err != nil {
			return nil, fault.Field("finds", "%s is no find", text)
		}
		d.Items = append(d.Items, f)
	}
	if _, err := s.deps.Persons.Decide(ctx, v.place, v.who, i, d); err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) personPlan(ctx context.Context, v *visit, in *PersonRequestPath) (*body[PersonPlan], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	plan, err := s.deps.Persons.Plan(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	out := PersonPlan{Erase: plan.Erase, Keep: plan.Keep, Undecided: plan.Undecided, Lines: []PersonPlanLine{}}
	for _, l := range plan.Lines {
		out.Lines = append(out.Lines, PersonPlanLine{FindID: l.Item.ID.String(), Title: l.Item.Title, Label: l.Item.Label, Ref: l.Item.Ref, Erase: l.Erase, Why: l.Why})
	}
	return answer(out), nil
}

func (s *Server) erasePerson(ctx context.Context, v *visit, in *personErasure) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		err = s.deps.Persons.Erase(ctx, v.place, v.who, i, in.Body.Confirm)
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) restrictPerson(ctx context.Context, v *visit, in *PersonRequestPath) (*body[CountDone], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Persons.Restrict(ctx, v.place, v.who, i)
	if err != nil {
		return nil, err
	}
	return answer(CountDone{n}), nil
}

func (s *Server) unrestrictPerson(ctx context.Context, v *visit, in *personLift) (*body[CountDone], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Persons.Lift(ctx, v.place, v.who, i, in.Body.Told)
	if err != nil {
		return nil, err
	}
	return answer(CountDone{int64(n)}), nil
}

func (s *Server) rectifyPerson(ctx context.Context, v *visit, in *personCorrection) (*body[CountDone], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	item, err := id.Parse[id.Found](in.Body.Find)
	if err != nil {
		return nil, fault.Field("find", "is no find")
	}
	n, err := s.deps.Persons.Rectify(ctx, v.place, v.who, i, item, recording.Correction{Field: in.Body.Field, Old: in.Body.Old, New: in.Body.New})
	if err != nil {
		return nil, err
	}
	return answer(CountDone{int64(n)}), nil
}

func (s *Server) objectPerson(ctx context.Context, v *visit, in *personObjection) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		_, err = s.deps.Persons.ObjectTo(ctx, v.place, v.who, i, in.Body.What)
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) packPerson(ctx context.Context, v *visit, in *PersonRequestPath) (*body[Export], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	p, err := s.deps.Persons.AskPack(ctx, v.place, v.who, s.deps.Parcels, i)
	if err != nil {
		return nil, err
	}
	return answer(showExport(p)), nil
}

func (s *Server) extendPersonRequest(ctx context.Context, v *visit, in *personExtension) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		_, err = s.deps.Persons.Extend(ctx, v.place, v.who, i, in.Body.Reason)
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) endPersonRequest(ctx context.Context, v *visit, in *personEnd) (*body[PersonRequest], error) {
	i, err := in.request()
	if err == nil {
		_, err = s.deps.Persons.End(ctx, v.place, v.who, i, in.Body.Refused, in.Body.Outcome)
	}
	if err != nil {
		return nil, err
	}
	return s.shownRequest(ctx, v, i)
}

func (s *Server) personLetter(ctx context.Context, v *visit, in *personLetter) (*body[LetterDraft], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	c, err := s.deps.Persons.Read(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	return answer(LetterDraft{person.Letter(c, in.Kind)}), nil
}

func (s *Server) personLetterPaper(ctx context.Context, v *visit, in *personLetter) (*paperAnswer, error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	c, err := s.deps.Persons.Read(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	file, err := person.LetterPaper(c, in.Kind, v.at)
	if err != nil {
		return nil, err
	}
	return &paperAnswer{"application/pdf", `attachment; filename="letter-` + i.String() + `-` + in.Kind + `.pdf"`, file}, nil
}

func (s *Server) personCertificate(ctx context.Context, v *visit, in *PersonRequestPath, pdf bool) (*paperAnswer, error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	file, err := s.deps.Persons.CertificateOf(ctx, v.place, i, pdf)
	if err != nil {
		return nil, err
	}
	kind, ending := "application/json", "json"
	if pdf {
		kind, ending = "application/pdf", "pdf"
	}
	return &paperAnswer{kind, `attachment; filename="request-` + i.String() + "." + ending + `"`, file}, nil
}
