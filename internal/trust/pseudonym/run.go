package pseudonym

import (
	"context"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/person"
)

// How says how names are replaced.
type How struct {
	Silence bool // what is replaced in the transcript falls silent in the sound
	Agents  bool // names of those who work for the customer, too; for a rule
	Log     bool // what the change log says of the person goes; for a person
}

// State is how far one recording, or a run, has come.
type State string

// The states. Those after Done are of recordings that were left as they are.
const (
	Waiting    State = "waiting"
	Done       State = "done"
	Unheard    State = "unheard"    // done; its sound was never transcribed, so that names may be heard in it
	Held       State = "held"       // under a legal hold
	Restricted State = "restricted" // only stored, at a person's request
	Later      State = "later"      // its transcript is on its way
	Missing    State = "gone"       // destroyed meanwhile
	Failed     State = "failed"
)

// Run is one replacing of names in some recordings.
type Run struct {
	ID        id.PseudonymRun
	Request   id.PersonRequest // zero: by the rule
	Ended     bool
	AskedAt   time.Time
	AskedBy   string
	EndedAt   time.Time
	How       How
	Elsewhere int // finds outside of recordings from which the person was taken out
	Figures   map[State]int64
}

// Plan is what a run would do; nothing is done by making one.
type Plan struct {
	Figures   map[State]int64 // by what would become of each recording now
	Count     int64           // recordings in which names would be replaced now
	Skipped   []Skipped       // the first of those that would be left as they are
	Elsewhere int             // finds outside of recordings that would go
	Stays     []string        // stores in which the person stays, and why
	recs      []target
}

// Skipped is a recording that stays as it is, and why.
type Skipped struct {
	Recording id.Recording
	State     State
}

type target struct {
	n     int64
	rec   id.Recording
	state State
}

const mostSkipped = 100

// Job is the kind of the job that carries out a run.
const Job = "pseudonymise"

type runArgs struct {
	Run id.PseudonymRun `json:"run"`
}

// Kinds are those of the jobs of this package, for the runner.
func (s *Service) Kinds() map[string]job.Kind {
	return map[string]job.Kind{
		Job:       {Run: s.work, Parallel: 1, Attempts: 12},
		JobForget: {Run: s.destroy, Parallel: 1, Attempts: 50},
	}
}

// PlanPerson says what would be done for the person of a case: with what was
// confirmed as theirs. A case that fits nearly everybody is fault.Conflict.
func (s *Service) PlanPerson(ctx context.Context, p *place.Place, i id.PersonRequest, how How) (Plan, error) {
	c, err := s.o.Persons.Read(ctx, p, i)
	if err != nil {
		return Plan{}, err
	}
	switch {
	case c.State == person.TooWide:
		return Plan{}, fault.New(fault.Conflict, "%s", strings.Join(c.Notes, " "))
	case c.State != person.Open:
		return Plan{}, fault.New(fault.Conflict, "names are replaced once the search has ended, and before the request is answered")
	case c.Figures.Undecided > 0:
		return Plan{}, fault.New(fault.Conflict, "%d finds are neither confirmed nor rejected: say first whether they are this person's", c.Figures.Undecided)
	}
	if _, err := s.aimAt(ctx, p, c); err != nil {
		return Plan{}, err
	}
	recs, elsewhere, stays, err := s.o.Persons.Confirmed(ctx, p, i, how.Log)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Figures: map[State]int64{}, Elsewhere: elsewhere, Stays: stays}
	err = p.View(ctx, func(tx *place.Tx) error { return s.sort(tx, recs, &plan) })
	return plan, err
}

// sort says what would become of each recording.
func (s *Service) sort(tx *place.Tx, recs []id.Recording, plan *Plan) error {
	for _, rec := range recs {
		row, err := s.o.Recordings.Lookup(tx, rec)
		if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		state, err := s.stateOf(tx, row)
		if err != nil {
			return err
		}
		plan.Figures[state]++
		if state == Waiting {
			plan.Count++
		} else if len(plan.Skipped) < mostSkipped {
			plan.Skipped = append(plan.Skipped, Skipped{rec, state})
		}
		plan.recs = append(plan.recs, target{row.N, rec, state})
	}
	return nil
}

