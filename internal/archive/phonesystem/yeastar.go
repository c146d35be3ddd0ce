package phonesystem

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// yeastar is the API of Yeastar's P-series: JSON over HTTPS, faults in the body, a token of 30 minutes in the address, and for each
// recording a link of its own that holds for a short while and for one download.
type yeastar struct{}

const yeastarAPI = "/openapi/v1.0/"

// yeastarSaid is what every answer has.
type yeastarSaid struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

// fault says what an answer means.
func (y yeastarSaid) fault() error {
	text := strings.ToUpper(y.Message)
	switch {
	case y.Code == 0:
		return nil
	case strings.Contains(text, "TOKEN"):
		return errToken
	case strings.Contains(text, "LIMIT") || strings.Contains(text, "FREQUEN") || strings.Contains(text, "TOO MANY"):
		return fault.New(fault.Unavailable, "the telephone system says that it is asked too often; it is left alone for a while").After(time.Minute)
	case strings.Contains(text, "PERMISSION") || strings.Contains(text, "NOT SUPPORT") || strings.Contains(text, "DISABLED"):
		return fault.New(fault.Denied, "the telephone system refuses the API: switch it on under Integrations, API; the plan has to include it")
	case strings.Contains(text, "NOT EXIST") || strings.Contains(text, "NOT FOUND"):
		return fault.New(fault.NotFound, "the telephone system does not have it any more")
	}
	return fault.New(fault.Unavailable, "the telephone system answers with its fault number %d", y.Code)
}

func (yeastar) signIn(ctx context.Context, c *call) (token, error) {
	body, err := json.Marshal(map[string]string{"username": c.set.ClientID, "password": c.set.Secret.Reveal()})
	if err != nil {
		return token{}, err
	}
	a, err := c.ask(ctx, http.MethodPost, yeastarAPI+"get_token", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return token{}, err
	}
	var said struct {
		yeastarSaid
		Token   string `json:"access_token"`
		Expires int64  `json:"access_token_expire_time"`
	}
	switch {
	case a.Status != http.StatusOK || json.Unmarshal(a.Body, &said) != nil:
		return token{}, fault.New(fault.Invalid, "at this address no Yeastar of the P-series answers (status %d)", a.Status)
	case said.Code != 0:
		return token{}, errToken
	case said.Token == "":
		return token{}, fault.New(fault.Invalid, "at this address something answers that is no Yeastar")
	}
	return token{secret.NewText(said.Token), c.s.o.Now().Add(time.Duration(min(max(said.Expires, 60), 1800)) * time.Second)}, nil
}

// path puts the token into an address, where this API wants it. The ledger keeps no addresses, and errors name only the host.
func (c *call) path(what string, q url.Values) string {
	if q == nil {
		q = url.Values{}
	}
	q.Set("access_token", c.bearer.Reveal())
	if strings.Contains(what, "?") {
		return what + "&" + q.Encode()
	}
	return what + "?" + q.Encode()
}

const (
	yeastarPage = 200
	// overlap is how far back each look goes: a CDR is written when its call has ended, and stands at the time of its start.
	overlap = 3 * time.Hour
)

