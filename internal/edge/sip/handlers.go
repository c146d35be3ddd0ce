package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	lib "github.com/emiago/sipgo/sip"

	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/fault"
)

// options answers what load balancers and recording clients ask with: 200 while
// calls are taken.
func (s *Server) options(req *lib.Request, tx lib.ServerTransaction) {
	if toTag(req) != "" {
		s.within(req, tx)
		return
	}
	if len(s.candidates(req)) == 0 {
		s.forbid(req, tx)
		return
	}
	if s.full() {
		s.busy(req, tx, 503, "Service Unavailable", time.Minute)
		return
	}
	res := lib.NewResponseFromRequest(req, 200, "OK", nil)
	abilities(res)
	_ = tx.Respond(res)
}

// abilities says what the server understands.
func abilities(res *lib.Response) {
	res.AppendHeader(lib.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, OPTIONS, INFO"))
	res.AppendHeader(lib.NewHeader("Supported", "siprec, timer"))
	res.AppendHeader(lib.NewHeader("Accept", "application/sdp, multipart/mixed, application/rs-metadata+xml, application/rs-metadata"))
}

// other is for methods that a recording server has no use for.
func (s *Server) other(req *lib.Request, tx lib.ServerTransaction) {
	if len(s.candidates(req)) == 0 {
		s.forbid(req, tx)
		return
	}
	res := lib.NewResponseFromRequest(req, 405, "Method Not Allowed", nil)
	abilities(res)
	_ = tx.Respond(res)
}

// full reports whether no further call is taken.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping || len(s.calls) >= s.o.MaxCalls
}

// caller is who has sent a request, as far as it shows.
func (s *Server) caller(req *lib.Request) siprec.Caller {
	c := siprec.Caller{From: hostOf(req.Source()), User: req.Recipient.User}
	if strings.EqualFold(req.Transport(), "tls") {
		for _, d := range s.doors {
			if f := d.certificate(req.Source()); f != "" {
				c.Certificate = f
			}
		}
	}
	return c
}

// candidates are the sources that a request may be for. A datagram can come from
// anywhere: it counts only for sources that name addresses.
func (s *Server) candidates(req *lib.Request) []siprec.Binding {
	all := s.o.Service.Candidates(s.caller(req))
	if strings.EqualFold(req.Transport(), "udp") {
		all = slices.DeleteFunc(all, func(b siprec.Binding) bool { return len(b.Peers) == 0 })
	}
	return all
}

// forbid answers 403 and nothing else, and not even that to who asks often.
func (s *Server) forbid(req *lib.Request, tx lib.ServerTransaction) {
	s.strangers.Add(1)
	if req.IsAck() || !s.unknown.take(hostOf(req.Source()), s.now()) {
		return
	}
	_ = tx.Respond(lib.NewResponseFromRequest(req, 403, "Forbidden", nil))
}

func (s *Server) busy(req *lib.Request, tx lib.ServerTransaction, code int, reason string, after time.Duration) {
	res := lib.NewResponseFromRequest(req, code, reason, nil)
	res.AppendHeader(lib.NewHeader("Retry-After", strconv.Itoa(int(max(after, time.Second).Seconds()))))
	_ = tx.Respond(res)
}

// admit finds the source that a request is for, and has its sender prove it
// where that is asked. It has answered when it gives false.
func (s *Server) admit(req *lib.Request, tx lib.ServerTransaction) (siprec.Binding, bool) {
	all := s.candidates(req)
	var open, closed []siprec.Binding
	for _, b := range all {
		if b.User == "" {
			open = append(open, b)
		} else {
			closed = append(closed, b)
		}
	}
	if len(all) == 0 {
		s.forbid(req, tx)
		return siprec.Binding{}, false
	}
	if len(closed) > 0 {
		b, v := s.guard.check(req, closed)
		switch {
		case v == proven:
			return b, true
		case v == unproven && len(open) == 1:
			return open[0], true
		case v == unproven || v == old:
			res := lib.NewResponseFromRequest(req, 401, "Unauthorized", nil)
			s.guard.challenge(res, v == old)
			_ = tx.Respond(res)
			return siprec.Binding{}, false
		}
		s.note(closed, req, "the digest user or its secret is wrong")
		s.forbid(req, tx)
		return siprec.Binding{}, false
	}
	if len(open) > 1 {
		s.note(open, req, "several sources take calls from there: the client must call the source's own address")
		s.forbid(req, tx)
		return siprec.Binding{}, false
	}
	return open[0], true
}

