package httpapi

import (
	"bytes"
	"context"
	"encoding/pem"
	"log/slog"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
)

// Review is one round of asking who still needs which roles.
type Review struct {
	ID          string     `json:"id"`
	State       string     `json:"state" enum:"open,closed"`
	OpenedAt    time.Time  `json:"opened_at"`
	DueAt       time.Time  `json:"due_at"`
	ClosedAt    *time.Time `json:"closed_at"`
	EscalatedAt *time.Time `json:"escalated_at" doc:"When the level above was told that it is not finished"`
	Consequence string     `json:"consequence" enum:"remind,suspend" doc:"Of lines that nobody decides in time"`
	Total       int        `json:"total"`
	Decided     int        `json:"decided"`
	Unused      int        `json:"unused" doc:"Not used for 45 days"`
}

// ReviewRule is how often, and with which consequence.
type ReviewRule struct {
	Months      int        `json:"months" enum:"0,1,3,6,12" doc:"0: no reviews; provider and resellers: 1"`
	Consequence string     `json:"consequence" enum:"remind,suspend"`
	NextAt      *time.Time `json:"next_at" readOnly:"true"`
	Mandatory   bool       `json:"mandatory" readOnly:"true"`
}

// ReviewList is the rule and the reviews, newest first.
type ReviewList struct {
	Rule  ReviewRule `json:"rule"`
	Items []Review   `json:"items"`
}

