package sip

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	lib "github.com/emiago/sipgo/sip"

	"ringfence/internal/archive/siprec"
)

// take handles one request of the dialog and reports whether the call is over.
func (c *call) take(e event) (over bool) {
	number := uint32(0)
	if h := e.req.CSeq(); h != nil {
		number = h.SeqNo
	}
	switch e.req.Method {
	case lib.ACK:
		return c.confirmed(number)
	case lib.BYE: // at once, whatever it has overtaken
		c.reply(e, 200, "OK", nil)
		return c.fact(siprec.Fact{What: siprec.Left, Metadata: c.lastWord(e.req)})
	case lib.CANCEL:
		c.reply(e, 481, "Call/Transaction Does Not Exist", nil)
		return false
	}
	if number <= c.theirs { // RFC 3261 §12.2.2
		c.reply(e, 500, "Server Internal Error", nil, lib.NewHeader("Retry-After", "1"))
		return false
	}
	if c.open2xx != nil { // it has overtaken the confirmation of what came before it
		if len(c.waiting) == maxWaiting {
			c.reply(e, 500, "Server Internal Error", nil, lib.NewHeader("Retry-After", "2"))
			return false
		}
		c.waiting = append(c.waiting, e)
		slices.SortFunc(c.waiting, func(a, b event) int { return int(int64(a.req.CSeq().SeqNo) - int64(b.req.CSeq().SeqNo)) })
		return false
	}
	c.theirs = number
	c.request(e)
	return false
}

// lastWord is metadata that comes with the end.
func (c *call) lastWord(req *lib.Request) []byte {
	if body, _, err := readBody(req); err == nil {
		return body.Metadata
	}
	return nil
}

// confirmed takes the ACK of an answer, and then what has waited for it.
func (c *call) confirmed(number uint32) bool {
	if c.open2xx == nil || number != c.open2xx.req.CSeq().SeqNo {
		return false
	}
	close(c.open2xx.done)
	c.open2xx = nil
	c.fact(siprec.Fact{What: siprec.Confirmed})
	for len(c.waiting) > 0 && c.open2xx == nil {
		e := c.waiting[0]
		c.waiting = c.waiting[1:]
		if over := c.take(e); over {
			return true
		}
	}
	return false
}

// request handles what may change the session.
func (c *call) request(e event) {
	if h := e.req.Contact(); h != nil { // RFC 3261 §12.2.2: the target may move
		c.target = h.Address
	}
	switch e.req.Method {
	case lib.INVITE, lib.UPDATE:
		c.changed(e)
	case lib.INFO:
		body, _, err := readBody(e.req)
		if err == nil && body.Metadata != nil {
			c.fact(siprec.Fact{What: siprec.Told, Metadata: body.Metadata})
		}
		c.reply(e, 200, "OK", nil)
	case lib.OPTIONS:
		c.reply(e, 200, "OK", nil)
	default:
		c.reply(e, 405, "Method Not Allowed", nil)
	}
}

// changed takes a new offer, new metadata, or a refresh.
func (c *call) changed(e event) {
	if bad := unknownExtensions(e.req); bad != "" {
		c.reply(e, 420, "Bad Extension", nil, lib.NewHeader("Unsupported", bad))
		return
	}
	body, media, err := readBody(e.req)
	if err != nil {
		c.reply(e, 400, "Bad Request", nil)
		return
	}
	if body.SDP == nil {
		if body.Metadata != nil {
			c.fact(siprec.Fact{What: siprec.Told, Metadata: body.Metadata})
		}
		if e.req.IsInvite() { // without an offer: ours stands (RFC 3261 §14.2)
			c.accept(e, c.sdp)
			return
		}
		c.accept(e, nil)
		return
	}
	choices := choose(media, c.binding.Encrypted)
	c.reserved(choices)
	c.fact(siprec.Fact{What: siprec.Changed, Streams: described(choices), Metadata: body.Metadata})
	c.answer(e, choices)
}

