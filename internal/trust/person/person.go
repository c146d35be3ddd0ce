// Package person answers people who ask what is kept of them. A request is a
// case: whom it is about (numbers, addresses, names, account ids, extensions),
// which right is used, and by when the law wants an answer. A search looks
// through every store for that person; somebody confirms or rejects each find,
// because two people can have one name, or one telephone; what is confirmed is
// then handed over, put right, erased, or only stored any more.
//
//	opened ── searched ── each find confirmed or rejected ── carried out ── answered
//
// A store tells of itself by a Store value: how a person is found in it, why
// something of it is kept, and how it is erased. Whoever adds a table with
// something personal in it adds it to a store here, or to Apart with the reason;
// a test in app compares both with the tables that there are.
//
// Whom a case is about is sealed. The search opens transcripts and cards as the
// program itself, for the purpose of the request: each leaves a receipt, and
// whoever handles the case sees where the person was found, not what was said.
//
// Limits: what was spoken is found if the speech engine wrote it down right.
// Whether an exception of the law applies (a legal claim, another's rights) is
// for the people of the customer to say; the plan keeps their reason.
package person

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Right is what a person asks for, by the articles of the GDPR.
type Right string

// The rights.
const (
	Access      Right = "access"      // article 15
	Rectify     Right = "rectify"     // article 16
	Erase       Right = "erase"       // article 17
	Restrict    Right = "restrict"    // article 18
	Portability Right = "portability" // article 20
	Object      Right = "object"      // article 21
)

// Rights are all rights with their articles, in the order of the law.
var Rights = []struct {
	Right   Right
	Article int
	Title   string
}{
	{Access, 15, "access to what is kept"},
	{Rectify, 16, "rectification"},
	{Erase, 17, "erasure"},
	{Restrict, 18, "restriction of processing"},
	{Portability, 20, "portability"},
	{Object, 21, "objection to processing"},
}

// State is how far a case has come.
type State string

// The states.
const (
	Searching State = "searching" // the stores are being looked through
	Open      State = "open"      // finds are being confirmed, acts carried out
	TooWide   State = "too-wide"  // the identifiers fit nearly everybody: nothing was listed
	Erasing   State = "erasing"   // an erasure was confirmed and runs to its end
	Answered  State = "answered"
	Refused   State = "refused" // with the reason
)

// Ended reports whether the law waits for nothing more.
func (s State) Ended() bool { return s == Answered || s == Refused }

// Subject is whom a case is about: personal, sealed.
type Subject struct {
	Name        string      `json:"name"` // as the letters address them
	Identifiers Identifiers `json:"identifiers"`
	Proof       string      `json:"proof"` // how it was made sure that they are who they say
	Notes       string      `json:"notes"`
}

// Case is one request of one person.
type Case struct {
	ID         id.PersonRequest
	Right      Right
	State      State
	ReceivedAt time.Time // when the request arrived
	Zone       string    // in whose calendar its month is counted
	DueAt      time.Time
	Extended   string // why the time was made longer; empty: it was not
	CheckedAt  time.Time
	OpenedAt   time.Time
	OpenedBy   string // id of the actor
	EndedAt    time.Time
	Outcome    string // the answer in a sentence, or why it was refused
	Subject    Subject
	Notes      []string // what the search has to say: what it could not look into
	Figures    Figures
	Certified  bool // what was done about it is signed: see CertificateOf
}

// Figures count the finds of a case.
type Figures struct {
	Found, Confirmed, Rejected, Undecided, Erased, Kept int64
}

// Options are what a Service stands on.
type Options struct {
	Store      *place.Store
	Recordings *recording.Service
	Stores     []Store
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
	// Widest is the share of all recordings that one person can be in, in
	// percent; beyond it the identifiers are no person's. 0: 20.
	Widest int
	// Few is up to how many recordings anybody can be in, whatever their share. 0: 50.
	Few int64
	// Certified gives the certificates of one erasure; nil: none are made.
	Certified func(ctx context.Context, p *place.Place, run id.Destruction) ([]string, error)
	// Certify signs what an erasure did; again for the same run, it changes nothing.
	// nil: nothing is signed.
	Certify func(ctx context.Context, p *place.Place, d Done) error
	// Sign signs a text (PKCS #7, detached) and Paper a PDF, with the installation's key
	// for documents; Name is what an organisation is called. Sign nil: what was done
	// about requests is not certified. Name nil: by its id.
	Sign  func(ctx context.Context, text []byte) ([]byte, error)
	Paper func(ctx context.Context, pdf []byte, title string, at time.Time) ([]byte, error)
	Name  func(ctx context.Context, n id.Node) string
	// Recipients are those to whom sound or text of the customer has gone, as the
	// ledger of what left has them; nil: none is known.
	Recipients func(ctx context.Context, p *place.Place) ([]string, error)
	// Minimum says why a recording must be kept by a law whose minimum has not passed;
	// empty: none does. nil: no minimum is known.
	Minimum func(ctx context.Context, p *place.Place, row recording.Row) (because string, err error)
	// EraseEvents takes what is personal out of events of the change log; nil: it stays.
	EraseEvents func(tx *place.Tx, subject string, positions []int64) (int, error)
	// Bury has it stand in the key store, for backups that are restored, that rows
	// were emptied or erased; again, it changes nothing. nil: a restore brings them back.
	Bury func(ctx context.Context, p *place.Place, reason string, rows ...[16]byte) error
	// Step is told each step of an erasure, and of a certificate, before it is taken. Only tests use it.
	Step func(name string)
}

