package httpapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/pseudonym"
)

// Pseudonym is what stands in place of a name or number. Whose it is, it does not say.
type Pseudonym struct {
	ID         string     `json:"id"`
	Pseudonym  string     `json:"pseudonym" doc:"As it stands in recordings and exports"`
	Kind       string     `json:"kind" enum:"name,number"`
	MadeAt     time.Time  `json:"made_at"`
	RequestID  string     `json:"request_id" doc:"Of the person's request by which it was given last; empty: by the rule, or for an export"`
	Recordings int64      `json:"recordings" doc:"In which it stands"`
	WayBack    bool       `json:"way_back" doc:"It can be looked up whom it stands for"`
	EndedAt    *time.Time `json:"ended_at" doc:"When the way back was destroyed"`
}

// PseudonymPage is some pseudonyms, and where the list goes on.
type PseudonymPage struct {
	Items      []Pseudonym `json:"items"`
	NextCursor string      `json:"next_cursor"`
}

// PseudonymRule says from which age on names and numbers are replaced.
type PseudonymRule struct {
	Days     int        `json:"days" doc:"Counted from the start of the call; 0: nothing is replaced by itself"`
	Silence  bool       `json:"silence" doc:"What is replaced in the transcript falls silent in the sound; else names can still be heard"`
	Agents   bool       `json:"agents" doc:"Names of those who work for the customer are replaced, too"`
	ChosenAt *time.Time `json:"chosen_at"`
	ChosenBy string     `json:"chosen_by,omitempty"`
}

// PseudonymPlan is what replacing a person's names would do. Nothing is done by asking for it.
type PseudonymPlan struct {
	Recordings int64              `json:"recordings" doc:"In which names would be replaced now: the number to confirm"`
	Figures    map[string]int64   `json:"figures" doc:"Recordings by what would become of them"`
	Skipped    []PseudonymSkipped `json:"skipped" doc:"Recordings that would stay as they are, the first hundred"`
	Elsewhere  int                `json:"elsewhere" doc:"Finds beside recordings that would go"`
	Stays      []string           `json:"stays" doc:"Where the person stays, and why"`
}

// PseudonymSkipped is a recording that stays as it is.
type PseudonymSkipped struct {
	RecordingID string `json:"recording_id"`
	State       string `json:"state" doc:"held, restricted, later (its transcript is on its way), gone, failed, or unheard: it was changed, but its sound was never transcribed"`
}

// PseudonymRun is one replacing of names, and how far it has come.
type PseudonymRun struct {
	ID        string             `json:"id"`
	RequestID string             `json:"request_id" doc:"Of a person; empty: by the rule"`
	Ended     bool               `json:"ended"`
	AskedAt   time.Time          `json:"asked_at"`
	AskedBy   string             `json:"asked_by"`
	EndedAt   *time.Time         `json:"ended_at"`
	Silence   bool               `json:"silence"`
	Agents    bool               `json:"agents"`
	Log       bool               `json:"log"`
	Figures   map[string]int64   `json:"figures" doc:"Recordings by state: waiting, done, unheard, held, restricted, later, gone, failed"`
	Elsewhere int                `json:"elsewhere" doc:"Finds beside recordings that went"`
	Left      []PseudonymSkipped `json:"left,omitempty" doc:"Recordings that stayed as they are; in the answer about one run"`
}

// PseudonymRunPage is some runs, and where the list goes on.
type PseudonymRunPage struct {
	Items      []PseudonymRun `json:"items"`
	NextCursor string         `json:"next_cursor"`
}

// WhichWaysBack says which ways back are meant: one of the three.
type WhichWaysBack struct {
	Pseudonym string     `json:"pseudonym,omitempty" maxLength:"40"`
	Before    *time.Time `json:"before,omitempty" doc:"Those of pseudonyms that were first given before this day, in UTC"`
	All       bool       `json:"all,omitempty"`
}

