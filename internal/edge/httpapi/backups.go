package httpapi

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

// BackupPoint is a moment to restore to.
type BackupPoint struct {
	ID      string    `json:"id" example:"bkp_06b3k0000000000000000000"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds" doc:"How long it took to make"`
	Places  int       `json:"places"`
	Bytes   int64     `json:"bytes" doc:"Of databases, before compression"`
	Sent    int64     `json:"sent" doc:"What had to be written for it"`
	Objects int64     `json:"objects" doc:"Recordings' objects that it names"`
	Keys    bool      `json:"keys" doc:"Keys are in their own target"`
}

// RestoreDrill is a restore that was tried and thrown away.
type RestoreDrill struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Point    string    `json:"point"`
	Whole    bool      `json:"whole" doc:"Everything was restored, not a few customers"`
	Passed   bool      `json:"passed"`
	Seconds  float64   `json:"seconds" doc:"The measured recovery time"`
	Behind   float64   `json:"behind_seconds" doc:"The measured recovery point: how old the newest change was that came back from the targets alone"`
	Places   int       `json:"places"`
	Opened   int       `json:"opened" doc:"Recordings that were opened and are as they were captured"`
	Failures []string  `json:"failures"`
}

// BackupLine is how one customer's backups stand, without content.
type BackupLine struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	LastAt   *time.Time `json:"last_at" doc:"Of the newest backup; null: there is none yet"`
	Bytes    int64      `json:"bytes"`
	Objects  int64      `json:"objects"`
	ProvenAt *time.Time `json:"proven_at" doc:"When a restore was last tried and was whole; null: not yet"`
	Seconds  float64    `json:"seconds" doc:"How long that drill took"`
	Failure  string     `json:"failure" doc:"Of the newest drill; empty: none"`
}

// BackupProgress is what is under way.
type BackupProgress struct {
	Doing  string     `json:"doing" enum:",copying,keys,verifying,tidying,restoring,checking"`
	Since  *time.Time `json:"since"`
	Places int        `json:"places"`
	Of     int        `json:"of"`
	Bytes  int64      `json:"bytes"`
	Sent   int64      `json:"sent"`
}

// BackupReport is how backups stand at a node.
type BackupReport struct {
	State      string         `json:"state" enum:"off,starting,none,well,failing" doc:"off: the operator has not said where they go; starting: the targets do not answer yet"`
	Logged     bool           `json:"logged" doc:"Changes are logged before they are acknowledged"`
	Apart      bool           `json:"apart" doc:"Keys go to a target of their own"`
	DataTo     string         `json:"data_to" doc:"Only the provider is told"`
	KeysTo     string         `json:"keys_to"`
	LogOn      string         `json:"log_on"`
	Progress   BackupProgress `json:"progress"`
	Points     []BackupPoint  `json:"points" doc:"The newest first; only the provider is told"`
	Drills     []RestoreDrill `json:"drills" doc:"The newest first; only the provider is told"`
	Customers  []BackupLine   `json:"customers" doc:"All below, by name"`
	NextCursor string         `json:"next_cursor"`
}

// RestorePlan says what restoring one customer would do, or has done.
type RestorePlan struct {
	Customer  string     `json:"customer"`
	Name      string     `json:"name"`
	CopyOf    *time.Time `json:"copy_of" doc:"The backup that it begins with; null: the customer's birth"`
	Replay    bool       `json:"replay" doc:"What was written after it is replayed"`
	Bytes     int64      `json:"bytes"`
	Destroyed int        `json:"destroyed" doc:"Keys that were destroyed: what they closed does not come back"`
	Remarks   []string   `json:"remarks"`
	Done      bool       `json:"done"`
	Reached   *time.Time `json:"reached" doc:"The newest change that came back"`
	Purged    int        `json:"purged" doc:"Recordings that had been destroyed since"`
	Opened    int        `json:"opened" doc:"Recordings that were opened and are as they were captured"`
	Seconds   float64    `json:"seconds"`
}

