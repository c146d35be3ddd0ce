package collect

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// ServerOptions are what a Server stands on.
type ServerOptions struct {
	Store      *place.Store
	Keys       *keyring.Keyring
	Recordings *recording.Service
	Staging    string           // folder for uploads under way; holds ciphertext only
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
	// Admits says whether the customer's access lists let a box in from an address;
	// nil: from everywhere. Refused is told of one that was not.
	Admits  func(tx *place.Tx, from string) (bool, error)
	Refused func(ctx context.Context, p *place.Place, who actor.Actor)
	// Releases are those that the server holds for its boxes; nil: none.
	Releases *upgrade.Shelf
	// Oldest is the oldest protocol that is spoken; 0: that of the release two before.
	Oldest int
	// Expect takes in which calls the logs beside a box name; nil: nobody counts.
	Expect func(tx *place.Tx, source id.Source, r coverage.Report) error
	// Step is told the name of each step before it is taken; tests end the
	// process there.
	Step func(name string)
}

// Server is the receiving end. It is an http.Handler for everything under Path
// and authenticates by itself: no session, no cookie, no token of the API works
// here, and no device's signature works there.
type Server struct {
	store   *place.Store
	keys    *keyring.Keyring
	archive *recording.Service
	staging *os.Root
	dir     string
	log     *slog.Logger
	now     func() time.Time
	admits  func(*place.Tx, string) (bool, error)
	refused func(context.Context, *place.Place, actor.Actor)
	step    func(string)
	expect  func(*place.Tx, id.Source, coverage.Report) error
	shelf   *upgrade.Shelf
	oldest  int
	handing chan struct{} // one for each box that is given a release
	epoch   string
	mux     *http.ServeMux
	nonces  nonces
	wholes  chan struct{} // one for each whole upload in memory
	onWord  []func(*place.Tx, []Word) error

	mu       sync.Mutex
	locks    map[id.Upload]*turn
	finishes map[id.Upload]*finish
	lanes    map[id.Device]*lane
	seen     map[id.Device]time.Time
	work     sync.WaitGroup
	stopped  bool
}

