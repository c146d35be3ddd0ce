package egress

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// MaxFetch is the most that Fetch takes in: no recording of one call is larger.
const MaxFetch = 4 << 30

// maxRefusal is how much of an answer that is no success is read.
const maxRefusal = 64 << 10

// Fetch sends a request as Do does, and writes the body of a successful answer to a writer instead of holding it. What the answer
// promises has to come: fewer bytes are fault.Unavailable, as is an answer that stops. The body of any other answer is in Answer.Body.
func (c *Client) Fetch(ctx context.Context, p *place.Place, who actor.Actor, r Request, to io.Writer) (Answer, int64, error) {
	most := r.MaxAnswer
	u, err := c.admit(&r)
	if err != nil {
		return Answer{}, 0, err
	}
	if most <= 0 || most > MaxFetch {
		most = MaxFetch
	}
	r.MaxAnswer = most
	line, err := begin(ctx, p, who, u.Host, r)
	if err != nil {
		return Answer{}, 0, err
	}
	start := time.Now()
	a, n, err := c.fetch(ctx, u, r, to)
	took := time.Since(start)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if lerr := ended(after, p, line, a.Status, max(n, int64(len(a.Body))), err, took); lerr != nil && err == nil {
		err = lerr
	}
	return a, n, err
}

func (c *Client) fetch(ctx context.Context, u *url.URL, r Request, to io.Writer) (a Answer, n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return a, 0, fault.Wrap(err, fault.Invalid, "the request cannot be written")
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return a, 0, sendFault(err, u.Hostname(), r.Timeout)
	}
	defer resp.Body.Close()
	a = Answer{Status: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode/100 != 2 {
		a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		return a, 0, err
	}
	n, err = io.Copy(to, io.LimitReader(resp.Body, r.MaxAnswer+1))
	switch {
	case err != nil:
		return a, n, sendFault(err, u.Hostname(), r.Timeout)
	case n > r.MaxAnswer:
		return a, n, fault.New(fault.TooLarge, "%s answered with more than %d bytes", u.Hostname(), r.MaxAnswer)
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		return a, n, fault.Wrap(fmt.Errorf("%d of %d bytes", n, resp.ContentLength), fault.Unavailable, "%s stopped in the middle of its answer", u.Hostname())
	}
	return a, n, nil
}