// note tells the pages of the sources why a request was turned down.
func (s *Server) note(all []siprec.Binding, req *lib.Request, reason string) {
	for _, b := range all {
		s.o.Service.Refuse(b.Source, hostOf(req.Source()).String(), reason)
	}
}

// invite begins a call, or hands a new offer to the one that it belongs to.
func (s *Server) invite(req *lib.Request, tx lib.ServerTransaction) {
	if toTag(req) != "" {
		s.within(req, tx)
		return
	}
	b, ok := s.admit(req, tx)
	if !ok {
		return
	}
	refuse := func(code int, phrase, reason string, more ...lib.Header) {
		s.note([]siprec.Binding{b}, req, reason)
		res := lib.NewResponseFromRequest(req, code, phrase, nil)
		for _, h := range more {
			res.AppendHeader(h)
		}
		_ = tx.Respond(res)
	}
	if bad := unknownExtensions(req); bad != "" {
		refuse(420, "Bad Extension", "it requires what is not known here", lib.NewHeader("Unsupported", bad))
		return
	}
	if e, _ := sessionExpires(req); e > 0 && e < minExpires {
		refuse(422, "Session Interval Too Small", "its session timer is too short", lib.NewHeader("Min-SE", strconv.Itoa(int(minExpires.Seconds()))))
		return
	}
	if req.CallID() == nil || req.From() == nil || req.Contact() == nil || req.CSeq() == nil {
		refuse(400, "Bad Request", "its headers are not complete")
		return
	}
	body, media, err := readBody(req)
	if err != nil || body.SDP == nil {
		refuse(400, "Bad Request", "its body cannot be read: want a description of the media")
		return
	}
	choices := choose(media, b.Encrypted)
	if b.Encrypted && !strings.EqualFold(req.Transport(), "tls") {
		refuse(488, "Not Acceptable Here", "the source wants encrypted sound, and its keys came unencrypted: use TLS",
			lib.NewHeader("Warning", `399 ringfence "keys for sound have to come by TLS"`))
		return
	}
	if !slices.ContainsFunc(choices, func(c choice) bool { return c.taken }) {
		why := choices[0].why
		refuse(488, "Not Acceptable Here", "no stream can be kept: "+why, lib.NewHeader("Warning", `304 ringfence "`+why+`"`))
		return
	}
	if s.full() {
		s.note([]siprec.Binding{b}, req, "the server has as many calls as it may")
		s.busy(req, tx, 503, "Service Unavailable", time.Minute)
		return
	}
	s.begin(req, tx, b, body, choices)
}

// begin opens the session and gives the call a goroutine.
func (s *Server) begin(req *lib.Request, tx lib.ServerTransaction, b siprec.Binding, body siprec.Body, choices []choice) {
	c := newCall(s, req, b)
	if !s.enter(c) { // the same request by another way (RFC 3261 §8.2.2.2)
		_ = tx.Respond(lib.NewResponseFromRequest(req, 482, "Loop Detected", nil))
		return
	}
	tx.OnCancel(func(*lib.Request) { c.tell(siprec.Cancelled) })
	if err := c.open(context.Background(), choices, body.Metadata); err != nil {
		s.leave(c)
		s.log.Warn("a recording session could not begin", "customer", b.Customer, "source", b.Source, "error", err)
		f := fault.Of(err)
		s.note([]siprec.Binding{b}, req, f.Text)
		switch f.Kind {
		case fault.Limited:
			s.busy(req, tx, 486, "Busy Here", time.Minute)
		case fault.Conflict, fault.Denied:
			s.busy(req, tx, 480, "Temporarily Unavailable", max(f.RetryAfter, 5*time.Minute))
		default:
			s.busy(req, tx, 503, "Service Unavailable", max(f.RetryAfter, 30*time.Second))
		}
		return
	}
	e := event{req: req, tx: tx, done: make(chan struct{})}
	c.answer(e, choices)
	go c.run()
	c.wait(e)
}

// enter makes a call known; false if it is already.
func (s *Server) enter(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[c.key] != nil || s.stopping {
		return false
	}
	s.calls[c.key] = c
	return true
}

func (s *Server) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, c.key)
}