// stateOf is Waiting for a recording that can be worked on, else why not.
func (s *Service) stateOf(tx *place.Tx, row recording.Row) (State, error) {
	held, err := s.o.Recordings.HoldsOf(tx, []int64{row.N})
	if err != nil || len(held[row.N]) > 0 {
		return Held, err
	}
	only, err := s.o.Recordings.Restricted(tx, []int64{row.N})
	if err != nil || len(only) > 0 {
		return Restricted, err
	}
	if row.State == recording.TranscriptWaiting || row.State == recording.TranscriptWorking {
		return Later, nil
	}
	return Waiting, nil
}

// aimAt reads whom a case is about. A case that names nobody, as after the way back
// was destroyed, is fault.Conflict: nothing would be replaced, and said to be done.
func (s *Service) aimAt(ctx context.Context, p *place.Place, c person.Case) (a aim, err error) {
	a.one = true
	for _, n := range c.Subject.Identifiers.Names {
		if v, ok := nameOf(n); ok {
			a.names, a.written = append(a.names, v), append(a.written, n)
		}
	}
	var countries []string
	err = p.View(ctx, func(tx *place.Tx) error {
		countries, err = place.Rows[string](tx, `SELECT DISTINCT country FROM sources ORDER BY country`)
		return err
	})
	for _, n := range c.Subject.Identifiers.Numbers {
		for _, country := range append(countries, "") {
			if v, ok := numberOf(n, country); ok {
				a.numbers = append(a.numbers, v)
			}
		}
	}
	if err == nil && len(a.names)+len(a.numbers) == 0 {
		err = fault.New(fault.Conflict, "this request names neither a name nor a telephone number, or no longer: there is nothing to replace")
	}
	return a, err
}

// aimOf says whose names and numbers a run replaces.
func (s *Service) aimOf(ctx context.Context, p *place.Place, r Run) (aim, error) {
	if r.Request.IsZero() {
		return aim{agents: r.How.Agents}, nil
	}
	c, err := s.o.Persons.Read(ctx, p, r.Request)
	if err != nil {
		return aim{}, err
	}
	return s.aimAt(ctx, p, c)
}

// StartPerson has the names and numbers of a case's person replaced. confirm is
// how many recordings that changes: it must be exact. While a run of the same
// case is under way, a second is fault.Conflict.
func (s *Service) StartPerson(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, how How, confirm int64) (Run, error) {
	plan, err := s.PlanPerson(ctx, p, i, how)
	if err != nil {
		return Run{}, err
	}
	switch {
	case plan.Count == 0 && plan.Elsewhere == 0:
		return Run{}, fault.New(fault.Conflict, "nothing of what was confirmed can be changed now")
	case confirm != plan.Count:
		return Run{}, fault.Field("confirm", "this replaces names in %d recordings for ever; repeat the number to go on", plan.Count)
	}
	how.Agents = false
	return s.start(ctx, p, who, i, how, plan.recs)
}

func (s *Service) start(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, how How, recs []target) (Run, error) {
	r := Run{Request: i, AskedBy: who.ID, How: how}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		busy, err := place.Row[int](tx, `SELECT count(*) FROM pseudonym_runs WHERE state = 'waiting' AND (request = ? OR request IS NULL AND ? = 1)`, i, number(i.IsZero()))
		if err != nil {
			return err
		}
		if busy > 0 {
			return fault.New(fault.Conflict, "names are being replaced already: wait until that run has ended")
		}
		r.ID, r.AskedAt = id.At[id.PseudonymRun](tx.At()), tx.At()
		if _, err := tx.Exec(`INSERT INTO pseudonym_runs (id, request, state, asked_at, asked_by, ended_at, silence, agents, log, elsewhere) VALUES (?, ?, 'waiting', ?, ?, 0, ?, ?, ?, 0)`,
			r.ID, i, tx.At().UnixMilli(), who.ID, number(how.Silence), number(how.Agents), number(how.Log)); err != nil {
			return err
		}
		for _, t := range recs {
			if _, err := tx.Exec(`INSERT INTO pseudonym_items (run, n, rec, state) VALUES (?, ?, ?, ?)`, r.ID, t.n, t.rec, string(t.state)); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "pseudonym.run-asked", Subject: r.ID.String(), Facts: map[string]string{
			"request": caseText(i), "recordings": strconv.Itoa(len(recs)), "silence": strconv.FormatBool(how.Silence), "agents": strconv.FormatBool(how.Agents), "log": strconv.FormatBool(how.Log),
		}})
		tx.Notify(Topic)
		_, err = job.Enqueue(tx, Job, runArgs{r.ID}, job.Once(r.ID.String()))
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return s.Run(ctx, p, r.ID)
}

