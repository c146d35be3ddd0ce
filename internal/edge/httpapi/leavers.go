package httpapi

import (
	"context"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/review"
)

// Leaver is one person who goes: what was in reach, and when it ended.
type Leaver struct {
	PersonID   string     `json:"person_id"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Roles      []string   `json:"roles"`
	Acts       []string   `json:"acts" doc:"What the roles allowed"`
	Extensions []string   `json:"extensions"`
	Recordings *int64     `json:"recordings_in_reach" doc:"Recordings that the person could see in the list"`
	Tokens     int        `json:"tokens" doc:"Of machines, made by this person; they end too"`
	Since      time.Time  `json:"since"`
	LastUsedAt *time.Time `json:"last_used_at"`
	LeftAt     *time.Time `json:"left_at" doc:"Missing in a preview"`
}

// LeaversReport is what leavers could reach, and that it is over.
type LeaversReport struct {
	Done   bool      `json:"done" doc:"False for a preview"`
	TookMS int64     `json:"took_ms"`
	At     time.Time `json:"at"`
	Items  []Leaver  `json:"items"`
}

type leaversInput struct {
	CustomerPath
	Body struct {
		Emails []string `json:"emails,omitempty" maxItems:"5000"`
		CSV    string   `json:"csv,omitempty" maxLength:"1000000" doc:"Instead: a file with a column email"`
		Reason string   `json:"reason,omitempty" maxLength:"500" doc:"For the change log"`
		DryRun bool     `json:"dry_run,omitempty" doc:"Only say what they reach"`
	}
}

func (s *Server) leaverRoutes() {
	add(s, route{
		gate: inCustomer(access.LeaverRemove), method: post, path: "/api/v1/customers/{customer}/leavers", id: "removeLeavers",
		summary: "Take people out, all or nobody, with a report of what they could reach", limit: 4 << 20,
	}, s.leavers)
}

func (s *Server) leavers(ctx context.Context, v *visit, in *leaversInput) (*body[LeaversReport], error) {
	emails := in.Body.Emails
	if in.Body.CSV != "" {
		if len(emails) > 0 {
			return nil, fault.Field("csv", "give emails or a file, not both")
		}
		var err error
		if emails, err = review.Emails(strings.NewReader(in.Body.CSV)); err != nil {
			return nil, err
		}
	}
	if !in.Body.DryRun {
		if err := v.fresh(); err != nil {
			return nil, err
		}
	}
	begun := s.now()
	list, err := s.deps.Reviews.Leave(ctx, v.place, v.who.For(in.Body.Reason), emails, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	out := LeaversReport{Done: !in.Body.DryRun, TookMS: s.now().Sub(begun).Milliseconds(), At: s.now().UTC(), Items: []Leaver{}}
	for _, l := range list {
		out.Items = append(out.Items, showLeaver(l))
	}
	return answer(out), nil
}

func showLeaver(l review.Leaver) Leaver {
	out := Leaver{
		PersonID: l.Person.String(), Name: l.Name, Email: l.Email, Roles: texts(l.Roles), Acts: texts(l.Acts), Extensions: append([]string{}, l.Extensions...),
		Tokens: l.Tokens, Since: l.Since, LastUsedAt: when(l.LastUsedAt), LeftAt: when(l.LeftAt),
	}
	if l.Recordings >= 0 {
		out.Recordings = &l.Recordings
	}
	return out
}

// texts are the words of roles or acts; never null.
func texts[T ~string](list []T) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// InReach counts, for reports about leavers, the recordings that memberships
// let somebody see.
func InReach(recordings *recording.Service, now func() time.Time) review.Reach {
	return func(ctx context.Context, p *place.Place, held []access.Membership) (int64, error) {
		e := access.ExtentOf(held, access.RecordingList, access.Thing{Place: p.Customer()}, now())
		return recordings.InReach(ctx, p, archiveScope(e))
	}
}
