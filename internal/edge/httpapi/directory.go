package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
)

// Assignment is an extension while it is somebody's.
type Assignment struct {
	ID        string     `json:"id"`
	Extension string     `json:"extension"`
	PersonID  string     `json:"person_id,omitempty" doc:"Of the member whose it is; missing: nobody who signs in, or not yet"`
	Name      string     `json:"name"`
	Email     string     `json:"email"`
	Team      string     `json:"team"`
	From      *time.Time `json:"from" doc:"Null: always"`
	To        *time.Time `json:"to" doc:"Does not count; null: until it is ended"`
	Current   bool       `json:"current"`
}

// DirectoryPage is a page of assignments.
type DirectoryPage struct {
	Items      []Assignment `json:"items"`
	NextCursor string       `json:"next_cursor"`
	Teams      []string     `json:"teams" doc:"Of the whole directory"`
}

// DirectoryLine is what becomes of one line of a file.
type DirectoryLine struct {
	Line       int        `json:"line"`
	State      string     `json:"state" enum:"add,same,end,fault"`
	Assignment Assignment `json:"assignment"`
	Faults     []string   `json:"faults"`
}

// DirectoryReport is what becomes of a file.
type DirectoryReport struct {
	Stored         bool            `json:"stored"`
	Add            int             `json:"add"`
	End            int             `json:"end"`
	Same           int             `json:"same"`
	Faulty         int             `json:"faulty"`
	UnknownColumns []string        `json:"unknown_columns"`
	Lines          []DirectoryLine `json:"lines" doc:"At most 1000; those with faults first"`
}

type directoryInput struct {
	CustomerPath
	Extension string `query:"extension" maxLength:"40"`
	Team      string `query:"team" maxLength:"100"`
	Person    string `query:"person" maxLength:"60" doc:"Id of a member"`
	Text      string `query:"text" maxLength:"100" doc:"In extension, name, address or team"`
	Current   bool   `query:"current" doc:"Only what holds now"`
	Cursor    string `query:"cursor" maxLength:"60"`
	Limit     int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type assignInput struct {
	CustomerPath
	Creating
	Body struct {
		Extension string    `json:"extension" minLength:"1" maxLength:"40" doc:"As the telephone system writes it; public numbers become E.164"`
		Country   string    `json:"country,omitempty" maxLength:"2" doc:"ISO 3166, of a number in national form"`
		PersonID  string    `json:"person_id,omitempty" doc:"A member; else say name, email or team"`
		Name      string    `json:"name,omitempty" maxLength:"100"`
		Email     string    `json:"email,omitempty" maxLength:"254" doc:"Whoever becomes a member with it has this extension"`
		Team      string    `json:"team,omitempty" maxLength:"100"`
		From      time.Time `json:"from,omitempty" doc:"Missing: always"`
		To        time.Time `json:"to,omitempty" doc:"Does not count; missing: until it is ended"`
	}
}

type importInput struct {
	CustomerPath
	Body struct {
		CSV      string `json:"csv" minLength:"1" maxLength:"4194304" doc:"The first line names the columns: extension, name, email, team, from, to. Commas, semicolons or tabs"`
		TimeZone string `json:"time_zone,omitempty" maxLength:"60" example:"Europe/London" doc:"Of days; missing: UTC"`
		Country  string `json:"country,omitempty" maxLength:"2" example:"GB" doc:"Of numbers in national form"`
		DryRun   bool   `json:"dry_run,omitempty" doc:"Says what would be done, and stores nothing; else a person must have shown a factor within the last five minutes"`
	}
}

// AssignmentPath names one assignment.
type AssignmentPath struct {
	CustomerPath
	Assignment string `path:"assignment"`
}

type endAssignmentInput struct {
	AssignmentPath
	Body struct {
		At time.Time `json:"at,omitempty" doc:"Missing: now"`
	}
}

func (s *Server) directoryRoutes() {
	const base = "/api/v1/customers/{customer}/directory"
	may := inCustomer(access.DirectoryManage)
	add(s, route{gate: inCustomer(access.MemberRead), method: get, path: base, id: "listDirectory", summary: "Whose an extension is and was, one page"}, s.listDirectory)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "assignExtension", summary: "Say whose an extension is, from when and until when", status: 201, creates: true}, s.assignExtension)
	add(s, route{gate: may, method: post, path: base + "/import", id: "importDirectory", summary: "Read a CSV file, all of it or nothing; or say what it would do", limit: 6 << 20}, s.importDirectory)
	add(s, route{gate: may, method: post, path: base + "/{assignment}/end", id: "endAssignment", summary: "End an assignment; the calls until then stay theirs"}, s.endAssignment)
	add(s, route{gate: may, method: del, path: base + "/{assignment}", id: "withdrawAssignment", summary: "Remove an assignment that was never true", status: 204}, s.withdrawAssignment)
}