type nodeBackupsInput struct {
	NodePath
	Cursor string `query:"cursor" maxLength:"20"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type restoreInput struct {
	NodePath
	Body struct {
		Customer string     `json:"customer" minLength:"1" maxLength:"40"`
		Point    string     `json:"point" required:"false" maxLength:"40" doc:"A backup as it is; left out: the newest and what was written after it"`
		At       *time.Time `json:"at" required:"false" doc:"As it was then, to the last change before"`
		Plan     bool       `json:"plan" required:"false" doc:"Only say what would be done"`
		Confirm  string     `json:"confirm" required:"false" maxLength:"100" doc:"The customer's name, typed: what it has now is replaced"`
	}
}

func (s *Server) backupRoutes() {
	const base = "/api/v1/nodes/{node}"
	add(s, route{gate: onNode(access.BackupRead), method: get, path: base + "/backups", id: "getBackups", summary: "How backups stand: when each customer's was made and last proven"}, s.getBackups)
	add(s, route{gate: onNode(access.BackupRun), method: post, path: base + "/backups", id: "runBackup", summary: "Make a backup now, beside the work", status: 202, fresh: true}, s.runBackup)
	add(s, route{gate: onNode(access.BackupRun), method: post, path: base + "/restore-drills", id: "runDrill", summary: "Restore the newest backup into a scratch folder, check it and throw it away", status: 202, fresh: true}, s.runDrill)
	add(s, route{gate: onNode(access.BackupRun), method: post, path: base + "/restores", id: "restoreCustomer", summary: "Put one customer back from a backup, to an earlier time if wanted, while the others go on", fresh: true}, s.restoreCustomer)
	add(s, route{gate: inCustomer(access.BackupRead), method: get, path: "/api/v1/customers/{customer}/backup", id: "getBackup", summary: "When this customer's backup was made and last proven"}, s.getBackup)
}

// backups is the service, or nil: none are made, or not yet.
func (s *Server) backups() *backup.Service {
	if s.deps.Backups == nil {
		return nil
	}
	return s.deps.Backups()
}

func (s *Server) getBackups(ctx context.Context, v *visit, in *nodeBackupsInput) (*linked[BackupReport], error) {
	out := &linked[BackupReport]{Body: BackupReport{State: "off", Points: []BackupPoint{}, Drills: []RestoreDrill{}, Customers: []BackupLine{}}}
	r := &out.Body
	host := s.deps.Host.Backups
	if host.Data != "" {
		r.State = "starting"
	}
	lines := map[id.Customer]backup.CustomerStatus{}
	if b := s.backups(); b != nil {
		st, err := b.Status(ctx)
		if err != nil {
			return nil, err
		}
		r.State, r.Logged, r.Apart, r.Progress = stateOf(st), st.Logged, st.Apart, showProgress(st.Progress)
		if lines, err = b.Lines(ctx); err != nil {
			return nil, err
		}
		if v.node.Kind == org.Provider {
			if err := showPoints(ctx, b, r); err != nil {
				return nil, err
			}
		}
	}
	if v.node.Kind == org.Provider {
		r.DataTo, r.KeysTo, r.LogOn = host.Data, host.Keys, host.Log
	}
	return out, s.backupLines(ctx, v, in, lines, out)
}

func (s *Server) backupLines(ctx context.Context, v *visit, in *nodeBackupsInput, lines map[id.Customer]backup.CustomerStatus, out *linked[BackupReport]) error {
	skip := 0
	if in.Cursor != "" {
		n, err := strconv.Atoi(in.Cursor)
		if err != nil || n < 1 || n > 10_000_000 {
			return fault.Field("query.cursor", "this is no next_cursor of a page of backups")
		}
		skip = n
	}
	list, err := s.deps.Health.Below(ctx, v.node.ID, in.Limit+1, skip)
	if err != nil {
		return err
	}
	for i, c := range list {
		if i == in.Limit {
			out.Body.NextCursor = strconv.Itoa(skip + i)
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Customers = append(out.Body.Customers, showBackup(c.ID, c.Name, lines[c.ID]))
	}
	return nil
}

func stateOf(st backup.Status) string {
	switch {
	case st.Last == nil:
		return "none"
	case st.Drill != nil && !st.Drill.Passed():
		return "failing"
	}
	return "well"
}

func showPoints(ctx context.Context, b *backup.Service, r *BackupReport) error {
	points, err := b.Points(ctx)
	if err != nil && len(points) == 0 {
		return err
	}
	for _, p := range points {
		one := BackupPoint{ID: p.ID.String(), At: p.At, Seconds: recording.Seconds(p.Finished.Sub(p.At)), Places: len(p.Parts), Sent: p.Sent, Keys: p.Keys}
		for _, part := range p.Parts {
			one.Bytes += part.Bytes
		}
		for _, inv := range p.Inventory {
			one.Objects += inv.Objects
		}
		r.Points = append(r.Points, one)
	}
	drills, err := b.Drills(ctx, 14)
	for _, d := range drills {
		one := RestoreDrill{
			ID: d.ID.String(), At: d.At, Point: d.Point.String(), Whole: d.Whole, Passed: d.Passed(), Seconds: recording.Seconds(d.Took), Behind: recording.Seconds(d.Behind),
			Places: len(d.Places), Failures: []string{},
		}
		for _, p := range d.Places {
			one.Opened += p.Opened
		}
		one.Failures = append(one.Failures, d.Failures...)
		r.Drills = append(r.Drills, one)
	}
	return err
}

func showProgress(p backup.Progress) BackupProgress {
	return BackupProgress{Doing: p.Doing, Since: when(p.Since), Places: p.Places, Of: p.Of, Bytes: p.Bytes, Sent: p.Sent}
}

func showBackup(c id.Customer, name string, l backup.CustomerStatus) BackupLine {
	return BackupLine{
		ID: c.String(), Name: name, LastAt: when(l.LastAt), Bytes: l.Bytes, Objects: l.Objects, ProvenAt: when(l.ProvenAt), Seconds: recording.Seconds(l.Took), Failure: l.Failure,
	}
}

func (s *Server) getBackup(ctx context.Context, v *visit, _ *CustomerPath) (*body[BackupLine], error) {
	c := v.place.Customer()
	n, err := s.deps.Tree.Node(ctx, c)
	if err != nil {
		return nil, err
	}
	var line backup.CustomerStatus
	if b := s.backups(); b != nil {
		lines, err := b.Lines(ctx)
		if err != nil {
			return nil, err
		}
		line = lines[c]
	}
	return answer(showBackup(c, n.Name, line)), nil
}

var errBackupsOff = fault.New(fault.Unavailable, "backups are not made here, or their targets do not answer yet: the page Backups says which")

// running is the service where an act on the whole installation may be asked
// for: at the provider.
func (s *Server) running(v *visit) (*backup.Service, error) {
	if v.node.Kind != org.Provider {
		return nil, fault.New(fault.Invalid, "backups are of the whole installation: ask at the provider")
	}
	b := s.backups()
	if b == nil {
		return nil, errBackupsOff
	}
	if b.Progress().Doing != "" {
		return nil, fault.New(fault.Conflict, "a backup or a drill is under way already; look at its progress")
	}
	return b, nil
}

func (s *Server) runBackup(ctx context.Context, v *visit, _ *NodePath) (*struct{}, error) {
	b, err := s.running(v)
	if err != nil {
		return nil, err
	}
	return nil, b.Ask(ctx, v.who, backup.AskPoint)
}

func (s *Server) runDrill(ctx context.Context, v *visit, _ *NodePath) (*struct{}, error) {
	b, err := s.running(v)
	if err != nil {
		return nil, err
	}
	return nil, b.Ask(ctx, v.who, backup.AskDrill)
}

func (s *Server) restoreCustomer(ctx context.Context, v *visit, in *restoreInput) (*body[RestorePlan], error) {
	b, err := s.running(v)
	if err != nil {
		return nil, err
	}
	w, err := in.want()
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Tree.Node(ctx, w.Customer)
	if err != nil || n.Kind != org.Customer {
		return nil, fault.Field("body.customer", "there is no such customer")
	}
	plan, err := b.PlanCustomer(ctx, w)
	if err != nil {
		return nil, err
	}
	out := RestorePlan{Customer: n.ID.String(), Name: n.Name, Bytes: plan.Bytes, Destroyed: plan.Destroyed, Remarks: []string{}}
	out.Remarks = append(out.Remarks, plan.Remarks...)
	out.CopyOf, out.Replay = when(plan.Places[0].CopyOf), plan.Places[0].Replay
	if in.Body.Plan {
		return answer(out), nil
	}
	if in.Body.Confirm != n.Name {
		return nil, fault.Field("body.confirm", "type the customer's name exactly: what %q has now is replaced", n.Name)
	}
	// Begun is begun: who asked may have gone away.
	one, err := b.RestoreCustomer(context.WithoutCancel(ctx), v.who, plan, w)
	if err != nil {
		return nil, err
	}
	out.Remarks = append(out.Remarks, one.Remarks...)
	out.Done, out.Reached, out.Purged, out.Opened, out.Seconds = true, when(one.Reached), one.Purged, one.Opened, recording.Seconds(one.Took)
	return answer(out), nil
}

func (in *restoreInput) want() (w backup.Want, err error) {
	if w.Customer, err = id.Parse[id.Customer](in.Body.Customer); err != nil {
		return w, fault.Field("body.customer", "is no id of a customer")
	}
	if in.Body.Point != "" {
		if w.Point, err = id.Parse[id.Backup](in.Body.Point); err != nil {
			return w, fault.Field("body.point", "is no id of a backup")
		}
	}
	if in.Body.At != nil {
		w.At = *in.Body.At
	}
	return w, nil
}
