package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// CoverageCounts are calls of a day, by how they ended.
type CoverageCounts struct {
	Named     int64 `json:"named" doc:"Calls that the logs name"`
	Captured  int64 `json:"captured"`
	Elsewhere int64 `json:"captured_elsewhere" doc:"Of the captured: by another source, which has the same call"`
	Excused   int64 `json:"excused"`
	Missing   int64 `json:"missing"`
	Erased    int64 `json:"erased"`
	Unnamed   int64 `json:"unnamed" doc:"Recordings that no log names, though the source has logs"`
	Waiting   int64 `json:"waiting" doc:"Still within the time in which a recording may come"`
}

func countsOf(c coverage.Counts) CoverageCounts {
	return CoverageCounts{c.Named, c.Captured, c.Elsewhere, c.Excused, c.Missing, c.Erased, c.Unnamed, c.Waiting}
}

// CoverageDay is one day of one source.
type CoverageDay struct {
	Day      string         `json:"day" format:"date"`
	SourceID string         `json:"source_id"`
	Counts   CoverageCounts `json:"counts"`
	Rate     float64        `json:"rate" doc:"Of what should be there: 1 where nothing should"`
}

// CoverageGap is something that a log does not say.
type CoverageGap struct {
	Day      string    `json:"day" format:"date"`
	SourceID string    `json:"source_id"`
	Kind     string    `json:"kind" enum:"unreadable,rotation,silence,sequence"`
	Log      string    `json:"log"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	N        int64     `json:"n" doc:"Lines or numbers"`
}

// CoverageOverview is how a customer's coverage is.
type CoverageOverview struct {
	Missing int64         `json:"missing" doc:"Of the last seven days"`
	Unnamed int64         `json:"unnamed"`
	Waiting int64         `json:"waiting"`
	Days    []CoverageDay `json:"days"`
	Gaps    []CoverageGap `json:"gaps"`
}

// CoverageCall is a call and how its expectation stands.
type CoverageCall struct {
	ID          string    `json:"id"`
	SourceID    string    `json:"source_id"`
	Day         string    `json:"day" format:"date"`
	State       string    `json:"state" enum:"waiting,captured,excused,missing,erased,unnamed"`
	Named       bool      `json:"named" doc:"A log names it"`
	StartedAt   time.Time `json:"started_at"`
	EndedAt     time.Time `json:"ended_at"`
	DueAt       time.Time `json:"due_at"`
	ChangedAt   time.Time `json:"changed_at"`
	Direction   string    `json:"direction"`
	Disposition string    `json:"disposition"`
	TalkSeconds float64   `json:"talk_seconds"`
	RecordingID *string   `json:"recording_id"`
	CapturedBy  *string   `json:"captured_by" doc:"The other source whose recording that is; null: its own"`
	ExcuseID    *string   `json:"excuse_id"`
	Why         string    `json:"why" doc:"The reason of a single excuse, or by whose authority it was erased"`
	Caller      string    `json:"caller" doc:"Empty once it is not kept any more"`
	Dialled     string    `json:"dialled"`
	Queue       string    `json:"queue"`
	Extensions  []string  `json:"extensions"`
}

// CoverageCallPage is some calls, and where the list goes on.
type CoverageCallPage struct {
	Items []CoverageCall `json:"items"`
	Next  *string        `json:"next"`
}

// CoverageStatement is a signed statement of a day.
type CoverageStatement struct {
	ID       string         `json:"id"`
	Day      string         `json:"day" format:"date"`
	Kind     string         `json:"kind" enum:"provisional,final,correction"`
	Corrects *string        `json:"corrects" doc:"The statement that this one takes the place of"`
	SignedAt time.Time      `json:"signed_at"`
	Counts   CoverageCounts `json:"counts"`
}

// CoverageSettings is how long recordings may take, and names are kept.
type CoverageSettings struct {
	KeepDays     int            `json:"keep_days" minimum:"30" maximum:"3660" doc:"How long the names of what is missing are kept, at most as long as recordings"`
	GraceMinutes map[string]int `json:"grace_minutes" doc:"By source id: from the end of a call to its recording, 2 to 45; 15 where none is given"`
}

type (
	coverageQuery struct {
		CustomerPath
		From string `query:"from" format:"date" doc:"A day; 35 days back"`
		To   string `query:"to" format:"date" doc:"A day, included; today"`
	}
	coverageCalls struct {
		CustomerPath
		State  string `query:"state" enum:"waiting,captured,excused,missing,erased,unnamed" doc:"Missing and unnamed, if none is given"`
		Source string `query:"source" maxLength:"60"`
		From   string `query:"from" format:"date"`
		To     string `query:"to" format:"date"`
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	expectationPath struct {
		CustomerPath
		Expectation string `path:"expectation"`
	}
	excuseOne struct {
		CustomerPath
		Expectation string `path:"expectation"`
		Body        struct {
			Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Stands in the signed statements"`
		}
	}
	statementPath struct {
		CustomerPath
		Statement string `path:"statement"`
	}
	coverageSettingsInput struct {
		CustomerPath
		Body CoverageSettings
	}
)