func (y yeastar) list(ctx context.Context, c *call, from mark) (page []entry, next mark, more bool, err error) {
	since := from.At
	if from.ID == 0 { // the first page of this look; ID counts pages within it
		since = since.Add(-overlap)
		if since.Before(c.set.Since) {
			since = c.set.Since
		}
	}
	n := from.ID + 1
	q := url.Values{
		"start_time": {strconv.FormatInt(since.Unix(), 10)}, "end_time": {strconv.FormatInt(c.s.o.Now().Add(24*time.Hour).Unix(), 10)},
		"page": {strconv.FormatInt(n, 10)}, "page_size": {strconv.Itoa(yeastarPage)}, "sort_by": {"time"}, "order_by": {"asc"},
	}
	a, err := c.ask(ctx, http.MethodGet, c.path(yeastarAPI+"cdr/search", q), nil, nil)
	if err != nil {
		return nil, from, false, err
	}
	var said struct {
		yeastarSaid
		Total int64             `json:"total_number"`
		Data  []json.RawMessage `json:"data"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &said) != nil {
		return nil, from, false, fault.New(fault.Invalid, "the Yeastar answers its list of calls with something else (status %d)", a.Status)
	}
	if err := said.fault(); err != nil {
		return nil, from, false, err
	}
	page, latest := yeastarEntries(said.Data)
	next = mark{At: from.At}
	if latest.After(next.At) {
		next.At = latest
	}
	more = int64(len(said.Data)) >= yeastarPage && n*yeastarPage < said.Total
	if more {
		next = mark{ID: n, At: from.At} // the mark moves when all pages are through
		if from.ID == 0 {
			next.At = since
		}
	}
	return page, next, more, nil
}

// yeastarEntries makes an entry of each recording; what is said of it are all legs of its call on the page.
func yeastarEntries(data []json.RawMessage) (page []entry, latest time.Time) {
	type cdr struct {
		UID       string `json:"uid"`
		Timestamp int64  `json:"timestamp"`
		File      string `json:"record_file"`
		Recording string `json:"recording"`
	}
	legs := map[string][]json.RawMessage{}
	all := make([]cdr, len(data))
	for i, raw := range data {
		if json.Unmarshal(raw, &all[i]) != nil {
			continue
		}
		legs[all[i].UID] = append(legs[all[i].UID], raw)
	}
	for _, one := range all {
		at := time.Unix(one.Timestamp, 0).UTC()
		if one.Timestamp > 0 && at.After(latest) {
			latest = at
		}
		for _, file := range strings.FieldsFunc(one.File+";"+one.Recording, func(r rune) bool { return r == ';' || r == ',' }) {
			file = path.Base(strings.TrimSpace(file))
			facts, err := json.Marshal(legs[one.UID])
			if err != nil || file == "." || file == "/" {
				continue
			}
			ends := path.Ext(file)
			page = append(page, entry{UID: one.UID + "|" + file, File: file, Name: strings.TrimSuffix(file, ends), Ends: ends, At: at, Facts: facts})
		}
	}
	return page, latest
}

// linkTries is how often a link that has run out is asked for again, within one attempt.
const linkTries = 3

func (yeastar) fetch(ctx context.Context, c *call, e entry, to io.Writer) error {
	for range linkTries {
		link, err := yeastarLink(ctx, c, e)
		if err != nil {
			return err
		}
		// At once: it holds for seconds, and for one download.
		a, err := c.sound(ctx, c.path(link, nil), nil, to)
		switch {
		case err != nil && a.Status != http.StatusForbidden && a.Status != http.StatusUnauthorized:
			return err
		case a.Status == http.StatusOK && strings.HasPrefix(a.Header.Get("Content-Type"), "application/json"):
			return fault.New(fault.NotFound, "the telephone system answers with words instead of sound")
		case a.Status == http.StatusOK:
			return nil
		}
	}
	return fault.New(fault.NotFound, "its link has run out each time before it could be used")
}

func yeastarLink(ctx context.Context, c *call, e entry) (string, error) {
	a, err := c.ask(ctx, http.MethodGet, c.path(yeastarAPI+"recording/download", url.Values{"file": {e.File}}), nil, nil)
	if err != nil {
		return "", err
	}
	var said struct {
		yeastarSaid
		Link string `json:"download_resource_url"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &said) != nil {
		return "", fault.New(fault.NotFound, "its link is refused (status %d)", a.Status)
	}
	if err := said.fault(); err != nil {
		return "", err
	}
	if !strings.HasPrefix(said.Link, "/") || strings.HasPrefix(said.Link, "//") { // a link elsewhere would be asked with our token
		return "", fault.New(fault.NotFound, "its link is not ready yet")
	}
	return said.Link, nil
}
