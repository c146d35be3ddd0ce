// Package phonesystem asks telephone systems for their recordings: 3CX by its XAPI, Yeastar by the API of the P-series.
//
//	job ──▶ token ──▶ list since the watermark ──▶ rows: what is to be fetched, the watermark with them
//	                                         └──▶ each: what is said of it, then its sound, into the source's drop ──▶ capture
//
// What is to be fetched is durable before the watermark moves, and a row is done once its file is durable in the drop: a crash at any
// point fetches again at most what capture then finds to be known. Every request goes through platform/egress: to the one host that was
// set, with its line in the customer's ledger. A link for one download is used at once; one that has run out is asked for again. A system
// that says it is asked too often is left alone for as long as it says.
package phonesystem

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Job is the kind of the job that asks one system.
const Job = "ask-system"

// File is a file on its way into a drop.
type File interface {
	io.Writer
	SetTime(t time.Time)
	Close() error // makes it whole and durable
	Abort() error
}

// Drop is where files of a source wait for capture.
type Drop interface {
	Create(name string) (File, error)
}

// Options are what a Service stands on.
type Options struct {
	Store      *place.Store
	Recordings *recording.Service
	Egress     *egress.Client
	Drop       func(ctx context.Context, p *place.Place, source id.Source) (Drop, error)
	Now        func() time.Time // nil: the clock of this machine
	Log        *slog.Logger     // nil: silent
	Every      time.Duration    // between two looks at a system; 0: two minutes
	Step       func(name string)
}

// Service asks the systems of all customers. It is safe for concurrent use.
type Service struct {
	o      Options
	tokens tokens
}

// NewService makes a service; a job runner calls Kind.
func NewService(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Every == 0 {
		o.Every = 2 * time.Minute
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return &Service{o: o, tokens: tokens{by: map[id.Source]token{}}}
}

// entry is one recording that a system has.
type entry struct {
	UID   string    `json:"uid"`  // what the system calls it
	File  string    `json:"file"` // by which it is asked for
	Name  string    `json:"name"` // in the drop, without ending
	Ends  string    `json:"ends"` // ending
	At    time.Time `json:"at"`
	Facts []byte    `json:"facts"` // what the system says of it, as the profile reads it
}

// mark is where listing goes on.
type mark struct {
	ID int64     `json:"id,omitempty"` // 3CX: the last id
	At time.Time `json:"at"`           // Yeastar: the latest start
}

// system is one maker's API.
type system interface {
	// sign in gives a token and for how long it holds.
	signIn(ctx context.Context, c *call) (token, error)
	// list gives some recordings after a mark, and the mark after them; more says that there are further ones now.
	list(ctx context.Context, c *call, from mark) (page []entry, next mark, more bool, err error)
	// fetch writes the sound of one recording.
	fetch(ctx context.Context, c *call, e entry, to io.Writer) error
}

var systems = map[string]system{"3cx": threeCX{}, "yeastar": yeastar{}}

// Systems are the names of the systems that can be asked.
func Systems() []string { return []string{"3cx", "yeastar"} }

// call is what a system needs to ask with.
type call struct {
	s      *Service
	p      *place.Place
	source id.Source
	set    Settings
	bearer secret.Text
}

var who = actor.ForSystem("phonesystem")

// request is one request to the system's own host.
func (c *call) request(method, path string, header http.Header, body []byte) egress.Request {
	if header == nil {
		header = http.Header{}
	}
	header.Set("User-Agent", "OpenAPI") // Yeastar answers nobody else
	return egress.Request{
		Engine: c.set.System, Purpose: "fetch recordings", Region: "the customer's telephone system", Subject: c.source.String(),
		Hosts: []string{c.set.host()}, Method: method, URL: c.set.Address + path, Header: header, Body: body, Timeout: time.Minute, MaxAnswer: 16 << 20,
	}
}

// ask sends a request and answers with what came back, or with a fault in plain words.
func (c *call) ask(ctx context.Context, method, path string, header http.Header, body []byte) (egress.Answer, error) {
	a, err := c.s.o.Egress.Do(ctx, c.p, who, c.request(method, path, header, body))
	return a, c.judge(a, err)
}

// sound fetches a body into a writer.
func (c *call) sound(ctx context.Context, path string, header http.Header, to io.Writer) (egress.Answer, error) {
	r := c.request(http.MethodGet, path, header, nil)
	r.Timeout, r.MaxAnswer = 20*time.Minute, 1<<30
	a, _, err := c.s.o.Egress.Fetch(ctx, c.p, who, r, to)
	return a, c.judge(a, err)
}

// Kind is how the job is run. A system that is slow keeps others waiting only by one hand.
func (s *Service) Kind() job.Kind { return job.Kind{Run: s.work, Parallel: 8, Attempts: 1 << 30} }

// work looks at one system and has the next look made in time.
func (s *Service) work(ctx context.Context, p *place.Place, j job.Job) error {
	var a struct {
		Source id.Source `json:"source"`
	}
	if err := j.Decode(&a); err != nil {
		return err
	}
	pause := s.o.Every
	err := s.Look(ctx, p, a.Source)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if fault.Is(err, fault.NotFound) { // the source was removed
		return p.Keep(ctx, j.Finish)
	}
	if err != nil {
		f := fault.Of(err)
		if f.RetryAfter > 0 {
			pause = min(max(f.RetryAfter, time.Second), time.Hour)
		}
		if f.Kind == fault.Internal {
			s.o.Log.ErrorContext(ctx, "a telephone system could not be asked", "customer", p.Customer(), "source", a.Source, "error", err)
		}
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		if err := j.Finish(tx); err != nil {
			return err
		}
		return enqueue(tx, a.Source, tx.At().Add(pause))
	})
}

func enqueue(tx *place.Tx, source id.Source, at time.Time) error {
	_, err := job.Enqueue(tx, Job, map[string]id.Source{"source": source}, job.Once(source.String()), job.At(at))
	return err
}