func (s *Server) coverageRoutes() {
	const base = "/api/v1/customers/{customer}/coverage"
	read, manage := inCustomer(access.CoverageRead), inCustomer(access.SourceManage)
	add(s, route{gate: read, method: get, path: base, id: "coverage", summary: "Days: which calls have recordings, and what the logs do not say"}, s.coverage)
	add(s, route{gate: read, method: get, path: base + "/calls", id: "listCoverageCalls", summary: "Calls without a recording, and recordings without a call"}, s.listCoverageCalls)
	add(s, route{gate: read, method: get, path: base + "/calls/{expectation}", id: "coverageCall", summary: "One call, and how its expectation stands"}, s.coverageCall)
	add(s, route{gate: manage, method: post, path: base + "/calls/{expectation}/excuse", id: "excuseCall", summary: "Excuse one missing call, with the reason"}, s.excuseCall)
	add(s, route{gate: read, method: get, path: base + "/statements", id: "listCoverageStatements", summary: "Signed statements of days"}, s.listStatements)
	add(s, route{gate: read, method: get, path: base + "/statements/{statement}", id: "coverageStatement", summary: "A statement as JSON with its signature", gives: "application/json"}, func(ctx context.Context, v *visit, in *statementPath) (*paperAnswer, error) {
		return s.statement(ctx, v, in.Statement, false)
	})
	add(s, route{gate: read, method: get, path: base + "/statements/{statement}/paper", id: "coverageStatementPaper", summary: "A statement as a signed PDF", gives: "application/pdf"}, func(ctx context.Context, v *visit, in *statementPath) (*paperAnswer, error) {
		return s.statement(ctx, v, in.Statement, true)
	})
	add(s, route{gate: read, method: get, path: base + "/settings", id: "coverageSettings", summary: "How long recordings may take, and names are kept"}, s.coverageSettings)
	add(s, route{gate: manage, method: put, path: base + "/settings", id: "setCoverageSettings", summary: "Choose how long recordings may take, and names are kept"}, s.setCoverageSettings)
	s.excuseRoutes()
}

// stretch reads the days of a query; a missing one is given by the fallback.
func stretch(from, to string, a, b coverage.Day) (coverage.Day, coverage.Day, error) {
	var err error
	if from != "" {
		if a, err = coverage.ParseDay(from); err != nil {
			return a, b, fault.Field("query.from", "must be a day such as 2026-11-22")
		}
	}
	if to != "" {
		if b, err = coverage.ParseDay(to); err != nil {
			return a, b, fault.Field("query.to", "must be a day such as 2026-11-22")
		}
	}
	if to != "" && b < a {
		return a, b, fault.Field("query.to", "the end lies before the beginning")
	}
	return a, b, nil
}

func (s *Server) coverage(ctx context.Context, v *visit, in *coverageQuery) (*body[CoverageOverview], error) {
	today := coverage.DayOf(v.at, time.UTC)
	from, to, err := stretch(in.From, in.To, today.Add(-35), today.Add(1))
	if err != nil {
		return nil, err
	}
	if from.Add(400) < to {
		return nil, fault.Field("query.from", "at most 400 days at once")
	}
	o, err := s.deps.Coverage.Overview(ctx, v.place)
	if err != nil {
		return nil, err
	}
	days, err := s.deps.Coverage.Days(ctx, v.place, from, to)
	if err != nil {
		return nil, err
	}
	gaps, err := s.deps.Coverage.Gaps(ctx, v.place, from, to)
	if err != nil {
		return nil, err
	}
	out := CoverageOverview{Missing: o.Missing, Unnamed: o.Unnamed, Waiting: o.Waiting, Days: []CoverageDay{}, Gaps: []CoverageGap{}}
	for _, d := range days {
		out.Days = append(out.Days, CoverageDay{d.Day.String(), d.Source.String(), CoverageCounts{d.Named, d.Captured, d.Elsewhere, d.Excused, d.Missing, d.Erased, d.Unnamed, d.Waiting}, d.Rate()})
	}
	for _, g := range gaps {
		out.Gaps = append(out.Gaps, CoverageGap{g.Day.String(), g.Source.String(), string(g.Kind), g.Log, g.From, g.To, g.N})
	}
	return answer(out), nil
}

