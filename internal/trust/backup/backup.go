// Package backup keeps copies of an installation elsewhere, makes it anew from
// them, and proves every night that it can.
//
//	point   places and registry → inventory of objects → keys, last and apart
//	log     every transaction, before it is acknowledged, on a second disk;
//	        each minute what is new of it goes to the target
//	drill   a point is restored into a scratch folder, checked and timed
//
// A point is a manifest that names chunks. A chunk is named by an HMAC of its
// content and written once; what did not change since the last point is found
// by its name and costs nothing. Everything is sealed under keys derived from
// the backup key, names included, and read back after it was written. Keys go
// to a target of their own, wrapped as they lie in the key stores: neither
// target opens anything without the root key, and neither without the other.
//
// What was destroyed does not come back. Tombstones travel to both targets
// within a minute and are replayed before a place is opened; keys are restored
// from the newest copy only, and copies of keys are kept for a few days: until
// then whoever holds them, the backup key and the root key could still open
// what was destroyed since.
//
// Limits: one server writes into a target. The log and a copy are of one engine:
// a backup of SQLite does not become PostgreSQL.
package backup

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Options are what backups are made of and where they go.
type Options struct {
	Store   *place.Store
	Keys    *keyring.Keyring
	Objects blob.Bucket
	Tools   place.Tools

	Data   *Repo   // places, registry, inventory, log
	KeysTo *Repo   // keys; nil: they are backed up by other means
	Log    *Ledger // nil: there is none

	CopyObjects bool                                  // objects go to the data target too
	Keep        Keep                                  // how many points stay
	Name        func(context.Context) (string, error) // of the installation
	Program     string                                // version of this program
	Prove       Prove                                 // opens recordings of a restored place
	Scratch     Scratch                               // where drills restore to
	Logger      *slog.Logger
	Now         func() time.Time
}

// Keep says how many points stay, beside the newest, which always does, and the
// newest that a drill has proven.
type Keep struct{ Daily, Weekly, Monthly, Keys int }

// Service makes backups. One run at a time.
type Service struct {
	o  Options
	mu sync.Mutex // held while a point is made, or old ones are removed

	shipMu sync.Mutex
	ship   shipped

	asked      chan Asked
	oldest     atomic.Pointer[time.Time]
	oldestKeys atomic.Pointer[time.Time]

	progressMu sync.Mutex
	progress   Progress
}

// New makes a service. Nothing runs yet.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o: o, ship: newShipped(), asked: make(chan Asked, 1)}
}

// Progress is how far a run has come.
type Progress struct {
	Doing  string    `json:"doing"` // "", copying, keys, verifying, tidying, restoring, checking
	Since  time.Time `json:"since,omitzero"`
	Places int       `json:"places"`
	Of     int       `json:"of"`
	Bytes  int64     `json:"bytes"` // read so far
	Sent   int64     `json:"sent"`  // written to the target
}

// Progress tells how far the run under way has come; zero if there is none.
func (s *Service) Progress() Progress {
	s.progressMu.Lock()
	defer s.progressMu.Unlock()
	return s.progress
}

func (s *Service) note(fn func(*Progress)) {
	s.progressMu.Lock()
	defer s.progressMu.Unlock()
	fn(&s.progress)
}

var errBusy = fault.New(fault.Conflict, "a backup is being made already; look at its progress")