// ReviewLine is one person under review.
type ReviewLine struct {
	ID         string     `json:"id"`
	PersonID   string     `json:"person_id"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Roles      []string   `json:"roles"`
	Extensions []string   `json:"extensions"`
	Since      *time.Time `json:"since"`
	LastUsedAt *time.Time `json:"last_used_at"`
	Unused     bool       `json:"unused"`
	Decision   string     `json:"decision" enum:",keep,change,remove,suspended,given_back"`
	Wanted     []string   `json:"wanted" doc:"The roles that stay, where the decision is change"`
	Note       string     `json:"note"`
	DecidedBy  string     `json:"decided_by"`
	DecidedAt  *time.Time `json:"decided_at"`
	Own        bool       `json:"own" doc:"About whoever asks"`
	Alone      bool       `json:"alone" doc:"Decided by the person it is about, as there was no other administrator"`
}

// ReviewDetail is a review with its lines, those not used for long first.
type ReviewDetail struct {
	Review
	Lines []ReviewLine `json:"lines"`
}

type ruleBody struct {
	Months      int    `json:"months" enum:"0,1,3,6,12"`
	Consequence string `json:"consequence" enum:"remind,suspend"`
}

type verdictBody struct {
	Decision string   `json:"decision" enum:"keep,change,remove,given_back"`
	Roles    []string `json:"roles,omitempty" maxItems:"20" doc:"For change: those that stay"`
	Note     string   `json:"note,omitempty" maxLength:"500"`
}

type (
	ReviewPath struct {
		Review string `path:"review"`
	}
	LinePath struct {
		Line string `path:"line"`
	}
	customerReview struct {
		CustomerPath
		ReviewPath
	}
	nodeReview struct {
		NodePath
		ReviewPath
	}
	customerRule struct {
		CustomerPath
		Body ruleBody
	}
	nodeRule struct {
		NodePath
		Body ruleBody
	}
	customerVerdict struct {
		CustomerPath
		ReviewPath
		LinePath
		Body verdictBody
	}
	nodeVerdict struct {
		NodePath
		ReviewPath
		LinePath
		Body verdictBody
	}
)

// paperAnswer is a signed document.
type paperAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *Server) reviewRoutes() {
	const c, n = "/api/v1/customers/{customer}", "/api/v1/nodes/{node}"
	mayRead, mayDecide, nodeRead, nodeDecide := inCustomer(access.ReviewRead), inCustomer(access.ReviewDecide), onNode(access.ReviewRead), onNode(access.ReviewDecide)

	add(s, route{gate: mayRead, method: get, path: c + "/reviews", id: "listReviews", summary: "Access reviews, and how often there is one"}, func(ctx context.Context, v *visit, _ *CustomerPath) (*body[ReviewList], error) {
		return s.listReviews(ctx, v)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/reviews", id: "listNodeReviews", summary: "Access reviews of a provider or reseller"}, func(ctx context.Context, v *visit, _ *NodePath) (*body[ReviewList], error) {
		return s.listReviews(ctx, v)
	})
	add(s, route{gate: mayDecide, method: post, path: c + "/reviews", id: "openReview", summary: "Begin a review now", status: 201}, func(ctx context.Context, v *visit, _ *CustomerPath) (*body[Review], error) {
		return s.openReview(ctx, v)
	})
	add(s, route{gate: nodeDecide, method: post, path: n + "/reviews", id: "openNodeReview", summary: "Begin a review now", status: 201}, func(ctx context.Context, v *visit, _ *NodePath) (*body[Review], error) {
		return s.openReview(ctx, v)
	})
	add(s, route{gate: mayDecide, method: put, path: c + "/review-rule", id: "setReviewRule", summary: "Choose how often, and what happens to what nobody decides", fresh: true}, func(ctx context.Context, v *visit, in *customerRule) (*body[ReviewList], error) {
		return s.setReviewRule(ctx, v, in.Body)
	})
	add(s, route{gate: nodeDecide, method: put, path: n + "/review-rule", id: "setNodeReviewRule", summary: "Choose what happens to what nobody decides", fresh: true}, func(ctx context.Context, v *visit, in *nodeRule) (*body[ReviewList], error) {
		return s.setReviewRule(ctx, v, in.Body)
	})
	add(s, route{gate: mayRead, method: get, path: c + "/reviews/{review}", id: "review", summary: "One review with its lines"}, func(ctx context.Context, v *visit, in *customerReview) (*body[ReviewDetail], error) {
		return s.review(ctx, v, in.Review)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/reviews/{review}", id: "nodeReview", summary: "One review with its lines"}, func(ctx context.Context, v *visit, in *nodeReview) (*body[ReviewDetail], error) {
		return s.review(ctx, v, in.Review)
	})
	add(s, route{gate: mayDecide, method: put, path: c + "/reviews/{review}/lines/{line}", id: "decideReviewLine", summary: "Decide on one person; works from the next request on"}, func(ctx context.Context, v *visit, in *customerVerdict) (*body[ReviewLine], error) {
		return s.decide(ctx, v, in.Review, in.Line, in.Body)
	})
	add(s, route{gate: nodeDecide, method: put, path: n + "/reviews/{review}/lines/{line}", id: "decideNodeReviewLine", summary: "Decide on one person; works from the next request on"}, func(ctx context.Context, v *visit, in *nodeVerdict) (*body[ReviewLine], error) {
		return s.decide(ctx, v, in.Review, in.Line, in.Body)
	})
	add(s, route{gate: mayDecide, method: post, path: c + "/reviews/{review}/close", id: "closeReview", summary: "End a review whose lines are all decided, and sign its result"}, func(ctx context.Context, v *visit, in *customerReview) (*body[ReviewDetail], error) {
		return s.closeReview(ctx, v, in.Review)
	})
	add(s, route{gate: nodeDecide, method: post, path: n + "/reviews/{review}/close", id: "closeNodeReview", summary: "End a review whose lines are all decided, and sign its result"}, func(ctx context.Context, v *visit, in *nodeReview) (*body[ReviewDetail], error) {
		return s.closeReview(ctx, v, in.Review)
	})
	add(s, route{gate: mayRead, method: get, path: c + "/reviews/{review}/paper", id: "reviewPaper", summary: "The signed result", gives: "application/pdf"}, func(ctx context.Context, v *visit, in *customerReview) (*paperAnswer, error) {
		return s.reviewPaper(ctx, v, in.Review)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/reviews/{review}/paper", id: "nodeReviewPaper", summary: "The signed result", gives: "application/pdf"}, func(ctx context.Context, v *visit, in *nodeReview) (*paperAnswer, error) {
		return s.reviewPaper(ctx, v, in.Review)
	})
	add(s, route{gate: signedIn(), method: get, path: "/api/v1/document-certificate", id: "documentCertificate", summary: "The certificate that signed documents are checked with", gives: "application/x-pem-file"}, func(ctx context.Context, _ *visit, _ *none) (*paperAnswer, error) {
		der, err := s.deps.Reviews.Certificate(ctx)
		var b bytes.Buffer
		if err == nil {
			err = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		return &paperAnswer{"application/x-pem-file", `attachment; filename="ringfence-documents.pem"`, b.Bytes()}, err
	})
}

// reviewed is whose roles a request is about. A customer's own people are
// reviewed in its place, by itself, never from above.
func (v *visit) reviewed() (review.Where, error) {
	if !v.node.ID.IsZero() {
		if v.node.Kind == org.Customer {
			return review.Where{}, fault.New(fault.Conflict, "a customer reviews its own people")
		}
		return review.Where{Place: v.place, Node: v.node.ID}, nil
	}
	return review.Where{Place: v.place, Node: v.place.Customer()}, nil
}

func (s *Server) listReviews(ctx context.Context, v *visit) (*body[ReviewList], error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	rule, list, err := s.deps.Reviews.List(ctx, w)
	if err != nil {
		return nil, err
	}
	out := ReviewList{Rule: ReviewRule{Months: rule.Months, Consequence: consequence(rule.Suspend), Mandatory: !v.node.ID.IsZero()}, Items: []Review{}}
	if rule.Months > 0 {
		out.Rule.NextAt = when(rule.NextAt)
	}
	for _, r := range list {
		out.Items = append(out.Items, showReview(r))
	}
	return answer(out), nil
}

func consequence(suspend bool) string {
	if suspend {
		return "suspend"
	}
	return "remind"
}

func showReview(r review.Review) Review {
	out := Review{
		ID: r.ID.String(), State: "open", OpenedAt: r.OpenedAt, DueAt: r.DueAt, ClosedAt: when(r.ClosedAt), EscalatedAt: when(r.EscalatedAt),
		Consequence: consequence(r.Suspend), Total: r.Total, Decided: r.Decided, Unused: r.Unused,
	}
	if !r.ClosedAt.IsZero() {
		out.State = "closed"
	}
	return out
}

func showLine(l review.Line, asker id.Person) ReviewLine {
	return ReviewLine{
		ID: l.ID.String(), PersonID: l.Person.String(), Name: l.Name, Email: l.Email, Roles: texts(l.Roles), Extensions: append([]string{}, l.Extensions...),
		Since: when(l.Since), LastUsedAt: when(l.LastUsedAt), Unused: l.Unused, Decision: string(l.Decision), Wanted: texts(l.Wanted), Note: l.Note,
		DecidedBy: l.DecidedBy, DecidedAt: when(l.DecidedAt), Own: !asker.IsZero() && l.Person == asker, Alone: l.Alone,
	}
}

func (s *Server) openReview(ctx context.Context, v *visit) (*body[Review], error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Reviews.Open(ctx, w, v.who)
	if err != nil {
		return nil, err
	}
	return answer(showReview(r)), nil
}

func (s *Server) setReviewRule(ctx context.Context, v *visit, in ruleBody) (*body[ReviewList], error) {
	w, err := v.reviewed()
	if err == nil {
		err = s.deps.Reviews.SetRule(ctx, w, v.who, in.Months, in.Consequence == "suspend")
	}
	if err != nil {
		return nil, err
	}
	return s.listReviews(ctx, v)
}

func (s *Server) review(ctx context.Context, v *visit, text string) (*body[ReviewDetail], error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	i, err := id.Parse[id.Review](text)
	if err != nil {
		return nil, errNothing
	}
	r, lines, err := s.deps.Reviews.Read(ctx, w, i)
	if err != nil {
		return nil, err
	}
	out := ReviewDetail{Review: showReview(r), Lines: []ReviewLine{}}
	for _, l := range lines {
		out.Lines = append(out.Lines, showLine(l, v.person))
	}
	return answer(out), nil
}

// reviewer is who decides, under the name that this place knows.
func (s *Server) reviewer(ctx context.Context, v *visit) (identity.Person, error) {
	p, err := s.deps.People.Person(ctx, v.person)
	if err != nil || !v.node.ID.IsZero() {
		return p, err
	}
	names, err := s.deps.People.Names(ctx, v.place)
	if name := names[p.ID.String()]; name != "" {
		p.Name = name
	}
	return p, err
}

func (s *Server) decide(ctx context.Context, v *visit, text, line string, in verdictBody) (*body[ReviewLine], error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	r, err := id.Parse[id.Review](text)
	l, bad := id.Parse[id.ReviewLine](line)
	if err != nil || bad != nil {
		return nil, errNothing
	}
	by, err := s.reviewer(ctx, v)
	if err != nil {
		return nil, err
	}
	verdict := review.Verdict{Decision: review.Decision(in.Decision), Note: in.Note}
	for _, role := range in.Roles {
		verdict.Roles = append(verdict.Roles, access.Role(role))
	}
	out, err := s.deps.Reviews.Decide(ctx, w, v.who, by, r, l, verdict)
	if err != nil {
		return nil, err
	}
	return answer(showLine(out, v.person)), nil
}

func (s *Server) closeReview(ctx context.Context, v *visit, text string) (*body[ReviewDetail], error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	i, err := id.Parse[id.Review](text)
	if err != nil {
		return nil, errNothing
	}
	by, err := s.reviewer(ctx, v)
	if err == nil {
		err = s.deps.Reviews.Close(ctx, w, v.who, by.Name, i)
	}
	if err != nil {
		return nil, err
	}
	return s.review(ctx, v, text)
}

func (s *Server) reviewPaper(ctx context.Context, v *visit, text string) (*paperAnswer, error) {
	w, err := v.reviewed()
	if err != nil {
		return nil, err
	}
	i, err := id.Parse[id.Review](text)
	if err != nil {
		return nil, errNothing
	}
	pdf, err := s.deps.Reviews.Paper(ctx, w, i)
	return &paperAnswer{"application/pdf", `attachment; filename="access-review-` + i.String() + `.pdf"`, pdf}, err
}

// used notes that a person uses what they hold, for the next access review. A
// request does not fail for it.
func (s *Server) used(ctx context.Context, v *visit) {
	if v.person.IsZero() || v.place == nil || v.acts != nil {
		return
	}
	if err := s.deps.Reviews.Seen(ctx, v.place, v.person); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the use of a membership was not noted", slog.String("cause", err.Error()))
	}
}