func (s *Server) listCoverageCalls(ctx context.Context, v *visit, in *coverageCalls) (*body[CoverageCallPage], error) {
	from, to, err := stretch(in.From, in.To, 0, 0)
	if err != nil {
		return nil, err
	}
	f := coverage.Filter{State: coverage.State(in.State), From: from, To: to}
	if in.Source != "" {
		if f.Source, err = id.Parse[id.Source](in.Source); err != nil {
			return nil, fault.Field("source", "there is no such source")
		}
	}
	var after id.Expectation
	if in.Cursor != "" {
		if after, err = id.Parse[id.Expectation](in.Cursor); err != nil {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	page, err := s.deps.Coverage.List(ctx, v.place, f, after, in.Limit, true)
	if err != nil {
		return nil, err
	}
	out := CoverageCallPage{Items: []CoverageCall{}}
	for _, e := range page.Items {
		out.Items = append(out.Items, showExpectation(e))
	}
	if !page.Next.IsZero() {
		next := page.Next.String()
		out.Next = &next
	}
	return answer(out), nil
}

func showExpectation(e coverage.Expectation) CoverageCall {
	out := CoverageCall{
		ID: e.ID.String(), SourceID: e.Source.String(), Day: e.Day.String(), State: string(e.State), Named: e.Named, StartedAt: e.StartedAt, EndedAt: e.EndedAt, DueAt: e.DueAt,
		ChangedAt: e.ChangedAt, Direction: e.Direction, Disposition: e.Disposition, TalkSeconds: recording.Seconds(e.Talk), Why: e.Why, Extensions: []string{},
	}
	if !e.Recording.IsZero() {
		out.RecordingID = orNull(e.Recording.String())
		if !e.By.IsZero() {
			out.CapturedBy = orNull(e.By.String())
		}
	}
	if !e.Excuse.IsZero() {
		out.ExcuseID = orNull(e.Excuse.String())
	}
	if c := e.Call; c != nil {
		out.Caller, out.Dialled, out.Queue, out.Extensions = c.Caller, c.Dialled, c.Queue, append(out.Extensions, c.Extensions...)
	}
	return out
}

func (s *Server) coverageCall(ctx context.Context, v *visit, in *expectationPath) (*body[CoverageCall], error) {
	i, err := id.Parse[id.Expectation](in.Expectation)
	if err != nil {
		return nil, errNothing
	}
	e, err := s.deps.Coverage.Read(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	return answer(showExpectation(e)), nil
}

func (s *Server) excuseCall(ctx context.Context, v *visit, in *excuseOne) (*body[CoverageCall], error) {
	i, err := id.Parse[id.Expectation](in.Expectation)
	if err != nil {
		return nil, errNothing
	}
	if err := s.deps.Coverage.ExcuseOne(ctx, v.place, v.who, i, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.coverageCall(ctx, v, &expectationPath{in.CustomerPath, in.Expectation})
}

func (s *Server) listStatements(ctx context.Context, v *visit, in *coverageQuery) (*body[items[CoverageStatement]], error) {
	today := coverage.DayOf(v.at, time.UTC)
	from, to, err := stretch(in.From, in.To, today.Add(-35), today.Add(1))
	if err != nil {
		return nil, err
	}
	all, err := s.deps.Coverage.Statements(ctx, v.place, from, to)
	if err != nil {
		return nil, err
	}
	var out []CoverageStatement
	for _, st := range all {
		one := CoverageStatement{ID: st.ID.String(), Day: st.Day.String(), Kind: string(st.Kind), SignedAt: st.SignedAt, Counts: countsOf(st.Total)}
		if !st.Corrects.IsZero() {
			one.Corrects = orNull(st.Corrects.String())
		}
		out = append(out, one)
	}
	return listed(out), nil
}

func (s *Server) statement(ctx context.Context, v *visit, text string, pdf bool) (*paperAnswer, error) {
	i, err := id.Parse[id.Statement](text)
	if err != nil {
		return nil, errNothing
	}
	file, day, err := s.deps.Coverage.Document(ctx, v.place, i, pdf)
	if err != nil {
		return nil, err
	}
	kind, ending := "application/json", "json"
	if pdf {
		kind, ending = "application/pdf", "pdf"
	}
	return &paperAnswer{kind, `attachment; filename="coverage-` + day.String() + "-" + i.String() + "." + ending + `"`, file}, nil
}

func (s *Server) coverageSettings(ctx context.Context, v *visit, _ *CustomerPath) (*body[CoverageSettings], error) {
	set, err := s.deps.Coverage.Settings(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := CoverageSettings{KeepDays: set.KeepDays, GraceMinutes: map[string]int{}}
	for source, g := range set.Grace {
		out.GraceMinutes[source.String()] = int(g / time.Minute)
	}
	return answer(out), nil
}

func (s *Server) setCoverageSettings(ctx context.Context, v *visit, in *coverageSettingsInput) (*body[CoverageSettings], error) {
	set := coverage.Settings{KeepDays: in.Body.KeepDays, Grace: map[id.Source]time.Duration{}}
	for text, minutes := range in.Body.GraceMinutes {
		source, err := id.Parse[id.Source](text)
		if err != nil {
			return nil, fault.Field("grace_minutes", "there is no source %s", text)
		}
		set.Grace[source] = time.Duration(minutes) * time.Minute
	}
	if err := s.deps.Coverage.SetSettings(ctx, v.place, v.who, set); err != nil {
		return nil, err
	}
	return s.coverageSettings(ctx, v, &in.CustomerPath)
}