func caseText(i id.PersonRequest) string {
	if i.IsZero() {
		return ""
	}
	return i.String()
}

// Again takes up what an ended run has left: recordings whose hold, restriction
// or transcription has ended since, and what failed.
func (s *Service) Again(ctx context.Context, p *place.Place, who actor.Actor, run id.PseudonymRun) (Run, error) {
	r, err := s.Run(ctx, p, run)
	if err != nil {
		return r, err
	}
	if !r.Ended {
		return r, fault.New(fault.Conflict, "this run has not ended")
	}
	if _, err := s.aimOf(ctx, p, r); err != nil {
		return r, err
	}
	var left []target
	err = p.View(ctx, func(tx *place.Tx) error {
		recs, err := place.Rows[id.Recording](tx, `SELECT rec FROM pseudonym_items WHERE run = ? AND state IN ('held', 'restricted', 'later', 'failed') ORDER BY n`, run)
		if err != nil {
			return err
		}
		plan := Plan{Figures: map[State]int64{}}
		err = s.sort(tx, recs, &plan)
		left = plan.recs
		if err == nil && plan.Count == 0 {
			err = fault.New(fault.Conflict, "what this run left cannot be changed yet either, or it left nothing")
		}
		return err
	})
	if err != nil {
		return r, err
	}
	return s.start(ctx, p, who, r.Request, r.How, left)
}

type runRow struct {
	ID        id.PseudonymRun  `db:"id"`
	Request   id.PersonRequest `db:"request"`
	State     string           `db:"state"`
	AskedAt   int64            `db:"asked_at"`
	AskedBy   string           `db:"asked_by"`
	EndedAt   int64            `db:"ended_at"`
	Silence   int              `db:"silence"`
	Agents    int              `db:"agents"`
	Log       int              `db:"log"`
	Elsewhere int              `db:"elsewhere"`
}

const runColumns = `SELECT id, request, state, asked_at, asked_by, ended_at, silence, agents, log, elsewhere FROM pseudonym_runs`

func (r runRow) show(tx *place.Tx) (Run, error) {
	out := Run{
		ID: r.ID, Request: r.Request, Ended: r.State == string(Done), AskedAt: instant(r.AskedAt), AskedBy: r.AskedBy, EndedAt: instant(r.EndedAt),
		How: How{r.Silence == 1, r.Agents == 1, r.Log == 1}, Elsewhere: r.Elsewhere, Figures: map[State]int64{},
	}
	type count struct {
		State string `db:"state"`
		N     int64  `db:"n"`
	}
	all, err := place.Rows[count](tx, `SELECT state, count(*) AS n FROM pseudonym_items WHERE run = ? GROUP BY state`, r.ID)
	for _, c := range all {
		out.Figures[State(c.State)] = c.N
	}
	return out, err
}

// Run tells how a run stands.
func (s *Service) Run(ctx context.Context, p *place.Place, run id.PseudonymRun) (out Run, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[runRow](tx, runColumns+` WHERE id = ?`, run)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such run")
		}
		out, err = r.show(tx)
		return err
	})
	return out, err
}

// Runs gives runs, the newest first, before one of them.
func (s *Service) Runs(ctx context.Context, p *place.Place, before id.PseudonymRun, limit int) (all []Run, err error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[runRow](tx, runColumns+` WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			one, err := r.show(tx)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// Left gives the recordings that a run left as they are, and why.
func (s *Service) Left(ctx context.Context, p *place.Place, run id.PseudonymRun) (all []Skipped, err error) {
	type row struct {
		Rec   id.Recording `db:"rec"`
		State string       `db:"state"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT rec, state FROM pseudonym_items WHERE run = ? AND state NOT IN ('waiting', 'done') ORDER BY n LIMIT ?`, run, mostSkipped)
		for _, r := range rows {
			all = append(all, Skipped{r.Rec, State(r.State)})
		}
		return err
	})
	return all, err
}