type (
	PseudonymRunPath struct {
		CustomerPath
		Run string `path:"run"`
	}
	pseudonymsInput struct {
		CustomerPath
		Cursor string `query:"cursor" maxLength:"40"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	pseudonymRuleInput struct {
		CustomerPath
		Body struct {
			Days    int   `json:"days" minimum:"0" maximum:"36500"`
			Silence bool  `json:"silence,omitempty"`
			Agents  bool  `json:"agents,omitempty"`
			Confirm int64 `json:"confirm,omitempty" doc:"How many recordings are due by it now, exactly"`
		}
	}
	pseudonymDueInput struct {
		CustomerPath
		Days int `query:"days" minimum:"1" maximum:"36500" required:"true"`
	}
	pseudonymDue struct {
		Recordings int64 `json:"recordings"`
	}
	pseudonymPlanInput struct {
		PersonRequestPath
		Log bool `query:"log" doc:"What the change log says of the person goes, too"`
	}
	pseudonymiseInput struct {
		PersonRequestPath
		Body struct {
			Silence bool  `json:"silence,omitempty" doc:"What is replaced in the transcript falls silent in the sound"`
			Log     bool  `json:"log,omitempty" doc:"What the change log says of the person goes, too"`
			Confirm int64 `json:"confirm" doc:"How many recordings that changes, exactly"`
		}
	}
	revealInput struct {
		CustomerPath
		Body struct {
			Pseudonym string `json:"pseudonym" maxLength:"40"`
			Purpose   string `json:"purpose" maxLength:"60"`
			Reason    string `json:"reason" maxLength:"240" doc:"Stands in the receipt"`
		}
	}
	revealed struct {
		Originals []string `json:"originals" doc:"Every way in which the name or number was written"`
	}
	waysBackInput struct {
		CustomerPath
		Body WhichWaysBack
	}
	waysBackCount struct {
		Pseudonyms int64    `json:"pseudonyms" doc:"That would be left without a way back: the number to confirm"`
		Purposes   []string `json:"purposes" doc:"For which somebody is looked up"`
	}
	forgetInput struct {
		CustomerPath
		Body struct {
			WhichWaysBack
			Reason  string `json:"reason" maxLength:"1000"`
			Confirm int64  `json:"confirm" doc:"How many pseudonyms are left without a way back, exactly"`
		}
	}
	forgetAsked struct {
		ApprovalID string `json:"approval_id" doc:"Waits for a second person"`
	}
)

func (s *Server) pseudonymRoutes() {
	const base = "/api/v1/customers/{customer}"
	read, manage := inCustomer(access.PseudonymRead), inCustomer(access.PseudonymManage)
	add(s, route{gate: read, method: get, path: base + "/pseudonyms", id: "listPseudonyms", summary: "Pseudonyms, without whom they stand for, newest first"}, s.listPseudonyms)
	add(s, route{gate: inCustomer(access.PseudonymReveal), fresh: true, method: post, path: base + "/pseudonym-lookup", id: "lookUpPseudonym", summary: "Whom a pseudonym stands for; it leaves a receipt first"}, s.lookUpPseudonym)
	add(s, route{gate: read, method: get, path: base + "/pseudonym-rule", id: "getPseudonymRule", summary: "From which age on names and numbers are replaced"}, s.getPseudonymRule)
	add(s, route{gate: read, method: get, path: base + "/pseudonym-rule/due", id: "previewPseudonymRule", summary: "How many recordings a rule would change by now"}, s.previewPseudonymRule)
	add(s, route{gate: manage, fresh: true, method: put, path: base + "/pseudonym-rule", id: "setPseudonymRule", summary: "Choose from which age on names and numbers are replaced"}, s.setPseudonymRule)
	add(s, route{gate: read, method: get, path: base + "/pseudonym-runs", id: "listPseudonymRuns", summary: "Replacings of names and how far they have come, newest first"}, s.listPseudonymRuns)
	add(s, route{gate: read, method: get, path: base + "/pseudonym-runs/{run}", id: "getPseudonymRun", summary: "One replacing of names, and what it left"}, s.getPseudonymRun)
	add(s, route{gate: manage, fresh: true, method: post, path: base + "/pseudonym-runs/{run}/again", id: "resumePseudonymRun", summary: "Take up what a run has left", status: 201}, s.resumePseudonymRun)
	add(s, route{gate: manage, method: get, path: base + "/person-requests/{request}/pseudonym-plan", id: "planPseudonyms", summary: "What replacing a person's names and numbers would do"}, s.planPseudonyms)
	add(s, route{gate: manage, fresh: true, method: post, path: base + "/person-requests/{request}/pseudonymise", id: "pseudonymisePerson", summary: "Replace a person's names and numbers, for ever", status: 201}, s.pseudonymisePerson)
	add(s, route{gate: manage, method: post, path: base + "/pseudonym-ways-back/count", id: "countWaysBack", summary: "How many ways back would be destroyed"}, s.countWaysBack)
	add(s, route{gate: manage, fresh: true, method: post, path: base + "/pseudonym-ways-back/destruction", id: "destroyWaysBack", summary: "Ask for ways back to be destroyed; a second person has to agree"}, s.destroyWaysBack)
}

func (s *Server) listPseudonyms(ctx context.Context, v *visit, in *pseudonymsInput) (*linked[PseudonymPage], error) {
	before, err := cursorOf[id.Pseudonym](in.Cursor)
	if err != nil {
		return nil, err
	}
	all, err := s.deps.Pseudonyms.List(ctx, v.place, before, in.Limit+1)
	out := &linked[PseudonymPage]{Body: PseudonymPage{Items: []Pseudonym{}}}
	for i, p := range all {
		if i == in.Limit {
			out.Body.NextCursor = all[i-1].ID.String()
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		one := Pseudonym{ID: p.ID.String(), Pseudonym: p.Text, Kind: string(p.Kind), MadeAt: p.MadeAt, Recordings: p.Recordings, WayBack: p.Back, EndedAt: when(p.EndedAt)}
		if !p.Request.IsZero() {
			one.RequestID = p.Request.String()
		}
		out.Body.Items = append(out.Body.Items, one)
	}
	return out, err
}

// cursorOf reads the id after which a page goes on.
func cursorOf[T interface {
	~[16]byte
	fmt.Stringer
}](text string) (out T, err error) {
	if text == "" {
		return out, nil
	}
	if out, err = id.Parse[T](text); err != nil {
		return out, fault.Field("query.cursor", "this is no next_cursor of a page of this list")
	}
	return out, nil
}

func (s *Server) lookUpPseudonym(ctx context.Context, v *visit, in *revealInput) (*body[revealed], error) {
	all, err := s.deps.Pseudonyms.Reveal(ctx, v.place, v.who, in.Body.Pseudonym, in.Body.Purpose, in.Body.Reason)
	return answer(revealed{all}), err
}

func (s *Server) getPseudonymRule(ctx context.Context, v *visit, _ *CustomerPath) (*body[PseudonymRule], error) {
	r, err := s.deps.Pseudonyms.Rule(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := PseudonymRule{Days: r.Days, Silence: r.How.Silence, Agents: r.How.Agents, ChosenAt: when(r.ChosenAt)}
	if r.ChosenBy == "" {
		return answer(out), nil
	}
	names, err := s.names(ctx, v)
	out.ChosenBy = nameOf(names, "", r.ChosenBy)
	return answer(out), err
}

func (s *Server) previewPseudonymRule(ctx context.Context, v *visit, in *pseudonymDueInput) (*body[pseudonymDue], error) {
	n, err := s.deps.Pseudonyms.Due(ctx, v.place, in.Days)
	return answer(pseudonymDue{n}), err
}

func (s *Server) setPseudonymRule(ctx context.Context, v *visit, in *pseudonymRuleInput) (*body[PseudonymRule], error) {
	r := pseudonym.Rule{Days: in.Body.Days, How: pseudonym.How{Silence: in.Body.Silence, Agents: in.Body.Agents}}
	if err := s.deps.Pseudonyms.SetRule(ctx, v.place, v.who, r, in.Body.Confirm); err != nil {
		return nil, err
	}
	return s.getPseudonymRule(ctx, v, &in.CustomerPath)
}

func skipped(all []pseudonym.Skipped) []PseudonymSkipped {
	out := []PseudonymSkipped{}
	for _, x := range all {
		out = append(out, PseudonymSkipped{x.Recording.String(), string(x.State)})
	}
	return out
}

func figuresOf(f map[pseudonym.State]int64) map[string]int64 {
	out := map[string]int64{}
	for k, n := range f {
		out[string(k)] = n
	}
	return out
}

func showRun(r pseudonym.Run, names map[string]string) PseudonymRun {
	out := PseudonymRun{
		ID: r.ID.String(), Ended: r.Ended, AskedAt: r.AskedAt, AskedBy: nameOf(names, "", r.AskedBy), EndedAt: when(r.EndedAt),
		Silence: r.How.Silence, Agents: r.How.Agents, Log: r.How.Log, Figures: figuresOf(r.Figures), Elsewhere: r.Elsewhere,
	}
	if !r.Request.IsZero() {
		out.RequestID = r.Request.String()
	}
	return out
}

func (s *Server) listPseudonymRuns(ctx context.Context, v *visit, in *pseudonymsInput) (*linked[PseudonymRunPage], error) {
	before, err := cursorOf[id.PseudonymRun](in.Cursor)
	if err != nil {
		return nil, err
	}
	all, err := s.deps.Pseudonyms.Runs(ctx, v.place, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	out := &linked[PseudonymRunPage]{Body: PseudonymRunPage{Items: []PseudonymRun{}}}
	for i, r := range all {
		if i == in.Limit {
			out.Body.NextCursor = all[i-1].ID.String()
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, showRun(r, names))
	}
	return out, err
}

func (s *Server) getPseudonymRun(ctx context.Context, v *visit, in *PseudonymRunPath) (*body[PseudonymRun], error) {
	i, err := id.Parse[id.PseudonymRun](in.Run)
	if err != nil {
		return nil, errNothing
	}
	r, err := s.deps.Pseudonyms.Run(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	return s.shownRun(ctx, v, r)
}

func (s *Server) shownRun(ctx context.Context, v *visit, r pseudonym.Run) (*body[PseudonymRun], error) {
	left, err := s.deps.Pseudonyms.Left(ctx, v.place, r.ID)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	out := showRun(r, names)
	out.Left = skipped(left)
	return answer(out), err
}

func (s *Server) resumePseudonymRun(ctx context.Context, v *visit, in *PseudonymRunPath) (*body[PseudonymRun], error) {
	i, err := id.Parse[id.PseudonymRun](in.Run)
	if err != nil {
		return nil, errNothing
	}
	r, err := s.deps.Pseudonyms.Again(ctx, v.place, v.who, i)
	if err != nil {
		return nil, err
	}
	return s.shownRun(ctx, v, r)
}

func (s *Server) planPseudonyms(ctx context.Context, v *visit, in *pseudonymPlanInput) (*body[PseudonymPlan], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	p, err := s.deps.Pseudonyms.PlanPerson(ctx, v.place, i, pseudonym.How{Log: in.Log})
	if err != nil {
		return nil, err
	}
	out := PseudonymPlan{Recordings: p.Count, Figures: figuresOf(p.Figures), Skipped: skipped(p.Skipped), Elsewhere: p.Elsewhere, Stays: p.Stays}
	if out.Stays == nil {
		out.Stays = []string{}
	}
	return answer(out), nil
}

func (s *Server) pseudonymisePerson(ctx context.Context, v *visit, in *pseudonymiseInput) (*body[PseudonymRun], error) {
	i, err := in.request()
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Pseudonyms.StartPerson(ctx, v.place, v.who, i, pseudonym.How{Silence: in.Body.Silence, Log: in.Body.Log}, in.Body.Confirm)
	if err != nil {
		return nil, err
	}
	return s.shownRun(ctx, v, r)
}

func (w WhichWaysBack) which() pseudonym.Which {
	out := pseudonym.Which{One: w.Pseudonym, All: w.All}
	if w.Before != nil {
		out.Before = w.Before.UTC()
	}
	return out
}

func (s *Server) countWaysBack(ctx context.Context, v *visit, in *waysBackInput) (*body[waysBackCount], error) {
	n, err := s.deps.Pseudonyms.Meant(ctx, v.place, in.Body.which())
	return answer(waysBackCount{n, pseudonym.Purposes}), err
}

func (s *Server) destroyWaysBack(ctx context.Context, v *visit, in *forgetInput) (*body[forgetAsked], error) {
	apr, err := s.deps.Pseudonyms.Forget(ctx, v.place, v.who, in.Body.which(), in.Body.Reason, in.Body.Confirm)
	return answer(forgetAsked{apr.String()}), err
}

// aliased gives names as an export without names has them. A name that is too
// short for a pseudonym is left out.
func (s *Server) aliased(ctx context.Context, v *visit, names map[string]string) (map[string]string, error) {
	all := slices.Sorted(maps.Values(names))
	others, err := s.deps.Pseudonyms.Aliases(ctx, v.place, v.who, slices.Compact(all))
	out := make(map[string]string, len(names))
	for who, name := range names {
		out[who] = others[name]
	}
	return out, err
}
