package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/live"
	"ringfence/internal/tenancy/access"
)

// One WebSocket a tab: hints that something has changed, never what. The page
// then asks the API, where permissions are checked. The connection ends with
// the session, and with the membership.

const (
	lineCheck = 20 * time.Second // how often session and membership are looked at again
	lineWrite = 10 * time.Second
)

// line is one live connection.
type line struct {
	session id.Session // zero for machines
	person  id.Person
	cancel  context.CancelFunc
	done    chan struct{}
	look    chan struct{} // session and membership are to be looked at now
}

// end closes the connection and waits until it is closed.
func (l *line) end() {
	l.cancel()
	<-l.done
}

func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	v := &visit{at: s.now(), cookies: r.Cookies(), url: r.URL}
	v.from.Address, v.from.Agent = clientAddress(r.Context()), r.UserAgent()
	customer := r.URL.Query().Get("customer")
	if err := s.enterCustomer(r, v, access.ExposureRead, customer); err != nil {
		s.refuse(w, r, err)
		return
	}
	// The library compares Origin with Host: a page of another site, which would
	// send the cookie along, is refused before the upgrade.
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // answered by Accept
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 10) // nothing is read but closing
	ended, cancel := context.WithCancel(r.Context())
	l := &line{session: v.session.ID, person: v.person, cancel: cancel, done: make(chan struct{}), look: make(chan struct{}, 1)}
	defer cancel()
	if !s.keepLine(l) {
		return
	}
	defer s.dropLine(l)
	sub := s.deps.Live.Subscribe(v.place.Customer(), r.URL.Query().Get("since"))
	defer sub.Close()
	again := func() error { return s.stillEntered(r, v, access.ExposureRead, customer) }
	// The library cuts a connection whose context ends while it reads or writes:
	// what we end ourselves must not be that context, or the peer never learns why.
	why := s.talk(conn.CloseRead(r.Context()), ended.Done(), l.look, conn, v, sub, again)
	code, text := websocket.StatusGoingAway, "the server is stopping"
	switch {
	case errors.Is(why, errNothing), errors.Is(why, context.Canceled), fault.Is(why, fault.Unauthenticated), fault.Is(why, fault.StepUp):
		code, text = websocket.StatusPolicyViolation, "sign in again"
	case fault.Is(why, fault.Denied):
		code, text = websocket.StatusPolicyViolation, "not here for now; ask the API why" // suspended
	case errors.Is(why, live.ErrSlow):
		code, text = 4008, "too slow; come back"
	}
	_ = conn.Close(code, text) // the peer may have gone first
}

// talk passes hints on until something ends the connection, and says what.
func (s *Server) talk(ctx context.Context, ended, look <-chan struct{}, conn *websocket.Conn, v *visit, sub *live.Subscription, again func() error) error {
	tick := time.NewTicker(lineCheck)
	defer tick.Stop()
	var end <-chan time.Time // of the support access that holds the line up
	if at := untilOf(v.held); !at.IsZero() {
		timer := time.NewTimer(at.Sub(s.now()))
		defer timer.Stop()
		end = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return context.Canceled
		case <-tick.C:
			if err := s.check(ctx, conn, v, again); err != nil {
				return err
			}
		case <-end:
			if err := s.check(ctx, conn, v, again); err != nil {
				return err
			}
			end = nil
		case <-look:
			if err := s.check(ctx, conn, v, again); err != nil {
				return err
			}
		case h, ok := <-sub.Hints():
			if !ok {
				return sub.Err()
			}
			if decides(h.Topic) {
				if err := s.check(ctx, conn, v, again); err != nil {
					return err
				}
			}
			if err := send(ctx, conn, discreet(h, v)); err != nil {
				return err
			}
		}
	}
}

// decides reports whether what changed may be what lets a connection in.
func decides(topic string) bool {
	return topic == "members" || topic == "tokens" || topic == "access-rules"
}

// check reads session and membership anew, and whether the peer still answers.
func (s *Server) check(ctx context.Context, conn *websocket.Conn, v *visit, again func() error) error {
	v.at = s.now()
	if err := again(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lineWrite)
	defer cancel()
	return conn.Ping(ctx)
}

// discreet leaves out which recording it was for who sees only some of them.
func discreet(h live.Hint, v *visit) live.Hint {
	if !v.extent(access.RecordingList).All {
		h.ID = ""
	}
	return h
}

func send(ctx context.Context, conn *websocket.Conn, h live.Hint) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lineWrite)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, text)
}

func (s *Server) keepLine(l *line) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.lines[l] = struct{}{}
	l.lookNow() // what ended between the gate and here is not missed
	if !s.watching {
		s.watching = true
		go s.watchEnds()
	}
	return true
}

func (s *Server) dropLine(l *line) {
	close(l.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lines, l)
}

// hangUp ends the live connections of a session that was ended.
func (s *Server) hangUp(session id.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.lines {
		if l.session == session {
			l.cancel()
		}
	}
}

// lookNow has session and membership looked at before the next tick.
func (l *line) lookNow() {
	select {
	case l.look <- struct{}{}:
	default:
	}
}

// endsEvery is how often another server's word is looked for: sessions that end
// there lose their live connections here within a second.
const endsEvery = 400 * time.Millisecond

// watchEnds reads what the registry's journal says of ended sessions and
// memberships, from whichever server they were ended, as long as anybody is
// connected. It goes by positions, which follow commits without gaps.
func (s *Server) watchEnds() {
	tick := time.NewTicker(endsEvery)
	defer tick.Stop()
	var from int64 = -1
	for range tick.C {
		s.mu.Lock()
		if len(s.lines) == 0 || s.closed {
			s.watching = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), lineWrite)
		ends, next, err := s.deps.People.Ends(ctx, from)
		cancel()
		if err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "ended sessions could not be read", slog.String("error", err.Error()))
			continue
		}
		if from < 0 {
			s.lookAtAll()
		}
		from = next
		for _, e := range ends {
			if !e.Session.IsZero() {
				s.hangUp(e.Session)
			} else {
				s.lookAt(e.Person)
			}
		}
	}
}

func (s *Server) lookAtAll() { s.lookAt(id.Person{}) }

// lookAt has the connections of a person looked at, and those of machines, of
// which some may be that person's; of everybody for nobody.
func (s *Server) lookAt(p id.Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.lines {
		if p.IsZero() || l.person == p || l.person.IsZero() {
			l.lookNow()
		}
	}
}