func showAssignment(a directory.Assignment, at time.Time) Assignment {
	out := Assignment{ID: a.ID.String(), Extension: a.Extension, Name: a.Name, Email: a.Email, Team: a.Team, From: when(a.From), To: when(a.To), Current: a.Current(at)}
	if a.ID.IsZero() {
		out.ID = ""
	}
	if !a.Person.IsZero() {
		out.PersonID = a.Person.String()
	}
	return out
}

func (s *Server) listDirectory(ctx context.Context, v *visit, in *directoryInput) (*linked[DirectoryPage], error) {
	ask := directory.Ask{Extension: in.Extension, Team: in.Team, Text: in.Text, After: in.Cursor, Limit: in.Limit}
	if in.Current {
		ask.At = v.at
	}
	if in.Person != "" {
		p, err := id.Parse[id.Person](in.Person)
		if err != nil {
			return nil, fault.Field("query.person", "is no id of a person")
		}
		ask.Person = p
	}
	d := s.deps.People.Directory()
	list, next, err := d.List(ctx, v.place, ask)
	if err != nil {
		return nil, err
	}
	teams, err := d.Teams(ctx, v.place)
	out := &linked[DirectoryPage]{Link: nextLink(v, next), Body: DirectoryPage{Items: make([]Assignment, len(list)), NextCursor: next, Teams: append([]string{}, teams...)}}
	for i, a := range list {
		out.Body.Items[i] = showAssignment(a, v.at)
	}
	return out, err
}

func (s *Server) assignExtension(ctx context.Context, v *visit, in *assignInput) (*body[Assignment], error) {
	b := in.Body
	a := directory.Assignment{Extension: b.Extension, Name: b.Name, Email: b.Email, Team: b.Team, From: b.From, To: b.To}
	if b.PersonID != "" {
		p, err := id.Parse[id.Person](b.PersonID)
		if err != nil {
			return nil, fault.Field("person_id", "is no member here")
		}
		a.Person = p
	}
	a, err := s.deps.People.Directory().Add(ctx, v.place, v.who, a, b.Country)
	if err != nil {
		return nil, err
	}
	return answer(showAssignment(a, v.at)), nil
}

// importDirectory answers a dry run with the report of every line, faults and
// all; an import with faults is a problem that lists them.
func (s *Server) importDirectory(ctx context.Context, v *visit, in *importInput) (*body[DirectoryReport], error) {
	d, f := s.deps.People.Directory(), directory.File{CSV: []byte(in.Body.CSV), TimeZone: in.Body.TimeZone, Country: in.Body.Country}
	var r directory.Report
	var err error
	if in.Body.DryRun {
		r, err = d.Preview(ctx, v.place, f)
	} else if err = v.fresh(); err == nil {
		r, err = d.Import(ctx, v.place, v.who, f)
	}
	if err != nil {
		return nil, err
	}
	return answer(showReport(r, !in.Body.DryRun, v.at)), nil
}

func showReport(r directory.Report, stored bool, at time.Time) DirectoryReport {
	const most = 1000
	out := DirectoryReport{
		Stored: stored, Add: r.Add, End: r.End, Same: r.Same, Faulty: r.Faulty,
		UnknownColumns: append([]string{}, r.UnknownColumns...), Lines: []DirectoryLine{},
	}
	for _, faulty := range []bool{true, false} {
		for _, v := range r.Lines {
			if (v.State == directory.Wrong) != faulty || len(out.Lines) == most {
				continue
			}
			line := DirectoryLine{Line: v.Line, State: string(v.State), Assignment: showAssignment(v.Assignment, at), Faults: []string{}}
			for _, f := range v.Faults {
				line.Faults = append(line.Faults, f.Path+": "+f.Text)
			}
			out.Lines = append(out.Lines, line)
		}
	}
	return out
}

func (s *Server) endAssignment(ctx context.Context, v *visit, in *endAssignmentInput) (*body[Assignment], error) {
	i, err := id.Parse[id.Assignment](in.Assignment)
	if err != nil {
		return nil, errNothing
	}
	a, err := s.deps.People.Directory().End(ctx, v.place, v.who, i, in.Body.At)
	if err != nil {
		return nil, err
	}
	return answer(showAssignment(a, v.at)), nil
}

func (s *Server) withdrawAssignment(ctx context.Context, v *visit, in *AssignmentPath) (*none, error) {
	i, err := id.Parse[id.Assignment](in.Assignment)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.Directory().Withdraw(ctx, v.place, v.who, i)
}