// reserved opens what a new offer adds. A stream for which there is no port is
// not taken; the others go on.
func (c *call) reserved(choices []choice) {
	pairs, err := c.reserve(choices)
	if err == nil {
		err = c.connect(choices, pairs)
	}
	if err != nil {
		for i := range choices {
			if c.legs[i] == nil {
				choices[i].taken, choices[i].why = false, "there is no port for it"
			}
		}
	}
}

// answer accepts an offer.
func (c *call) answer(e event, choices []choice) {
	c.version++
	c.sdp = answerSDP(c.local, c.number, c.version, choices)
	c.accept(e, c.sdp)
}

// accept sends a 200. That of an INVITE is repeated until it is confirmed.
func (c *call) accept(e event, sdp []byte) {
	res := c.response(e.req, 200, "OK", sdp)
	res.AppendHeader(lib.NewHeader("Contact", c.s.contact(c.local, e.req.Transport(), c.binding)))
	abilities(res)
	c.timer(e.req, res)
	if sdp != nil {
		res.AppendHeader(lib.NewHeader("Content-Type", "application/sdp"))
	}
	_ = e.tx.Respond(res)
	if !e.req.IsInvite() {
		close(e.done)
		return
	}
	now := c.s.now()
	c.open2xx = &answered{event: e, res: res, pause: t1, next: now.Add(t1), until: now.Add(confirmFor)}
}

// timer agrees on a session timer (RFC 4028): the client refreshes. Where it
// wants us to, none is agreed on and the client refreshes by itself (§7.2).
func (c *call) timer(req *lib.Request, res *lib.Response) {
	d, refresher := sessionExpires(req)
	if d == 0 && !c.expires.IsZero() { // the timer that was agreed on begins anew
		c.expires = c.s.now().Add(c.lasts)
		return
	}
	if d == 0 || refresher == "uas" {
		c.expires = time.Time{}
		return
	}
	d = max(d, minExpires)
	c.lasts, c.expires = d, c.s.now().Add(d)
	res.AppendHeader(lib.NewHeader("Session-Expires", strconv.Itoa(int(d.Seconds()))+";refresher=uac"))
	for _, h := range append(req.GetHeaders("Supported"), req.GetHeaders("k")...) {
		if strings.Contains(strings.ToLower(h.Value()), "timer") {
			res.AppendHeader(lib.NewHeader("Require", "timer"))
			return
		}
	}
}

// response makes an answer with our tag.
func (c *call) response(req *lib.Request, code int, reason string, body []byte) *lib.Response {
	res := lib.NewResponseFromRequest(req, code, reason, body)
	if to := res.To(); to != nil {
		to.Params.Remove("tag")
		to.Params.Add("tag", c.tag)
	}
	return res
}

// reply answers a request for good.
func (c *call) reply(e event, code int, reason string, body []byte, more ...lib.Header) {
	res := c.response(e.req, code, reason, body)
	for _, h := range more {
		res.AppendHeader(h)
	}
	if code == 405 {
		abilities(res)
	}
	_ = e.tx.Respond(res)
	close(e.done)
}

// goodbye ends the dialog from our side. It goes by the connection that the
// client has opened: the library would open another where a proxy stands between.
func (c *call) goodbye() {
	c.ours++
	req := lib.NewRequest(lib.BYE, c.target)
	for _, h := range c.first.GetHeaders("Record-Route") {
		req.AppendHeader(lib.NewHeader("Route", h.Value()))
	}
	if to, from := c.first.To(), c.first.From(); to != nil && from != nil {
		f := to.AsFrom()
		f.Params = f.Params.Clone()
		f.Params.Remove("tag")
		f.Params.Add("tag", c.tag)
		t := from.AsTo()
		req.AppendHeader(&f)
		req.AppendHeader(&t)
	}
	id := *c.first.CallID()
	req.AppendHeader(&id)
	req.AppendHeader(&lib.CSeqHeader{SeqNo: c.ours, MethodName: lib.BYE})
	forwards := lib.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	req.SetTransport(c.first.Transport())
	req.SetDestination(c.source)
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeFor)
	defer cancel()
	if _, err := c.s.cli.Do(ctx, req); err != nil {
		c.s.log.Debug("the end of a recording session was not answered", "error", err)
	}
}