// NewServer makes a server. Call Stop to wait for what it is finishing.
func NewServer(o ServerOptions) (*Server, error) {
	if err := os.MkdirAll(o.Staging, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(o.Staging)
	if err != nil {
		return nil, err
	}
	s := &Server{
		store: o.Store, keys: o.Keys, archive: o.Recordings, staging: root, dir: o.Staging, log: o.Log, now: o.Now, step: o.Step, admits: o.Admits, refused: o.Refused, expect: o.Expect,
		epoch: rand.Text(), mux: http.NewServeMux(), nonces: nonces{of: map[id.Device]*used{}},
		wholes: make(chan struct{}, wholeAtOnce), locks: map[id.Upload]*turn{}, finishes: map[id.Upload]*finish{}, lanes: map[id.Device]*lane{}, seen: map[id.Device]time.Time{},
	}
	s.shelf, s.oldest, s.handing = o.Releases, max(o.Oldest, oldestProtocol), make(chan struct{}, handingAtOnce)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.step == nil {
		s.step = func(string) {}
	}
	s.mux.HandleFunc("POST "+Path+"/enrol", s.enrol)
	s.mux.HandleFunc("POST "+Path+helloPath, s.signed(s.hello))
	s.mux.HandleFunc("GET "+Path+"/releases/{release}/{os}/{arch}", s.signed(s.release))
	s.mux.HandleFunc("GET "+Path+"/offers/{release}/{os}/{arch}", s.signed(s.offerOf))
	s.mux.HandleFunc("POST "+Path+"/leave", s.signed(s.leave))
	s.mux.HandleFunc("GET "+Path+"/config", s.spoken(s.config))
	s.mux.HandleFunc("POST "+Path+"/uploads", s.spoken(s.begin))
	s.mux.HandleFunc("HEAD "+Path+"/uploads/{upload}", s.spoken(s.offset))
	s.mux.HandleFunc("PATCH "+Path+"/uploads/{upload}", s.spoken(s.append))
	s.mux.HandleFunc("PUT "+Path+"/uploads/{upload}", s.spoken(s.whole))
	s.mux.HandleFunc("POST "+Path+"/uploads/{upload}/complete", s.spoken(s.complete))
	s.mux.HandleFunc("GET "+Path+"/receipts/{upload}", s.spoken(s.receipt))
	s.mux.HandleFunc("POST "+Path+"/standing", s.spoken(s.standing))
	s.mux.HandleFunc("GET "+Path+removalsPath, s.spoken(s.removals))
	s.mux.HandleFunc("POST "+Path+removalsPath, s.spoken(s.removed))
	s.mux.HandleFunc("POST "+Path+farewellPath, s.spoken(s.farewell))
	s.mux.HandleFunc("POST "+Path+"/expectations", s.spoken(s.expectations))
	s.mux.HandleFunc(Path+"/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fault.New(fault.NotFound, "there is nothing here"))
	})
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(epochHeader, s.epoch)
	w.Header().Set(timeHeader, s.now().UTC().Format(time.RFC3339Nano))
	w.Header().Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

// Stop waits for uploads that are being archived. Twice is fine.
func (s *Server) Stop() {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	s.mu.Unlock()
	s.work.Wait()
	if first {
		s.staging.Close()
	}
}

// visit is one request of a device that has proven who it is.
type visit struct {
	place  *place.Place
	device deviceRow
	who    actor.Actor
	claim  claim
}

type handler func(v *visit, w http.ResponseWriter, r *http.Request) error

// signed lets a request through that an enrolled device has signed, once. The
// order matters: nothing is remembered for whoever cannot sign, and what a
// device learns of its revocation needs its signature.
func (s *Server) signed(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visit(r)
		if err == nil {
			s.saw(r, v)
			err = h(v, w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// spoken is signed for what needs a protocol that both speak.
func (s *Server) spoken(h handler) http.HandlerFunc {
	return s.signed(func(v *visit, w http.ResponseWriter, r *http.Request) error {
		if v.device.Protocol < s.oldest {
			return errTooOld
		}
		return h(v, w, r)
	})
}

func (s *Server) visit(r *http.Request) (*visit, error) {
	c, err := readClaim(r)
	if err != nil {
		return nil, err
	}
	p, err := s.store.Place(r.Context(), c.customer)
	if fault.Is(err, fault.NotFound) {
		return nil, errSignature
	}
	if err != nil {
		return nil, err
	}
	var out error
	v := &visit{place: p, claim: c, who: actor.ForDevice(c.device, from(r))}
	err = p.View(r.Context(), func(tx *place.Tx) error {
		if v.device, err = place.Row[deviceRow](tx, deviceColumns+` WHERE id = ?`, c.device); err == nil {
			out = s.admitted(tx, from(r), errElsewhere)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, errSignature
	}
	if err != nil {
		return nil, err
	}
	if err := c.check(v.device.PublicKey, s.epoch, s.now()); err != nil {
		return nil, err
	}
	if v.device.RevokedAt != 0 {
		return nil, errRevoked
	}
	if errors.Is(out, errElsewhere) { // told only now: nobody but the box itself fills the journal
		if s.refused != nil {
			s.refused(r.Context(), p, v.who)
		}
		return nil, errSignature
	}
	if out != nil {
		return nil, out
	}
	return v, s.nonces.use(c.device, c.nonce, c.created, s.now())
}

var errElsewhere = errors.New("the customer's access list does not let this address in")

// admitted asks the customer's access lists; refusal is what it answers.
func (s *Server) admitted(tx *place.Tx, from string, refusal error) error {
	if s.admits == nil {
		return nil
	}
	ok, err := s.admits(tx, from)
	if err == nil && !ok {
		err = refusal
	}
	return err
}

var errRevoked = errors.New("this device was revoked; enrol the box anew with a new code")

// body reads a JSON body that is the one that was signed.
func (v *visit) body(r *http.Request, limit int64, into any) error {
	b, err := readBody(r, limit)
	if err != nil {
		return err
	}
	if sha256.Sum256(b) != v.claim.digest {
		return errDigest
	}
	if err := decode(b, into); err != nil {
		return fault.Wrap(err, fault.Invalid, "the body is not what this version of Ringfence understands; bring box and server to the same release")
	}
	return nil
}

// saw notes, at most once a minute, that a device was here.
func (s *Server) saw(r *http.Request, v *visit) {
	now := s.now()
	s.mu.Lock()
	due := now.Sub(s.seen[v.device.ID]) >= time.Minute
	if due {
		s.seen[v.device.ID] = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	err := v.place.Keep(r.Context(), func(tx *place.Tx) error {
		sealed, err := tx.Seal(place.FieldDeviceFrom, v.device.ID, []byte(from(r)))
		if err != nil {
			return err
		}
		if _, err = tx.Exec(`UPDATE collect_devices SET seen_at = ?, seen_from = ? WHERE id = ?`, tx.At().UnixMilli(), sealed, v.device.ID); err != nil || v.device.Protocol > 1 {
			return err
		}
		// A box that does not measure dates its requests to the second.
		_, err = tx.Exec(`UPDATE collect_devices SET clock_ms = ? WHERE id = ?`, v.claim.created.Add(500*time.Millisecond).Sub(now).Milliseconds(), v.device.ID)
		return err
	})
	if err != nil {
		s.log.WarnContext(r.Context(), "a collector's visit could not be noted", "device", v.device.ID, "error", err)
	}
}

func from(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func answer(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
	return nil
}

// fail is the one place where an error becomes a status. What is no fault is
// told as internal and logged.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem{Status: http.StatusUnauthorized, Detail: err.Error()}
	switch {
	case errors.Is(err, errSignature):
	case errors.Is(err, errReplay):
		p.Code = codeReplay
	case errors.Is(err, errDigest):
		p.Status = http.StatusBadRequest
	case errors.Is(err, errEpoch):
		p.Code = codeEpoch
	case errors.Is(err, errClock):
		p.Code = codeClock
	case errors.Is(err, errRevoked):
		p.Status, p.Code = http.StatusForbidden, codeDevice
	case errors.Is(err, errTooOld):
		p.Status, p.Code = http.StatusUpgradeRequired, codeTooOld
	case errors.Is(err, errReseal):
		p.Status, p.Code = http.StatusConflict, codeReseal
	case errors.Is(err, errUnknownUpload), errors.Is(err, errStaged):
		p.Status, p.Code = http.StatusNotFound, codeUnknown
	default:
		f := fault.Of(err)
		p.Status, p.Detail = statuses[f.Kind], f.Text
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds()+0.999)))
		}
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
			s.log.ErrorContext(r.Context(), "a collector's request failed", "path", r.URL.Path, "error", err)
		}
	}
	p.Title = http.StatusText(p.Status)
	if p.Code != "" {
		w.Header().Set("Ringfence-Code", p.Code)
	}
	b, _ := json.Marshal(p)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	w.Write(b)
}

var statuses = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 422, fault.Unauthenticated: 401, fault.StepUp: 401, fault.Denied: 403, fault.NotFound: 404,
	fault.Conflict: 409, fault.TooLarge: 413, fault.Limited: 429, fault.Gone: 410, fault.Unavailable: 503,
}