// within hands a request to the call that it belongs to. It must come from where
// the call may come from: tags can be guessed at least as often as passwords.
func (s *Server) within(req *lib.Request, tx lib.ServerTransaction) {
	s.mu.Lock()
	c := s.calls[dialogKey(req)]
	s.mu.Unlock()
	if c == nil || toTag(req) != c.tag && !req.IsCancel() {
		if req.IsAck() {
			return
		}
		if len(s.candidates(req)) == 0 {
			s.forbid(req, tx)
			return
		}
		_ = tx.Respond(lib.NewResponseFromRequest(req, 481, "Call/Transaction Does Not Exist", nil))
		return
	}
	mine := slices.ContainsFunc(s.o.Service.Candidates(withUser(s.caller(req), c.binding)), func(b siprec.Binding) bool { return b.Source == c.binding.Source })
	if !mine {
		s.forbid(req, tx)
		return
	}
	e := event{req: req, tx: tx, done: make(chan struct{})}
	if c.post(e) && !req.IsAck() {
		c.wait(e)
	}
}

// withUser names the source: requests within a dialog are sent to our contact.
func withUser(c siprec.Caller, b siprec.Binding) siprec.Caller {
	c.User = siprec.Address(b.Source)
	return c
}

// dialogKey names a dialog as its client does.
func dialogKey(req *lib.Request) string {
	id, tag := "", ""
	if h := req.CallID(); h != nil {
		id = h.Value()
	}
	if h := req.From(); h != nil {
		tag, _ = h.Params.Get("tag")
	}
	return id + "\x00" + tag
}

func toTag(req *lib.Request) string {
	if h := req.To(); h != nil {
		tag, _ := h.Params.Get("tag")
		return tag
	}
	return ""
}

// understood are the extensions that a request may require of us.
var understood = []string{"siprec", "timer"}

// unknownExtensions lists what a request requires and we do not know.
func unknownExtensions(req *lib.Request) string {
	var bad []string
	for _, h := range req.GetHeaders("Require") {
		for one := range strings.SplitSeq(h.Value(), ",") {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(understood, strings.ToLower(one)) {
				bad = append(bad, one)
			}
		}
	}
	return strings.Join(bad, ", ")
}

// minExpires is the shortest session timer (RFC 4028 §5).
const minExpires = 90 * time.Second

// sessionExpires is how long a session lasts without a refresh, and who is to
// refresh it; zero: nobody asked for a timer.
func sessionExpires(req *lib.Request) (time.Duration, string) {
	h := req.GetHeader("Session-Expires")
	if h == nil {
		h = req.GetHeader("x")
	}
	if h == nil {
		return 0, ""
	}
	value, params, _ := strings.Cut(h.Value(), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err != nil {
		return 0, ""
	}
	refresher := ""
	for one := range strings.SplitSeq(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(one), "="); strings.EqualFold(strings.TrimSpace(k), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return time.Duration(n) * time.Second, refresher
}

// readBody takes a request's body apart.
func readBody(req *lib.Request) (siprec.Body, offer, error) {
	kind := ""
	if h := req.ContentType(); h != nil {
		kind = h.Value()
	}
	body, err := siprec.ParseBody(kind, req.Body())
	if err != nil || body.SDP == nil {
		return body, offer{}, err
	}
	media, err := parseSDP(body.SDP)
	return body, media, err
}

// local is our address as a client reaches it.
func (s *Server) local(remote string) (netip.Addr, error) {
	if s.o.Address.IsValid() {
		return s.o.Address, nil
	}
	c, err := net.Dial("udp", remote) // sends nothing: asks the routing table
	if err != nil {
		return netip.Addr{}, fault.Wrap(err, fault.Unavailable, "there is no way to the client")
	}
	defer c.Close()
	return addressOf(c.LocalAddr()), nil
}

// contact is where requests of a dialog go to.
func (s *Server) contact(local netip.Addr, transport string, b siprec.Binding) string {
	at := s.udp
	switch {
	case strings.EqualFold(transport, "tls"):
		at = s.secure
	case strings.EqualFold(transport, "tcp"):
		at = s.tcp
	}
	port := 5060
	if ap, err := netip.ParseAddrPort(at.String()); err == nil {
		port = int(ap.Port())
	}
	return fmt.Sprintf("<sip:%s@%s;transport=%s>;+sip.srs", siprec.Address(b.Source), netip.AddrPortFrom(local, uint16(port)), strings.ToLower(transport))
}