// Service handles requests of persons. It is safe for concurrent use.
type Service struct {
	o Options
}

// New makes a service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Widest <= 0 {
		o.Widest = 20
	}
	if o.Few <= 0 {
		o.Few = 50
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return &Service{o}
}

// Store is one part of what is kept, and what can be done with a person in it.
type Store struct {
	Name   string // one word, in tables and exports
	Title  string // what people call it
	Tables []string
	// Find gives what is kept of somebody.
	Find func(ctx context.Context, p *place.Place, who actor.Actor, q *Query) ([]Hit, error)
	// Keep says why one find cannot be erased now; empty: it can. nil: see Kept.
	Keep func(ctx context.Context, p *place.Place, ref string) (string, error)
	// Erase erases one find, for good; what is gone already is no error. nil: nothing of this store is erased.
	// A find that is a row is named table/id, as Scan does: so it is erased in restored backups, too.
	Erase func(ctx context.Context, p *place.Place, who actor.Actor, ref string, by By) error
	// Kept is why nothing of this store is erased.
	Kept string
	// Usually is why what could be erased is kept, unless somebody says that it is to be erased.
	Usually string
}

// By says by which case something is erased; nothing in it is personal.
type By struct {
	Case id.PersonRequest
	Run  id.Destruction
}

// Hit is one find. Label and Why are personal.
type Hit struct {
	Ref   string    // names it within its store, for ever
	At    time.Time // zero: it has no time
	Label string    // what to show
	Why   []string  // which identifiers were found, and where
	Role  string    // caller, called, agent, spoken of; empty where that has no sense
}

// Purpose is what the openings of a search give as theirs.
func Purpose(c id.PersonRequest) string { return recording.ForAnswer + ": " + c.String() }

func (s *Service) system(c id.PersonRequest, who actor.Actor) actor.Actor {
	a := actor.ForSystem("person").For(Purpose(c))
	a.OnBehalf = who.ID
	return a
}

type caseRow struct {
	ID       id.PersonRequest `db:"id"`
	Right    string           `db:"kind"`
	State    string           `db:"state"`
	Received int64            `db:"received_at"`
	Zone     string           `db:"zone"`
	Due      int64            `db:"due_at"`
	Opened   int64            `db:"opened_at"`
	By       string           `db:"opened_by"`
	Ended    int64            `db:"ended_at"`
	Checked  int64            `db:"checked_at"`
	Sealed   []byte           `db:"sealed"`
	Signed   int64            `db:"signed"`
}

// sealed is what of a case is personal.
type caseCard struct {
	Subject  Subject  `json:"subject"`
	Extended string   `json:"extended,omitempty"`
	Outcome  string   `json:"outcome,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

const caseColumns = `SELECT id, kind, state, received_at, zone, due_at, opened_at, opened_by, ended_at, checked_at, sealed,
	(SELECT count(*) FROM person_certificates c WHERE c.request = person_requests.id) AS signed FROM person_requests`

func (r caseRow) show(tx *place.Tx) (Case, error) {
	c := Case{
		ID: r.ID, Right: Right(r.Right), State: State(r.State), ReceivedAt: instant(r.Received), Zone: r.Zone, DueAt: instant(r.Due),
		OpenedAt: instant(r.Opened), OpenedBy: r.By, EndedAt: instant(r.Ended), CheckedAt: instant(r.Checked), Certified: r.Signed > 0,
	}
	plain, err := tx.Unseal(place.FieldPersonRequest, r.ID, r.Sealed)
	if err != nil {
		return c, err
	}
	var card caseCard
	if err := json.Unmarshal(plain, &card); err != nil {
		return c, err
	}
	c.Subject, c.Extended, c.Outcome, c.Notes = card.Subject, card.Extended, card.Outcome, card.Notes
	return c, nil
}

// put writes a case's changing parts.
func put(tx *place.Tx, c Case) error {
	plain, err := json.Marshal(caseCard{c.Subject, c.Extended, c.Outcome, c.Notes})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldPersonRequest, c.ID, plain)
	if err != nil {
		return err
	}
	tx.Notify(Topic)
	_, err = tx.Exec(`INSERT INTO person_requests (id, kind, state, received_at, zone, due_at, opened_at, opened_by, ended_at, checked_at, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, received_at = excluded.received_at,
		due_at = excluded.due_at, ended_at = excluded.ended_at, checked_at = excluded.checked_at, sealed = excluded.sealed`,
		c.ID, string(c.Right), string(c.State), c.ReceivedAt.UnixMilli(), c.Zone, c.DueAt.UnixMilli(), c.OpenedAt.UnixMilli(), c.OpenedBy,
		millis(c.EndedAt), millis(c.CheckedAt), sealed)
	return err
}

func read(tx *place.Tx, i id.PersonRequest) (Case, error) {
	r, err := place.Row[caseRow](tx, caseColumns+` WHERE id = ?`, i)
	if fault.Is(err, fault.NotFound) {
		return Case{}, fault.New(fault.NotFound, "there is no such request")
	}
	if err != nil {
		return Case{}, err
	}
	c, err := r.show(tx)
	if err == nil {
		c.Figures, err = figures(tx, i)
	}
	return c, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
